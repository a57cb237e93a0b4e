/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_256.c - super-blocks of 256, their weights and scales as integers
 */
#include "config.h"

#include "kern/generic/blocks.h"
#include "quant/grids.h"
#include "quant/kscale.h"
#include "quant/layout.h"

void
sov_read_q2_k(const void *block, struct sov_w256 *w)
{
    const struct sov_q2_k *b = block;
    int i;

    w->d = sov_half_at(b->d);
    w->dmin = sov_half_at(b->dmin);
    for (i = 0; i < 16; i++) {
        w->sc[i] = b->scales[i] & 15;
        w->m[i] = b->scales[i] >> 4;
    }
    for (i = 0; i < 256; i++)
        w->q[i] = b->qs[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
}

void
sov_read_q3_k(const void *block, struct sov_w256 *w)
{
    const struct sov_q3_k *b = block;
    int i;

    w->d = sov_half_at(b->d);
    for (i = 0; i < 16; i++)
        w->sc[i] = (int16_t)sov_kscale_q3(b->scales, i);
    for (i = 0; i < 256; i++) {
        int low = b->qs[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
        int high = b->hmask[i % 32] >> i / 32 & 1;

        w->q[i] = (int8_t)(low + 4 * high - 4);
    }
}

static void
scales_k4(const uint8_t *packed, struct sov_w256 *w)
{
    uint8_t sc[8], m[8];
    int i;

    sov_kscale_get(packed, sc, m);
    for (i = 0; i < 16; i++) {
        w->sc[i] = sc[i / 2];
        w->m[i] = m[i / 2];
    }
}

void
sov_read_q4_k(const void *block, struct sov_w256 *w)
{
    const struct sov_q4_k *b = block;
    int i;

    w->d = sov_half_at(b->d);
    w->dmin = sov_half_at(b->dmin);
    scales_k4(b->scales, w);
    for (i = 0; i < 256; i++)
        w->q[i] = b->qs[i / 64 * 32 + i % 32] >> i % 64 / 32 * 4 & 15;
}

void
sov_read_q5_k(const void *block, struct sov_w256 *w)
{
    const struct sov_q5_k *b = block;
    int i;

    w->d = sov_half_at(b->d);
    w->dmin = sov_half_at(b->dmin);
    scales_k4(b->scales, w);
    for (i = 0; i < 256; i++) {
        int low = b->qs[i / 64 * 32 + i % 32] >> i % 64 / 32 * 4 & 15;
        int high = b->qh[i % 32] >> i / 32 & 1;

        w->q[i] = (int8_t)(low | high << 4);
    }
}

void
sov_read_q6_k(const void *block, struct sov_w256 *w)
{
    const struct sov_q6_k *b = block;
    int i;

    w->d = sov_half_at(b->d);
    for (i = 0; i < 16; i++)
        w->sc[i] = (int8_t)b->scales[i];
    for (i = 0; i < 256; i++) {
        int half = i / 128;
        int low = b->ql[64 * half + i % 64] >> i % 128 / 64 * 4 & 15;
        int high = b->qh[32 * half + i % 32] >> i % 128 / 32 * 2 & 3;

        w->q[i] = (int8_t)((low | high << 4) - 32);
    }
}

void
sov_read_iq4_xs(const void *block, struct sov_w256 *w)
{
    const struct sov_iq4_xs *b = block;
    int i;

    w->d = sov_half_at(b->d);
    for (i = 0; i < 16; i++) {
        int low = b->scales_l[i / 4] >> i / 2 % 2 * 4 & 15;
        int high = sov_le16(b->scales_h) >> i / 2 * 2 & 3;

        w->sc[i] = (int16_t)((low | high << 4) - 32);
    }
    for (i = 0; i < 256; i++)
        w->q[i] =
            sov_grid_iq4nl[b->qs[i / 32 * 16 + i % 16] >> i % 32 / 16 * 4 & 15];
}

/* All sub-blocks alike. */
static void
unscaled(struct sov_w256 *w)
{
    int i;

    for (i = 0; i < 16; i++)
        w->sc[i] = 1;
}

/* n bytes of as many trits each, see tq1_0.c */
static int8_t *
trits(const uint8_t *p, int n, int each, int8_t *q)
{
    int pow3 = 1;
    int t, j;

    for (t = 0; t < each; t++, pow3 *= 3)
        for (j = 0; j < n; j++)
            *q++ = (int8_t)(((p[j] * pow3 & 255) * 3 >> 8) - 1);
    return q;
}

void
sov_read_tq1_0(const void *block, struct sov_w256 *w)
{
    const struct sov_tq1_0 *b = block;
    int8_t *q = w->q;

    w->d = sov_half_at(b->d);
    unscaled(w);
    q = trits(b->qs, 32, 5, q);
    q = trits(b->qs + 32, 16, 5, q);
    trits(b->qh, 4, 4, q);
}

void
sov_read_tq2_0(const void *block, struct sov_w256 *w)
{
    const struct sov_tq2_0 *b = block;
    int i;

    w->d = sov_half_at(b->d);
    unscaled(w);
    for (i = 0; i < 256; i++) {
        int q = b->qs[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;

        w->q[i] = (int8_t)(q - 1);
    }
}
