/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apart.h - a block taken apart, for those who choose its parts by themselves
 *
 *   y = scale * level - min     scale = d * sc[j], min = dmin * mn[j]
 *
 * of sub-block j.  d and dmin are fields of the block, sc and mn whole numbers
 * that its sub-blocks have; where a type has no such numbers they are 1, or 0
 * for minima that it does not have.  Types whose scales are floats of 8 bits
 * (mxfp4, nvfp4) have no field: d is 1 and sc the scale.
 *
 * Weights of lattice types come in groups of SOV_POINT_GROUP, whose levels are
 * points with signs (points.h), or eight times a point and 1 or -1 more; their
 * sc are odd multiples of the lowest.
 *
 * All products are rounded to float one by one, so that y has the bits that
 * decode() gives.
 */
#ifndef SOV_QUANT_APART_H
#define SOV_QUANT_APART_H

#include "quant/levels.h"
#include "quant/points.h"

#include <stdbool.h>
#include <stdint.h>

#define SOV_APART_WEIGHTS 256
#define SOV_APART_SUBS    16

struct sov_apart {
    float d, dmin;
    float sc[SOV_APART_SUBS], mn[SOV_APART_SUBS];
    int8_t level[SOV_APART_WEIGHTS];
};

/* What the parts of a type may be. */
struct sov_parts {
    int block, sub; /* weights of a block, and of a sub-block */
    enum level_kind kind;
    float lo, hi;       /* levels */
    int n_fields;       /* 1: d; 2: dmin too; 0: neither */
    bool positive;      /* they are not negative */
    float sc_lo, sc_hi; /* whole numbers; the same: there are none */
    float sc_step;      /* between them; 0: 1 */
    float mn_lo, mn_hi;
    /* Scales that are no whole numbers: the one so many after sc, or the last
     * one in that direction.  NULL: sc + by. */
    float (*near)(float sc, int by);

    enum sov_grid grid; /* with LEVELS_POINTS */
    enum sov_point_signs signs;

    void (*take)(const void *block, struct sov_apart *a);
    void (*put)(const struct sov_apart *a, void *block);
};

/* Levels that are whole numbers, from lo on, to codes. */
static inline void
sov_apart_whole(const int8_t *level, int n, int lo, uint8_t *q)
{
    for (int i = 0; i < n; i++)
        q[i] = (uint8_t)(level[i] - lo);
}

/* Levels out of a table of sixteen to codes. */
static inline void
sov_apart_table(const int8_t *level, int n, const int8_t table[16], uint8_t *q)
{
    uint8_t code[256];

    for (int k = 15; k >= 0; k--)
        code[(uint8_t)table[k]] = (uint8_t)k;
    for (int i = 0; i < n; i++)
        q[i] = code[(uint8_t)level[i]];
}

/* A block with one scale for all. */
static inline void
sov_apart_one(struct sov_apart *a, float d, float dmin)
{
    a->d = d;
    a->dmin = dmin;
    a->sc[0] = 1.0f;
    a->mn[0] = dmin < 0.0f || dmin > 0.0f ? 1.0f : 0.0f;
}

#endif
