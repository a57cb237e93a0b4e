/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iq2_xxs.c - 2.06 bits: lattice points of 8 weights, signs of even parity
 *
 *   f16 d | { u8 point[4]; u32 signs } [8]
 *
 * Each 32 weights: four lattice points; 7 sign bits for each from bit 0 of
 * signs on, and a 4-bit scale s above them.
 * y = d * (0.5 + s) / 4 * point * sign
 */
#include "quant/apart.h"
#include "quant/codec.h"
#include "quant/encode_grid.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_iq2_xxs *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);

        for (int k = 0; k < 8; k++) {
            const uint8_t *point = b->qs + 8 * k;
            uint32_t signs = sov_le32(point + 4);
            float scale = d * (0.5f + (float)(signs >> 28)) * 0.25f;

            for (int g = 0; g < 4; g++, y += 8) {
                const uint8_t *grid = sov_grid_iq2xxs[point[g]];
                uint8_t minus = sov_grid_signs(signs >> (7 * g));

                for (int j = 0; j < 8; j++)
                    y[j] = scale * (float)grid[j] *
                           (minus >> j & 1 ? -1.0f : 1.0f);
            }
        }
    }
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_points *points = sov_points(SOV_GRID_IQ2XXS);
    const struct sov_iq2_xxs *b = block;

    a->d = sov_half_at(b->d);
    a->dmin = 0.0f;
    for (int k = 0; k < 8; k++) {
        uint32_t signs = sov_le32(b->qs + 8 * k + 4);

        a->sc[k] = 0.125f * (float)(2 * (signs >> 28) + 1);
        a->mn[k] = 0.0f;
        for (int g = 0; g < 4; g++)
            sov_points_put(
                points, SOV_POINT_EVEN, (int[2]){ b->qs[8 * k + g], 0 },
                sov_grid_signs(signs >> (7 * g)), a->level + 32 * k + 8 * g);
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    const struct sov_points *points = sov_points(SOV_GRID_IQ2XXS);
    struct sov_iq2_xxs *b = block;

    sov_put16(b->d, sov_f32_to_f16(a->d));
    for (int k = 0; k < 8; k++) {
        uint32_t signs = (uint32_t)(a->sc[k] * 4.0f) << 28;

        for (int g = 0; g < 4; g++) {
            int point[2];
            unsigned bits = sov_points_take(points, SOV_POINT_EVEN,
                                            a->level + 32 * k + 8 * g, point);

            b->qs[8 * k + g] = (uint8_t)point[0];
            signs |= (uint32_t)(bits & 127) << (7 * g);
        }
        sov_put32(b->qs + 8 * k + 4, signs);
    }
}

static const struct sov_parts parts = {
    .block = 256,
    .sub = 32,
    .kind = LEVELS_POINTS,
    .lo = -43.0f,
    .hi = 43.0f,
    .n_fields = 1,
    .positive = true,
    .sc_lo = 0.125f,
    .sc_hi = 3.875f,
    .sc_step = 0.25f,
    .grid = SOV_GRID_IQ2XXS,
    .signs = SOV_POINT_EVEN,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_iq2_xxs = { SOV_TYPE_IQ2_XXS, decode,
                                             encode_iq2_xxs, &parts };
