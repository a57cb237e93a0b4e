/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q1_0.c - signs, one scale for 128
 *
 *   f16 d | u8 qs[16]
 *
 * Weight j has bit j % 8 of qs[j / 8]: set is d, clear is -d.
 */
#include "quant/apart.h"
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

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_q1_0 *b = block;

    sov_apart_one(a, sov_half_at(b->d), 0.0f);
    for (int j = 0; j < 128; j++)
        a->level[j] = b->qs[j / 8] >> (j % 8) & 1 ? 1 : -1;
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_q1_0 *b = block;

    sov_put16(b->d, sov_f32_to_f16(a->d));
    memset(b->qs, 0, sizeof(b->qs));
    for (int j = 0; j < 128; j++)
        b->qs[j / 8] |= (uint8_t)((a->level[j] > 0) << (j % 8));
}

static const struct sov_parts parts = {
    .block = 128,
    .sub = 128,
    .kind = LEVELS_SIGN,
    .lo = -1.0f,
    .hi = 1.0f,
    .n_fields = 1,
    .sc_lo = 1.0f,
    .sc_hi = 1.0f,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_q1_0 = { SOV_TYPE_Q1_0, decode, encode_q1_0,
                                          &parts };
