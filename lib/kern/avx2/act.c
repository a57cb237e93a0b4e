/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act.c - activations as integers, AVX2
 */
#include "config.h"

#include "kern/overlay.h"
#include "tensor/half.h"

#include <immintrin.h>
#include <string.h>

static __m256i
max_bits(const float *x, size_t n)
{
    const __m256i abs = _mm256_set1_epi32(0x7fffffff);
    __m256i m = _mm256_setzero_si256();
    size_t i;

    for (i = 0; i < n; i += 8) {
        __m256i u = _mm256_castps_si256(_mm256_loadu_ps(x + i));

        m = _mm256_max_epu32(m, _mm256_and_si256(u, abs));
    }
    return m;
}

static float
amax(const float *x, size_t n)
{
    __m256i m = max_bits(x, n);
    __m128i s = _mm_max_epu32(_mm256_castsi256_si128(m),
                              _mm256_extracti128_si256(m, 1));

    s = _mm_max_epu32(s, _mm_shuffle_epi32(s, 0x4e));
    s = _mm_max_epu32(s, _mm_shuffle_epi32(s, 0xb1));
    return _mm_cvtss_f32(_mm_castsi128_ps(s));
}

/* Eight numbers in units of d, cut and rounded. */
static __m256i
unit8(const float *x, __m256 d)
{
    __m256 v = _mm256_div_ps(_mm256_loadu_ps(x), d);

    v = _mm256_max_ps(v, _mm256_set1_ps(-127.0f));
    v = _mm256_min_ps(v, _mm256_set1_ps(127.0f));
    return _mm256_cvtps_epi32(v);
}

/* 32 numbers in units of d, not 0, into q; their sums in eight lanes */
static __m256i
unit32(const float *x, float d, int8_t *q)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256 vd = _mm256_set1_ps(d);
    __m256i a = unit8(x, vd);
    __m256i b = unit8(x + 8, vd);
    __m256i c = unit8(x + 16, vd);
    __m256i e = unit8(x + 24, vd);
    __m256i bytes =
        _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, e));

    _mm256_storeu_si256((__m256i *)q,
                        _mm256_permutevar8x32_epi32(bytes, order));
    return _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, e));
}

/* lanes as unit32 leaves them: the four vectors' lower halves, then upper */
static void
sums16(__m256i s, int32_t out[2])
{
    __m128i t = _mm_add_epi32(_mm256_castsi256_si128(s),
                              _mm256_extracti128_si256(s, 1));

    t = _mm_hadd_epi32(t, t);
    out[0] = _mm_cvtsi128_si32(t);
    out[1] = _mm_extract_epi32(t, 1);
}

static void
to_a32(const float *x, struct sov_a32 *a, size_t n)
{
    size_t i, b;

    for (i = 0; i < n; i += 256, a++) {
        if (n - i < 256)
            memset(a, 0, sizeof(*a));
        for (b = 0; b < 8 && i + 32 * b < n; b++) {
            const float *p = x + i + 32 * b;
            int32_t sum[2] = { 0, 0 };
            float d = amax(p, 32) / 127.0f;

            if (d != 0)
                sums16(unit32(p, d, a->q + 32 * b), sum);
            else
                memset(a->q + 32 * b, 0, 32);
            a->sum[b] = sum[0] + sum[1];
            a->d[b] = sov_f32_round11(d);
            a->s[b] = sov_f32_round11(d * (float)a->sum[b]);
            a->lift[b] = -128 * a->sum[b];
        }
    }
}

static void
to_a256(const float *x, struct sov_a256 *a, size_t n)
{
    size_t i, b;

    for (i = 0; i < n; i += 256, a++) {
        float d = amax(x + i, 256) / 127.0f;

        if (d == 0) {
            memset(a, 0, sizeof(*a));
            continue;
        }
        a->d = d;
        memset(a->zero, 0, sizeof(a->zero));
        for (b = 0; b < 8; b++) {
            int32_t sum[2];

            sums16(unit32(x + i + 32 * b, d, a->q + 32 * b), sum);
            a->sum[2 * b] = (int16_t)sum[0];
            a->sum[2 * b + 1] = (int16_t)sum[1];
            a->sum32[b] = (int16_t)(sum[0] + sum[1]);
        }
    }
}

void
sov_kern_avx2_act(struct sov_kern *k)
{
    k->to_a32 = to_a32;
    k->to_a256 = to_a256;
}
