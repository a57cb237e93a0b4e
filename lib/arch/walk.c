/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.c - one pass over a network: its memory, its beginning and its end
 */
#include "arch/arch.h"

#include <string.h>

/* Numbers of logits that are worth a piece of work. */
#define LOGITS 4096

/* The turns of the whole context, and of windows. */
static void
choose_turns(struct sov_pass *pass, const struct sov_net *net)
{
    bool stretched = net->freq[SOV_TURNS_LONG] != NULL &&
                     pass->kv[0].n_ctx > net->hp.n_ctx_orig;
    enum sov_turns all = stretched ? SOV_TURNS_LONG : SOV_TURNS_ALL;

    pass->freq[0] = net->freq[all];
    pass->turn_size[0] = net->turn_size[all];
    pass->freq[1] = net->freq[SOV_TURNS_LOCAL];
    pass->turn_size[1] = net->turn_size[SOV_TURNS_LOCAL];
}

/* Forms of input that any of the matrices takes. */
static unsigned
forms_of(const struct sov_pass *pass, const struct sov_net *net)
{
    unsigned forms = 0;
    unsigned i;

    for (i = 0; i < SOV_TYPE_GGUF_MAX; i++) {
        struct sov_mat m = { .type = (enum sov_type)i };

        if (sov_type_info((int)i) != NULL &&
            (net->types & sov_type_bit(m.type)) != 0)
            forms |= sov_mat_forms(&pass->nn, &m, 1);
    }
    return forms;
}

int
sov_pass_place(struct sov_pass *pass, const struct sov_net *net,
               struct sov_arena *a)
{
    const struct sov_hparams *hp = &net->hp;
    uint64_t n = pass->n_batch;
    uint64_t pieces = (net->in_max + 255) / 256;
    size_t room = sov_mat_room(net->in_max);
    unsigned forms = forms_of(pass, net);
    uint64_t share = 0;
    uint64_t tiles = 0;
    size_t i;

    for (i = 0; i < hp->n_layer; i++) {
        size_t attn = sov_attn_room(&pass->kv[i], hp->n_head[i]);
        uint64_t all = sov_attn_share(&pass->kv[i], hp->n_head[i]);
        uint64_t cuts = sov_attn_tiles(&pass->kv[i], hp->n_head[i], n);

        if (attn == 0 || all == UINT64_MAX)
            return SOV_EMEM;
        room = attn > room ? attn : room;
        share = all > share ? all : share;
        tiles = cuts > tiles ? cuts : tiles;
    }
    choose_turns(pass, net);
    pass->nn.share = sov_arena_take(a, share, 1);
    pass->nn.room = (room + 15) / 16 * 16;
    pass->x = sov_arena_take(a, n * hp->n_embd, sizeof(float));
    pass->part = sov_arena_take(a, n * net->part_stride, sizeof(float));
    pass->norm = sov_arena_take(a, n * hp->n_embd, sizeof(float));
    pass->qkv = sov_arena_take(a, n * net->qkv_max, sizeof(float));
    pass->heads = sov_arena_take(a, n * net->o_max, sizeof(float));
    pass->ff = sov_arena_take(a, n * 2 * net->ff_max, sizeof(float));
    for (i = 0; i < 2 && pass->freq[i] != NULL; i++)
        pass->turn[i] = sov_arena_take(a, n * hp->n_rot, sizeof(float));
    pass->begin = sov_arena_take(a, n, sizeof(*pass->begin));
    pass->end = sov_arena_take(a, n, sizeof(*pass->end));
    pass->first = sov_arena_take(a, n, sizeof(*pass->first));
    pass->last = sov_arena_take(a, n, sizeof(*pass->last));
    pass->column = sov_arena_take(a, n, sizeof(*pass->column));
    pass->wanted = sov_arena_take(a, n, sizeof(*pass->wanted));
    pass->seq = sov_arena_take(a, n, sizeof(*pass->seq));
    pass->near = sov_arena_take(a, n, sizeof(*pass->near));
    pass->tile = sov_arena_take(a, tiles, sizeof(*pass->tile));
    pass->dense =
        sov_arena_take(a, net->dense[0].n_out, sizeof(*pass->dense));
    if (forms & 1u << SOV_ACT_A32)
        pass->a32 = sov_arena_take(a, n * pieces, sizeof(*pass->a32));
    if (forms & 1u << SOV_ACT_A256)
        pass->a256 = sov_arena_take(a, n * pieces, sizeof(*pass->a256));
    if (forms & 1u << SOV_ACT_HALF)
        pass->half = sov_arena_take(a, n * pieces, 256 * sizeof(float));
    if (forms & 1u << SOV_ACT_BF16)
        pass->bf16 = sov_arena_take(a, n * sov_input_bf16(net->in_max),
                                    sizeof(*pass->bf16));
    if (hp->n_expert > 0 && sov_experts_place(pass, net, a) < 0)
        return SOV_EMEM;
    if (sov_low_place(pass, net, a) < 0)
        return SOV_EMEM;
    return a->overflow ? SOV_EMEM : 0;
}

void
sov_walk_input(struct sov_walk *w, const float *x, size_t stride, size_t n,
               const struct sov_mat *mat, size_t n_mat)
{
    w->in = (struct sov_input){
        .x = x, .stride = stride, .n = n, .n_cols = w->n,
        .forms = sov_mat_forms(&w->pass->nn, mat, n_mat),
        .a32 = w->pass->a32, .a256 = w->pass->a256, .half = w->pass->half,
        .bf16 = w->pass->bf16,
    };
}

void
sov_walk_loop(struct sov_walk *w, struct sov_phase *phase, sov_par_fn fn,
              size_t n, uint64_t work)
{
    *phase = (struct sov_phase){
        .fn = fn, .arg = w, .n = n, .grain = sov_nn_piece(work),
        .apart = true,
    };
}

/* A number in a column costs about as much as eight multiplications of a
 * matrix. */
void
sov_walk_columns(struct sov_walk *w, struct sov_phase *phase, sov_par_fn fn,
                 size_t n)
{
    sov_walk_loop(w, phase, fn, n,
                  8 * (uint64_t)(w->net->hp.n_embd + w->in.n));
}

static void
product(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;

    sov_mat_run(&w->pass->nn, w->mul, &w->in, first, last, worker);
}

/* Shares of as many bytes of weights each. */
static size_t
product_share(void *arg, size_t i, size_t n)
{
    const struct sov_walk *w = arg;

    return sov_mat_share(w->mul, w->n_mul, i, n);
}

void
sov_walk_product(struct sov_walk *w, struct sov_phase *phase)
{
    uint64_t rows = 0;
    size_t n, i;

    sov_low_products(w, false);
    n = sov_mat_units(w->mul, w->n_mul);
    for (i = 0; i < w->n_mul; i++)
        rows += w->mul[i].w->n_out;
    sov_walk_loop(w, phase, product, n,
                  rows * w->in.n * w->in.n_cols / (n > 0 ? n : 1));
    phase->share = product_share;
}

static void
attend(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;

    sov_attn_unit(&w->pass->nn, &w->attn, first, last, worker);
}

void
sov_walk_attn(struct sov_walk *w, struct sov_phase *phase)
{
    sov_attn_cut(&w->attn, w->pass->tile);
    sov_walk_loop(w, phase, attend, sov_attn_units(&w->attn),
                  sov_attn_work(&w->attn));
}

void
sov_walk_norm(const struct sov_walk *w, const struct sov_norm *norm,
              const float *x, float *y)
{
    const struct sov_hparams *hp = &w->net->hp;
    const struct sov_kern *k = w->pass->nn.k;

    if (w->net->arch->norm == SOV_NORM_RMS)
        sov_rms_norm(k, x, norm->w, hp->norm_eps, y, hp->n_embd);
    else
        sov_layer_norm(k, x, norm->w, norm->b, hp->norm_eps, y, hp->n_embd);
}

void
sov_walk_join(const struct sov_walk *w, size_t c)
{
    size_t n = w->net->hp.n_embd;
    float *part = w->pass->part + c * w->net->part_stride;
    float *x = w->pass->x + c * n;

    if (!w->add)
        return;
    if (w->add_experts)
        sov_experts_sum(w, c);
    if (w->post->w != NULL)
        sov_walk_norm(w, w->post, part, part);
    if (w->net->hp.residual_scale != 1)
        sov_times(w->net->hp.residual_scale, part, n);
    w->pass->nn.k->axpy(1, part, x, n);
    if (w->end->w != NULL)
        sov_walk_norm(w, w->end, x, x);
}

/* Row i of a matrix, as numbers. */
static void
row_of(const struct sov_walk *w, const struct sov_mat *m, size_t i, float *y)
{
    w->pass->nn.k->decode[m->type](m->data + i * m->row_bytes, y, m->n_in);
}

/* What a token is before the first layer. */
static void
embed(const struct sov_walk *w, size_t c, unsigned worker)
{
    const struct sov_net *net = w->net;
    const struct sov_column *column = &w->pass->column[c];
    size_t n = net->hp.n_embd;
    float *x = w->pass->x + c * n;
    float *place = w->pass->norm + c * n;

    row_of(w, &net->embd, (size_t)column->id, x);
    sov_low_embed(w, c, column->id, x, place, worker);
    if (net->hp.embd_scale != 1)
        sov_times(net->hp.embd_scale, x, n);
    if (net->kind != NULL)
        sov_add(net->kind, x, n);
    if (net->places.data != NULL) {
        row_of(w, &net->places, column->place, place);
        sov_add(place, x, n);
    }
    if (net->embd_norm.w != NULL)
        sov_walk_norm(w, &net->embd_norm, x, x);
}

static void
begin_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    const struct sov_pass *pass = w->pass;
    size_t n_rot = w->net->hp.n_rot;
    size_t c, i;

    for (c = first; c < last; c++) {
        if (!w->from_stream)
            embed(w, c, worker);
        for (i = 0; i < 2 && pass->freq[i] != NULL; i++)
            sov_rope_turn(pass->freq[i], n_rot, pass->turn_size[i],
                          pass->column[c].place, pass->turn[i] + c * n_rot);
    }
}

/* The columns that are wanted become the first. */
static void
end_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    size_t n = w->net->hp.n_embd;
    size_t c;

    (void)worker;
    for (c = first; c < last; c++) {
        size_t from = w->pass->wanted[c];
        const float *x = w->pass->x + from * n;
        float *y = w->pass->norm + c * n;

        sov_walk_join(w, from);
        if (w->net->out_norm.w != NULL)
            sov_walk_norm(w, &w->net->out_norm, x, y);
        else
            memcpy(y, x, n * sizeof(*y));
        if (w->logits != NULL)
            sov_input_column(&w->pass->nn, &w->in, c);
    }
}

static bool
end_norm(struct sov_walk *w, struct sov_phase *phase)
{
    size_t n_embd = w->net->hp.n_embd;

    sov_walk_input(w, w->pass->norm, n_embd, n_embd, &w->net->head, 1);
    w->in.n_cols = w->n_out;
    sov_walk_columns(w, phase, end_columns, w->n_out);
    return true;
}

static bool
head(struct sov_walk *w, struct sov_phase *phase)
{
    w->mul[0] = (struct sov_mul){ &w->net->head, w->logits, w->net->n_vocab };
    w->n_mul = 1;
    sov_walk_product(w, phase);
    return true;
}

/* Logits as the model wants them, a piece of all of them at a time. */
static void
scale_logits(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    const struct sov_hparams *hp = &w->net->hp;
    size_t all = w->n_out * w->net->n_vocab;
    size_t end = last * LOGITS < all ? last * LOGITS : all;
    float *x = w->logits + first * LOGITS;
    size_t n = end - first * LOGITS;

    (void)worker;
    if (hp->logit_scale != 1)
        sov_times(hp->logit_scale, x, n);
    if (hp->logit_cap > 0)
        sov_fn_cap(w->pass->nn.k, hp->logit_cap, x, n);
}

static bool
after_head(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_hparams *hp = &w->net->hp;
    size_t all = w->n_out * w->net->n_vocab;

    if (hp->logit_scale == 1 && hp->logit_cap == 0)
        return false;
    sov_walk_loop(w, phase, scale_logits, (all + LOGITS - 1) / LOGITS,
                  8 * (uint64_t)LOGITS);
    return true;
}

/* After the last layer; without logits the norm alone. */
static bool
next_of_end(struct sov_walk *w, struct sov_phase *phase)
{
    static bool (*const steps[])(struct sov_walk *w,
                                 struct sov_phase *phase) = {
        end_norm, head, sov_low_forms, sov_low_sum, after_head,
    };
    size_t n = w->logits != NULL ? sizeof(steps) / sizeof(steps[0]) : 1;

    while (w->n_out > 0 && w->step < n)
        if (steps[w->step++](w, phase))
            return true;
    return false;
}

static void
join_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    size_t c;

    (void)worker;
    for (c = first; c < last; c++)
        sov_walk_join(arg, c);
}

/* What the layer left for the stream goes there. */
static bool
next_of_parts(struct sov_walk *w, struct sov_phase *phase)
{
    if (!w->add || w->step > 0)
        return false;
    w->step++;
    sov_walk_columns(w, phase, join_columns, w->n);
    return true;
}

/* In parts: does the next product wait to be looked at? */
static bool
waits(struct sov_walk *w)
{
    if (!w->in_parts || w->seen) {
        w->seen = false;
        return false;
    }
    w->enters = sov_dense_enters(w);
    w->seen = w->enters != SOV_ENTERS_NONE;
    return w->seen;
}

static bool
next(void *arg, struct sov_phase *phase, unsigned worker)
{
    struct sov_walk *w = arg;

    (void)worker;
    if (!w->begun) {
        w->begun = true;
        sov_walk_columns(w, phase, begin_columns, w->n);
        return true;
    }
    for (; w->layer < w->last; w->layer++, w->step = 0) {
        if (w->step == 0)
            sov_ahead_reached(w->pass->ahead, w->layer * SOV_NET_PARTS);
        if (waits(w))
            return false;
        if (sov_dense_next(w, phase))
            return true;
    }
    if (w->in_parts)
        return next_of_parts(w, phase);
    sov_ahead_reached(w->pass->ahead, w->layer * SOV_NET_PARTS);
    return next_of_end(w, phase);
}

void
sov_net_run(const struct sov_net *net, struct sov_pass *pass,
            const struct sov_stretch *stretch, size_t n_stretches,
            float *logits)
{
    struct sov_walk w = { .net = net, .pass = pass, .logits = logits,
                          .last = net->hp.n_layer };
    size_t i;

    for (i = 0; i < n_stretches; i++)
        sov_walk_add(&w, &stretch[i]);
    sov_walk_sort(&w);
    sov_par_phases(next, &w);
}

void
sov_net_run_texts(const struct sov_net *net, struct sov_pass *pass,
                  const struct sov_text_ids *text, size_t n_texts,
                  size_t align, const uint32_t *block, const uint32_t *local)
{
    struct sov_walk w = { .net = net, .pass = pass, .last = net->hp.n_layer };
    size_t slot = 0;
    size_t t, i;

    for (t = 0; t < n_texts; t++) {
        slot = (slot + align - 1) / align * align;
        for (i = 0; i < text[t].n; i++) {
            pass->wanted[w.n_out++] = (uint32_t)w.n;
            sov_walk_seat(&w, text[t].ids[i], block, local, slot, i, text[t].n);
        }
        slot += text[t].n;
    }
    pass->seq[w.n_seq++] = (struct sov_attn_seq){ .block = block,
                                                  .n_cols = w.n };
    sov_walk_sort(&w);
    sov_par_phases(next, &w);
}

void
sov_walk_begin(struct sov_walk *w, const struct sov_net *net,
               struct sov_pass *pass, const struct sov_stretch *stretch)
{
    *w = (struct sov_walk){ .net = net, .pass = pass };
    sov_walk_add(w, stretch);
}

void
sov_walk_embed(struct sov_walk *w)
{
    w->in_parts = true;
    sov_par_phases(next, w);
}

void
sov_walk_layer(struct sov_walk *w, size_t layer)
{
    w->from_stream = w->in_parts = true;
    w->begun = w->add = w->seen = false;
    w->layer = layer;
    w->last = layer + 1;
    w->step = 0;
}

enum sov_enters
sov_walk_on(struct sov_walk *w)
{
    w->enters = SOV_ENTERS_NONE;
    sov_par_phases(next, w);
    return w->enters;
}

void
sov_walk_end(struct sov_walk *w)
{
    w->from_stream = w->begun = true;
    w->in_parts = w->add = false;
    w->layer = w->last = 0;
    w->step = 0;
    sov_par_phases(next, w);
}

struct sov_entering
sov_walk_entering(const struct sov_walk *w)
{
    const struct sov_pass *pass = w->pass;
    struct sov_entering e = {
        .x = w->in.x, .stride = w->in.stride, .n = w->in.n,
        .n_cols = w->in.n_cols,
    };

    if (w->net->layer[w->layer].router.data == NULL ||
        (w->enters != SOV_ENTERS_UP && w->enters != SOV_ENTERS_DOWN))
        return e;
    e.first = pass->ex.first;
    if (w->enters == SOV_ENTERS_UP) { /* the slots are not the input yet */
        e.x = pass->ex.x;
        e.stride = w->net->hp.n_embd;
        e.n_cols = w->n * w->net->hp.n_used;
    }
    return e;
}
