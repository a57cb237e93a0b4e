/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack_32.h - blocks of 32 weights to panels, for any instruction set
 *
 * Whoever includes it brings vec.h, and says with SIGN what is done to signed
 * weights: 0 leaves them, 0x80 adds 128.  Types that have an offset in the file
 * (q4_0, q5_0) keep it, unless OFFSET(x) is x, or less.
 */
#ifndef SOV_KERN_UNPACK_32_H
#define SOV_KERN_UNPACK_32_H

#include "kern/unpack.h"
#include "quant/fp4_scale.h"
#include "quant/grids.h"
#include "quant/layout.h"

#ifndef OFFSET
#define OFFSET(x) 0
#endif

/*
 * The first four bytes of eight blocks of LANES rows.  They are read before
 * the weights and used after them: a register is not loaded well from what has
 * just been stored in small parts.
 */
struct heads {
    uint32_t v[8][LANES];
} __attribute__((aligned(64)));

INLINE void
read_heads(const unsigned char *rows, size_t stride, size_t bytes,
           struct heads *h)
{
    int b, r;

    for (r = 0; r < LANES; r++, rows += stride)
        for (b = 0; b < 8; b++)
            h->v[b][r] = sov_le32(rows + (size_t)b * bytes);
}

/* A half float in each. */
INLINE void
put_scales(const struct heads *h, struct sov_panel *p, int at)
{
    int b;

    for (b = 0; b < 8; b++)
        put_floats(&p->d[b][at], vec_load(h->v[b]));
}

/* Two half floats. */
INLINE void
put_scales_mins(const struct heads *h, struct sov_panel *p, int at)
{
    int b;

    put_scales(h, p, at);
    for (b = 0; b < 8; b++)
        put_floats(&p->dmin[b][at], vec_shr(vec_load(h->v[b]), 16));
}

static void
unpack_q8_0(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int at)
{
    struct heads h;
    const vec sign = vec_set8(SIGN);
    vec v[4];
    int i, e;

    read_heads(rows, stride, 34, &h);
    for (i = 0; i < 16; i++) {
        take(rows + 34 * (i / 2) + 2 + 16 * (i % 2), stride, v);
        UNROLL
        for (e = 0; e < 4; e++)
            put(p, at, 4 * i + e, vec_xor(v[e], sign));
    }
    put_scales(&h, p, at);
}

static void
unpack_q4_0(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int at)
{
    const vec offset = vec_set8(OFFSET(8));
    struct heads h;
    vec v[4];
    int b, e;

    read_heads(rows, stride, 18, &h);
    for (b = 0; b < 8; b++) {
        take(rows + 18 * b + 2, stride, v);
        UNROLL
        for (e = 0; e < 4; e++) {
            put(p, at, 8 * b + e, vec_sub8(bits(v[e], 0, 15), offset));
            put(p, at, 8 * b + 4 + e, vec_sub8(bits(v[e], 4, 15), offset));
        }
    }
    put_scales(&h, p, at);
}

static void
unpack_q4_1(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int at)
{
    struct heads h;
    vec v[4];
    int b, e;

    read_heads(rows, stride, 20, &h);
    for (b = 0; b < 8; b++) {
        take(rows + 20 * b + 4, stride, v);
        UNROLL
        for (e = 0; e < 4; e++) {
            put(p, at, 8 * b + e, bits(v[e], 0, 15));
            put(p, at, 8 * b + 4 + e, bits(v[e], 4, 15));
        }
    }
    put_scales_mins(&h, p, at);
}

/* Bits 4 e to 4 e + 3 of each dword go to bit 4 of its bytes. */
INLINE vec
fifth_bits(vec high, int e)
{
    const vec spread = vec_set32(0x00204081);
    vec four = vec_and(vec_shr(high, (4 * e)), vec_set32(15));

    /* bit j to bit 8 j, by adding copies that are 7 bits apart */
    four = vec_and(vec_mul32(four, spread), vec_set32(0x01010101));
    return vec_shl(four, 4);
}

/* Blocks of `bytes`, whose fifth bits stand at `fifth`; less `offset`. */
INLINE void
unpack_5(const unsigned char *rows, size_t stride, struct sov_panel *p, int at,
         size_t bytes, size_t fifth, int offset)
{
    const vec less = vec_set8(offset);
    vec v[4], w[4];
    int b, e;

    for (b = 0; b < 8; b++, rows += bytes) {
        take(rows + fifth + 4, stride, v);
        take(rows + fifth, stride, w);
        UNROLL
        for (e = 0; e < 4; e++) {
            vec low = vec_or(bits(v[e], 0, 15), fifth_bits(w[0], e));
            vec high = vec_or(bits(v[e], 4, 15), fifth_bits(w[0], e + 4));

            put(p, at, 8 * b + e, vec_sub8(low, less));
            put(p, at, 8 * b + 4 + e, vec_sub8(high, less));
        }
    }
}

static void
unpack_q5_0(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int at)
{
    struct heads h;

    read_heads(rows, stride, 22, &h);
    unpack_5(rows, stride, p, at, 22, 2, OFFSET(16));
    put_scales(&h, p, at);
}

static void
unpack_q5_1(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int at)
{
    struct heads h;

    read_heads(rows, stride, 24, &h);
    unpack_5(rows, stride, p, at, 24, 4, 0);
    put_scales_mins(&h, p, at);
}

/* Nibbles that stand for numbers of a table. */
INLINE void
unpack_codes(const unsigned char *rows, size_t stride, struct sov_panel *p,
             int at, size_t bytes, const int8_t table[16])
{
    const vec codes = vec_xor(vec_table(table), vec_set8(SIGN));
    vec v[4];
    int b, e;

    for (b = 0; b < 8; b++, rows += bytes) {
        take(rows, stride, v);
        UNROLL
        for (e = 0; e < 4; e++) {
            put(p, at, 8 * b + e, vec_look(codes, bits(v[e], 0, 15)));
            put(p, at, 8 * b + 4 + e, vec_look(codes, bits(v[e], 4, 15)));
        }
    }
}

static void
unpack_iq4_nl(const unsigned char *rows, size_t stride, struct sov_panel *p,
              int at)
{
    struct heads h;

    read_heads(rows, stride, 18, &h);
    unpack_codes(rows + 2, stride, p, at, 18, sov_grid_iq4nl);
    put_scales(&h, p, at);
}

/* A scale in one byte. */
static void
unpack_mxfp4(const unsigned char *rows, size_t stride, struct sov_panel *p,
             int at)
{
    int b, r;

    for (b = 0; b < 8; b++)
        for (r = 0; r < LANES; r++)
            p->d[b][at + r] =
                sov_mxfp4_scale(rows[(size_t)r * stride + (size_t)b * 17]);
    unpack_codes(rows + 1, stride, p, at, 17, sov_grid_fp4);
}

#endif
