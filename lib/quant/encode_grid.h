/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode_grid.h - encoders of the IQ1, IQ2 and IQ3 types
 *
 * search_grid.h chooses scales and lattice points for sixteen sub-blocks, which
 * are one super-block or two; here they are put into bytes.  A group is eight
 * weights, but four with the IQ3 types.
 */
#ifndef SOV_QUANT_ENCODE_GRID_H
#define SOV_QUANT_ENCODE_GRID_H

#include "quant/encode_k.h"
#include "quant/search_grid.h"

static const struct grid_type grid_iq2_xxs = {
    SOV_GRID_IQ2XXS, SIGNS_EVEN, 32, 0.125f, 15.0f, 0.45f, 1.1f
};
static const struct grid_type grid_iq2_xs = {
    SOV_GRID_IQ2XS, SIGNS_EVEN, 16, 0.125f, 15.0f, 0.45f, 1.1f
};
static const struct grid_type grid_iq2_s = { SOV_GRID_IQ2S, SIGNS_FREE, 16,
                                             0.125f,        15.0f,      0.45f,
                                             1.1f };
static const struct grid_type grid_iq3_xxs = {
    SOV_GRID_IQ3XXS, SIGNS_EVEN, 32, 0.25f, 15.0f, 0.6f, 1.1f
};
static const struct grid_type grid_iq3_s = { SOV_GRID_IQ3S, SIGNS_FREE, 32,
                                             1.0f,          15.0f,      0.6f,
                                             1.1f };
static const struct grid_type grid_iq1_s = { SOV_GRID_IQ1S, SHIFT_BLOCK, 32,
                                             1.0f,          7.0f,        0.35f,
                                             1.0f };
static const struct grid_type grid_iq1_m = { SOV_GRID_IQ1S, SHIFT_GROUP, 16,
                                             1.0f,          7.0f,        0.35f,
                                             1.0f };

/* The signs of 256 weights, eight in each byte. */
SOV_LANE void
sign_bytes(const float *x, uint8_t bytes[32])
{
    for (int i = 0; i < 16; i++)
        sov_put16(bytes + 2 * i, (uint16_t)v16_signs(v16_load(x + 16 * i)));
}

SOV_LANE void
put_iq2_xxs(const struct grid *c, int b, const float *x, void *block)
{
    struct sov_iq2_xxs *out = block;
    uint8_t sign[32];

    sign_bytes(x, sign);
    sov_put16(out->d, sov_f32_to_f16(c->d[b]));
    for (int k = 0; k < 8; k++) {
        int lane = 8 * b + k;
        uint32_t signs = (uint32_t)c->scale[lane] << 28;

        for (int g = 0; g < 4; g++) {
            int bits = sign[4 * k + g] ^ c->turned[g][lane];

            out->qs[8 * k + g] = (uint8_t)c->point[g][lane];
            signs |= (uint32_t)(bits & 127) << (7 * g);
        }
        sov_put32(out->qs + 8 * k + 4, signs);
    }
}

SOV_LANE void
put_iq2_xs(const struct grid *c, int b, const float *x, void *block)
{
    struct sov_iq2_xs *out = block;
    uint8_t sign[32];

    sign_bytes(x, sign);
    sov_put16(out->d, sov_f32_to_f16(c->d[b]));
    for (int k = 0; k < 8; k++)
        out->scales[k] =
            (uint8_t)((int)c->scale[2 * k] | (int)c->scale[2 * k + 1] << 4);
    for (int g = 0; g < 32; g++) {
        int bits = sign[g] ^ c->turned[g % 2][g / 2];

        sov_put16(out->qs + 2 * g,
                  (uint16_t)(c->point[g % 2][g / 2] | (bits & 127) << 9));
    }
}

SOV_LANE void
put_iq2_s(const struct grid *c, int b, const float *x, void *block)
{
    struct sov_iq2_s *out = block;

    sov_put16(out->d, sov_f32_to_f16(c->d[b]));
    memset(out->qh, 0, sizeof(out->qh));
    for (int k = 0; k < 8; k++)
        out->scales[k] =
            (uint8_t)((int)c->scale[2 * k] | (int)c->scale[2 * k + 1] << 4);
    for (int g = 0; g < 32; g++) {
        int point = c->point[g % 2][g / 2];

        out->qs[g] = (uint8_t)point;
        out->qh[g / 4] |= (uint8_t)(point >> 8 << (2 * (g % 4)));
    }
    sign_bytes(x, out->signs);
}

SOV_LANE void
put_iq3_xxs(const struct grid *c, int b, const float *x, void *block)
{
    struct sov_iq3_xxs *out = block;
    uint8_t sign[32];

    sign_bytes(x, sign);
    sov_put16(out->d, sov_f32_to_f16(c->d[b]));
    for (int k = 0; k < 8; k++) {
        int lane = 8 * b + k;
        uint32_t signs = (uint32_t)c->scale[lane] << 28;

        for (int g = 0; g < 8; g++)
            out->qs[8 * k + g] = (uint8_t)c->point[g][lane];
        for (int g = 0; g < 4; g++) {
            int bits = sign[4 * k + g] ^ c->turned[g][lane];

            signs |= (uint32_t)(bits & 127) << (7 * g);
        }
        sov_put32(out->signs + 4 * k, signs);
    }
}

SOV_LANE void
put_iq3_s(const struct grid *c, int b, const float *x, void *block)
{
    struct sov_iq3_s *out = block;

    sov_put16(out->d, sov_f32_to_f16(c->d[b]));
    memset(out->qh, 0, sizeof(out->qh));
    for (int k = 0; k < 4; k++)
        out->scales[k] = (uint8_t)((int)c->scale[8 * b + 2 * k] |
                                   (int)c->scale[8 * b + 2 * k + 1] << 4);
    for (int p = 0; p < 64; p++) {
        int point = c->point[p % 8][8 * b + p / 8];

        out->qs[p] = (uint8_t)point;
        out->qh[p / 8] |= (uint8_t)(point >> 8 << p % 8);
    }
    sign_bytes(x, out->signs);
}

SOV_LANE void
put_iq1_s(const struct grid *c, int b, const float *x, void *block)
{
    struct sov_iq1_s *out = block;

    (void)x;
    sov_put16(out->d, sov_f32_to_f16(c->d[b]));
    for (int k = 0; k < 8; k++) {
        int lane = 8 * b + k;
        int high = (int)c->scale[lane] << 12 | c->down[0][lane] << 15;

        for (int g = 0; g < 4; g++) {
            out->qs[4 * k + g] = (uint8_t)c->point[g][lane];
            high |= c->point[g][lane] >> 8 << (3 * g);
        }
        sov_put16(out->qh + 2 * k, (uint16_t)high);
    }
}

SOV_LANE void
put_iq1_m(const struct grid *c, int b, const float *x, void *block)
{
    struct sov_iq1_m *out = block;
    uint16_t d = sov_f32_to_f16(c->d[b]);

    (void)x;
    for (int w = 0; w < 4; w++) {
        int word = (d >> (4 * w) & 15) << 12;

        for (int k = 0; k < 4; k++)
            word |= (int)c->scale[4 * w + k] << (3 * k);
        sov_put16(out->scales + 2 * w, (uint16_t)word);
    }
    for (int k = 0; k < 16; k++) {
        int high = 0;

        for (int g = 0; g < 2; g++) {
            out->qs[2 * k + g] = (uint8_t)c->point[g][k];
            high |= (c->point[g][k] >> 8 | c->down[g][k] << 3) << (4 * g);
        }
        out->qh[k] = (uint8_t)high;
    }
}

ENCODE_K(iq2_xxs, IQ2_XXS, grid)
ENCODE_K(iq2_xs, IQ2_XS, grid)
ENCODE_K(iq2_s, IQ2_S, grid)
ENCODE_K(iq3_xxs, IQ3_XXS, grid)
ENCODE_K(iq3_s, IQ3_S, grid)
ENCODE_K(iq1_s, IQ1_S, grid)
ENCODE_K(iq1_m, IQ1_M, grid)

#endif
