/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panel_32.c - panels of blocks of 32 weights, AVX-512 with VNNI
 *
 * Weights have an offset that makes them unsigned; the sum of a block starts
 * with what takes it back.  The products of the eight blocks wait in memory
 * for their tree.
 */
#include "config.h"

#include "kern/avx512/vec.h"
#include "kern/overlay.h"

/* ---- multiply */

/* Instead of an offset: minimums. */
#define MINS (-1)

INLINE const struct sov_a32 *
column(const void *act, size_t stride, int c)
{
    return (const void *)((const unsigned char *)act + (size_t)c * stride);
}

/* Sums of a block of n columns: t[half][column]. */
INLINE void
block_sums(const struct sov_panel *p, int b, const void *act, size_t stride,
           int n, __m512i t[2][TILE])
{
    const unsigned char *q = (const unsigned char *)column(act, stride, 0)->q;
    int k, c;

    UNROLL
    for (k = 0; k < 8; k++) {
        __m512i w0 = _mm512_load_si512(p->q[8 * b + k][0]);
        __m512i w1 = _mm512_load_si512(p->q[8 * b + k][16]);

        UNROLL
        for (c = 0; c < n; c++) {
            __m512i x =
                broadcast(q + (size_t)c * stride + 4 * (size_t)(8 * b + k));

            t[0][c] = _mm512_dpbusd_epi32(t[0][c], w0, x);
            t[1][c] = _mm512_dpbusd_epi32(t[1][c], w1, x);
        }
    }
}

/* p of a block, see kern.h */
INLINE __m512
product(const struct sov_panel *p, int offset, int b, int half,
        const struct sov_a32 *a, __m512i sum)
{
    __m512 d = _mm512_mul_ps(_mm512_load_ps(&p->d[b][16 * half]),
                             _mm512_set1_ps(a->d[b]));
    __m512 v = _mm512_mul_ps(d, _mm512_cvtepi32_ps(sum));

    if (offset == MINS)
        v = _mm512_add_ps(v,
                          _mm512_mul_ps(_mm512_load_ps(&p->dmin[b][16 * half]),
                                        _mm512_set1_ps(a->s[b])));
    return v;
}

/* The products of block b of n columns: v[half][column]. */
INLINE void
products(const struct sov_panel *p, int offset, int b, const void *act,
         size_t stride, int n, int32_t start[TILE][8], __m512 v[2][TILE])
{
    __m512i t[2][TILE];
    int c, h;

    UNROLL
    for (c = 0; c < n; c++)
        t[0][c] = t[1][c] =
            offset == MINS ? _mm512_setzero_si512() : broadcast(&start[c][b]);
    block_sums(p, b, act, stride, n, t);
    UNROLL
    for (c = 0; c < n; c++)
        for (h = 0; h < 2; h++)
            v[h][c] = product(p, offset, b, h, column(act, stride, c), t[h][c]);
}

/* n columns, a number known to the compiler. */
INLINE void
step(const struct sov_panel *p, int offset, const void *act, size_t stride,
     int n, float *f)
{
    float pair[4][TILE][2][16] __attribute__((aligned(64)));
    int32_t start[TILE][8] __attribute__((aligned(64)));
    int b, c, h;

    UNROLL
    for (c = 0; c < n && offset != MINS; c++) {
        __m256i sum =
            _mm256_loadu_si256((const void *)column(act, stride, c)->sum);

        _mm256_store_si256((void *)start[c],
                           _mm256_mullo_epi32(sum, _mm256_set1_epi32(-offset)));
    }
    for (b = 0; b < 4; b++) {
        __m512 v[2][TILE], w[2][TILE];

        products(p, offset, 2 * b, act, stride, n, start, v);
        products(p, offset, 2 * b + 1, act, stride, n, start, w);
        UNROLL
        for (c = 0; c < n; c++)
            for (h = 0; h < 2; h++)
                _mm512_store_ps(pair[b][c][h], _mm512_add_ps(v[h][c], w[h][c]));
    }
    UNROLL
    for (c = 0; c < n; c++)
        for (h = 0; h < 2; h++) {
            float *at = f + (2 * c + h) * 16;
            __m512 low = _mm512_add_ps(_mm512_load_ps(pair[0][c][h]),
                                       _mm512_load_ps(pair[1][c][h]));
            __m512 high = _mm512_add_ps(_mm512_load_ps(pair[2][c][h]),
                                        _mm512_load_ps(pair[3][c][h]));

            _mm512_store_ps(at, _mm512_add_ps(_mm512_load_ps(at),
                                              _mm512_add_ps(low, high)));
        }
}

TILES_OF(mins, step, MINS)
TILES_OF(offset8, step, 8)
TILES_OF(offset16, step, 16)
TILES_OF(offset128, step, 128)

/* ---- unpack */

#define SIGN 0x80
#include "kern/unpack_32.h"

/* ---- table */

/* name, mul, type, columns from which a panel wins over rows */
/* clang-format off */
#define EACH(DO)                       \
    DO(q4_0,    offset8,   Q4_0,    2) \
    DO(q4_1,    mins,      Q4_1,    2) \
    DO(q5_0,    offset16,  Q5_0,    2) \
    DO(q5_1,    mins,      Q5_1,    2) \
    DO(q8_0,    offset128, Q8_0,    2) \
    DO(iq4_nl,  offset128, IQ4_NL,  2) \
    DO(mxfp4,   offset128, MXFP4,   2)
/* clang-format on */

#define TYPE(name, mul, SYM, from) \
    PANEL(name, mul, 8 * SOV_BYTES_##SYM, sov_a32)
EACH(TYPE)

void
sov_kern_avx512_panel_32(struct sov_kern *k)
{
#define SLOT(name, mul, SYM, from)         \
    k->many[SOV_TYPE_##SYM] = many_##name; \
    k->many_from[SOV_TYPE_##SYM] = (from);
    EACH(SLOT)
}
