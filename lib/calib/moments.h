/* SPDX-License-Identifier: Apache-2.0 */
/*
 * moments.h - second moments of what enters some matrices
 *
 * Matrices that multiply the same input (q, k and v; gate and up) share one of
 * these; each expert has its own.  x is what the original model feeds there,
 * y what the model feeds whose matrices so far are quantized: the same vector,
 * x = y, where nobody asked for two.  Nothing is divided by the tokens.
 *
 * The tokens are parted by their windows of the text: most are what a fit is
 * made from (fit), every eighth window is kept to judge it by (held).
 *
 * Every number is one sum in a fixed order: tokens in blocks of
 * SOV_MOMENT_TOKENS, in each block one chain of fma in the order of the text
 * that begins at 0, the blocks added in their order.  So they are the same bits
 * for any threads, memory and instruction set.
 */
#ifndef SOV_CALIB_MOMENTS_H
#define SOV_CALIB_MOMENTS_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOV_MOMENT_TOKENS 512

/* Matrices are in rows, without gaps: h[i * k + j]. */
struct sov_moment_sums {
    uint64_t n; /* tokens; with 0 all sums are 0 */
    float *h;   /* [k, k] sum of y[i] y[j]; both triangles are there */
    float *c;   /* [k, k] sum of y[i] (x[j] - y[j]); NULL where x is y */
    float *r;   /* [out, k] sum of e[i] y[j]; NULL where out is 0 */
    double *y;  /* [k] sum of y[i] */
    double *x;  /* [k] sum of x[i] */
};

struct sov_moments {
    size_t k;   /* columns of the matrices */
    size_t out; /* rows of the one matrix, whose product is added to something
                   that lacks e already; 0: nobody looks at that */
    struct sov_moment_sums fit;
    struct sov_moment_sums held; /* n is 0 where the text was too short */
    uint64_t n;                  /* tokens of both */
    double *square; /* [k] of both: sum of x[i]^2, what an imatrix has */
    /* of an expert: the same of all tokens of its layer, whoever got them, for
     * where it saw few; else NULL */
    const struct sov_moments *wide;
    void *own; /* what all this is cut from */
};

/*
 * Zeros for k columns and, unless it is 0, out rows; pairs: c, too; held: a second set (without it held.h
 * and held.c are NULL, and all tokens are for the fit).  SOV_EMEM leaves
 * nothing behind.
 */
int sov_moments_new(struct sov_moments *m, size_t k, size_t out, bool pairs,
                    bool held, struct sov_err *err) SOV_MUST_CHECK;
void sov_moments_free(struct sov_moments *m);

/* The bytes that this takes, at most. */
uint64_t sov_moments_bytes(size_t k, size_t out, bool pairs, bool held);

/* Floats of room, on cache lines, that adding to them needs; for r, with pairs
 * for whichever of k and out is more. */
uint64_t sov_moments_room(size_t k, bool pairs);

/*
 * Take n more tokens of one window in: x and y [n, k], x_stride and y_stride
 * floats apart; y may be x.  On all threads.
 */
void sov_moments_add(struct sov_moments *m, bool held, const float *x,
                     size_t x_stride, const float *y, size_t y_stride, size_t n,
                     float *room);

/* And e [n, out] of the same tokens. */
void sov_moments_add_lack(struct sov_moments *m, bool held, const float *y,
                          size_t y_stride, const float *e, size_t e_stride,
                          size_t n, float *room);

/* After the last of them: the matrices are as they are described above. */
void sov_moments_finish(struct sov_moments *m);

/* Are all sums finite numbers? */
bool sov_moments_finite(const struct sov_moments *m);

#endif
