/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec.c - decoders and encoders in AVX-512
 */
#include "config.h"

#include "kern/avx512/lane.h"

SOV_LANE v16
v16_load_bytes(const uint8_t *p)
{
    __m128i b = _mm_loadu_si128((const __m128i *)p);

    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(b));
}

SOV_LANE v16
v16_load_signed(const uint8_t *p)
{
    __m128i b = _mm_loadu_si128((const __m128i *)p);

    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(b));
}

SOV_LANE v16
v16_load_low(const uint8_t *p)
{
    __m512i b = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));

    return _mm512_cvtepi32_ps(_mm512_and_si512(b, _mm512_set1_epi32(15)));
}

SOV_LANE v16
v16_load_high(const uint8_t *p)
{
    __m512i b = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));

    return _mm512_cvtepi32_ps(_mm512_srli_epi32(b, 4));
}

#include "kern/codec.h"
#include "kern/overlay.h"

/* The instruction makes signalling NaN quiet, sov_f16_to_f32 does not: those
 * few go the long way. */
static void
decode_f16(const void *blocks, float *y, size_t n)
{
    const uint8_t *p = blocks;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        __m256i h = _mm256_loadu_si256((const __m256i *)(p + 2 * i));
        __m512 v = _mm512_cvtph_ps(h);

        if (_mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q) == 0)
            _mm512_storeu_ps(y + i, v);
        else
            for (size_t j = i; j < i + 16; j++)
                y[j] = sov_half_at(p + 2 * j);
    }
    for (; i < n; i++)
        y[i] = sov_half_at(p + 2 * i);
}

static void
encode_f16(const float *x, const float *imp, void *blocks, size_t n, int effort)
{
    uint8_t *p = blocks;
    size_t i = 0;

    (void)imp;
    (void)effort;
    for (; i + 16 <= n; i += 16) {
        __m256i h =
            _mm512_cvtps_ph(_mm512_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);

        _mm256_storeu_si256((__m256i *)(p + 2 * i), h);
    }
    for (; i < n; i++)
        sov_put16(p + 2 * i, sov_f32_to_f16(x[i]));
}

static void
decode_bf16(const void *blocks, float *y, size_t n)
{
    const uint8_t *p = blocks;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        __m256i h = _mm256_loadu_si256((const __m256i *)(p + 2 * i));
        __m512i v = _mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16);

        _mm512_storeu_si512(y + i, v);
    }
    for (; i < n; i++)
        y[i] = sov_bf16_to_f32(sov_le16(p + 2 * i));
}

static void
encode_bf16(const float *x, const float *imp, void *blocks, size_t n,
            int effort)
{
    const __m512i half = _mm512_set1_epi32(0x7fff);
    const __m512i one = _mm512_set1_epi32(1);
    const __m512i quiet = _mm512_set1_epi32(0x40);
    uint8_t *p = blocks;
    size_t i = 0;

    (void)imp;
    (void)effort;
    for (; i + 16 <= n; i += 16) {
        __m512 v = _mm512_loadu_ps(x + i);
        __m512i u = _mm512_castps_si512(v);
        __m512i top = _mm512_srli_epi32(u, 16);
        __m512i r = _mm512_add_epi32(
            u, _mm512_add_epi32(half, _mm512_and_si512(top, one)));
        __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);

        r = _mm512_srli_epi32(r, 16);
        r = _mm512_mask_or_epi32(r, nan, top, quiet);
        _mm256_storeu_si256((__m256i *)(p + 2 * i), _mm512_cvtepi32_epi16(r));
    }
    for (; i < n; i++)
        sov_put16(p + 2 * i, sov_f32_to_bf16(x[i]));
}

void
sov_kern_avx512_codec(struct sov_kern *k)
{
    codec_slots(k);
    k->decode[SOV_TYPE_F16] = decode_f16;
    k->encode[SOV_TYPE_F16] = encode_f16;
    k->decode[SOV_TYPE_BF16] = decode_bf16;
    k->encode[SOV_TYPE_BF16] = encode_bf16;
}
