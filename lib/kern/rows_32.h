/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows_32.h - rows of blocks with float scales, see rows.h
 *
 * They go in pieces of 256 weights, eight blocks of 32 or what makes as many.
 * Lane b of a row is block b, or 4 + b, of a piece.
 */
#ifndef SOV_KERN_ROWS_32_H
#define SOV_KERN_ROWS_32_H

#include "kern/rows.h"

/* Bytes of a piece, at most. */
#define PIECE_MAX 272

/* Scales, and minima or second scales, of blocks 0 to 3 and 4 to 7. */
struct scales {
    vecf d[2];
    vecf m[2];
};

typedef void scales_fn(const unsigned char *p, size_t stride, struct scales *s);

/* The 32 weights of block b of a piece. */
typedef void block_fn(const unsigned char *p, size_t stride, int b, vec w[2]);

enum kind {
    KIND_OFFSET, /* unsigned weights with an offset of 1 << shift */
    KIND_MIN,    /* unsigned weights and a minimum */
    KIND_SIGNED, /* weights of v_signed */
    KIND_TWO,    /* offset 16, a scale for each 16 weights */
};

INLINE vec
dot_block(const vec w[2], const int8_t *x, enum kind kind)
{
    if (kind == KIND_SIGNED)
        return v_dot8(v_dot8(v_zero(), w[0], v_same(x)), w[1], v_same(x + 16));
    return v_dot(v_dot(v_zero(), w[0], v_same(x)), w[1], v_same(x + 16));
}

/* Sums of weights that are 16 too large with 16 activations. */
INLINE vec
dot_less_16(vec w, const int8_t *x)
{
    return v_sub32(v_dot(v_zero(), w, v_same(x)),
                   v_dot(v_zero(), v_set8(16), v_same(x)));
}

/* p of four blocks with a scale for each half */
INLINE vecf
products_two(const vec w[8], const struct scales *s, const struct sov_a32 *a,
             int four)
{
    const int8_t *x = a->q + 128 * four;
    vecf da = f_same(a->d + 4 * four);
    vec t[8];
    int i;

    UNROLL
    for (i = 0; i < 8; i++)
        t[i] = dot_less_16(w[i], x + 16 * i);
    return f_add(
        f_mul(f_mul(s->d[four], da), f_of(v_sums4(t[0], t[2], t[4], t[6]))),
        f_mul(f_mul(s->m[four], da), f_of(v_sums4(t[1], t[3], t[5], t[7]))));
}

/* p of four blocks, see kern.h */
INLINE vecf
products(const vec w[8], const struct scales *s, const struct sov_a32 *a,
         int four, enum kind kind, int shift)
{
    const int8_t *x = a->q + 128 * four;
    vec sum;
    vecf p;

    if (kind == KIND_TWO)
        return products_two(w, s, a, four);
    sum =
        v_sums4(dot_block(w, x, kind), dot_block(w + 2, x + 32, kind),
                dot_block(w + 4, x + 64, kind), dot_block(w + 6, x + 96, kind));
    if (kind == KIND_OFFSET || (kind == KIND_SIGNED && BIAS8 != 0))
        sum = v_sub32(sum, v_shr32(v_same(a->sum + 4 * four), -shift));
    p = f_mul(f_mul(s->d[four], f_same(a->d + 4 * four)), f_of(sum));
    if (kind == KIND_MIN)
        p = f_add(p, f_mul(s->m[four], f_same(a->s + 4 * four)));
    return p;
}

/* acc + the tree of eight products, in all lanes */
INLINE vecf
tree(vecf acc, vecf low, vecf high)
{
    vecf v = f_add(f_even(low, high), f_odd(low, high));

    v = f_add(f_even(v, v), f_odd(v, v));
    return f_add(acc, f_add(f_even(v, v), f_odd(v, v)));
}

/* One piece of each row. */
INLINE void
piece32(scales_fn *scales, block_fn *block, enum kind kind, int shift,
        int n_cols, const unsigned char *w, size_t stride,
        const unsigned char *act, size_t act_stride, vecf acc[4])
{
    struct scales s;
    vecf p[2][4];
    vec q[8];
    int four, b, c;

    scales(w, stride, &s);
    UNROLL
    for (four = 0; four < 2; four++) {
        UNROLL
        for (b = 0; b < 4; b++)
            block(w, stride, 4 * four + b, q + 2 * b);
        UNROLL
        for (c = 0; c < n_cols; c++)
            p[four][c] =
                products(q, &s, (const void *)(act + (size_t)c * act_stride),
                         four, kind, shift);
    }
    UNROLL
    for (c = 0; c < n_cols; c++)
        acc[c] = tree(acc[c], p[0][c], p[1][c]);
}

INLINE void
rows32(scales_fn *scales, block_fn *block, enum kind kind, int shift,
       size_t per_block, size_t bytes, int n_cols, const unsigned char *w,
       size_t stride, const unsigned char *act, size_t act_stride, size_t n,
       float *y)
{
    size_t piece = 256 / per_block * bytes;
    vecf acc[4] = { f_zero(), f_zero(), f_zero(), f_zero() };
    float lanes[4 * ROWS];
    const unsigned char *next = ahead_of(w, stride);
    size_t i, r;
    int c;

    for (i = 0; i < n / 256; i++, w += piece) {
        ahead(next, piece);
        next += ROWS * piece;
        piece32(scales, block, kind, shift, n_cols, w, stride,
                act + i * sizeof(struct sov_a32), act_stride, acc);
    }
    if (n % 256 != 0) {
        /* blocks that are missing have activations, scales and sums of 0 */
        unsigned char rest[ROWS][PIECE_MAX] = { { 0 } };

        for (r = 0; r < ROWS; r++)
            memcpy(rest[r], w + r * stride, n % 256 / per_block * bytes);
        piece32(scales, block, kind, shift, n_cols, rest[0], PIECE_MAX,
                act + i * sizeof(struct sov_a32), act_stride, acc);
    }
    UNROLL
    for (c = 0; c < n_cols; c++) {
        f_store(lanes, acc[c]);
        for (r = 0; r < ROWS; r++)
            y[4 * r + (size_t)c] = lanes[4 * r];
    }
}

/* ---- scales */

/* A half float at the start of each block. */
INLINE void
halves_at(const unsigned char *p, size_t stride, size_t size, const short at[8],
          vecf d[2])
{
    vec v = v_words(p, stride, size, at);

    d[0] = v_halves(v, 0);
    d[1] = v_halves(v, 1);
}

#define EVERY(bytes, first)                                \
    {                                                      \
        (first), (bytes) + (first), 2 * (bytes) + (first), \
            3 * (bytes) + (first), 4 * (bytes) + (first),  \
            5 * (bytes) + (first), 6 * (bytes) + (first),  \
            7 * (bytes) + (first)                          \
    }

#define SCALES(type, bytes)                                          \
    INLINE void scales_##type(const unsigned char *p, size_t stride, \
                              struct scales *s)                      \
    {                                                                \
        static const short d[8] = EVERY(bytes, 0);                   \
                                                                     \
        halves_at(p, stride, 8 * bytes, d, s->d);                    \
    }

#define SCALES_AND_MINS(type, bytes)                                 \
    INLINE void scales_##type(const unsigned char *p, size_t stride, \
                              struct scales *s)                      \
    {                                                                \
        static const short d[8] = EVERY(bytes, 0);                   \
        static const short m[8] = EVERY(bytes, 2);                   \
                                                                     \
        halves_at(p, stride, 8 * bytes, d, s->d);                    \
        halves_at(p, stride, 8 * bytes, m, s->m);                    \
    }

SCALES(q8_0, 34)
SCALES(q4_0, 18)
SCALES(q5_0, 22)
SCALES(iq4_nl, 18)
SCALES_AND_MINS(q4_1, 20)
SCALES_AND_MINS(q5_1, 24)

/* 2^(e - 128), see quant/fp4_scale.h; e in 32-bit lanes */
INLINE vecf
power_scale(vec e)
{
    vec one = v_set32(1);

    return f_bits(v_if_less32(e, v_set32(2), v_shr32(v_add32(e, one), -21),
                              v_shr32(v_sub32(e, one), -23)));
}

/* Bytes 17 b: of a word they are the low one and the high one in turns. */
INLINE void
scales_mxfp4(const unsigned char *p, size_t stride, struct scales *s)
{
    static const short at[8] = { 0, 16, 34, 50, 68, 84, 102, 118 };
    vec e = v_pick8(
        v_words(p, stride, 136, at),
        V_BYTES(0, -1, 3, -1, 4, -1, 7, -1, 8, -1, 11, -1, 12, -1, 15, -1));

    s->d[0] = power_scale(v_low16(e, v_zero()));
    s->d[1] = power_scale(v_high16(e, v_zero()));
}

/*
 * Half of an 8-bit float, one in a word: as a half float it has another bias,
 * 8 instead of 15 with the halving.
 */
INLINE void
small_floats(vec x, vecf d[2])
{
    vec seven = v_and(x, v_set16(127));
    vec off = v_xor(x, v_set16(127)); /* 0 for a NaN */
    vec is_nan = v_shr16(v_sub16(off, v_set16(1)), 15);
    vecf factor = f_set(128.0f);

    seven = v_mul16(v_shr16(seven, -7), v_xor(is_nan, v_set16(1)));
    d[0] = f_mul(v_halves(seven, 0), factor);
    d[1] = f_mul(v_halves(seven, 1), factor);
}

/* Four blocks of 64 with scales of 16 weights in their first four bytes. */
INLINE void
scales_nvfp4(const unsigned char *p, size_t stride, struct scales *s)
{
    static const short at[8] = { 0, 2, 36, 38, 72, 74, 108, 110 };
    vec v = v_words(p, stride, 144, at);

    small_floats(v_and(v, v_set16(255)), s->d);
    small_floats(v_shr16(v, 8), s->m);
}

INLINE void
scales_q1_0(const unsigned char *p, size_t stride, struct scales *s)
{
    static const short at[8] = { 0, 0, 0, 0, 18, 18, 18, 18 };

    halves_at(p, stride, 36, at, s->d);
}

INLINE void
scales_q2_0(const unsigned char *p, size_t stride, struct scales *s)
{
    static const short at[8] = { 0, 0, 18, 18, 36, 36, 54, 54 };

    halves_at(p, stride, 72, at, s->d);
}

/* ---- blocks */

INLINE void
block_q8_0(const unsigned char *p, size_t stride, int b, vec w[2])
{
    w[0] = v_signed(v_rows(p + 34 * b + 2, stride));
    w[1] = v_signed(v_rows(p + 34 * b + 18, stride));
}

/* 16 bytes of nibbles, the low ones first */
INLINE void
nibbles(const unsigned char *p, size_t stride, vec w[2])
{
    vec v = v_rows(p, stride);

    w[0] = v_and(v, v_set8(15));
    w[1] = v_and(v_shr16(v, 4), v_set8(15));
}

/* Bit j of four bytes is worth 16 in byte j. */
INLINE void
fifth_bits(const unsigned char *p, size_t stride, vec w[2])
{
    vec v = v_rows4(p, stride);

    w[0] = v_add_if(w[0], spread_bits(v, 0), one_bit(), v_set8(16));
    w[1] = v_add_if(w[1], spread_bits(v, 2), one_bit(), v_set8(16));
}

INLINE void
block_q4_0(const unsigned char *p, size_t stride, int b, vec w[2])
{
    nibbles(p + 18 * b + 2, stride, w);
}

INLINE void
block_q4_1(const unsigned char *p, size_t stride, int b, vec w[2])
{
    nibbles(p + 20 * b + 4, stride, w);
}

INLINE void
block_q5_0(const unsigned char *p, size_t stride, int b, vec w[2])
{
    nibbles(p + 22 * b + 6, stride, w);
    fifth_bits(p + 22 * b + 2, stride, w);
}

INLINE void
block_q5_1(const unsigned char *p, size_t stride, int b, vec w[2])
{
    nibbles(p + 24 * b + 8, stride, w);
    fifth_bits(p + 24 * b + 4, stride, w);
}

INLINE void
block_iq4_nl(const unsigned char *p, size_t stride, int b, vec w[2])
{
    nibbles(p + 18 * b + 2, stride, w);
    w[0] = v_pick8(iq4_table(), w[0]);
    w[1] = v_pick8(iq4_table(), w[1]);
}

/* Doubled E2M1, 16 more. */
INLINE vec
fp4_table(void)
{
    return V_BYTES(16, 17, 18, 19, 20, 22, 24, 28, 16, 15, 14, 13, 12, 10, 8,
                   4);
}

INLINE void
block_mxfp4(const unsigned char *p, size_t stride, int b, vec w[2])
{
    nibbles(p + 17 * b + 1, stride, w);
    w[0] = v_pick8(fp4_table(), w[0]);
    w[1] = v_pick8(fp4_table(), w[1]);
}

/* Eight bytes make 16 weights, the low halves first. */
INLINE void
block_nvfp4(const unsigned char *p, size_t stride, int b, vec w[2])
{
    vec v[2];

    nibbles(p + 36 * (b / 2) + 4 + 16 * (b % 2), stride, v);
    w[0] = v_pick8(fp4_table(), v_low64(v[0], v[1]));
    w[1] = v_pick8(fp4_table(), v_high64(v[0], v[1]));
}

/* A bit is 1, none -1: 2 and 0 with an offset. */
INLINE void
block_q1_0(const unsigned char *p, size_t stride, int b, vec w[2])
{
    vec v = v_rows4(p + 18 * (b / 4) + 2 + 4 * (b % 4), stride);

    w[0] = v_add_if(v_zero(), spread_bits(v, 0), one_bit(), v_set8(2));
    w[1] = v_add_if(v_zero(), spread_bits(v, 2), one_bit(), v_set8(2));
}

/* Four weights from each 32-bit lane's low byte. */
INLINE vec
four_each(vec v)
{
    v = v_or(v, v_shr32(v, -12));
    v = v_or(v, v_shr32(v, -6));
    return v_and(v, v_set8(3));
}

INLINE void
block_q2_0(const unsigned char *p, size_t stride, int b, vec w[2])
{
    const vec low =
        V_BYTES(0, -1, -1, -1, 1, -1, -1, -1, 2, -1, -1, -1, 3, -1, -1, -1);
    const unsigned char *q = p + 18 * (b / 2) + 2 + 8 * (b % 2);

    w[0] = four_each(v_pick8(v_rows4(q, stride), low));
    w[1] = four_each(v_pick8(v_rows4(q + 4, stride), low));
}

/* ---- all columns */

#define ROWS32_COLUMNS(type, per_block, bytes, kind, shift, n_cols)           \
    static void rows_##type##_##n_cols(const unsigned char *w, size_t stride, \
                                       const unsigned char *act,              \
                                       size_t act_stride, size_t n, float *y) \
    {                                                                         \
        rows32(scales_##type, block_##type, kind, shift, per_block, bytes,    \
               n_cols, w, stride, act, act_stride, n, y);                     \
    }

#define DOT32(type, per_block, bytes, kind, shift)         \
    ROWS32_COLUMNS(type, per_block, bytes, kind, shift, 1) \
    ROWS32_COLUMNS(type, per_block, bytes, kind, shift, 2) \
    ROWS32_COLUMNS(type, per_block, bytes, kind, shift, 3) \
    ROWS32_COLUMNS(type, per_block, bytes, kind, shift, 4) \
    DOT(type)

#ifdef WITH_STRIPS
#define DOT32_REST(type, per_block, bytes, kind, shift)    \
    ROWS32_COLUMNS(type, per_block, bytes, kind, shift, 1) \
    DOT_REST(type)
#else
#define DOT32_REST DOT32
#endif

DOT32_REST(q8_0, 32, 34, KIND_SIGNED, BIAS8)
DOT32_REST(q4_0, 32, 18, KIND_OFFSET, 3)
DOT32_REST(q4_1, 32, 20, KIND_MIN, 0)
DOT32_REST(q5_0, 32, 22, KIND_OFFSET, 4)
DOT32_REST(q5_1, 32, 24, KIND_MIN, 0)
DOT32_REST(iq4_nl, 32, 18, KIND_SIGNED, BIAS8)
DOT32_REST(mxfp4, 32, 17, KIND_OFFSET, 4)
DOT32(nvfp4, 64, 36, KIND_TWO, 0)
DOT32(q1_0, 128, 18, KIND_OFFSET, 0)
DOT32(q2_0, 64, 18, KIND_OFFSET, 0)

INLINE void
rows_32_slots(struct sov_kern *k)
{
    k->dot[SOV_TYPE_Q8_0] = dot_q8_0;
    k->dot[SOV_TYPE_Q4_0] = dot_q4_0;
    k->dot[SOV_TYPE_Q4_1] = dot_q4_1;
    k->dot[SOV_TYPE_Q5_0] = dot_q5_0;
    k->dot[SOV_TYPE_Q5_1] = dot_q5_1;
    k->dot[SOV_TYPE_IQ4_NL] = dot_iq4_nl;
    k->dot[SOV_TYPE_MXFP4] = dot_mxfp4;
    k->dot[SOV_TYPE_NVFP4] = dot_nvfp4;
    k->dot[SOV_TYPE_Q1_0] = dot_q1_0;
    k->dot[SOV_TYPE_Q2_0] = dot_q2_0;
}

#endif
