/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iq3_xxs.c - 3.06 bits: lattice points of 4 weights, signs of even parity
 *
 *   f16 d | u8 qs[64] | u32 signs[8]
 *
 * qs: one point for 4 weights.  signs[k], for 32 weights: 7 bits for each 8
 * of them, and a 4-bit scale s on top.
 * y = d * (0.5 + s) / 2 * point * sign
 */
#include "quant/apart.h"
#include "quant/codec.h"
#include "quant/encode_grid.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_iq3_xxs *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);

        for (int g = 0; g < 32; g++, y += 8) {
            uint32_t signs = sov_le32(b->signs + 4 * (g / 4));
            float scale = d * (0.5f + (float)(signs >> 28)) * 0.5f;
            uint8_t minus = sov_grid_signs(signs >> (7 * (g % 4)));

            for (int j = 0; j < 8; j++) {
                const uint8_t *grid = sov_grid_iq3xxs[b->qs[2 * g + j / 4]];

                y[j] = scale * (float)grid[j % 4] *
                       (minus >> j & 1 ? -1.0f : 1.0f);
            }
        }
    }
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_points *points = sov_points(SOV_GRID_IQ3XXS);
    const struct sov_iq3_xxs *b = block;

    a->d = sov_half_at(b->d);
    a->dmin = 0.0f;
    for (int k = 0; k < 8; k++) {
        uint32_t signs = sov_le32(b->signs + 4 * k);

        a->sc[k] = 0.25f * (float)(2 * (signs >> 28) + 1);
        a->mn[k] = 0.0f;
        for (int g = 0; g < 4; g++) {
            const uint8_t *q = b->qs + 8 * k + 2 * g;

            sov_points_put(points, SOV_POINT_EVEN, (int[2]){ q[0], q[1] },
                           sov_grid_signs(signs >> (7 * g)),
                           a->level + 32 * k + 8 * g);
        }
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    const struct sov_points *points = sov_points(SOV_GRID_IQ3XXS);
    struct sov_iq3_xxs *b = block;

    sov_put16(b->d, sov_f32_to_f16(a->d));
    for (int k = 0; k < 8; k++) {
        uint32_t signs = (uint32_t)(a->sc[k] * 2.0f) << 28;

        for (int g = 0; g < 4; g++) {
            int point[2];
            unsigned bits = sov_points_take(points, SOV_POINT_EVEN,
                                            a->level + 32 * k + 8 * g, point);

            b->qs[8 * k + 2 * g] = (uint8_t)point[0];
            b->qs[8 * k + 2 * g + 1] = (uint8_t)point[1];
            signs |= (uint32_t)(bits & 127) << (7 * g);
        }
        sov_put32(b->signs + 4 * k, signs);
    }
}

static const struct sov_parts parts = {
    .block = 256,
    .sub = 32,
    .kind = LEVELS_POINTS,
    .lo = -62.0f,
    .hi = 62.0f,
    .n_fields = 1,
    .positive = true,
    .sc_lo = 0.25f,
    .sc_hi = 7.75f,
    .sc_step = 0.5f,
    .grid = SOV_GRID_IQ3XXS,
    .signs = SOV_POINT_EVEN,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_iq3_xxs = { SOV_TYPE_IQ3_XXS, decode,
                                             encode_iq3_xxs, &parts };
