/* SPDX-License-Identifier: Apache-2.0 */
/*
 * points.h - one column and rows of points of eight weights, AVX-512
 *
 * For one column it is faster to fetch them from memory than to find them in
 * registers, as kern/rows_grid.h does: less is shuffled (IQ2_S 6.0 GB/s from
 * the cache against 4.7).  For points of four weights it is not.  A vector has
 * 64 weights of one row; the signs of 64 weights are a mask.
 */
#ifndef SOV_KERN_AVX512_POINTS_H
#define SOV_KERN_AVX512_POINTS_H

#include "kern/avx512/row.h"
#include "kern/rows_grid.h"

/* A super-block, as a function of its type leaves it. */
struct points {
    vec w[4];          /* absolute values */
    uint64_t minus[4]; /* a bit for each weight */
    vec sc[2];         /* see pair_scales */
};

typedef void points_fn(const unsigned char *p, struct points *s);

INLINE uint64_t
bytes8(const void *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/*
 * Sums of four weights of vectors 2 k and 2 k + 1 are packed to words, four of
 * each in turns.  Their scales: word i of v for the i-th 16 weights, or 32.
 */
INLINE void
pair_scales(vec v, int per, vec sc[2])
{
    const vec first =
        per == 16
            ? _mm512_set_epi16(7, 7, 7, 7, 3, 3, 3, 3, 6, 6, 6, 6, 2, 2, 2, 2,
                               5, 5, 5, 5, 1, 1, 1, 1, 4, 4, 4, 4, 0, 0, 0, 0)
            : _mm512_set_epi16(3, 3, 3, 3, 1, 1, 1, 1, 3, 3, 3, 3, 1, 1, 1, 1,
                               2, 2, 2, 2, 0, 0, 0, 0, 2, 2, 2, 2, 0, 0, 0, 0);

    sc[0] = _mm512_permutexvar_epi16(first, v);
    sc[1] = _mm512_permutexvar_epi16(
        _mm512_add_epi16(first, v_set16(per == 16 ? 8 : 4)), v);
}

/* Bytes s to words 2 s + 1. */
INLINE vec
odd_words(__m128i s)
{
    vec v = _mm512_castsi256_si512(_mm256_cvtepu8_epi16(s));

    return v_add8(v_add8(v, v), v_set16(1));
}

/* The nibbles of eight bytes, the low one of each first. */
INLINE __m128i
nibbles16(const unsigned char *p)
{
    __m128i v = _mm_cvtsi64_si128((long long)bytes8(p));

    return _mm_and_si128(_mm_unpacklo_epi8(v, _mm_srli_epi16(v, 4)),
                         _mm_set1_epi8(15));
}

/* Seven sign bits in each of 32 bytes; the eighth makes their number even. */
INLINE void
seven_signs(__m256i seven, uint64_t minus[4])
{
    const __m256i odd =
        _mm512_castsi512_si256(V_BYTES(0, -128, -128, 0, -128, 0, 0, -128, -128,
                                       0, 0, -128, 0, -128, -128, 0));
    __m256i low =
        _mm256_shuffle_epi8(odd, _mm256_and_si256(seven, _mm256_set1_epi8(15)));
    __m256i high =
        _mm256_shuffle_epi8(odd, _mm256_and_si256(_mm256_srli_epi16(seven, 4),
                                                  _mm256_set1_epi8(7)));

    seven = _mm256_or_si256(seven, _mm256_xor_si256(low, high));
    _mm256_storeu_si256((__m256i *)minus, seven);
}

/* Eight words of 7-bit signs each, and scales s above them: see iq2_xxs.c */
INLINE void
signs_with_scales(__m256i v, struct points *s)
{
    const __m256i mask = _mm256_set1_epi32(0x7f);
    __m256i sc = _mm256_srli_epi32(v, 28);
    __m256i m = _mm256_and_si256(v, mask);

    m = _mm256_or_si256(m, _mm256_and_si256(_mm256_slli_epi32(v, 1),
                                            _mm256_slli_epi32(mask, 8)));
    m = _mm256_or_si256(m, _mm256_and_si256(_mm256_slli_epi32(v, 2),
                                            _mm256_slli_epi32(mask, 16)));
    m = _mm256_or_si256(m, _mm256_and_si256(_mm256_slli_epi32(v, 3),
                                            _mm256_slli_epi32(mask, 24)));
    seven_signs(m, s->minus);
    sc = _mm256_add_epi32(_mm256_add_epi32(sc, sc), _mm256_set1_epi32(1));
    pair_scales(_mm512_castsi128_si512(_mm256_cvtepi32_epi16(sc)), 32, s->sc);
}

/* Eight points of eight weights; two words have four indices each. */
INLINE vec
points8(const uint8_t grid[][8], uint64_t a, uint64_t b)
{
#define AT(v, i) (long long)bytes8(grid[(v) >> 16 * (i)&0xffff])
    return _mm512_setr_epi64(AT(a, 0), AT(a, 1), AT(a, 2), AT(a, 3), AT(b, 0),
                             AT(b, 1), AT(b, 2), AT(b, 3));
#undef AT
}

INLINE void
points_iq2_xxs_at(const unsigned char *p, struct points *s)
{
    vec v = _mm512_loadu_si512(p + 2);
    int k;

    UNROLL
    for (k = 0; k < 4; k++) {
        uint32_t a = sov_le32(p + 2 + 16 * k);
        uint32_t b = sov_le32(p + 10 + 16 * k);

#define AT(v, i) (long long)bytes8(sov_grid_iq2xxs[(v) >> 8 * (i)&255])
        s->w[k] = _mm512_setr_epi64(AT(a, 0), AT(a, 1), AT(a, 2), AT(a, 3),
                                    AT(b, 0), AT(b, 1), AT(b, 2), AT(b, 3));
#undef AT
    }
    signs_with_scales(_mm512_cvtepi64_epi32(_mm512_srli_epi64(v, 32)), s);
}

INLINE void
points_iq2_xs_at(const unsigned char *p, struct points *s)
{
    const uint64_t mask = UINT64_C(0x01ff01ff01ff01ff);
    vec v = _mm512_loadu_si512(p + 2);
    int k;

    UNROLL
    for (k = 0; k < 4; k++)
        s->w[k] = points8(sov_grid_iq2xs, bytes8(p + 2 + 16 * k) & mask,
                          bytes8(p + 10 + 16 * k) & mask);
    seven_signs(_mm512_cvtepi16_epi8(_mm512_srli_epi16(v, 9)), s->minus);
    pair_scales(odd_words(nibbles16(p + 66)), 16, s->sc);
}

INLINE void
points_iq2_s_at(const unsigned char *p, struct points *s)
{
    const vec spread =
        _mm512_set_epi8(-1, 7, -1, 7, -1, 7, -1, 7, -1, 6, -1, 6, -1, 6, -1, 6,
                        -1, 5, -1, 5, -1, 5, -1, 5, -1, 4, -1, 4, -1, 4, -1, 4,
                        -1, 3, -1, 3, -1, 3, -1, 3, -1, 2, -1, 2, -1, 2, -1, 2,
                        -1, 1, -1, 1, -1, 1, -1, 1, -1, 0, -1, 0, -1, 0, -1, 0);
    vec low =
        _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(p + 2)));
    vec high = v_pick8(_mm512_set1_epi64((long long)bytes8(p + 66)), spread);
    uint16_t index[32];
    int k;

    high = _mm512_srlv_epi16(high, V_WORDS(0, 2, 4, 6, 0, 2, 4, 6));
    high = v_shr16(v_and(high, v_set16(3)), -8);
    _mm512_storeu_si512(index, v_or(low, high));
    UNROLL
    for (k = 0; k < 4; k++) {
        s->w[k] = points8(sov_grid_iq2s, bytes8(index + 8 * k),
                          bytes8(index + 8 * k + 4));
        s->minus[k] = bytes8(p + 34 + 8 * k);
    }
    pair_scales(odd_words(nibbles16(p + 74)), 16, s->sc);
}

/* Lanes of the sum of a super-block. */
INLINE vec
points_sum(const struct points *s, const struct sov_a256 *a)
{
    vec sum = v_zero();
    vec t[4];
    int k;

    UNROLL
    for (k = 0; k < 4; k++) {
        vec x = _mm512_loadu_si512(a->q + 64 * k);

        x = _mm512_mask_sub_epi8(x, s->minus[k], v_zero(), x);
        t[k] = v_dot(v_zero(), s->w[k], x);
    }
    sum = v_dot16(sum, v_pack16(t[0], t[1]), s->sc[0]);
    return v_dot16(sum, v_pack16(t[2], t[3]), s->sc[1]);
}

/* Four rows, stride bytes apart, and one column. */
INLINE __m128
points_rows(points_fn *points, size_t bytes, float factor,
            const unsigned char *w, size_t stride, const struct sov_a256 *a,
            size_t n)
{
    __m128 acc = _mm_setzero_ps();
    const unsigned char *next = ahead_of(w, stride);
    size_t i;
    int r;

    for (i = 0; i < n / 256; i++, w += bytes, a++) {
        struct points s;
        vec sum[4];
        __m256i half;
        __m128 d;

        ahead(next, bytes);
        next += ROWS * bytes;
        UNROLL
        for (r = 0; r < 4; r++) {
            points(w + (size_t)r * stride, &s);
            sum[r] = points_sum(&s, a);
        }
        sum[0] = v_sums4(sum[0], sum[1], sum[2], sum[3]);
        half = _mm256_add_epi32(_mm512_castsi512_si256(sum[0]),
                                _mm512_extracti64x4_epi64(sum[0], 1));
        d = _mm_cvtph_ps(
            _mm_setr_epi16((short)sov_le16(w), (short)sov_le16(w + stride),
                           (short)sov_le16(w + 2 * stride),
                           (short)sov_le16(w + 3 * stride), 0, 0, 0, 0));
        d = _mm_mul_ps(_mm_mul_ps(d, _mm_set1_ps(factor)), _mm_set1_ps(a->d));
        acc = _mm_fmadd_ps(
            d,
            _mm_cvtepi32_ps(_mm_add_epi32(_mm256_castsi256_si128(half),
                                          _mm256_extracti128_si256(half, 1))),
            acc);
    }
    return acc;
}

#define DOT_POINTS(type, bytes, factor)                                        \
    static void points_dot_##type(                                             \
        const void *w, size_t w_stride, size_t n_w, const void *act,           \
        size_t act_stride, size_t n_cols, size_t n, float *y, size_t y_stride) \
    {                                                                          \
        const unsigned char *row = w;                                          \
        size_t r;                                                              \
                                                                               \
        if (n_cols != 1) {                                                     \
            dot_##type(w, w_stride, n_w, act, act_stride, n_cols, n, y,        \
                       y_stride);                                              \
            return;                                                            \
        }                                                                      \
        for (r = 0; r + ROWS <= n_w; r += ROWS)                                \
            _mm_storeu_ps(y + r,                                               \
                          points_rows(points_##type##_at, bytes, factor,       \
                                      row + r * w_stride, w_stride, act, n));  \
        for (; r < n_w; r++)                                                   \
            _mm_store_ss(y + r, points_rows(points_##type##_at, bytes, factor, \
                                            row + r * w_stride, 0, act, n));   \
    }

DOT_POINTS(iq2_xxs, 66, 0.125f)
DOT_POINTS(iq2_xs, 74, 0.125f)
DOT_POINTS(iq2_s, 82, 0.125f)

INLINE void
points_slots(struct sov_kern *k)
{
    k->dot[SOV_TYPE_IQ2_XXS] = points_dot_iq2_xxs;
    k->dot[SOV_TYPE_IQ2_XS] = points_dot_iq2_xs;
    k->dot[SOV_TYPE_IQ2_S] = points_dot_iq2_s;
}

#endif
