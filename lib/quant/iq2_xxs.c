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

const struct sov_codec sov_codec_iq2_xxs = { SOV_TYPE_IQ2_XXS, decode,
                                             encode_iq2_xxs, NULL };
