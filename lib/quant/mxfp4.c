/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mxfp4.c - 4-bit floats E2M1, one power of two for 32
 *
 *   u8 e | u8 qs[16]
 *
 * Order of the halves as in q4_0.c; y = 2^(e - 128) * table[q], the table
 * being twice E2M1.  e of 0 and 1 give subnormal scales.
 */
#include "quant/apart.h"
#include "quant/codec.h"
#include "quant/encode_fp4.h"
#include "quant/fp4_scale.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_mxfp4 *b = blocks;

    for (size_t i = 0; i < n / 32; i++, b++, y += 32) {
        float d = sov_mxfp4_scale(b->e[0]);

        for (int j = 0; j < 16; j++) {
            y[j] = d * (float)sov_grid_fp4[b->qs[j] & 15];
            y[j + 16] = d * (float)sov_grid_fp4[b->qs[j] >> 4];
        }
    }
}

/* The power of two that is so many steps away. */
static float
near(float sc, int by)
{
    int e = exponent_of(sc) + 128 + by;

    return sov_mxfp4_scale((uint8_t)(e < 0 ? 0 : e > 252 ? 252 : e));
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_mxfp4 *b = block;

    sov_apart_one(a, 1.0f, 0.0f);
    a->sc[0] = sov_mxfp4_scale(b->e[0]);
    for (int j = 0; j < 16; j++) {
        a->level[j] = sov_grid_fp4[b->qs[j] & 15];
        a->level[j + 16] = sov_grid_fp4[b->qs[j] >> 4];
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_mxfp4 *b = block;
    uint8_t q[32];

    b->e[0] = (uint8_t)(exponent_of(a->sc[0]) + 128);
    sov_apart_table(a->level, 32, sov_grid_fp4, q);
    pack_nibbles(q, b->qs);
}

static const struct sov_parts parts = {
    .block = 32,
    .sub = 32,
    .kind = LEVELS_FP4,
    .lo = -12.0f,
    .hi = 12.0f,
    .near = near,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_mxfp4 = { SOV_TYPE_MXFP4, decode, encode_mxfp4,
                                           &parts };
