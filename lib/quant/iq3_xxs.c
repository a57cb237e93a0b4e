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

const struct sov_codec sov_codec_iq3_xxs = { SOV_TYPE_IQ3_XXS, decode,
                                             encode_iq3_xxs, NULL };
