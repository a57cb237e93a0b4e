/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row.h - the operations that kern/rows.h is made of, AVX2 with or without
 * AVX-VNNI
 *
 * A vector has 16 bytes of both of two rows, a row in each 128 bits.
 */
#ifndef SOV_KERN_ROW_H
#define SOV_KERN_ROW_H

#include "base/le.h"

#include "kern/avx2/products.h"
#include "kern/unroll.h"

#include <immintrin.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#define ROWS 2

/* How many bytes before they are read rows are asked for, see avx512/row.h */
#define AHEAD 6144

typedef __m256i vec;
typedef __m256 vecf;

/* v_dot8 takes signed weights as they are, so there is nothing to take back. */
#define BIAS8 0

INLINE __m128i
load16(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

/*
 * Memory that will be read.  It is to come into the second cache: the first one
 * has too few requests under way to make use of the memory's speed.
 */
INLINE void
v_ahead(const unsigned char *p)
{
    _mm_prefetch((const char *)p, _MM_HINT_T1);
}

/* 16 bytes of each row, which are stride bytes apart */
INLINE vec
v_rows(const unsigned char *p, size_t stride)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(load16(p)),
                                   load16(p + stride), 1);
}

/* 4 bytes of each row, four times */
INLINE vec
v_rows4(const unsigned char *p, size_t stride)
{
    return _mm256_inserti128_si256(_mm256_set1_epi32((int)sov_le32(p)),
                                   _mm_set1_epi32((int)sov_le32(p + stride)),
                                   1);
}

INLINE __m128i
words8(const unsigned char *p, const short at[8])
{
    return _mm_setr_epi16(
        (short)sov_le16(p + at[0]), (short)sov_le16(p + at[1]),
        (short)sov_le16(p + at[2]), (short)sov_le16(p + at[3]),
        (short)sov_le16(p + at[4]), (short)sov_le16(p + at[5]),
        (short)sov_le16(p + at[6]), (short)sov_le16(p + at[7]));
}

/* Eight words of each row, from the bytes at; there are size bytes. */
INLINE vec
v_words(const unsigned char *p, size_t stride, size_t size, const short at[8])
{
    (void)size;
    return _mm256_inserti128_si256(_mm256_castsi128_si256(words8(p, at)),
                                   words8(p + stride, at), 1);
}

/* The same 16 bytes for all rows. */
INLINE vec
v_same(const void *p)
{
    return _mm256_broadcastsi128_si256(load16(p));
}

INLINE vec
v_zero(void)
{
    return _mm256_setzero_si256();
}

INLINE vec
v_set8(int x)
{
    return _mm256_set1_epi8((char)x);
}

INLINE vec
v_set16(int x)
{
    return _mm256_set1_epi16((short)x);
}

INLINE vec
v_set32(int x)
{
    return _mm256_set1_epi32(x);
}

INLINE vec
v_and(vec a, vec b)
{
    return _mm256_and_si256(a, b);
}

INLINE vec
v_or(vec a, vec b)
{
    return _mm256_or_si256(a, b);
}

INLINE vec
v_xor(vec a, vec b)
{
    return _mm256_xor_si256(a, b);
}

INLINE vec
v_add8(vec a, vec b)
{
    return _mm256_add_epi8(a, b);
}

INLINE vec
v_sub8(vec a, vec b)
{
    return _mm256_sub_epi8(a, b);
}

INLINE vec
v_sub16(vec a, vec b)
{
    return _mm256_sub_epi16(a, b);
}

INLINE vec
v_mul16(vec a, vec b)
{
    return _mm256_mullo_epi16(a, b);
}

INLINE vec
v_add32(vec a, vec b)
{
    return _mm256_add_epi32(a, b);
}

INLINE vec
v_sub32(vec a, vec b)
{
    return _mm256_sub_epi32(a, b);
}

INLINE vec
v_mul32(vec a, vec b)
{
    return _mm256_mullo_epi32(a, b);
}

/* Shifts of 16-bit and 32-bit lanes; n < 0 shifts left. */
INLINE vec
v_shr16(vec v, int n)
{
    return n < 0 ? _mm256_slli_epi16(v, -n) : _mm256_srli_epi16(v, n);
}

INLINE vec
v_sar16(vec v, int n)
{
    return _mm256_srai_epi16(v, n);
}

INLINE vec
v_shr32(vec v, int n)
{
    return n < 0 ? _mm256_slli_epi32(v, -n) : _mm256_srli_epi32(v, n);
}

INLINE vec
v_sar32(vec v, int n)
{
    return _mm256_srai_epi32(v, n);
}

/* Each 32-bit lane by its own count. */
INLINE vec
v_shrv32(vec v, vec n)
{
    return _mm256_srlv_epi32(v, n);
}

/* Bytes of v within a row; where the index is negative, 0. */
INLINE vec
v_pick8(vec v, vec index)
{
    return _mm256_shuffle_epi8(v, index);
}

INLINE vec
v_low8(vec a, vec b)
{
    return _mm256_unpacklo_epi8(a, b);
}

INLINE vec
v_high8(vec a, vec b)
{
    return _mm256_unpackhi_epi8(a, b);
}

INLINE vec
v_low16(vec a, vec b)
{
    return _mm256_unpacklo_epi16(a, b);
}

INLINE vec
v_high16(vec a, vec b)
{
    return _mm256_unpackhi_epi16(a, b);
}

INLINE vec
v_low32(vec a, vec b)
{
    return _mm256_unpacklo_epi32(a, b);
}

INLINE vec
v_high32(vec a, vec b)
{
    return _mm256_unpackhi_epi32(a, b);
}

/* 32-bit lanes 1, 3 of a and those of b */
INLINE vec
v_odd32(vec a, vec b)
{
    return _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(a),
                                                 _mm256_castsi256_ps(b), 0xdd));
}

INLINE vec
v_low64(vec a, vec b)
{
    return _mm256_unpacklo_epi64(a, b);
}

INLINE vec
v_high64(vec a, vec b)
{
    return _mm256_unpackhi_epi64(a, b);
}

/*
 * Each 16-bit lane by its own count n, of which the largest is most; factor is
 * 1 << (most - n).  Only bits that stay in the lane are wanted after it.
 */
INLINE vec
v_shr_each16(vec v, vec n, vec factor, int most)
{
    (void)n;
    return _mm256_srli_epi16(_mm256_mullo_epi16(v, factor), most);
}

/* Words to unsigned bytes, those of a below those of b; they must fit. */
INLINE vec
v_pack8(vec a, vec b)
{
    return _mm256_packus_epi16(a, b);
}

/* table[i] for words i less than n, 256, 512 or 1024 */
INLINE vec
v_lookup(const uint16_t *table, int n, vec i)
{
    alignas(32) uint16_t at[16];
    int j;

    (void)n;
    _mm256_store_si256((__m256i *)at, i);
    UNROLL
    for (j = 0; j < 16; j++)
        at[j] = table[at[j]];
    return _mm256_load_si256((const __m256i *)at);
}

/* 32 bits to 16, those of a below those of b; they must fit. */
INLINE vec
v_pack16(vec a, vec b)
{
    return _mm256_packs_epi32(a, b);
}

/* v + more in the bytes of which bits has all bits of mask */
INLINE vec
v_add_if(vec v, vec bits, vec mask, vec more)
{
    vec set = _mm256_cmpeq_epi8(_mm256_and_si256(bits, mask), mask);

    return _mm256_add_epi8(v, _mm256_and_si256(set, more));
}

/* -x in the bytes of which bits has a bit of mask */
INLINE vec
v_negate_if(vec x, vec bits, vec mask)
{
    vec set = _mm256_cmpeq_epi8(_mm256_and_si256(bits, mask), mask);

    return _mm256_sub_epi8(_mm256_xor_si256(x, set), set);
}

/* a < b ? x : y, 32-bit lanes */
INLINE vec
v_if_less32(vec a, vec b, vec x, vec y)
{
    return _mm256_blendv_epi8(y, x, _mm256_cmpgt_epi32(b, a));
}

/* sum + products of four unsigned bytes, at most 127, and signed ones */
INLINE vec
v_dot(vec sum, vec u, vec x)
{
    return add_bytes(sum, u, x);
}

/* ... of weights that v_signed gave */
INLINE vec
v_dot8(vec sum, vec w, vec x)
{
    return v_dot(sum, _mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
}

INLINE vec
v_signed(vec w)
{
    return w;
}

/* sum + products of two words each */
INLINE vec
v_dot16(vec sum, vec a, vec b)
{
    return add_words(sum, a, b);
}

/* Lane b: the half float in word 4 * high + b of the row. */
INLINE vecf
v_halves(vec v, int high)
{
    vec four = high ? _mm256_permute4x64_epi64(v, 0x0d)
                    : _mm256_permute4x64_epi64(v, 0x08);

    return _mm256_cvtph_ps(_mm256_castsi256_si128(four));
}

/* All lanes: the half float in a word of the row. */
INLINE vecf
v_half(vec v, int word)
{
    vec at = _mm256_set1_epi16((short)(0x0100 + 0x0202 * word));

    return v_halves(_mm256_shuffle_epi8(v, at), 0);
}

INLINE vecf
f_of(vec v)
{
    return _mm256_cvtepi32_ps(v);
}

INLINE vecf
f_bits(vec v)
{
    return _mm256_castsi256_ps(v);
}

INLINE vecf
f_zero(void)
{
    return _mm256_setzero_ps();
}

INLINE vecf
f_set(float x)
{
    return _mm256_set1_ps(x);
}

/* The same four for all rows. */
INLINE vecf
f_same(const float *p)
{
    return _mm256_broadcast_ps((const __m128 *)p);
}

INLINE vecf
f_same4(float a, float b, float c, float d)
{
    __m128 v = _mm_setr_ps(a, b, c, d);

    return _mm256_set_m128(v, v);
}

INLINE vecf
f_add(vecf a, vecf b)
{
    return _mm256_add_ps(a, b);
}

INLINE vecf
f_mul(vecf a, vecf b)
{
    return _mm256_mul_ps(a, b);
}

/* c + a * b and c - a * b */
INLINE vecf
f_fma(vecf a, vecf b, vecf c)
{
    return _mm256_fmadd_ps(a, b, c);
}

INLINE vecf
f_fnma(vecf a, vecf b, vecf c)
{
    return _mm256_fnmadd_ps(a, b, c);
}

/* Lanes 0, 2 of a and those of b; lanes 1, 3 of both. */
INLINE vecf
f_even(vecf a, vecf b)
{
    return _mm256_shuffle_ps(a, b, 0x88);
}

INLINE vecf
f_odd(vecf a, vecf b)
{
    return _mm256_shuffle_ps(a, b, 0xdd);
}

INLINE void
f_store(float *p, vecf v)
{
    _mm256_storeu_ps(p, v);
}

/* The same 16 numbers in each row, for indices and masks. */
#define V_BYTES(...) ((vec)(__v32qi){ __VA_ARGS__, __VA_ARGS__ })
#define V_WORDS(...) ((vec)(__v16hi){ __VA_ARGS__, __VA_ARGS__ })
#define V_INTS(...)  ((vec)(__v8si){ __VA_ARGS__, __VA_ARGS__ })

#endif
