/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tq2_0.c - ternary in two bits, one scale for 256
 *
 *   u8 qs[64] | f16 d
 *
 * Weight 128 h + 32 t + l has q in bits 2t, 2t + 1 of qs[32 h + l].
 * y = d * (q - 1)
 */
#include "quant/apart.h"
#include "quant/codec.h"
#include "quant/encode_t.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_tq2_0 *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);

        for (int k = 0; k < 8; k++)
            for (int l = 0; l < 32; l++) {
                int q = b->qs[32 * (k / 4) + l] >> (2 * (k % 4)) & 3;

                *y++ = d * (float)(q - 1);
            }
    }
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_tq2_0 *b = block;

    sov_apart_one(a, sov_half_at(b->d), 0.0f);
    for (int k = 0; k < 8; k++)
        for (int l = 0; l < 32; l++)
            a->level[32 * k + l] =
                (int8_t)((b->qs[32 * (k / 4) + l] >> (2 * (k % 4)) & 3) - 1);
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_tq2_0 *b = block;
    uint8_t q[256];

    sov_put16(b->d, sov_f32_to_f16(a->d));
    sov_apart_whole(a->level, 256, -1, q);
    pack_pairs(q, b->qs);
}

static const struct sov_parts parts = {
    .block = 256,
    .sub = 256,
    .kind = LEVELS_WHOLE,
    .lo = -1.0f,
    .hi = 1.0f,
    .n_fields = 1,
    .sc_lo = 1.0f,
    .sc_hi = 1.0f,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_tq2_0 = { SOV_TYPE_TQ2_0, decode, encode_tq2_0,
                                           &parts };
