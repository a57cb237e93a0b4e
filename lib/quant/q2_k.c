/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q2_k.c - 2 bits, a 4-bit scale and minimum for 16, in super-blocks of 256
 *
 *   u8 scales[16] | u8 qs[64] | f16 d | f16 dmin
 *
 * Weight e of half h (of 128), e = 32 t + l, has q in bits 2t, 2t + 1 of
 * qs[32 h + l].  Sub-block k (of 16 weights): scale low(scales[k]), minimum
 * high(scales[k]);  y = d * scale * q - dmin * minimum
 */
#include "quant/codec.h"
#include "quant/encode_k.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_q2_k *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);
        float dmin = sov_half_at(b->dmin);

        for (int k = 0; k < 16; k++) {
            const uint8_t *q = b->qs + 32 * (k / 8) + 16 * (k % 2);
            int shift = 2 * (k / 2 % 4);
            float scale = d * (float)(b->scales[k] & 15);
            float min = dmin * (float)(b->scales[k] >> 4);

            for (int l = 0; l < 16; l++)
                *y++ = scale * (float)(q[l] >> shift & 3) - min;
        }
    }
}

const struct sov_codec sov_codec_q2_k = { SOV_TYPE_Q2_K, decode, encode_q2_k };
