/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blend.c - rows blended by weights, AVX2
 *
 * Four rows and sixteen numbers at a time: eight sums are enough to keep the
 * adders busy.
 */
#include "config.h"

#include "kern/overlay.h"
#include "kern/unroll.h"

#include <immintrin.h>

#define ROWS 4

INLINE void
tile(const struct sov_blend *m, size_t i, size_t j, int rows)
{
    const float *a = m->a + i * m->a_row;
    const float *b = m->b + j;
    float *y = m->y + i * m->y_stride + j;
    __m256 s[ROWS][2];
    size_t t;
    int r, h;

    UNROLL
    for (r = 0; r < rows; r++)
        UNROLL
    for (h = 0; h < 2; h++)
        s[r][h] = m->more ? _mm256_loadu_ps(y + (size_t)r * m->y_stride + 8 * h)
                          : _mm256_setzero_ps();
    for (t = 0; t < m->n_t; t++, a += m->a_step, b += m->b_stride) {
        __m256 v0 = _mm256_loadu_ps(b);
        __m256 v1 = _mm256_loadu_ps(b + 8);

        UNROLL
        for (r = 0; r < rows; r++) {
            __m256 x = _mm256_broadcast_ss(a + (size_t)r * m->a_row);

            s[r][0] = _mm256_fmadd_ps(x, v0, s[r][0]);
            s[r][1] = _mm256_fmadd_ps(x, v1, s[r][1]);
        }
    }
    UNROLL
    for (r = 0; r < rows; r++)
        UNROLL
    for (h = 0; h < 2; h++)
        _mm256_storeu_ps(y + (size_t)r * m->y_stride + 8 * h, s[r][h]);
}

#include "kern/blend.h"

void
sov_kern_avx2_blend(struct sov_kern *k)
{
    k->blend = blend;
}
