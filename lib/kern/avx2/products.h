/* SPDX-License-Identifier: Apache-2.0 */
/*
 * products.h - sums of products of bytes and of words, AVX2 and AVX-VNNI
 */
#ifndef SOV_KERN_AVX2_PRODUCTS_H
#define SOV_KERN_AVX2_PRODUCTS_H

#include "kern/unroll.h"

#include <immintrin.h>

/* sum + products of four unsigned bytes and signed ones; pairs of them must fit
 * 16 bits */
INLINE __m256i
add_bytes(__m256i sum, __m256i u, __m256i x)
{
#ifdef __AVXVNNI__
    return _mm256_dpbusd_avx_epi32(sum, u, x);
#else
    __m256i p = _mm256_maddubs_epi16(u, x);

    return _mm256_add_epi32(sum, _mm256_madd_epi16(p, _mm256_set1_epi16(1)));
#endif
}

/* sum + products of two words each */
INLINE __m256i
add_words(__m256i sum, __m256i a, __m256i b)
{
#ifdef __AVXVNNI__
    return _mm256_dpwssd_avx_epi32(sum, a, b);
#else
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
#endif
}

#endif
