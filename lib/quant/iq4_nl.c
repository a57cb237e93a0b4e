/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iq4_nl.c - 4 bits into a table of uneven steps, one scale for 32
 *
 *   f16 d | u8 qs[16]
 *
 * Order of the halves as in q4_0.c; y = d * table[q]
 */
#include "quant/apart.h"
#include "quant/codec.h"
#include "quant/encode_32.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_iq4_nl *b = blocks;

    for (size_t i = 0; i < n / 32; i++, b++, y += 32) {
        float d = sov_half_at(b->d);

        for (int j = 0; j < 16; j++) {
            y[j] = d * (float)sov_grid_iq4nl[b->qs[j] & 15];
            y[j + 16] = d * (float)sov_grid_iq4nl[b->qs[j] >> 4];
        }
    }
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_iq4_nl *b = block;

    sov_apart_one(a, sov_half_at(b->d), 0.0f);
    for (int j = 0; j < 16; j++) {
        a->level[j] = sov_grid_iq4nl[b->qs[j] & 15];
        a->level[j + 16] = sov_grid_iq4nl[b->qs[j] >> 4];
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_iq4_nl *b = block;
    uint8_t q[32];

    sov_put16(b->d, sov_f32_to_f16(a->d));
    sov_apart_table(a->level, 32, sov_grid_iq4nl, q);
    pack_nibbles(q, b->qs);
}

static const struct sov_parts parts = {
    .block = 32,
    .sub = 32,
    .kind = LEVELS_IQ4,
    .lo = -127.0f,
    .hi = 113.0f,
    .n_fields = 1,
    .sc_lo = 1.0f,
    .sc_hi = 1.0f,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_iq4_nl = { SOV_TYPE_IQ4_NL, decode,
                                            encode_iq4_nl, &parts };
