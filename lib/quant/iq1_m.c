/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iq1_m.c - 1.75 bits: ternary lattice points of 8 weights, shifted
 *
 *   u8 qs[32] | u8 qh[16] | u16 scales[4]
 *
 * The top four bits of the four scales words, lowest first, are an f16 d; of
 * the rest, bits 3k .. 3k + 2 of word w scale the weights 16 (4 w + k) and on.
 * Group g of 8 weights: point qs[g], bits 10-8 of it in bits 2-0 (g even) or
 * 6-4 (g odd) of qh[g / 2]; the bit above says that the shift is -1/8.
 * y = d * (2 s + 1) * (point + shift)
 */
#include "quant/apart.h"
#include "quant/codec.h"
#include "quant/encode_grid.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_iq1_m *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        uint32_t half = 0;
        float d;

        for (int w = 0; w < 4; w++)
            half |= (uint32_t)(b->scales[2 * w + 1] >> 4) << (4 * w);
        d = sov_f16_to_f32((uint16_t)half);

        for (int g = 0; g < 32; g++, y += 8) {
            int word = sov_le16(b->scales + 2 * (g / 8));
            int s = word >> (3 * (g / 2 % 4)) & 7;
            int high = b->qh[g / 2] >> (4 * (g % 2));
            float scale = d * (float)(2 * s + 1);
            float shift = high & 8 ? -0.125f : 0.125f;
            const int8_t *grid = sov_grid_iq1s[b->qs[g] | (high & 7) << 8];

            for (int j = 0; j < 8; j++)
                y[j] = scale * ((float)grid[j] + shift);
        }
    }
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_points *points = sov_points(SOV_GRID_IQ1S);
    const struct sov_iq1_m *b = block;

    uint32_t half = 0;

    for (int w = 0; w < 4; w++)
        half |= (uint32_t)(b->scales[2 * w + 1] >> 4) << (4 * w);
    a->d = sov_f16_to_f32((uint16_t)half);
    a->dmin = 0.0f;
    for (int k = 0; k < 16; k++) {
        int word = sov_le16(b->scales + 2 * (k / 4));

        a->sc[k] = 0.125f * (float)(2 * (word >> (3 * (k % 4)) & 7) + 1);
        a->mn[k] = 0.0f;
    }
    for (int g = 0; g < 32; g++) {
        int high = b->qh[g / 2] >> (4 * (g % 2));

        sov_points_put(points, SOV_POINT_SHIFT,
                       (int[2]){ b->qs[g] | (high & 7) << 8, 0 },
                       (unsigned)high >> 3 & 1, a->level + 8 * g);
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    const struct sov_points *points = sov_points(SOV_GRID_IQ1S);
    struct sov_iq1_m *b = block;

    uint16_t d = sov_f32_to_f16(a->d);

    for (int w = 0; w < 4; w++) {
        int word = (d >> (4 * w) & 15) << 12;

        for (int k = 0; k < 4; k++)
            word |= (int)(a->sc[4 * w + k] * 4.0f) << (3 * k);
        sov_put16(b->scales + 2 * w, (uint16_t)word);
    }
    memset(b->qh, 0, sizeof(b->qh));
    for (int g = 0; g < 32; g++) {
        int point[2];
        unsigned down =
            sov_points_take(points, SOV_POINT_SHIFT, a->level + 8 * g, point);

        b->qs[g] = (uint8_t)point[0];
        b->qh[g / 2] |=
            (uint8_t)((point[0] >> 8 | (int)(down << 3)) << (4 * (g % 2)));
    }
}

static const struct sov_parts parts = {
    .block = 256,
    .sub = 16,
    .kind = LEVELS_POINTS,
    .lo = -9.0f,
    .hi = 9.0f,
    .n_fields = 1,
    .positive = true,
    .sc_lo = 0.125f,
    .sc_hi = 1.875f,
    .sc_step = 0.25f,
    .grid = SOV_GRID_IQ1S,
    .signs = SOV_POINT_SHIFT,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_iq1_m = { SOV_TYPE_IQ1_M, decode, encode_iq1_m,
                                           &parts };
