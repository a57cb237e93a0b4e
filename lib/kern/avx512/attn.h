/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn.h - what both ways of attention share, AVX-512 VNNI
 *
 * attn.c says which ways there are.
 */
#ifndef SOV_KERN_AVX512_ATTN_H
#define SOV_KERN_AVX512_ATTN_H

#include "kern/avx512/tree.h"
#include "kern/generic/exp.h"
#include "kern/kern.h"
#include "kern/unroll.h"

#include <string.h>

#define KEYS  SOV_PAGE_KEYS
#define GROUP 4 /* rows that share a load */

INLINE __m512i
load_bytes(const void *p)
{
    return _mm512_loadu_si512(p);
}

INLINE __m512i
four_bytes(const void *p)
{
    int32_t x;

    memcpy(&x, p, sizeof(x));
    return _mm512_set1_epi32(x);
}

INLINE __m512
one_float(const unsigned char *p)
{
    float x;

    memcpy(&x, p, sizeof(x));
    return _mm512_set1_ps(x);
}

/* pow2 of kern.h; *some: where it is not 0 */
INLINE __m512
pow2_all(__m512 x, __mmask16 *some)
{
    const __m512 magic = _mm512_set1_ps(SOV_EXP_MAGIC);
    __m512 t = _mm512_add_ps(x, magic);
    __m512 r = _mm512_sub_ps(x, _mm512_sub_ps(t, magic));
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(SOV_POW2_C4), r,
                               _mm512_set1_ps(SOV_POW2_C3));

    *some = _mm512_cmp_ps_mask(x, _mm512_set1_ps(SOV_POW2_MIN), _CMP_GE_OQ);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(SOV_POW2_C2));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(SOV_POW2_C1));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_castsi512_ps(
        _mm512_maskz_add_epi32(*some, _mm512_castps_si512(p),
                               _mm512_slli_epi32(_mm512_castps_si512(t), 23)));
}

/* f of kern.h: 1 where the top did not change */
INLINE __m512
fading(__m512 m, __m512 top)
{
    __mmask16 more = _mm512_cmp_ps_mask(top, m, _CMP_GT_OQ);
    __mmask16 some;
    __m512 f = pow2_all(_mm512_sub_ps(m, top), &some);

    return _mm512_mask_mov_ps(_mm512_set1_ps(1.0f), more, f);
}

/* A soft limit of scores. */
INLINE __m512
limited(const struct sov_attn_span *a, __m512 x)
{
    __m512 y = _mm512_min_ps(_mm512_mul_ps(x, _mm512_set1_ps(a->cap_step)),
                             _mm512_set1_ps(SOV_CAP_MAX));
    __mmask16 some;

    y = _mm512_add_ps(pow2_all(y, &some), _mm512_set1_ps(1.0f));
    y = _mm512_div_ps(_mm512_set1_ps(2.0f * a->cap), y);
    return _mm512_sub_ps(_mm512_set1_ps(a->cap), y);
}

/* 255 / most, 0 for 0 */
INLINE __m512
per_step(__m512 most)
{
    __mmask16 some = _mm512_cmp_ps_mask(most, _mm512_setzero_ps(), _CMP_GT_OQ);

    return _mm512_maskz_div_ps(some, _mm512_set1_ps(255.0f), most);
}

INLINE __m512i
to_u8(__m512 w, __m512 n)
{
    return _mm512_cvtps_epi32(
        _mm512_min_ps(_mm512_mul_ps(w, n), _mm512_set1_ps(255.0f)));
}

/* 128 times the sum of q, less than 0: what the offset of the keys adds */
static inline int32_t
offset_of(const int8_t *q, size_t n)
{
    int32_t sum = 0;
    size_t i;

    for (i = 0; i < n; i++)
        sum += q[i];
    return -128 * sum;
}

/* The keys of a page that begins with number `from` that a row sees. */
static inline uint64_t
keys_seen(uint32_t first, uint32_t end, size_t from)
{
    uint64_t bits = ~UINT64_C(0);

    if (end <= from || first >= from + KEYS || first >= end)
        return 0;
    if (end - from < KEYS)
        bits = (UINT64_C(1) << (end - from)) - 1;
    if (first > from)
        bits = bits >> (first - from) << (first - from);
    return bits;
}

/* ---- values: the same for both ways */

/*
 * o[r][16 * nd from d on] for rows of a group: u holds four bytes of each
 * group of four keys, u_stride bytes apart, u_row bytes from row to row.
 */
struct mix {
    const unsigned char *v; /* of the page */
    size_t v_pad;
    const unsigned char *u;
    size_t u_stride;
    size_t u_row;
    const float *c; /* [rows] */
    const float *f; /* [rows] */
    unsigned seen;  /* bit r: row r is there and sees a key */
    float *o;       /* [rows][v_pad] */
};

INLINE void
mix_part(const struct mix *x, size_t d, int rows, int nd)
{
    __m512i acc[GROUP][4];
    int g, r, j;

    for (r = 0; r < rows; r++)
        for (j = 0; j < nd; j++)
            acc[r][j] = _mm512_setzero_si512();
    for (g = 0; g < KEYS / 4; g++) {
        const unsigned char *v = x->v + (size_t)g * 4 * x->v_pad + 4 * d;
        __m512i vj[4];

        for (j = 0; j < nd; j++)
            vj[j] = load_bytes(v + 64 * j);
        for (r = 0; r < rows; r++) {
            __m512i u = four_bytes(x->u + (size_t)g * x->u_stride +
                                   (size_t)r * x->u_row);

            for (j = 0; j < nd; j++)
                acc[r][j] = _mm512_dpbusd_epi32(acc[r][j], u, vj[j]);
        }
    }
    for (r = 0; r < rows; r++) {
        float *o = x->o + (size_t)r * x->v_pad + d;

        if ((x->seen >> r & 1) == 0)
            continue;
        for (j = 0; j < nd; j++) {
            __m512 was = _mm512_mul_ps(_mm512_loadu_ps(o + 16 * j),
                                       _mm512_set1_ps(x->f[r]));

            _mm512_storeu_ps(o + 16 * j,
                             _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc[r][j]),
                                             _mm512_set1_ps(x->c[r]), was));
        }
    }
}

INLINE void
mix_rows(const struct mix *x, int rows)
{
    size_t d;

    for (d = 0; d + 64 <= x->v_pad; d += 64)
        mix_part(x, d, rows, 4);
    for (; d < x->v_pad; d += 16)
        mix_part(x, d, rows, 1);
}

static inline void
mix_values(const struct mix *x, size_t rows)
{
    if (rows >= 4)
        mix_rows(x, 4);
    else if (rows == 3)
        mix_rows(x, 3);
    else if (rows == 2)
        mix_rows(x, 2);
    else
        mix_rows(x, 1);
}

/* ---- the two ways, as the slot attn_span of struct sov_kern */

void sov_attn_few_avx512(const struct sov_attn_span *a);
void sov_attn_many_avx512(const struct sov_attn_span *a);

#endif
