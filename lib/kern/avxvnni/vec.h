/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vec.h - registers of eight dwords for panels, AVX2 with AVX-VNNI
 *
 * Three columns of four registers of rows are twelve sums, which vpdpbusd, with
 * five cycles to wait and two in a cycle, keeps going; what they meet, three
 * registers of activations and one of weights, fills the sixteen there are.
 */
#ifndef SOV_KERN_AVXVNNI_VEC_H
#define SOV_KERN_AVXVNNI_VEC_H

#define TILE 3
#include "kern/avx2/vec.h"

#define PARTS (SOV_PANEL_ROWS / LANES)

/* Have v in a register now: it is not read again at each use. */
#define VECTOR(v) __asm__ volatile("" : "+x"(v))

typedef __m256 vecf;

INLINE vec
vec_add32(vec a, vec b)
{
    return _mm256_add_epi32(a, b);
}

/* sum + products of four unsigned bytes of each lane and signed ones */
INLINE vec
vec_dot(vec sum, vec u, vec x)
{
    return _mm256_dpbusd_avx_epi32(sum, u, x);
}

/* sum + products of two words */
INLINE vec
vec_dot16(vec sum, vec a, vec b)
{
    return _mm256_dpwssd_avx_epi32(sum, a, b);
}

INLINE vecf
vecf_load(const float *p)
{
    return _mm256_load_ps(p);
}

INLINE void
vecf_store(float *p, vecf v)
{
    _mm256_store_ps(p, v);
}

INLINE vecf
vecf_set(float x)
{
    return _mm256_set1_ps(x);
}

INLINE vecf
vecf_of(vec v)
{
    return _mm256_cvtepi32_ps(v);
}

INLINE vecf
vecf_mul(vecf a, vecf b)
{
    return _mm256_mul_ps(a, b);
}

/* a * b + v */
INLINE vecf
vecf_fma(vecf a, vecf b, vecf v)
{
    return _mm256_fmadd_ps(a, b, v);
}

/* v - a * b */
INLINE vecf
vecf_fnma(vecf a, vecf b, vecf v)
{
    return _mm256_fnmadd_ps(a, b, v);
}

#endif
