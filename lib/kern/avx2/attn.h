/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn.h - attention over keys and values in eight bits, AVX2 and AVX-VNNI
 *
 * The lanes are keys; what is loaded of a page serves up to four rows.
 */
#ifndef SOV_KERN_AVX2_ATTN_H
#define SOV_KERN_AVX2_ATTN_H

#include "kern/avx2/products.h"
#include "kern/avx2/tree.h"
#include "kern/generic/exp.h"
#include "kern/kern.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

#define KEYS  SOV_PAGE_KEYS
#define VECS  (KEYS / 8)
#define GROUP 4 /* rows */

/* pow2 of kern.h */
INLINE __m256
pow2_all(__m256 x)
{
    const __m256 magic = _mm256_set1_ps(SOV_EXP_MAGIC);
    __m256 t = _mm256_add_ps(x, magic);
    __m256 r = _mm256_sub_ps(x, _mm256_sub_ps(t, magic));
    __m256 p = _mm256_fmadd_ps(_mm256_set1_ps(SOV_POW2_C4), r,
                               _mm256_set1_ps(SOV_POW2_C3));
    __m256i bits;

    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(SOV_POW2_C2));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(SOV_POW2_C1));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    bits = _mm256_add_epi32(_mm256_castps_si256(p),
                            _mm256_slli_epi32(_mm256_castps_si256(t), 23));
    return _mm256_and_ps(
        _mm256_castsi256_ps(bits),
        _mm256_cmp_ps(x, _mm256_set1_ps(SOV_POW2_MIN), _CMP_GE_OQ));
}

INLINE float
pow2_one(float x)
{
    return _mm256_cvtss_f32(pow2_all(_mm256_set1_ps(x)));
}

/* of lanes that are numbers */
INLINE float
largest(__m256 v)
{
    __m128 s =
        _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    s = _mm_max_ss(s, _mm_movehdup_ps(s));
    return _mm_cvtss_f32(s);
}

/* A group of rows in one page. */
struct group {
    const struct sov_attn_span *a;
    const unsigned char *p;
    size_t row;            /* the first */
    uint32_t first[GROUP]; /* keys of the page that a row sees */
    uint32_t end[GROUP];
    int32_t sum[GROUP][KEYS];
    uint16_t u[GROUP][KEYS];
    float c[GROUP], f[GROUP];
};

/*
 * Integer scores of 16 keys from `key` on.  Pairs of products of two signed
 * bytes up to 128 and 127 fit 16 bits, as those of unsigned ones do not.
 */
INLINE void
score_16(struct group *w, size_t key, int rows)
{
    const __m256i flip = _mm256_set1_epi8((char)0x80);
    size_t k_pad = w->a->page->k_pad;
    const int8_t *q = w->a->q + w->row * k_pad;
    __m256i acc[GROUP][2];
    size_t d;
    int r, j;

    for (r = 0; r < rows; r++)
        acc[r][0] = acc[r][1] = _mm256_setzero_si256();
    for (d = 0; d < k_pad; d += 4) {
        const unsigned char *at = w->p + KEYS * d + 4 * key;
        __m256i k[2], size[2];

        for (j = 0; j < 2; j++) {
            k[j] = _mm256_loadu_si256((const __m256i *)(at + 32 * j));
            k[j] = _mm256_xor_si256(k[j], flip);
            size[j] = _mm256_abs_epi8(k[j]);
        }
        for (r = 0; r < rows; r++) {
            int32_t four;

            memcpy(&four, q + (size_t)r * k_pad + d, sizeof(four));
            for (j = 0; j < 2; j++) {
                __m256i b = _mm256_sign_epi8(_mm256_set1_epi32(four), k[j]);

                acc[r][j] = add_bytes(acc[r][j], size[j], b);
            }
        }
    }
    for (r = 0; r < rows; r++)
        for (j = 0; j < 2; j++)
            _mm256_storeu_si256((__m256i *)(w->sum[r] + key + 8 * j),
                                acc[r][j]);
}

/* Lanes from 8 j on that a row sees. */
INLINE __m256
seen_lanes(const struct group *w, int r, int j)
{
    __m256i key = _mm256_add_epi32(_mm256_set1_epi32(8 * j),
                                   _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    __m256i early =
        _mm256_cmpgt_epi32(_mm256_set1_epi32((int)w->first[r]), key);
    __m256i before = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)w->end[r]), key);

    return _mm256_castsi256_ps(_mm256_andnot_si256(early, before));
}

/* w to bytes. */
static void
to_bytes(struct group *w, int r, const __m256 x[VECS], __m256 most)
{
    float step = largest(most);
    __m256 n = _mm256_set1_ps(step > 0 ? 255.0f / step : 0);
    int j;

    w->c[r] = step * (1.0f / 255.0f);
    for (j = 0; j < VECS; j += 2) {
        __m256i u[2];
        int i;

        for (i = 0; i < 2; i++)
            u[i] = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_mul_ps(x[j + i], n),
                                                    _mm256_set1_ps(255.0f)));
        _mm256_storeu_si256(
            (__m256i *)(w->u[r] + 8 * j),
            _mm256_permute4x64_epi64(_mm256_packus_epi32(u[0], u[1]), 0xd8));
    }
}

/* A soft limit of scores. */
INLINE __m256
limited(const struct sov_attn_span *a, __m256 x)
{
    __m256 y = _mm256_min_ps(_mm256_mul_ps(x, _mm256_set1_ps(a->cap_step)),
                             _mm256_set1_ps(SOV_CAP_MAX));

    y = _mm256_add_ps(pow2_all(y), _mm256_set1_ps(1.0f));
    y = _mm256_div_ps(_mm256_set1_ps(2.0f * a->cap), y);
    return _mm256_sub_ps(_mm256_set1_ps(a->cap), y);
}

static void
weights(struct group *w, int r)
{
    const struct sov_attn_span *a = w->a;
    const float *k_scale = (const void *)(w->p + a->page->k_scale);
    const float *v_scale = (const void *)(w->p + a->page->v_scale);
    size_t row = w->row + (size_t)r;
    __m256 q_scale = _mm256_set1_ps(a->q_scale[row]);
    __m256 top = _mm256_set1_ps(a->m[row]);
    __m256 most = _mm256_setzero_ps();
    __m256 x[VECS];
    float was = a->m[row];
    int j;

    for (j = 0; j < VECS; j++) {
        __m256i sum = _mm256_loadu_si256((const __m256i *)(w->sum[r] + 8 * j));

        x[j] = _mm256_mul_ps(_mm256_cvtepi32_ps(sum),
                             _mm256_loadu_ps(k_scale + 8 * j));
        x[j] = _mm256_mul_ps(x[j], q_scale);
        if (a->cap > 0)
            x[j] = limited(a, x[j]);
        x[j] = _mm256_blendv_ps(_mm256_set1_ps(-INFINITY), x[j],
                                seen_lanes(w, r, j));
        top = _mm256_max_ps(x[j], top);
    }
    a->m[row] = largest(top);
    top = _mm256_set1_ps(a->m[row]);
    w->f[r] = a->m[row] > was ? pow2_one(was - a->m[row]) : 1.0f;
    for (j = 0; j < VECS; j++)
        x[j] = pow2_all(_mm256_sub_ps(x[j], top));
    a->s[row] =
        a->s[row] * w->f[r] + tree(_mm256_add_ps(_mm256_add_ps(x[0], x[2]),
                                                 _mm256_add_ps(x[4], x[6])),
                                   _mm256_add_ps(_mm256_add_ps(x[1], x[3]),
                                                 _mm256_add_ps(x[5], x[7])));
    for (j = 0; j < VECS; j++) {
        __m256 some = _mm256_cmp_ps(x[j], _mm256_setzero_ps(), _CMP_GT_OQ);

        x[j] = _mm256_and_ps(
            some, _mm256_mul_ps(x[j], _mm256_loadu_ps(v_scale + 8 * j)));
        most = _mm256_max_ps(x[j], most);
    }
    to_bytes(w, r, x, most);
}

/* Eight numbers of each row of the group from d on. */
INLINE void
mix(const struct group *w, size_t d, int rows)
{
    size_t v_pad = w->a->page->v_pad;
    const unsigned char *v = w->p + w->a->page->v + 4 * d;
    __m256i acc[GROUP][2];
    size_t g;
    int r, j;

    for (r = 0; r < rows; r++)
        acc[r][0] = acc[r][1] = _mm256_setzero_si256();
    for (g = 0; g < KEYS; g += 4) {
        __m256i vj[2];

        for (j = 0; j < 2; j++)
            vj[j] = _mm256_cvtepi8_epi16(
                _mm_loadu_si128((const __m128i *)(v + g * v_pad + 16 * j)));
        for (r = 0; r < rows; r++) {
            int64_t four;
            __m256i u;

            memcpy(&four, w->u[r] + g, sizeof(four));
            u = _mm256_set1_epi64x(four);
            for (j = 0; j < 2; j++)
                acc[r][j] = add_words(acc[r][j], u, vj[j]);
        }
    }
    for (r = 0; r < rows; r++) {
        float *o = w->a->o + (w->row + (size_t)r) * v_pad + d;
        __m256i sum = _mm256_permute4x64_epi64(
            _mm256_hadd_epi32(acc[r][0], acc[r][1]), 0xd8);
        __m256 was = _mm256_mul_ps(_mm256_loadu_ps(o), _mm256_set1_ps(w->f[r]));

        if (w->first[r] < w->end[r])
            _mm256_storeu_ps(o, _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum),
                                                _mm256_set1_ps(w->c[r]), was));
    }
}

#define MIX 8
#include "kern/attn_groups.h"

static void
attn_add(float *m, float *s, float *o, float m1, float s1, const float *o1,
         size_t n)
{
    bool more = m1 > *m;
    float f = more ? pow2_one(*m - m1) : 1.0f;
    float g = more ? 1.0f : pow2_one(m1 - *m);
    size_t i;

    *m = more ? m1 : *m;
    *s = fmaf(s1, g, *s * f);
    for (i = 0; i < n; i += 8)
        _mm256_storeu_ps(
            o + i, _mm256_fmadd_ps(_mm256_loadu_ps(o1 + i), _mm256_set1_ps(g),
                                   _mm256_mul_ps(_mm256_loadu_ps(o + i),
                                                 _mm256_set1_ps(f))));
}

#endif
