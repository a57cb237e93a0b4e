/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outer_bf16.c - sums of outer products of bf16, AVX-512 without bf16
 *
 * A pair is two products of floats, in the mode in which subnormals are zeros;
 * the sums leave it in memory, and are then added ordinarily.
 */
#include "config.h"

#include "kern/avx2/flush.h"
#include "kern/avx512/tree.h"
#include "kern/overlay.h"

#include <immintrin.h>
#include <stdalign.h>
#include <string.h>

#define PANELS 2

typedef struct {
    uint16_t v[2];
} unit;
typedef __m512i vecx;

INLINE vecx
one(const unit *a)
{
    int32_t pair;

    memcpy(&pair, a, sizeof(pair));
    return _mm512_set1_epi32(pair);
}

INLINE vecx
some(const unit *b)
{
    return _mm512_loadu_si512(b);
}

INLINE __m512
second(vecx x)
{
    return _mm512_castsi512_ps(
        _mm512_and_si512(x, _mm512_set1_epi32((int)0xffff0000)));
}

INLINE __m512
first(vecx x)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(x, 16));
}

INLINE __m512
fma_unit(vecx x, vecx v, __m512 s)
{
    s = _mm512_fmadd_ps(second(x), second(v), s);
    return _mm512_fmadd_ps(first(x), first(v), s);
}

#include "kern/avx512/outer.h"

/* Apart, so that no product can be moved out of the mode. */
static __attribute__((noinline)) void
flushed_tile(const struct tile *t, size_t panels, size_t rows)
{
    TILES(t, panels, rows);
}

static void
do_tile(const struct tile *t, size_t panels, size_t rows)
{
    alignas(64) float sum[ROWS][PANELS * 16];
    struct tile to = *t;
    unsigned mode = enter();
    size_t i, p;

    to.y = sum[0];
    to.y_stride = PANELS * 16;
    to.last = 0xffff;
    to.add = false;
    flushed_tile(&to, panels, rows);
    leave(mode);
    for (i = 0; i < rows; i++)
        for (p = 0; p < panels; p++) {
            float *y = t->y + i * t->y_stride + 16 * p;
            __mmask16 m = p + 1 < panels ? (__mmask16)0xffff : t->last;
            __m512 s = _mm512_load_ps(&sum[i][16 * p]);

            if (t->add)
                s = _mm512_add_ps(_mm512_maskz_loadu_ps(m, y), s);
            _mm512_mask_storeu_ps(y, m, s);
        }
}

static void
outer_bf16(const struct sov_outer *o)
{
    all_tiles(o, do_tile);
}

/* To bf16 in the lower halves of lanes. */
INLINE __m512i
round_bf16(__m512 x)
{
    const __m512i exponent = _mm512_set1_epi32(0x7f800000);
    __m512i u = _mm512_castps_si512(x);
    __m512i top = _mm512_srli_epi32(u, 16);
    __m512i even = _mm512_and_si512(top, _mm512_set1_epi32(1));
    __m512i r = _mm512_add_epi32(u, _mm512_set1_epi32(0x7fff));

    r = _mm512_srli_epi32(_mm512_add_epi32(r, even), 16);
    r = _mm512_mask_and_epi32(r, _mm512_testn_epi32_mask(u, exponent), top,
                              _mm512_set1_epi32(0x8000));
    return _mm512_mask_or_epi32(r, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), top,
                                _mm512_set1_epi32(0x40));
}

static void
to_bf16(const float *x, uint16_t *y, size_t n)
{
    size_t i;

    for (i = 0; i < n; i += 16) {
        __m512 v = _mm512_maskz_loadu_ps(mask_of(n - i), x + i);
        __mmask16 m = mask_of((n - i + 1) / 2 * 2);

        _mm512_mask_cvtepi32_storeu_epi16(y + i, m, round_bf16(v));
    }
}

/* Two rows of numbers become one of pairs. */
static void
panel_pairs(const float *x, size_t stride, size_t n_i, size_t n, uint16_t *p)
{
    __mmask16 m = mask_of(n_i);
    size_t t;

    for (t = 0; t < n; t += 2, x += 2 * stride, p += 2 * SOV_OUTER) {
        __m512i even = round_bf16(_mm512_maskz_loadu_ps(m, x));
        __m512i odd = _mm512_setzero_si512();

        if (t + 1 < n)
            odd = round_bf16(_mm512_maskz_loadu_ps(m, x + stride));
        odd = _mm512_slli_epi32(odd, 16);
        _mm512_storeu_si512(p, _mm512_or_si512(even, odd));
    }
}

void
sov_kern_avx512_outer_bf16(struct sov_kern *k)
{
    k->outer_bf16 = outer_bf16;
    k->to_bf16 = to_bf16;
    k->panel_pairs = panel_pairs;
}
