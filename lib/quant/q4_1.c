/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q4_1.c - 4 bits, scale and minimum for 32
 *
 *   f16 d | f16 m | u8 qs[16]
 *
 * y[j] = d * low(qs[j]) + m, y[j + 16] = d * high(qs[j]) + m
 */
#include "quant/codec.h"
#include "quant/encode_32.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_q4_1 *b = blocks;

    for (size_t i = 0; i < n / 32; i++, b++, y += 32) {
        float d = sov_half_at(b->d);
        float m = sov_half_at(b->m);

        for (int j = 0; j < 16; j++) {
            y[j] = d * (float)(b->qs[j] & 15) + m;
            y[j + 16] = d * (float)(b->qs[j] >> 4) + m;
        }
    }
}

const struct sov_codec sov_codec_q4_1 = { SOV_TYPE_Q4_1, decode, encode_q4_1 };
