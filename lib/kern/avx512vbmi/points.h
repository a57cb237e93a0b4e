/* SPDX-License-Identifier: Apache-2.0 */
/*
 * points.h - rows' lattice points as codes in registers, AVX-512 with VBMI
 *
 * For each type a function that brings the codes of 64 points (codes.h), of two
 * rows or of one, and the scales and signs of their weights, in the form that
 * dot.c multiplies.
 */
#ifndef SOV_KERN_AVX512VBMI_POINTS_H
#define SOV_KERN_AVX512VBMI_POINTS_H

#include "kern/avx512/row.h"
#include "kern/avx512vbmi/codes.h"

#include <stdbool.h>

/* How points are put into registers. */
enum form {
    EIGHT,    /* 8 coordinates of 32 points of two rows, scales of 32 weights;
                 a byte is a point */
    EIGHT_16, /* scales of 16 weights: two bytes beside each other are
                 coordinates j and j + 4 of a point */
    FOUR,     /* 4 coordinates of 64 points of a row, scales of 32 */
};

/* A register's worth of points: coordinates j of code[0] and steps + j of
 * code[1], steps of them in each byte, next to each other. */
struct points {
    __m512i code[2];
    __m512i signs[2];  /* bit j, or steps v + j if both are the same */
    __mmask64 more[2]; /* ternary points: weights that are 2 larger */
    __m512i sc[2];     /* for EIGHT_16 both */
};

/* ---- the types; their layouts are drawn in quant/ */

/* Bytes of both rows, the even ones or the odd ones. */
INLINE __m512i
every_second(__m512i a, __m512i b, int odd)
{
    const __m512i even = _mm512_set_epi8(
        126, 124, 122, 120, 118, 116, 114, 112, 110, 108, 106, 104, 102, 100,
        98, 96, 94, 92, 90, 88, 86, 84, 82, 80, 78, 76, 74, 72, 70, 68, 66, 64,
        62, 60, 58, 56, 54, 52, 50, 48, 46, 44, 42, 40, 38, 36, 34, 32, 30, 28,
        26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);

    return _mm512_permutex2var_epi8(
        a, _mm512_add_epi8(even, _mm512_set1_epi8((char)odd)), b);
}

/* 32 bytes of both rows */
INLINE __m512i
both(const unsigned char *a, const unsigned char *b)
{
    return _mm512_inserti64x4(
        _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)a)),
        _mm256_loadu_si256((const __m256i *)b), 1);
}

/* The codes of 64 points as form EIGHT has them. */
INLINE void
codes(const void *table, int n, __m512i i, const __mmask64 *high,
      struct points *p)
{
    p->code[0] = lookup(table, n, i, high);
    p->code[1] = lookup((const uint8_t *)table + n, n, i, high);
}

/* EIGHT to EIGHT_16 */
INLINE void
interleave(struct points *p)
{
    __m512i a = p->code[0];

    p->code[0] = _mm512_unpacklo_epi8(a, p->code[1]);
    p->code[1] = _mm512_unpackhi_epi8(a, p->code[1]);
}

/* The signs of the same points. */
INLINE void
interleave_signs(__m512i s, struct points *p)
{
    __m512i high = _mm512_srli_epi16(s, 4);

    p->signs[0] = _mm512_unpacklo_epi8(s, high);
    p->signs[1] = _mm512_unpackhi_epi8(s, high);
}

/* 2 s + 1 of the bits s, of mask, above the n[i]-th of a dword, which turns. */
INLINE __m512i
odd_scales(__m512i v, __m512i n, int mask)
{
    /* (v & mask) | 1 */
    return _mm512_ternarylogic_epi32(_mm512_rorv_epi32(v, n),
                                     _mm512_set1_epi32(2 * mask),
                                     _mm512_set1_epi32(1), 0xea);
}

/* Eight bytes of both rows: each of the four dwords four times. */
INLINE __m512i
two_lanes(const unsigned char *a, const unsigned char *b)
{
    const __m512i four =
        _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
    __m128i v = _mm_set_epi64x((long long)sov_le64(b), (long long)sov_le64(a));

    return _mm512_permutexvar_epi32(four, _mm512_castsi128_si512(v));
}

/* Sixteen scales of four bits each of both rows, for EIGHT_16. */
INLINE void
nibble_scales(const unsigned char *a, const unsigned char *b, struct points *p)
{
    __m512i v = two_lanes(a, b);

    p->sc[0] = odd_scales(v, V_INTS(31, 3, 7, 11), 15);
    p->sc[1] = odd_scales(v, V_INTS(15, 19, 23, 27), 15);
}

INLINE void
points_iq2_xxs(const unsigned char *a, const unsigned char *b, struct points *p)
{
    const __m512i even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14,
                                          12, 10, 8, 6, 4, 2, 0);
    const __m512i sevens = _mm512_set1_epi64(0x352e2720150e0700);
    __m512i v = _mm512_loadu_si512(a + 2);
    __m512i w = _mm512_loadu_si512(b + 2);
    __m512i i = _mm512_permutex2var_epi32(v, even, w);
    __m512i s = _mm512_permutex2var_epi32(
        v, _mm512_or_si512(even, _mm512_set1_epi32(1)), w);
    __mmask64 high = _mm512_movepi8_mask(i);

    codes(codes_iq2_xxs, 256, i, &high, p);
    p->sc[0] = _mm512_or_si512(_mm512_srli_epi32(s, 27), _mm512_set1_epi32(1));
    p->signs[0] = p->signs[1] =
        eight_signs(_mm512_multishift_epi64_epi8(sevens, s));
}

INLINE void
points_iq2_xs(const unsigned char *a, const unsigned char *b, struct points *p)
{
    __m512i v = _mm512_loadu_si512(a + 2);
    __m512i w = _mm512_loadu_si512(b + 2);
    __m512i i = every_second(v, w, 0);
    __m512i s = every_second(v, w, 1);
    __mmask64 high[2] = { _mm512_movepi8_mask(i),
                          _mm512_test_epi8_mask(s, _mm512_set1_epi8(1)) };

    codes(codes_iq2_xs, 512, i, high, p);
    interleave(p);
    interleave_signs(eight_signs(_mm512_srli_epi16(s, 1)), p);
    nibble_scales(a + 66, b + 66, p);
}

/* Bits of which every second one is in mask, of both rows */
INLINE __mmask64
bits_of(uint64_t a, uint64_t b, uint64_t mask)
{
    return _pext_u64(a, mask) | _pext_u64(b, mask) << 32;
}

INLINE void
points_iq2_s(const unsigned char *a, const unsigned char *b, struct points *p)
{
    const uint64_t even = UINT64_C(0x5555555555555555);
    uint64_t u = sov_le64(a + 66);
    uint64_t v = sov_le64(b + 66);
    __m512i i = both(a + 2, b + 2);
    __mmask64 high[3] = { _mm512_movepi8_mask(i), bits_of(u, v, even),
                          bits_of(u, v, ~even) };

    codes(codes_iq2_s, 1024, i, high, p);
    interleave(p);
    interleave_signs(both(a + 34, b + 34), p);
    nibble_scales(a + 74, b + 74, p);
}

/* Signs of eight weights: the low half for one point, the high for the next. */
INLINE void
half_signs(__m256i s, struct points *p)
{
    __m512i v = _mm512_cvtepu8_epi16(s);

    p->signs[0] = p->signs[1] = _mm512_or_si512(v, _mm512_slli_epi16(v, 4));
}

INLINE void
points_iq3_xxs(const unsigned char *a, const unsigned char *b, struct points *p)
{
    const __m256i sevens = _mm256_set1_epi64x(0x352e2720150e0700);
    const __m512i twice =
        _mm512_set_epi32(7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0);
    __m512i i = _mm512_loadu_si512(a + 2);
    __m256i s = _mm256_loadu_si256((const __m256i *)(a + 66));
    __mmask64 high = _mm512_movepi8_mask(i);
    __m512i v = _mm512_permutexvar_epi32(twice, _mm512_castsi256_si512(s));

    (void)b;
    codes(codes_iq3_xxs, 256, i, &high, p);
    p->sc[0] = _mm512_or_si512(_mm512_srli_epi32(v, 27), _mm512_set1_epi32(1));
    s = _mm256_multishift_epi64_epi8(sevens, s);
    s = _mm512_castsi512_si256(eight_signs(_mm512_castsi256_si512(s)));
    half_signs(s, p);
}

INLINE void
points_iq3_s(const unsigned char *a, const unsigned char *b, struct points *p)
{
    const __m512i n = _mm512_set_epi32(27, 27, 23, 23, 19, 19, 15, 15, 11, 11,
                                       7, 7, 3, 3, 31, 31);
    __m512i i = _mm512_loadu_si512(a + 2);
    __mmask64 high[2] = { _mm512_movepi8_mask(i), sov_le64(a + 66) };

    (void)b;
    codes(codes_iq3_s, 512, i, high, p);
    p->sc[0] = odd_scales(_mm512_set1_epi32((int)sov_le32(a + 106)), n, 15);
    half_signs(_mm256_loadu_si256((const __m256i *)(a + 74)), p);
}

/* Sixteen bytes of both rows; a word in each lane. */
INLINE __m512i
words(const unsigned char *a, const unsigned char *b)
{
    return _mm512_cvtepu16_epi32(_mm256_set_m128i(load16(b), load16(a)));
}

/* Codes by 64 indices, of which bits 8 to 10 are bits 0 to 2 of high. */
INLINE void
ternary_codes(__m512i i, __m512i high, struct points *p)
{
    __mmask64 masks[4] = { _mm512_movepi8_mask(i),
                           _mm512_test_epi8_mask(high, _mm512_set1_epi8(1)),
                           _mm512_test_epi8_mask(high, _mm512_set1_epi8(2)),
                           _mm512_test_epi8_mask(high, _mm512_set1_epi8(4)) };

    codes(codes_iq1, 2048, i, masks, p);
}

INLINE void
points_iq1_s(const unsigned char *a, const unsigned char *b, struct points *p)
{
    __m512i v = words(a + 34, b + 34);

    ternary_codes(both(a + 2, b + 2), fields(v, FROM(0, 3)), p);
    p->sc[0] = odd_scales(v, _mm512_set1_epi32(11), 7);
    p->more[0] = p->more[1] = _mm512_testn_epi8_mask(
        fields(v, FROM(8, 0)), _mm512_set1_epi8((char)0x80));
}

INLINE void
points_iq1_m(const unsigned char *a, const unsigned char *b, struct points *p)
{
    const __m512i less = _mm512_set1_epi8(8);
    __m512i v = fields(words(a + 32, b + 32), FROM(0, 4));

    ternary_codes(both(a, b), v, p);
    interleave(p);
    p->more[0] = _mm512_testn_epi8_mask(_mm512_unpacklo_epi8(v, v), less);
    p->more[1] = _mm512_testn_epi8_mask(_mm512_unpackhi_epi8(v, v), less);
    v = two_lanes(a + 48, b + 48);
    p->sc[0] = odd_scales(v, V_INTS(31, 2, 5, 8), 7);
    p->sc[1] = odd_scales(v, V_INTS(15, 18, 21, 24), 7);
}

#endif
