/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dense.c - the layer that all architectures share
 *
 *     x += attn_out(attention(rope(q), rope(k), v))    of norm(x)
 *     x += down(fn(gate) * up)                         of norm(x)
 *
 * What differs is data: struct sov_arch has it.  Each step is a loop over
 * columns (tokens) or over rows of weights.
 */
#include "arch/arch.h"

#include "base/fmath.h"
#include "base/mem.h"

static size_t
larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* One of a layer's norms, if the architecture has it. */
static struct sov_norm
norm_of(const struct sov_net *net, struct sov_bind *b, uint32_t i,
        const char *name)
{
    if (name == NULL)
        return (struct sov_norm){ NULL, NULL };
    return sov_bind_norm(b, i, name, net->hp.n_embd,
                         net->arch->norm == SOV_NORM_LAYER);
}

static void
load_norms(struct sov_net *net, struct sov_bind *b, uint32_t i)
{
    const struct sov_arch *arch = net->arch;
    struct sov_layer *l = &net->layer[i];
    const char *name = arch->attn_norm;

    if (arch->attn_norm_2 != NULL && sov_bind_has_norm(b, i, arch->attn_norm_2))
        name = arch->attn_norm_2;
    if (arch->bare_first && i == 0 && !sov_bind_has_norm(b, i, name))
        name = NULL;
    l->attn_norm = norm_of(net, b, i, name);
    l->attn_post = norm_of(net, b, i, arch->attn_post);
    l->attn_end = norm_of(net, b, i, arch->attn_end);
    l->ffn_norm = norm_of(net, b, i, arch->ffn_norm);
    l->ffn_post = norm_of(net, b, i, arch->ffn_post);
    l->ffn_end = norm_of(net, b, i, arch->ffn_end);
}

static void
load_attention(struct sov_net *net, struct sov_bind *b, uint32_t i)
{
    const struct sov_hparams *hp = &net->hp;
    struct sov_layer *l = &net->layer[i];
    bool whole = net->arch->qk_norm == SOV_QK_WHOLE;
    size_t q = (size_t)hp->n_head[i] * hp->k_len;
    size_t k = (size_t)hp->n_kv[i] * hp->k_len;
    size_t v = (size_t)hp->n_kv[i] * hp->v_len;
    size_t o = (size_t)hp->n_head[i] * hp->v_len;

    if (sov_bind_has(b, i, "attn_qkv.weight")) {
        l->n_qkv = 1;
        l->qkv[0] = sov_bind_mat(b, i, "attn_qkv", hp->n_embd, q + k + v);
    } else {
        l->n_qkv = 3;
        l->qkv[0] = sov_bind_mat(b, i, "attn_q", hp->n_embd, q);
        l->qkv[1] = sov_bind_mat(b, i, "attn_k", hp->n_embd, k);
        l->qkv[2] = sov_bind_mat(b, i, "attn_v", hp->n_embd, v);
    }
    if (net->arch->qk_norm != SOV_QK_PLAIN) {
        l->q_norm = sov_bind_vec(b, i, "attn_q_norm.weight",
                                 whole ? q : hp->k_len, true);
        l->k_norm = sov_bind_vec(b, i, "attn_k_norm.weight",
                                 whole ? k : hp->k_len, true);
    }
    if (net->arch->sinks)
        l->sink =
            sov_bind_vec(b, i, "attn_sinks.weight", hp->n_head[i], true);
    l->attn_out = sov_bind_mat(b, i, "attn_output", o, hp->n_embd);

    net->q_max = larger(net->q_max, q);
    net->qkv_max = larger(net->qkv_max, q + k + v);
    net->o_max = larger(net->o_max, o);
}

static void
load_ffn(struct sov_net *net, struct sov_bind *b, uint32_t i)
{
    const struct sov_hparams *hp = &net->hp;
    struct sov_layer *l = &net->layer[i];
    size_t n_ff = hp->n_ff[i];

    if (net->arch->gated && !net->arch->gate_in_up)
        l->up[l->n_up++] = sov_bind_mat(b, i, "ffn_gate", hp->n_embd, n_ff);
    l->up[l->n_up++] = sov_bind_mat(b, i, "ffn_up", hp->n_embd,
                                    net->arch->gate_in_up ? 2 * n_ff : n_ff);
    l->down = sov_bind_mat(b, i, "ffn_down", n_ff, hp->n_embd);
}

static void
load_experts(struct sov_net *net, struct sov_bind *b, uint32_t i)
{
    const struct sov_hparams *hp = &net->hp;
    struct sov_layer *l = &net->layer[i];
    size_t n_ff = hp->n_ff[i];
    size_t n = hp->n_expert;

    l->router = sov_bind_mat(b, i, "ffn_gate_inp", hp->n_embd, n);
    l->up[0] = sov_bind_stack(b, i, "ffn_gate_exps", hp->n_embd, n_ff, n);
    l->up[1] = sov_bind_stack(b, i, "ffn_up_exps", hp->n_embd, n_ff, n);
    l->n_up = 2;
    l->down = sov_bind_stack(b, i, "ffn_down_exps", n_ff, hp->n_embd, n);
}

/*
 * Numbers from one column to the next: an odd number of cache lines, since 32
 * rows of each of some hundred columns are written at a time, and would meet in
 * a few sets of the cache if the columns were a power of two apart.
 */
static size_t
apart(size_t n)
{
    return (n + 15) / 16 * 16 | 16;
}

int
sov_dense_load(struct sov_net *net, struct sov_bind *b)
{
    uint32_t i;

    net->layer = sov_mem_array(net->hp.n_layer, sizeof(*net->layer));
    if (net->layer == NULL)
        return sov_mem_fail(b->err);
    for (i = 0; i < net->hp.n_layer && b->rc == 0; i++) {
        load_norms(net, b, i);
        load_attention(net, b, i);
        if (net->hp.n_expert > 0)
            load_experts(net, b, i);
        else
            load_ffn(net, b, i);
        net->ff_max = larger(net->ff_max, net->hp.n_ff[i]);
    }
    net->in_max = larger(larger(net->hp.n_embd, net->o_max), net->ff_max);
    net->in_max = larger(net->in_max, net->dense[0].n_out);
    net->qkv_max = apart(net->qkv_max);
    net->ff_max = apart(2 * net->ff_max) / 2;
    net->part_stride = apart(net->hp.n_embd);
    return b->rc;
}

static const struct sov_layer *
layer_of(const struct sov_walk *w)
{
    return &w->net->layer[w->layer];
}

/*
 * The stream takes what is left for it, and its norm is the next input; or,
 * where the feed-forward reads what the attention did, first the norm.
 */
static void
norm_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    bool late = w->net->arch->parallel && w->norm == &layer_of(w)->ffn_norm;
    size_t n = w->net->hp.n_embd;
    size_t c;

    (void)worker;
    for (c = first; c < last; c++) {
        if (!late)
            sov_walk_join(w, c);
        if (w->norm->w != NULL)
            sov_walk_norm(w, w->norm, w->pass->x + c * n,
                          w->pass->norm + c * n);
        if (late)
            sov_walk_join(w, c);
        sov_input_column(&w->pass->nn, &w->in, c);
    }
}

/* What a norm gives: the stream itself where there is none. */
static const float *
normed(const struct sov_walk *w, const struct sov_norm *norm)
{
    return norm->w != NULL ? w->pass->norm : w->pass->x;
}

static bool
attn_norm(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_layer *l = layer_of(w);
    size_t n_embd = w->net->hp.n_embd;

    w->norm = &l->attn_norm;
    sov_walk_input(w, normed(w, w->norm), n_embd, n_embd, l->qkv, l->n_qkv);
    sov_walk_columns(w, phase, norm_columns, w->n);
    return true;
}

static bool
qkv(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_layer *l = layer_of(w);
    float *y = w->pass->qkv;

    for (w->n_mul = 0; w->n_mul < l->n_qkv; w->n_mul++) {
        w->mul[w->n_mul] = (struct sov_mul){ &l->qkv[w->n_mul], y,
                                             w->net->qkv_max };
        y += l->qkv[w->n_mul].n_out;
    }
    sov_walk_product(w, phase);
    return true;
}

/* Norm n heads at x: each, or all at once. */
static void
norm_heads(const struct sov_walk *w, const float *weight, float *x, size_t n)
{
    const struct sov_hparams *hp = &w->net->hp;
    size_t len = hp->k_len;
    size_t h;

    if (w->net->arch->qk_norm == SOV_QK_WHOLE) {
        len *= n;
        n = 1;
    }
    for (h = 0; h < n; h++)
        sov_rms_norm(w->pass->nn.k, x + h * len, weight, hp->norm_eps,
                     x + h * len, len);
}

/* In a stretched context later queries are larger. */
static float
heat_of(const struct sov_hparams *hp, uint32_t place)
{
    double contexts = place / hp->n_ctx_orig;

    return (float)(1 + (double)hp->temp_scale * sov_log(1 + contexts));
}

/* Norm and turn queries and keys, keep keys and values. */
static void
rope_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    const struct sov_hparams *hp = &w->net->hp;
    const struct sov_layer *l = layer_of(w);
    const struct sov_cache *kv = &w->pass->kv[w->layer];
    const float *turns = w->pass->turn[hp->local[w->layer] ? 1 : 0];
    size_t n_head = hp->n_head[w->layer];
    size_t n_kv = hp->n_kv[w->layer];
    size_t c, h;

    (void)worker;
    for (c = first; c < last; c++) {
        const struct sov_column *column = &w->pass->column[c];
        float *q = w->pass->qkv + c * w->net->qkv_max;
        float *k = q + n_head * hp->k_len;

        if (l->q_norm != NULL) {
            norm_heads(w, l->q_norm, q, n_head);
            norm_heads(w, l->k_norm, k, n_kv);
        }
        /* keys follow the queries and are heads of the same length */
        for (h = 0; h < n_head + n_kv && turns != NULL; h++)
            sov_rope_apply(w->net->arch->rope, turns + c * hp->n_rot,
                           hp->n_rot, q + h * hp->k_len);
        if (hp->temp_scale > 0)
            sov_times(heat_of(hp, column->place), q, n_head * hp->k_len);
        sov_cache_put(&w->pass->nn, kv, kv->local ? column->local
                                                  : column->block,
                      column->slot, k, k + n_kv * hp->k_len);
    }
}

static bool
rope(struct sov_walk *w, struct sov_phase *phase)
{
    sov_walk_columns(w, phase, rope_columns, w->n);
    return true;
}

/* Behind the last keys and values only what is wanted goes on. */
static bool
narrow(struct sov_walk *w, struct sov_phase *phase)
{
    (void)phase;
    if (w->layer + 1 == w->net->hp.n_layer && !w->in_parts)
        sov_walk_narrow(w);
    return false;
}

static bool
attention(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_hparams *hp = &w->net->hp;

    w->attn = (struct sov_attn){
        .kv = &w->pass->kv[w->layer],
        .n_head = hp->n_head[w->layer],
        .scale = hp->attn_scale,
        .cap = hp->attn_cap,
        .sink = layer_of(w)->sink,
        .first = hp->local[w->layer] ? w->pass->first : w->pass->begin,
        .end = hp->local[w->layer] ? w->pass->last : w->pass->end,
        .seq = w->pass->kv[w->layer].local ? w->pass->near : w->pass->seq,
        .n_seq = w->n_seq,
        .q = w->pass->qkv,
        .q_stride = w->net->qkv_max,
        .o = w->pass->heads,
        .o_stride = w->net->o_max,
    };
    sov_walk_attn(w, phase);
    return true;
}

static void
input_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    size_t c;

    (void)worker;
    for (c = first; c < last; c++)
        sov_input_column(&w->pass->nn, &w->in, c);
}

static bool
out_input(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_mat *out = &layer_of(w)->attn_out;

    sov_walk_input(w, w->pass->heads, w->net->o_max, out->n_in, out, 1);
    sov_walk_columns(w, phase, input_columns, w->n);
    return true;
}

/* A product that is added to the stream before the next norm. */
static void
to_part(struct sov_walk *w, struct sov_phase *phase, const struct sov_mat *mat)
{
    w->mul[0] = (struct sov_mul){ mat, w->pass->part, w->net->part_stride };
    w->n_mul = 1;
    w->add = true;
    w->add_experts = false;
    sov_walk_product(w, phase);
}

static bool
out(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_layer *l = layer_of(w);

    w->post = &l->attn_post;
    w->end = &l->attn_end;
    to_part(w, phase, &l->attn_out);
    return true;
}

static bool
ffn_norm(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_layer *l = layer_of(w);
    size_t n_embd = w->net->hp.n_embd;

    w->norm = &l->ffn_norm;
    sov_walk_input(w, normed(w, w->norm), n_embd, n_embd, l->up, l->n_up);
    if (l->router.data != NULL)
        w->in.forms |= sov_mat_forms(&w->pass->nn, &l->router, 1);
    sov_walk_columns(w, phase, norm_columns, w->n);
    return true;
}

static bool
up(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_layer *l = layer_of(w);
    float *y = w->pass->ff;

    for (w->n_mul = 0; w->n_mul < l->n_up; w->n_mul++) {
        w->mul[w->n_mul] = (struct sov_mul){ &l->up[w->n_mul], y,
                                             2 * w->net->ff_max };
        y += l->up[w->n_mul].n_out;
    }
    sov_walk_product(w, phase);
    return true;
}

static void
act_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    const struct sov_arch *arch = w->net->arch;
    size_t n = w->in.n;
    size_t c;

    (void)worker;
    for (c = first; c < last; c++) {
        float *gate = w->pass->ff + c * 2 * w->net->ff_max;

        sov_fn_apply(w->pass->nn.k, w->net->hp.fn, gate,
                     arch->gated ? gate + n : NULL, n);
        sov_input_column(&w->pass->nn, &w->in, c);
    }
}

static bool
act(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_mat *down = &layer_of(w)->down;

    sov_walk_input(w, w->pass->ff, 2 * w->net->ff_max, down->n_in, down, 1);
    sov_walk_columns(w, phase, act_columns, w->n);
    return true;
}

static bool
down(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_layer *l = layer_of(w);

    w->post = &l->ffn_post;
    w->end = &l->ffn_end;
    to_part(w, phase, &l->down);
    return true;
}

static bool
experts_down(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_layer *l = layer_of(w);

    w->post = &l->ffn_post;
    w->end = &l->ffn_end;
    w->add = w->add_experts = true;
    return sov_experts_down(w, phase);
}

struct step {
    bool (*go)(struct sov_walk *w, struct sov_phase *phase);
    enum sov_enters enters;
};

/* What adapters add to a product. */
#define LOW { sov_low_forms, SOV_ENTERS_NONE }, { sov_low_sum, SOV_ENTERS_NONE }
#define ATTENTION                                                      \
    { attn_norm, SOV_ENTERS_NONE }, { qkv, SOV_ENTERS_QKV }, LOW,      \
        { rope, SOV_ENTERS_NONE }, { narrow, SOV_ENTERS_NONE },        \
        { attention, SOV_ENTERS_NONE }, { out_input, SOV_ENTERS_NONE },\
        { out, SOV_ENTERS_OUT }, LOW,                                  \
    {                                                                  \
        ffn_norm, SOV_ENTERS_NONE                                      \
    }

static const struct step dense_steps[] = {
    ATTENTION,
    { up, SOV_ENTERS_UP },
    LOW,
    { act, SOV_ENTERS_NONE },
    { down, SOV_ENTERS_DOWN },
    LOW,
    { NULL, SOV_ENTERS_NONE },
};

static const struct step sparse_steps[] = {
    ATTENTION,
    { sov_experts_score, SOV_ENTERS_NONE },
    LOW,
    { sov_experts_pick, SOV_ENTERS_NONE },
    { sov_experts_gather, SOV_ENTERS_NONE },
    { sov_experts_up, SOV_ENTERS_UP },
    LOW,
    { sov_experts_act, SOV_ENTERS_NONE },
    { experts_down, SOV_ENTERS_DOWN },
    LOW,
    { NULL, SOV_ENTERS_NONE },
};

static const struct step *
steps_of(const struct sov_walk *w)
{
    return layer_of(w)->router.data != NULL ? sparse_steps : dense_steps;
}

bool
sov_dense_next(struct sov_walk *w, struct sov_phase *phase)
{
    const struct step *step = steps_of(w);

    while (w->n > 0 && step[w->step].go != NULL)
        if (step[w->step++].go(w, phase))
            return true;
    return false;
}

/* Each of these steps follows one that has a loop, so it is always met as the
 * next one. */
enum sov_enters
sov_dense_enters(const struct sov_walk *w)
{
    return steps_of(w)[w->step].enters;
}
