/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iq2_s.c - 2.56 bits: lattice points of 8 weights, free signs
 *
 *   f16 d | u8 qs[32] | u8 signs[32] | u8 qh[8] | u8 scales[8]
 *
 * Group g of 8 weights: point qs[g], its bits 9-8 in bits 2l, 2l + 1 of
 * qh[g / 4] with l = g % 4; scales as in iq2_xs.c.
 * y = d * (0.5 + s) / 4 * point * sign
 */
#include "quant/apart.h"
#include "quant/codec.h"
#include "quant/encode_grid.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_iq2_s *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);

        for (int g = 0; g < 32; g++, y += 8) {
            int high = b->qh[g / 4] >> (2 * (g % 4)) & 3;
            int s = b->scales[g / 4] >> (4 * (g / 2 % 2)) & 15;
            float scale = d * (0.5f + (float)s) * 0.25f;
            const uint8_t *grid = sov_grid_iq2s[b->qs[g] | high << 8];

            for (int j = 0; j < 8; j++)
                y[j] = scale * (float)grid[j] *
                       (b->signs[g] >> j & 1 ? -1.0f : 1.0f);
        }
    }
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_points *points = sov_points(SOV_GRID_IQ2S);
    const struct sov_iq2_s *b = block;

    a->d = sov_half_at(b->d);
    a->dmin = 0.0f;
    for (int k = 0; k < 16; k++) {
        a->sc[k] =
            0.125f * (float)(2 * (b->scales[k / 2] >> (4 * (k % 2)) & 15) + 1);
        a->mn[k] = 0.0f;
    }
    for (int g = 0; g < 32; g++) {
        int high = b->qh[g / 4] >> (2 * (g % 4)) & 3;

        sov_points_put(points, SOV_POINT_FREE,
                       (int[2]){ b->qs[g] | high << 8, 0 }, b->signs[g],
                       a->level + 8 * g);
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    const struct sov_points *points = sov_points(SOV_GRID_IQ2S);
    struct sov_iq2_s *b = block;

    sov_put16(b->d, sov_f32_to_f16(a->d));
    memset(b->qh, 0, sizeof(b->qh));
    for (int k = 0; k < 8; k++)
        b->scales[k] = (uint8_t)((int)(a->sc[2 * k] * 4.0f) |
                                 (int)(a->sc[2 * k + 1] * 4.0f) << 4);
    for (int g = 0; g < 32; g++) {
        int point[2];

        b->signs[g] = (uint8_t)sov_points_take(points, SOV_POINT_FREE,
                                               a->level + 8 * g, point);
        b->qs[g] = (uint8_t)point[0];
        b->qh[g / 4] |= (uint8_t)(point[0] >> 8 << (2 * (g % 4)));
    }
}

static const struct sov_parts parts = {
    .block = 256,
    .sub = 16,
    .kind = LEVELS_POINTS,
    .lo = -43.0f,
    .hi = 43.0f,
    .n_fields = 1,
    .positive = true,
    .sc_lo = 0.125f,
    .sc_hi = 3.875f,
    .sc_step = 0.25f,
    .grid = SOV_GRID_IQ2S,
    .signs = SOV_POINT_FREE,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_iq2_s = { SOV_TYPE_IQ2_S, decode, encode_iq2_s,
                                           &parts };
