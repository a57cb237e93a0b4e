/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iq2_xs.c - 2.31 bits: lattice points of 8 weights, signs of even parity
 *
 *   f16 d | u16 qs[32] | u8 scales[8]
 *
 * qs[g]: point in bits 8-0, sign bits in 15-9.  scales[k] has the scale of
 * weights 32 k .. 32 k + 15 in its low half, of the next 16 in its high half.
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
    const struct sov_iq2_xs *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);

        for (int g = 0; g < 32; g++, y += 8) {
            uint32_t q = sov_le16(b->qs + 2 * g);
            int s = b->scales[g / 4] >> (4 * (g / 2 % 2)) & 15;
            float scale = d * (0.5f + (float)s) * 0.25f;
            const uint8_t *grid = sov_grid_iq2xs[q & 511];
            uint8_t minus = sov_grid_signs(q >> 9);

            for (int j = 0; j < 8; j++)
                y[j] = scale * (float)grid[j] * (minus >> j & 1 ? -1.0f : 1.0f);
        }
    }
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_points *points = sov_points(SOV_GRID_IQ2XS);
    const struct sov_iq2_xs *b = block;

    a->d = sov_half_at(b->d);
    a->dmin = 0.0f;
    for (int k = 0; k < 16; k++) {
        a->sc[k] =
            0.125f * (float)(2 * (b->scales[k / 2] >> (4 * (k % 2)) & 15) + 1);
        a->mn[k] = 0.0f;
    }
    for (int g = 0; g < 32; g++) {
        uint32_t q = sov_le16(b->qs + 2 * g);

        sov_points_put(points, SOV_POINT_EVEN, (int[2]){ q & 511, 0 },
                       sov_grid_signs(q >> 9), a->level + 8 * g);
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    const struct sov_points *points = sov_points(SOV_GRID_IQ2XS);
    struct sov_iq2_xs *b = block;

    sov_put16(b->d, sov_f32_to_f16(a->d));
    for (int k = 0; k < 8; k++)
        b->scales[k] = (uint8_t)((int)(a->sc[2 * k] * 4.0f) |
                                 (int)(a->sc[2 * k + 1] * 4.0f) << 4);
    for (int g = 0; g < 32; g++) {
        int point[2];
        unsigned bits =
            sov_points_take(points, SOV_POINT_EVEN, a->level + 8 * g, point);

        sov_put16(b->qs + 2 * g,
                  (uint16_t)((unsigned)point[0] | (bits & 127) << 9));
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
    .grid = SOV_GRID_IQ2XS,
    .signs = SOV_POINT_EVEN,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_iq2_xs = { SOV_TYPE_IQ2_XS, decode,
                                            encode_iq2_xs, &parts };
