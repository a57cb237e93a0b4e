/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvfp4.c - 4-bit floats E2M1, an 8-bit float scale for 16
 *
 *   u8 d[4] | u8 qs[32]
 *
 * Sub-block s has qs[8 s ..]: low halves are its weights 0..7, high halves
 * 8..15.  Scale: bits 6-3 exponent (bias 7), 2-0 mantissa, 0 and 0x7f give 0;
 * y = scale / 2 * table[q], the table being twice E2M1.
 */
#include "quant/codec.h"
#include "quant/encode_fp4.h"
#include "quant/fp4_scale.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_nvfp4 *b = blocks;

    for (size_t i = 0; i < n / 64; i++, b++) {
        for (int s = 0; s < 4; s++, y += 16) {
            const uint8_t *qs = b->qs + 8 * s;
            float d = sov_nvfp4_scale(b->d[s]);

            for (int j = 0; j < 8; j++) {
                y[j] = d * (float)sov_grid_fp4[qs[j] & 15];
                y[j + 8] = d * (float)sov_grid_fp4[qs[j] >> 4];
            }
        }
    }
}

const struct sov_codec sov_codec_nvfp4 = { SOV_TYPE_NVFP4, decode,
                                           encode_nvfp4 };
