/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iq1_m.c - 1.75 bits: ternary lattice points of 8 weights, shifted
 *
 *   u8 qs[32] | u8 qh[16] | u16 scales[4]
 *
 * The top four bits of the four scales words, lowest first, are an f16 d; of
 * the rest, bits 3k .. 3k + 2 of word w scale the weights 16 (4 w + k) and on.
 * Group g of 8 weights: point qs[g], bits 10-8 of it in bits 2-0 (g even) or
 * 6-4 (g odd) of qh[g / 2]; the bit above says that the shift is -1/8.
 * y = d * (2 s + 1) * (point + shift)
 */
#include "quant/codec.h"
#include "quant/encode_grid.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_iq1_m *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        uint32_t half = 0;
        float d;

        for (int w = 0; w < 4; w++)
            half |= (uint32_t)(b->scales[2 * w + 1] >> 4) << (4 * w);
        d = sov_f16_to_f32((uint16_t)half);

        for (int g = 0; g < 32; g++, y += 8) {
            int word = sov_le16(b->scales + 2 * (g / 8));
            int s = word >> (3 * (g / 2 % 4)) & 7;
            int high = b->qh[g / 2] >> (4 * (g % 2));
            float scale = d * (float)(2 * s + 1);
            float shift = high & 8 ? -0.125f : 0.125f;
            const int8_t *grid = sov_grid_iq1s[b->qs[g] | (high & 7) << 8];

            for (int j = 0; j < 8; j++)
                y[j] = scale * ((float)grid[j] + shift);
        }
    }
}

const struct sov_codec sov_codec_iq1_m = { SOV_TYPE_IQ1_M, decode, encode_iq1_m,
                                           NULL };
