/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vec.h - registers of four dwords for panels, NEON
 */
#ifndef SOV_KERN_NEON_VEC_H
#define SOV_KERN_NEON_VEC_H

#include "kern/panel.h"
#include "kern/unroll.h"

#include <arm_neon.h>

#define LANES 4

typedef int32x4_t vec;

/* Bytes and unsigned dwords, and back. */
#define S8(v)     vreinterpretq_s8_s32(v)
#define U8(v)     vreinterpretq_u8_s32(v)
#define U32(v)    vreinterpretq_u32_s32(v)
#define OF_S8(v)  vreinterpretq_s32_s8(v)
#define OF_U32(v) vreinterpretq_s32_u32(v)

INLINE vec
vec_and(vec a, vec b)
{
    return vandq_s32(a, b);
}

INLINE vec
vec_or(vec a, vec b)
{
    return vorrq_s32(a, b);
}

INLINE vec
vec_xor(vec a, vec b)
{
    return veorq_s32(a, b);
}

INLINE vec
vec_sub8(vec a, vec b)
{
    return OF_S8(vsubq_s8(S8(a), S8(b)));
}

INLINE vec
vec_sub32(vec a, vec b)
{
    return vsubq_s32(a, b);
}

INLINE vec
vec_mul32(vec a, vec b)
{
    return vmulq_s32(a, b);
}

INLINE vec
vec_shl(vec v, int n)
{
    return OF_U32(U32(v) << vdupq_n_u32((uint32_t)n));
}

INLINE vec
vec_shr(vec v, int n)
{
    return OF_U32(U32(v) >> vdupq_n_u32((uint32_t)n));
}

INLINE vec
vec_sar(vec v, int n)
{
    return v >> vdupq_n_s32(n);
}

INLINE vec
vec_set8(int x)
{
    return OF_S8(vdupq_n_s8((int8_t)x));
}

INLINE vec
vec_set32(int x)
{
    return vdupq_n_s32(x);
}

INLINE vec
vec_load(const void *p)
{
    return vld1q_s32(p);
}

INLINE void
vec_store(void *p, vec v)
{
    vst1q_s32(p, v);
}

/* Bytes of a table of sixteen. */
INLINE vec
vec_look(vec table, vec i)
{
    return OF_S8(vqtbl1q_s8(S8(table), U8(i)));
}

INLINE vec
vec_table(const int8_t table[16])
{
    return OF_S8(vld1q_s8(table));
}

/* The low halves of dwords, half floats, as floats to y. */
INLINE void
put_floats(float *y, vec v)
{
    uint16x4_t h = vmovn_u32(U32(v));

    vst1q_f32(y, vcvt_f32_f16(vreinterpret_f16_u16(h)));
}

INLINE vec
zip64(vec a, vec b, int high)
{
    int64x2_t x = vreinterpretq_s64_s32(a);
    int64x2_t y = vreinterpretq_s64_s32(b);

    return vreinterpretq_s32_s64(high ? vzip2q_s64(x, y) : vzip1q_s64(x, y));
}

/* Sixteen bytes at p of 4 rows: v[i] has dword i of each. */
INLINE void
take(const unsigned char *p, size_t stride, vec v[4])
{
    vec a = vreinterpretq_s32_u8(vld1q_u8(p));
    vec b = vreinterpretq_s32_u8(vld1q_u8(p + stride));
    vec c = vreinterpretq_s32_u8(vld1q_u8(p + 2 * stride));
    vec d = vreinterpretq_s32_u8(vld1q_u8(p + 3 * stride));
    vec ab = vzip1q_s32(a, b);
    vec cd = vzip1q_s32(c, d);

    v[0] = zip64(ab, cd, 0);
    v[1] = zip64(ab, cd, 1);
    ab = vzip2q_s32(a, b);
    cd = vzip2q_s32(c, d);
    v[2] = zip64(ab, cd, 0);
    v[3] = zip64(ab, cd, 1);
}

/* A tile: four registers of rows and up to so many columns. */
#define TILE_VECS 4
#define TILE_ROWS (TILE_VECS * LANES)
#define TILE      4

/* acc + four bytes of each lane of w times dword e of a */
INLINE vec
dot_dword(vec acc, int8x16_t w, int8x16_t a, int e)
{
    switch (e) {
    case 0:
        return vdotq_laneq_s32(acc, w, a, 0);
    case 1:
        return vdotq_laneq_s32(acc, w, a, 1);
    case 2:
        return vdotq_laneq_s32(acc, w, a, 2);
    default:
        return vdotq_laneq_s32(acc, w, a, 3);
    }
}

/*
 * acc[h][c] += n dwords of the rows from the at-th on, the k-th and those after
 * it, times those of n_cols columns, whose activations are at x; k and n are
 * multiples of 4.
 */
INLINE void
tile_dots(vec acc[TILE_VECS][TILE], const struct sov_panel *p, int at, int k,
          int n, const int8_t *const x[TILE], int n_cols)
{
    int i, e, c, h;

    UNROLL
    for (i = k; i < k + n; i += 4) {
        int8x16_t a[TILE];

        UNROLL
        for (c = 0; c < n_cols; c++)
            a[c] = vld1q_s8(x[c] + 4 * i);
        UNROLL
        for (e = 0; e < 4; e++)
            UNROLL
        for (h = 0; h < TILE_VECS; h++) {
            int8x16_t w = S8(vec_load(p->q[i + e][at + LANES * h]));

            UNROLL
            for (c = 0; c < n_cols; c++)
                acc[h][c] = dot_dword(acc[h][c], w, a[c], e);
        }
    }
}

/*
 * NAME(), a multiplication as struct sov_panel_type has it, of step(p, how,
 * at, act, stride, n, f) for the rows from the at-th on and n columns; each
 * copy of it knows its n.
 */
#define TILE_OF(NAME, step, how, n)                                    \
    static void NAME##_##n(const struct sov_panel *p, const void *act, \
                           size_t stride, float *f)                    \
    {                                                                  \
        int at;                                                        \
                                                                       \
        for (at = 0; at < SOV_PANEL_ROWS; at += TILE_ROWS)             \
            step(p, how, at, act, stride, n, f + at);                  \
    }
#define TILES_OF(NAME, step, how)                                          \
    TILE_OF(NAME, step, how, 1)                                            \
    TILE_OF(NAME, step, how, 2)                                            \
    TILE_OF(NAME, step, how, 3)                                            \
    TILE_OF(NAME, step, how, 4)                                            \
    static void NAME(const struct sov_panel *p, const void *act,           \
                     size_t stride, size_t n, float *f)                    \
    {                                                                      \
        static sov_panel_tile *const tiles[] = { NULL, NAME##_1, NAME##_2, \
                                                 NAME##_3, NAME##_4 };     \
                                                                           \
        sov_panel_tiles(tiles, TILE, p, act, stride, n, f);                \
    }

#endif
