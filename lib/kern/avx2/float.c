/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float.c - rows of floats times columns, AVX2
 *
 * The 16 lanes of kern.h are two vectors, and registers are few.
 */
#include "config.h"

#include "kern/avx2/flush.h"
#include "kern/avx2/tree.h"
#include "kern/overlay.h"

#define VECS       2
#define PART_ROWS  2
#define PART_COLS  3
#define PAIR_TURNS 2

typedef __m256 vecf;

INLINE vecf
f_zero(void)
{
    return _mm256_setzero_ps();
}

INLINE vecf
f_load(const unsigned char *p)
{
    return _mm256_loadu_ps((const float *)(const void *)p);
}

INLINE vecf
f_halves(const unsigned char *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const void *)p));
}

INLINE void
f_store(float *p, vecf v)
{
    _mm256_store_ps(p, v);
}

INLINE vecf
f_fma(vecf a, vecf b, vecf s)
{
    return _mm256_fmadd_ps(a, b, s);
}

/* Of pairs of bf16 the second, or the first, as f32. */
INLINE vecf
f_pairs(const unsigned char *p, int turn)
{
    __m256i pairs = _mm256_loadu_si256((const void *)p);

    return _mm256_castsi256_ps(
        turn == 1 ? _mm256_and_si256(pairs, _mm256_set1_epi32((int)0xffff0000))
                  : _mm256_slli_epi32(pairs, 16));
}

#define f_pairs_fma f_fma
#include "kern/tiles.h"
#include "kern/unroll.h"

static void
trees(const float *sum, size_t n_cols, float *y, size_t y_stride)
{
    size_t c;
    int r;

    for (c = 0; c < n_cols; c++, sum += LANES * ROWS) {
        __m128 v[ROWS];

        for (r = 0; r < ROWS; r++)
            v[r] = fold(_mm256_load_ps(sum + LANES * r),
                        _mm256_load_ps(sum + LANES * r + 8));
        _mm_storeu_ps(y + c * y_stride, tree4(v[0], v[1], v[2], v[3]));
    }
}

TILES_OF_FLOATS(f32, F32)
TILES_OF_FLOATS(f16, F16)
TILES_OF_PAIRS(bf16, enter, leave)

void
sov_kern_avx2_float(struct sov_kern *k)
{
    k->dot[SOV_TYPE_F32] = dot_f32;
    k->dot[SOV_TYPE_F16] = dot_f16;
    k->dot[SOV_TYPE_BF16] = dot_bf16;
}
