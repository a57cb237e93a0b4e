/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prim_f64.c - prim.h as plain loops, in doubles
 *
 * What gradients are checked with: programs that are compiled with
 * SOV_REAL_DOUBLE have this file in place of the library's, and otherwise the
 * library's own sources.  It shares nothing with them; t_prim_attn compares
 * both.
 */
#include "train/prim.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(sov_real) == sizeof(double), "compile with doubles");

int
sov_prim_open(struct sov_prim *p, enum sov_mul_kind mul, struct sov_err *err)
{
    (void)err;
    *p = (struct sov_prim){ .mul = mul };
    return 0;
}

void
sov_prim_close(struct sov_prim *p)
{
    *p = (struct sov_prim){ 0 };
}

static double
element(struct sov_operand x, size_t i, size_t k)
{
    return x.across ? x.x[k * x.stride + i] : x.x[i * x.stride + k];
}

void
sov_prim_mul(const struct sov_prim *p, size_t n_i, size_t n_j, size_t n_k,
             struct sov_operand a, struct sov_operand b, double *c,
             size_t c_stride, bool add)
{
    size_t i, j, k;

    (void)p;
    for (i = 0; i < n_i; i++)
        for (j = 0; j < n_j; j++) {
            double s = 0;

            for (k = 0; k < n_k; k++)
                s += element(a, i, k) * element(b, j, k);
            c[i * c_stride + j] = s + (add ? c[i * c_stride + j] : 0);
        }
}

void
sov_prim_add(const struct sov_prim *p, const double *a, const double *b,
             double *y, size_t n)
{
    size_t i;

    (void)p;
    for (i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

void
sov_prim_norm(const struct sov_prim *p, const double *x, size_t x_stride,
              const double *w, double eps, double *y, size_t y_stride,
              double *r, size_t n_rows, size_t n)
{
    size_t row, i;

    (void)p;
    for (row = 0; row < n_rows; row++, x += x_stride, y += y_stride) {
        double sum = 0;

        for (i = 0; i < n; i++)
            sum += x[i] * x[i];
        r[row] = 1 / sqrt(sum / (double)n + eps);
        for (i = 0; i < n; i++)
            y[i] = x[i] * r[row] * w[i];
    }
}

/* With d the derivative by x * r: dx = r (d - x r mean(d x r)). */
void
sov_prim_norm_back(const struct sov_prim *p, const double *x, size_t x_stride,
                   const double *w, const double *r, const double *dy,
                   size_t dy_stride, double *dx, size_t dx_stride, bool add,
                   double *dw, size_t n_rows, size_t n)
{
    size_t row, i;

    (void)p;
    for (row = 0; row < n_rows; row++) {
        double mean = 0;

        for (i = 0; i < n; i++)
            mean += dy[i] * w[i] * x[i] * r[row] / (double)n;
        for (i = 0; i < n; i++) {
            double d = dy[i];

            dw[i] += d * x[i] * r[row];
            dx[i] =
                (d * w[i] - x[i] * r[row] * mean) * r[row] + (add ? dx[i] : 0);
        }
        x += x_stride;
        dy += dy_stride;
        dx += dx_stride;
    }
}

void
sov_prim_silu(const struct sov_prim *p, const double *g, const double *u,
              double *y, size_t n)
{
    size_t i;

    (void)p;
    for (i = 0; i < n; i++)
        y[i] = g[i] / (1 + exp(-g[i])) * u[i];
}

void
sov_prim_silu_back(const struct sov_prim *p, const double *g, const double *u,
                   const double *dy, double *dg, double *du, size_t n)
{
    size_t i;

    (void)p;
    for (i = 0; i < n; i++) {
        double s = 1 / (1 + exp(-g[i]));
        double a = g[i] * s, d = dy[i];
        double by_g = d * u[i] * (s + a * (1 - s));

        du[i] = d * a;
        dg[i] = by_g;
    }
}

void
sov_prim_rope(const struct sov_prim *p, enum sov_rope_pairs pairs,
              const double *turn, size_t n_rot, const uint32_t *place,
              bool back, double *x, size_t x_stride, size_t n_rows,
              size_t n_head, size_t head_stride)
{
    size_t step = pairs == SOV_ROPE_NORM ? 2 : 1;
    size_t other = pairs == SOV_ROPE_NORM ? 1 : n_rot / 2;
    size_t row, h, i;

    (void)p;
    if (pairs == SOV_ROPE_NONE)
        return;
    for (row = 0; row < n_rows; row++)
        for (h = 0; h < n_head; h++)
            for (i = 0; i < n_rot / 2; i++) {
                const double *t = turn + place[row] * n_rot + 2 * i;
                double *y = x + row * x_stride + h * head_stride + i * step;
                double a = y[0], b = y[other];
                double s = back ? -t[1] : t[1];

                y[0] = a * t[0] - b * s;
                y[other] = a * s + b * t[0];
            }
}

void
sov_prim_take(const struct sov_prim *p, const double *w, const int32_t *id,
              double *y, size_t n_rows, size_t n)
{
    size_t row;

    (void)p;
    for (row = 0; row < n_rows; row++)
        memcpy(y + row * n, w + (size_t)id[row] * n, n * sizeof(*y));
}

void
sov_prim_take_back(const struct sov_prim *p, const double *dy,
                   const int32_t *id, double *dw, size_t n_rows, size_t n)
{
    size_t row, i;

    (void)p;
    for (row = 0; row < n_rows; row++)
        for (i = 0; i < n; i++)
            dw[(size_t)id[row] * n + i] += dy[row * n + i];
}

void
sov_prim_bias(const struct sov_prim *p, const double *b, double *x,
              size_t x_stride, size_t n_rows, size_t n)
{
    size_t row, i;

    (void)p;
    for (row = 0; row < n_rows; row++)
        for (i = 0; i < n; i++)
            x[row * x_stride + i] += b[i];
}

void
sov_prim_bias_back(const struct sov_prim *p, const double *dy, size_t dy_stride,
                   double *db, size_t n_rows, size_t n)
{
    size_t row, i;

    (void)p;
    for (row = 0; row < n_rows; row++)
        for (i = 0; i < n; i++)
            db[i] += dy[row * dy_stride + i];
}

/* ---- attention: one query of one head at a time */

struct query {
    const double *q, *k, *v; /* k and v: of the first key that it sees */
    size_t first, n;         /* keys: the first one's row, and how many */
    size_t kv_head;
};

static struct query
query_of(const struct sov_attn_dims *d, size_t begin, size_t row, size_t head,
         const double *q, const double *k, const double *v)
{
    struct query is = { .first = begin,
                        .kv_head = head / (d->n_head / d->n_head_kv) };

    if (d->window > 0 && row - begin >= d->window)
        is.first = row - d->window + 1;
    is.n = row + 1 - is.first;
    is.q = q + row * d->q_stride + head * d->k_len;
    is.k = k + is.first * d->k_stride + is.kv_head * d->k_len;
    is.v = v + is.first * d->v_stride + is.kv_head * d->v_len;
    return is;
}

static double
dot(const double *a, const double *b, size_t n)
{
    double s = 0;
    size_t i;

    for (i = 0; i < n; i++)
        s += a[i] * b[i];
    return s;
}

int
sov_prim_attn(const struct sov_prim *p, const struct sov_attn_dims *d,
              const size_t *first, size_t n_seq, const double *q,
              const double *k, const double *v, double *o, double *lse,
              struct sov_err *err)
{
    double *e = sov_mem_array(first[n_seq] - first[0], sizeof(*e));
    size_t s, row, h, j, i;

    (void)p;
    if (e == NULL)
        return sov_mem_fail(err);
    for (s = 0; s < n_seq; s++)
        for (row = first[s]; row < first[s + 1]; row++)
            for (h = 0; h < d->n_head; h++) {
                struct query is = query_of(d, first[s], row, h, q, k, v);
                double *to = o + row * d->o_stride + h * d->v_len;
                double top = -INFINITY, sum = 0;

                for (j = 0; j < is.n; j++) {
                    e[j] =
                        d->scale * dot(is.q, is.k + j * d->k_stride, d->k_len);
                    top = e[j] > top ? e[j] : top;
                }
                for (j = 0; j < is.n; j++)
                    sum += e[j] = exp(e[j] - top);
                for (i = 0; i < d->v_len; i++) {
                    to[i] = 0;
                    for (j = 0; j < is.n; j++)
                        to[i] += e[j] / sum * is.v[j * d->v_stride + i];
                }
                lse[row * d->n_head + h] = top + log(sum);
            }
    free(e);
    return 0;
}

int
sov_prim_attn_back(const struct sov_prim *p, const struct sov_attn_dims *d,
                   const size_t *first, size_t n_seq, const double *q,
                   const double *k, const double *v, const double *o,
                   const double *lse, const double *d_o, double *dq, double *dk,
                   double *dv, struct sov_err *err)
{
    size_t s, row, h, j, i;

    (void)p;
    (void)err;
    for (row = first[0]; row < first[n_seq]; row++)
        for (h = 0; h < d->n_head_kv; h++) {
            memset(dk + row * d->k_stride + h * d->k_len, 0,
                   d->k_len * sizeof(*dk));
            memset(dv + row * d->v_stride + h * d->v_len, 0,
                   d->v_len * sizeof(*dv));
        }
    for (s = 0; s < n_seq; s++)
        for (row = first[s]; row < first[s + 1]; row++)
            for (h = 0; h < d->n_head; h++) {
                struct query is = query_of(d, first[s], row, h, q, k, v);
                size_t at = row * d->o_stride + h * d->v_len;
                double *to = dq + row * d->q_stride + h * d->k_len;
                double mean = dot(d_o + at, o + at, d->v_len);

                memset(to, 0, d->k_len * sizeof(*to));
                for (j = 0; j < is.n; j++) {
                    const double *kj = is.k + j * d->k_stride;
                    double *dkj = dk + (is.first + j) * d->k_stride +
                                  is.kv_head * d->k_len;
                    double *dvj = dv + (is.first + j) * d->v_stride +
                                  is.kv_head * d->v_len;
                    double pr = exp(d->scale * dot(is.q, kj, d->k_len) -
                                    lse[row * d->n_head + h]);
                    double g =
                        d->scale * pr *
                        (dot(d_o + at, is.v + j * d->v_stride, d->v_len) -
                         mean);

                    for (i = 0; i < d->k_len; i++) {
                        to[i] += g * kj[i];
                        dkj[i] += g * is.q[i];
                    }
                    for (i = 0; i < d->v_len; i++)
                        dvj[i] += pr * d_o[at + i];
                }
            }
    return 0;
}
