/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act.c - activations as integers, AVX-512
 */
#include "config.h"

#include "kern/overlay.h"
#include "tensor/half.h"

#include <immintrin.h>
#include <string.h>

static float
amax(const float *x, size_t n)
{
    const __m512i abs = _mm512_set1_epi32(0x7fffffff);
    __m512i m = _mm512_setzero_si512();
    size_t i;

    for (i = 0; i < n; i += 16) {
        __m512i u = _mm512_castps_si512(_mm512_loadu_ps(x + i));

        m = _mm512_max_epu32(m, _mm512_and_si512(u, abs));
    }
    return _mm_cvtss_f32(
        _mm_castsi128_ps(_mm_cvtsi32_si128((int)_mm512_reduce_max_epu32(m))));
}

/* 16 numbers in units of d, not 0, into q; gives their sum. */
static int32_t
unit16(const float *x, float d, int8_t *q)
{
    __m512 v = _mm512_div_ps(_mm512_loadu_ps(x), _mm512_set1_ps(d));
    __m512i i;

    v = _mm512_max_ps(v, _mm512_set1_ps(-127.0f));
    v = _mm512_min_ps(v, _mm512_set1_ps(127.0f));
    i = _mm512_cvtps_epi32(v);
    _mm_storeu_si128((__m128i *)q, _mm512_cvtepi32_epi8(i));
    return _mm512_reduce_add_epi32(i);
}

static void
to_a32(const float *x, struct sov_a32 *a, size_t n)
{
    size_t i, b;

    for (i = 0; i < n; i += 256, a++) {
        if (n - i < 256)
            memset(a, 0, sizeof(*a));
        memset(a->zero, 0, sizeof(a->zero));
        for (b = 0; b < 8 && i + 32 * b < n; b++) {
            const float *p = x + i + 32 * b;
            int8_t *q = a->q + 32 * b;

            float d = amax(p, 32) / 127.0f;

            if (d != 0) {
                a->sum[b] = unit16(p, d, q);
                a->sum[b] += unit16(p + 16, d, q + 16);
            } else {
                a->sum[b] = 0;
                memset(q, 0, 32);
            }
            a->d[b] = sov_f32_round11(d);
            a->s[b] = sov_f32_round11(d * (float)a->sum[b]);
        }
    }
}

static void
to_a256(const float *x, struct sov_a256 *a, size_t n)
{
    size_t i, b;

    for (i = 0; i < n; i += 256, a++) {
        float d = amax(x + i, 256) / 127.0f;

        memset(a, 0, sizeof(*a));
        if (d == 0)
            continue;
        a->d = d;
        for (b = 0; b < 16; b++)
            a->sum[b] = (int16_t)unit16(x + i + 16 * b, d, a->q + 16 * b);
        for (b = 0; b < 8; b++)
            a->sum32[b] = (int16_t)(a->sum[2 * b] + a->sum[2 * b + 1]);
    }
}

void
sov_kern_avx512_act(struct sov_kern *k)
{
    k->to_a32 = to_a32;
    k->to_a256 = to_a256;
}
