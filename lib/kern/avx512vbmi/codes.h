/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codes.h - lattice points found in registers, AVX-512 with VBMI
 *
 * vpermi2b finds 64 bytes at once in a table of 128.  The coordinates of a
 * point have few levels, so that two bytes of code are a point:
 *
 *   8 coordinates   2 bits each, 0 to 3 in the first byte, 4 to 7 in the second
 *   4 coordinates   4 bits each, 0 and 1 in the first byte, 2 and 3 in the
 *                   second
 *
 * and what a code stands for is found by vpermb, which heeds six bits of it: a
 * table that repeats itself needs no mask.
 */
#ifndef SOV_KERN_AVX512VBMI_CODES_H
#define SOV_KERN_AVX512VBMI_CODES_H

#include "kern/unroll.h"
#include "quant/grids.h"

#include <immintrin.h>
#include <stdalign.h>
#include <stdint.h>

static alignas(64) uint8_t codes_iq2_xxs[2][256];
static alignas(64) uint8_t codes_iq2_xs[2][512];
static alignas(64) uint8_t codes_iq2_s[2][1024];
static alignas(64) uint8_t codes_iq3_xxs[2][256];
static alignas(64) uint8_t codes_iq3_s[2][512];
static alignas(64) uint8_t codes_iq1[2][2048];

/* Trits 0 to 3 of a byte, two bits each, and trit 4; see quant/tq1_0.c. */
static alignas(64) uint8_t codes_trits[2][256];

/* The signs of eight weights by their seven bits. */
static alignas(64) uint8_t sign_bytes[128];

/* What codes stand for. */
static const int8_t levels_iq2[4] = { 8, 25, 43, 0 };
static const int8_t levels_iq1[4] = { -1, 0, 1, 0 };
static const int8_t levels_iq3_xxs[8] = { 4, 12, 20, 28, 36, 44, 52, 62 };
static const int8_t levels_iq3_s[8] = { 1, 3, 5, 7, 9, 11, 13, 15 };

/* n points of 8 coordinates with 4 levels, or of 4 with 8 */
static void
make_codes(uint8_t *code, const int8_t *grid, int n, int coordinates,
           const int8_t *levels)
{
    int n_levels = coordinates == 8 ? 4 : 8;
    int half = coordinates / 2;
    int i, j, k;

    for (i = 0; i < n; i++)
        for (j = 0; j < coordinates; j++, grid++) {
            for (k = 0; k < n_levels - 1 && levels[k] != *grid; k++)
                ;
            code[j / half * n + i] |= (uint8_t)(k << j % half * (8 / half));
        }
}

static void
make_trits(void)
{
    unsigned i, t, pow3;

    for (i = 0; i < 256; i++)
        for (t = 0, pow3 = 1; t < 5; t++, pow3 *= 3)
            codes_trits[t / 4][i] |=
                (uint8_t)((i * pow3 & 255) * 3 >> 8 << t % 4 * 2);
}

static void
make_all_codes(void)
{
    unsigned i;

    make_trits();

    make_codes(codes_iq2_xxs[0], (const int8_t *)sov_grid_iq2xxs, 256, 8,
               levels_iq2);
    make_codes(codes_iq2_xs[0], (const int8_t *)sov_grid_iq2xs, 512, 8,
               levels_iq2);
    make_codes(codes_iq2_s[0], (const int8_t *)sov_grid_iq2s, 1024, 8,
               levels_iq2);
    make_codes(codes_iq3_xxs[0], (const int8_t *)sov_grid_iq3xxs, 256, 4,
               levels_iq3_xxs);
    make_codes(codes_iq3_s[0], (const int8_t *)sov_grid_iq3s, 512, 4,
               levels_iq3_s);
    make_codes(codes_iq1[0], sov_grid_iq1s[0], 2048, 8, levels_iq1);
    for (i = 0; i < 128; i++)
        sign_bytes[i] = sov_grid_signs(i);
}

/*
 * table[i] for 64 indices of which i has bits 0 to 6 and high[k] bit 7 + k;
 * n entries, a power of two from 128 on.
 */
INLINE __m512i
lookup(const void *table, int n, __m512i i, const __mmask64 *high)
{
    const uint8_t *t = table;
    __m512i r[16];
    int j, level;

    UNROLL
    for (j = 0; j < n / 128; j++)
        r[j] = _mm512_permutex2var_epi8(_mm512_loadu_si512(t + 128 * j), i,
                                        _mm512_loadu_si512(t + 128 * j + 64));
    UNROLL
    for (level = 0; level < 4; level++)
        UNROLL
    for (j = 0; j < n >> (8 + level); j++)
        r[j] = _mm512_mask_blend_epi8(high[level], r[2 * j], r[2 * j + 1]);
    return r[0];
}

/* For the four bytes of a lane: bits from at, at + step ... on. */
#define FROM(at, step)                                               \
    ((uint32_t)(at)*0x01010101u + (uint32_t)(step)*0x00010000u * 2 + \
     (uint32_t)(step)*0x01000000u * 3 + (uint32_t)(step)*0x00000100u)

/* Such bytes; above the bits that are meant, others may stand. */
INLINE __m512i
fields(__m512i v, uint32_t from)
{
    uint64_t both = from | (uint64_t)(from + 0x20202020u) << 32;

    return _mm512_multishift_epi64_epi8(_mm512_set1_epi64((long long)both), v);
}

/* The eighth sign of each seven; bit 7 does not matter. */
INLINE __m512i
eight_signs(__m512i seven)
{
    return lookup(sign_bytes, 128, seven, NULL);
}

#endif
