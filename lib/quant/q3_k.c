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
#include "quant/apart.h"
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

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_q3_k *b = block;

    a->d = sov_half_at(b->d);
    a->dmin = 0.0f;
    for (int k = 0; k < 16; k++) {
        const uint8_t *q = b->qs + 32 * (k / 8) + 16 * (k % 2);
        const uint8_t *h = b->hmask + 16 * (k % 2);

        a->sc[k] = (float)sov_kscale_q3(b->scales, k);
        a->mn[k] = 0.0f;
        for (int l = 0; l < 16; l++)
            a->level[16 * k + l] = (int8_t)((q[l] >> (2 * (k / 2 % 4)) & 3) -
                                            (h[l] >> (k / 2) & 1 ? 0 : 4));
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_q3_k *b = block;
    uint8_t q[256];

    sov_put16(b->d, sov_f32_to_f16(a->d));
    memset(b->scales, 0, sizeof(b->scales));
    memset(b->hmask, 0, sizeof(b->hmask));
    for (int k = 0; k < 16; k++)
        sov_kscale_put_q3(b->scales, k, (int)a->sc[k]);
    sov_apart_whole(a->level, 256, -4, q);
    for (int j = 0; j < 8; j++)
        for (int l = 0; l < 32; l++)
            b->hmask[l] |= (uint8_t)(q[32 * j + l] >> 2 << j);
    pack_pairs(q, b->qs);
}

static const struct sov_parts parts = {
    .block = 256,
    .sub = 16,
    .kind = LEVELS_WHOLE,
    .lo = -4.0f,
    .hi = 3.0f,
    .n_fields = 1,
    .sc_lo = -32.0f,
    .sc_hi = 31.0f,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_q3_k = { SOV_TYPE_Q3_K, decode, encode_q3_k,
                                          &parts };
