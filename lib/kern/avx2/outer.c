/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outer.c - sums of outer products over tokens, AVX2
 *
 * Four rows of one panel at a time: eight sums are enough to keep the adders
 * busy.
 */
#include "config.h"

#include "kern/overlay.h"

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

#define ROWS 4

INLINE void
tile(const float *a, const float *b, size_t n, float *y, size_t y_stride)
{
    __m256 s[ROWS][2];
    size_t t;
    int i, h;

    for (i = 0; i < ROWS; i++)
        for (h = 0; h < 2; h++)
            s[i][h] = _mm256_setzero_ps();
    for (t = 0; t < n; t++) {
        __m256 v0 = _mm256_loadu_ps(b + 16 * t);
        __m256 v1 = _mm256_loadu_ps(b + 16 * t + 8);

        for (i = 0; i < ROWS; i++) {
            __m256 x = _mm256_broadcast_ss(a + 16 * t + (size_t)i);

            s[i][0] = _mm256_fmadd_ps(x, v0, s[i][0]);
            s[i][1] = _mm256_fmadd_ps(x, v1, s[i][1]);
        }
    }
    for (i = 0; i < ROWS; i++)
        for (h = 0; h < 2; h++) {
            float *to = y + (size_t)i * y_stride + 8 * h;

            _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), s[i][h]));
        }
}

static void
outer(const float *a, const float *b, size_t b_stride, size_t n_b, size_t n,
      float *y, size_t y_stride)
{
    size_t p, i;

    for (p = 0; p < n_b; p++)
        for (i = 0; i < 16; i += ROWS)
            tile(a + i, b + p * b_stride, n, y + i * y_stride + 16 * p,
                 y_stride);
}

void
sov_kern_avx2_outer(struct sov_kern *k)
{
    k->outer = outer;
}
