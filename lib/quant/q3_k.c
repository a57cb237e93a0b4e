/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q3_k.c - 3 bits, a 6-bit scale for 16, in super-blocks of 256
 *
 *   u8 hmask[32] | u8 qs[64] | u8 scales[12] | f16 d
 *
 * Two low bits as in q2_k.c.  Weight 32 t + l of half h has its high bit in
 * bit 4 h + t of hmask[l]; a clear bit takes 4 away.
 * Scale k, less 32: low four bits in the low (k < 8) or high (k >= 8) half of
 * scales[k % 8], high two in bits 2 (k / 4) and up of scales[8 + k % 4].
 * y = d * scale * q
 */
#include "quant/codec.h"
#include "quant/encode_k.h"
#include "quant/kscale.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_q3_k *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);

        for (int k = 0; k < 16; k++) {
            const uint8_t *q = b->qs + 32 * (k / 8) + 16 * (k % 2);
            const uint8_t *h = b->hmask + 16 * (k % 2);
            int shift = 2 * (k / 2 % 4);
            int high = k / 2;
            float scale = d * (float)sov_kscale_q3(b->scales, k);

            for (int l = 0; l < 16; l++)
                *y++ = scale * (float)((q[l] >> shift & 3) -
                                       (h[l] >> high & 1 ? 0 : 4));
        }
    }
}

const struct sov_codec sov_codec_q3_k = { SOV_TYPE_Q3_K, decode, encode_q3_k };
