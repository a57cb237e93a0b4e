/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvfp4.c - 4-bit floats E2M1, an 8-bit float scale for 16
 *
 *   u8 d[4] | u8 qs[32]
 *
 * Sub-block s has qs[8 s ..]: low halves are its weights 0..7, high halves
 * 8..15.  Scale: bits 6-3 exponent (bias 7), 2-0 mantissa, 0 and 0x7f give 0;
 * y = scale / 2 * table[q], the table being twice E2M1.
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
    const struct sov_nvfp4 *b = blocks;

    for (size_t i = 0; i < n / 64; i++, b++) {
        for (int s = 0; s < 4; s++, y += 16) {
            const uint8_t *qs = b->qs + 8 * s;
            float d = sov_nvfp4_scale(b->d[s]);

            for (int j = 0; j < 8; j++) {
                y[j] = d * (float)sov_grid_fp4[qs[j] & 15];
                y[j + 8] = d * (float)sov_grid_fp4[qs[j] >> 4];
            }
        }
    }
}

/* The scale that is so many steps away. */
static float
near(float sc, int by)
{
    int code = nvfp4_code(sc) + by;

    return nvfp4_scale(code < 0 ? 0 : code > 126 ? 126 : code);
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_nvfp4 *b = block;

    a->d = 1.0f;
    a->dmin = 0.0f;
    for (int s = 0; s < 4; s++) {
        const uint8_t *qs = b->qs + 8 * s;

        a->sc[s] = sov_nvfp4_scale(b->d[s]);
        a->mn[s] = 0.0f;
        for (int j = 0; j < 8; j++) {
            a->level[16 * s + j] = sov_grid_fp4[qs[j] & 15];
            a->level[16 * s + j + 8] = sov_grid_fp4[qs[j] >> 4];
        }
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_nvfp4 *b = block;
    uint8_t q[16];

    for (int s = 0; s < 4; s++) {
        b->d[s] = (uint8_t)nvfp4_code(a->sc[s]);
        sov_apart_table(a->level + 16 * s, 16, sov_grid_fp4, q);
        for (int j = 0; j < 8; j++)
            b->qs[8 * s + j] = (uint8_t)(q[j] | q[j + 8] << 4);
    }
}

static const struct sov_parts parts = {
    .block = 64,
    .sub = 16,
    .kind = LEVELS_FP4,
    .lo = -12.0f,
    .hi = 12.0f,
    .near = near,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_nvfp4 = { SOV_TYPE_NVFP4, decode, encode_nvfp4,
                                           &parts };
