/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows_grid.h - rows of lattice points, see rows.h and rows_256.h
 *
 * The coordinates of a point have few levels, and so one point is a word:
 *
 *   8 coordinates, 4 levels   2 bits each: 0, 2, 4, 6 in the low byte from its
 *                             low end, 1, 3, 5, 7 in the high byte
 *   4 coordinates, 8 levels   3 bits each: 0, 2 in the low byte, 1, 3 in the
 *                             high byte
 *
 * so that a shift of the word by its place, and a mask, make two bytes of it.
 * Signs meet the activations.
 */
#ifndef SOV_KERN_ROWS_GRID_H
#define SOV_KERN_ROWS_GRID_H

#include "kern/rows_256.h"
#include "quant/grids.h"

#include <stdalign.h>

static alignas(64) uint16_t points_iq2_xxs[256];
static alignas(64) uint16_t points_iq2_xs[512];
static alignas(64) uint16_t points_iq2_s[1024];
static alignas(64) uint16_t points_iq3_xxs[256];
static alignas(64) uint16_t points_iq3_s[512];

/* The number of a level, by halves of the steps from 0 on. */
static unsigned
level(int n, unsigned value, const uint8_t *levels)
{
    int i;

    for (i = 0; i < n - 1; i++)
        if (levels[i] == value)
            break;
    return (unsigned)i;
}

static const uint8_t levels_iq2[4] = { 8, 25, 43, 0 };
static const uint8_t levels_iq3_xxs[8] = { 4, 12, 20, 28, 36, 44, 52, 62 };
static const uint8_t levels_iq3_s[8] = { 1, 3, 5, 7, 9, 11, 13, 15 };

/* n points of 8 coordinates (4 levels) or 4 (8 levels) */
static void
make_points(uint16_t *word, const uint8_t *grid, int n, int coordinates,
            const uint8_t *levels)
{
    int n_levels = coordinates == 8 ? 4 : 8;
    int bits = coordinates == 8 ? 2 : 3;
    int i, j;

    for (i = 0; i < n; i++, grid += coordinates) {
        unsigned w = 0;

        for (j = 0; j < coordinates; j++)
            w |= level(n_levels, grid[j], levels) << (j / 2 * bits + j % 2 * 8);
        word[i] = (uint16_t)w;
    }
}

/* 16 weights of two points, words 2 k and 2 k + 1 */
INLINE vec
weights_iq2(vec points, int k)
{
    const vec twice = V_BYTES(0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3);
    const vec values =
        V_BYTES(8, 25, 43, 0, 8, 25, 43, 0, 8, 25, 43, 0, 8, 25, 43, 0);
    vec v = v_pick8(points, v_add8(twice, v_set8(4 * k)));

    v = v_shr_each16(v, V_WORDS(0, 2, 4, 6, 0, 2, 4, 6),
                     V_WORDS(64, 16, 4, 1, 64, 16, 4, 1), 6);
    return v_pick8(values, v_and(v, v_set8(3)));
}

/* 16 weights of four points, words 4 k to 4 k + 3 */
INLINE vec
weights_iq3(vec points, int k, vec values)
{
    const vec twice = V_BYTES(0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7);
    vec v = v_pick8(points, v_add8(twice, v_set8(8 * k)));

    v = v_shr_each16(v, V_WORDS(0, 3, 0, 3, 0, 3, 0, 3),
                     V_WORDS(8, 1, 8, 1, 8, 1, 8, 1), 3);
    return v_pick8(values, v_and(v, v_set8(7)));
}

INLINE void
expand_iq2(vec a, vec b, vec w[8])
{
    int k;

    UNROLL
    for (k = 0; k < 4; k++) {
        w[k] = weights_iq2(a, k);
        w[k + 4] = weights_iq2(b, k);
    }
}

/* ---- signs and scales */

/* Seven sign bits in each byte; the eighth makes their number even. */
INLINE vec
eighth_sign(vec seven)
{
    const vec odd = V_BYTES(0, -128, -128, 0, -128, 0, 0, -128, -128, 0, 0,
                            -128, 0, -128, -128, 0);
    vec low = v_pick8(odd, v_and(seven, v_set8(15)));
    vec high = v_pick8(odd, v_and(v_shr16(seven, 4), v_set8(7)));

    return v_or(seven, v_xor(low, high));
}

/*
 * u32 each: 7 signs of 8 weights from bit 0, 7, 14, 21 on, and a scale s from
 * bit 28 on
 */
INLINE void
signs_and_scales(vec v, int half, struct head *h)
{
    vec sc = v_shr32(v, 28);
    vec s = v_and(v, v_set32(0x7f));

    s = v_or(s, v_and(v_shr32(v, -1), v_set32(0x7f00)));
    s = v_or(s, v_and(v_shr32(v, -2), v_set32(0x7f0000)));
    s = v_or(s, v_and(v_shr32(v, -3), v_set32(0x7f000000)));
    h->signs[half] = eighth_sign(s);
    sc = v_add32(v_add32(sc, sc), v_set32(1));
    h->sc[half] = v_or(sc, v_shr32(sc, -16));
}

/* Scales s of 16 weights each, as bytes. */
INLINE void
odd_scales(vec s, struct head *h)
{
    s = v_add8(v_add8(s, s), v_set8(1));
    h->sc[0] = v_low8(s, v_zero());
    h->sc[1] = v_high8(s, v_zero());
}

/* Eight bytes from the 8th on: scales in their low halves, then high ones. */
INLINE void
nibble_scales(vec v, struct head *h)
{
    odd_scales(v_high8(v_and(v, v_set8(15)), v_and(v_shr16(v, 4), v_set8(15))),
               h);
}

INLINE void
scaled_half(const unsigned char *p, size_t stride, int word, float factor,
            struct head *h)
{
    h->d = f_mul(v_half(v_rows(p, stride), word), f_set(factor));
}

/* ---- the types; their layouts are drawn in quant/ */

INLINE void
head_iq2_xxs(const unsigned char *p, size_t stride, struct head *h)
{
    int half;

    scaled_half(p, stride, 0, 0.125f, h);
    UNROLL
    for (half = 0; half < 2; half++)
        signs_and_scales(v_odd32(v_rows(p + 2 + 32 * half, stride),
                                 v_rows(p + 18 + 32 * half, stride)),
                         half, h);
}

INLINE void
half_iq2_xxs(const unsigned char *p, size_t stride, const struct head *h,
             int half, vec w[8])
{
    const vec index =
        V_BYTES(0, -1, 1, -1, 2, -1, 3, -1, 8, -1, 9, -1, 10, -1, 11, -1);
    vec a = v_pick8(v_rows(p + 2 + 32 * half, stride), index);
    vec b = v_pick8(v_rows(p + 18 + 32 * half, stride), index);

    (void)h;
    expand_iq2(v_lookup(points_iq2_xxs, 256, a),
               v_lookup(points_iq2_xxs, 256, b), w);
}

INLINE void
head_iq2_xs(const unsigned char *p, size_t stride, struct head *h)
{
    int half;

    scaled_half(p, stride, 0, 0.125f, h);
    nibble_scales(v_rows(p + 58, stride), h);
    UNROLL
    for (half = 0; half < 2; half++)
        h->signs[half] = eighth_sign(
            v_pack8(v_shr16(v_rows(p + 2 + 32 * half, stride), 9),
                    v_shr16(v_rows(p + 18 + 32 * half, stride), 9)));
}

INLINE void
half_iq2_xs(const unsigned char *p, size_t stride, const struct head *h,
            int half, vec w[8])
{
    vec a = v_and(v_rows(p + 2 + 32 * half, stride), v_set16(511));
    vec b = v_and(v_rows(p + 18 + 32 * half, stride), v_set16(511));

    (void)h;
    expand_iq2(v_lookup(points_iq2_xs, 512, a), v_lookup(points_iq2_xs, 512, b),
               w);
}

INLINE void
head_iq2_s(const unsigned char *p, size_t stride, struct head *h)
{
    scaled_half(p, stride, 0, 0.125f, h);
    nibble_scales(v_rows(p + 66, stride), h);
    h->signs[0] = v_rows(p + 34, stride);
    h->signs[1] = v_rows(p + 50, stride);
}

/* Words: two bits of each byte from at on, four words of one, times 256 */
INLINE vec
high_bits(vec v, int at)
{
    const vec first = V_BYTES(0, -128, 0, -128, 0, -128, 0, -128, 1, -128, 1,
                              -128, 1, -128, 1, -128);

    v = v_pick8(v, v_add8(first, v_set8(at)));
    v = v_shr_each16(v, V_WORDS(0, 2, 4, 6, 0, 2, 4, 6),
                     V_WORDS(64, 16, 4, 1, 64, 16, 4, 1), 6);
    return v_shr16(v_and(v, v_set16(3)), -8);
}

INLINE void
half_iq2_s(const unsigned char *p, size_t stride, const struct head *h,
           int half, vec w[8])
{
    vec low = v_rows(p + 2 + 16 * half, stride);
    vec high = v_rows(p + 66, stride);
    vec a = v_or(v_low8(low, v_zero()), high_bits(high, 4 * half));
    vec b = v_or(v_high8(low, v_zero()), high_bits(high, 4 * half + 2));

    (void)h;
    expand_iq2(v_lookup(points_iq2_s, 1024, a), v_lookup(points_iq2_s, 1024, b),
               w);
}

INLINE void
head_iq3_xxs(const unsigned char *p, size_t stride, struct head *h)
{
    scaled_half(p, stride, 0, 0.25f, h);
    signs_and_scales(v_rows(p + 66, stride), 0, h);
    signs_and_scales(v_rows(p + 82, stride), 1, h);
}

INLINE void
half_iq3_xxs(const unsigned char *p, size_t stride, const struct head *h,
             int half, vec w[8])
{
    const vec values =
        V_BYTES(4, 12, 20, 28, 36, 44, 52, 62, 4, 12, 20, 28, 36, 44, 52, 62);
    int i, k;

    (void)h;
    UNROLL
    for (i = 0; i < 2; i++) {
        vec v = v_rows(p + 2 + 32 * half + 16 * i, stride);
        vec a = v_lookup(points_iq3_xxs, 256, v_low8(v, v_zero()));
        vec b = v_lookup(points_iq3_xxs, 256, v_high8(v, v_zero()));

        UNROLL
        for (k = 0; k < 2; k++) {
            w[4 * i + k] = weights_iq3(a, k, values);
            w[4 * i + 2 + k] = weights_iq3(b, k, values);
        }
    }
}

/* Four bytes from the 12th on have scales of 32 weights each. */
INLINE void
head_iq3_s(const unsigned char *p, size_t stride, struct head *h)
{
    vec v = v_pick8(v_rows(p + 94, stride),
                    V_BYTES(12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15,
                            15, 15, 15));
    const vec low =
        V_BYTES(15, 15, 0, 0, 15, 15, 0, 0, 15, 15, 0, 0, 15, 15, 0, 0);
    const vec high =
        V_BYTES(0, 0, 15, 15, 0, 0, 15, 15, 0, 0, 15, 15, 0, 0, 15, 15);

    scaled_half(p, stride, 0, 1.0f, h);
    odd_scales(v_or(v_and(v, low), v_and(v_shr16(v, 4), high)), h);
    h->signs[0] = v_rows(p + 74, stride);
    h->signs[1] = v_rows(p + 90, stride);
}

/* Words: bit i of a byte for word i, times 256 */
INLINE vec
ninth_bit(vec v, int at)
{
    const vec byte = V_BYTES(-128, 0, -128, 0, -128, 0, -128, 0, -128, 0, -128,
                             0, -128, 0, -128, 0);

    v = v_pick8(v, v_add8(byte, v_set8(at)));
    v = v_shr_each16(v, V_WORDS(0, 1, 2, 3, 4, 5, 6, 7),
                     V_WORDS(128, 64, 32, 16, 8, 4, 2, 1), 7);
    return v_and(v, v_set16(256));
}

INLINE void
half_iq3_s(const unsigned char *p, size_t stride, const struct head *h,
           int half, vec w[8])
{
    const vec values =
        V_BYTES(1, 3, 5, 7, 9, 11, 13, 15, 1, 3, 5, 7, 9, 11, 13, 15);
    vec high = v_rows(p + 66, stride);
    int i, k;

    (void)h;
    UNROLL
    for (i = 0; i < 2; i++) {
        vec v = v_rows(p + 2 + 32 * half + 16 * i, stride);
        int at = 4 * half + 2 * i;
        vec a = v_or(v_low8(v, v_zero()), ninth_bit(high, at));
        vec b = v_or(v_high8(v, v_zero()), ninth_bit(high, at + 1));

        a = v_lookup(points_iq3_s, 512, a);
        b = v_lookup(points_iq3_s, 512, b);
        UNROLL
        for (k = 0; k < 2; k++) {
            w[4 * i + k] = weights_iq3(a, k, values);
            w[4 * i + 2 + k] = weights_iq3(b, k, values);
        }
    }
}

DOT256(iq2_xxs, 66, head_iq2_xxs, SUB_16_SIGN, MINS_NONE)
DOT256(iq2_xs, 74, head_iq2_xs, SUB_16_SIGN, MINS_NONE)
DOT256(iq2_s, 82, head_iq2_s, SUB_16_SIGN, MINS_NONE)
DOT256(iq3_xxs, 98, head_iq3_xxs, SUB_16_SIGN, MINS_NONE)
DOT256(iq3_s, 110, head_iq3_s, SUB_16_SIGN, MINS_NONE)

static void
rows_grid_slots(struct sov_kern *k)
{
    make_points(points_iq2_xxs, sov_grid_iq2xxs[0], 256, 8, levels_iq2);
    make_points(points_iq2_xs, sov_grid_iq2xs[0], 512, 8, levels_iq2);
    make_points(points_iq2_s, sov_grid_iq2s[0], 1024, 8, levels_iq2);
    make_points(points_iq3_xxs, sov_grid_iq3xxs[0], 256, 4, levels_iq3_xxs);
    make_points(points_iq3_s, sov_grid_iq3s[0], 512, 4, levels_iq3_s);
    k->dot[SOV_TYPE_IQ2_XXS] = dot_iq2_xxs;
    k->dot[SOV_TYPE_IQ2_XS] = dot_iq2_xs;
    k->dot[SOV_TYPE_IQ2_S] = dot_iq2_s;
    k->dot[SOV_TYPE_IQ3_XXS] = dot_iq3_xxs;
    k->dot[SOV_TYPE_IQ3_S] = dot_iq3_s;
}

#endif
