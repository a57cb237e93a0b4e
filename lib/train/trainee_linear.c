/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainee_linear.c - y = W x, with what an adapter adds, and the way back
 *
 * With an adapter y = W x + B (A' x), A' = A alpha / rank.  W is not changed by
 * it before it is rounded for the product, or small steps of A and B would be
 * lost in bf16.  Gradients: of B dy (A' x)^T, of A' (B^T dy) x^T, and
 * dx = W^T dy + A'^T (B^T dy).
 */
#include "train/trainee_in.h"

/* Buffer i of [n, rank]. */
static sov_real *
low_of(const sov_trainee *t, size_t i)
{
    return t->low + i * sov_shape_unit(&t->shape) * t->opts.rank;
}

static struct sov_operand
rows(const sov_real *x, size_t stride)
{
    return (struct sov_operand){ x, stride, false };
}

static struct sov_operand
across(const sov_real *x, size_t stride)
{
    return (struct sov_operand){ x, stride, true };
}

void
sov_linear_run(const sov_trainee *t, const struct sov_linear *l, size_t n,
               const sov_real *x, sov_real *y, size_t y_stride)
{
    const struct sov_prim *p = &t->prim;
    const sov_real *w = sov_linear_rows(t, l, 0, l->n_out);
    size_t r = t->opts.rank;

    sov_prim_mul(p, n, l->n_out, l->n_in, rows(x, l->n_in), rows(w, l->n_in), y,
                 y_stride, false);
    for (size_t i = 0; i < l->n_pairs; i++) {
        const struct sov_pair *pair = &l->pair[i];
        sov_real *low = low_of(t, 3);

        sov_prim_mul(p, n, r, l->n_in, rows(x, l->n_in),
                     rows(pair->scaled, l->n_in), low, r, false);
        sov_prim_mul(p, n, pair->n_out, r, rows(low, r),
                     rows(t->w + pair->b, r), y + pair->row, y_stride, true);
    }
}

/* Gradients of pair i; B^T dy stays in buffer i. */
static void
pair_back(const sov_trainee *t, const struct sov_linear *l, size_t i, size_t n,
          const sov_real *dy, size_t dy_stride, const sov_real *x,
          sov_real *grad)
{
    const struct sov_prim *p = &t->prim;
    const struct sov_pair *pair = &l->pair[i];
    size_t r = t->opts.rank;
    sov_real *low = low_of(t, 3), *back = low_of(t, i);

    sov_prim_mul(p, n, r, l->n_in, rows(x, l->n_in),
                 rows(pair->scaled, l->n_in), low, r, false);
    sov_prim_mul(p, pair->n_out, r, n, across(dy + pair->row, dy_stride),
                 across(low, r), grad + pair->b, r, false);
    sov_prim_mul(p, n, r, pair->n_out, rows(dy + pair->row, dy_stride),
                 across(t->w + pair->b, r), back, r, false);
    sov_prim_mul(p, r, l->n_in, n, across(back, r), across(x, l->n_in),
                 grad + pair->a, l->n_in, false);
}

void
sov_linear_back(const sov_trainee *t, const struct sov_linear *l, size_t n,
                const sov_real *dy, size_t dy_stride, const sov_real *x,
                sov_real *dx, bool add, sov_real *grad)
{
    const struct sov_prim *p = &t->prim;
    size_t r = t->opts.rank;

    if (l->at != SOV_NO_PLACE)
        sov_prim_mul(p, l->n_out, l->n_in, n, across(dy, dy_stride),
                     across(x, l->n_in), grad + l->at, l->n_in, false);
    for (size_t i = 0; i < l->n_pairs; i++)
        pair_back(t, l, i, n, dy, dy_stride, x, grad);
    if (dx == NULL)
        return;
    sov_prim_mul(p, n, l->n_in, l->n_out, rows(dy, dy_stride),
                 across(sov_linear_rows(t, l, 0, l->n_out), l->n_in), dx,
                 l->n_in, add);
    for (size_t i = 0; i < l->n_pairs; i++)
        sov_prim_mul(p, n, l->n_in, r, rows(low_of(t, i), r),
                     across(l->pair[i].scaled, l->n_in), dx, l->n_in, true);
}

/* ---- A' */

typedef void (*pair_fn)(const sov_trainee *t, const struct sov_linear *l,
                        const struct sov_pair *pair, sov_real *grad);

static void
each_pair(const sov_trainee *t, pair_fn fn, sov_real *grad)
{
    for (size_t i = 0; i < t->shape.n_layer; i++) {
        const struct sov_learner *layer = &t->layer[i];
        const struct sov_linear *all[] = { &layer->qkv, &layer->out,
                                           &layer->gate, &layer->up,
                                           &layer->down };

        for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
            for (size_t j = 0; j < all[k]->n_pairs; j++)
                fn(t, all[k], &all[k]->pair[j], grad);
    }
}

static void
times(const sov_trainee *t, const sov_real *x, sov_real *y, size_t n)
{
    sov_real by = (sov_real)(t->opts.alpha / (double)t->opts.rank);

    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * by;
}

static void
scale(const sov_trainee *t, const struct sov_linear *l,
      const struct sov_pair *pair, sov_real *grad)
{
    (void)grad;
    times(t, t->w + pair->a, pair->scaled, t->opts.rank * l->n_in);
}

static void
back(const sov_trainee *t, const struct sov_linear *l,
     const struct sov_pair *pair, sov_real *grad)
{
    times(t, grad + pair->a, grad + pair->a, t->opts.rank * l->n_in);
}

void
sov_pairs_scale(const sov_trainee *t)
{
    each_pair(t, scale, NULL);
}

void
sov_pairs_back(const sov_trainee *t, sov_real *grad)
{
    each_pair(t, back, grad);
}
