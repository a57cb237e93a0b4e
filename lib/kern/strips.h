/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strips.h - dot products of strips of rows, for ISAs with many registers
 *
 * Where rows.h has rows beside each other in a vector, 16 bytes of each, here
 * bytes are first put in such an order that a 32-bit lane is a row: a vector
 * has four weights of each of STRIP rows, which meet four activations,
 * broadcast.  So nothing is to be shuffled or added across lanes afterwards,
 * a scale is met by one product for all rows, and weights stay in registers
 * while up to four columns pass by: four cost hardly more than one.
 *
 * What stands at the head of a block is made ready one block early.  Otherwise
 * all of a block would wait for it, and memory for the block.
 */
#ifndef SOV_KERN_STRIPS_H
#define SOV_KERN_STRIPS_H

#include "kern/rows.h"

#define STRIP (4 * ROWS)

/*
 * A loop that stays one.  Unrolled, all that it asks for ahead would be asked
 * for at once, and memory would rest in between.
 */
#ifdef __clang__
#define AS_LOOP _Pragma("nounroll")
#else
#define AS_LOOP _Pragma("GCC unroll 1")
#endif

/*
 * a has sixteen bytes of each fourth row of a strip, b of those behind them and
 * so on.  v[k] has dword k of each row, in their order.
 */
INLINE void
turn(vec a, vec b, vec c, vec d, vec v[4])
{
    vec ab = v_low32(a, b);
    vec cd = v_low32(c, d);

    v[0] = v_low64(ab, cd);
    v[1] = v_high64(ab, cd);
    ab = v_high32(a, b);
    cd = v_high32(c, d);
    v[2] = v_low64(ab, cd);
    v[3] = v_high64(ab, cd);
}

/* Sixteen bytes at p of each row of a strip: v[k] has dword k. */
INLINE void
take(const unsigned char *p, size_t stride, vec v[4])
{
    turn(v_rows(p, 4 * stride), v_rows(p + stride, 4 * stride),
         v_rows(p + 2 * stride, 4 * stride), v_rows(p + 3 * stride, 4 * stride),
         v);
}

/* Bits of every byte, moved down and masked. */
INLINE vec
bits(vec v, int shift, int mask)
{
    return v_and(shift == 0 ? v : v_shr32(v, shift), v_set8(mask));
}

/* As bits, but moved from bit `from` to bit `to`, where mask holds them. */
INLINE vec
bits_at(vec v, int from, int to, int mask)
{
    return bits(v, from - to, mask);
}

/*
 * How far ahead to ask: a whole strip, for its rows are read side by side but
 * asked for one behind the other.  Two strips must fit the second cache.
 */
#define STRIP_AHEAD_MIN 32768
#define STRIP_AHEAD_MAX 393216

INLINE size_t
strip_distance(size_t stride)
{
    size_t d = STRIP * stride;

    return d < STRIP_AHEAD_MIN   ? STRIP_AHEAD_MIN
           : d < STRIP_AHEAD_MAX ? d
                                 : STRIP_AHEAD_MAX;
}

/* Part i of n parts of a strip's `bytes` at p: to be asked for, see rows.h */
INLINE void
strip_ahead(const unsigned char *p, size_t bytes, int i, int n)
{
    int lines = (int)(STRIP * bytes + 64 * n - 1) / (64 * n);
    int j;

    UNROLL
    for (j = 0; j < lines; j++)
        v_ahead(p + 64 * (lines * i + j));
}

/*
 * Turn i of n, and of that place j of m.  Compilers are kept from gathering
 * what is asked for: many at once would wait, and what is behind them.
 */
INLINE void
strip_ahead_at(const unsigned char *p, size_t bytes, int i, int n, int j, int m)
{
    int lines = (int)(STRIP * bytes + 64 * n - 1) / (64 * n);
    int k;

    UNROLL
    for (k = lines * j / m; k < lines * (j + 1) / m; k++) {
        __asm__ volatile("");
        v_ahead(p + 64 * (lines * i + k));
        __asm__ volatile("");
    }
}

/* Up to four columns of a strip: y[c * y_stride + r] */
typedef void strip_fn(const unsigned char *w, size_t stride,
                      const unsigned char *act, size_t act_stride, size_t n,
                      float *y, size_t y_stride);

typedef void dot_fn(const void *w, size_t w_stride, size_t n_w, const void *act,
                    size_t act_stride, size_t n_cols, size_t n, float *y,
                    size_t y_stride);

/* f[i]: for i + 1 columns; rows that are left over go to rest, and all where
 * there are fewer columns than from. */
INLINE void
all_strips(strip_fn *const f[4], dot_fn *rest, size_t from,
           const unsigned char *w, size_t w_stride, size_t n_w,
           const unsigned char *act, size_t act_stride, size_t n_cols, size_t n,
           float *y, size_t y_stride)
{
    size_t r, c, many;

    if (n_cols < from) {
        rest(w, w_stride, n_w, act, act_stride, n_cols, n, y, y_stride);
        return;
    }
    for (r = 0; n_w - r >= STRIP; r += STRIP)
        for (c = 0; c < n_cols; c += many) {
            many = n_cols - c < 4 ? n_cols - c : n_cols - c == 5 ? 3 : 4;
            f[many - 1](w + r * w_stride, w_stride, act + c * act_stride,
                        act_stride, n, y + c * y_stride + r, y_stride);
        }
    if (r < n_w)
        rest(w + r * w_stride, w_stride, n_w - r, act, act_stride, n_cols, n,
             y + r, y_stride);
}

#define STRIP_DOT(type, from)                                                  \
    static void strips_##type(                                                 \
        const void *w, size_t w_stride, size_t n_w, const void *act,           \
        size_t act_stride, size_t n_cols, size_t n, float *y, size_t y_stride) \
    {                                                                          \
        static strip_fn *const f[4] = { strip_##type##_1, strip_##type##_2,    \
                                        strip_##type##_3, strip_##type##_4 };  \
                                                                               \
        all_strips(f, dot_##type, from, w, w_stride, n_w, act, act_stride,     \
                   n_cols, n, y, y_stride);                                    \
    }

#endif
