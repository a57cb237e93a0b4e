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
#include "quant/apart.h"
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

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_q2_k *b = block;

    a->d = sov_half_at(b->d);
    a->dmin = sov_half_at(b->dmin);
    for (int k = 0; k < 16; k++) {
        const uint8_t *q = b->qs + 32 * (k / 8) + 16 * (k % 2);

        a->sc[k] = (float)(b->scales[k] & 15);
        a->mn[k] = (float)(b->scales[k] >> 4);
        for (int l = 0; l < 16; l++)
            a->level[16 * k + l] = q[l] >> (2 * (k / 2 % 4)) & 3;
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_q2_k *b = block;
    uint8_t q[256];

    sov_put16(b->d, sov_f32_to_f16(a->d));
    sov_put16(b->dmin, sov_f32_to_f16(a->dmin));
    for (int k = 0; k < 16; k++)
        b->scales[k] = (uint8_t)((int)a->sc[k] | (int)a->mn[k] << 4);
    sov_apart_whole(a->level, 256, 0, q);
    pack_pairs(q, b->qs);
}

static const struct sov_parts parts = {
    .block = 256,
    .sub = 16,
    .kind = LEVELS_WHOLE,
    .lo = 0.0f,
    .hi = 3.0f,
    .n_fields = 2,
    .positive = true,
    .sc_hi = 15.0f,
    .mn_hi = 15.0f,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_q2_k = { SOV_TYPE_Q2_K, decode, encode_q2_k,
                                          &parts };
