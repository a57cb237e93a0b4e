/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outer.c - sums of outer products of f32, and panels, AVX2
 */
#include "config.h"

#include "kern/avx2/tree.h"
#include "kern/overlay.h"

#include <immintrin.h>

typedef float unit;
typedef __m256 vecx;

INLINE vecx
one(const unit *a)
{
    return _mm256_broadcast_ss(a);
}

INLINE vecx
some(const unit *b)
{
    return _mm256_loadu_ps(b);
}

INLINE __m256
fma_unit(vecx x, vecx v, __m256 s)
{
    return _mm256_fmadd_ps(x, v, s);
}

#include "kern/avx2/outer.h"

static void
do_tile(const struct tile *t, size_t rows)
{
    tile_rows(t, rows);
}

static void
outer(const struct sov_outer *o)
{
    all_tiles(o, do_tile);
}

/* Eight rows of eight numbers become columns: pairs of rows side by side, then
 * fours, in each half of a vector; then the halves find their places. */
INLINE void
turn8(__m256i v[8])
{
    __m256i w[8];
    int i;

    UNROLL
    for (i = 0; i < 8; i += 2) {
        w[i] = _mm256_unpacklo_epi32(v[i], v[i + 1]);
        w[i + 1] = _mm256_unpackhi_epi32(v[i], v[i + 1]);
    }
    UNROLL
    for (i = 0; i < 8; i += 4) {
        v[i] = _mm256_unpacklo_epi64(w[i], w[i + 2]);
        v[i + 1] = _mm256_unpackhi_epi64(w[i], w[i + 2]);
        v[i + 2] = _mm256_unpacklo_epi64(w[i + 1], w[i + 3]);
        v[i + 3] = _mm256_unpackhi_epi64(w[i + 1], w[i + 3]);
    }
    UNROLL
    for (i = 0; i < 4; i++) {
        w[i] = _mm256_permute2x128_si256(v[i], v[i + 4], 0x20);
        w[i + 4] = _mm256_permute2x128_si256(v[i], v[i + 4], 0x31);
    }
    UNROLL
    for (i = 0; i < 8; i++)
        v[i] = w[i];
}

static void
panel(const void *x, size_t stride, size_t n_i, size_t n, void *p)
{
    const int *from = x;
    int *to = p;
    size_t t, i, h, left;

    for (t = 0; t < n; t += 8)
        for (h = 0; h < SOV_OUTER; h += 8) {
            __m256i m = mask_of(n - t);
            __m256i v[8];

            for (i = 0; i < 8; i++)
                v[i] =
                    h + i < n_i
                        ? _mm256_maskload_epi32(from + (h + i) * stride + t, m)
                        : _mm256_setzero_si256();
            turn8(v);
            left = n - t < 8 ? n - t : 8;
            for (i = 0; i < left; i++)
                _mm256_storeu_si256(
                    (__m256i *)(void *)(to + (t + i) * SOV_OUTER + h), v[i]);
        }
}

void
sov_kern_avx2_outer(struct sov_kern *k)
{
    k->outer = outer;
    k->panel = panel;
}
