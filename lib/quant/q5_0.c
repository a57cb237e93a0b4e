/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q5_0.c - 5 bits, one scale for 32
 *
 *   f16 d | u32 qh | u8 qs[16]
 *
 * q[j] = low(qs[j]) | bit j of qh << 4
 * q[j + 16] = high(qs[j]) | bit j + 16 of qh << 4
 * y = d * (q - 16)
 */
#include "quant/apart.h"
#include "quant/codec.h"
#include "quant/encode_32.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_q5_0 *b = blocks;

    for (size_t i = 0; i < n / 32; i++, b++, y += 32) {
        float d = sov_half_at(b->d);
        uint32_t qh = sov_le32(b->qh);

        for (int j = 0; j < 16; j++) {
            int lo = (b->qs[j] & 15) | (int)(qh >> j & 1) << 4;
            int hi = b->qs[j] >> 4 | (int)(qh >> (j + 16) & 1) << 4;

            y[j] = d * (float)(lo - 16);
            y[j + 16] = d * (float)(hi - 16);
        }
    }
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_q5_0 *b = block;
    uint32_t qh = sov_le32(b->qh);

    sov_apart_one(a, sov_half_at(b->d), 0.0f);
    for (int j = 0; j < 16; j++) {
        int lo = (b->qs[j] & 15) | (int)(qh >> j & 1) << 4;
        int hi = b->qs[j] >> 4 | (int)(qh >> (j + 16) & 1) << 4;

        a->level[j] = (int8_t)(lo - 16);
        a->level[j + 16] = (int8_t)(hi - 16);
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_q5_0 *b = block;
    uint8_t q[32];

    sov_put16(b->d, sov_f32_to_f16(a->d));
    sov_apart_whole(a->level, 32, -16, q);
    sov_put32(b->qh, fifth_bits(q));
    pack_nibbles(q, b->qs);
}

static const struct sov_parts parts = {
    .block = 32,
    .sub = 32,
    .kind = LEVELS_WHOLE,
    .lo = -16.0f,
    .hi = 15.0f,
    .n_fields = 1,
    .sc_lo = 1.0f,
    .sc_hi = 1.0f,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_q5_0 = { SOV_TYPE_Q5_0, decode, encode_q5_0,
                                          &parts };
