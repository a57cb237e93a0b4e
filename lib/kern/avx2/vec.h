/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vec.h - registers of eight dwords for panels, AVX2
 */
#ifndef SOV_KERN_AVX2_VEC_H
#define SOV_KERN_AVX2_VEC_H

#include "kern/panel_tiles.h"
#include "kern/unroll.h"

#include <immintrin.h>

#define LANES 8

typedef __m256i vec;

INLINE vec
vec_and(vec a, vec b)
{
    return _mm256_and_si256(a, b);
}

INLINE vec
vec_or(vec a, vec b)
{
    return _mm256_or_si256(a, b);
}

INLINE vec
vec_xor(vec a, vec b)
{
    return _mm256_xor_si256(a, b);
}

INLINE vec
vec_sub8(vec a, vec b)
{
    return _mm256_sub_epi8(a, b);
}

INLINE vec
vec_sub32(vec a, vec b)
{
    return _mm256_sub_epi32(a, b);
}

INLINE vec
vec_mul32(vec a, vec b)
{
    return _mm256_mullo_epi32(a, b);
}

INLINE vec
vec_shl(vec v, int n)
{
    return _mm256_slli_epi32(v, n);
}

INLINE vec
vec_shr(vec v, int n)
{
    return _mm256_srli_epi32(v, n);
}

INLINE vec
vec_sar(vec v, int n)
{
    return _mm256_srai_epi32(v, n);
}

INLINE vec
vec_set8(int x)
{
    return _mm256_set1_epi8((char)x);
}

INLINE vec
vec_set32(int x)
{
    return _mm256_set1_epi32(x);
}

INLINE vec
vec_load(const void *p)
{
    return _mm256_load_si256((const __m256i *)p);
}

INLINE void
vec_store(void *p, vec v)
{
    _mm256_store_si256((__m256i *)p, v);
}

/* Bytes of a table of sixteen. */
INLINE vec
vec_look(vec table, vec i)
{
    return _mm256_shuffle_epi8(table, i);
}

INLINE vec
vec_table(const int8_t table[16])
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)table));
}

/* The low halves of dwords, half floats, as floats to y. */
INLINE void
put_floats(float *y, vec v)
{
    const __m256i low = _mm256_set1_epi32(0xffff);
    __m256i h = _mm256_and_si256(v, low);

    h = _mm256_packus_epi32(h, h);
    h = _mm256_permute4x64_epi64(h, 0x08);
    _mm256_store_ps(y, _mm256_cvtph_ps(_mm256_castsi256_si128(h)));
}

INLINE vec
row_bytes(const unsigned char *p, size_t stride)
{
    return _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const void *)p)),
        _mm_loadu_si128((const void *)(p + 4 * stride)), 1);
}

/* Sixteen bytes at p of 8 rows: v[i] has dword i of each. */
INLINE void
take(const unsigned char *p, size_t stride, vec v[4])
{
    vec a = row_bytes(p, stride);
    vec b = row_bytes(p + stride, stride);
    vec c = row_bytes(p + 2 * stride, stride);
    vec d = row_bytes(p + 3 * stride, stride);
    vec ab = _mm256_unpacklo_epi32(a, b);
    vec cd = _mm256_unpacklo_epi32(c, d);

    v[0] = _mm256_unpacklo_epi64(ab, cd);
    v[1] = _mm256_unpackhi_epi64(ab, cd);
    ab = _mm256_unpackhi_epi32(a, b);
    cd = _mm256_unpackhi_epi32(c, d);
    v[2] = _mm256_unpacklo_epi64(ab, cd);
    v[3] = _mm256_unpackhi_epi64(ab, cd);
}

/* Four bytes, in every lane. */
INLINE vec
broadcast(const void *p)
{
    return _mm256_set1_epi32(*(const int *)p);
}

#endif
