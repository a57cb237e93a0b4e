/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - sums of the 16 lanes of a vector, AVX-512
 */
#ifndef SOV_KERN_AVX512_TREE_H
#define SOV_KERN_AVX512_TREE_H

#include "kern/unroll.h"

#include <immintrin.h>
#include <stddef.h>

INLINE __mmask16
mask_of(size_t n)
{
    return (__mmask16)(n < 16 ? (1u << n) - 1 : 0xffffu);
}

/* l + (l + 8), then + 4: four lanes are left */
INLINE __m128
fold(__m512 s)
{
    __m256 t = _mm256_add_ps(_mm512_castps512_ps256(s),
                             _mm512_extractf32x8_ps(s, 1));

    return _mm_add_ps(_mm256_castps256_ps128(t), _mm256_extractf128_ps(t, 1));
}

/* then + 2, + 1 */
INLINE float
tree(__m512 v)
{
    __m128 s = fold(v);

    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    s = _mm_add_ss(s, _mm_movehdup_ps(s));
    return _mm_cvtss_f32(s);
}

/* the trees of four sums at once */
INLINE __m128
tree4(const __m512 v[4])
{
    __m128 a = fold(v[0]);
    __m128 b = fold(v[1]);
    __m128 c = fold(v[2]);
    __m128 d = fold(v[3]);

    _MM_TRANSPOSE4_PS(a, b, c, d);
    return _mm_add_ps(_mm_add_ps(a, c), _mm_add_ps(b, d));
}

/*
 * The trees of sixteen sums at once; sum i is lane i.  Each step adds the lanes
 * that the tree adds, of two vectors, and puts the results side by side: after
 * the first a vector holds two sums in eight lanes each, then four in four,
 * eight in two, sixteen in one.
 */
INLINE __m512
tree16(__m512 v[16])
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6,
                                            10, 14, 3, 7, 11, 15);
    int i;

    for (i = 0; i < 8; i++)
        v[i] = _mm512_add_ps(
            _mm512_shuffle_f32x4(v[2 * i], v[2 * i + 1], 0x44),
            _mm512_shuffle_f32x4(v[2 * i], v[2 * i + 1], 0xee));
    for (i = 0; i < 4; i++)
        v[i] = _mm512_add_ps(
            _mm512_shuffle_f32x4(v[2 * i], v[2 * i + 1], 0x88),
            _mm512_shuffle_f32x4(v[2 * i], v[2 * i + 1], 0xdd));
    for (i = 0; i < 2; i++)
        v[i] = _mm512_add_ps(_mm512_shuffle_ps(v[2 * i], v[2 * i + 1], 0x44),
                             _mm512_shuffle_ps(v[2 * i], v[2 * i + 1], 0xee));
    v[0] = _mm512_add_ps(_mm512_shuffle_ps(v[0], v[1], 0x88),
                         _mm512_shuffle_ps(v[0], v[1], 0xdd));
    return _mm512_permutexvar_ps(order, v[0]);
}

/* y[c * y_stride + 0 .. 3] = the trees of four sums a column, in order */
INLINE void
sov_trees4(const float *sum, size_t n_cols, float *y, size_t y_stride)
{
    __m512 v[16];
    size_t c;
    int i;

    for (c = 0; c + 4 <= n_cols; c += 4, sum += 256) {
        for (i = 0; i < 16; i++)
            v[i] = _mm512_load_ps(sum + 16 * i);
        v[0] = tree16(v);
        _mm_storeu_ps(y + c * y_stride, _mm512_castps512_ps128(v[0]));
        _mm_storeu_ps(y + (c + 1) * y_stride, _mm512_extractf32x4_ps(v[0], 1));
        _mm_storeu_ps(y + (c + 2) * y_stride, _mm512_extractf32x4_ps(v[0], 2));
        _mm_storeu_ps(y + (c + 3) * y_stride, _mm512_extractf32x4_ps(v[0], 3));
    }
    for (; c < n_cols; c++, sum += 64) {
        for (i = 0; i < 4; i++)
            v[i] = _mm512_load_ps(sum + 16 * i);
        _mm_storeu_ps(y + c * y_stride, tree4(v));
    }
}

#endif
