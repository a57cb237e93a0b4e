/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q4_1.c - 4 bits, scale and minimum for 32
 *
 *   f16 d | f16 m | u8 qs[16]
 *
 * y[j] = d * low(qs[j]) + m, y[j + 16] = d * high(qs[j]) + m
 */
#include "quant/apart.h"
#include "quant/codec.h"
#include "quant/encode_32.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_q4_1 *b = blocks;

    for (size_t i = 0; i < n / 32; i++, b++, y += 32) {
        float d = sov_half_at(b->d);
        float m = sov_half_at(b->m);

        for (int j = 0; j < 16; j++) {
            y[j] = d * (float)(b->qs[j] & 15) + m;
            y[j + 16] = d * (float)(b->qs[j] >> 4) + m;
        }
    }
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_q4_1 *b = block;

    sov_apart_one(a, sov_half_at(b->d), -sov_half_at(b->m));
    for (int j = 0; j < 16; j++) {
        a->level[j] = (int8_t)(b->qs[j] & 15);
        a->level[j + 16] = (int8_t)(b->qs[j] >> 4);
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_q4_1 *b = block;
    uint8_t q[32];

    sov_put16(b->d, sov_f32_to_f16(a->d));
    sov_put16(b->m, sov_f32_to_f16(-a->dmin));
    sov_apart_whole(a->level, 32, 0, q);
    pack_nibbles(q, b->qs);
}

static const struct sov_parts parts = {
    .block = 32,
    .sub = 32,
    .kind = LEVELS_WHOLE,
    .lo = 0.0f,
    .hi = 15.0f,
    .n_fields = 2,
    .sc_lo = 1.0f,
    .sc_hi = 1.0f,
    .mn_lo = 1.0f,
    .mn_hi = 1.0f,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_q4_1 = { SOV_TYPE_Q4_1, decode, encode_q4_1,
                                          &parts };
