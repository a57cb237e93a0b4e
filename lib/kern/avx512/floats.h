/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floats.h - vectors for tiles.h, AVX-512: the 16 lanes are one
 */
#ifndef SOV_KERN_AVX512_FLOATS_H
#define SOV_KERN_AVX512_FLOATS_H

#include "kern/avx512/tree.h"
#include "kern/unroll.h"

#include <immintrin.h>

#define VECS      1
#define PART_ROWS 4
#define PART_COLS 6

typedef __m512 vecf;

INLINE vecf
f_zero(void)
{
    return _mm512_setzero_ps();
}

INLINE vecf
f_load(const unsigned char *p)
{
    return _mm512_loadu_ps(p);
}

INLINE vecf
f_halves(const unsigned char *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)p));
}

INLINE void
f_store(float *p, vecf v)
{
    _mm512_store_ps(p, v);
}

INLINE vecf
f_fma(vecf a, vecf b, vecf s)
{
    return _mm512_fmadd_ps(a, b, s);
}

static void
trees(const float *sum, size_t n_cols, float *y, size_t y_stride)
{
    sov_trees4(sum, n_cols, y, y_stride);
}

#endif
