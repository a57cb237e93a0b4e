/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.h - quant/lane.h in AVX-512: the same names, the same bits
 */
#ifndef SOV_QUANT_LANE_H
#define SOV_QUANT_LANE_H

#include "tensor/half.h"

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SOV_LANE      static inline __attribute__((always_inline))
#define SOV_LANE_CALL static __attribute__((noinline, unused))

typedef __m512 v16;
typedef __mmask16 m16;

SOV_LANE v16
v16_set(float x)
{
    return _mm512_set1_ps(x);
}

SOV_LANE v16
v16_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

SOV_LANE void
v16_store(float *p, v16 v)
{
    _mm512_storeu_ps(p, v);
}

SOV_LANE v16
v16_add(v16 x, v16 y)
{
    return _mm512_add_ps(x, y);
}

SOV_LANE v16
v16_sub(v16 x, v16 y)
{
    return _mm512_sub_ps(x, y);
}

SOV_LANE v16
v16_mul(v16 x, v16 y)
{
    return _mm512_mul_ps(x, y);
}

SOV_LANE v16
v16_div(v16 x, v16 y)
{
    return _mm512_div_ps(x, y);
}

SOV_LANE m16
v16_less(v16 x, v16 y)
{
    return _mm512_cmp_ps_mask(x, y, _CMP_LT_OQ);
}

SOV_LANE v16
v16_pick(m16 m, v16 x, v16 y)
{
    return _mm512_mask_blend_ps(m, y, x);
}

/* The instructions, too, give the second operand unless the first wins. */
SOV_LANE v16
v16_min(v16 x, v16 y)
{
    return _mm512_min_ps(x, y);
}

SOV_LANE v16
v16_max(v16 x, v16 y)
{
    return _mm512_max_ps(x, y);
}

SOV_LANE v16
v16_abs(v16 x)
{
    return _mm512_abs_ps(x);
}

SOV_LANE v16
v16_round(v16 x)
{
    v16 big = v16_set(12582912.0f);

    return v16_sub(v16_add(x, big), big);
}

SOV_LANE v16
v16_table(const float table[16], v16 k)
{
    v16 shifted = v16_add(k, v16_set(12582912.0f));

    return _mm512_permutexvar_ps(_mm512_castps_si512(shifted),
                                 _mm512_loadu_ps(table));
}

SOV_LANE v16
v16_sqrt(v16 x)
{
    return _mm512_sqrt_ps(x);
}

SOV_LANE v16
v16_half(v16 x)
{
    return _mm512_cvtph_ps(_mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

SOV_LANE void
v16_store_bytes(uint8_t *p, v16 x)
{
    __m128i bytes = _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(x));

    _mm_storeu_si128((__m128i *)p, bytes);
}

/* Pairs of rows, then quarters, then the 4 x 4 blocks of 128 bits. */
SOV_LANE void
v16_transpose(const float *p, size_t stride, v16 *out)
{
    __m512 r[16], t[16];

    for (size_t l = 0; l < 16; l++)
        r[l] = _mm512_loadu_ps(p + l * stride);
    for (int l = 0; l < 16; l += 2) {
        t[l] = _mm512_unpacklo_ps(r[l], r[l + 1]);
        t[l + 1] = _mm512_unpackhi_ps(r[l], r[l + 1]);
    }
    for (int l = 0; l < 16; l += 4) {
        r[l] = _mm512_shuffle_ps(t[l], t[l + 2], 0x44);
        r[l + 1] = _mm512_shuffle_ps(t[l], t[l + 2], 0xee);
        r[l + 2] = _mm512_shuffle_ps(t[l + 1], t[l + 3], 0x44);
        r[l + 3] = _mm512_shuffle_ps(t[l + 1], t[l + 3], 0xee);
    }
    for (int c = 0; c < 4; c++) {
        t[c] = _mm512_shuffle_f32x4(r[c], r[4 + c], 0x88);
        t[4 + c] = _mm512_shuffle_f32x4(r[c], r[4 + c], 0xdd);
        t[8 + c] = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0x88);
        t[12 + c] = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0xdd);
    }
    for (int c = 0; c < 4; c++) {
        out[c] = _mm512_shuffle_f32x4(t[c], t[8 + c], 0x88);
        out[8 + c] = _mm512_shuffle_f32x4(t[c], t[8 + c], 0xdd);
        out[4 + c] = _mm512_shuffle_f32x4(t[4 + c], t[12 + c], 0x88);
        out[12 + c] = _mm512_shuffle_f32x4(t[4 + c], t[12 + c], 0xdd);
    }
}

SOV_LANE v16
v16_digit(const float table[16], const uint32_t code[16], int shift)
{
    __m512i c = _mm512_srli_epi32(_mm512_loadu_si512(code), (unsigned)shift);

    return _mm512_permutexvar_ps(c, _mm512_loadu_ps(table));
}

SOV_LANE uint32_t
v16_signs(v16 x)
{
    return _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
}

/* ---- costs */

typedef __m512i c32;
typedef __mmask32 cm32;

SOV_LANE c32
c32_set(int x)
{
    return _mm512_set1_epi16((short)x);
}

SOV_LANE c32
c32_load(const int16_t *p)
{
    return _mm512_loadu_si512(p);
}

SOV_LANE void
c32_store(int16_t *p, c32 v)
{
    _mm512_storeu_si512(p, v);
}

SOV_LANE c32
c32_add(c32 x, c32 y)
{
    return _mm512_add_epi16(x, y);
}

SOV_LANE c32
c32_sub(c32 x, c32 y)
{
    return _mm512_sub_epi16(x, y);
}

SOV_LANE cm32
c32_less(c32 x, c32 y)
{
    return _mm512_cmplt_epi16_mask(x, y);
}

SOV_LANE cm32
c32_equal(c32 x, c32 y)
{
    return _mm512_cmpeq_epi16_mask(x, y);
}

SOV_LANE cm32
cm32_and(cm32 x, cm32 y)
{
    return x & y;
}

SOV_LANE cm32
c32_has(c32 x, int bit)
{
    return _mm512_test_epi16_mask(x, c32_set(1 << bit));
}

SOV_LANE c32
c32_pick(cm32 m, c32 x, c32 y)
{
    return _mm512_mask_blend_epi16(m, y, x);
}

SOV_LANE c32
c32_min(c32 x, c32 y)
{
    return _mm512_min_epi16(x, y);
}

SOV_LANE c32
c32_pair(v16 x, v16 y)
{
    v16 big = v16_set(12582912.0f);
    __m512i a = _mm512_castps_si512(v16_add(x, big));
    __m512i b = _mm512_castps_si512(v16_add(y, big));

    return _mm512_mask_blend_epi16(0xaaaaaaaa, a, _mm512_slli_epi32(b, 16));
}

SOV_LANE v16
c32_first(c32 c)
{
    return _mm512_cvtepi32_ps(_mm512_srai_epi32(_mm512_slli_epi32(c, 16), 16));
}

SOV_LANE v16
c32_second(c32 c)
{
    return _mm512_cvtepi32_ps(_mm512_srai_epi32(c, 16));
}

#endif
