/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outer.c - sums of outer products of f32, and panels, AVX-512
 */
#include "config.h"

#include "kern/avx512/tree.h"
#include "kern/overlay.h"

#include <immintrin.h>

#define PANELS 3

typedef float unit;
typedef __m512 vecx;

INLINE vecx
one(const unit *a)
{
    return _mm512_set1_ps(*a);
}

INLINE vecx
some(const unit *b)
{
    return _mm512_loadu_ps(b);
}

INLINE __m512
fma_unit(vecx x, vecx v, __m512 s)
{
    return _mm512_fmadd_ps(x, v, s);
}

#include "kern/avx512/outer.h"

static void
do_tile(const struct tile *t, size_t panels, size_t rows)
{
    TILES(t, panels, rows);
}

static void
outer(const struct sov_outer *o)
{
    all_tiles(o, do_tile);
}

/*
 * Sixteen rows of sixteen numbers become columns: pairs of rows side by side,
 * then fours, in each quarter of a vector; then the quarters find their places.
 */
INLINE void
turn16(__m512i v[16])
{
    __m512i w[16];
    int i, j;

    UNROLL
    for (i = 0; i < 16; i += 2) {
        w[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
        w[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
    }
    UNROLL
    for (i = 0; i < 16; i += 4) {
        v[i] = _mm512_unpacklo_epi64(w[i], w[i + 2]);
        v[i + 1] = _mm512_unpackhi_epi64(w[i], w[i + 2]);
        v[i + 2] = _mm512_unpacklo_epi64(w[i + 1], w[i + 3]);
        v[i + 3] = _mm512_unpackhi_epi64(w[i + 1], w[i + 3]);
    }
    UNROLL
    for (i = 0; i < 4; i++)
        UNROLL
    for (j = 0; j < 16; j += 8) {
        w[j + i] = _mm512_shuffle_i32x4(v[j + i], v[j + i + 4], 0x88);
        w[j + i + 4] = _mm512_shuffle_i32x4(v[j + i], v[j + i + 4], 0xdd);
    }
    UNROLL
    for (i = 0; i < 4; i++) {
        v[i] = _mm512_shuffle_i32x4(w[i], w[i + 8], 0x88);
        v[i + 4] = _mm512_shuffle_i32x4(w[i + 4], w[i + 12], 0x88);
        v[i + 8] = _mm512_shuffle_i32x4(w[i], w[i + 8], 0xdd);
        v[i + 12] = _mm512_shuffle_i32x4(w[i + 4], w[i + 12], 0xdd);
    }
}

static void
panel(const void *x, size_t stride, size_t n_i, size_t n, void *p)
{
    const int32_t *from = x;
    int32_t *to = p;
    size_t t, i;

    for (t = 0; t < n; t += 16, to += 16 * SOV_OUTER) {
        __mmask16 m = mask_of(n - t);
        __m512i v[16];

        UNROLL
        for (i = 0; i < 16; i++)
            v[i] = i < n_i ? _mm512_maskz_loadu_epi32(m, from + i * stride + t)
                           : _mm512_setzero_si512();
        turn16(v);
        if (n - t >= 16)
            UNROLL
        for (i = 0; i < 16; i++)
            _mm512_storeu_si512(to + i * SOV_OUTER, v[i]);
        else for (i = 0; i < n - t; i++)
            _mm512_storeu_si512(to + i * SOV_OUTER, v[i]);
    }
}

void
sov_kern_avx512_outer(struct sov_kern *k)
{
    k->outer = outer;
    k->panel = panel;
}
