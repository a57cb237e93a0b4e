/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iq3_s.c - 3.44 bits: lattice points of 4 weights, free signs
 *
 *   f16 d | u8 qs[64] | u8 qh[8] | u8 signs[32] | u8 scales[4]
 *
 * Group p of 4 weights: point qs[p], its bit 8 in bit p % 8 of qh[p / 8].
 * scales[k]: low half for weights 64 k .. 64 k + 31, high half for the rest.
 * y = d * (1 + 2 s) * point * sign
 */
#include "quant/codec.h"
#include "quant/encode_grid.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_iq3_s *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);

        for (int p = 0; p < 64; p++, y += 4) {
            int s = b->scales[p / 16] >> (4 * (p / 8 % 2)) & 15;
            float scale = d * (float)(1 + 2 * s);
            int high = b->qh[p / 8] >> (p % 8) & 1;
            const uint8_t *grid = sov_grid_iq3s[b->qs[p] | high << 8];
            int minus = b->signs[p / 2] >> (4 * (p % 2));

            for (int j = 0; j < 4; j++)
                y[j] = scale * (float)grid[j] * (minus >> j & 1 ? -1.0f : 1.0f);
        }
    }
}

const struct sov_codec sov_codec_iq3_s = { SOV_TYPE_IQ3_S, decode, encode_iq3_s,
                                           NULL };
