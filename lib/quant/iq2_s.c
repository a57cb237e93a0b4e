/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iq2_s.c - 2.56 bits: lattice points of 8 weights, free signs
 *
 *   f16 d | u8 qs[32] | u8 signs[32] | u8 qh[8] | u8 scales[8]
 *
 * Group g of 8 weights: point qs[g], its bits 9-8 in bits 2l, 2l + 1 of
 * qh[g / 4] with l = g % 4; scales as in iq2_xs.c.
 * y = d * (0.5 + s) / 4 * point * sign
 */
#include "quant/codec.h"
#include "quant/encode_grid.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_iq2_s *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);

        for (int g = 0; g < 32; g++, y += 8) {
            int high = b->qh[g / 4] >> (2 * (g % 4)) & 3;
            int s = b->scales[g / 4] >> (4 * (g / 2 % 2)) & 15;
            float scale = d * (0.5f + (float)s) * 0.25f;
            const uint8_t *grid = sov_grid_iq2s[b->qs[g] | high << 8];

            for (int j = 0; j < 8; j++)
                y[j] = scale * (float)grid[j] *
                       (b->signs[g] >> j & 1 ? -1.0f : 1.0f);
        }
    }
}

const struct sov_codec sov_codec_iq2_s = { SOV_TYPE_IQ2_S, decode, encode_iq2_s,
                                           NULL };
