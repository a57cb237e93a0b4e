/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn.c - attention over keys and values in eight bits, AVX-512 VNNI
 *
 * Two ways to the same bits.  Few rows (decoding, attn_few.c): the lanes are
 * keys, and a page of keys and values is loaded once for up to four rows.  Many
 * rows (attn_many.c): the lanes are rows, 16 or 32 of them, and keys are
 * broadcast; so the softmax needs no sums and maxima across lanes.
 *
 * Pages mostly follow each other in memory and the machine itself fetches them
 * ahead; asking for them by hand made it slower.
 */
#include "config.h"

#include "kern/avx512/attn.h"
#include "kern/overlay.h"

#include <math.h>

#define FEW 8 /* rows */

static void
attn_span(const struct sov_attn_span *a)
{
    if (!a->more)
        memset(a->o, 0, a->n_rows * a->page->v_pad * sizeof(*a->o));
    if (a->n_rows > FEW)
        sov_attn_many_avx512(a);
    else
        sov_attn_few_avx512(a);
}

static void
attn_add(float *m, float *s, float *o, float m1, float s1, const float *o1,
         size_t n)
{
    __m512 was = _mm512_set1_ps(*m);
    __m512 now = _mm512_set1_ps(m1);
    __m512 top = _mm512_max_ps(now, was);
    __m512 f = fading(was, top);
    __mmask16 some;
    __m512 g = m1 > *m ? _mm512_set1_ps(1.0f)
                       : pow2_all(_mm512_sub_ps(now, was), &some);
    size_t i;

    *m = _mm512_cvtss_f32(top);
    *s = fmaf(s1, _mm512_cvtss_f32(g), *s * _mm512_cvtss_f32(f));
    for (i = 0; i < n; i += 16)
        _mm512_storeu_ps(
            o + i, _mm512_fmadd_ps(_mm512_loadu_ps(o1 + i), g,
                                   _mm512_mul_ps(_mm512_loadu_ps(o + i), f)));
}

/* ---- turning */

/* a + b and a - b of lanes l and l + h of one vector; other: lanes l ^ h */
INLINE __m512
within(__m512 x, __m512 other, __mmask16 second)
{
    return _mm512_mask_sub_ps(_mm512_add_ps(x, other), second, other, x);
}

INLINE __m512
turn_16(__m512 x)
{
    x = within(x, _mm512_permute_ps(x, 0xb1), 0xaaaa);
    x = within(x, _mm512_permute_ps(x, 0x4e), 0xcccc);
    x = within(x, _mm512_shuffle_f32x4(x, x, 0xb1), 0xf0f0);
    return within(x, _mm512_shuffle_f32x4(x, x, 0x4e), 0xff00);
}

/* Steps within fewer than 16. */
static void
turn_few(float *x, size_t n, float root)
{
    size_t h, i, j;

    for (h = 1; h < n; h *= 2)
        for (i = 0; i < n; i += 2 * h)
            for (j = i; j < i + h; j++) {
                float a = x[j];
                float b = x[j + h];

                x[j] = a + b;
                x[j + h] = a - b;
            }
    for (i = 0; i < n; i++)
        x[i] *= root;
}

static void
turn(float *x, size_t n, float root)
{
    size_t h, i, j;

    if (n < 16) {
        turn_few(x, n, root);
        return;
    }
    for (i = 0; i < n; i += 16)
        _mm512_storeu_ps(x + i, turn_16(_mm512_loadu_ps(x + i)));
    for (h = 16; h < n; h *= 2)
        for (i = 0; i < n; i += 2 * h)
            for (j = i; j < i + h; j += 16) {
                __m512 a = _mm512_loadu_ps(x + j);
                __m512 b = _mm512_loadu_ps(x + j + h);

                _mm512_storeu_ps(x + j, _mm512_add_ps(a, b));
                _mm512_storeu_ps(x + j + h, _mm512_sub_ps(a, b));
            }
    for (i = 0; i < n; i += 16)
        _mm512_storeu_ps(
            x + i, _mm512_mul_ps(_mm512_loadu_ps(x + i), _mm512_set1_ps(root)));
}

void
sov_kern_avx512_attn(struct sov_kern *k)
{
    k->turn = turn;
    k->attn_span = attn_span;
    k->attn_add = attn_add;
}
