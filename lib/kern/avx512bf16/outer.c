/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outer.c - sums of outer products of bf16, AVX-512 with bf16; and floats
 * rounded to it
 *
 * The instructions are what kern.h defines.  Should a processor add or round
 * otherwise it keeps the kernels of plain AVX-512.
 */
#include "config.h"

#include "kern/avx512/tree.h"
#include "kern/overlay.h"
#include "sys/cpu.h"

#include <immintrin.h>
#include <string.h>

#define PANELS 3

typedef struct {
    uint16_t v[2];
} unit;
typedef __m512bh vecx;

INLINE vecx
one(const unit *a)
{
    int32_t pair;

    memcpy(&pair, a, sizeof(pair));
    return (__m512bh)_mm512_set1_epi32(pair);
}

INLINE vecx
some(const unit *b)
{
    return (__m512bh)_mm512_loadu_si512(b);
}

INLINE __m512
fma_unit(vecx x, vecx v, __m512 s)
{
    return _mm512_dpbf16_ps(s, x, v);
}

#include "kern/avx512/outer.h"

static void
do_tile(const struct tile *t, size_t panels, size_t rows)
{
    TILES(t, panels, rows);
}

static void
outer_bf16(const struct sov_outer *o)
{
    all_tiles(o, do_tile);
}

static void
to_bf16(const float *x, uint16_t *y, size_t n)
{
    size_t i;

    for (i = 0; i + 32 <= n; i += 32)
        _mm512_storeu_si512(
            y + i, (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + i + 16),
                                                _mm512_loadu_ps(x + i)));
    for (; i < n; i += 16) {
        __m512 v = _mm512_maskz_loadu_ps(mask_of(n - i), x + i);
        __mmask16 m = mask_of((n - i + 1) / 2 * 2);

        _mm256_mask_storeu_epi16(y + i, m, (__m256i)_mm512_cvtneps_pbh(v));
    }
}

/* Two rows of numbers become one of pairs. */
static void
panel_pairs(const float *x, size_t stride, size_t n_i, size_t n, uint16_t *p)
{
    const __m512i order = _mm512_set_epi16(
        31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22,
        6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    __mmask16 m = mask_of(n_i);
    size_t t;

    for (t = 0; t < n; t += 2, x += 2 * stride, p += 2 * SOV_OUTER) {
        __m512 even = _mm512_maskz_loadu_ps(m, x);
        __m512 odd = t + 1 < n ? _mm512_maskz_loadu_ps(m, x + stride)
                               : _mm512_setzero_ps();

        _mm512_storeu_si512(
            p, _mm512_permutexvar_epi16(
                   order, (__m512i)_mm512_cvtne2ps_pbh(odd, even)));
    }
}

/*
 * Numbers that tell one way to round from another: ties to either side,
 * subnormals, and what would become the smallest normal number.
 */
static bool
rounds_as_defined(const struct sov_kern *k)
{
    static const uint32_t some[] = { 0x3f808000, 0x3f818000, 0xbf818001,
                                     0x3f817fff, 0x007fffff, 0x807fffff,
                                     0x00000001, 0x00800000, 0x7f7fffff,
                                     0xff800000, 0x7f7f7fff, 0x80808000 };
    float x[12];
    uint16_t y[12], z[12];

    memcpy(x, some, sizeof(x));
    k->to_bf16(x, y, 12);
    to_bf16(x, z, 12);
    return memcmp(y, z, sizeof(y)) == 0;
}

/*
 * Sums of four products, of numbers that tell one way to add from another: by
 * the order of a pair, by rounding once or twice, and by what becomes of
 * results around 2^-126.
 */
static bool
adds_as_defined(const struct sov_kern *k)
{
    static const uint16_t some[] = { 0x3f80, 0x3f81, 0xbf83, 0x4b7f,
                                     0xcb7f, 0x2000, 0x1fff, 0x9ffd,
                                     0x0080, 0x0040, 0x3380, 0x33ab };
    static uint16_t a[4 * SOV_OUTER], b[4 * SOV_OUTER];
    static float y[SOV_OUTER * SOV_OUTER], z[SOV_OUTER * SOV_OUTER];
    struct sov_outer o = { .a = a,
                           .a_row = 1,
                           .a_step = SOV_OUTER,
                           .n_a = SOV_OUTER,
                           .b = b,
                           .n_b = SOV_OUTER,
                           .n = 2,
                           .y_stride = SOV_OUTER };
    uint32_t seed = 1;
    int turn, i;

    for (turn = 0; turn < 8; turn++) {
        for (i = 0; i < 4 * SOV_OUTER; i++) {
            seed = seed * 1664525 + 1013904223;
            a[i] = some[(seed >> 24) % 12];
            b[i] = some[(seed >> 16 & 0xff) % 12];
        }
        o.y = y;
        k->outer_bf16(&o);
        o.y = z;
        outer_bf16(&o);
        if (memcmp(y, z, sizeof(y)) != 0)
            return false;
    }
    return true;
}

void
sov_kern_avx512bf16_outer(struct sov_kern *k)
{
    if (!rounds_as_defined(k) || !adds_as_defined(k))
        return;
    if (!sov_cpu_bf16_is_slow())
        k->outer_bf16 = outer_bf16;
    k->to_bf16 = to_bf16;
    k->panel_pairs = panel_pairs;
}
