/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strips_32.h - strips of blocks with float scales, see strips.h and rows_32.h
 */
#ifndef SOV_KERN_STRIPS_32_H
#define SOV_KERN_STRIPS_32_H

#include "kern/rows_32.h"
#include "kern/strips.h"

#include <stdalign.h>

/* Scales, and minima, of the eight blocks of a piece, a row a lane. */
struct strip_scales {
    vecf d[8];
    vecf m[8];
};

typedef void strip_scales_fn(const unsigned char *p, size_t stride,
                             struct strip_scales *s);

/* Dword k of the weights of the block at p, for k from 0 to 7. */
typedef void strip_block_fn(const unsigned char *p, size_t stride, vec w[8]);

struct strip_kind {
    enum kind kind;
    int shift;
    size_t bytes;
};

/* Where the sums of eight blocks of each column start. */
INLINE void
strip_starts(const struct strip_kind *f, const struct sov_a32 *const a[4],
             int n_cols, int32_t start[4][8])
{
    int b, c;

    UNROLL
    for (c = 0; c < n_cols; c++)
        for (b = 0; b < 8; b++)
            start[c][b] = -a[c]->sum[b] * (1 << f->shift);
}

/* The products of one block, see kern.h */
INLINE void
strip_products(const struct strip_kind *f, strip_block_fn *block,
               const unsigned char *w, size_t stride, const unsigned char *next,
               const struct strip_scales *s, const struct sov_a32 *const a[4],
               int n_cols, int b, int odd, int32_t start[4][8], vecf p[4])
{
    vec q[8], t[4];
    int c, k;

    block(w + (size_t)b * f->bytes, stride, q);
    UNROLL
    for (c = 0; c < n_cols; c++)
        t[c] = f->kind == KIND_OFFSET || (f->kind == KIND_SIGNED && BIAS8 != 0)
                   ? v_four(&start[c][b])
                   : v_zero();
    UNROLL
    for (k = 0; k < 8; k++) {
        strip_ahead_at(next, 8 * f->bytes, b / 2, 4, 8 * odd + k, 16);
        UNROLL
        for (c = 0; c < n_cols; c++) {
            vec x = v_four(a[c]->q + 32 * b + 4 * k);

            t[c] = f->kind == KIND_SIGNED ? v_dot8(t[c], q[k], x)
                                          : v_dot(t[c], q[k], x);
        }
    }
    UNROLL
    for (c = 0; c < n_cols; c++) {
        p[c] = f_mul(f_mul(s->d[b], f_set(a[c]->d[b])), f_of(t[c]));
        if (f->kind == KIND_MIN)
            p[c] = f_add(p[c], f_mul(s->m[b], f_set(a[c]->s[b])));
    }
}

/*
 * One piece of each row.  Products are added as a tree: what waits for its
 * other half waits in memory.
 */
INLINE void
strip_piece(const struct strip_kind *f, strip_block_fn *block, int n_cols,
            const unsigned char *w, size_t stride, const unsigned char *next,
            const struct strip_scales *s, const struct sov_a32 *const a[4],
            vecf acc[4])
{
    int32_t start[4][8];
    vecf half[4][4];
    int b, c;

    strip_starts(f, a, n_cols, start);
    AS_LOOP
    for (b = 0; b < 4; b++) {
        vecf p[4], q[4];

        strip_products(f, block, w, stride, next, s, a, n_cols, 2 * b, 0, start,
                       p);
        strip_products(f, block, w, stride, next, s, a, n_cols, 2 * b + 1, 1,
                       start, q);
        UNROLL
        for (c = 0; c < n_cols; c++)
            half[b][c] = f_add(p[c], q[c]);
    }
    UNROLL
    for (c = 0; c < n_cols; c++)
        acc[c] = f_add(acc[c], f_add(f_add(half[0][c], half[1][c]),
                                     f_add(half[2][c], half[3][c])));
}

/* A piece of a strip. */
struct piece {
    const unsigned char *p;
    size_t stride;
};

/* What is left of the rows, with zeros behind it: blocks that are missing have
 * activations, scales and sums of 0. */
INLINE struct piece
last_piece(const unsigned char *w, size_t stride, size_t bytes,
           unsigned char rest[STRIP][PIECE_MAX])
{
    size_t r;

    for (r = 0; r < STRIP; r++) {
        memset(rest[r], 0, PIECE_MAX);
        memcpy(rest[r], w + r * stride, bytes);
    }
    return (struct piece){ rest[0], PIECE_MAX };
}

INLINE void
strip32(struct strip_kind f, strip_scales_fn *scales, strip_block_fn *block,
        int n_cols, const unsigned char *w, size_t stride,
        const unsigned char *act, size_t act_stride, size_t n, float *y,
        size_t y_stride)
{
    vecf acc[4] = { f_zero(), f_zero(), f_zero(), f_zero() };
    unsigned char rest[STRIP][PIECE_MAX];
    const unsigned char *next = w + strip_distance(stride);
    size_t bytes = 8 * f.bytes;
    struct strip_scales s[2];
    struct piece now = { w, stride };
    struct piece then;
    size_t i;
    int c;

    if (n < 256)
        now = last_piece(w, stride, n / 32 * f.bytes, rest);
    then = now;
    scales(now.p, now.stride, &s[0]);
    for (i = 0; i < (n + 255) / 256; i++, now = then, next += STRIP * bytes) {
        const struct sov_a32 *a[4];

        if (n >= 256 * (i + 2))
            then.p += bytes;
        else if (n > 256 * (i + 1))
            then = last_piece(then.p + bytes, stride, n % 256 / 32 * f.bytes,
                              rest);
        scales(then.p, then.stride, &s[(i + 1) % 2]);
        UNROLL
        for (c = 0; c < n_cols; c++)
            a[c] =
                (const struct sov_a32 *)(const void *)(act +
                                                       (size_t)c * act_stride) +
                i;
        strip_piece(&f, block, n_cols, now.p, now.stride, next, &s[i % 2], a,
                    acc);
    }
    UNROLL
    for (c = 0; c < n_cols; c++)
        f_store(y + (size_t)c * y_stride, acc[c]);
}

/* ---- scales and blocks */

/* Words of each row, from the bytes at of a piece: two to a register. */
INLINE void
strip_words(const unsigned char *p, size_t stride, size_t size,
            const short at[8], vec v[4])
{
    turn(v_words(p, 4 * stride, size, at),
         v_words(p + stride, 4 * stride, size, at),
         v_words(p + 2 * stride, 4 * stride, size, at),
         v_words(p + 3 * stride, 4 * stride, size, at), v);
}

INLINE void
strip_halves(const unsigned char *p, size_t stride, size_t size,
             const short at[8], vecf d[8])
{
    vec v[4];
    int b;

    strip_words(p, stride, size, at, v);
    UNROLL
    for (b = 0; b < 8; b++)
        d[b] = f_halves32(v_shr32(v[b / 2], 16 * (b % 2)));
}

#define STRIP_SCALES(type, bytes)                                          \
    INLINE void strip_scales_##type(const unsigned char *p, size_t stride, \
                                    struct strip_scales *s)                \
    {                                                                      \
        static const short d[8] = EVERY(bytes, 0);                         \
                                                                           \
        strip_halves(p, stride, 8 * bytes, d, s->d);                       \
    }

/* Half floats d and m at the start of each block. */
INLINE void
strip_pairs(const unsigned char *p, size_t stride, size_t bytes,
            struct strip_scales *s)
{
    alignas(64) uint32_t v[8][STRIP];
    size_t b, r;

    for (r = 0; r < STRIP; r++, p += stride) {
        UNROLL
        for (b = 0; b < 8; b++)
            v[b][r] = sov_le32(p + b * bytes);
    }
    UNROLL
    for (b = 0; b < 8; b++) {
        s->d[b] = f_halves32(v_load(v[b]));
        s->m[b] = f_halves32(v_shr32(v_load(v[b]), 16));
    }
}

#define STRIP_PAIRS(type, bytes)                                           \
    INLINE void strip_scales_##type(const unsigned char *p, size_t stride, \
                                    struct strip_scales *s)                \
    {                                                                      \
        strip_pairs(p, stride, bytes, s);                                  \
    }

STRIP_SCALES(q8_0, 34)
STRIP_SCALES(q5_0, 22)
STRIP_SCALES(iq4_nl, 18)
STRIP_PAIRS(q4_1, 20)
STRIP_PAIRS(q5_1, 24)

/* Bytes 17 b, see scales_mxfp4() */
INLINE void
strip_scales_mxfp4(const unsigned char *p, size_t stride,
                   struct strip_scales *s)
{
    static const short at[8] = { 0, 16, 34, 50, 68, 84, 102, 118 };
    vec v[4];
    int b;

    strip_words(p, stride, 136, at, v);
    UNROLL
    for (b = 0; b < 8; b++)
        s->d[b] =
            power_scale(v_and(v_shr32(v[b / 2], 24 * (b % 2)), v_set32(255)));
}

/* Sixteen bytes at p: low nibbles, and then high ones. */
INLINE void
strip_nibbles(const unsigned char *p, size_t stride, vec w[8])
{
    vec v[4];
    int k;

    take(p, stride, v);
    UNROLL
    for (k = 0; k < 8; k++)
        w[k] = bits(v[k % 4], k / 4 * 4, 15);
}

INLINE void
strip_codes(const unsigned char *p, size_t stride, vec table, vec w[8])
{
    int k;

    strip_nibbles(p, stride, w);
    UNROLL
    for (k = 0; k < 8; k++)
        w[k] = v_pick8(table, w[k]);
}

/* Bit j of the four bytes at p is worth 16 in byte j. */
INLINE void
strip_fifths(const unsigned char *p, size_t stride, vec w[8])
{
    const vec first =
        V_BYTES(0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12);
    vec v[4];
    int k;

    take(p, stride, v);
    UNROLL
    for (k = 0; k < 8; k++)
        w[k] = v_add_if(w[k], v_pick8(v[0], v_add8(first, v_set8(k / 2))),
                        v_set32(k % 2 == 0 ? 0x08040201 : (int)0x80402010),
                        v_set8(16));
}

INLINE void
strip_block_q8_0(const unsigned char *p, size_t stride, vec w[8])
{
    int k;

    take(p + 2, stride, w);
    take(p + 18, stride, w + 4);
    UNROLL
    for (k = 0; k < 8; k++)
        w[k] = v_signed(w[k]);
}

INLINE void
strip_block_q4_1(const unsigned char *p, size_t stride, vec w[8])
{
    strip_nibbles(p + 4, stride, w);
}

INLINE void
strip_block_q5_0(const unsigned char *p, size_t stride, vec w[8])
{
    strip_nibbles(p + 6, stride, w);
    strip_fifths(p + 2, stride, w);
}

INLINE void
strip_block_q5_1(const unsigned char *p, size_t stride, vec w[8])
{
    strip_nibbles(p + 8, stride, w);
    strip_fifths(p + 4, stride, w);
}

INLINE void
strip_block_iq4_nl(const unsigned char *p, size_t stride, vec w[8])
{
    strip_codes(p + 2, stride, iq4_table(), w);
}

INLINE void
strip_block_mxfp4(const unsigned char *p, size_t stride, vec w[8])
{
    strip_codes(p + 1, stride, fp4_table(), w);
}

/* ---- q4_0, whose pieces are taken as they lie */

/*
 * Nine dwords are two blocks, f16 d | u8 q[16] each: of the first block d and
 * its first two bytes share dword 0, its last two bytes share dword 4 with the
 * second block's d.  So nothing is read twice, and none of it goes one by one.
 */
struct q4_0_sums {
    vec low[4];
    vec high[4]; /* 16 times as much, since nibbles stay where they are */
};

INLINE void
q4_0_start(struct q4_0_sums *t, int32_t start[4][8], int n_cols, int b)
{
    int c;

    UNROLL
    for (c = 0; c < n_cols; c++) {
        t->low[c] = v_four(&start[c][b]);
        t->high[c] = v_zero();
    }
}

INLINE void
q4_0_dots(struct q4_0_sums *t, vec q, int mask,
          const struct sov_a32 *const a[4], int n_cols, int at)
{
    vec low = v_and(q, mask == 15 ? v_set8(15) : v_set32(mask));
    vec high = v_and(q, mask == 15 ? v_set8(15 << 4) : v_set32(mask << 4));
    int c;

    UNROLL
    for (c = 0; c < n_cols; c++) {
        const unsigned char *x = (const unsigned char *)a[c] + at;

        t->low[c] = v_dot_four(t->low[c], low, x);
        t->high[c] = v_dot_four(t->high[c], high, x + 16);
    }
}

INLINE void
q4_0_products(const struct q4_0_sums *t, vec half_d,
              const struct sov_a32 *const a[4], int n_cols, int b, vecf p[4])
{
    vecf d = f_halves32(half_d);
    int c;

    UNROLL
    for (c = 0; c < n_cols; c++) {
        vec sum = v_add32(t->low[c], v_sar32(t->high[c], 4));

        p[c] = f_mul(f_mul(d, f_set(a[c]->d[b])), f_of(sum));
    }
}

/* Blocks 2 j and 2 j + 1 of a piece from their dwords. */
INLINE void
q4_0_pair(const vec v[9], const struct sov_a32 *const a[4], int n_cols, int j,
          const unsigned char *next, int32_t start[4][8], vecf sum[4])
{
    struct q4_0_sums t;
    vecf p[4], q[4];
    int c, k;

    q4_0_start(&t, start, n_cols, 2 * j);
    strip_ahead_at(next, 144, j, 4, 0, 9);
    q4_0_dots(&t, v_shr32(v[0], 16), 0x0f0f, a, n_cols, 64 * j);
    UNROLL
    for (k = 0; k < 3; k++) {
        strip_ahead_at(next, 144, j, 4, 1 + k, 9);
        q4_0_dots(&t, v[1 + k], 15, a, n_cols, 64 * j + 2 + 4 * k);
    }
    strip_ahead_at(next, 144, j, 4, 4, 9);
    q4_0_dots(&t, v[4], 0x0f0f, a, n_cols, 64 * j + 14);
    q4_0_products(&t, v[0], a, n_cols, 2 * j, p);
    q4_0_start(&t, start, n_cols, 2 * j + 1);
    UNROLL
    for (k = 0; k < 4; k++) {
        strip_ahead_at(next, 144, j, 4, 5 + k, 9);
        q4_0_dots(&t, v[5 + k], 15, a, n_cols, 64 * j + 32 + 4 * k);
    }
    q4_0_products(&t, v_shr32(v[4], 16), a, n_cols, 2 * j + 1, q);
    UNROLL
    for (c = 0; c < n_cols; c++)
        sum[c] = f_add(p[c], q[c]);
}

INLINE void
q4_0_piece(struct piece w, const struct sov_a32 *const a[4], int n_cols,
           const unsigned char *next, vecf acc[4])
{
    const struct strip_kind f = { KIND_OFFSET, 3, 18 };
    int32_t start[4][8];
    vecf half[4][4];
    vec v[36];
    int c, i, j;

    strip_starts(&f, a, n_cols, start);
    UNROLL
    for (i = j = 0; j < 4; j++) {
        /* no pair's reading goes before what the one before it asks for */
        __asm__ volatile("" : : : "memory");
        UNROLL
        for (; i <= (9 * j + 8) / 4; i++)
            take(w.p + 16 * i, w.stride, v + 4 * i);
        q4_0_pair(v + 9 * j, a, n_cols, j, next, start, half[j]);
    }
    UNROLL
    for (c = 0; c < n_cols; c++)
        acc[c] = f_add(acc[c], f_add(f_add(half[0][c], half[1][c]),
                                     f_add(half[2][c], half[3][c])));
}

INLINE void
strip_q4_0(int n_cols, const unsigned char *w, size_t stride,
           const unsigned char *act, size_t act_stride, size_t n, float *y,
           size_t y_stride)
{
    vecf acc[4] = { f_zero(), f_zero(), f_zero(), f_zero() };
    unsigned char rest[STRIP][PIECE_MAX];
    const unsigned char *next = w + strip_distance(stride);
    size_t i;
    int c;

    for (i = 0; i < (n + 255) / 256; i++, w += 144, next += STRIP * 144) {
        struct piece now = { w, stride };
        const struct sov_a32 *a[4];

        if (n < 256 * (i + 1))
            now = last_piece(w, stride, n % 256 / 32 * 18, rest);
        UNROLL
        for (c = 0; c < n_cols; c++)
            a[c] =
                (const struct sov_a32 *)(const void *)(act +
                                                       (size_t)c * act_stride) +
                i;
        q4_0_piece(now, a, n_cols, next, acc);
    }
    UNROLL
    for (c = 0; c < n_cols; c++)
        f_store(y + (size_t)c * y_stride, acc[c]);
}

/* ---- all columns */

#define STRIP32_COLUMNS(type, n_cols, ...)                                    \
    static void strip_##type##_##n_cols(                                      \
        const unsigned char *w, size_t stride, const unsigned char *act,      \
        size_t act_stride, size_t n, float *y, size_t y_stride)               \
    {                                                                         \
        strip32((struct strip_kind){ __VA_ARGS__ }, strip_scales_##type,      \
                strip_block_##type, n_cols, w, stride, act, act_stride, n, y, \
                y_stride);                                                    \
    }

#define STRIP32(type, from, ...)          \
    STRIP32_COLUMNS(type, 1, __VA_ARGS__) \
    STRIP32_COLUMNS(type, 2, __VA_ARGS__) \
    STRIP32_COLUMNS(type, 3, __VA_ARGS__) \
    STRIP32_COLUMNS(type, 4, __VA_ARGS__) \
    STRIP_DOT(type, from)

/* columns from which they win over rows; kind, shift of the offset, bytes of a
 * block */
STRIP32(q8_0, 2, KIND_SIGNED, BIAS8, 34)
STRIP32(q4_1, 2, KIND_MIN, 0, 20)
STRIP32(q5_0, 1, KIND_OFFSET, 4, 22)
STRIP32(q5_1, 1, KIND_MIN, 0, 24)
STRIP32(iq4_nl, 2, KIND_SIGNED, BIAS8, 18)
STRIP32(mxfp4, 1, KIND_OFFSET, 4, 17)

#define STRIP_Q4_0(n_cols)                                               \
    static void strip_q4_0_##n_cols(                                     \
        const unsigned char *w, size_t stride, const unsigned char *act, \
        size_t act_stride, size_t n, float *y, size_t y_stride)          \
    {                                                                    \
        strip_q4_0(n_cols, w, stride, act, act_stride, n, y, y_stride);  \
    }
STRIP_Q4_0(1)
STRIP_Q4_0(2)
STRIP_Q4_0(3)
STRIP_Q4_0(4)
STRIP_DOT(q4_0, 1)

INLINE void
strips_32_slots(struct sov_kern *k)
{
    k->dot[SOV_TYPE_Q8_0] = strips_q8_0;
    k->dot[SOV_TYPE_Q4_0] = strips_q4_0;
    k->dot[SOV_TYPE_Q4_1] = strips_q4_1;
    k->dot[SOV_TYPE_Q5_0] = strips_q5_0;
    k->dot[SOV_TYPE_Q5_1] = strips_q5_1;
    k->dot[SOV_TYPE_IQ4_NL] = strips_iq4_nl;
    k->dot[SOV_TYPE_MXFP4] = strips_mxfp4;
}

#endif
