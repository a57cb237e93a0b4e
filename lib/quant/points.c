/* SPDX-License-Identifier: Apache-2.0 */
/*
 * points.c - the lattice points of the IQ types one by one
 */
#include "quant/points.h"

#include "quant/grids.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

/* What an IQ1 level is in units of its shift. */
#define UNIT 8

static struct sov_points tables[SOV_GRID_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
find_levels(struct sov_points *p)
{
    uint8_t seen[256] = { 0 };

    for (int i = 0; i < p->n; i++)
        for (int j = 0; j < p->dims; j++)
            seen[p->at[i][j] + 128] = 1;
    for (int i = 0; i < 256; i++)
        if (seen[i])
            p->level[p->n_levels++] = (float)(i - 128);
}

static int
half_of(const struct sov_points *p, const int8_t *at)
{
    int number = 0;

    for (int j = p->dims / 2 - 1; j >= 0; j--) {
        int l = 0;

        while (l < p->n_levels - 1 && p->level[l] < (float)at[j])
            l++;
        number = number * p->n_levels + l;
    }
    return number;
}

static void
make(enum sov_grid grid, const void *table, int n, int dims)
{
    struct sov_points *p = &tables[grid];

    p->dims = dims;
    p->n = n;
    p->n_halves = dims == 8 ? 81 : 64;
    for (int i = 0; i < n; i++)
        memcpy(p->at[i], (const int8_t *)table + dims * i, (size_t)dims);
    find_levels(p);
    memset(p->of, -1, sizeof(p->of));
    for (int i = 0; i < n; i++) {
        p->first[i] = (uint8_t)half_of(p, p->at[i]);
        p->second[i] = (uint8_t)half_of(p, p->at[i] + dims / 2);
        p->of[p->first[i]][p->second[i]] = (int16_t)i;
    }
}

static void
make_all(void)
{
    make(SOV_GRID_IQ2XXS, sov_grid_iq2xxs, 256, 8);
    make(SOV_GRID_IQ2XS, sov_grid_iq2xs, 512, 8);
    make(SOV_GRID_IQ2S, sov_grid_iq2s, 1024, 8);
    make(SOV_GRID_IQ3XXS, sov_grid_iq3xxs, 256, 4);
    make(SOV_GRID_IQ3S, sov_grid_iq3s, 512, 4);
    make(SOV_GRID_IQ1S, sov_grid_iq1s, 2048, 8);
}

const struct sov_points *
sov_points(enum sov_grid grid)
{
    pthread_once(&once, make_all);
    return &tables[grid];
}

int
sov_points_find(const struct sov_points *p, const int8_t *at)
{
    return p->of[half_of(p, at)][half_of(p, at + p->dims / 2)];
}

unsigned
sov_points_take(const struct sov_points *p, enum sov_point_signs signs,
                const int8_t level[SOV_POINT_GROUP], int point[2])
{
    int8_t at[SOV_POINT_GROUP];
    unsigned bits = 0;

    if (signs == SOV_POINT_BLOCK || signs == SOV_POINT_SHIFT) {
        /* one more than a multiple of eight, or one less */
        int down = (level[0] & (UNIT - 1)) != 1;

        for (int j = 0; j < SOV_POINT_GROUP; j++)
            at[j] = (int8_t)((level[j] + (down ? 1 : -1)) / UNIT);
        bits = (unsigned)down;
    } else {
        for (int j = 0; j < SOV_POINT_GROUP; j++) {
            bits |= (unsigned)(level[j] < 0) << j;
            at[j] = (int8_t)(level[j] < 0 ? -level[j] : level[j]);
        }
    }
    point[0] = sov_points_find(p, at);
    point[1] = p->dims == 4 ? sov_points_find(p, at + 4) : 0;
    assert(point[0] >= 0 && point[1] >= 0);
    return bits;
}

void
sov_points_put(const struct sov_points *p, enum sov_point_signs signs,
               const int point[2], unsigned bits, int8_t level[SOV_POINT_GROUP])
{
    for (int j = 0; j < SOV_POINT_GROUP; j++) {
        int at = p->at[point[j / p->dims]][j % p->dims];

        if (signs == SOV_POINT_BLOCK || signs == SOV_POINT_SHIFT)
            level[j] = (int8_t)(UNIT * at + (bits & 1 ? -1 : 1));
        else
            level[j] = (int8_t)(bits >> j & 1 ? -at : at);
    }
}
