/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iq2_xs.c - 2.31 bits: lattice points of 8 weights, signs of even parity
 *
 *   f16 d | u16 qs[32] | u8 scales[8]
 *
 * qs[g]: point in bits 8-0, sign bits in 15-9.  scales[k] has the scale of
 * weights 32 k .. 32 k + 15 in its low half, of the next 16 in its high half.
 * y = d * (0.5 + s) / 4 * point * sign
 */
#include "quant/codec.h"
#include "quant/encode_grid.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_iq2_xs *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);

        for (int g = 0; g < 32; g++, y += 8) {
            uint32_t q = sov_le16(b->qs + 2 * g);
            int s = b->scales[g / 4] >> (4 * (g / 2 % 2)) & 15;
            float scale = d * (0.5f + (float)s) * 0.25f;
            const uint8_t *grid = sov_grid_iq2xs[q & 511];
            uint8_t minus = sov_grid_signs(q >> 9);

            for (int j = 0; j < 8; j++)
                y[j] = scale * (float)grid[j] * (minus >> j & 1 ? -1.0f : 1.0f);
        }
    }
}

const struct sov_codec sov_codec_iq2_xs = { SOV_TYPE_IQ2_XS, decode,
                                            encode_iq2_xs, NULL };
