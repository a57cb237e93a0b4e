/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whole.h - dot products of rows, a register of 64 weights of one row, AVX-512
 *
 * Where weights that follow each other come out of a super-block by masks and
 * shifts of whole registers, rows need not be put beside each other first, as
 * in rows.h and strips.h.  For one column that is less work than to have a row
 * in a lane: here lanes are added at the end, for four rows at a time.
 *
 * What the four rows need is done step by step for all of them, and each step
 * asks for a line or two of what comes next.  One row after the other would
 * wait for itself, and many requests at once for the memory.
 */
#ifndef SOV_KERN_AVX512_WHOLE_H
#define SOV_KERN_AVX512_WHOLE_H

#include "kern/avx512/four.h"

/* Numbers for the weights of both halves of a register, in lanes of 32 bits. */
INLINE vec
two_halves(int low, int high)
{
    return _mm512_inserti64x4(v_set32(low), _mm256_set1_epi32(high), 1);
}

/* 32 bytes, twice. */
INLINE vec
whole_twice(const unsigned char *p)
{
    return _mm512_broadcast_i64x4(
        _mm256_loadu_si256((const __m256i *)(const void *)p));
}

/* ---- q6_k */

#define Q6_K_BYTES 210

/* 128 weights of a super-block: 64 bytes have four bits of two of them each, 32
 * bytes two of four. */
INLINE void
whole_half_q6_k(const unsigned char *p, int half, vec w[2])
{
    const vec four = v_set8(15);
    const vec two = v_set8(0x30);
    vec v = _mm512_loadu_si512(p + 64 * half);
    vec high = whole_twice(p + 128 + 32 * half);
    vec a = v_and(_mm512_rolv_epi32(high, two_halves(4, 2)), two);
    vec b = v_and(_mm512_rolv_epi32(high, two_halves(0, 30)), two);

    /* (v & four) | a */
    w[0] = _mm512_ternarylogic_epi32(v, four, a, 0xea);
    w[1] = _mm512_ternarylogic_epi32(v_shr16(v, 4), four, b, 0xea);
}

/* Words of 16 scales as the packed sums of a half need them: in each 128 bits
 * four of scale first + lane, and four of scale first + 4 + lane. */
INLINE vec
whole_scales(__m256i sc, int first)
{
    const vec at =
        _mm512_set_epi16(7, 7, 7, 7, 3, 3, 3, 3, 6, 6, 6, 6, 2, 2, 2, 2, 5, 5,
                         5, 5, 1, 1, 1, 1, 4, 4, 4, 4, 0, 0, 0, 0);

    return _mm512_permutexvar_epi16(_mm512_add_epi16(at, v_set16(first)),
                                    _mm512_castsi256_si512(sc));
}

/* Lanes of the sums of half a super-block of four rows; 7 lines at next. */
INLINE void
whole_products_q6_k(const unsigned char *p, size_t stride, int half,
                    const struct sov_a256 *a, const __m256i sc[ROWS],
                    const unsigned char *next, vec sum[ROWS])
{
    vec x = _mm512_loadu_si512(a->q + 128 * half);
    vec y = _mm512_loadu_si512(a->q + 128 * half + 64);
    vec w[ROWS][2];
    int r;

    UNROLL
    for (r = 0; r < ROWS; r++) {
        whole_ahead(next, r);
        whole_half_q6_k(p + (size_t)r * stride, half, w[r]);
    }
    UNROLL
    for (r = 0; r < ROWS; r++) {
        if (r < 3)
            whole_ahead(next, 4 + r);
        w[r][0] = v_dot(v_zero(), w[r][0], x);
        w[r][1] = v_dot(v_zero(), w[r][1], y);
    }
    UNROLL
    for (r = 0; r < ROWS; r++) /* four products of six bits and eight fit */
        w[r][0] = v_pack16(w[r][0], w[r][1]);
    UNROLL
    for (r = 0; r < ROWS; r++)
        sum[r] = v_dot16(sum[r], w[r][0], whole_scales(sc[r], 8 * half));
}

/* The sums of a super-block of four rows. */
INLINE __m128i
whole_block_q6_k(const unsigned char *p, size_t stride,
                 const struct sov_a256 *a, const unsigned char *next)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i sums = _mm256_loadu_si256((const __m256i *)(const void *)a->sum);
    __m256i sc[ROWS];
    vec sum[ROWS];
    int r;

    UNROLL
    for (r = 0; r < ROWS; r++)
        sc[r] = _mm256_cvtepi8_epi16(load16(p + (size_t)r * stride + 192));
    UNROLL
    for (r = 0; r < ROWS; r++) { /* weights are 32 too large */
        __m256i less = _mm256_sub_epi16(zero, _mm256_slli_epi16(sc[r], 5));

        sum[r] = _mm512_zextsi256_si512(_mm256_madd_epi16(less, sums));
    }
    whole_products_q6_k(p, stride, 0, a, sc, next, sum);
    whole_products_q6_k(p, stride, 1, a, sc, next + 7 * 64, sum);
    return whole_sums4(sum);
}

/* In place of what rows_256.h would make, see rows_fn. */
static void
rows_q6_k_1(const unsigned char *w, size_t stride, const unsigned char *act,
            size_t act_stride, size_t n, float *y)
{
    const struct sov_a256 *a = (const void *)act;
    const unsigned char *next = ahead_of(w, stride);
    __m128 acc = _mm_setzero_ps();
    float lanes[ROWS];
    size_t i, r;

    (void)act_stride;
    for (i = 0; i < n / 256; i++, w += Q6_K_BYTES, a++) {
        __m128 d = _mm_mul_ps(whole_floats(w + 208, stride), _mm_set1_ps(a->d));
        __m128i sums = whole_block_q6_k(w, stride, a, next);

        acc = _mm_fmadd_ps(d, _mm_cvtepi32_ps(sums), acc);
        next += ROWS * Q6_K_BYTES;
    }
    _mm_storeu_ps(lanes, acc);
    for (r = 0; r < ROWS; r++)
        y[4 * r] = lanes[r];
}

#define WITH_WHOLE_Q6_K 1

#endif
