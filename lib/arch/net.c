/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.c - weights bound to an architecture, and one pass over them
 */
#include "arch/arch.h"

#include "base/limits.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct sov_arch *const archs[] = {
#define ARCH(sym) &sov_arch_##sym,
#include "arch/archs.def"
#undef ARCH
};

static int
find_arch(const struct sov_arch **arch, const sov_meta *meta,
          struct sov_err *err)
{
    struct sov_span name = { NULL, 0 };
    int rc = sov_meta_str(meta, "general.architecture", &name, err);
    size_t i;

    if (rc < 0)
        return rc;
    if (rc == 1)
        return sov_fail(err, SOV_EFORMAT,
                        "general.architecture is missing: "
                        "nothing says what the model is");
    for (i = 0; i < sizeof(archs) / sizeof(archs[0]); i++)
        if (strlen(archs[i]->name) == name.len &&
            memcmp(archs[i]->name, name.p, name.len) == 0) {
            *arch = archs[i];
            return 0;
        }
    return sov_fail(err, SOV_EUNSUP, "architecture %.*s is not supported",
                    (int)(name.len < 64 ? name.len : 64),
                    (const char *)name.p);
}

/* No tensor may belong to a layer that block_count does not count. */
static int
check_layers(const struct sov_net *net, const sov_model *model,
             struct sov_err *err)
{
    size_t n = sov_model_count(model);
    size_t i;

    for (i = 0; i < n; i++) {
        const char *name = sov_model_at(model, i)->name;
        char *end;
        unsigned long long layer;

        if (strncmp(name, "blk.", 4) != 0 || name[4] < '0' || name[4] > '9')
            continue;
        layer = strtoull(name + 4, &end, 10);
        if (*end == '.' && layer >= net->hp.n_layer)
            return sov_fail(err, SOV_EFORMAT,
                            "tensor %s: %s.block_count is %" PRIu32, name,
                            net->arch->name, net->hp.n_layer);
    }
    return 0;
}

static void
load_ends(struct sov_net *net, struct sov_bind *b)
{
    size_t n_embd = net->hp.n_embd;

    net->embd = sov_bind_mat(b, -1, "token_embd", n_embd, 0);
    net->n_vocab = net->embd.n_out;
    if (b->rc == 0 && (net->n_vocab < 1 || net->n_vocab > SOV_VOCAB_MAX))
        b->rc = sov_fail(b->err, SOV_EFORMAT, "a vocabulary of %zu tokens",
                         net->n_vocab);
    net->out_norm = sov_bind_vec(b, -1, "output_norm.weight", n_embd, true);
    net->head = sov_bind_has(b, -1, "output.weight")
                    ? sov_bind_mat(b, -1, "output", n_embd, net->n_vocab)
                    : net->embd;
}

static int
load_rope(struct sov_net *net, struct sov_bind *b)
{
    const struct sov_hparams *hp = &net->hp;
    const float *factor =
        sov_bind_vec(b, -1, "rope_freqs.weight", hp->n_rot / 2, false);

    if (b->rc < 0)
        return b->rc;
    net->freq = sov_mem_array(hp->n_rot / 2, sizeof(*net->freq));
    if (net->freq == NULL)
        return sov_mem_fail(b->err);
    return sov_rope_freqs(net->freq, hp->n_rot, hp->rope_base, hp->rope_scale,
                          factor, b->err);
}

/* The tensors first, which prove the sizes that follow from the metadata. */
static int
load(struct sov_net *net, struct sov_bind *b)
{
    int rc;

    load_ends(net, b);
    rc = b->rc;
    if (rc == 0)
        rc = net->arch->load(net, b);
    if (rc == 0)
        rc = load_rope(net, b);
    return rc;
}

int
sov_net_open(struct sov_net **out, const sov_model *model, struct sov_err *err)
{
    struct sov_bind b = { .model = model, .err = err };
    struct sov_net *net = sov_mem_array(1, sizeof(*net));
    int rc;

    *out = NULL;
    if (net == NULL)
        return sov_mem_fail(err);
    rc = find_arch(&net->arch, sov_model_meta(model), err);
    if (rc == 0)
        rc = sov_hparams_read(&net->hp, sov_model_meta(model),
                              net->arch->name, err);
    if (rc == 0)
        rc = check_layers(net, model, err);
    if (rc == 0)
        rc = load(net, &b);
    net->own = b.own;
    if (rc < 0) {
        sov_net_close(net);
        return rc;
    }
    *out = net;
    return 0;
}

void
sov_net_close(struct sov_net *net)
{
    if (net == NULL)
        return;
    sov_hparams_done(&net->hp);
    sov_bind_free(net->own);
    free(net->layer);
    free(net->freq);
    free(net);
}

static struct sov_span
bytes_of(const struct sov_mat *m)
{
    return (struct sov_span){ m->data, m->n_out * m->row_bytes };
}

size_t
sov_net_parts(const struct sov_net *net, struct sov_span *part)
{
    size_t n = net->hp.n_layer;
    size_t i, j;

    for (i = 0; part != NULL && i < n; i++, part += SOV_NET_PARTS) {
        const struct sov_layer *l = &net->layer[i];

        for (j = 0; j < 3; j++)
            part[j] = bytes_of(&l->qkv[j]);
        part[3] = bytes_of(&l->attn_out);
        part[4] = bytes_of(&l->gate_up[0]);
        part[5] = bytes_of(&l->gate_up[1]);
        part[6] = bytes_of(&l->down);
    }
    if (part != NULL)
        *part = bytes_of(&net->head);
    return n * SOV_NET_PARTS + 1;
}

int
sov_pass_place(struct sov_pass *pass, const struct sov_net *net,
               struct sov_arena *a)
{
    const struct sov_hparams *hp = &net->hp;
    uint64_t n = pass->n_batch;
    uint64_t pieces = (net->in_max + 255) / 256;
    size_t room = sov_mat_room(net->in_max);
    uint64_t share = 0;
    size_t i;

    for (i = 0; i < hp->n_layer; i++) {
        size_t attn = sov_attn_room(&pass->kv[i], hp->n_head[i]);
        uint64_t all = sov_attn_share(&pass->kv[i], hp->n_head[i]);

        if (attn == 0 || all == UINT64_MAX)
            return SOV_EMEM;
        room = attn > room ? attn : room;
        share = all > share ? all : share;
    }
    pass->nn.share = sov_arena_take(a, share, 1);
    pass->nn.room = (room + 15) / 16 * 16;
    pass->x = sov_arena_take(a, n * hp->n_embd, sizeof(float));
    pass->part = sov_arena_take(a, n * hp->n_embd, sizeof(float));
    pass->norm = sov_arena_take(a, n * hp->n_embd, sizeof(float));
    pass->qkv = sov_arena_take(a, n * net->qkv_max, sizeof(float));
    pass->heads = sov_arena_take(a, n * net->o_max, sizeof(float));
    pass->ff = sov_arena_take(a, n * 2 * net->ff_max, sizeof(float));
    pass->turn = sov_arena_take(a, n * hp->n_rot, sizeof(float));
    pass->a32 = sov_arena_take(a, n * pieces, sizeof(*pass->a32));
    pass->a256 = sov_arena_take(a, n * pieces, sizeof(*pass->a256));
    pass->half = sov_arena_take(a, n * pieces, 256 * sizeof(float));
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
    };
}

/* A loop of n items of about `work` multiplications each. */
static void
set_phase(struct sov_walk *w, struct sov_phase *phase, sov_par_fn fn, size_t n,
          uint64_t work)
{
    *phase = (struct sov_phase){
        .fn = fn, .arg = w, .n = n, .grain = sov_nn_piece(work),
        .guided = true,
    };
}

/* A number in a column costs about as much as eight multiplications of a
 * matrix. */
void
sov_walk_columns(struct sov_walk *w, struct sov_phase *phase, sov_par_fn fn,
                 size_t n)
{
    set_phase(w, phase, fn, n, 8 * (uint64_t)(w->net->hp.n_embd + w->in.n));
}

static void
product(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;

    sov_mat_run(&w->pass->nn, w->mul, &w->in, first, last, worker);
}

void
sov_walk_product(struct sov_walk *w, struct sov_phase *phase)
{
    size_t n = sov_mat_units(w->mul, w->n_mul);
    uint64_t rows = 0;
    size_t i;

    for (i = 0; i < w->n_mul; i++)
        rows += w->mul[i].w->n_out;
    set_phase(w, phase, product, n,
              rows * w->in.n * w->in.n_cols / (n > 0 ? n : 1));
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
    const struct sov_attn *at = &w->attn;
    size_t n = sov_attn_units(at);
    uint64_t keys = at->pos + at->n_cols;
    uint64_t each = (uint64_t)(at->kv->k_len + at->kv->v_len) * at->n_head;

    set_phase(w, phase, attend, n, keys * each * at->n_cols / (n > 0 ? n : 1));
}

static void
begin_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    const struct sov_mat *embd = &w->net->embd;
    size_t n_rot = w->net->hp.n_rot;
    size_t c;

    (void)worker;
    for (c = first; c < last; c++) {
        const unsigned char *row =
            embd->data + (size_t)w->ids[c] * embd->row_bytes;

        w->pass->nn.k->decode[embd->type](row, w->pass->x + c * embd->n_in,
                                          embd->n_in);
        sov_rope_turn(w->net->freq, n_rot, (uint32_t)(w->pos + c),
                      w->pass->turn + c * n_rot);
    }
}

/* The columns that logits are wanted of are the last ones, and become the
 * first. */
static void
end_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    size_t n = w->net->hp.n_embd;
    size_t c;

    (void)worker;
    for (c = first; c < last; c++) {
        size_t from = (w->n - w->n_logits + c) * n;

        if (w->add)
            sov_add(w->pass->part + from, w->pass->x + from, n);
        sov_rms_norm(w->pass->nn.k, w->pass->x + from, w->net->out_norm,
                     w->net->hp.norm_eps, w->pass->norm + c * n, n);
        sov_input_column(&w->pass->nn, &w->in, c);
    }
}

static void
end_norm(struct sov_walk *w, struct sov_phase *phase)
{
    size_t n_embd = w->net->hp.n_embd;

    sov_walk_input(w, w->pass->norm, n_embd, n_embd, &w->net->head, 1);
    w->in.n_cols = w->n_logits;
    w->add = w->net->hp.n_layer > 0;
    sov_walk_columns(w, phase, end_columns, w->n_logits);
}

static void
head(struct sov_walk *w, struct sov_phase *phase)
{
    w->mul[0] = (struct sov_mul){ &w->net->head, w->logits, w->net->n_vocab };
    w->n_mul = 1;
    sov_walk_product(w, phase);
}

/* After the last layer. */
static bool
next_of_end(struct sov_walk *w, struct sov_phase *phase)
{
    if (w->n_logits == 0 || w->step == 2)
        return false;
    if (w->step++ == 0)
        end_norm(w, phase);
    else
        head(w, phase);
    return true;
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
    for (; w->layer < w->net->hp.n_layer; w->layer++, w->step = 0) {
        if (w->step == 0)
            sov_ahead_reached(w->pass->ahead, w->layer * SOV_NET_PARTS);
        if (sov_dense_next(w, phase))
            return true;
    }
    sov_ahead_reached(w->pass->ahead, w->layer * SOV_NET_PARTS);
    return next_of_end(w, phase);
}

void
sov_net_run(const struct sov_net *net, struct sov_pass *pass,
            const int32_t *ids, size_t n, size_t pos, float *logits,
            size_t n_logits)
{
    struct sov_walk w = {
        .net = net, .pass = pass, .ids = ids, .n = n, .pos = pos,
        .logits = logits, .n_logits = n_logits,
    };

    sov_par_phases(next, &w);
}
