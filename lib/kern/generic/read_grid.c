/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_grid.c - super-blocks of lattice points, as integers
 */
#include "config.h"

#include "kern/generic/blocks.h"
#include "quant/grids.h"
#include "quant/layout.h"

/* What a byte of ones is in each of eight bytes. */
#define EACH UINT64_C(0x0101010101010101)

/*
 * Eight coordinates, 1 to 127 each, a byte for one: those with a bit in minus
 * become negative.  No byte carries into the next.
 */
static void
points(uint64_t grid, uint32_t minus, int8_t *q)
{
    uint64_t bits = (minus & 255) * EACH & UINT64_C(0x8040201008040201);
    uint64_t one = (bits + 0x7f * EACH) >> 7 & EACH;

    sov_put64(q, (grid ^ one * 255) + one);
}

static void
two_points(const uint8_t *a, const uint8_t *b, uint32_t minus, int8_t *q)
{
    points(sov_le32(a) | (uint64_t)sov_le32(b) << 32, minus, q);
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
        points(sov_le64(sov_grid_iq2xxs[part[g % 4]]),
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

        points(sov_le64(sov_grid_iq2xs[q & 511]), sov_grid_signs(q >> 9),
               w->q + 8 * g);
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

        points(sov_le64(sov_grid_iq2s[b->qs[g] | high << 8]), b->signs[g],
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

        w->sc[g / 2] = (int16_t)(2 * (signs >> 28) + 1);
        two_points(sov_grid_iq3xxs[b->qs[2 * g]],
                   sov_grid_iq3xxs[b->qs[2 * g + 1]],
                   sov_grid_signs(signs >> g % 4 * 7), w->q + 8 * g);
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
    for (i = 0; i < 32; i++) {
        int high = b->qh[i / 4] >> i % 4 * 2;

        two_points(sov_grid_iq3s[b->qs[2 * i] | (high & 1) << 8],
                   sov_grid_iq3s[b->qs[2 * i + 1] | (high & 2) << 7],
                   b->signs[i], w->q + 8 * i);
    }
}

/* Eight times a point of -1, 0, 1, and one step more or less; what is added
 * to a byte stays in it. */
static void
shifted_point(uint32_t i, bool less, int8_t *q)
{
    uint64_t eight = sov_le64(sov_grid_iq1s[i]) << 3 & 0xf8 * EACH;
    uint64_t high = 0x80 * EACH;

    if (less)
        eight = ((eight | high) - EACH) ^ (~eight & high);
    else
        eight += EACH;
    sov_put64(q, eight);
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
