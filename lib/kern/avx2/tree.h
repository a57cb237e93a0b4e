/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - the ends of vectors, and sums of 16 lanes in two of them, AVX2
 */
#ifndef SOV_KERN_AVX2_TREE_H
#define SOV_KERN_AVX2_TREE_H

#include "kern/unroll.h"

#include <immintrin.h>
#include <stddef.h>

/* The first n of eight lanes; n may be more. */
INLINE __m256i
mask_of(size_t n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);

    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n < 8 ? (int)n : 8), lane);
}

/* The masks of both halves for a rest of n < 16. */
INLINE void
masks_of(size_t n, __m256i m[2])
{
    m[0] = mask_of(n);
    m[1] = mask_of(n < 8 ? 0 : n - 8);
}

/* old where the mask is off */
INLINE __m256
keep(__m256 old, __m256 new, __m256i mask)
{
    return _mm256_blendv_ps(old, new, _mm256_castsi256_ps(mask));
}

/* l + (l + 8), then + 4: four lanes are left */
INLINE __m128
fold(__m256 lo, __m256 hi)
{
    __m256 s = _mm256_add_ps(lo, hi);

    return _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
}

/* then + 2, + 1 */
INLINE float
tree(__m256 lo, __m256 hi)
{
    __m128 s = fold(lo, hi);

    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    s = _mm_add_ss(s, _mm_movehdup_ps(s));
    return _mm_cvtss_f32(s);
}

/* the trees of four sums at once */
INLINE __m128
tree4(__m128 a, __m128 b, __m128 c, __m128 d)
{
    _MM_TRANSPOSE4_PS(a, b, c, d);
    return _mm_add_ps(_mm_add_ps(a, c), _mm_add_ps(b, d));
}

#endif
