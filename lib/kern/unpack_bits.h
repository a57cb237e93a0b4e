/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack_bits.h - one and two bits a weight to panels, see unpack_32.h
 */
#ifndef SOV_KERN_UNPACK_BITS_H
#define SOV_KERN_UNPACK_BITS_H

#include "kern/unpack_32.h"

/* One less than the weights of a register are stored as. */
INLINE void
put_less_one(struct sov_panel *p, int at, int k, vec q)
{
    put(p, at, k, vec_xor(vec_sub8(q, vec_set8(1)), vec_set8(SIGN)));
}

/* Two blocks of 128: a bit is 1, none -1. */
static void
unpack_q1_0(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int at)
{
    vec v[4], d[4];
    int i, b, e;

    for (i = 0; i < 2; i++, rows += 18) {
        take(rows, stride, d);
        take(rows + 2, stride, v);
        for (b = 0; b < 4; b++) {
            put_floats(&p->d[4 * i + b][at], d[0]);
            UNROLL
            for (e = 0; e < 8; e++)
                put_less_one(p, at, 8 * (4 * i + b) + e,
                             vec_shr(fifth_bits(v[b], e), 3));
        }
    }
}

/* Two bits each from bit 0 of a dword on, four of them, to its bytes. */
INLINE vec
four_fields(vec v)
{
    v = vec_or(v, vec_shl(v, 6));
    return vec_and(vec_or(v, vec_shl(v, 12)), vec_set8(3));
}

/* Four blocks of 64: 0 to 3 are -1 to 2. */
static void
unpack_q2_0(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int at)
{
    vec v[4], d[4];
    int i, e, j;

    for (i = 0; i < 4; i++, rows += 18) {
        take(rows, stride, d);
        put_floats(&p->d[2 * i][at], d[0]);
        put_floats(&p->d[2 * i + 1][at], d[0]);
        take(rows + 2, stride, v);
        UNROLL
        for (e = 0; e < 4; e++)
            UNROLL
        for (j = 0; j < 4; j++)
            put_less_one(p, at, 16 * i + 4 * e + j,
                         four_fields(byte_of(v[e], j)));
    }
}

#endif
