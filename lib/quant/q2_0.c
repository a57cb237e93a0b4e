/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q2_0.c - 2 bits, one scale for 64
 *
 *   f16 d | u8 qs[16]
 *
 * Weight j has q in bits 2 (j % 4), 2 (j % 4) + 1 of qs[j / 4].
 * y = d * (q - 1)
 */
#include "quant/codec.h"
#include "quant/encode_32.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_q2_0 *b = blocks;

    for (size_t i = 0; i < n / 64; i++, b++, y += 64) {
        float d = sov_half_at(b->d);

        for (int j = 0; j < 64; j++)
            y[j] = d * (float)((b->qs[j / 4] >> (2 * (j % 4)) & 3) - 1);
    }
}

const struct sov_codec sov_codec_q2_0 = { SOV_TYPE_Q2_0, decode, encode_q2_0 };
