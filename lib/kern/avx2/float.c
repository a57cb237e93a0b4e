/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float.c - rows of floats times columns, AVX2
 *
 * The 16 lanes of kern.h are two vectors, and registers are few: a tile is
 * done in parts of two rows and up to three columns.  Products of bf16 are
 * made in the mode of the processor that flushes to zero, as in AVX-512.
 */
#include "config.h"

#include "kern/avx2/tree.h"
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
#define PART_ROWS 2
#define PART_COLS 3

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

/* Sums of a part, two vectors each; they stand ROWS rows to a column. */
typedef __m256 part[PART_COLS][PART_ROWS][2];

INLINE void
zero(part s, int cols)
{
    int c, r;

    UNROLL
    for (c = 0; c < cols; c++)
        UNROLL
        for (r = 0; r < PART_ROWS; r++)
            s[c][r][0] = s[c][r][1] = _mm256_setzero_ps();
}

INLINE void
give(part s, float *sum, int cols)
{
    int c, r;

    UNROLL
    for (c = 0; c < cols; c++)
        UNROLL
        for (r = 0; r < PART_ROWS; r++) {
            _mm256_store_ps(sum + 16 * (ROWS * c + r), s[c][r][0]);
            _mm256_store_ps(sum + 16 * (ROWS * c + r) + 8, s[c][r][1]);
        }
}

enum weights { F32, F16 };

INLINE __m256
weights8(enum weights type, const unsigned char *w, size_t i)
{
    if (type == F32)
        return _mm256_loadu_ps((const float *)(const void *)(w + 4 * i));
    return _mm256_cvtph_ps(_mm_loadu_si128((const void *)(w + 2 * i)));
}

/* Halves have no masked load: a copy of what is there. */
INLINE __m256
some8(enum weights type, const unsigned char *w, size_t i, size_t n)
{
    unsigned char rest[32] = { 0 };
    size_t bytes = type == F32 ? 4 : 2;

    memcpy(rest, w + bytes * i, bytes * (n < 8 ? n : 8));
    return weights8(type, rest, 0);
}

INLINE void
part_rest(enum weights type, const unsigned char *w, size_t w_stride,
          const unsigned char *x, size_t x_stride, size_t i, size_t n, part s,
          int cols)
{
    __m256i m[2];
    int c, r, h;

    m[0] = mask_of(n - i);
    m[1] = mask_of(n - i < 8 ? 0 : n - i - 8);
    for (h = 0; h < 2 && i < n; h++, i += 8)
        for (c = 0; c < cols; c++) {
            __m256 b = some8(F32, x + (size_t)c * x_stride, i, n - i);

            for (r = 0; r < PART_ROWS; r++) {
                __m256 a = some8(type, w + (size_t)r * w_stride, i, n - i);

                s[c][r][h] = keep(s[c][r][h],
                                  _mm256_fmadd_ps(a, b, s[c][r][h]), m[h]);
            }
        }
}

INLINE void
part_floats(enum weights type, bool ask, const unsigned char *w,
            size_t w_stride, const unsigned char *x, size_t x_stride, size_t n,
            float *sum, int cols)
{
    const unsigned char *ahead = w + SOV_TILE_AHEAD;
    part s;
    size_t i;
    int c, r, h;

    zero(s, cols);
    for (i = 0; i + 16 <= n; i += 16) {
        if (ask)
            for (r = 0; r < (type == F32 ? 4 : 2); r++, ahead += 64)
                _mm_prefetch((const char *)ahead, _MM_HINT_T1);
        UNROLL
        for (h = 0; h < 2; h++) {
            __m256 a[PART_ROWS];
            size_t at = i + 8 * (size_t)h;

            UNROLL
            for (r = 0; r < PART_ROWS; r++)
                a[r] = weights8(type, w + (size_t)r * w_stride, at);
            UNROLL
            for (c = 0; c < cols; c++) {
                __m256 b = weights8(F32, x + (size_t)c * x_stride, at);

                UNROLL
                for (r = 0; r < PART_ROWS; r++)
                    s[c][r][h] = _mm256_fmadd_ps(a[r], b, s[c][r][h]);
            }
        }
    }
    if (i < n)
        part_rest(type, w, w_stride, x, x_stride, i, n, s, cols);
    give(s, sum, cols);
}

/* Weights of one kind of place, second or first of their pairs, as f32. */
INLINE __m256
half_of(const unsigned char *p, int odd)
{
    __m256i pairs = _mm256_loadu_si256((const void *)p);

    return _mm256_castsi256_ps(
        odd ? _mm256_and_si256(pairs, _mm256_set1_epi32((int)0xffff0000))
            : _mm256_slli_epi32(pairs, 16));
}

INLINE void
step_pairs(const unsigned char *w, size_t w_stride, const unsigned char *x,
           size_t x_stride, part s, int cols)
{
    int c, r, h, odd;

    UNROLL
    for (h = 0; h < 2; h++)
        UNROLL
        for (odd = 1; odd >= 0; odd--) {
            __m256 a[PART_ROWS];

            UNROLL
            for (r = 0; r < PART_ROWS; r++)
                a[r] = half_of(w + (size_t)r * w_stride + 32 * h, odd);
            UNROLL
            for (c = 0; c < cols; c++) {
                __m256 b = half_of(x + (size_t)c * x_stride + 32 * h, odd);

                UNROLL
                for (r = 0; r < PART_ROWS; r++)
                    s[c][r][h] = _mm256_fmadd_ps(a[r], b, s[c][r][h]);
            }
        }
}

INLINE void
part_pairs(bool ask, const unsigned char *w, size_t w_stride,
           const unsigned char *x, size_t x_stride, size_t n, float *sum,
           int cols)
{
    const unsigned char *ahead = w + SOV_TILE_AHEAD;
    part s;
    size_t i;
    int r;

    zero(s, cols);
    for (i = 0; i + 32 <= n; i += 32) {
        if (ask)
            for (r = 0; r < ROWS; r++, ahead += 64)
                _mm_prefetch((const char *)ahead, _MM_HINT_T1);
        step_pairs(w + 2 * i, w_stride, x + 2 * i, x_stride, s, cols);
    }
    if (i < n) {
        unsigned char rest[PART_ROWS][64] = { { 0 } };

        for (r = 0; r < PART_ROWS; r++)
            memcpy(rest[r], w + (size_t)r * w_stride + 2 * i, 2 * (n - i));
        step_pairs(rest[0], 64, x + 2 * i, x_stride, s, cols);
    }
    give(s, sum, cols);
}

/* A tile by parts; it asks for what comes next once. */
#define TILE(name, part_of, first_asks, ...)                                 \
    INLINE void tile_##name(const unsigned char *w, size_t w_stride,         \
                            const unsigned char *x, size_t x_stride,         \
                            size_t n, float *sum, int cols)                  \
    {                                                                        \
        int first = cols < PART_COLS ? cols : PART_COLS;                     \
        size_t half = PART_ROWS * w_stride;                                  \
                                                                             \
        part_of(__VA_ARGS__ first_asks, w, w_stride, x, x_stride, n, sum,    \
                first);                                                      \
        part_of(__VA_ARGS__ false, w + half, w_stride, x, x_stride, n,       \
                sum + 16 * PART_ROWS, first);                                \
        x += PART_COLS * x_stride;                                           \
        sum += 16 * ROWS * PART_COLS;                                        \
        if (cols > PART_COLS) {                                              \
            part_of(__VA_ARGS__ false, w, w_stride, x, x_stride, n, sum,     \
                    cols - PART_COLS);                                       \
            part_of(__VA_ARGS__ false, w + half, w_stride, x, x_stride, n,   \
                    sum + 16 * PART_ROWS, cols - PART_COLS);                 \
        }                                                                    \
    }
#define WEIGHTS(type) type,
TILE(f32_ask, part_floats, true, WEIGHTS(F32))
TILE(f32, part_floats, false, WEIGHTS(F32))
TILE(f16_ask, part_floats, true, WEIGHTS(F16))
TILE(f16, part_floats, false, WEIGHTS(F16))
TILE(bf16_ask, part_pairs, true, )
TILE(bf16, part_pairs, false, )
SOV_TILE_FNS(f32_ask)
SOV_TILE_FNS(f32)
SOV_TILE_FNS(f16_ask)
SOV_TILE_FNS(f16)
SOV_TILE_FNS(bf16_ask)
SOV_TILE_FNS(bf16)

static void
trees(const float *sum, size_t n_cols, float *y, size_t y_stride)
{
    size_t c;
    int r;

    for (c = 0; c < n_cols; c++, sum += 16 * ROWS) {
        __m128 v[ROWS];

        for (r = 0; r < ROWS; r++)
            v[r] = fold(_mm256_load_ps(sum + 16 * r),
                        _mm256_load_ps(sum + 16 * r + 8));
        _mm_storeu_ps(y + c * y_stride, tree4(v[0], v[1], v[2], v[3]));
    }
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
sov_kern_avx2_float(struct sov_kern *k)
{
    k->dot[SOV_TYPE_F32] = dot_f32;
    k->dot[SOV_TYPE_F16] = dot_f16;
    k->dot[SOV_TYPE_BF16] = dot_bf16;
}
