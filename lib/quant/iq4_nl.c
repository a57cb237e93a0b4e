/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iq4_nl.c - 4 bits into a table of uneven steps, one scale for 32
 *
 *   f16 d | u8 qs[16]
 *
 * Order of the halves as in q4_0.c; y = d * table[q]
 */
#include "quant/codec.h"
#include "quant/encode_32.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_iq4_nl *b = blocks;

    for (size_t i = 0; i < n / 32; i++, b++, y += 32) {
        float d = sov_half_at(b->d);

        for (int j = 0; j < 16; j++) {
            y[j] = d * (float)sov_grid_iq4nl[b->qs[j] & 15];
            y[j + 16] = d * (float)sov_grid_iq4nl[b->qs[j] >> 4];
        }
    }
}

const struct sov_codec sov_codec_iq4_nl = { SOV_TYPE_IQ4_NL, decode,
                                            encode_iq4_nl };
