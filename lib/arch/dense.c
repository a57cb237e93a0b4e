/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dense.c - the decoder layer that most architectures share
 *
 *     x += attn_out(attention(rope(q), rope(k), v))    of norm(x)
 *     x += down(silu(gate) * up)                       of norm(x)
 *
 * Each step is a loop over columns (tokens) or over rows of weights, on all
 * threads.
 */
#include "arch/arch.h"

#include "base/mem.h"
#include "sys/par.h"

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

/* What the loops over columns of one layer need. */
struct step {
    const struct sov_net *net;
    struct sov_pass *pass;
    size_t layer;
    size_t pos;
    const float *weight;   /* of a norm */
    bool add;              /* what the last step left to the stream first */
    struct sov_input in;
};

/* Input of n numbers for these matrices, from x. */
static void
set_input(struct step *s, const float *x, size_t stride, size_t n,
          size_t n_cols, const struct sov_mat *w, size_t n_w)
{
    s->in.x = x;
    s->in.stride = stride;
    s->in.n = n;
    s->in.n_cols = n_cols;
    s->in.forms = sov_mat_forms(&s->pass->nn, w, n_w);
    s->in.a32 = s->pass->a32;
    s->in.a256 = s->pass->a256;
    s->in.half = s->pass->half;
}

static void
norm_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct step *s = arg;
    size_t n = s->net->hp.n_embd;
    size_t c;

    (void)worker;
    for (c = first; c < last; c++) {
        float *x = s->pass->x + c * n;

        if (s->add)
            sov_add(s->pass->part + c * n, x, n);
        sov_rms_norm(s->pass->nn.k, x, s->weight, s->net->hp.norm_eps,
                     s->pass->norm + c * n, n);
        sov_input_column(&s->pass->nn, &s->in, c);
    }
}

/* Turn queries and keys, keep keys and values. */
static void
rope_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct step *s = arg;
    const struct sov_hparams *hp = &s->net->hp;
    size_t n_head = hp->n_head[s->layer];
    size_t n_kv = hp->n_kv[s->layer];
    size_t c, h;

    (void)worker;
    for (c = first; c < last; c++) {
        float *q = s->pass->qkv + c * s->net->qkv_max;
        const float *turn = s->pass->turn + c * hp->n_rot;

        /* keys follow the queries and are heads of the same length */
        for (h = 0; h < n_head + n_kv; h++)
            sov_rope_apply(s->net->arch->rope, turn, hp->n_rot,
                           q + h * hp->k_len);
        sov_cache_put(&s->pass->nn, &s->pass->kv[s->layer], s->pos + c,
                   q + n_head * hp->k_len,
                   q + (n_head + n_kv) * hp->k_len);
    }
}

static void
input_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct step *s = arg;
    size_t c;

    (void)worker;
    for (c = first; c < last; c++)
        sov_input_column(&s->pass->nn, &s->in, c);
}

static void
act_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct step *s = arg;
    size_t n = s->in.n;
    size_t c;

    (void)worker;
    for (c = first; c < last; c++) {
        float *gate = s->pass->ff + c * 2 * s->net->ff_max;

        s->pass->nn.k->silu_mul(gate, gate + n, gate, n);
        sov_input_column(&s->pass->nn, &s->in, c);
    }
}

static void
add_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct step *s = arg;
    size_t n = s->net->hp.n_embd;
    size_t c;

    (void)worker;
    for (c = first; c < last; c++)
        sov_add(s->pass->part + c * n, s->pass->x + c * n, n);
}

/* A number in a column costs about as much as eight multiplications of a
 * matrix. */
static void
each_column(sov_par_fn fn, struct step *s, size_t n)
{
    uint64_t work = 8 * (uint64_t)(s->net->hp.n_embd + s->in.n);

    sov_par_for(n, sov_nn_grain(n, work), fn, s);
}

static void
attention(struct step *s, size_t n)
{
    const struct sov_net *net = s->net;
    const struct sov_layer *l = &net->layer[s->layer];
    const struct sov_hparams *hp = &net->hp;
    struct sov_pass *pass = s->pass;
    struct sov_mul mul[3];
    size_t at = 0;
    size_t i;
    struct sov_attn attn = {
        .kv = &pass->kv[s->layer], .n_head = hp->n_head[s->layer],
        .scale = hp->attn_scale, .pos = s->pos, .n_cols = n,
        .q = pass->qkv, .q_stride = net->qkv_max,
        .o = pass->heads, .o_stride = net->o_max,
    };

    s->weight = l->attn_norm;
    set_input(s, pass->norm, hp->n_embd, hp->n_embd, n, l->qkv, l->n_qkv);
    each_column(norm_columns, s, n);
    for (i = 0; i < l->n_qkv; i++) {
        mul[i] = (struct sov_mul){ &l->qkv[i], pass->qkv + at, net->qkv_max };
        at += l->qkv[i].n_out;
    }
    sov_mat_mul(&pass->nn, mul, l->n_qkv, &s->in);
    each_column(rope_columns, s, n);
    sov_attn(&pass->nn, &attn);
    set_input(s, pass->heads, net->o_max, l->attn_out.n_in, n, &l->attn_out,
              1);
    each_column(input_columns, s, n);
    mul[0] = (struct sov_mul){ &l->attn_out, pass->part, hp->n_embd };
    sov_mat_mul(&pass->nn, mul, 1, &s->in);
}

static void
feed_forward(struct step *s, size_t n)
{
    const struct sov_net *net = s->net;
    const struct sov_layer *l = &net->layer[s->layer];
    struct sov_pass *pass = s->pass;
    size_t n_embd = net->hp.n_embd;
    size_t n_ff = net->hp.n_ff[s->layer];
    struct sov_mul mul[2] = {
        { &l->gate_up[0], pass->ff, 2 * net->ff_max },
        { &l->gate_up[1], pass->ff + n_ff, 2 * net->ff_max },
    };
    struct sov_mul down = { &l->down, pass->part, n_embd };

    s->weight = l->ffn_norm;
    s->add = true;
    set_input(s, pass->norm, n_embd, n_embd, n, l->gate_up, 2);
    each_column(norm_columns, s, n);
    sov_mat_mul(&pass->nn, mul, 2, &s->in);
    set_input(s, pass->ff, 2 * net->ff_max, n_ff, n, &l->down, 1);
    each_column(act_columns, s, n);
    sov_mat_mul(&pass->nn, &down, 1, &s->in);
}

void
sov_dense_layer(const struct sov_net *net, struct sov_pass *pass, size_t layer,
                size_t n, size_t pos)
{
    struct step s = { .net = net, .pass = pass, .layer = layer, .pos = pos };

    attention(&s, n);
    feed_forward(&s, n);
    each_column(add_columns, &s, n);
}
