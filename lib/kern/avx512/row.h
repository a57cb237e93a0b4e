/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row.h - the operations that kern/rows.h is made of, AVX-512 with VNNI
 *
 * A vector has 16 bytes of each of four rows, a row in each 128 bits.
 */
#ifndef SOV_KERN_ROW_H
#define SOV_KERN_ROW_H

#include "base/le.h"

#include "kern/unroll.h"

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROWS 4

/*
 * How many bytes before they are read rows are asked for.  Too early costs as
 * well: with 32 KiB two threads that wait for memory read 7 % less of Q6_K and
 * 4 % of Q8_0; with 3 KiB one thread reads as much less.
 */
#define AHEAD 4096

/* Sixteen rows go as strips where a type has them, see kern/strips.h */
#define WITH_STRIPS 1

typedef __m512i vec;
typedef __m512 vecf;

/*
 * v_dot8 takes signed weights as v_signed gives them, here with 128 more than
 * they are.  The sum of the activations, shifted by BIAS8, takes it back.
 */
#define BIAS8 7

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
    __m256i a = _mm256_inserti128_si256(_mm256_castsi128_si256(load16(p)),
                                        load16(p + stride), 1);
    __m256i b =
        _mm256_inserti128_si256(_mm256_castsi128_si256(load16(p + 2 * stride)),
                                load16(p + 3 * stride), 1);

    return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}

/* 4 bytes of each row, four times */
INLINE vec
v_rows4(const unsigned char *p, size_t stride)
{
    vec v = _mm512_set1_epi32((int)sov_le32(p));

    v = _mm512_mask_set1_epi32(v, 0x00f0, (int)sov_le32(p + stride));
    v = _mm512_mask_set1_epi32(v, 0x0f00, (int)sov_le32(p + 2 * stride));
    return _mm512_mask_set1_epi32(v, 0xf000, (int)sov_le32(p + 3 * stride));
}

/*
 * Eight words out of size bytes at p, from the bytes at, which rise and are
 * even.  If they are in two or three runs of 64 bytes, two or three loads get
 * them.
 */
INLINE __m128i
words8(const unsigned char *p, size_t size, const short at[8])
{
    bool two = at[3] <= 62 && at[7] - at[4] <= 62 && at[4] + 64 <= (int)size;
    bool three = at[2] <= 62 && at[5] - at[3] <= 62 &&
                 at[3] + 64 <= (int)size && at[6] >= (int)size - 64;
    int n = two ? 4 : 3;
    int third = (int)size - 64;
    short index[8];
    int i;

    if (!two && !three)
        return _mm_setr_epi16(
            (short)sov_le16(p + at[0]), (short)sov_le16(p + at[1]),
            (short)sov_le16(p + at[2]), (short)sov_le16(p + at[3]),
            (short)sov_le16(p + at[4]), (short)sov_le16(p + at[5]),
            (short)sov_le16(p + at[6]), (short)sov_le16(p + at[7]));
    UNROLL
    for (i = 0; i < 8; i++)
        index[i] = (short)(i < n ? at[i] / 2 : 32 + (at[i] - at[n]) / 2 % 32);
#define INDEX                                                           \
    _mm512_castsi128_si512(_mm_setr_epi16(index[0], index[1], index[2], \
                                          index[3], index[4], index[5], \
                                          index[6], index[7]))
    vec v = _mm512_permutex2var_epi16(_mm512_loadu_si512(p), INDEX,
                                      _mm512_loadu_si512(p + at[n]));
    if (!two) {
        UNROLL
        for (i = 0; i < 8; i++)
            index[i] = (short)(i < 6 ? i : 32 + (at[i] - third) / 2);
        v = _mm512_permutex2var_epi16(v, INDEX, _mm512_loadu_si512(p + third));
    }
#undef INDEX
    return _mm512_castsi512_si128(v);
}

/* Such words of each row. */
INLINE vec
v_words(const unsigned char *p, size_t stride, size_t size, const short at[8])
{
    __m256i a =
        _mm256_inserti128_si256(_mm256_castsi128_si256(words8(p, size, at)),
                                words8(p + stride, size, at), 1);
    __m256i b = _mm256_inserti128_si256(
        _mm256_castsi128_si256(words8(p + 2 * stride, size, at)),
        words8(p + 3 * stride, size, at), 1);

    return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}

/* The same 16 bytes for all rows. */
INLINE vec
v_same(const void *p)
{
    return _mm512_broadcast_i32x4(load16(p));
}

/* Aligned to its size. */
INLINE vec
v_load(const void *p)
{
    return _mm512_load_si512(p);
}

/* The same four bytes in all lanes. */
INLINE vec
v_four(const void *p)
{
    return _mm512_set1_epi32((int)sov_le32(p));
}

INLINE vec
v_zero(void)
{
    return _mm512_setzero_si512();
}

INLINE vec
v_set8(int x)
{
    return _mm512_set1_epi8((char)x);
}

INLINE vec
v_set16(int x)
{
    return _mm512_set1_epi16((short)x);
}

INLINE vec
v_set32(int x)
{
    return _mm512_set1_epi32(x);
}

INLINE vec
v_and(vec a, vec b)
{
    return _mm512_and_si512(a, b);
}

INLINE vec
v_or(vec a, vec b)
{
    return _mm512_or_si512(a, b);
}

INLINE vec
v_xor(vec a, vec b)
{
    return _mm512_xor_si512(a, b);
}

INLINE vec
v_add8(vec a, vec b)
{
    return _mm512_add_epi8(a, b);
}

INLINE vec
v_sub8(vec a, vec b)
{
    return _mm512_sub_epi8(a, b);
}

INLINE vec
v_sub16(vec a, vec b)
{
    return _mm512_sub_epi16(a, b);
}

INLINE vec
v_mul16(vec a, vec b)
{
    return _mm512_mullo_epi16(a, b);
}

INLINE vec
v_add32(vec a, vec b)
{
    return _mm512_add_epi32(a, b);
}

INLINE vec
v_sub32(vec a, vec b)
{
    return _mm512_sub_epi32(a, b);
}

INLINE vec
v_mul32(vec a, vec b)
{
    return _mm512_mullo_epi32(a, b);
}

/* Shifts of 16-bit and 32-bit lanes; n < 0 shifts left. */
INLINE vec
v_shr16(vec v, int n)
{
    return n < 0 ? _mm512_slli_epi16(v, (unsigned)-n)
                 : _mm512_srli_epi16(v, (unsigned)n);
}

INLINE vec
v_sar16(vec v, int n)
{
    return _mm512_srai_epi16(v, (unsigned)n);
}

INLINE vec
v_shr32(vec v, int n)
{
    return n < 0 ? _mm512_slli_epi32(v, (unsigned)-n)
                 : _mm512_srli_epi32(v, (unsigned)n);
}

INLINE vec
v_sar32(vec v, int n)
{
    return _mm512_srai_epi32(v, (unsigned)n);
}

/* Each 32-bit lane by its own count. */
INLINE vec
v_shrv32(vec v, vec n)
{
    return _mm512_srlv_epi32(v, n);
}

/* Bytes of v within a row; where the index is negative, 0. */
INLINE vec
v_pick8(vec v, vec index)
{
    return _mm512_shuffle_epi8(v, index);
}

INLINE vec
v_low8(vec a, vec b)
{
    return _mm512_unpacklo_epi8(a, b);
}

INLINE vec
v_high8(vec a, vec b)
{
    return _mm512_unpackhi_epi8(a, b);
}

INLINE vec
v_low16(vec a, vec b)
{
    return _mm512_unpacklo_epi16(a, b);
}

INLINE vec
v_high16(vec a, vec b)
{
    return _mm512_unpackhi_epi16(a, b);
}

INLINE vec
v_low32(vec a, vec b)
{
    return _mm512_unpacklo_epi32(a, b);
}

INLINE vec
v_high32(vec a, vec b)
{
    return _mm512_unpackhi_epi32(a, b);
}

/* 32-bit lanes 1, 3 of a and those of b */
INLINE vec
v_odd32(vec a, vec b)
{
    return _mm512_castps_si512(_mm512_shuffle_ps(_mm512_castsi512_ps(a),
                                                 _mm512_castsi512_ps(b), 0xdd));
}

INLINE vec
v_low64(vec a, vec b)
{
    return _mm512_unpacklo_epi64(a, b);
}

INLINE vec
v_high64(vec a, vec b)
{
    return _mm512_unpackhi_epi64(a, b);
}

/*
 * Each 16-bit lane by its own count n, of which the largest is most; factor is
 * 1 << (most - n).  Only bits that stay in the lane are wanted after it.
 */
INLINE vec
v_shr_each16(vec v, vec n, vec factor, int most)
{
    (void)factor;
    (void)most;
    return _mm512_srlv_epi16(v, n);
}

/* Words to unsigned bytes, those of a below those of b; they must fit. */
INLINE vec
v_pack8(vec a, vec b)
{
    return _mm512_packus_epi16(a, b);
}

/* table[i] for words i less than n, 256, 512 or 1024 */
INLINE vec
v_lookup(const uint16_t *table, int n, vec i)
{
    vec r[16];
    int j, bit;

    UNROLL
    for (j = 0; j < n / 64; j++)
        r[j] =
            _mm512_permutex2var_epi16(_mm512_load_si512(table + 64 * j), i,
                                      _mm512_load_si512(table + 64 * j + 32));
    UNROLL
    for (bit = 64; bit < n; bit *= 2) {
        __mmask32 m = _mm512_test_epi16_mask(i, v_set16(bit));

        UNROLL
        for (j = 0; j < n / (2 * bit); j++)
            r[j] = _mm512_mask_blend_epi16(m, r[2 * j], r[2 * j + 1]);
    }
    return r[0];
}

/* 32 bits to 16, those of a below those of b; they must fit. */
INLINE vec
v_pack16(vec a, vec b)
{
    return _mm512_packs_epi32(a, b);
}

/* v + more in the bytes of which bits has all bits of mask */
INLINE vec
v_add_if(vec v, vec bits, vec mask, vec more)
{
    return _mm512_mask_add_epi8(v, _mm512_test_epi8_mask(bits, mask), v, more);
}

/* -x in the bytes of which bits has a bit of mask */
INLINE vec
v_negate_if(vec x, vec bits, vec mask)
{
    return _mm512_mask_sub_epi8(x, _mm512_test_epi8_mask(bits, mask), v_zero(),
                                x);
}

/* a < b ? x : y, 32-bit lanes */
INLINE vec
v_if_less32(vec a, vec b, vec x, vec y)
{
    return _mm512_mask_blend_epi32(_mm512_cmplt_epi32_mask(a, b), y, x);
}

/* sum + products of four unsigned bytes, at most 127, and signed ones */
INLINE vec
v_dot(vec sum, vec u, vec x)
{
    return _mm512_dpbusd_epi32(sum, u, x);
}

/* ... of weights that v_signed gave */
INLINE vec
v_dot8(vec sum, vec w, vec x)
{
    return _mm512_dpbusd_epi32(sum, w, x);
}

/* v_dot with v_four(p), in one instruction; compilers make two of it, which
 * counts where there are few others. */
INLINE vec
v_dot_four(vec sum, vec u, const void *p)
{
    __asm__("vpdpbusd %2%{1to16%}, %1, %0"
            : "+v"(sum)
            : "v"(u), "m"(*(const unsigned char(*)[4])p));
    return sum;
}

INLINE vec
v_signed(vec w)
{
    return _mm512_xor_si512(w, _mm512_set1_epi8((char)-128));
}

/* sum + products of two words each */
INLINE vec
v_dot16(vec sum, vec a, vec b)
{
    return _mm512_dpwssd_epi32(sum, a, b);
}

/* Lane b: the half float in word 4 * high + b of the row. */
INLINE vecf
v_halves(vec v, int high)
{
    const vec low4 =
        _mm512_set_epi16(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 27, 26,
                         25, 24, 19, 18, 17, 16, 11, 10, 9, 8, 3, 2, 1, 0);
    vec index = _mm512_add_epi16(low4, _mm512_set1_epi16((short)(4 * high)));

    return _mm512_cvtph_ps(
        _mm512_castsi512_si256(_mm512_permutexvar_epi16(index, v)));
}

/* All lanes: the half float in a word of the row. */
INLINE vecf
v_half(vec v, int word)
{
    const vec first =
        _mm512_set_epi16(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 24, 24,
                         24, 24, 16, 16, 16, 16, 8, 8, 8, 8, 0, 0, 0, 0);
    vec index = _mm512_add_epi16(first, _mm512_set1_epi16((short)word));

    return _mm512_cvtph_ps(
        _mm512_castsi512_si256(_mm512_permutexvar_epi16(index, v)));
}

/* The half float in the low word of each 32-bit lane. */
INLINE vecf
f_halves32(vec v)
{
    return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v));
}

INLINE vecf
f_of(vec v)
{
    return _mm512_cvtepi32_ps(v);
}

INLINE vecf
f_bits(vec v)
{
    return _mm512_castsi512_ps(v);
}

INLINE vecf
f_zero(void)
{
    return _mm512_setzero_ps();
}

INLINE vecf
f_set(float x)
{
    return _mm512_set1_ps(x);
}

/* The same four for all rows. */
INLINE vecf
f_same(const float *p)
{
    return _mm512_broadcast_f32x4(_mm_loadu_ps(p));
}

INLINE vecf
f_same4(float a, float b, float c, float d)
{
    return _mm512_broadcast_f32x4(_mm_setr_ps(a, b, c, d));
}

INLINE vecf
f_add(vecf a, vecf b)
{
    return _mm512_add_ps(a, b);
}

INLINE vecf
f_mul(vecf a, vecf b)
{
    return _mm512_mul_ps(a, b);
}

/* c + a * b and c - a * b */
INLINE vecf
f_fma(vecf a, vecf b, vecf c)
{
    return _mm512_fmadd_ps(a, b, c);
}

INLINE vecf
f_fnma(vecf a, vecf b, vecf c)
{
    return _mm512_fnmadd_ps(a, b, c);
}

/* Lanes 0, 2 of a and those of b; lanes 1, 3 of both. */
INLINE vecf
f_even(vecf a, vecf b)
{
    return _mm512_shuffle_ps(a, b, 0x88);
}

INLINE vecf
f_odd(vecf a, vecf b)
{
    return _mm512_shuffle_ps(a, b, 0xdd);
}

INLINE void
f_store(float *p, vecf v)
{
    _mm512_storeu_ps(p, v);
}

/* The same 16 numbers in each row, for indices and masks. */
#define V_BYTES(...) \
    ((vec)(__v64qi){ __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__ })
#define V_WORDS(...) \
    ((vec)(__v32hi){ __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__ })
#define V_INTS(...) \
    ((vec)(__v16si){ __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__ })

#endif
