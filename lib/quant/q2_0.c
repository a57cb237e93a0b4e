/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q2_0.c - 2 bits, one scale for 64
 *
 *   f16 d | u8 qs[16]
 *
 * Weight j has q in bits 2 (j % 4), 2 (j % 4) + 1 of qs[j / 4].
 * y = d * (q - 1)
 */
#include "quant/apart.h"
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

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_q2_0 *b = block;

    sov_apart_one(a, sov_half_at(b->d), 0.0f);
    for (int j = 0; j < 64; j++)
        a->level[j] = (int8_t)((b->qs[j / 4] >> (2 * (j % 4)) & 3) - 1);
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_q2_0 *b = block;
    uint8_t q[64];

    sov_put16(b->d, sov_f32_to_f16(a->d));
    sov_apart_whole(a->level, 64, -1, q);
    for (int j = 0; j < 16; j++)
        b->qs[j] = (uint8_t)(q[4 * j] | q[4 * j + 1] << 2 | q[4 * j + 2] << 4 |
                             q[4 * j + 3] << 6);
}

static const struct sov_parts parts = {
    .block = 64,
    .sub = 64,
    .kind = LEVELS_WHOLE,
    .lo = -1.0f,
    .hi = 2.0f,
    .n_fields = 1,
    .sc_lo = 1.0f,
    .sc_hi = 1.0f,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_q2_0 = { SOV_TYPE_Q2_0, decode, encode_q2_0,
                                          &parts };
