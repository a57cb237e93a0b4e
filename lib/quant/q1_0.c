/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q1_0.c - signs, one scale for 128
 *
 *   f16 d | u8 qs[16]
 *
 * Weight j has bit j % 8 of qs[j / 8]: set is d, clear is -d.
 */
#include "quant/codec.h"
#include "quant/encode_t.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_q1_0 *b = blocks;

    for (size_t i = 0; i < n / 128; i++, b++, y += 128) {
        float d = sov_half_at(b->d);

        for (int j = 0; j < 128; j++)
            y[j] = b->qs[j / 8] >> (j % 8) & 1 ? d : -d;
    }
}

const struct sov_codec sov_codec_q1_0 = { SOV_TYPE_Q1_0, decode, encode_q1_0 };
