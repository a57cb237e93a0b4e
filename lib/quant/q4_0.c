/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q4_0.c - 4 bits, one scale for 32
 *
 *   f16 d | u8 qs[16]
 *
 * y[j] = d * (low(qs[j]) - 8), y[j + 16] = d * (high(qs[j]) - 8)
 */
#include "quant/codec.h"
#include "quant/encode_32.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_q4_0 *b = blocks;

    for (size_t i = 0; i < n / 32; i++, b++, y += 32) {
        float d = sov_half_at(b->d);

        for (int j = 0; j < 16; j++) {
            y[j] = d * (float)((b->qs[j] & 15) - 8);
            y[j + 16] = d * (float)((b->qs[j] >> 4) - 8);
        }
    }
}

const struct sov_codec sov_codec_q4_0 = { SOV_TYPE_Q4_0, decode, encode_q4_0 };
