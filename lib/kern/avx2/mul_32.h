/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mul_32.h - panels of blocks of 32 weights times columns, AVX2 and AVX-VNNI
 *
 * Whoever includes it brings vec.h, with TILE, the columns of a tile, an enum
 * form, has_mins(), and block_sums().
 */
#ifndef SOV_KERN_AVX2_MUL_32_H
#define SOV_KERN_AVX2_MUL_32_H

#include "kern/panel.h"

#include <stdbool.h>

INLINE const struct sov_a32 *
column(const void *act, size_t stride, int c)
{
    return (const void *)((const unsigned char *)act + (size_t)c * stride);
}

/* Sums of block b of n columns: s[part][column]. */
INLINE void block_sums(const struct sov_panel *p, enum form form, int b,
                       const void *act, size_t stride, int n, vec s[4][TILE]);

/* p of block b, see kern.h */
INLINE __m256
product(const struct sov_panel *p, bool mins, int b, int h,
        const struct sov_a32 *a, vec sum)
{
    __m256 d =
        _mm256_mul_ps(_mm256_load_ps(&p->d[b][8 * h]), _mm256_set1_ps(a->d[b]));
    __m256 v = _mm256_mul_ps(d, _mm256_cvtepi32_ps(sum));

    if (mins)
        v = _mm256_add_ps(v, _mm256_mul_ps(_mm256_load_ps(&p->dmin[b][8 * h]),
                                           _mm256_set1_ps(a->s[b])));
    return v;
}

INLINE void
block(const struct sov_panel *p, enum form form, int b, const void *act,
      size_t stride, int n, float v[TILE][4][8])
{
    vec s[4][TILE];
    int c, h;

    block_sums(p, form, b, act, stride, n, s);
    UNROLL
    for (c = 0; c < n; c++)
        for (h = 0; h < 4; h++)
            _mm256_store_ps(v[c][h], product(p, has_mins(form), b, h,
                                             column(act, stride, c), s[h][c]));
}

INLINE __m256
add2(const float *a, const float *b)
{
    return _mm256_add_ps(_mm256_load_ps(a), _mm256_load_ps(b));
}

/* n columns, a number known to the compiler. */
INLINE void
step(const struct sov_panel *p, enum form form, const void *act, size_t stride,
     int n, float *f)
{
    float v[8][TILE][4][8] __attribute__((aligned(32)));
    int b, c, h;

    for (b = 0; b < 8; b++)
        block(p, form, b, act, stride, n, v[b]);
    for (c = 0; c < n; c++)
        for (h = 0; h < 4; h++) {
            float *at = f + SOV_PANEL_ROWS * c + 8 * h;
            __m256 low = _mm256_add_ps(add2(v[0][c][h], v[1][c][h]),
                                       add2(v[2][c][h], v[3][c][h]));
            __m256 high = _mm256_add_ps(add2(v[4][c][h], v[5][c][h]),
                                        add2(v[6][c][h], v[7][c][h]));

            _mm256_store_ps(at, _mm256_add_ps(_mm256_load_ps(at),
                                              _mm256_add_ps(low, high)));
        }
}

#endif
