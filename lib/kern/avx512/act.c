/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act.c - activations as integers, AVX-512
 */
#include "config.h"

#include "kern/act.h"
#include "kern/avx512/tree.h"
#include "kern/overlay.h"

#include <immintrin.h>
#include <string.h>

/* Largest |x|, as bits. */
static uint32_t
amax(const float *x, size_t n)
{
    const __m512i abs = _mm512_set1_epi32(0x7fffffff);
    __m512i m = _mm512_setzero_si512();
    size_t i;

    for (i = 0; i < n; i += 16) {
        __m512i u = _mm512_castps_si512(_mm512_loadu_ps(x + i));

        m = _mm512_max_epu32(m, _mm512_and_si512(u, abs));
    }
    return _mm512_reduce_max_epu32(m);
}

static float
unit_of(uint32_t most)
{
    return sov_f32_from_bits(most) / 127.0f;
}

/* 16 numbers times a factor in units of d, not 0, to even. */
static inline __m512i
unit16(const float *x, __m512 factor, __m512 d)
{
    __m512 v = _mm512_div_ps(_mm512_mul_ps(_mm512_loadu_ps(x), factor), d);

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

/* 64 numbers in units of d, times a factor for each half; their bytes to q and
 * the sums of four each. */
static inline __m512i
unit64(const float *x, __m512 f, __m512 g, __m512 d, int8_t *q)
{
    __m512i a = _mm512_packs_epi32(unit16(x, f, d), unit16(x + 16, f, d));
    __m512i b = _mm512_packs_epi32(unit16(x + 32, g, d), unit16(x + 48, g, d));
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
    uint32_t k[8], most = 0;
    int32_t sum[8];
    __m512i s[4];
    float d;
    size_t b;

    for (b = 0; b < 8; b++) {
        k[b] = amax(x + 32 * b, 32);
        most = k[b] > most ? k[b] : most;
    }
    d = unit_of(most);
    if (d == 0) {
        memset(a, 0, sizeof(*a));
        return;
    }
    for (b = 0; b < 8; b++)
        k[b] = sov_a32_doublings(most, k[b]);
    for (b = 0; b < 4; b++)
        s[b] = unit64(x + 64 * b, _mm512_set1_ps(sov_a32_factor(k[2 * b])),
                      _mm512_set1_ps(sov_a32_factor(k[2 * b + 1])),
                      _mm512_set1_ps(d), a->q + 64 * b);
    _mm256_storeu_si256((__m256i *)sum, sums32(sums16(s)));
    for (b = 0; b < 8; b++)
        sov_a32_block(a, b, k[b], sum[b]);
    sov_a32_piece(a, d);
}

static void
to_a32(const float *x, struct sov_a32 *a, size_t n)
{
    for (; n >= 256; n -= 256, x += 256, a++)
        piece_a32(x, a);
    if (n > 0) {
        float rest[256] = { 0 };
        size_t b;

        memcpy(rest, x, n * sizeof(*x));
        piece_a32(rest, a);
        /* beside a NaN zeros are not zeros */
        memset(a->q + n, 0, 256 - n);
        for (b = n / 32; b < 8; b++)
            sov_a32_block(a, b, SOV_A32_SHIFT, 0);
    }
}

static void
to_a256(const float *x, struct sov_a256 *a, size_t n)
{
    size_t i, b;

    for (i = 0; i < n; i += 256, a++) {
        float d = unit_of(amax(x + i, 256));
        const __m512 one = _mm512_set1_ps(1.0f);
        __m512i s[4];
        __m256i sums;

        if (d == 0) {
            memset(a, 0, sizeof(*a));
            continue;
        }
        for (b = 0; b < 4; b++)
            s[b] = unit64(x + i + 64 * b, one, one, _mm512_set1_ps(d),
                          a->q + 64 * b);
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
    d = unit_of(_mm512_reduce_max_epu32(m));
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
