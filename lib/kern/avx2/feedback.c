/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback.c - rounding with error feedback, AVX2
 */
#include "config.h"

#include "kern/avx2/lane.h"

#include "kern/feedback_lanes.h"
#include "kern/overlay.h"

#include <immintrin.h>

/* rows rows of y, 4 * regs columns. */
SOV_LANE void
less_tile(const double *p, size_t p_stride, const double *v, size_t v_stride,
          size_t n_k, double *y, size_t y_stride, int rows, int regs)
{
    __m256d sum[4][2], vk[2];

    for (int j = 0; j < rows; j++)
        for (int i = 0; i < regs; i++)
            sum[j][i] =
                _mm256_loadu_pd(y + (size_t)j * y_stride + 4 * (size_t)i);
    for (size_t k = 0; k < n_k; k++, v += v_stride) {
        for (int i = 0; i < regs; i++)
            vk[i] = _mm256_loadu_pd(v + 4 * (size_t)i);
        for (int j = 0; j < rows; j++) {
            __m256d pk = _mm256_set1_pd(p[(size_t)j * p_stride + k]);

            for (int i = 0; i < regs; i++)
                sum[j][i] = _mm256_fnmadd_pd(pk, vk[i], sum[j][i]);
        }
    }
    for (int j = 0; j < rows; j++)
        for (int i = 0; i < regs; i++)
            _mm256_storeu_pd(y + (size_t)j * y_stride + 4 * (size_t)i,
                             sum[j][i]);
}

/* All columns of some rows. */
SOV_LANE void
less_rows(const double *p, size_t p_stride, const double *v, size_t v_stride,
          size_t n_k, double *y, size_t y_stride, size_t n, int rows)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        less_tile(p, p_stride, v + i, v_stride, n_k, y + i, y_stride, rows, 2);
    for (; i + 4 <= n; i += 4)
        less_tile(p, p_stride, v + i, v_stride, n_k, y + i, y_stride, rows, 1);
    for (; i < n; i++)
        for (int j = 0; j < rows; j++) {
            double *to = y + (size_t)j * y_stride + i;

            for (size_t k = 0; k < n_k; k++)
                *to =
                    fma(-p[(size_t)j * p_stride + k], v[k * v_stride + i], *to);
        }
}

static void
less_f64(const double *p, size_t p_stride, size_t n_p, const double *v,
         size_t v_stride, size_t n_k, double *y, size_t y_stride, size_t n)
{
    size_t j = 0;

    for (; j + 4 <= n_p; j += 4)
        less_rows(p + j * p_stride, p_stride, v, v_stride, n_k,
                  y + j * y_stride, y_stride, n, 4);
    for (; j < n_p; j++)
        less_rows(p + j * p_stride, p_stride, v, v_stride, n_k,
                  y + j * y_stride, y_stride, n, 1);
}

void
sov_kern_avx2_feedback(struct sov_kern *k)
{
    feedback_slots(k);
    k->less_f64 = less_f64;
}
