/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float.c - rows of floats times columns, NEON
 *
 * The 16 lanes of kern.h are four vectors; sums of two rows and three columns
 * are 24 registers.
 *
 * Products of bf16 are done once more in the generic way if a result was
 * flushed, see flush.h.
 */
#include "config.h"

#include "kern/neon/flush.h"
#include "kern/neon/lanes.h"
#include "kern/overlay.h"
#include "kern/tile.h"

#include <stdbool.h>

#define ROWS      SOV_TILE_ROWS
#define PART_ROWS 2
#define PART_COLS 3

/* ---- vectors */

#define VECS       4
#define PART_ROWS  2
#define PART_COLS  3
#define PAIR_TURNS 2

typedef float32x4_t vecf;

INLINE vecf
f_zero(void)
{
    return vdupq_n_f32(0.0f);
}

INLINE vecf
f_load(const unsigned char *p)
{
    return vreinterpretq_f32_u8(vld1q_u8(p));
}

INLINE vecf
f_halves(const unsigned char *p)
{
    return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p)));
}

INLINE void
f_store(float *p, vecf v)
{
    vst1q_f32(p, v);
}

INLINE vecf
f_fma(vecf a, vecf b, vecf s)
{
    return vfmaq_f32(s, a, b);
}

/* Of pairs of bf16 the second, or the first, as f32. */
INLINE vecf
f_pairs(const unsigned char *p, int turn)
{
    uint32x4_t pairs = vreinterpretq_u32_u8(vld1q_u8(p));

    return vreinterpretq_f32_u32(turn == 1
                                     ? vandq_u32(pairs, vdupq_n_u32(0xffff0000))
                                     : vshlq_n_u32(pairs, 16));
}

#define f_pairs_fma f_fma
#include "kern/tiles.h"

static void
trees(const float *sum, size_t n_cols, float *y, size_t y_stride)
{
    size_t c;
    int r;

    for (c = 0; c < n_cols; c++, sum += LANES * ROWS) {
        lanes v[ROWS];

        for (r = 0; r < ROWS; r++)
            v[r] = load(sum + LANES * r);
        vst1q_f32(y + c * y_stride, tree4(v));
    }
}

/* ---- products */

TILES_OF_FLOATS(f32, F32)
TILES_OF_FLOATS(f16, F16)

TILES_OF_PAIRS(pairs, enter, leave) /* of bf16, as the processor has it */

/* The generic product; written once, before there are threads. */
static void (*plain_bf16)(const void *w, size_t w_stride, size_t n_w,
                          const void *act, size_t act_stride, size_t n_cols,
                          size_t n, float *y, size_t y_stride);

static void
dot_bf16(const void *w, size_t w_stride, size_t n_w, const void *act,
         size_t act_stride, size_t n_cols, size_t n, float *y, size_t y_stride)
{
    uint64_t were = notes();
    bool flushed;

    set_notes(were & ~NOTE_UNDERFLOW);
    dot_pairs(w, w_stride, n_w, act, act_stride, n_cols, n, y, y_stride);
    flushed = (notes() & NOTE_UNDERFLOW) != 0;
    set_notes(were);
    if (flushed)
        plain_bf16(w, w_stride, n_w, act, act_stride, n_cols, n, y, y_stride);
}

void
sov_kern_neon_float(struct sov_kern *k)
{
    plain_bf16 = k->dot[SOV_TYPE_BF16];
    k->dot[SOV_TYPE_F32] = dot_f32;
    k->dot[SOV_TYPE_F16] = dot_f16;
    k->dot[SOV_TYPE_BF16] = dot_bf16;
}
