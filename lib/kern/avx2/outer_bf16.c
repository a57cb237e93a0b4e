/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outer_bf16.c - sums of outer products of bf16, AVX2
 *
 * A pair is two products of floats, in the mode in which subnormals are zeros;
 * the sums leave it in memory, and are then added ordinarily.
 */
#include "config.h"

#include "kern/avx2/flush.h"
#include "kern/avx2/tree.h"
#include "kern/overlay.h"

#include <immintrin.h>
#include <stdalign.h>
#include <string.h>

typedef struct {
    uint16_t v[2];
} unit;
typedef __m256i vecx;

INLINE vecx
one(const unit *a)
{
    int32_t pair;

    memcpy(&pair, a, sizeof(pair));
    return _mm256_set1_epi32(pair);
}

INLINE vecx
some(const unit *b)
{
    return _mm256_loadu_si256((const void *)b);
}

INLINE __m256
second(vecx x)
{
    return _mm256_castsi256_ps(
        _mm256_and_si256(x, _mm256_set1_epi32((int)0xffff0000)));
}

INLINE __m256
first(vecx x)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(x, 16));
}

INLINE __m256
fma_unit(vecx x, vecx v, __m256 s)
{
    s = _mm256_fmadd_ps(second(x), second(v), s);
    return _mm256_fmadd_ps(first(x), first(v), s);
}

#include "kern/avx2/outer.h"

/* Apart, so that no product can be moved out of the mode. */
static __attribute__((noinline)) void
flushed_tile(const struct tile *t, size_t rows)
{
    tile_rows(t, rows);
}

static void
do_tile(const struct tile *t, size_t rows)
{
    alignas(32) float sum[ROWS][SOV_OUTER];
    struct tile to = *t;
    unsigned mode = enter();
    size_t i;

    to.y = sum[0];
    to.y_stride = SOV_OUTER;
    to.cols = SOV_OUTER;
    to.add = false;
    flushed_tile(&to, rows);
    leave(mode);
    for (i = 0; i < rows; i++)
        put_row(t->y + i * t->y_stride, _mm256_load_ps(sum[i]),
                _mm256_load_ps(sum[i] + 8), t->cols, t->add);
}

static void
outer_bf16(const struct sov_outer *o)
{
    all_tiles(o, do_tile);
}

/* To bf16 in the lower halves of lanes. */
INLINE __m256i
round_bf16(__m256 x)
{
    const __m256i exponent = _mm256_set1_epi32(0x7f800000);
    __m256i u = _mm256_castps_si256(x);
    __m256i top = _mm256_srli_epi32(u, 16);
    __m256i even = _mm256_and_si256(top, _mm256_set1_epi32(1));
    __m256i r = _mm256_add_epi32(u, _mm256_set1_epi32(0x7fff));
    __m256i small = _mm256_cmpeq_epi32(_mm256_and_si256(u, exponent),
                                       _mm256_setzero_si256());
    __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));

    r = _mm256_srli_epi32(_mm256_add_epi32(r, even), 16);
    r = _mm256_blendv_epi8(r, _mm256_and_si256(top, _mm256_set1_epi32(0x8000)),
                           small);
    return _mm256_blendv_epi8(r, _mm256_or_si256(top, _mm256_set1_epi32(0x40)),
                              nan);
}

static void
to_bf16(const float *x, uint16_t *y, size_t n)
{
    size_t i, left;

    for (i = 0; i < n; i += 8) {
        __m256i v = round_bf16(_mm256_maskload_ps(x + i, mask_of(n - i)));
        uint16_t some[8];

        v = _mm256_permute4x64_epi64(_mm256_packus_epi32(v, v), 0x08);
        if (n - i >= 8) {
            _mm_storeu_si128((__m128i *)(void *)(y + i),
                             _mm256_castsi256_si128(v));
            continue;
        }
        left = (n - i + 1) / 2 * 2;
        _mm_storeu_si128((__m128i *)(void *)some, _mm256_castsi256_si128(v));
        memcpy(y + i, some, left * sizeof(*y));
    }
}

/* Two rows of numbers become one of pairs. */
static void
panel_pairs(const float *x, size_t stride, size_t n_i, size_t n, uint16_t *p)
{
    __m256i m[2];
    size_t t, h;

    masks_of(n_i, m);
    for (t = 0; t < n; t += 2, x += 2 * stride)
        for (h = 0; h < 2; h++, p += 16) {
            __m256i even = _mm256_setzero_si256(), odd = even;

            if (n_i > 8 * h)
                even = round_bf16(_mm256_maskload_ps(x + 8 * h, m[h]));
            if (n_i > 8 * h && t + 1 < n)
                odd = round_bf16(_mm256_maskload_ps(x + stride + 8 * h, m[h]));
            odd = _mm256_slli_epi32(odd, 16);
            _mm256_storeu_si256((__m256i *)(void *)p,
                                _mm256_or_si256(even, odd));
        }
}

void
sov_kern_avx2_outer_bf16(struct sov_kern *k)
{
    k->outer_bf16 = outer_bf16;
    k->to_bf16 = to_bf16;
    k->panel_pairs = panel_pairs;
}
