/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iq1_s.c - 1.56 bits: ternary lattice points of 8 weights, shifted
 *
 *   f16 d | u8 qs[32] | u16 qh[8]
 *
 * Group g of 8 weights: point qs[g], its bits 10-8 in bits 3l .. 3l + 2 of
 * qh[g / 4] with l = g % 4.  Bits 14-12 of qh are the scale s of 32 weights,
 * bit 15 says that their shift is -1/8 instead of 1/8.
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
    const struct sov_iq1_s *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);

        for (int g = 0; g < 32; g++, y += 8) {
            uint32_t qh = sov_le16(b->qh + 2 * (g / 4));
            float scale = d * (float)(2 * (qh >> 12 & 7) + 1);
            float shift = qh & 0x8000 ? -0.125f : 0.125f;
            uint32_t high = qh >> (3 * (g % 4)) & 7;
            const int8_t *grid = sov_grid_iq1s[b->qs[g] | high << 8];

            for (int j = 0; j < 8; j++)
                y[j] = scale * ((float)grid[j] + shift);
        }
    }
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_points *points = sov_points(SOV_GRID_IQ1S);
    const struct sov_iq1_s *b = block;

    a->d = sov_half_at(b->d);
    a->dmin = 0.0f;
    for (int k = 0; k < 8; k++) {
        int qh = sov_le16(b->qh + 2 * k);

        a->sc[k] = 0.125f * (float)(2 * (qh >> 12 & 7) + 1);
        a->mn[k] = 0.0f;
        for (int g = 0; g < 4; g++)
            sov_points_put(
                points, SOV_POINT_BLOCK,
                (int[2]){ b->qs[4 * k + g] | (qh >> (3 * g) & 7) << 8, 0 },
                (unsigned)qh >> 15, a->level + 32 * k + 8 * g);
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    const struct sov_points *points = sov_points(SOV_GRID_IQ1S);
    struct sov_iq1_s *b = block;

    sov_put16(b->d, sov_f32_to_f16(a->d));
    for (int k = 0; k < 8; k++) {
        int high = (int)(a->sc[k] * 4.0f) << 12;

        for (int g = 0; g < 4; g++) {
            int point[2];
            unsigned down = sov_points_take(points, SOV_POINT_BLOCK,
                                            a->level + 32 * k + 8 * g, point);

            b->qs[4 * k + g] = (uint8_t)point[0];
            high |= point[0] >> 8 << (3 * g) | (int)(down << 15);
        }
        sov_put16(b->qh + 2 * k, (uint16_t)high);
    }
}

static const struct sov_parts parts = {
    .block = 256,
    .sub = 32,
    .kind = LEVELS_POINTS,
    .lo = -9.0f,
    .hi = 9.0f,
    .n_fields = 1,
    .positive = true,
    .sc_lo = 0.125f,
    .sc_hi = 1.875f,
    .sc_step = 0.25f,
    .grid = SOV_GRID_IQ1S,
    .signs = SOV_POINT_BLOCK,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_iq1_s = { SOV_TYPE_IQ1_S, decode, encode_iq1_s,
                                           &parts };
