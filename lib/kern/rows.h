/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - dot products of some rows at a time, for any ISA
 *
 * An ISA's dot.c includes its own row.h and then this, and so gets its own
 * copy of everything here, compiled with its flags.
 *
 * A vector has 16 bytes of each of ROWS rows, one row in each 128 bits, and
 * meets 16 activations that are the same for all rows: one load of them serves
 * all, they stay in their natural order, and sums are brought together once for
 * all rows.  Weights are unpacked once for up to four columns.
 *
 * Memory is asked for in the order in which it stands there, while rows are
 * read side by side: so that the last of the next ones comes in time, by AHEAD
 * bytes (of row.h), the rows before it are asked for still earlier.
 */
#ifndef SOV_KERN_ROWS_H
#define SOV_KERN_ROWS_H

#include "kern/kern.h"

#include <string.h>

/* What rows at w ask for first. */
INLINE const unsigned char *
ahead_of(const unsigned char *w, size_t stride)
{
    return w + (ROWS - 1) * stride + AHEAD;
}

/* Ask for as much as one piece of each row has, at p. */
INLINE void
ahead(const unsigned char *p, size_t bytes)
{
    size_t i;

    for (i = 0; i < ROWS * bytes; i += 64)
        v_ahead(p + i);
}

/* Lanes of the sums of a, b, c and d. */
INLINE vec
v_sums4(vec a, vec b, vec c, vec d)
{
    vec ab = v_add32(v_low32(a, b), v_high32(a, b));
    vec cd = v_add32(v_low32(c, d), v_high32(c, d));

    return v_add32(v_low64(ab, cd), v_high64(ab, cd));
}

/* The bits of two bytes of each row, the at-th and the next, to all bytes. */
INLINE vec
spread_bits(vec v, int at)
{
    const vec first = V_BYTES(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);

    return v_pick8(v, v_add8(first, v_set8(at)));
}

/* Bit i for byte i, once spread. */
INLINE vec
one_bit(void)
{
    return V_BYTES(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
}

/* The steps of the IQ4 types, see quant/grids.h */
INLINE vec
iq4_table(void)
{
    return v_signed(V_BYTES(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25,
                            38, 53, 69, 89, 113));
}

/*
 * Up to four columns of ROWS rows; y[4 * r + c], or with one column y[4 * r].
 */
typedef void rows_fn(const unsigned char *w, size_t stride,
                     const unsigned char *act, size_t act_stride, size_t n,
                     float *y);

/* f[i]: for i + 1 columns */
INLINE void
all_rows(rows_fn *const f[4], const unsigned char *w, size_t w_stride,
         size_t n_w, const unsigned char *act, size_t act_stride, size_t n_cols,
         size_t n, float *y, size_t y_stride)
{
    float sums[4 * ROWS];
    size_t r, c, i, j, some, many;

    for (r = 0; r < n_w; r += some) {
        /* rows that are left over go one by one, each in all places */
        some = n_w - r < ROWS ? 1 : ROWS;
        for (c = 0; c < n_cols; c += many) {
            many = n_cols - c < 4 ? n_cols - c : n_cols - c == 5 ? 3 : 4;
            f[many - 1](w + r * w_stride, some == 1 ? 0 : w_stride,
                        act + c * act_stride, act_stride, n, sums);
            for (j = 0; j < many; j++)
                for (i = 0; i < some; i++)
                    y[(c + j) * y_stride + r + i] = sums[4 * i + j];
        }
    }
}

#define DOT(type)                                                             \
    static void dot_##type(const void *w, size_t w_stride, size_t n_w,        \
                           const void *act, size_t act_stride, size_t n_cols, \
                           size_t n, float *y, size_t y_stride)               \
    {                                                                         \
        static rows_fn *const f[4] = { rows_##type##_1, rows_##type##_2,      \
                                       rows_##type##_3, rows_##type##_4 };    \
                                                                              \
        all_rows(f, w, w_stride, n_w, act, act_stride, n_cols, n, y,          \
                 y_stride);                                                   \
    }

/*
 * The same column by column, with one rows_fn instead of four: for what is left
 * over where an ISA's row.h says WITH_STRIPS, see strips.h
 */
#define DOT_REST(type)                                                        \
    static void dot_##type(const void *w, size_t w_stride, size_t n_w,        \
                           const void *act, size_t act_stride, size_t n_cols, \
                           size_t n, float *y, size_t y_stride)               \
    {                                                                         \
        static rows_fn *const f[4] = { rows_##type##_1 };                     \
        const unsigned char *a = act;                                         \
        size_t c;                                                             \
                                                                              \
        for (c = 0; c < n_cols; c++)                                          \
            all_rows(f, w, w_stride, n_w, a + c * act_stride, act_stride, 1,  \
                     n, y + c * y_stride, y_stride);                          \
    }

#endif
