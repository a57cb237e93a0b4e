/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec.c - decoders and encoders in AVX2
 */
#include "config.h"

#include "kern/avx2/lane.h"

SOV_LANE v16
bytes_to_v16(__m128i b)
{
    __m256i lo = _mm256_cvtepu8_epi32(b);
    __m256i hi = _mm256_cvtepu8_epi32(_mm_srli_si128(b, 8));

    return (v16){ _mm256_cvtepi32_ps(lo), _mm256_cvtepi32_ps(hi) };
}

SOV_LANE v16
v16_load_bytes(const uint8_t *p)
{
    return bytes_to_v16(_mm_loadu_si128((const __m128i *)p));
}

SOV_LANE v16
v16_load_low(const uint8_t *p)
{
    __m128i b = _mm_loadu_si128((const __m128i *)p);

    return bytes_to_v16(_mm_and_si128(b, _mm_set1_epi8(15)));
}

SOV_LANE v16
v16_load_high(const uint8_t *p)
{
    __m128i b = _mm_srli_epi16(_mm_loadu_si128((const __m128i *)p), 4);

    return bytes_to_v16(_mm_and_si128(b, _mm_set1_epi8(15)));
}

SOV_LANE v16
v16_load_signed(const uint8_t *p)
{
    __m128i b = _mm_loadu_si128((const __m128i *)p);
    __m256i lo = _mm256_cvtepi8_epi32(b);
    __m256i hi = _mm256_cvtepi8_epi32(_mm_srli_si128(b, 8));

    return (v16){ _mm256_cvtepi32_ps(lo), _mm256_cvtepi32_ps(hi) };
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

    for (; i + 8 <= n; i += 8) {
        __m128i h = _mm_loadu_si128((const __m128i *)(p + 2 * i));
        __m256 v = _mm256_cvtph_ps(h);

        if (_mm256_movemask_ps(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)) == 0)
            _mm256_storeu_ps(y + i, v);
        else
            for (size_t j = i; j < i + 8; j++)
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
    for (; i + 8 <= n; i += 8) {
        __m128i h =
            _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);

        _mm_storeu_si128((__m128i *)(p + 2 * i), h);
    }
    for (; i < n; i++)
        sov_put16(p + 2 * i, sov_f32_to_f16(x[i]));
}

static void
decode_bf16(const void *blocks, float *y, size_t n)
{
    const uint8_t *p = blocks;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m128i h = _mm_loadu_si128((const __m128i *)(p + 2 * i));
        __m256i v = _mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16);

        _mm256_storeu_ps(y + i, _mm256_castsi256_ps(v));
    }
    for (; i < n; i++)
        y[i] = sov_bf16_to_f32(sov_le16(p + 2 * i));
}

static void
encode_bf16(const float *x, const float *imp, void *blocks, size_t n,
            int effort)
{
    const __m256i half = _mm256_set1_epi32(0x7fff);
    const __m256i one = _mm256_set1_epi32(1);
    const __m256i quiet = _mm256_set1_epi32(0x40);
    uint8_t *p = blocks;
    size_t i = 0;

    (void)imp;
    (void)effort;
    for (; i + 8 <= n; i += 8) {
        __m256 v = _mm256_loadu_ps(x + i);
        __m256i u = _mm256_castps_si256(v);
        __m256i top = _mm256_srli_epi32(u, 16);
        __m256i r = _mm256_add_epi32(
            u, _mm256_add_epi32(half, _mm256_and_si256(top, one)));
        __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));

        r = _mm256_srli_epi32(r, 16);
        r = _mm256_blendv_epi8(r, _mm256_or_si256(top, quiet), nan);
        _mm_storeu_si128((__m128i *)(p + 2 * i),
                         _mm_packus_epi32(_mm256_castsi256_si128(r),
                                          _mm256_extracti128_si256(r, 1)));
    }
    for (; i < n; i++)
        sov_put16(p + 2 * i, sov_f32_to_bf16(x[i]));
}

void
sov_kern_avx2_codec(struct sov_kern *k)
{
    codec_slots(k);
    k->decode[SOV_TYPE_F16] = decode_f16;
    k->encode[SOV_TYPE_F16] = encode_f16;
    k->decode[SOV_TYPE_BF16] = decode_bf16;
    k->encode[SOV_TYPE_BF16] = encode_bf16;
}
