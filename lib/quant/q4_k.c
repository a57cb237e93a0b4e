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
#include "quant/apart.h"
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

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_q4_k *b = block;
    uint8_t sc[8], mn[8];

    a->d = sov_half_at(b->d);
    a->dmin = sov_half_at(b->dmin);
    sov_kscale_get(b->scales, sc, mn);
    for (int j = 0; j < 8; j++) {
        const uint8_t *q = b->qs + 32 * (j / 2);

        a->sc[j] = (float)sc[j];
        a->mn[j] = (float)mn[j];
        for (int l = 0; l < 32; l++)
            a->level[32 * j + l] = q[l] >> (4 * (j % 2)) & 15;
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_q4_k *b = block;
    uint8_t sc[8], mn[8], q[256];

    sov_put16(b->d, sov_f32_to_f16(a->d));
    sov_put16(b->dmin, sov_f32_to_f16(a->dmin));
    for (int j = 0; j < 8; j++) {
        sc[j] = (uint8_t)a->sc[j];
        mn[j] = (uint8_t)a->mn[j];
    }
    sov_kscale_put(b->scales, sc, mn);
    sov_apart_whole(a->level, 256, 0, q);
    pack_low(q, b->qs);
}

static const struct sov_parts parts = {
    .block = 256,
    .sub = 32,
    .kind = LEVELS_WHOLE,
    .lo = 0.0f,
    .hi = 15.0f,
    .n_fields = 2,
    .positive = true,
    .sc_hi = 63.0f,
    .mn_hi = 63.0f,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_q4_k = { SOV_TYPE_Q4_K, decode, encode_q4_k,
                                          &parts };
