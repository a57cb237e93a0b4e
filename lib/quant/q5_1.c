/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q5_1.c - 5 bits, scale and minimum for 32
 *
 *   f16 d | f16 m | u32 qh | u8 qs[16]
 *
 * q as in q5_0.c; y = d * q + m
 */
#include "quant/apart.h"
#include "quant/codec.h"
#include "quant/encode_32.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_q5_1 *b = blocks;

    for (size_t i = 0; i < n / 32; i++, b++, y += 32) {
        float d = sov_half_at(b->d);
        float m = sov_half_at(b->m);
        uint32_t qh = sov_le32(b->qh);

        for (int j = 0; j < 16; j++) {
            int lo = (b->qs[j] & 15) | (int)(qh >> j & 1) << 4;
            int hi = b->qs[j] >> 4 | (int)(qh >> (j + 16) & 1) << 4;

            y[j] = d * (float)lo + m;
            y[j + 16] = d * (float)hi + m;
        }
    }
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_q5_1 *b = block;
    uint32_t qh = sov_le32(b->qh);

    sov_apart_one(a, sov_half_at(b->d), -sov_half_at(b->m));
    for (int j = 0; j < 16; j++) {
        int lo = (b->qs[j] & 15) | (int)(qh >> j & 1) << 4;
        int hi = b->qs[j] >> 4 | (int)(qh >> (j + 16) & 1) << 4;

        a->level[j] = (int8_t)lo;
        a->level[j + 16] = (int8_t)hi;
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_q5_1 *b = block;
    uint8_t q[32];

    sov_put16(b->d, sov_f32_to_f16(a->d));
    sov_put16(b->m, sov_f32_to_f16(-a->dmin));
    sov_apart_whole(a->level, 32, 0, q);
    sov_put32(b->qh, fifth_bits(q));
    pack_nibbles(q, b->qs);
}

static const struct sov_parts parts = {
    .block = 32,
    .sub = 32,
    .kind = LEVELS_WHOLE,
    .lo = 0.0f,
    .hi = 31.0f,
    .n_fields = 2,
    .sc_lo = 1.0f,
    .sc_hi = 1.0f,
    .mn_lo = 1.0f,
    .mn_hi = 1.0f,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_q5_1 = { SOV_TYPE_Q5_1, decode, encode_q5_1,
                                          &parts };
