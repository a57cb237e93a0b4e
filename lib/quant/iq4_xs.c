/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iq4_xs.c - as iq4_nl.c, a 6-bit scale for 32, in super-blocks of 256
 *
 *   f16 d | u16 scales_h | u8 scales_l[4] | u8 qs[128]
 *
 * Sub-block k: scale less 32, low four bits in the low (k even) or high half
 * of scales_l[k / 2], high two in bits 2k, 2k + 1 of scales_h; 16 bytes of qs.
 * y = d * scale * table[q]
 */
#include "quant/codec.h"
#include "quant/encode_k.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_iq4_xs *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);
        int scales_h = sov_le16(b->scales_h);

        for (int k = 0; k < 8; k++, y += 32) {
            int low = b->scales_l[k / 2] >> (4 * (k % 2)) & 15;
            int high = scales_h >> (2 * k) & 3;
            float scale = d * (float)((low | high << 4) - 32);
            const uint8_t *qs = b->qs + 16 * k;

            for (int j = 0; j < 16; j++) {
                y[j] = scale * (float)sov_grid_iq4nl[qs[j] & 15];
                y[j + 16] = scale * (float)sov_grid_iq4nl[qs[j] >> 4];
            }
        }
    }
}

const struct sov_codec sov_codec_iq4_xs = { SOV_TYPE_IQ4_XS, decode,
                                            encode_iq4_xs };
