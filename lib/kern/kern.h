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
 * attention over keys in eight bits: see struct sov_attn_span.
 * products of F32 and F16 rows: as the f32 dot product, halves made f32.
 * products of BF16 rows: activations are rounded to bf16 (to even) and made up
 *   with zeros to a multiple of 32, as the weights are.  Lane l of 16 begins
 *   at 0 and takes, of each 32, element 2l + 1 and then 2l, each by one fma
 *   that is rounded to even; but subnormal weights, activations and results
 *   count as zeros of their sign, a result where the exact sum, rounded to 24
 *   bits of any exponent, is below 2^-126.  Then the lanes as above, by
 *   ordinary additions.  (As the instruction vdpbf16ps has it; FTZ and DAZ make
 *   an ordinary fma do the same.)
 * In all of them infinities and NaNs go as IEEE 754 says; which NaN is not
 *   fixed.
 * everything else is elementwise: the same operations on each element.
 */
#ifndef SOV_KERN_KERN_H
#define SOV_KERN_KERN_H

#include "sov/tensor.h"

#include <stdbool.h>
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
    float d[8];
    int32_t lift[8]; /* -128 * sum, for weights kept with 128 added */
    /* a cache line that weights with a sign do without */
    float s[8];     /* d * sum, for types with mins */
    int32_t sum[8]; /* of q */
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
    SOV_ACT_F32 = 0, /* as they are; without dot[] the row is decoded */
    SOV_ACT_A32,
    SOV_ACT_A256,
    SOV_ACT_HALF, /* as F32, after rounding to the 11 bits of a half */
    SOV_ACT_BF16, /* uint16_t, with zeros up to a multiple of 32 */
};

/*
 * Keys and values of one head in eight bits, SOV_PAGE_KEYS to a page; the key
 * of position p is number p % SOV_PAGE_KEYS of page p / SOV_PAGE_KEYS.
 *
 *     bytes of keys     [k_pad / 4][64 keys][4]     q + 128
 *     scales of keys    [64] f32
 *     bytes of values   [64 keys / 4][v_pad][4]     q, of four keys
 *     scales of values  [64] f32
 *
 * k_pad is k_len up to a multiple of 4, v_pad is v_len up to one of 16; q is
 * as in to_s8, and 0 beyond the length.
 */
#define SOV_PAGE_KEYS  64
#define SOV_SPAN_PAGES 16
#define SOV_SPAN_KEYS  (SOV_PAGE_KEYS * SOV_SPAN_PAGES)
#define SOV_SPAN_ROWS  32
#define SOV_PAGE_LEN   UINT64_C(16384) /* k_len at most: sums fit 32 bits */

struct sov_page {
    size_t k_len, v_len;
    size_t k_pad, v_pad;
    size_t k_scale, v, v_scale; /* where they begin; keys are at 0 */
    size_t bytes;               /* of a page: whole cache lines */
};

/*
 * Attention of some queries (rows) over pages of one span, which begins at a
 * position that is a multiple of SOV_SPAN_KEYS.  Scores are in units of ln 2,
 * so that softmax takes powers of two.  What is fixed, for each row alone:
 *
 * A row begins with m = -inf, s = 0, o = 0, or, with `more`, with what is there:
 * so the pages of a span may come in several calls, and those that many rows
 * share can be one of them.  Pages of which it sees no key are left out; in the
 * others, in order, for the keys i that it sees,
 *
 *     x[i] = (float)(q . k[i]) * k_scale[i] * q_scale     an exact integer
 *     with a soft limit (cap > 0): y = x[i] * cap_step, 64 unless it is less;
 *            x[i] = cap - 2 * cap / (pow2(y) + 1)
 *     top  = the largest of m and all x[i] (a NaN is never larger)
 *     f    = pow2(m - top) if top > m, else 1
 *     e[i] = pow2(x[i] - top), 0 for the others
 *     w[i] = e[i] * v_scale[i] where e[i] > 0, else 0
 *     s    = s * f + the sum of e, not fused, that sum as a tree of 64:
 *            t[l] = (e[l] + e[l + 16]) + (e[l + 32] + e[l + 48]), then the
 *            lanes t as in a dot product
 *     most = the largest w; c = most * (1 / 255); n = most > 0 ? 255 / most : 0
 *     u[i] = w[i] * n, cut to 255 (as a NaN is), to even
 *     o[d] = fma((float)(sum of u[i] * v[i][d]), c, o[d] * f)
 *     m    = top
 *
 * pow2(x) is 0 where not x >= -64, else as in kern/generic/exp.h.  Spans are
 * put together in order by attn_add, those of which the row sees no key left
 * out; the end is o * (1 / s).  So nothing but positions decides in what order
 * numbers are added, and a long context can be shared among threads.
 */
struct sov_attn_span {
    const struct sov_page *page;
    const unsigned char *const *pages; /* [n_pages], each where it is */
    size_t n_pages;
    bool more;             /* m, s and o go on */
    size_t n_rows;         /* up to SOV_SPAN_ROWS */
    const int8_t *q;       /* [n_rows][k_pad], 0 beyond k_len */
    const float *q_scale;  /* [n_rows] */
    float cap;             /* of scores, or 0 */
    float cap_step;
    const uint32_t *first; /* [n_rows] keys that a row sees: from first, and */
    const uint32_t *end;   /* [n_rows] before end; of the first page's first */
    float *m;              /* [n_rows] out; in as well with more */
    float *s;              /* [n_rows] likewise */
    float *o;              /* [n_rows][v_pad] likewise */
    int8_t *room;          /* [SOV_SPAN_ROWS][k_pad] for the kernel */
};

struct sov_fb_round;
struct sov_fb_descend;

/* The numbers of a step of AdamW that are the same for a whole tensor. */
struct sov_adamw {
    float by;     /* gradients are shortened by it */
    float a1, a2; /* 1 - beta1, 1 - beta2 */
    float rate;   /* of learning, over 1 - beta1^step */
    float norm;   /* 1 / (1 - beta2^step) */
    float eps;
    float decay;  /* what a step takes off a weight of 1 */
};

/* Numbers of fix_add are below 2^SOV_FIX_BITS units: 2^12 of them, and what is
 * between, fit int64. */
#define SOV_FIX_BITS 51

/*
 * Rows of b blended by weights a.  For i < n_a and j < n, a multiple of 16:
 * y[i * y_stride + j] = one chain of fma, which begins at 0 or, with more, at
 * what is there, over t < n_t in order of a[i * a_row + t * a_step] *
 * b[t * b_stride + j].
 */
struct sov_blend {
    const float *a;
    size_t a_row, a_step, n_a;
    const float *b;
    size_t b_stride, n_t;
    float *y;
    size_t y_stride, n;
    bool more;
};

/*
 * Sums of outer products: with x(i, t) = a[i * a_row + t * a_step], and columns
 * in panels of SOV_OUTER, each [n][SOV_OUTER],
 *
 *     y[i * y_stride + j] = the sum over t < n of x(i, t) * (column j)(t)
 *
 * one chain of fma from 0 in increasing t; with `add` it is added to what is
 * there.  The last panel is whole, but of its columns only those below n_b are
 * in y.
 *
 * For bf16 the numbers of a and b are pairs of it, and strides and n count
 * pairs: of each the second number and then the first is added, as those of
 * BF16 rows are (above); adding to what is there is ordinary.
 */
#define SOV_OUTER 16

struct sov_outer {
    const void *a;
    size_t a_row, a_step; /* one of them is 1 */
    size_t n_a;           /* rows */
    const void *b;
    size_t b_stride;      /* from panel to panel */
    size_t n_b;           /* columns */
    size_t n;
    float *y;
    size_t y_stride;
    bool add;
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

    /* q[n] = x / d as above; gives d */
    float (*to_s8)(const float *x, int8_t *q, size_t n);

    float (*dot_f32)(const float *a, const float *b, size_t n);
    float (*sumsq)(const float *x, size_t n);
    void (*axpy)(float a, const float *x, float *y, size_t n); /* y += a*x */
    void (*scale)(const float *x, float s, const float *w, float *y,
                  size_t n);                  /* y = (x * s) * w */
    void (*exp)(float *x, size_t n, float sub); /* x = exp(x - sub) */
    /* likewise, and gives their sum, as sum() has it */
    float (*exp_sum)(float *x, size_t n, float sub);
    /* x = exp(x - sub); g = x * (g - mean) */
    void (*exp_back)(float *x, float *g, size_t n, float sub, float mean);
    void (*silu_mul)(const float *g, const float *u, float *y, size_t n);
    /* With s = 1 / (1 + exp(-g)) and t = g * s: du = dy * t, and
     * dg = dy * u * fma(s, g - t, s); dg may be g, du may be u or dy */
    void (*silu_back)(const float *g, const float *u, const float *dy,
                      float *dg, float *du, size_t n);
    /* y += s * (a * b), as fma(s * a, b, y) */
    void (*mul_axpy)(float s, const float *a, const float *b, float *y,
                     size_t n);
    /* With t = dy * r * w and c = (the dot product of t and x) * r * r / n:
     * d = fma(-c, x, t); dx = d, or with add dx + d; dx may be dy */
    void (*norm_back)(const float *x, const float *w, float r, const float *dy,
                      bool add, float *dx, size_t n);
    float (*max)(const float *x, size_t n);   /* -inf for n = 0 */
    float (*sum)(const float *x, size_t n);   /* lanes as dot_f32 */

    /* y[j * y_stride + i] = dot_f32(a + i * a_stride, b + j * b_stride) */
    void (*dots)(const float *a, size_t a_stride, size_t n_a, const float *b,
                 size_t b_stride, size_t n_b, size_t n, float *y,
                 size_t y_stride);
    /* y[n] += sum over k of p[k] * v[k * v_stride ...], as axpy in order */
    void (*mix)(const float *p, const float *v, size_t v_stride, size_t n_k,
                float *y, size_t n);
    /* mix of each row j: p + j * p_stride to y + j * y_stride */
    void (*mixes)(const float *p, size_t p_stride, size_t n_p, const float *v,
                  size_t v_stride, size_t n_k, float *y, size_t y_stride,
                  size_t n);

    /* See struct sov_outer; of pairs of bf16 the second one. */
    void (*outer)(const struct sov_outer *o);
    void (*outer_bf16)(const struct sov_outer *o);
    /* y[n] = x[n] rounded to bf16, to even, but subnormals are zeros of their
     * sign; with an odd n a zero comes last */
    void (*to_bf16)(const float *x, uint16_t *y, size_t n);
    /* A panel of numbers of 32 bits: p[t * SOV_OUTER + i] = x[i * stride + t]
     * for i < n_i, t < n, and zeros for the other i below SOV_OUTER */
    void (*panel)(const void *x, size_t stride, size_t n_i, size_t n, void *p);
    /* A panel of pairs: the numbers 2t and 2t + 1 of column i, as to_bf16 has
     * them, where number t of it is x[t * stride + i]; zeros likewise */
    void (*panel_pairs)(const float *x, size_t stride, size_t n_i, size_t n,
                        uint16_t *p);

    /* See struct sov_blend. */
    void (*blend)(const struct sov_blend *m);

    /* x[n] turned by the Hadamard matrix of n, a power of two, divided by its
     * root (so that a second turn undoes the first): for h = 1, 2, 4 .. n / 2,
     * a + b and a - b of each a = x[i], b = x[i + h]; then times root */
    void (*turn)(float *x, size_t n, float root);
    void (*attn_span)(const struct sov_attn_span *a);
    /*
     * Add a later span (m1, s1, o1) to what was before it.  With top the
     * larger of m and m1, f = pow2(m - top) if m1 > m, else 1, and g =
     * pow2(m1 - top) unless m1 > m, else 1: s = fma(s1, g, s * f), likewise o.
     */
    void (*attn_add)(float *m, float *s, float *o, float m1, float s1,
                     const float *o1, size_t n);

    /* y[j * y_stride + i] -= sum over k of p[j * p_stride + k] *
     * v[k * v_stride + i], i below n: fma(-p, v, y) in order of k */
    void (*less_f64)(const double *p, size_t p_stride, size_t n_p,
                     const double *v, size_t v_stride, size_t n_k, double *y,
                     size_t y_stride, size_t n);
    /* y[j][lane] += sum over k of m[k * stride + j] * x[k][lane], not fused,
     * in order of k; for sixteen lanes, see kern/feedback.h */
    void (*fb_spread)(const float *m, size_t stride, size_t n_k, const float *x,
                      float *y, size_t n_y);
    void (*fb_round)(const struct sov_fb_round *a);
    void (*fb_descend)(const struct sov_fb_descend *a);

    /*
     * A step of AdamW; of each number
     *     g = g * by
     *     m = fma(a1, g - m, m)
     *     v = fma(a2, g * g - v, v)
     *     w = fma(-decay, w, w) - (m * rate) / (sqrt(v * norm) + eps)
     */
    void (*adamw)(const struct sov_adamw *a, const float *g, float *m, float *v,
                  float *w, size_t n);

    /* sum += x * unit, a power of two, in double and rounded to even.  Those
     * that are not below 2^SOV_FIX_BITS then are left out: false. */
    bool (*fix_add)(int64_t *sum, const float *x, double unit, size_t n);
    /* x = (float)((double)sum * by) */
    void (*fix_get)(const int64_t *sum, double by, float *x, size_t n);
};

/* The table for this machine, at most SOV_ISA; built once. */
const struct sov_kern *sov_kern(void);

/* The table for one instruction set, NULL if it is not built or cannot run
 * here.  For tests. */
const struct sov_kern *sov_kern_for(const char *isa);

#endif
