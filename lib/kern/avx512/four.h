/* SPDX-License-Identifier: Apache-2.0 */
/*
 * four.h - what goes with registers of one row each, for four rows, AVX-512
 */
#ifndef SOV_KERN_AVX512_FOUR_H
#define SOV_KERN_AVX512_FOUR_H

#include "kern/avx512/row.h"
#include "kern/rows.h"

/* Ask for line i at p, here and not where a compiler would like to. */
INLINE void
whole_ahead(const unsigned char *p, int i)
{
    __asm__ volatile("");
    v_ahead(p + 64 * i);
    __asm__ volatile("");
}

/* Sums of the lanes of four registers. */
INLINE __m128i
whole_sums4(const vec s[ROWS])
{
    vec v = v_sums4(s[0], s[1], s[2], s[3]);
    __m256i u = _mm256_add_epi32(_mm512_castsi512_si256(v),
                                 _mm512_extracti64x4_epi64(v, 1));

    return _mm_add_epi32(_mm256_castsi256_si128(u),
                         _mm256_extracti128_si256(u, 1));
}

/* A half float of each row. */
INLINE __m128
whole_floats(const unsigned char *p, size_t stride)
{
    return _mm_cvtph_ps(
        _mm_setr_epi16((short)sov_le16(p), (short)sov_le16(p + stride),
                       (short)sov_le16(p + 2 * stride),
                       (short)sov_le16(p + 3 * stride), 0, 0, 0, 0));
}

#endif
