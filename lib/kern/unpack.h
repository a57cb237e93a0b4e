/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack.h - what the unpackers of all types share, for any instruction set
 *
 * An instruction set's panel_*.c includes its own vec.h, then unpack_256.h or
 * unpack_32.h, and so gets its own copy of them.  vec.h brings vec, a register
 * of LANES dwords, its operations vec_*, and take().
 *
 * The file's bytes are not put in order first.  take() gives the same sixteen
 * bytes of LANES rows as four registers of dwords, a row a lane, and shifts
 * and masks make of each dword the weights that it has; scales likewise.  So
 * an unpacker is the layout of its type and nothing else.  It does the rows
 * from the at-th lane of the panel on.
 */
#ifndef SOV_KERN_UNPACK_H
#define SOV_KERN_UNPACK_H

#include "kern/panel.h"

#include <string.h>

/* Bits of every byte, moved down and masked. */
INLINE vec
bits(vec v, int shift, int mask)
{
    return vec_and(vec_shr(v, shift), vec_set8(mask));
}

/* As bits, but moved up to bit `to`: mask holds them there. */
INLINE vec
bits_at(vec v, int from, int to, int mask)
{
    v = from > to ? vec_shr(v, from - to) : vec_shl(v, to - from);
    return vec_and(v, vec_set8(mask));
}

/* Byte i of each dword. */
INLINE vec
byte_of(vec v, int i)
{
    return vec_and(vec_shr(v, 8 * i), vec_set32(255));
}

INLINE vec
signed_byte_of(vec v, int i)
{
    return vec_sar(vec_shl(v, 24 - 8 * i), 24);
}

INLINE void
put(struct sov_panel *p, int at, int k, vec q)
{
    vec_store(p->q[k][at], q);
}

/* Sums to their places, in stores as wide as there are: narrow ones of few
 * columns fill the queue of stores while they wait for what is not near. */
static void
put_sums(const float *f, size_t n_cols, float *y, size_t stride)
{
    size_t c, r;

    for (c = 0; c < n_cols; c++, f += SOV_PANEL_ROWS, y += stride)
        for (r = 0; r < SOV_PANEL_ROWS; r += LANES) {
            vec v = vec_load(f + r);

            memcpy(y + r, &v, sizeof(v));
        }
}

/* type_NAME and many_NAME, of unpack_NAME(), a register of rows at a time. */
#define PANEL(name, mul, file_bytes, act_type)                        \
    static void rows_##name(const unsigned char *rows, size_t stride, \
                            struct sov_panel *p)                      \
    {                                                                 \
        int at;                                                       \
                                                                      \
        for (at = 0; at < SOV_PANEL_ROWS; at += LANES)                \
            unpack_##name(rows + (size_t)at * stride, stride, p, at); \
    }                                                                 \
    static const struct sov_panel_type type_##name = {                \
        rows_##name, mul, put_sums, file_bytes,                       \
        sizeof(struct act_type)                                       \
    };                                                                \
    SOV_PANEL_DOT(name)

#endif
