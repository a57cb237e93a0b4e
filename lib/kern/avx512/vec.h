/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vec.h - registers of sixteen dwords for panels, AVX-512
 */
#ifndef SOV_KERN_AVX512_VEC_H
#define SOV_KERN_AVX512_VEC_H

#include "kern/panel_tiles.h"
#include "kern/unroll.h"

#include <immintrin.h>

/* Have v in a register now: it is not read again at each use, nor made later,
 * when more is to be kept. */
#define VECTOR(v) __asm__ volatile("" : "+v"(v))

#define LANES 16
#define PARTS (SOV_PANEL_ROWS / LANES)

typedef __m512i vec;
typedef __m512 vecf;

INLINE vec
vec_and(vec a, vec b)
{
    return _mm512_and_si512(a, b);
}

INLINE vec
vec_or(vec a, vec b)
{
    return _mm512_or_si512(a, b);
}

INLINE vec
vec_xor(vec a, vec b)
{
    return _mm512_xor_si512(a, b);
}

INLINE vec
vec_add32(vec a, vec b)
{
    return _mm512_add_epi32(a, b);
}

INLINE vec
vec_sub8(vec a, vec b)
{
    return _mm512_sub_epi8(a, b);
}

INLINE vec
vec_sub32(vec a, vec b)
{
    return _mm512_sub_epi32(a, b);
}

INLINE vec
vec_mul32(vec a, vec b)
{
    return _mm512_mullo_epi32(a, b);
}

INLINE vec
vec_shl(vec v, int n)
{
    return _mm512_slli_epi32(v, (unsigned)n);
}

INLINE vec
vec_shr(vec v, int n)
{
    return _mm512_srli_epi32(v, (unsigned)n);
}

INLINE vec
vec_sar(vec v, int n)
{
    return _mm512_srai_epi32(v, (unsigned)n);
}

INLINE vec
vec_set8(int x)
{
    return _mm512_set1_epi8((char)x);
}

INLINE vec
vec_set32(int x)
{
    return _mm512_set1_epi32(x);
}

INLINE vec
vec_load(const void *p)
{
    return _mm512_load_si512(p);
}

INLINE void
vec_store(void *p, vec v)
{
    _mm512_store_si512(p, v);
}

/* Bytes of a table of sixteen. */
INLINE vec
vec_look(vec table, vec i)
{
    return _mm512_shuffle_epi8(table, i);
}

INLINE vec
vec_table(const int8_t table[16])
{
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)table));
}

/* The low halves of dwords, half floats, as floats to y. */
INLINE void
put_floats(float *y, vec v)
{
    _mm512_store_ps(y, _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v)));
}

INLINE vec
row_bytes(const unsigned char *p, size_t stride)
{
    vec v = _mm512_castsi128_si512(_mm_loadu_si128((const void *)p));

    v = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(p + 4 * stride)),
                           1);
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(p + 8 * stride)),
                           2);
    return _mm512_inserti32x4(
        v, _mm_loadu_si128((const void *)(p + 12 * stride)), 3);
}

/* Sixteen bytes at p of 16 rows: v[i] has dword i of each. */
INLINE void
take(const unsigned char *p, size_t stride, vec v[4])
{
    vec a = row_bytes(p, stride);
    vec b = row_bytes(p + stride, stride);
    vec c = row_bytes(p + 2 * stride, stride);
    vec d = row_bytes(p + 3 * stride, stride);
    vec ab = _mm512_unpacklo_epi32(a, b);
    vec cd = _mm512_unpacklo_epi32(c, d);

    v[0] = _mm512_unpacklo_epi64(ab, cd);
    v[1] = _mm512_unpackhi_epi64(ab, cd);
    ab = _mm512_unpackhi_epi32(a, b);
    cd = _mm512_unpackhi_epi32(c, d);
    v[2] = _mm512_unpacklo_epi64(ab, cd);
    v[3] = _mm512_unpackhi_epi64(ab, cd);
}

/* Four bytes, in every lane. */
INLINE vec
broadcast(const void *p)
{
    return _mm512_set1_epi32(*(const int *)p);
}

/*
 * Four activations with 128 added, which makes them unsigned, in every lane.
 * One instruction, which clang would make two of, and one of them costly.
 */
INLINE vec
lifted(const void *p)
{
    vec x;

    __asm__("vpxord %1%{1to16%}, %2, %0"
            : "=v"(x)
            : "m"(*(const int *)p), "v"(_mm512_set1_epi8((char)-128)));
    return x;
}

/* sum + products of four unsigned bytes of each lane and signed ones */
INLINE vec
vec_dot(vec sum, vec u, vec x)
{
    return _mm512_dpbusd_epi32(sum, u, x);
}

/* sum + products of two words */
INLINE vec
vec_dot16(vec sum, vec a, vec b)
{
    return _mm512_dpwssd_epi32(sum, a, b);
}

INLINE vecf
vecf_load(const float *p)
{
    return _mm512_load_ps(p);
}

INLINE void
vecf_store(float *p, vecf v)
{
    _mm512_store_ps(p, v);
}

INLINE vecf
vecf_set(float x)
{
    return _mm512_set1_ps(x);
}

INLINE vecf
vecf_of(vec v)
{
    return _mm512_cvtepi32_ps(v);
}

INLINE vecf
vecf_mul(vecf a, vecf b)
{
    return _mm512_mul_ps(a, b);
}

/* a * b + v */
INLINE vecf
vecf_fma(vecf a, vecf b, vecf v)
{
    return _mm512_fmadd_ps(a, b, v);
}

/* v - a * b */
INLINE vecf
vecf_fnma(vecf a, vecf b, vecf v)
{
    return _mm512_fnmadd_ps(a, b, v);
}

#endif
