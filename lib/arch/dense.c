/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dense.c - the decoder layer that most architectures share
 *
 *     x += attn_out(attention(rope(q), rope(k), v))    of norm(x)
 *     x += down(silu(gate) * up)                       of norm(x)
 *
 * Each step is a loop over columns (tokens) or over rows of weights.
 */
#include "arch/arch.h"

#include "base/mem.h"

static size_t
larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void
load_layer(struct sov_net *net, struct sov_bind *b, uint32_t i)
{
    const struct sov_hparams *hp = &net->hp;
    struct sov_layer *l = &net->layer[i];
    size_t q = (size_t)hp->n_head[i] * hp->k_len;
    size_t k = (size_t)hp->n_kv[i] * hp->k_len;
    size_t v = (size_t)hp->n_kv[i] * hp->v_len;
    size_t o = (size_t)hp->n_head[i] * hp->v_len;

    l->attn_norm = sov_bind_vec(b, i, "attn_norm.weight", hp->n_embd, true);
    if (sov_bind_has(b, i, "attn_qkv.weight")) {
        l->n_qkv = 1;
        l->qkv[0] = sov_bind_mat(b, i, "attn_qkv", hp->n_embd, q + k + v);
    } else {
        l->n_qkv = 3;
        l->qkv[0] = sov_bind_mat(b, i, "attn_q", hp->n_embd, q);
        l->qkv[1] = sov_bind_mat(b, i, "attn_k", hp->n_embd, k);
        l->qkv[2] = sov_bind_mat(b, i, "attn_v", hp->n_embd, v);
    }
    l->attn_out = sov_bind_mat(b, i, "attn_output", o, hp->n_embd);
    l->ffn_norm = sov_bind_vec(b, i, "ffn_norm.weight", hp->n_embd, true);
    l->gate_up[0] = sov_bind_mat(b, i, "ffn_gate", hp->n_embd, hp->n_ff[i]);
    l->gate_up[1] = sov_bind_mat(b, i, "ffn_up", hp->n_embd, hp->n_ff[i]);
    l->down = sov_bind_mat(b, i, "ffn_down", hp->n_ff[i], hp->n_embd);

    net->q_max = larger(net->q_max, q);
    net->qkv_max = larger(net->qkv_max, q + k + v);
    net->o_max = larger(net->o_max, o);
    net->ff_max = larger(net->ff_max, hp->n_ff[i]);
}

int
sov_dense_load(struct sov_net *net, struct sov_bind *b)
{
    uint32_t i;

    net->layer = sov_mem_array(net->hp.n_layer, sizeof(*net->layer));
    if (net->layer == NULL)
        return sov_mem_fail(b->err);
    for (i = 0; i < net->hp.n_layer && b->rc == 0; i++)
        load_layer(net, b, i);
    net->in_max = larger(larger(net->hp.n_embd, net->o_max), net->ff_max);
    return b->rc;
}

static void
norm_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    size_t n = w->net->hp.n_embd;
    size_t c;

    (void)worker;
    for (c = first; c < last; c++) {
        float *x = w->pass->x + c * n;

        if (w->add)
            sov_add(w->pass->part + c * n, x, n);
        sov_rms_norm(w->pass->nn.k, x, w->weight, w->net->hp.norm_eps,
                     w->pass->norm + c * n, n);
        sov_input_column(&w->pass->nn, &w->in, c);
    }
}

static void
attn_norm(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_layer *l = &w->net->layer[w->layer];
    size_t n_embd = w->net->hp.n_embd;

    w->weight = l->attn_norm;
    w->add = w->layer > 0;
    sov_walk_input(w, w->pass->norm, n_embd, n_embd, l->qkv, l->n_qkv);
    sov_walk_columns(w, phase, norm_columns, w->n);
}

static void
qkv(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_layer *l = &w->net->layer[w->layer];
    float *y = w->pass->qkv;

    for (w->n_mul = 0; w->n_mul < l->n_qkv; w->n_mul++) {
        w->mul[w->n_mul] = (struct sov_mul){ &l->qkv[w->n_mul], y,
                                             w->net->qkv_max };
        y += l->qkv[w->n_mul].n_out;
    }
    sov_walk_product(w, phase);
}

/* Turn queries and keys, keep keys and values. */
static void
rope_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    const struct sov_hparams *hp = &w->net->hp;
    size_t n_head = hp->n_head[w->layer];
    size_t n_kv = hp->n_kv[w->layer];
    size_t c, h;

    (void)worker;
    for (c = first; c < last; c++) {
        float *q = w->pass->qkv + c * w->net->qkv_max;
        const float *turn = w->pass->turn + c * hp->n_rot;

        /* keys follow the queries and are heads of the same length */
        for (h = 0; h < n_head + n_kv; h++)
            sov_rope_apply(w->net->arch->rope, turn, hp->n_rot,
                           q + h * hp->k_len);
        sov_cache_put(&w->pass->nn, &w->pass->kv[w->layer], w->pos + c,
                      q + n_head * hp->k_len,
                      q + (n_head + n_kv) * hp->k_len);
    }
}

static void
rope(struct sov_walk *w, struct sov_phase *phase)
{
    sov_walk_columns(w, phase, rope_columns, w->n);
}

static void
attention(struct sov_walk *w, struct sov_phase *phase)
{
    w->attn = (struct sov_attn){
        .kv = &w->pass->kv[w->layer],
        .n_head = w->net->hp.n_head[w->layer],
        .scale = w->net->hp.attn_scale,
        .pos = w->pos,
        .n_cols = w->n,
        .q = w->pass->qkv,
        .q_stride = w->net->qkv_max,
        .o = w->pass->heads,
        .o_stride = w->net->o_max,
    };
    sov_walk_attn(w, phase);
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

static void
out_input(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_mat *out = &w->net->layer[w->layer].attn_out;

    sov_walk_input(w, w->pass->heads, w->net->o_max, out->n_in, out, 1);
    sov_walk_columns(w, phase, input_columns, w->n);
}

/* A product that is added to the stream by the next norm. */
static void
to_part(struct sov_walk *w, struct sov_phase *phase, const struct sov_mat *mat)
{
    w->mul[0] = (struct sov_mul){ mat, w->pass->part, w->net->hp.n_embd };
    w->n_mul = 1;
    sov_walk_product(w, phase);
}

static void
out(struct sov_walk *w, struct sov_phase *phase)
{
    to_part(w, phase, &w->net->layer[w->layer].attn_out);
}

static void
ffn_norm(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_layer *l = &w->net->layer[w->layer];
    size_t n_embd = w->net->hp.n_embd;

    w->weight = l->ffn_norm;
    w->add = true;
    sov_walk_input(w, w->pass->norm, n_embd, n_embd, l->gate_up, 2);
    sov_walk_columns(w, phase, norm_columns, w->n);
}

static void
gate_up(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_layer *l = &w->net->layer[w->layer];
    size_t stride = 2 * w->net->ff_max;
    size_t n_ff = w->net->hp.n_ff[w->layer];

    w->mul[0] = (struct sov_mul){ &l->gate_up[0], w->pass->ff, stride };
    w->mul[1] = (struct sov_mul){ &l->gate_up[1], w->pass->ff + n_ff, stride };
    w->n_mul = 2;
    sov_walk_product(w, phase);
}

static void
act_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    size_t n = w->in.n;
    size_t c;

    (void)worker;
    for (c = first; c < last; c++) {
        float *gate = w->pass->ff + c * 2 * w->net->ff_max;

        w->pass->nn.k->silu_mul(gate, gate + n, gate, n);
        sov_input_column(&w->pass->nn, &w->in, c);
    }
}

static void
act(struct sov_walk *w, struct sov_phase *phase)
{
    sov_walk_input(w, w->pass->ff, 2 * w->net->ff_max,
                   w->net->hp.n_ff[w->layer], &w->net->layer[w->layer].down,
                   1);
    sov_walk_columns(w, phase, act_columns, w->n);
}

static void
down(struct sov_walk *w, struct sov_phase *phase)
{
    to_part(w, phase, &w->net->layer[w->layer].down);
}

bool
sov_dense_next(struct sov_walk *w, struct sov_phase *phase)
{
    static void (*const step[])(struct sov_walk *, struct sov_phase *) = {
        attn_norm, qkv,      rope,    attention, out_input,
        out,       ffn_norm, gate_up, act,       down,
    };

    if (w->step == sizeof(step) / sizeof(step[0]))
        return false;
    step[w->step++](w, phase);
    return true;
}
