/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float.c - rows of floats times columns, AVX-512
 *
 * The 16 lanes of kern.h are one vector.  Products of bf16 are made in the
 * mode of the processor that flushes to zero, which rounds as their sum is
 * defined; tile.c enters and leaves it, so that no compiler can move a product
 * out of it.
 */
#include "config.h"

#include "kern/avx512/tree.h"
#include "kern/overlay.h"
#include "kern/tile.h"

#include <immintrin.h>
#include <stdbool.h>

#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#define ROWS SOV_TILE_ROWS
#define COLS SOV_TILE_COLS

/* nearest, no traps, subnormals are zeros on both sides */
#define FLUSH 0x9fc0

static unsigned
enter(void)
{
    unsigned mode = _mm_getcsr();

    _mm_setcsr(FLUSH);
    return mode;
}

static void
leave(unsigned mode)
{
    _mm_setcsr(mode);
}

INLINE void
zero(__m512 s[COLS][ROWS], int cols)
{
    int c, r;

    UNROLL
    for (c = 0; c < cols; c++)
        UNROLL
        for (r = 0; r < ROWS; r++)
            s[c][r] = _mm512_setzero_ps();
}

INLINE void
give(__m512 s[COLS][ROWS], float *sum, int cols)
{
    int c, r;

    UNROLL
    for (c = 0; c < cols; c++)
        UNROLL
        for (r = 0; r < ROWS; r++)
            _mm512_store_ps(sum + 16 * (ROWS * c + r), s[c][r]);
}

enum weights { F32, F16 };

INLINE __m512
weights16(enum weights type, const unsigned char *w, size_t i, __mmask16 m)
{
    if (type == F32)
        return _mm512_maskz_loadu_ps(m, w + 4 * i);
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, w + 2 * i));
}

INLINE void
tile(enum weights type, bool ask, const unsigned char *w, size_t w_stride,
     const unsigned char *x, size_t x_stride, size_t n, float *sum, int cols)
{
    const unsigned char *ahead = w + SOV_TILE_AHEAD;
    __m512 s[COLS][ROWS], a[ROWS];
    size_t i;
    int c, r;

    zero(s, cols);
    for (i = 0; i + 16 <= n; i += 16) {
        UNROLL
        for (r = 0; r < ROWS; r++)
            a[r] = weights16(type, w + (size_t)r * w_stride, i, 0xffff);
        if (ask)
            for (r = 0; r < (type == F32 ? ROWS : ROWS / 2); r++, ahead += 64)
                _mm_prefetch((const char *)ahead, _MM_HINT_T1);
        UNROLL
        for (c = 0; c < cols; c++) {
            __m512 b = _mm512_loadu_ps(x + (size_t)c * x_stride + 4 * i);

            UNROLL
            for (r = 0; r < ROWS; r++)
                s[c][r] = _mm512_fmadd_ps(a[r], b, s[c][r]);
        }
    }
    if (i < n) {
        __mmask16 m = mask_of(n - i);

        UNROLL
        for (r = 0; r < ROWS; r++)
            a[r] = weights16(type, w + (size_t)r * w_stride, i, m);
        UNROLL
        for (c = 0; c < cols; c++) {
            __m512 b =
                _mm512_maskz_loadu_ps(m, x + (size_t)c * x_stride + 4 * i);

            UNROLL
            for (r = 0; r < ROWS; r++)
                s[c][r] = _mm512_mask3_fmadd_ps(a[r], b, s[c][r], m);
        }
    }
    give(s, sum, cols);
}

/* Weights of one kind of place, second or first of their pairs, as f32. */
INLINE __m512
half_of(__m512i pairs, bool odd)
{
    return _mm512_castsi512_ps(
        odd ? _mm512_and_si512(pairs, _mm512_set1_epi32((int)0xffff0000))
            : _mm512_slli_epi32(pairs, 16));
}

/* Those of n weights that are there; zeros for the others. */
INLINE __m512i
pairs_of(const unsigned char *w, size_t n)
{
    if (n >= 32)
        return _mm512_loadu_si512(w);
    return _mm512_maskz_loadu_epi16((__mmask32)((UINT32_C(1) << n) - 1), w);
}

INLINE void
tile_pairs(bool ask, const unsigned char *w, size_t w_stride,
           const unsigned char *x, size_t x_stride, size_t n, float *sum,
           int cols)
{
    const unsigned char *ahead = w + SOV_TILE_AHEAD;
    __m512 s[COLS][ROWS], a[ROWS];
    size_t i;
    int c, r, odd;

    zero(s, cols);
    for (i = 0; i < n; i += 32) {
        if (ask)
            for (r = 0; r < ROWS; r++, ahead += 64)
                _mm_prefetch((const char *)ahead, _MM_HINT_T1);
        UNROLL
        for (odd = 1; odd >= 0; odd--) {
            UNROLL
            for (r = 0; r < ROWS; r++)
                a[r] = half_of(pairs_of(w + (size_t)r * w_stride + 2 * i,
                                        n - i), odd);
            UNROLL
            for (c = 0; c < cols; c++) {
                __m512 b = half_of(
                    _mm512_loadu_si512(x + (size_t)c * x_stride + 2 * i), odd);

                UNROLL
                for (r = 0; r < ROWS; r++)
                    s[c][r] = _mm512_fmadd_ps(a[r], b, s[c][r]);
            }
        }
    }
    give(s, sum, cols);
}

#define tile_f32_ask(...)  tile(F32, true, __VA_ARGS__)
#define tile_f32(...)      tile(F32, false, __VA_ARGS__)
#define tile_f16_ask(...)  tile(F16, true, __VA_ARGS__)
#define tile_f16(...)      tile(F16, false, __VA_ARGS__)
#define tile_bf16_ask(...) tile_pairs(true, __VA_ARGS__)
#define tile_bf16(...)     tile_pairs(false, __VA_ARGS__)
SOV_TILE_FNS(f32_ask)
SOV_TILE_FNS(f32)
SOV_TILE_FNS(f16_ask)
SOV_TILE_FNS(f16)
SOV_TILE_FNS(bf16_ask)
SOV_TILE_FNS(bf16)

static void
trees(const float *sum, size_t n_cols, float *y, size_t y_stride)
{
    sov_trees4(sum, n_cols, y, y_stride);
}

static const struct sov_tile_type type_f32 = {
    .act_bytes = 4,
    .fn = { SOV_TILE_LIST(f32_ask), SOV_TILE_LIST(f32) },
    .trees = trees,
};
static const struct sov_tile_type type_f16 = {
    .act_bytes = 4,
    .fn = { SOV_TILE_LIST(f16_ask), SOV_TILE_LIST(f16) },
    .trees = trees,
};
static const struct sov_tile_type type_bf16 = {
    .act_bytes = 2,
    .fn = { SOV_TILE_LIST(bf16_ask), SOV_TILE_LIST(bf16) },
    .trees = trees, .enter = enter, .leave = leave,
};
SOV_TILE_DOT(f32)
SOV_TILE_DOT(f16)
SOV_TILE_DOT(bf16)

void
sov_kern_avx512_float(struct sov_kern *k)
{
    k->dot[SOV_TYPE_F32] = dot_f32;
    k->dot[SOV_TYPE_F16] = dot_f16;
    k->dot[SOV_TYPE_BF16] = dot_bf16;
}
