/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panel_32.c - panels of blocks of 32 weights, NEON
 *
 * As panel_256.c; the offset of unsigned weights comes off the sum of a block.
 */
#include "config.h"

#include "kern/neon/vec.h"
#include "kern/overlay.h"

#include <stdbool.h>

/* ---- multiply */

enum form {
    MINS,      /* unsigned weights, and minimums */
    OFFSET_8,  /* 8 too large */
    OFFSET_16, /* 16 too large */
    SIGNED,
};

static const struct {
    bool mins;
    int offset;
} forms[] = {
    [MINS] = { true, 0 },
    [OFFSET_8] = { false, 8 },
    [OFFSET_16] = { false, 16 },
    [SIGNED] = { false, 0 },
};

INLINE const struct sov_a32 *
column(const void *act, size_t stride, int c)
{
    return (const void *)((const unsigned char *)act + (size_t)c * stride);
}

/* p of block b for four rows, see kern.h */
INLINE float32x4_t
product(const struct sov_panel *p, bool mins, int b, int at,
        const struct sov_a32 *a, vec sum)
{
    float32x4_t d = vmulq_n_f32(vld1q_f32(&p->d[b][at]), a->d[b]);
    float32x4_t v = vmulq_f32(d, vcvtq_f32_s32(sum));

    if (mins)
        v = vaddq_f32(v, vmulq_n_f32(vld1q_f32(&p->dmin[b][at]), a->s[b]));
    return v;
}

typedef float32x4_t tile_sums[TILE_VECS][TILE];

INLINE void
block(const struct sov_panel *p, enum form form, int b, int at, const void *act,
      size_t stride, int n, tile_sums v)
{
    const int8_t *x[TILE] = { NULL };
    vec s[TILE_VECS][TILE];
    int c, h;

    UNROLL
    for (c = 0; c < n; c++) {
        const struct sov_a32 *a = column(act, stride, c);

        x[c] = a->q;
        for (h = 0; h < TILE_VECS; h++)
            s[h][c] = vec_set32(-forms[form].offset * a->sum[b]);
    }
    tile_dots(s, p, at, 8 * b, 8, x, n);
    UNROLL
    for (c = 0; c < n; c++)
        for (h = 0; h < TILE_VECS; h++)
            v[h][c] = product(p, forms[form].mins, b, at + LANES * h,
                              column(act, stride, c), s[h][c]);
}

/* n columns, a number known to the compiler. */
INLINE void
step(const struct sov_panel *p, enum form form, int at, const void *act,
     size_t stride, int n, float *f)
{
    tile_sums v[8];
    int b, c, h;

    for (b = 0; b < 8; b++)
        block(p, form, b, at, act, stride, n, v[b]);
    UNROLL
    for (c = 0; c < n; c++)
        for (h = 0; h < TILE_VECS; h++) {
            float *to = f + SOV_PANEL_ROWS * c + LANES * h;
            float32x4_t low = vaddq_f32(vaddq_f32(v[0][h][c], v[1][h][c]),
                                        vaddq_f32(v[2][h][c], v[3][h][c]));
            float32x4_t high = vaddq_f32(vaddq_f32(v[4][h][c], v[5][h][c]),
                                         vaddq_f32(v[6][h][c], v[7][h][c]));

            vst1q_f32(to, vaddq_f32(vld1q_f32(to), vaddq_f32(low, high)));
        }
}

TILES_OF(mins, step, MINS)
TILES_OF(offset_8, step, OFFSET_8)
TILES_OF(offset_16, step, OFFSET_16)
TILES_OF(with_sign, step, SIGNED)

/* ---- unpack */

#define SIGN 0
#include "kern/unpack_32.h"
#include "kern/unpack_bits.h"

/* ---- table */

/* name, mul, type, columns from which a panel is taken: not measured yet */
/* clang-format off */
#define EACH(DO)                        \
    DO(q4_0,    offset_8,  Q4_0,    5)  \
    DO(q4_1,    mins,      Q4_1,    5)  \
    DO(q5_0,    offset_16, Q5_0,    5)  \
    DO(q5_1,    mins,      Q5_1,    5)  \
    DO(q8_0,    with_sign, Q8_0,    5)  \
    DO(iq4_nl,  with_sign, IQ4_NL,  5)  \
    DO(mxfp4,   with_sign, MXFP4,   5)  \
    DO(q1_0,    with_sign, Q1_0,    5)  \
    DO(q2_0,    with_sign, Q2_0,    5)
/* clang-format on */

#define TYPE(name, mul, SYM, from) \
    PANEL(name, mul, 256 / SOV_BLOCK_##SYM * SOV_BYTES_##SYM, sov_a32)
EACH(TYPE)

void
sov_kern_neon_panel_32(struct sov_kern *k)
{
#define SLOT(name, mul, SYM, from)         \
    k->many[SOV_TYPE_##SYM] = many_##name; \
    k->many_from[SOV_TYPE_##SYM] = (from);
    EACH(SLOT)
}
