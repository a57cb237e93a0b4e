/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iq3_s.c - 3.44 bits: lattice points of 4 weights, free signs
 *
 *   f16 d | u8 qs[64] | u8 qh[8] | u8 signs[32] | u8 scales[4]
 *
 * Group p of 4 weights: point qs[p], its bit 8 in bit p % 8 of qh[p / 8].
 * scales[k]: low half for weights 64 k .. 64 k + 31, high half for the rest.
 * y = d * (1 + 2 s) * point * sign
 */
#include "quant/apart.h"
#include "quant/codec.h"
#include "quant/encode_grid.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_iq3_s *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);

        for (int p = 0; p < 64; p++, y += 4) {
            int s = b->scales[p / 16] >> (4 * (p / 8 % 2)) & 15;
            float scale = d * (float)(1 + 2 * s);
            int high = b->qh[p / 8] >> (p % 8) & 1;
            const uint8_t *grid = sov_grid_iq3s[b->qs[p] | high << 8];
            int minus = b->signs[p / 2] >> (4 * (p % 2));

            for (int j = 0; j < 4; j++)
                y[j] = scale * (float)grid[j] * (minus >> j & 1 ? -1.0f : 1.0f);
        }
    }
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_points *points = sov_points(SOV_GRID_IQ3S);
    const struct sov_iq3_s *b = block;

    a->d = sov_half_at(b->d);
    a->dmin = 0.0f;
    for (int k = 0; k < 8; k++) {
        a->sc[k] =
            1.0f * (float)(2 * (b->scales[k / 2] >> (4 * (k % 2)) & 15) + 1);
        a->mn[k] = 0.0f;
    }
    for (int g = 0; g < 32; g++) {
        const uint8_t *q = b->qs + 2 * g;
        int high = b->qh[g / 4] >> (2 * (g % 4));

        sov_points_put(
            points, SOV_POINT_FREE,
            (int[2]){ q[0] | (high & 1) << 8, q[1] | (high & 2) << 7 },
            b->signs[g], a->level + 8 * g);
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    const struct sov_points *points = sov_points(SOV_GRID_IQ3S);
    struct sov_iq3_s *b = block;

    sov_put16(b->d, sov_f32_to_f16(a->d));
    memset(b->qh, 0, sizeof(b->qh));
    for (int k = 0; k < 4; k++)
        b->scales[k] = (uint8_t)((int)(a->sc[2 * k] * 0.5f) |
                                 (int)(a->sc[2 * k + 1] * 0.5f) << 4);
    for (int g = 0; g < 32; g++) {
        int point[2];

        b->signs[g] = (uint8_t)sov_points_take(points, SOV_POINT_FREE,
                                               a->level + 8 * g, point);
        b->qs[2 * g] = (uint8_t)point[0];
        b->qs[2 * g + 1] = (uint8_t)point[1];
        b->qh[g / 4] |=
            (uint8_t)((point[0] >> 8 | point[1] >> 8 << 1) << (2 * (g % 4)));
    }
}

static const struct sov_parts parts = {
    .block = 256,
    .sub = 32,
    .kind = LEVELS_POINTS,
    .lo = -15.0f,
    .hi = 15.0f,
    .n_fields = 1,
    .positive = true,
    .sc_lo = 1.0f,
    .sc_hi = 31.0f,
    .sc_step = 2.0f,
    .grid = SOV_GRID_IQ3S,
    .signs = SOV_POINT_FREE,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_iq3_s = { SOV_TYPE_IQ3_S, decode, encode_iq3_s,
                                           &parts };
