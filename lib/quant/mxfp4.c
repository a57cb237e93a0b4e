/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mxfp4.c - 4-bit floats E2M1, one power of two for 32
 *
 *   u8 e | u8 qs[16]
 *
 * Order of the halves as in q4_0.c; y = 2^(e - 128) * table[q], the table
 * being twice E2M1.  e of 0 and 1 give subnormal scales.
 */
#include "quant/codec.h"
#include "quant/encode_fp4.h"
#include "quant/fp4_scale.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_mxfp4 *b = blocks;

    for (size_t i = 0; i < n / 32; i++, b++, y += 32) {
        float d = sov_mxfp4_scale(b->e[0]);

        for (int j = 0; j < 16; j++) {
            y[j] = d * (float)sov_grid_fp4[b->qs[j] & 15];
            y[j + 16] = d * (float)sov_grid_fp4[b->qs[j] >> 4];
        }
    }
}

const struct sov_codec sov_codec_mxfp4 = { SOV_TYPE_MXFP4, decode,
                                           encode_mxfp4 };
