/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q5_k.c - 5 bits, 6-bit scale and minimum for 32, in super-blocks of 256
 *
 *   f16 d | f16 dmin | u8 scales[12] | u8 qh[32] | u8 qs[128]
 *
 * As q4_k.c; weight l of sub-block j has its fifth bit in bit j of qh[l].
 */
#include "quant/apart.h"
#include "quant/codec.h"
#include "quant/encode_k.h"
#include "quant/kscale.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_q5_k *b = blocks;
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
                *y++ = scale * (float)((q[l] >> shift & 15) |
                                       (b->qh[l] >> j & 1) << 4) -
                       min;
        }
    }
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_q5_k *b = block;
    uint8_t sc[8], mn[8];

    a->d = sov_half_at(b->d);
    a->dmin = sov_half_at(b->dmin);
    sov_kscale_get(b->scales, sc, mn);
    for (int j = 0; j < 8; j++) {
        const uint8_t *q = b->qs + 32 * (j / 2);

        a->sc[j] = (float)sc[j];
        a->mn[j] = (float)mn[j];
        for (int l = 0; l < 32; l++)
            a->level[32 * j + l] = (int8_t)((q[l] >> (4 * (j % 2)) & 15) |
                                            (b->qh[l] >> j & 1) << 4);
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_q5_k *b = block;
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
    memset(b->qh, 0, sizeof(b->qh));
    for (int j = 0; j < 8; j++)
        for (int l = 0; l < 32; l++)
            b->qh[l] |= (uint8_t)(q[32 * j + l] >> 4 << j);
}

static const struct sov_parts parts = {
    .block = 256,
    .sub = 32,
    .kind = LEVELS_WHOLE,
    .lo = 0.0f,
    .hi = 31.0f,
    .n_fields = 2,
    .positive = true,
    .sc_hi = 63.0f,
    .mn_hi = 63.0f,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_q5_k = { SOV_TYPE_Q5_K, decode, encode_q5_k,
                                          &parts };
