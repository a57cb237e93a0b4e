/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback.c - rounding with error feedback, AVX-512
 */
#include "config.h"

#include "kern/avx512/lane.h"

#include "kern/feedback_lanes.h"
#include "kern/overlay.h"

#include <immintrin.h>

/* rows rows of y, 8 * regs columns; the last register is masked. */
SOV_LANE void
less_tile(const double *p, size_t p_stride, const double *v, size_t v_stride,
          size_t n_k, double *y, size_t y_stride, int rows, int regs,
          __mmask8 last)
{
    __m512d sum[4][4], vk[4];

    for (int j = 0; j < rows; j++)
        for (int i = 0; i < regs; i++)
            sum[j][i] =
                _mm512_maskz_loadu_pd(i == regs - 1 ? last : 0xff,
                                      y + (size_t)j * y_stride + 8 * (size_t)i);
    for (size_t k = 0; k < n_k; k++, v += v_stride) {
        for (int i = 0; i < regs; i++)
            vk[i] = _mm512_maskz_loadu_pd(i == regs - 1 ? last : 0xff,
                                          v + 8 * (size_t)i);
        for (int j = 0; j < rows; j++) {
            __m512d pk = _mm512_set1_pd(p[(size_t)j * p_stride + k]);

            for (int i = 0; i < regs; i++)
                sum[j][i] = _mm512_fnmadd_pd(pk, vk[i], sum[j][i]);
        }
    }
    for (int j = 0; j < rows; j++)
        for (int i = 0; i < regs; i++)
            _mm512_mask_storeu_pd(y + (size_t)j * y_stride + 8 * (size_t)i,
                                  i == regs - 1 ? last : 0xff, sum[j][i]);
}

/* All columns of some rows. */
SOV_LANE void
less_rows(const double *p, size_t p_stride, const double *v, size_t v_stride,
          size_t n_k, double *y, size_t y_stride, size_t n, int rows)
{
    size_t i = 0;

    for (; i + 32 <= n; i += 32)
        less_tile(p, p_stride, v + i, v_stride, n_k, y + i, y_stride, rows, 4,
                  0xff);
    for (; i < n; i += 8)
        less_tile(p, p_stride, v + i, v_stride, n_k, y + i, y_stride, rows, 1,
                  (__mmask8)(n - i < 8 ? (1u << (n - i)) - 1 : 0xffu));
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
sov_kern_avx512_feedback(struct sov_kern *k)
{
    feedback_slots(k);
    k->less_f64 = less_f64;
}
