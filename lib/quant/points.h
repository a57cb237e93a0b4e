/* SPDX-License-Identifier: Apache-2.0 */
/*
 * points.h - the lattice points of the IQ types one by one
 *
 * As grid_index.h has them, a point is two halves, each a number with the
 * levels of its coordinates as digits, the first lowest.
 */
#ifndef SOV_QUANT_POINTS_H
#define SOV_QUANT_POINTS_H

#include "quant/grid_index.h"

#include <stdint.h>

/* Weights that share signs or a shift: one point of eight, or two of four. */
#define SOV_POINT_GROUP 8

enum sov_point_signs {
    SOV_POINT_FREE,  /* any signs */
    SOV_POINT_EVEN,  /* an even number of minus signs in a group */
    SOV_POINT_BLOCK, /* none, but a shift for each sub-block */
    SOV_POINT_SHIFT, /* or for each group */
};

struct sov_points {
    int dims; /* 8 or 4 */
    int n, n_levels, n_halves;
    float level[8]; /* rising */
    uint8_t first[SOV_GRID_POINTS], second[SOV_GRID_POINTS];
    int8_t at[SOV_GRID_POINTS][8];
    int16_t of[SOV_GRID_HALVES][SOV_GRID_HALVES]; /* -1: no point */
};

/* Made at the first call. */
const struct sov_points *sov_points(enum sov_grid grid);

/* The point at these coordinates. */
int sov_points_find(const struct sov_points *p, const int8_t *at);

/*
 * Levels of a group to points and signs: point[0], and point[1] of two; a bit
 * for each minus sign, or 1 where the shift is down.
 */
unsigned sov_points_take(const struct sov_points *p, enum sov_point_signs signs,
                         const int8_t level[SOV_POINT_GROUP], int point[2]);

/* And back. */
void sov_points_put(const struct sov_points *p, enum sov_point_signs signs,
                    const int point[2], unsigned bits,
                    int8_t level[SOV_POINT_GROUP]);

#endif
