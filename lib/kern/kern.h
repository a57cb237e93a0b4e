/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kern.h - the hot loops, as function pointers for the chosen instruction set
 *
 * kern/generic is the specification.  Every other instruction set overlays
 * some of its slots and agrees with it bit for bit, for every length.  What is
 * fixed so that this can hold (generic/blocks.h says what the integers of each
 * type are):
 *
 * f32 dot product over n: 16 lanes, lane l takes the elements i with
 *   i % 16 == l, each as one fma chain in increasing i; then the lanes are
 *   added as a tree: l + (l + 8), then + 4, + 2, + 1.  Sums of squares and
 *   plain sums likewise.
 * block dot product, 256-weight types (K-quants, IQ): activations are int8
 *   with one f32 scale per 256 (struct sov_a256).  A super-block's sum is one
 *   exact integer; acc = fmaf(dw * da, (float)isum, acc), and for types with
 *   mins then acc = fmaf(-(dmin * da), (float)msum, acc), in order of the
 *   super-blocks.
 * block dot product, 32-weight types: activations are int8 with one f32 scale
 *   per 32 (struct sov_a32, eight of them together); p[b] = (dw * da) *
 *   (float)isum per block, and for types with mins (dw * da) * (float)isum +
 *   m * s, not fused; for those with a scale for 16 (dw * da) * (float)isum of
 *   the first half + the same of the second; eight blocks are added as a tree
 *   ((p0+p1)+(p2+p3))+((p4+p5)+(p6+p7)), missing blocks counting 0; acc
 *   starts at 0 and trees are added to it in order.
 * everything else is elementwise: the same operations on each element.
 */
#ifndef SOV_KERN_KERN_H
#define SOV_KERN_KERN_H

#include "sov/tensor.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Activations as integers, 256 to a piece.  d = amax / 127, where amax is the
 * largest |x| as its bits compare (so that a NaN makes d NaN); q = x / d, cut
 * to +-127 (a NaN gives -127) and rounded to even; d = 0 gives q = 0.  A last
 * piece that is not full is padded with zeros in every field.
 */

/*
 * For 32-weight types: eight blocks of 32.  Here q is made with d as above,
 * but what is kept of d, and of s, are the 11 bits of a half: as the peer has
 * them, so that an answer can be judged token by token.
 */
struct sov_a32 {
    int8_t q[256];
    int32_t sum[8]; /* of q */
    float d[8];
    float s[8];     /* d * sum, for types with mins */
    float zero[8];  /* six cache lines */
};

/* For 256-weight types. */
struct sov_a256 {
    int8_t q[256];
    int16_t sum[16];  /* of q, per 16 */
    int16_t sum32[8]; /* per 32 */
    float d;
    float zero[3];    /* five cache lines */
};

/* What a type's dot product takes on the activation side. */
enum sov_act {
    SOV_ACT_F32 = 0, /* no integer path: the row is decoded, f32 dot */
    SOV_ACT_A32,
    SOV_ACT_A256,
    SOV_ACT_HALF, /* as F32, after rounding to the 11 bits of a half */
};

struct sov_kern {
    const char *isa;

    /* by type id; NULL: no codec */
    void (*decode[SOV_TYPE_GGUF_MAX])(const void *blocks, float *y, size_t n);
    void (*encode[SOV_TYPE_GGUF_MAX])(const float *x, const float *imp,
                                      void *blocks, size_t n, int effort);

    /*
     * y[c * y_stride + r] = row r of w . act[c] for n_w rows of n weights,
     * w_stride bytes apart, and n_cols activation vectors, act_stride bytes
     * apart, each in the form that act_of[type] names.
     * NULL: use decode and dots.
     */
    void (*dot[SOV_TYPE_GGUF_MAX])(const void *w, size_t w_stride, size_t n_w,
                                   const void *act, size_t act_stride,
                                   size_t n_cols, size_t n, float *y,
                                   size_t y_stride);
    enum sov_act act_of[SOV_TYPE_GGUF_MAX];

    /* The same, faster than dot from many_from[type] columns on, if 32 rows or
     * more come at once.  NULL: there is none. */
    void (*many[SOV_TYPE_GGUF_MAX])(const void *w, size_t w_stride, size_t n_w,
                                    const void *act, size_t act_stride,
                                    size_t n_cols, size_t n, float *y,
                                    size_t y_stride);
    size_t many_from[SOV_TYPE_GGUF_MAX];

    /* x[n] to ceil(n / 256) pieces; n a multiple of 32 or 256 */
    void (*to_a32)(const float *x, struct sov_a32 *a, size_t n);
    void (*to_a256)(const float *x, struct sov_a256 *a, size_t n);

    float (*dot_f32)(const float *a, const float *b, size_t n);
    float (*sumsq)(const float *x, size_t n);
    void (*axpy)(float a, const float *x, float *y, size_t n); /* y += a*x */
    void (*scale)(const float *x, float s, const float *w, float *y,
                  size_t n);                  /* y = (x * s) * w */
    void (*exp)(float *x, size_t n, float sub); /* x = exp(x - sub) */
    void (*silu_mul)(const float *g, const float *u, float *y, size_t n);
    float (*max)(const float *x, size_t n);   /* -inf for n = 0 */
    float (*sum)(const float *x, size_t n);   /* lanes as dot_f32 */

    /* y[j * y_stride + i] = dot_f32(a + i * a_stride, b + j * b_stride) */
    void (*dots)(const float *a, size_t a_stride, size_t n_a, const float *b,
                 size_t b_stride, size_t n_b, size_t n, float *y,
                 size_t y_stride);
    /* y[n] += sum over k of p[k] * v[k * v_stride ...], as axpy in order */
    void (*mix)(const float *p, const float *v, size_t v_stride, size_t n_k,
                float *y, size_t n);
};

/* The table for this machine, at most SOV_ISA; built once. */
const struct sov_kern *sov_kern(void);

/* The table for one instruction set, NULL if it is not built or cannot run
 * here.  For tests. */
const struct sov_kern *sov_kern_for(const char *isa);

#endif
