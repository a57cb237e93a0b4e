/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panel_32.c - panels of blocks of 32 weights, AVX-512 with VNNI
 *
 * Weights have an offset that makes them unsigned; the sum of a block starts
 * with what takes it back.  The products of the eight blocks wait in memory
 * for their tree.
 */
#include "config.h"

#include "kern/avx512/take.h"
#include "kern/overlay.h"
#include "quant/fp4_scale.h"
#include "quant/grids.h"
#include "quant/layout.h"

#include <string.h>

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

INLINE void
put(struct sov_panel *p, int half, int k, __m512i q)
{
    _mm512_store_si512(p->q[k][16 * half], q);
}

/* Half floats at the head of eight blocks of 16 rows. */
INLINE void
halves(const unsigned char *rows, size_t stride, size_t bytes, int half,
       float d[8][SOV_PANEL_ROWS])
{
    uint16_t v[8][16] __attribute__((aligned(64)));
    int b, r;

    for (r = 0; r < 16; r++, rows += stride)
        for (b = 0; b < 8; b++)
            memcpy(&v[b][r], rows + (size_t)b * bytes, 2);
    for (b = 0; b < 8; b++)
        _mm512_store_ps(&d[b][16 * half],
                        _mm512_cvtph_ps(_mm256_load_si256((void *)v[b])));
}

static void
unpack_q8_0(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int half)
{
    const __m512i bias = _mm512_set1_epi8((char)-128);
    __m512i v[4];
    int i, e;

    halves(rows, stride, 34, half, p->d);
    for (i = 0; i < 16; i++) {
        sov_panel_ask(p, 5);
        take(rows + 34 * (i / 2) + 2 + 16 * (i % 2), stride, v);
        UNROLL
        for (e = 0; e < 4; e++)
            put(p, half, 4 * i + e, _mm512_xor_si512(v[e], bias));
    }
}

static void
unpack_q4_0(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int half)
{
    __m512i v[4];
    int b, e;

    halves(rows, stride, 18, half, p->d);
    for (b = 0; b < 8; b++) {
        sov_panel_ask(p, 5);
        take(rows + 18 * b + 2, stride, v);
        UNROLL
        for (e = 0; e < 4; e++) {
            put(p, half, 8 * b + e, bits(v[e], 0, 15));
            put(p, half, 8 * b + 4 + e, bits(v[e], 4, 15));
        }
    }
}

static void
unpack_q4_1(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int half)
{
    __m512i v[4];
    int b, e;

    halves(rows, stride, 20, half, p->d);
    halves(rows + 2, stride, 20, half, p->dmin);
    for (b = 0; b < 8; b++) {
        sov_panel_ask(p, 5);
        take(rows + 20 * b + 4, stride, v);
        UNROLL
        for (e = 0; e < 4; e++) {
            put(p, half, 8 * b + e, bits(v[e], 0, 15));
            put(p, half, 8 * b + 4 + e, bits(v[e], 4, 15));
        }
    }
}

/* Bits 4 e to 4 e + 3 of each dword go to bit 4 of its bytes. */
INLINE __m512i
fifth_bits(__m512i high, int e)
{
    const __m512i spread = _mm512_set1_epi32(0x00204081);
    __m512i four = _mm512_and_si512(_mm512_srli_epi32(high, (unsigned)(4 * e)),
                                    _mm512_set1_epi32(15));

    /* bit j to bit 8 j, by adding copies that are 7 bits apart */
    four = _mm512_and_si512(_mm512_mullo_epi32(four, spread),
                            _mm512_set1_epi32(0x01010101));
    return _mm512_slli_epi32(four, 4);
}

/* Blocks of `bytes`, whose fifth bits stand at `at`. */
INLINE void
unpack_5(const unsigned char *rows, size_t stride, struct sov_panel *p,
         int half, size_t bytes, size_t at)
{
    __m512i v[4], w[4];
    int b, e;

    for (b = 0; b < 8; b++, rows += bytes) {
        /* the last four bytes of w are the first of v */
        sov_panel_ask(p, 6);
        take(rows + at + 4, stride, v);
        take(rows + at, stride, w);
        UNROLL
        for (e = 0; e < 4; e++) {
            put(p, half, 8 * b + e,
                _mm512_or_si512(bits(v[e], 0, 15), fifth_bits(w[0], e)));
            put(p, half, 8 * b + 4 + e,
                _mm512_or_si512(bits(v[e], 4, 15), fifth_bits(w[0], e + 4)));
        }
    }
}

static void
unpack_q5_0(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int half)
{
    halves(rows, stride, 22, half, p->d);
    unpack_5(rows, stride, p, half, 22, 2);
}

static void
unpack_q5_1(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int half)
{
    halves(rows, stride, 24, half, p->d);
    halves(rows + 2, stride, 24, half, p->dmin);
    unpack_5(rows, stride, p, half, 24, 4);
}

/* Nibbles that stand for numbers of a table. */
INLINE void
unpack_codes(const unsigned char *rows, size_t stride, struct sov_panel *p,
             int half, size_t bytes, const int8_t table[16])
{
    const __m512i codes = _mm512_xor_si512(
        _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)table)),
        _mm512_set1_epi8((char)-128));
    __m512i v[4];
    int b, e;

    for (b = 0; b < 8; b++, rows += bytes) {
        sov_panel_ask(p, 5);
        take(rows, stride, v);
        UNROLL
        for (e = 0; e < 4; e++) {
            put(p, half, 8 * b + e,
                _mm512_shuffle_epi8(codes, bits(v[e], 0, 15)));
            put(p, half, 8 * b + 4 + e,
                _mm512_shuffle_epi8(codes, bits(v[e], 4, 15)));
        }
    }
}

static void
unpack_iq4_nl(const unsigned char *rows, size_t stride, struct sov_panel *p,
              int half)
{
    halves(rows, stride, 18, half, p->d);
    unpack_codes(rows + 2, stride, p, half, 18, sov_grid_iq4nl);
}

/* A scale in one byte. */
static void
unpack_mxfp4(const unsigned char *rows, size_t stride, struct sov_panel *p,
             int half)
{
    int b, r;

    for (b = 0; b < 8; b++)
        for (r = 0; r < 16; r++)
            p->d[b][16 * half + r] =
                sov_mxfp4_scale(rows[(size_t)r * stride + (size_t)b * 17]);
    unpack_codes(rows + 1, stride, p, half, 17, sov_grid_fp4);
}

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
