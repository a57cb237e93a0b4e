/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prim.h - what operations of training are made of
 *
 * Products and elementwise functions over rows.  In the library they run on
 * the kernels (prim.c, on all threads); for the gradient checks they are plain
 * loops in f64 (tests/unit/prim_f64.c).  Every result is a sum in a fixed
 * order, so that threads, instruction sets and tiles cannot be seen in it.
 *
 * Arrays are row-major; a stride counts numbers, not bytes.
 */
#ifndef SOV_TRAIN_PRIM_H
#define SOV_TRAIN_PRIM_H

#include "kern/kern.h"
#include "nn/rope.h"
#include "sov/err.h"
#include "train/real.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sov_mul_kind {
    SOV_MUL_F32,
    SOV_MUL_BF16, /* inputs rounded to bf16 (to even), sums in f32 */
};

struct sov_prim {
    const struct sov_kern *k; /* NULL in f64 */
    enum sov_mul_kind mul;
    void *room; /* of prim.c: packed operands, scratch */
};

int sov_prim_open(struct sov_prim *p, enum sov_mul_kind mul,
                  struct sov_err *err) SOV_MUST_CHECK;
void sov_prim_close(struct sov_prim *p);

/* Element (i, k) of an operand: x[i * stride + k], or x[k * stride + i] where
 * it lies across. */
struct sov_operand {
    const sov_real *x;
    size_t stride;
    bool across;
};

/*
 * c[i * c_stride + j] = (add ? c : 0) + the sum over k < n_k of a(i, k)
 * b(j, k), for i < n_i, j < n_j.  The sum goes in blocks of SOV_GEMM_K terms:
 * each a chain of fma from 0 in increasing k, then added to c (nn/gemm.h).
 * One product of a sov_prim runs at a time.
 *
 * So a layer of weights w [n_out, n_in] over x [n, n_in]:
 *     y  [n, n_out]       = mul(n, n_out, n_in, x, w)
 *     dx [n, n_in]        = mul(n, n_in, n_out, dy, w across)
 *     dw [n_out, n_in]   += mul(n_out, n_in, n, dy across, x across)
 */
void sov_prim_mul(const struct sov_prim *p, size_t n_i, size_t n_j, size_t n_k,
                  struct sov_operand a, struct sov_operand b, sov_real *c,
                  size_t c_stride, bool add);

/* y = a + b, over n; y may be either */
void sov_prim_add(const struct sov_prim *p, const sov_real *a,
                  const sov_real *b, sov_real *y, size_t n);

/*
 * RMS norm of n_rows rows of n: r = 1 / sqrt(mean(x^2) + eps) is kept for the
 * way back, y = x * r * w.  Rows of y and x are stride apart.
 */
void sov_prim_norm(const struct sov_prim *p, const sov_real *x, size_t x_stride,
                   const sov_real *w, sov_real eps, sov_real *y,
                   size_t y_stride, sov_real *r, size_t n_rows, size_t n);

/* dx = (add ? dx : 0) + what comes back; dw += likewise, rows in order.
 * dx may be dy where it is not added to. */
void sov_prim_norm_back(const struct sov_prim *p, const sov_real *x,
                        size_t x_stride, const sov_real *w, const sov_real *r,
                        const sov_real *dy, size_t dy_stride, sov_real *dx,
                        size_t dx_stride, bool add, sov_real *dw, size_t n_rows,
                        size_t n);

/* y = silu(g) * u, over n; silu(g) = g / (1 + e^-g) */
void sov_prim_silu(const struct sov_prim *p, const sov_real *g,
                   const sov_real *u, sov_real *y, size_t n);
/* dg and du from dy; dg may be g, du may be u or dy */
void sov_prim_silu_back(const struct sov_prim *p, const sov_real *g,
                        const sov_real *u, const sov_real *dy, sov_real *dg,
                        sov_real *du, size_t n);

/*
 * Turn the first n_rot numbers of each of n_head heads (head_stride apart) of
 * each row by the row's position; back: turn the other way, which is the
 * gradient.  turn [n_places, n_rot] is cos, sin of each pair, place [n_rows].
 */
void sov_prim_rope(const struct sov_prim *p, enum sov_rope_pairs pairs,
                   const sov_real *turn, size_t n_rot, const uint32_t *place,
                   bool back, sov_real *x, size_t x_stride, size_t n_rows,
                   size_t n_head, size_t head_stride);

/* y[row] = w[id[row]]; ids are below the rows of w */
void sov_prim_take(const struct sov_prim *p, const sov_real *w,
                   const int32_t *id, sov_real *y, size_t n_rows, size_t n);
/* dw[id[row]] += dy[row], rows in order */
void sov_prim_take_back(const struct sov_prim *p, const sov_real *dy,
                        const int32_t *id, sov_real *dw, size_t n_rows,
                        size_t n);

/* x[row] += b; db += rows in order */
void sov_prim_bias(const struct sov_prim *p, const sov_real *b, sov_real *x,
                   size_t x_stride, size_t n_rows, size_t n);
void sov_prim_bias_back(const struct sov_prim *p, const sov_real *dy,
                        size_t dy_stride, sov_real *db, size_t n_rows,
                        size_t n);

/*
 * Causal attention.  Sequence s is rows first[s] .. first[s + 1] - 1; row i of
 * it sees the rows j <= i of the same sequence (with window > 0, only those
 * with j > i - window).  Query heads h share key head h / (n_head / n_head_kv).
 *     p(i, j) = softmax over j of scale * q_i . k_j;  o_i = sum p(i, j) v_j
 * lse [n_rows, n_head] keeps the logarithm of each sum, for the way back.
 */
struct sov_attn_dims {
    size_t n_head, n_head_kv;
    size_t k_len, v_len;                           /* numbers of a head */
    size_t q_stride, k_stride, v_stride, o_stride; /* between rows */
    sov_real scale;
    size_t window;
};

int sov_prim_attn(const struct sov_prim *p, const struct sov_attn_dims *dims,
                  const size_t *first, size_t n_seq, const sov_real *q,
                  const sov_real *k, const sov_real *v, sov_real *o,
                  sov_real *lse, struct sov_err *err) SOV_MUST_CHECK;

/* dq, dk, dv (strides as q, k, v) are set.  o and do are o_stride apart. */
int sov_prim_attn_back(const struct sov_prim *p,
                       const struct sov_attn_dims *dims, const size_t *first,
                       size_t n_seq, const sov_real *q, const sov_real *k,
                       const sov_real *v, const sov_real *o,
                       const sov_real *lse, const sov_real *d_o, sov_real *dq,
                       sov_real *dk, sov_real *dv,
                       struct sov_err *err) SOV_MUST_CHECK;

#endif
