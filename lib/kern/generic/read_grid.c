/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_grid.c - super-blocks of lattice points, as integers
 */
#include "config.h"

#include "kern/generic/blocks.h"
#include "quant/grids.h"
#include "quant/layout.h"

/* n coordinates, those with a bit in minus negative. */
static void
point(const uint8_t *grid, int n, uint32_t minus, int8_t *q)
{
    int j;

    for (j = 0; j < n; j++)
        q[j] = (int8_t)(minus >> j & 1 ? -grid[j] : grid[j]);
}

/* 4-bit scales of 16 weights each, the low halves of bytes first. */
static void
nibble_scales(const uint8_t *p, struct sov_w256 *w)
{
    int i;

    for (i = 0; i < 16; i++)
        w->sc[i] = (int16_t)(2 * (p[i / 2] >> i % 2 * 4 & 15) + 1);
}

void
sov_read_iq2_xxs(const void *block, struct sov_w256 *w)
{
    const struct sov_iq2_xxs *b = block;
    int g;

    w->d = sov_half_at(b->d) * 0.125f;
    for (g = 0; g < 32; g++) {
        const uint8_t *part = b->qs + g / 4 * 8;
        uint32_t signs = sov_le32(part + 4);

        w->sc[g / 2] = (int16_t)(2 * (signs >> 28) + 1);
        point(sov_grid_iq2xxs[part[g % 4]], 8,
              sov_grid_signs(signs >> g % 4 * 7), w->q + 8 * g);
    }
}

void
sov_read_iq2_xs(const void *block, struct sov_w256 *w)
{
    const struct sov_iq2_xs *b = block;
    int g;

    w->d = sov_half_at(b->d) * 0.125f;
    nibble_scales(b->scales, w);
    for (g = 0; g < 32; g++) {
        uint32_t q = sov_le16(b->qs + 2 * g);

        point(sov_grid_iq2xs[q & 511], 8, sov_grid_signs(q >> 9), w->q + 8 * g);
    }
}

void
sov_read_iq2_s(const void *block, struct sov_w256 *w)
{
    const struct sov_iq2_s *b = block;
    int g;

    w->d = sov_half_at(b->d) * 0.125f;
    nibble_scales(b->scales, w);
    for (g = 0; g < 32; g++) {
        int high = b->qh[g / 4] >> g % 4 * 2 & 3;

        point(sov_grid_iq2s[b->qs[g] | high << 8], 8, b->signs[g],
              w->q + 8 * g);
    }
}

void
sov_read_iq3_xxs(const void *block, struct sov_w256 *w)
{
    const struct sov_iq3_xxs *b = block;
    int g;

    w->d = sov_half_at(b->d) * 0.25f;
    for (g = 0; g < 32; g++) {
        uint32_t signs = sov_le32(b->signs + g / 4 * 4);
        uint32_t minus = sov_grid_signs(signs >> g % 4 * 7);

        w->sc[g / 2] = (int16_t)(2 * (signs >> 28) + 1);
        point(sov_grid_iq3xxs[b->qs[2 * g]], 4, minus, w->q + 8 * g);
        point(sov_grid_iq3xxs[b->qs[2 * g + 1]], 4, minus >> 4,
              w->q + 8 * g + 4);
    }
}

void
sov_read_iq3_s(const void *block, struct sov_w256 *w)
{
    const struct sov_iq3_s *b = block;
    int i;

    w->d = sov_half_at(b->d);
    for (i = 0; i < 16; i++)
        w->sc[i] = (int16_t)(2 * (b->scales[i / 4] >> i / 2 % 2 * 4 & 15) + 1);
    for (i = 0; i < 64; i++) {
        int high = b->qh[i / 8] >> i % 8 & 1;

        point(sov_grid_iq3s[b->qs[i] | high << 8], 4,
              (uint32_t)b->signs[i / 2] >> i % 2 * 4, w->q + 4 * i);
    }
}

/* Eight times a point of -1, 0, 1, and one step more or less. */
static void
shifted_point(uint32_t i, bool less, int8_t *q)
{
    int j;

    for (j = 0; j < 8; j++)
        q[j] = (int8_t)(8 * sov_grid_iq1s[i][j] + (less ? -1 : 1));
}

void
sov_read_iq1_s(const void *block, struct sov_w256 *w)
{
    const struct sov_iq1_s *b = block;
    uint32_t g;

    w->d = sov_half_at(b->d) * 0.125f;
    for (g = 0; g < 32; g++) {
        uint32_t qh = sov_le16(b->qh + g / 4 * 2);

        w->sc[g / 2] = (int16_t)(2 * (qh >> 12 & 7) + 1);
        shifted_point(b->qs[g] | (qh >> g % 4 * 3 & 7) << 8, qh >> 15,
                      w->q + 8 * g);
    }
}

void
sov_read_iq1_m(const void *block, struct sov_w256 *w)
{
    const struct sov_iq1_m *b = block;
    uint32_t half = 0;
    uint32_t g;

    for (g = 0; g < 4; g++)
        half |= (uint32_t)(b->scales[2 * g + 1] >> 4) << 4 * g;
    w->d = sov_f16_to_f32((uint16_t)half) * 0.125f;
    for (g = 0; g < 32; g++) {
        uint32_t word = sov_le16(b->scales + g / 8 * 2);
        uint32_t high = (uint32_t)b->qh[g / 2] >> g % 2 * 4;

        w->sc[g / 2] = (int16_t)(2 * (word >> g / 2 % 4 * 3 & 7) + 1);
        shifted_point(b->qs[g] | (high & 7) << 8, high & 8, w->q + 8 * g);
    }
}
