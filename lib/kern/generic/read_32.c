/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_32.c - types with float scales, their weights as integers
 */
#include "config.h"

#include "kern/generic/blocks.h"
#include "quant/fp4_scale.h"
#include "quant/grids.h"
#include "quant/layout.h"

#include <string.h>

/* Nibbles, less an offset. */
static void
nibbles(const uint8_t *p, int offset, int8_t q[32])
{
    int j;

    for (j = 0; j < 16; j++) {
        q[j] = (int8_t)((p[j] & 15) - offset);
        q[j + 16] = (int8_t)((p[j] >> 4) - offset);
    }
}

/* Bit j of four bytes is worth 16 in q[j]. */
static void
fifth_bits(const uint8_t *p, int8_t q[32])
{
    int j;

    for (j = 0; j < 32; j++)
        q[j] = (int8_t)(q[j] + ((p[j / 8] >> j % 8 & 1) << 4));
}

/* Nibbles as numbers of a table, of n bytes: low halves first. */
static void
look_up(const int8_t table[16], const uint8_t *p, int n, int8_t *q)
{
    int j;

    for (j = 0; j < n; j++) {
        q[j] = table[p[j] & 15];
        q[j + n] = table[p[j] >> 4];
    }
}

void
sov_read_q4_0(const void *block, struct sov_w32 *w)
{
    const struct sov_q4_0 *b = block;

    w->d = sov_half_at(b->d);
    nibbles(b->qs, 8, w->q);
}

void
sov_read_q4_1(const void *block, struct sov_w32 *w)
{
    const struct sov_q4_1 *b = block;

    w->d = sov_half_at(b->d);
    w->m = sov_half_at(b->m);
    nibbles(b->qs, 0, w->q);
}

void
sov_read_q5_0(const void *block, struct sov_w32 *w)
{
    const struct sov_q5_0 *b = block;

    w->d = sov_half_at(b->d);
    nibbles(b->qs, 16, w->q);
    fifth_bits(b->qh, w->q);
}

void
sov_read_q5_1(const void *block, struct sov_w32 *w)
{
    const struct sov_q5_1 *b = block;

    w->d = sov_half_at(b->d);
    w->m = sov_half_at(b->m);
    nibbles(b->qs, 0, w->q);
    fifth_bits(b->qh, w->q);
}

void
sov_read_q8_0(const void *block, struct sov_w32 *w)
{
    const struct sov_q8_0 *b = block;

    w->d = sov_half_at(b->d);
    memcpy(w->q, b->qs, 32);
}

void
sov_read_iq4_nl(const void *block, struct sov_w32 *w)
{
    const struct sov_iq4_nl *b = block;

    w->d = sov_half_at(b->d);
    look_up(sov_grid_iq4nl, b->qs, 16, w->q);
}

void
sov_read_mxfp4(const void *block, struct sov_w32 *w)
{
    const struct sov_mxfp4 *b = block;

    w->d = sov_mxfp4_scale(b->e[0]);
    look_up(sov_grid_fp4, b->qs, 16, w->q);
}

void
sov_read_nvfp4(const void *block, struct sov_w32 *w)
{
    const struct sov_nvfp4 *b = block;
    int i;

    for (i = 0; i < 2; i++, w++) {
        w->d = sov_nvfp4_scale(b->d[2 * i]);
        w->m = sov_nvfp4_scale(b->d[2 * i + 1]);
        look_up(sov_grid_fp4, b->qs + 16 * i, 8, w->q);
        look_up(sov_grid_fp4, b->qs + 16 * i + 8, 8, w->q + 16);
    }
}

void
sov_read_q1_0(const void *block, struct sov_w32 *w)
{
    const struct sov_q1_0 *b = block;
    int i;

    for (i = 0; i < 128; i++) {
        w[i / 32].d = sov_half_at(b->d);
        w[i / 32].q[i % 32] = b->qs[i / 8] >> (i % 8) & 1 ? 1 : -1;
    }
}

void
sov_read_q2_0(const void *block, struct sov_w32 *w)
{
    const struct sov_q2_0 *b = block;
    int i;

    for (i = 0; i < 64; i++) {
        w[i / 32].d = sov_half_at(b->d);
        w[i / 32].q[i % 32] = (int8_t)((b->qs[i / 4] >> (2 * (i % 4)) & 3) - 1);
    }
}
