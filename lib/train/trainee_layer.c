/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainee_layer.c - a layer of a dense decoder, forward and back
 *
 * The way back spoils what the layer has kept: gradients take the places of
 * the numbers that they are of, where these are not needed any more.
 */
#include "train/trainee_in.h"

#include <math.h>

static struct sov_attn_dims
dims_of(const struct sov_shape *s)
{
    return (struct sov_attn_dims){
        .n_head = s->n_head,
        .n_head_kv = s->n_head_kv,
        .k_len = s->k_len,
        .v_len = s->k_len,
        .q_stride = sov_shape_qkv(s),
        .k_stride = sov_shape_qkv(s),
        .v_stride = sov_shape_qkv(s),
        .o_stride = s->n_head * s->k_len,
        .scale = (sov_real)(1 / sqrt((double)s->k_len)),
        .window = s->window,
    };
}

/* Queries and keys of all rows, one way or back. */
static void
turn(const sov_trainee *t, sov_real *qkv, bool back, size_t n)
{
    const struct sov_shape *s = &t->shape;

    sov_prim_rope(&t->prim, t->pairs, t->turn, s->n_rot, t->place, back, qkv,
                  sov_shape_qkv(s), n, s->n_head + s->n_head_kv, s->k_len);
}

static void
norm(const sov_trainee *t, const struct sov_gains *w, const sov_real *x,
     sov_real *y, sov_real *r, size_t n)
{
    size_t e = t->shape.n_embd;

    sov_prim_norm(&t->prim, x, e, w->w, (sov_real)t->shape.eps, y, e, r, n, e);
}

/* dx += what comes back of dy. */
static void
norm_back(const sov_trainee *t, const struct sov_gains *w, const sov_real *x,
          const sov_real *r, const sov_real *dy, sov_real *grad, size_t n)
{
    size_t e = t->shape.n_embd;

    sov_prim_norm_back(&t->prim, x, e, w->w, r, dy, e, t->dx, e, true,
                       sov_grad_at(t, grad, w->at), n, e);
}

/* Gains of head h of q and k. */
static const struct sov_gains *
gains_of(const struct sov_shape *s, const struct sov_learner *l, size_t h)
{
    return h < s->n_head ? &l->q_norm : &l->k_norm;
}

/* Each head is normed on its own; values stay where they are. */
static void
norm_heads(const sov_trainee *t, const struct sov_learner *l, size_t n)
{
    const struct sov_shape *s = &t->shape;
    const struct sov_kept *k = &l->kept;
    size_t width = sov_shape_qkv(s);

    for (size_t h = 0; h < s->n_head + s->n_head_kv; h++)
        sov_prim_norm(&t->prim, k->raw + h * s->k_len, width,
                      gains_of(s, l, h)->w, (sov_real)s->eps,
                      k->qkv + h * s->k_len, width, k->r_heads + h * n, n,
                      s->k_len);
}

static void
norm_heads_back(const sov_trainee *t, const struct sov_learner *l,
                sov_real *grad, size_t n)
{
    const struct sov_shape *s = &t->shape;
    const struct sov_kept *k = &l->kept;
    size_t width = sov_shape_qkv(s);

    for (size_t h = 0; h < s->n_head + s->n_head_kv; h++) {
        sov_real *d = t->d_qkv + h * s->k_len;
        const struct sov_gains *w = gains_of(s, l, h);

        sov_prim_norm_back(&t->prim, k->raw + h * s->k_len, width, w->w,
                           k->r_heads + h * n, d, width, d, width, false,
                           sov_grad_at(t, grad, w->at), n, s->k_len);
    }
}

/* Part, what attention or feed-forward adds to the stream. */
static void
add_up(const sov_trainee *t, const struct sov_linear *l, bool biased,
       const struct sov_gains *bias, const sov_real *x, size_t n)
{
    size_t e = t->shape.n_embd;

    sov_linear_run(t, l, n, x, t->part, e);
    if (biased)
        sov_prim_bias(&t->prim, bias->w, t->part, e, n, e);
}

/* The same back, from dx. */
static void
add_up_back(const sov_trainee *t, const struct sov_linear *l, bool biased,
            const struct sov_gains *bias, const sov_real *x, sov_real *d,
            sov_real *grad, size_t n)
{
    size_t e = t->shape.n_embd;

    sov_linear_back(t, l, n, t->dx, e, x, d, false, grad);
    if (biased)
        sov_prim_bias_back(&t->prim, t->dx, e, sov_grad_at(t, grad, bias->at),
                           n, e);
}

/* ---- attention */

static int
attend(sov_trainee *t, struct sov_learner *l, const struct sov_unit *unit,
       struct sov_err *err)
{
    const struct sov_shape *s = &t->shape;
    const struct sov_attn_dims dims = dims_of(s);
    const struct sov_kept *k = &l->kept;
    size_t n = unit->first[unit->n_seq], width = sov_shape_qkv(s);
    size_t to_k = s->n_head * s->k_len;
    size_t to_v = to_k + s->n_head_kv * s->k_len;

    norm(t, &l->attn_norm, k->x, t->norm, k->r1, n);
    sov_linear_run(t, &l->qkv, n, t->norm, k->raw, width);
    if (s->qkv_bias)
        sov_prim_bias(&t->prim, l->bias.w, k->raw, width, n, width);
    if (s->qk_norm)
        norm_heads(t, l, n);
    turn(t, k->qkv, false, n);
    return sov_prim_attn(&t->prim, &dims, unit->first, unit->n_seq, k->qkv,
                         k->qkv + to_k, k->raw + to_v, k->o, k->lse, err);
}

static int
attend_back(sov_trainee *t, struct sov_learner *l, const struct sov_unit *unit,
            bool to_x, sov_real *grad, struct sov_err *err)
{
    const struct sov_shape *s = &t->shape;
    const struct sov_attn_dims dims = dims_of(s);
    const struct sov_kept *k = &l->kept;
    size_t n = unit->first[unit->n_seq], width = sov_shape_qkv(s);
    size_t to_k = s->n_head * s->k_len;
    size_t to_v = to_k + s->n_head_kv * s->k_len;
    int rc;

    add_up_back(t, &l->out, s->out_bias, &l->out_bias, k->o, t->d_o, grad, n);
    rc = sov_prim_attn_back(&t->prim, &dims, unit->first, unit->n_seq, k->qkv,
                            k->qkv + to_k, k->raw + to_v, k->o, k->lse, t->d_o,
                            t->d_qkv, t->d_qkv + to_k, t->d_qkv + to_v, err);
    if (rc < 0)
        return rc;
    turn(t, t->d_qkv, true, n);
    if (s->qk_norm)
        norm_heads_back(t, l, grad, n);
    if (s->qkv_bias)
        sov_prim_bias_back(&t->prim, t->d_qkv, width,
                           sov_grad_at(t, grad, l->bias.at), n, width);
    norm(t, &l->attn_norm, k->x, t->norm, k->r1, n);
    sov_linear_back(t, &l->qkv, n, t->d_qkv, width, t->norm,
                    to_x ? t->part : NULL, false, grad);
    if (to_x)
        norm_back(t, &l->attn_norm, k->x, k->r1, t->part, grad, n);
    return 0;
}

/* ---- feed-forward */

static void
feed(sov_trainee *t, struct sov_learner *l, size_t n)
{
    const struct sov_shape *s = &t->shape;
    const struct sov_kept *k = &l->kept;

    norm(t, &l->ffn_norm, k->mid, t->norm, k->r2, n);
    sov_linear_run(t, &l->gate, n, t->norm, k->g, s->n_ff);
    sov_linear_run(t, &l->up, n, t->norm, k->u, s->n_ff);
    sov_prim_silu(&t->prim, k->g, k->u, k->a, n * s->n_ff);
}

static void
feed_back(sov_trainee *t, struct sov_learner *l, sov_real *grad, size_t n)
{
    const struct sov_shape *s = &t->shape;
    const struct sov_kept *k = &l->kept;

    add_up_back(t, &l->down, s->down_bias, &l->down_bias, k->a, k->a, grad, n);
    sov_prim_silu_back(&t->prim, k->g, k->u, k->a, k->g, k->u, n * s->n_ff);
    norm(t, &l->ffn_norm, k->mid, t->norm, k->r2, n);
    sov_linear_back(t, &l->gate, n, k->g, s->n_ff, t->norm, t->part, false,
                    grad);
    sov_linear_back(t, &l->up, n, k->u, s->n_ff, t->norm, t->part, true, grad);
    norm_back(t, &l->ffn_norm, k->mid, k->r2, t->part, grad, n);
}

/* ---- the layer */

int
sov_learner_again(sov_trainee *t, struct sov_learner *l,
                  const struct sov_unit *unit, struct sov_err *err)
{
    const struct sov_kept *k = &l->kept;
    size_t e = t->shape.n_embd, n = unit->first[unit->n_seq];
    int rc = attend(t, l, unit, err);

    if (rc < 0)
        return rc;
    add_up(t, &l->out, t->shape.out_bias, &l->out_bias, k->o, n);
    sov_prim_add(&t->prim, k->x, t->part, k->mid, n * e);
    feed(t, l, n);
    return 0;
}

int
sov_learner_run(sov_trainee *t, struct sov_learner *l,
                const struct sov_unit *unit, sov_real *y, struct sov_err *err)
{
    const struct sov_kept *k = &l->kept;
    size_t e = t->shape.n_embd, n = unit->first[unit->n_seq];
    int rc = sov_learner_again(t, l, unit, err);

    if (rc < 0)
        return rc;
    add_up(t, &l->down, t->shape.down_bias, &l->down_bias, k->a, n);
    sov_prim_add(&t->prim, k->mid, t->part, y, n * e);
    return 0;
}

int
sov_learner_back(sov_trainee *t, struct sov_learner *l,
                 const struct sov_unit *unit, bool to_x, sov_real *grad,
                 struct sov_err *err)
{
    feed_back(t, l, grad, unit->first[unit->n_seq]);
    return attend_back(t, l, unit, to_x, grad, err);
}
