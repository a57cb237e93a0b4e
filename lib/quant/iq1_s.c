/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iq1_s.c - 1.56 bits: ternary lattice points of 8 weights, shifted
 *
 *   f16 d | u8 qs[32] | u16 qh[8]
 *
 * Group g of 8 weights: point qs[g], its bits 10-8 in bits 3l .. 3l + 2 of
 * qh[g / 4] with l = g % 4.  Bits 14-12 of qh are the scale s of 32 weights,
 * bit 15 says that their shift is -1/8 instead of 1/8.
 * y = d * (2 s + 1) * (point + shift)
 */
#include "quant/codec.h"
#include "quant/encode_grid.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_iq1_s *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);

        for (int g = 0; g < 32; g++, y += 8) {
            uint32_t qh = sov_le16(b->qh + 2 * (g / 4));
            float scale = d * (float)(2 * (qh >> 12 & 7) + 1);
            float shift = qh & 0x8000 ? -0.125f : 0.125f;
            uint32_t high = qh >> (3 * (g % 4)) & 7;
            const int8_t *grid = sov_grid_iq1s[b->qs[g] | high << 8];

            for (int j = 0; j < 8; j++)
                y[j] = scale * ((float)grid[j] + shift);
        }
    }
}

const struct sov_codec sov_codec_iq1_s = { SOV_TYPE_IQ1_S, decode, encode_iq1_s,
                                           NULL };
