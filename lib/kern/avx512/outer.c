/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outer.c - sums of outer products over tokens, AVX-512
 *
 * Eight rows and up to three panels at a time: 24 sums stay in registers, and
 * for each token there are eleven loads.  The rows come from the first cache,
 * the panels from the second.
 */
#include "config.h"

#include "kern/overlay.h"

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

#define ROWS   8
#define PANELS 3

INLINE void
tile(const float *a, const float *b, size_t b_stride, int n_b, size_t n,
     float *y, size_t y_stride)
{
    __m512 s[ROWS][PANELS];
    size_t t;
    int i, p;

    for (i = 0; i < ROWS; i++)
        for (p = 0; p < n_b; p++)
            s[i][p] = _mm512_setzero_ps();
    for (t = 0; t < n; t++) {
        __m512 v[PANELS];

        for (p = 0; p < n_b; p++)
            v[p] = _mm512_loadu_ps(b + (size_t)p * b_stride + 16 * t);
        for (i = 0; i < ROWS; i++) {
            __m512 x = _mm512_set1_ps(a[16 * t + (size_t)i]);

            for (p = 0; p < n_b; p++)
                s[i][p] = _mm512_fmadd_ps(x, v[p], s[i][p]);
        }
    }
    for (i = 0; i < ROWS; i++)
        for (p = 0; p < n_b; p++) {
            float *to = y + (size_t)i * y_stride + 16 * (size_t)p;

            _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), s[i][p]));
        }
}

INLINE void
panels(const float *a, const float *b, size_t b_stride, int n_b, size_t n,
       float *y, size_t y_stride)
{
    tile(a, b, b_stride, n_b, n, y, y_stride);
    tile(a + ROWS, b, b_stride, n_b, n, y + ROWS * y_stride, y_stride);
}

static void
outer(const float *a, const float *b, size_t b_stride, size_t n_b, size_t n,
      float *y, size_t y_stride)
{
    for (; n_b >= PANELS; n_b -= PANELS) {
        panels(a, b, b_stride, PANELS, n, y, y_stride);
        b += PANELS * b_stride;
        y += PANELS * 16;
    }
    if (n_b == 2)
        panels(a, b, b_stride, 2, n, y, y_stride);
    else if (n_b == 1)
        panels(a, b, b_stride, 1, n, y, y_stride);
}

void
sov_kern_avx512_outer(struct sov_kern *k)
{
    k->outer = outer;
}
