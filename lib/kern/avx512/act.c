/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act.c - activations as integers, AVX-512
 */
#include "config.h"

#include "kern/avx512/tree.h"
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

/* 16 numbers in units of d, not 0, to even. */
static inline __m512i
unit16(const float *x, __m512 d)
{
    __m512 v = _mm512_div_ps(_mm512_loadu_ps(x), d);

    v = _mm512_max_ps(v, _mm512_set1_ps(-127.0f));
    v = _mm512_min_ps(v, _mm512_set1_ps(127.0f));
    return _mm512_cvtps_epi32(v);
}

/* Dword i of lane k to dword k of lane i. */
static inline __m512i
turned(__m512i v)
{
    return _mm512_permutexvar_epi32(
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
        v);
}

/* 64 numbers, the first 32 in units of d, the others of e; their bytes to q and
 * the sums of four each. */
static inline __m512i
unit64(const float *x, __m512 d, __m512 e, int8_t *q)
{
    __m512i a = _mm512_packs_epi32(unit16(x, d), unit16(x + 16, d));
    __m512i b = _mm512_packs_epi32(unit16(x + 32, e), unit16(x + 48, e));
    __m512i bytes = turned(_mm512_packs_epi16(a, b));

    _mm512_storeu_si512(q, bytes);
    return _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(1),
                               bytes);
}

/* 256 numbers' such sums, to sums of 16. */
static inline __m256i
sums16(const __m512i s[4])
{
    __m512i a = _mm512_add_epi32(_mm512_unpacklo_epi32(s[0], s[1]),
                                 _mm512_unpackhi_epi32(s[0], s[1]));
    __m512i b = _mm512_add_epi32(_mm512_unpacklo_epi32(s[2], s[3]),
                                 _mm512_unpackhi_epi32(s[2], s[3]));

    return _mm512_cvtepi32_epi16(turned(_mm512_add_epi32(
        _mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b))));
}

/* and of 32 */
static inline __m256i
sums32(__m256i sums)
{
    return _mm256_madd_epi16(sums, _mm256_set1_epi16(1));
}

/* Eight blocks of 32. */
static void
piece_a32(const float *x, struct sov_a32 *a)
{
    float d[8], unit[8];
    __m512i s[4];
    int b;

    for (b = 0; b < 8; b++) {
        d[b] = amax(x + 32 * b, 32) / 127.0f;
        unit[b] = d[b] != 0 ? d[b] : 1; /* zeros stay zeros */
    }
    for (b = 0; b < 4; b++)
        s[b] = unit64(x + 64 * b, _mm512_set1_ps(unit[2 * b]),
                      _mm512_set1_ps(unit[2 * b + 1]), a->q + 64 * b);
    _mm256_storeu_si256((__m256i *)a->sum, sums32(sums16(s)));
    for (b = 0; b < 8; b++) {
        a->d[b] = sov_f32_round11(d[b]);
        a->s[b] = sov_f32_round11(d[b] * (float)a->sum[b]);
        a->lift[b] = -128 * a->sum[b];
    }
}

static void
to_a32(const float *x, struct sov_a32 *a, size_t n)
{
    for (; n >= 256; n -= 256, x += 256, a++)
        piece_a32(x, a);
    if (n > 0) {
        float rest[256] = { 0 };

        memcpy(rest, x, n * sizeof(*x));
        piece_a32(rest, a);
    }
}

static void
to_a256(const float *x, struct sov_a256 *a, size_t n)
{
    size_t i, b;

    for (i = 0; i < n; i += 256, a++) {
        float d = amax(x + i, 256) / 127.0f;
        __m512 unit = _mm512_set1_ps(d);
        __m512i s[4];
        __m256i sums;

        if (d == 0) {
            memset(a, 0, sizeof(*a));
            continue;
        }
        for (b = 0; b < 4; b++)
            s[b] = unit64(x + i + 64 * b, unit, unit, a->q + 64 * b);
        sums = sums16(s);
        _mm256_storeu_si256((__m256i *)a->sum, sums);
        _mm_storeu_si128((__m128i *)a->sum32,
                         _mm256_cvtepi32_epi16(sums32(sums)));
        a->d = d;
        memset(a->zero, 0, sizeof(a->zero));
    }
}

static float
to_s8(const float *x, int8_t *q, size_t n)
{
    const __m512i abs = _mm512_set1_epi32(0x7fffffff);
    __m512i m = _mm512_setzero_si512();
    size_t i;
    float d;

    for (i = 0; i < n; i += 16) {
        __m512 v = _mm512_maskz_loadu_ps(mask_of(n - i), x + i);

        m = _mm512_max_epu32(m, _mm512_and_si512(_mm512_castps_si512(v), abs));
    }
    d = sov_f32_from_bits(_mm512_reduce_max_epu32(m)) / 127.0f;
    if (d == 0) {
        memset(q, 0, n);
        return 0;
    }
    for (i = 0; i < n; i += 16) {
        __mmask16 k = mask_of(n - i);
        __m512 v =
            _mm512_div_ps(_mm512_maskz_loadu_ps(k, x + i), _mm512_set1_ps(d));

        v = _mm512_max_ps(v, _mm512_set1_ps(-127.0f));
        v = _mm512_min_ps(v, _mm512_set1_ps(127.0f));
        _mm512_mask_cvtepi32_storeu_epi8(q + i, k, _mm512_cvtps_epi32(v));
    }
    return d;
}

void
sov_kern_avx512_act(struct sov_kern *k)
{
    k->to_a32 = to_a32;
    k->to_a256 = to_a256;
    k->to_s8 = to_s8;
}
