/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q8_0.c - 8 bits, one scale for 32
 *
 *   f16 d | i8 qs[32]
 *
 * y[j] = d * qs[j]
 */
#include "quant/apart.h"
#include "quant/codec.h"
#include "quant/encode_32.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_q8_0 *b = blocks;

    for (size_t i = 0; i < n / 32; i++, b++, y += 32) {
        float d = sov_half_at(b->d);

        for (int j = 0; j < 32; j++)
            y[j] = d * (float)(int8_t)b->qs[j];
    }
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_q8_0 *b = block;

    sov_apart_one(a, sov_half_at(b->d), 0.0f);
    for (int j = 0; j < 32; j++)
        a->level[j] = (int8_t)b->qs[j];
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_q8_0 *b = block;

    sov_put16(b->d, sov_f32_to_f16(a->d));
    sov_apart_whole(a->level, 32, 0, b->qs);
}

static const struct sov_parts parts = {
    .block = 32,
    .sub = 32,
    .kind = LEVELS_WHOLE,
    .lo = -127.0f,
    .hi = 127.0f,
    .n_fields = 1,
    .sc_lo = 1.0f,
    .sc_hi = 1.0f,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_q8_0 = { SOV_TYPE_Q8_0, decode, encode_q8_0,
                                          &parts };
