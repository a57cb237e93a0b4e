/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tq1_0.c - ternary, five to a byte, one scale for 256
 *
 *   u8 qs[48] | u8 qh[4] | f16 d
 *
 * A byte is its trits t0 t1 .. t4 as a fraction: ceil(256 / 243 * number), t0
 * most significant; trit n is ((byte * 3^n mod 256) * 3) >> 8.  Weights in
 * order: trit 0 of qs[0..31], trit 1 of them, ...; then qs[32..47] likewise;
 * then trits 0 to 3 of qh.  y = d * (trit - 1)
 */
#include "quant/apart.h"
#include "quant/codec.h"
#include "quant/encode_t.h"
#include "quant/layout.h"

static float *
unpack(const uint8_t *q, int width, int trits, float d, float *y)
{
    unsigned pow3 = 1;

    for (int t = 0; t < trits; t++, pow3 *= 3) {
        for (int j = 0; j < width; j++) {
            unsigned b = q[j] * pow3 & 255;

            *y++ = d * (float)((int)(b * 3 >> 8) - 1);
        }
    }
    return y;
}

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_tq1_0 *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);

        y = unpack(b->qs, 32, 5, d, y);
        y = unpack(b->qs + 32, 16, 5, d, y);
        y = unpack(b->qh, 4, 4, d, y);
    }
}

static int8_t *
take_trits(const uint8_t *q, int width, int trits, int8_t *level)
{
    unsigned pow3 = 1;

    for (int t = 0; t < trits; t++, pow3 *= 3)
        for (int j = 0; j < width; j++)
            *level++ = (int8_t)((int)((q[j] * pow3 & 255) * 3 >> 8) - 1);
    return level;
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_tq1_0 *b = block;
    int8_t *level = a->level;

    sov_apart_one(a, sov_half_at(b->d), 0.0f);
    level = take_trits(b->qs, 32, 5, level);
    level = take_trits(b->qs + 32, 16, 5, level);
    take_trits(b->qh, 4, 4, level);
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_tq1_0 *b = block;
    uint8_t q[256];

    sov_put16(b->d, sov_f32_to_f16(a->d));
    sov_apart_whole(a->level, 256, -1, q);
    pack_five(q, b->qs, b->qh);
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

const struct sov_codec sov_codec_tq1_0 = { SOV_TYPE_TQ1_0, decode, encode_tq1_0,
                                           &parts };
