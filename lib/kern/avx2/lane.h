/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.h - quant/lane.h in AVX2: the same names, the same bits
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

typedef struct {
    __m256 a, b;
} v16;

typedef v16 m16; /* all ones or all zeros in each lane */

#define V16_BOTH(f, x, y) ((v16){ f((x).a, (y).a), f((x).b, (y).b) })

SOV_LANE v16
v16_set(float x)
{
    return (v16){ _mm256_set1_ps(x), _mm256_set1_ps(x) };
}

SOV_LANE v16
v16_load(const float *p)
{
    return (v16){ _mm256_loadu_ps(p), _mm256_loadu_ps(p + 8) };
}

SOV_LANE void
v16_store(float *p, v16 v)
{
    _mm256_storeu_ps(p, v.a);
    _mm256_storeu_ps(p + 8, v.b);
}

SOV_LANE v16
v16_add(v16 x, v16 y)
{
    return V16_BOTH(_mm256_add_ps, x, y);
}

SOV_LANE v16
v16_sub(v16 x, v16 y)
{
    return V16_BOTH(_mm256_sub_ps, x, y);
}

SOV_LANE v16
v16_mul(v16 x, v16 y)
{
    return V16_BOTH(_mm256_mul_ps, x, y);
}

SOV_LANE v16
v16_div(v16 x, v16 y)
{
    return V16_BOTH(_mm256_div_ps, x, y);
}

SOV_LANE m16
v16_less(v16 x, v16 y)
{
    return (m16){ _mm256_cmp_ps(x.a, y.a, _CMP_LT_OQ),
                  _mm256_cmp_ps(x.b, y.b, _CMP_LT_OQ) };
}

SOV_LANE v16
v16_pick(m16 m, v16 x, v16 y)
{
    return (v16){ _mm256_blendv_ps(y.a, x.a, m.a),
                  _mm256_blendv_ps(y.b, x.b, m.b) };
}

/* The instructions, too, give the second operand unless the first wins. */
SOV_LANE v16
v16_min(v16 x, v16 y)
{
    return V16_BOTH(_mm256_min_ps, x, y);
}

SOV_LANE v16
v16_max(v16 x, v16 y)
{
    return V16_BOTH(_mm256_max_ps, x, y);
}

SOV_LANE v16
v16_abs(v16 x)
{
    __m256 bits = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));

    return (v16){ _mm256_and_ps(x.a, bits), _mm256_and_ps(x.b, bits) };
}

SOV_LANE v16
v16_round(v16 x)
{
    v16 big = v16_set(12582912.0f);

    return v16_sub(v16_add(x, big), big);
}

/* Bits 2-0 choose within a half of the table, bit 3 chooses the half. */
SOV_LANE __m256
table_8(__m256 lo, __m256 hi, __m256 k)
{
    __m256i i = _mm256_castps_si256(k);
    __m256 half = _mm256_castsi256_ps(_mm256_slli_epi32(i, 28));

    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(lo, i),
                            _mm256_permutevar8x32_ps(hi, i), half);
}

SOV_LANE v16
v16_table(const float table[16], v16 k)
{
    v16 shifted = v16_add(k, v16_set(12582912.0f));
    __m256 lo = _mm256_loadu_ps(table);
    __m256 hi = _mm256_loadu_ps(table + 8);

    return (v16){ table_8(lo, hi, shifted.a), table_8(lo, hi, shifted.b) };
}

SOV_LANE v16
v16_sqrt(v16 x)
{
    return (v16){ _mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b) };
}

SOV_LANE v16
v16_half(v16 x)
{
    return (v16){
        _mm256_cvtph_ps(_mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT)),
        _mm256_cvtph_ps(_mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT)),
    };
}

SOV_LANE void
v16_store_bytes(uint8_t *p, v16 x)
{
    __m256i low = _mm256_set1_epi32(255);
    __m256i a = _mm256_and_si256(_mm256_cvttps_epi32(x.a), low);
    __m256i b = _mm256_and_si256(_mm256_cvttps_epi32(x.b), low);
    __m256i ab = _mm256_permute4x64_epi64(_mm256_packus_epi32(a, b), 0xd8);
    __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(ab),
                                     _mm256_extracti128_si256(ab, 1));

    _mm_storeu_si128((__m128i *)p, bytes);
}

/* out[i] = element i of eight rows */
SOV_LANE void
transpose_8(const float *p, size_t stride, __m256 out[8])
{
    __m256 r[8], t[8];

    for (size_t l = 0; l < 8; l++)
        r[l] = _mm256_loadu_ps(p + l * stride);
    for (int l = 0; l < 8; l += 2) {
        t[l] = _mm256_unpacklo_ps(r[l], r[l + 1]);
        t[l + 1] = _mm256_unpackhi_ps(r[l], r[l + 1]);
    }
    for (int l = 0; l < 8; l += 4) {
        r[l] = _mm256_shuffle_ps(t[l], t[l + 2], 0x44);
        r[l + 1] = _mm256_shuffle_ps(t[l], t[l + 2], 0xee);
        r[l + 2] = _mm256_shuffle_ps(t[l + 1], t[l + 3], 0x44);
        r[l + 3] = _mm256_shuffle_ps(t[l + 1], t[l + 3], 0xee);
    }
    for (int c = 0; c < 4; c++) {
        out[c] = _mm256_permute2f128_ps(r[c], r[4 + c], 0x20);
        out[4 + c] = _mm256_permute2f128_ps(r[c], r[4 + c], 0x31);
    }
}

SOV_LANE void
v16_transpose(const float *p, size_t stride, v16 *out)
{
    for (int half = 0; half < 2; half++) {
        __m256 a[8], b[8];

        transpose_8(p + 8 * half, stride, a);
        transpose_8(p + 8 * half + 8 * stride, stride, b);
        for (int i = 0; i < 8; i++)
            out[8 * half + i] = (v16){ a[i], b[i] };
    }
}

SOV_LANE v16
v16_digit(const float table[16], const uint32_t code[16], int shift)
{
    __m256i a = _mm256_loadu_si256((const __m256i *)code);
    __m256i b = _mm256_loadu_si256((const __m256i *)(code + 8));
    v16 t = v16_load(table);

    a = _mm256_srli_epi32(a, shift);
    b = _mm256_srli_epi32(b, shift);
    return (v16){ table_8(t.a, t.b, _mm256_castsi256_ps(a)),
                  table_8(t.a, t.b, _mm256_castsi256_ps(b)) };
}

SOV_LANE uint32_t
v16_signs(v16 x)
{
    m16 below = v16_less(x, v16_set(0.0f));

    return (uint32_t)_mm256_movemask_ps(below.a) |
           (uint32_t)_mm256_movemask_ps(below.b) << 8;
}

/* ---- costs */

typedef struct {
    __m256i a, b;
} c32;

typedef c32 cm32; /* all ones or all zeros */

#define C32_BOTH(f, x, y) ((c32){ f((x).a, (y).a), f((x).b, (y).b) })

SOV_LANE c32
c32_set(int x)
{
    __m256i v = _mm256_set1_epi16((short)x);

    return (c32){ v, v };
}

SOV_LANE c32
c32_load(const int16_t *p)
{
    return (c32){ _mm256_loadu_si256((const __m256i *)p),
                  _mm256_loadu_si256((const __m256i *)(p + 16)) };
}

SOV_LANE void
c32_store(int16_t *p, c32 v)
{
    _mm256_storeu_si256((__m256i *)p, v.a);
    _mm256_storeu_si256((__m256i *)(p + 16), v.b);
}

SOV_LANE c32
c32_add(c32 x, c32 y)
{
    return C32_BOTH(_mm256_add_epi16, x, y);
}

SOV_LANE c32
c32_sub(c32 x, c32 y)
{
    return C32_BOTH(_mm256_sub_epi16, x, y);
}

SOV_LANE cm32
c32_less(c32 x, c32 y)
{
    return C32_BOTH(_mm256_cmpgt_epi16, y, x);
}

SOV_LANE cm32
c32_equal(c32 x, c32 y)
{
    return C32_BOTH(_mm256_cmpeq_epi16, x, y);
}

SOV_LANE cm32
cm32_and(cm32 x, cm32 y)
{
    return C32_BOTH(_mm256_and_si256, x, y);
}

SOV_LANE cm32
c32_has(c32 x, int bit)
{
    c32 b = c32_set(1 << bit);

    return c32_equal(cm32_and(x, b), b);
}

SOV_LANE c32
c32_pick(cm32 m, c32 x, c32 y)
{
    return (c32){ _mm256_blendv_epi8(y.a, x.a, m.a),
                  _mm256_blendv_epi8(y.b, x.b, m.b) };
}

SOV_LANE c32
c32_min(c32 x, c32 y)
{
    return C32_BOTH(_mm256_min_epi16, x, y);
}

SOV_LANE __m256i
pair_8(__m256 x, __m256 y)
{
    __m256i high = _mm256_slli_epi32(_mm256_castps_si256(y), 16);

    return _mm256_blend_epi16(_mm256_castps_si256(x), high, 0xaa);
}

SOV_LANE c32
c32_pair(v16 x, v16 y)
{
    v16 big = v16_set(12582912.0f);

    x = v16_add(x, big);
    y = v16_add(y, big);
    return C32_BOTH(pair_8, x, y);
}

SOV_LANE v16
c32_second(c32 c)
{
    return (v16){ _mm256_cvtepi32_ps(_mm256_srai_epi32(c.a, 16)),
                  _mm256_cvtepi32_ps(_mm256_srai_epi32(c.b, 16)) };
}

SOV_LANE v16
c32_first(c32 c)
{
    return c32_second(
        (c32){ _mm256_slli_epi32(c.a, 16), _mm256_slli_epi32(c.b, 16) });
}

#endif
