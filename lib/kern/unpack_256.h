/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack_256.h - super-blocks of 256 weights to panels, for any instruction set
 *
 * Whoever includes it brings, beside vec.h:
 *
 *   put_scale(p, at, i, sc)         scale i of LANES rows
 *   put_one_scale(p, row, i, sc)    scale i of one row
 *   finish_signed(p, at, g)         after the last weight and scale of a type
 *                                   without minimums; a scale has g dwords
 *
 * Weights are stored as generic/blocks.h has them, minimums as pairs of int16.
 */
#ifndef SOV_KERN_UNPACK_256_H
#define SOV_KERN_UNPACK_256_H

#include "kern/generic/blocks.h"
#include "kern/unpack.h"
#include "quant/grids.h"
#include "quant/layout.h"

/* The bytes of v are minimums 4 i to 4 i + 3. */
INLINE void
put_mins(struct sov_panel *p, int at, int i, vec v)
{
    const vec low = vec_set32(0xff);
    const vec high = vec_set32(0xff0000);

    vec_store(p->m[2 * i][at],
              vec_or(vec_and(v, low), vec_and(vec_shl(v, 8), high)));
    vec_store(p->m[2 * i + 1][at], vec_or(vec_and(vec_shr(v, 16), low),
                                          vec_and(vec_shr(v, 8), high)));
}

/* d in the lower halves, dmin in the upper ones. */
INLINE void
put_d(struct sov_panel *p, int at, vec v)
{
    put_floats(&p->d[0][at], v);
    put_floats(&p->dmin[0][at], vec_shr(v, 16));
}

/* The head of q4_k and q5_k; the scales are drawn in quant/kscale.h. */
INLINE void
head_k4(const unsigned char *rows, size_t stride, struct sov_panel *p, int at)
{
    vec v[4], sc[2], m[2];
    int i;

    take(rows, stride, v);
    put_d(p, at, v[0]);
    sc[0] = bits(v[1], 0, 63);
    sc[1] = vec_or(bits(v[3], 0, 15), bits(v[1], 2, 48));
    m[0] = bits(v[2], 0, 63);
    m[1] = vec_or(bits(v[3], 4, 15), bits(v[2], 2, 48));
    UNROLL
    for (i = 0; i < 8; i++)
        put_scale(p, at, i, byte_of(sc[i / 4], i % 4));
    put_mins(p, at, 0, m[0]);
    put_mins(p, at, 1, m[1]);
}

static void
unpack_q4_k(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int at)
{
    vec v[4];
    int c, e;

    head_k4(rows, stride, p, at);
    for (c = 0; c < 8; c++) {
        int k = c / 2 * 16 + c % 2 * 4;

        take(rows + 16 + 16 * c, stride, v);
        UNROLL
        for (e = 0; e < 4; e++) {
            put(p, at, k + e, bits(v[e], 0, 15));
            put(p, at, k + 8 + e, bits(v[e], 4, 15));
        }
    }
}

static void
unpack_q5_k(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int at)
{
    vec v[4], high[4];
    int i, c, e;

    head_k4(rows, stride, p, at);
    for (i = 0; i < 2; i++) {
        take(rows + 16 + 16 * i, stride, high);
        UNROLL
        for (c = 0; c < 4; c++) {
            int k = 16 * c + 4 * i;

            take(rows + 48 + 32 * c + 16 * i, stride, v);
            UNROLL
            for (e = 0; e < 4; e++) {
                put(p, at, k + e,
                    vec_or(bits(v[e], 0, 15), bits_at(high[e], 2 * c, 4, 16)));
                put(p, at, k + 8 + e,
                    vec_or(bits(v[e], 4, 15),
                           bits_at(high[e], 2 * c + 1, 4, 16)));
            }
        }
    }
}

static void
unpack_q6_k(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int at)
{
    const vec bias = vec_set8(32);
    vec v[4], w[4], high[4];
    int i, t, e;

    take(rows + 192, stride, v);
    UNROLL
    for (i = 0; i < 16; i++)
        put_scale(p, at, i, signed_byte_of(v[i / 4], i % 4));
    take(rows + 194, stride, v);
    put_floats(&p->d[0][at], vec_shr(v[3], 16));
    for (i = 0; i < 4; i++) {
        int k = i / 2 * 32 + i % 2 * 4;
        const unsigned char *low = rows + i / 2 * 64 + i % 2 * 16;

        take(rows + 128 + 16 * i, stride, high);
        take(low, stride, v);
        take(low + 32, stride, w);
        UNROLL
        for (e = 0; e < 4; e++)
            UNROLL
        for (t = 0; t < 4; t++)
            put(p, at, k + 8 * t + e,
                vec_sub8(vec_or(bits(t % 2 == 0 ? v[e] : w[e], t / 2 * 4, 15),
                                bits_at(high[e], 2 * t, 4, 48)),
                         bias));
    }
    finish_signed(p, at, 4);
}

static void
unpack_iq4_xs(const unsigned char *rows, size_t stride, struct sov_panel *p,
              int at)
{
    const vec codes = vec_table(sov_grid_iq4nl);
    const vec bias = vec_set32(32);
    vec v[4];
    int i, e;

    take(rows, stride, v);
    put_floats(&p->d[0][at], v[0]);
    UNROLL
    for (i = 0; i < 8; i++) {
        vec low = vec_shr(v[1], (4 * i));
        vec high = vec_shr(v[0], (16 + 2 * i));

        low = vec_and(low, vec_set32(15));
        high = vec_and(high, vec_set32(3));
        put_scale(p, at, i, vec_sub32(vec_or(low, vec_shl(high, 4)), bias));
    }
    for (i = 0; i < 8; i++) {
        take(rows + 8 + 16 * i, stride, v);
        UNROLL
        for (e = 0; e < 4; e++) {
            put(p, at, 8 * i + e, vec_look(codes, bits(v[e], 0, 15)));
            put(p, at, 8 * i + 4 + e, vec_look(codes, bits(v[e], 4, 15)));
        }
    }
    finish_signed(p, at, 8);
}

static void
unpack_q3_k(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int at)
{
    const vec low = vec_set32((int)0xffff0000);
    const vec bias = vec_set8(32);
    const vec four = vec_set8(4);
    vec v[4], high[4], s[3];
    int i, t, e;

    take(rows + 94, stride, v);
    put_floats(&p->d[0][at], vec_shr(v[3], 16));
    for (i = 0; i < 3; i++)
        s[i] = vec_or(vec_shr(v[i], 16), vec_and(vec_shl(v[i + 1], 16), low));
    UNROLL
    for (i = 0; i < 4; i++) {
        vec sc =
            vec_or(bits(s[i % 2], i / 2 * 4, 15), bits_at(s[2], 2 * i, 4, 48));

        sc = vec_sub8(sc, bias);
        UNROLL
        for (e = 0; e < 4; e++)
            put_scale(p, at, 4 * i + e, signed_byte_of(sc, e));
    }
    for (i = 0; i < 4; i++) {
        take(rows + i % 2 * 16, stride, high);
        take(rows + 32 + 16 * i, stride, v);
        UNROLL
        for (t = 0; t < 4; t++)
            UNROLL
        for (e = 0; e < 4; e++) {
            vec q = bits(v[e], 2 * t, 3);
            vec h = i < 2 ? bits_at(high[e], t, 2, 4)
                          : bits_at(high[e], t + 4, 2, 4);

            q = vec_or(q, h);
            put(p, at, i / 2 * 32 + 8 * t + i % 2 * 4 + e, vec_sub8(q, four));
        }
    }
    finish_signed(p, at, 4);
}

/* Two bits a weight: 64 bytes, four times 32 in each half. */
INLINE void
quarters(const unsigned char *rows, size_t stride, struct sov_panel *p, int at,
         int bias)
{
    vec v[4];
    int i, t, e;

    for (i = 0; i < 4; i++) {
        take(rows + 16 * i, stride, v);
        UNROLL
        for (t = 0; t < 4; t++)
            UNROLL
        for (e = 0; e < 4; e++)
            put(p, at, i / 2 * 32 + 8 * t + i % 2 * 4 + e,
                vec_sub8(bits(v[e], 2 * t, 3), vec_set8((char)bias)));
    }
}

static void
unpack_q2_k(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int at)
{
    vec v[4];
    int i, e;

    take(rows, stride, v);
    UNROLL
    for (i = 0; i < 4; i++) {
        UNROLL
        for (e = 0; e < 4; e++)
            put_scale(p, at, 4 * i + e, byte_of(bits(v[i], 0, 15), e));
        put_mins(p, at, i, bits(v[i], 4, 15));
    }
    take(rows + 68, stride, v);
    put_d(p, at, v[3]);
    quarters(rows + 16, stride, p, at, 0);
}

static void
unpack_tq2_0(const unsigned char *rows, size_t stride, struct sov_panel *p,
             int at)
{
    vec v[4];
    int i;

    take(rows + 50, stride, v);
    put_floats(&p->d[0][at], vec_shr(v[3], 16));
    for (i = 0; i < 8; i++)
        put_scale(p, at, i, vec_set32(1));
    quarters(rows, stride, p, at, 1);
    finish_signed(p, at, 8);
}

/* Lattice points and trits are read row by row. */
INLINE void
unpack_rows(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int at, void (*read)(const void *, struct sov_w256 *), int g)
{
    struct sov_w256 w[LANES];
    vec v[4];
    int i, r, e;

    for (r = 0; r < LANES; r++) {
        read(rows + (size_t)r * stride, &w[r]);
        p->d[0][at + r] = w[r].d;
        for (i = 0; i < 64 / g; i++)
            put_one_scale(p, at + r, i, w[r].sc[i * g / 4]);
    }
    for (i = 0; i < 16; i++) {
        take((const unsigned char *)w[0].q + 16 * i, sizeof(w[0]), v);
        UNROLL
        for (e = 0; e < 4; e++)
            put(p, at, 4 * i + e, v[e]);
    }
    finish_signed(p, at, g);
}

#define UNPACK_ROWS(name, g)                                            \
    static void unpack_##name(const unsigned char *rows, size_t stride, \
                              struct sov_panel *p, int at)              \
    {                                                                   \
        unpack_rows(rows, stride, p, at, sov_read_##name, g);           \
    }

UNPACK_ROWS(iq2_xxs, 8)
UNPACK_ROWS(iq2_xs, 4)
UNPACK_ROWS(iq2_s, 4)
UNPACK_ROWS(iq3_xxs, 8)
UNPACK_ROWS(iq3_s, 8)
UNPACK_ROWS(iq1_s, 8)
UNPACK_ROWS(iq1_m, 4)
UNPACK_ROWS(tq1_0, 8)

#endif
