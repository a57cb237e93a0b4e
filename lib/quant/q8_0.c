/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q8_0.c - 8 bits, one scale for 32
 *
 *   f16 d | i8 qs[32]
 *
 * y[j] = d * qs[j]
 */
#include "quant/codec.h"
#include "quant/encode_32.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_q8_0 *b = blocks;

    for (size_t i = 0; i < n / 32; i++, b++, y += 32) {
        float d = sov_half_at(b->d);

        for (int j = 0; j < 32; j++)
            y[j] = d * (float)(int8_t)b->qs[j];
    }
}

const struct sov_codec sov_codec_q8_0 = { SOV_TYPE_Q8_0, decode, encode_q8_0 };
