/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float.c - rows of bf16 times columns, AVX-512 with bf16
 *
 * The instruction is what kern.h defines their sum by.  Should a processor
 * add otherwise it keeps the kernels of plain AVX-512.
 */
#include "config.h"

#include "kern/avx512/tree.h"
#include "kern/overlay.h"
#include "kern/tile.h"

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#define ROWS SOV_TILE_ROWS
#define COLS SOV_TILE_COLS

/* Those of n weights that are there; zeros for the others. */
INLINE __m512i
pairs_of(const unsigned char *w, size_t n)
{
    if (n >= 32)
        return _mm512_loadu_si512(w);
    return _mm512_maskz_loadu_epi16((__mmask32)((UINT32_C(1) << n) - 1), w);
}

INLINE void
step(__m512 s[COLS][ROWS], const __m512i a[ROWS], const unsigned char *x,
     size_t x_stride, int cols)
{
    int c, r;

    UNROLL
    for (c = 0; c < cols; c++) {
        __m512i b = _mm512_loadu_si512(x + (size_t)c * x_stride);

        UNROLL
        for (r = 0; r < ROWS; r++)
            s[c][r] = _mm512_dpbf16_ps(s[c][r], (__m512bh)a[r], (__m512bh)b);
    }
}

INLINE void
tile(bool ask, const unsigned char *w, size_t w_stride, const unsigned char *x,
     size_t x_stride, size_t n, float *sum, int cols)
{
    const unsigned char *ahead = w + SOV_TILE_AHEAD;
    __m512 s[COLS][ROWS];
    __m512i a[ROWS];
    size_t i;
    int c, r;

    UNROLL
    for (c = 0; c < cols; c++)
        UNROLL
    for (r = 0; r < ROWS; r++)
        s[c][r] = _mm512_setzero_ps();
    for (i = 0; i + 32 <= n; i += 32) {
        UNROLL
        for (r = 0; r < ROWS; r++)
            a[r] = _mm512_loadu_si512(w + (size_t)r * w_stride + 2 * i);
        if (ask)
            for (r = 0; r < ROWS; r++, ahead += 64)
                _mm_prefetch((const char *)ahead, _MM_HINT_T1);
        step(s, a, x + 2 * i, x_stride, cols);
    }
    if (i < n) {
        for (r = 0; r < ROWS; r++)
            a[r] = pairs_of(w + (size_t)r * w_stride + 2 * i, n - i);
        step(s, a, x + 2 * i, x_stride, cols);
    }
    UNROLL
    for (c = 0; c < cols; c++)
        UNROLL
    for (r = 0; r < ROWS; r++)
        _mm512_store_ps(sum + 16 * (ROWS * c + r), s[c][r]);
}

#define tile_bf16_ask(...) tile(true, __VA_ARGS__)
#define tile_bf16(...)     tile(false, __VA_ARGS__)
SOV_TILE_FNS(bf16_ask)
SOV_TILE_FNS(bf16)

static void
trees(const float *sum, size_t n_cols, float *y, size_t y_stride)
{
    sov_trees4(sum, n_cols, y, y_stride);
}

static const struct sov_tile_type type_bf16 = {
    .act_bytes = 2,
    .fn = { SOV_TILE_LIST(bf16_ask), SOV_TILE_LIST(bf16) },
    .trees = trees,
};
SOV_TILE_DOT(bf16)

/*
 * Some sums of four products in one lane, of numbers that tell one way to add
 * from another: by the order of a pair, by rounding once or twice, and by what
 * becomes of results around 2^-126.
 */
static bool
adds_as_defined(const struct sov_kern *k)
{
    static const uint16_t some[] = { 0x3f80, 0x3f81, 0xbf83, 0x4b7f,
                                     0xcb7f, 0x2000, 0x1fff, 0x9ffd,
                                     0x0080, 0x0040, 0x3380, 0x33ab };
    uint16_t w[64] = { 0 }, x[64] = { 0 };
    uint32_t seed = 1;
    float y, z;
    int turn, i;

    for (turn = 0; turn < 1000; turn++) {
        for (i = 0; i < 4; i++) {
            seed = seed * 1664525 + 1013904223;
            w[i / 2 * 32 + i % 2] = some[(seed >> 24) % 12];
            x[i / 2 * 32 + i % 2] = some[(seed >> 16 & 0xff) % 12];
        }
        k->dot[SOV_TYPE_BF16](w, 0, 1, x, 0, 1, 64, &y, 1);
        dot_bf16(w, 0, 1, x, 0, 1, 64, &z, 1);
        if (memcmp(&y, &z, sizeof(y)) != 0)
            return false;
    }
    return true;
}

void
sov_kern_avx512bf16_float(struct sov_kern *k)
{
    if (adds_as_defined(k))
        k->dot[SOV_TYPE_BF16] = dot_bf16;
}
