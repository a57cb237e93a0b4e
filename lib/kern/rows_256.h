/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows_256.h - rows of super-blocks, see rows.h
 */
#ifndef SOV_KERN_ROWS_256_H
#define SOV_KERN_ROWS_256_H

#include "kern/rows.h"

/* Scales, words of 16 (or 32) weights each, and what stands beside them. */
struct head {
    vec sc[2];    /* the first eight words, the others if there are */
    vec times[4]; /* or all multiples of each, see head_q2_k */
    vec signs[2]; /* a bit for each weight of a half, if weights have none */
    vec m[2];     /* likewise: what sums of activations are times */
    vecf d, dmin;
};

typedef void head_fn(const unsigned char *p, size_t stride, struct head *h);

/* The weights of one half, 128, in their order. */
typedef void half_fn(const unsigned char *p, size_t stride,
                     const struct head *h, int half, vec w[8]);

/* The form of sub-blocks. */
enum sub {
    SUB_16,      /* 16 weights with a sum of 16 bits for each four of them */
    SUB_16_SIGN, /* the same with signs apart */
    SUB_32,      /* 32 weights with a sum of 16 bits for each eight */
    SUB_32_WIDE, /* 32 signed weights */
    SUB_256,     /* no scales, or weights are taken times them */
};

/* What m is for. */
enum mins {
    MINS_NONE,
    MINS_OFFSET, /* weights are stored with an offset: added to the sum */
    MINS_APART,  /* a sum of its own */
};

/* Scale 2 k four times, and then scale 2 k + 1 */
INLINE vec
scale_pair(vec sc, int k)
{
    const vec first = V_BYTES(0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3);

    return v_pick8(sc, v_add8(first, v_set8(4 * k)));
}

/* Scale k as 32 bits, four times */
INLINE vec
scale_wide(vec sc, int k)
{
    const vec first = V_BYTES(-128, -128, 0, 1, -128, -128, 0, 1, -128, -128, 0,
                              1, -128, -128, 0, 1);

    return v_sar32(v_pick8(sc, v_add8(first, v_set8(2 * k))), 16);
}

/* 16 activations, negative where weights 16 k and on of a half are. */
INLINE vec
with_signs(vec x, vec signs, int k)
{
    return v_negate_if(x, spread_bits(signs, 2 * k), one_bit());
}

/* sum + products of one half with the activations at x */
INLINE vec
half_sum(vec sum, const vec w[8], const int8_t *x, const struct head *h,
         int half, enum sub sub)
{
    const vec zero = v_zero();
    vec a, b;
    int k;

    UNROLL
    for (k = 0; k < 4; k++) {
        if (sub == SUB_16 || sub == SUB_16_SIGN) {
            a = v_same(x + 32 * k);
            b = v_same(x + 32 * k + 16);
            if (sub == SUB_16_SIGN) {
                a = with_signs(a, h->signs[half], 2 * k);
                b = with_signs(b, h->signs[half], 2 * k + 1);
            }
            a = v_dot(zero, w[2 * k], a);
            b = v_dot(zero, w[2 * k + 1], b);
            sum = v_dot16(sum, v_pack16(a, b), scale_pair(h->sc[half], k));
        } else if (sub == SUB_32 && k % 2 == 0) {
            a = v_dot(zero, w[2 * k], v_same(x + 32 * k));
            a = v_dot(a, w[2 * k + 1], v_same(x + 32 * k + 16));
            b = v_dot(zero, w[2 * k + 2], v_same(x + 32 * k + 32));
            b = v_dot(b, w[2 * k + 3], v_same(x + 32 * k + 48));
            sum = v_dot16(sum, v_pack16(a, b),
                          scale_pair(h->sc[0], 2 * half + k / 2));
        } else if (sub == SUB_32_WIDE) {
            a = v_dot8(zero, w[2 * k], v_same(x + 32 * k));
            a = v_dot8(a, w[2 * k + 1], v_same(x + 32 * k + 16));
            sum = v_add32(sum, v_mul32(a, scale_wide(h->sc[0], 4 * half + k)));
        } else if (sub == SUB_256) {
            /* short chains: a dot product takes some cycles */
            a = v_dot(zero, w[2 * k], v_same(x + 32 * k));
            a = v_dot(a, w[2 * k + 1], v_same(x + 32 * k + 16));
            sum = v_add32(sum, a);
        }
    }
    return sum;
}

INLINE vec
min_sum(const struct head *h, const struct sov_a256 *a, enum sub sub)
{
    vec m;

    if (sub == SUB_32 || sub == SUB_32_WIDE)
        return v_dot16(v_zero(), h->m[0], v_same(a->sum32));
    m = v_dot16(v_zero(), h->m[0], v_same(a->sum));
    return v_dot16(m, h->m[1], v_same(a->sum + 8));
}

/* acc and the sums of a super-block */
INLINE vecf
super_step(vecf acc, const struct head *h, const struct sov_a256 *const a[4],
           const vec sum[4], const vec m[4], enum mins mins, int n_cols)
{
    vecf da = n_cols == 1 ? f_set(a[0]->d)
                          : f_same4(a[0]->d, a[1]->d, a[2]->d, a[3]->d);
    vecf d = f_mul(h->d, da);

    acc = f_fma(d, f_of(v_sums4(sum[0], sum[1], sum[2], sum[3])), acc);
    if (mins == MINS_APART)
        acc = f_fnma(f_mul(h->dmin, da), f_of(v_sums4(m[0], m[1], m[2], m[3])),
                     acc);
    return acc;
}

INLINE void
rows256(head_fn *head, half_fn *half, enum sub sub, enum mins mins,
        size_t bytes, int n_cols, const unsigned char *w, size_t stride,
        const unsigned char *act, size_t act_stride, size_t n, float *y)
{
    vecf acc = f_zero();
    const unsigned char *next = ahead_of(w, stride);
    size_t i;
    int c, part;

    for (i = 0; i < n / 256; i++, w += bytes) {
        const struct sov_a256 *a[4];
        struct head h;
        vec sum[4], m[4], q[8];

        ahead(next, bytes);
        next += ROWS * bytes;
        head(w, stride, &h);
        UNROLL
        for (c = 0; c < 4; c++) {
            /* columns that are not there are the first once more */
            size_t at = c < n_cols ? (size_t)c * act_stride : 0;

            a[c] = (const struct sov_a256 *)(const void *)(act + at) + i;
        }
        UNROLL
        for (c = 0; c < n_cols; c++) {
            m[c] = v_zero();
            if (mins != MINS_NONE)
                m[c] = min_sum(&h, a[c], sub);
            sum[c] = mins == MINS_OFFSET ? m[c] : v_zero();
        }
        UNROLL
        for (part = 0; part < 2; part++) {
            half(w, stride, &h, part, q);
            UNROLL
            for (c = 0; c < n_cols; c++)
                sum[c] =
                    half_sum(sum[c], q, a[c]->q + 128 * part, &h, part, sub);
        }
        UNROLL
        for (c = n_cols; c < 4; c++) {
            sum[c] = sum[0];
            m[c] = m[0];
        }
        acc = super_step(acc, &h, a, sum, m, mins, n_cols);
    }
    f_store(y, acc);
}

/* ---- heads */

/*
 * Sixteen bytes: f16 d, f16 dmin, and the eight scales and minima that are
 * drawn in quant/kscale.h
 */
INLINE void
head_k4(const unsigned char *p, size_t stride, struct head *h)
{
    const vec low =
        V_BYTES(4, 5, 6, 7, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
    const vec high =
        V_BYTES(-1, -1, -1, -1, 4, 5, 6, 7, -1, -1, -1, -1, 8, 9, 10, 11);
    vec v = v_rows(p, stride);
    vec a = v_shrv32(v_pick8(v, low), V_INTS(0, 0, 0, 4));
    vec b = v_shr16(v_pick8(v, high), 2);

    a = v_and(a, V_INTS(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f));
    a = v_or(a, v_and(b, v_set8(0x30)));
    h->sc[0] = v_low8(a, v_zero());
    h->m[0] = v_high8(a, v_zero());
    h->d = v_half(v, 0);
    h->dmin = v_half(v, 1);
}

/*
 * Weights of 0 to 3 times scales of 4 bits are bytes, and so four scales with
 * their four multiples are a table for weights.
 */
INLINE void
head_q2_k(const unsigned char *p, size_t stride, struct head *h)
{
    vec v = v_rows(p, stride);
    vec sc = v_and(v, v_set8(15));
    vec m = v_and(v_shr16(v, 4), v_set8(15));
    vec twice = v_add8(sc, sc);
    vec thrice = v_add8(twice, sc);
    vec a = v_low8(v_zero(), sc);
    vec b = v_low8(twice, thrice);
    vec last = v_rows(p + 68, stride);

    h->times[0] = v_low16(a, b);
    h->times[1] = v_high16(a, b);
    a = v_high8(v_zero(), sc);
    b = v_high8(twice, thrice);
    h->times[2] = v_low16(a, b);
    h->times[3] = v_high16(a, b);
    h->m[0] = v_low8(m, v_zero());
    h->m[1] = v_high8(m, v_zero());
    h->d = v_half(last, 6);
    h->dmin = v_half(last, 7);
}

/* Sixteen signed bytes as scales, of weights with an offset of 1 << shift. */
INLINE void
signed_scales(vec sc, int shift, struct head *h)
{
    int i;

    h->sc[0] = v_sar16(v_low8(sc, sc), 8);
    h->sc[1] = v_sar16(v_high8(sc, sc), 8);
    UNROLL
    for (i = 0; i < 2; i++)
        h->m[i] = v_sub16(v_zero(), v_shr16(h->sc[i], -shift));
}

/* The sixteen scales of q3_k.c are its bytes 96 to 107, d 108 and 109. */
INLINE void
head_q3_k(const unsigned char *p, size_t stride, struct head *h)
{
    const vec low = V_BYTES(2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5, 6, 7, 8, 9);
    const vec high =
        V_BYTES(10, 11, 12, 13, 10, 11, 12, 13, 10, 11, 12, 13, 10, 11, 12, 13);
    vec v = v_rows(p + 94, stride);
    vec a = v_shrv32(v_pick8(v, low), V_INTS(0, 0, 4, 4));
    vec b = v_shrv32(v_pick8(v, high), V_INTS(0, 2, 4, 6));

    a = v_and(a, v_set8(15));
    b = v_shr16(v_and(b, v_set8(3)), -4);
    signed_scales(v_sub8(v_or(a, b), v_set8(32)), 2, h);
    h->d = v_half(v, 7);
}

INLINE void
head_q6_k(const unsigned char *p, size_t stride, struct head *h)
{
    signed_scales(v_rows(p + 192, stride), 5, h);
    h->d = v_half(v_rows(p + 194, stride), 7);
}

/*
 * f16 d | u16 high | u8 low[4]: scale k has its low bits in a half of
 * low[k / 2], its high ones in bits 2 k, 2 k + 1 of high.
 */
INLINE void
head_iq4_xs(const unsigned char *p, size_t stride, struct head *h)
{
    vec v = v_rows(p, stride);
    vec low = v_pick8(
        v, V_BYTES(4, -1, 4, -1, 5, -1, 5, -1, 6, -1, 6, -1, 7, -1, 7, -1));
    vec high = v_pick8(
        v, V_WORDS(0x302, 0x302, 0x302, 0x302, 0x302, 0x302, 0x302, 0x302));

    low = v_mul16(low, V_WORDS(16, 1, 16, 1, 16, 1, 16, 1));
    low = v_and(v_shr16(low, 4), v_set16(15));
    high = v_mul16(high, V_WORDS(1 << 14, 1 << 12, 1 << 10, 1 << 8, 1 << 6,
                                 1 << 4, 1 << 2, 1));
    high = v_shr16(v_shr16(high, 14), -4);
    h->sc[0] = v_sub16(v_or(low, high), v_set16(32));
    h->m[0] = v_sub16(v_zero(), v_shr16(h->sc[0], -BIAS8));
    h->d = v_half(v, 0);
}

/* d in bytes 64 and 65, an offset of 1 */
INLINE void
head_tq2_0(const unsigned char *p, size_t stride, struct head *h)
{
    h->m[0] = h->m[1] = v_set16(-1);
    h->d = v_half(v_rows(p + 50, stride), 7);
}

/* ---- halves */

INLINE vec
nibble(vec v, int high)
{
    return v_and(high ? v_shr16(v, 4) : v, v_set8(15));
}

INLINE void
half_q4_k(const unsigned char *p, size_t stride, const struct head *h, int half,
          vec w[8])
{
    int i;

    (void)h;
    UNROLL
    for (i = 0; i < 4; i++) {
        vec v = v_rows(p + 16 + 64 * half + 16 * i, stride);

        w[i / 2 * 4 + i % 2] = nibble(v, 0);
        w[i / 2 * 4 + i % 2 + 2] = nibble(v, 1);
    }
}

/* Bit from of each byte, as bit to */
INLINE vec
bit(vec v, int from, int to)
{
    return v_and(v_shr16(v, from - to), v_set8(1 << to));
}

INLINE void
half_q5_k(const unsigned char *p, size_t stride, const struct head *h, int half,
          vec w[8])
{
    vec high[2];
    int i;

    high[0] = v_rows(p + 16, stride);
    high[1] = v_rows(p + 32, stride);
    half_q4_k(p + 32, stride, h, half, w);
    UNROLL
    for (i = 0; i < 8; i++)
        w[i] = v_or(w[i], bit(high[i % 2], 4 * half + i / 2, 4));
}

INLINE void
half_q6_k(const unsigned char *p, size_t stride, const struct head *h, int half,
          vec w[8])
{
    vec high[2];
    int i;

    (void)h;
    high[0] = v_rows(p + 128 + 32 * half, stride);
    high[1] = v_rows(p + 144 + 32 * half, stride);
    UNROLL
    for (i = 0; i < 4; i++) {
        vec v = v_rows(p + 64 * half + 16 * i, stride);

        w[i] = nibble(v, 0);
        w[i + 4] = nibble(v, 1);
    }
    UNROLL
    for (i = 0; i < 8; i++)
        w[i] = v_or(w[i],
                    v_and(v_shr16(high[i % 2], i / 2 * 2 - 4), v_set8(0x30)));
}

/* 32 bytes at p, two bits of them at a time */
INLINE void
two_bits(const unsigned char *p, size_t stride, vec w[8])
{
    vec v[2];
    int i;

    v[0] = v_rows(p, stride);
    v[1] = v_rows(p + 16, stride);
    UNROLL
    for (i = 0; i < 8; i++)
        w[i] = v_and(v_shr16(v[i % 2], i / 2 * 2), v_set8(3));
}

INLINE void
half_q2_k(const unsigned char *p, size_t stride, const struct head *h, int half,
          vec w[8])
{
    int i;

    two_bits(p + 16 + 32 * half, stride, w);
    UNROLL
    for (i = 0; i < 8; i++)
        w[i] = v_pick8(h->times[2 * half + i / 4],
                       v_or(w[i], v_set8(4 * (i % 4))));
}

INLINE void
half_tq2_0(const unsigned char *p, size_t stride, const struct head *h,
           int half, vec w[8])
{
    (void)h;
    two_bits(p + 32 * half, stride, w);
}

INLINE void
half_q3_k(const unsigned char *p, size_t stride, const struct head *h, int half,
          vec w[8])
{
    vec high[2];
    int i;

    (void)h;
    high[0] = v_rows(p, stride);
    high[1] = v_rows(p + 16, stride);
    two_bits(p + 32 + 32 * half, stride, w);
    UNROLL
    for (i = 0; i < 8; i++)
        w[i] = v_or(w[i], bit(high[i % 2], 4 * half + i / 2, 2));
}

INLINE void
half_iq4_xs(const unsigned char *p, size_t stride, const struct head *h,
            int half, vec w[8])
{
    int i;

    (void)h;
    UNROLL
    for (i = 0; i < 4; i++) {
        vec v = v_rows(p + 8 + 64 * half + 16 * i, stride);

        w[2 * i] = v_pick8(iq4_table(), nibble(v, 0));
        w[2 * i + 1] = v_pick8(iq4_table(), nibble(v, 1));
    }
}

/* ---- all columns */

#define ROWS256_COLUMNS(type, bytes, head, sub, mins, n_cols)                 \
    static void rows_##type##_##n_cols(const unsigned char *w, size_t stride, \
                                       const unsigned char *act,              \
                                       size_t act_stride, size_t n, float *y) \
    {                                                                         \
        rows256(head, half_##type, sub, mins, bytes, n_cols, w, stride, act,  \
                act_stride, n, y);                                            \
    }

#define DOT256(type, bytes, head, sub, mins)         \
    ROWS256_COLUMNS(type, bytes, head, sub, mins, 1) \
    ROWS256_COLUMNS(type, bytes, head, sub, mins, 2) \
    ROWS256_COLUMNS(type, bytes, head, sub, mins, 3) \
    ROWS256_COLUMNS(type, bytes, head, sub, mins, 4) \
    DOT(type)

#ifdef WITH_STRIPS
#define DOT256_REST(type, bytes, head, sub, mins)    \
    ROWS256_COLUMNS(type, bytes, head, sub, mins, 1) \
    DOT_REST(type)
#else
#define DOT256_REST DOT256
#endif

/* An ISA may have a rows_fn of its own for one column, and strips for more. */
#ifdef WITH_WHOLE_Q6_K
DOT_REST(q6_k)
#else
DOT256_REST(q6_k, 210, head_q6_k, SUB_16, MINS_OFFSET)
#endif

DOT256_REST(q2_k, 84, head_q2_k, SUB_256, MINS_APART)
DOT256_REST(q3_k, 110, head_q3_k, SUB_16, MINS_OFFSET)
DOT256_REST(q4_k, 144, head_k4, SUB_32, MINS_APART)
DOT256_REST(q5_k, 176, head_k4, SUB_32, MINS_APART)
DOT256_REST(iq4_xs, 136, head_iq4_xs, SUB_32_WIDE,
            BIAS8 != 0 ? MINS_OFFSET : MINS_NONE)
DOT256(tq2_0, 66, head_tq2_0, SUB_256, MINS_OFFSET)

INLINE void
rows_256_slots(struct sov_kern *k)
{
    k->dot[SOV_TYPE_Q2_K] = dot_q2_k;
    k->dot[SOV_TYPE_Q3_K] = dot_q3_k;
    k->dot[SOV_TYPE_Q4_K] = dot_q4_k;
    k->dot[SOV_TYPE_Q5_K] = dot_q5_k;
    k->dot[SOV_TYPE_Q6_K] = dot_q6_k;
    k->dot[SOV_TYPE_IQ4_XS] = dot_iq4_xs;
    k->dot[SOV_TYPE_TQ2_0] = dot_tq2_0;
}

#endif
