/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q4_k.c - 4 bits, 6-bit scale and minimum for 32, in super-blocks of 256
 *
 *   f16 d | f16 dmin | u8 scales[12] | u8 qs[128]
 *
 * scales: see kscale.h.  Of qs[32 k .. 32 k + 31] the low halves are sub-block
 * 2 k, the high halves sub-block 2 k + 1.
 * y = d * scale * q - dmin * minimum
 */
#include "quant/codec.h"
#include "quant/encode_k.h"
#include "quant/kscale.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_q4_k *b = blocks;
    uint8_t sc[8], mn[8];

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);
        float dmin = sov_half_at(b->dmin);

        sov_kscale_get(b->scales, sc, mn);
        for (int j = 0; j < 8; j++) {
            const uint8_t *q = b->qs + 32 * (j / 2);
            int shift = 4 * (j % 2);
            float scale = d * (float)sc[j];
            float min = dmin * (float)mn[j];

            for (int l = 0; l < 32; l++)
                *y++ = scale * (float)(q[l] >> shift & 15) - min;
        }
    }
}

const struct sov_codec sov_codec_q4_k = { SOV_TYPE_Q4_K, decode, encode_q4_k };
