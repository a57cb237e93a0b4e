/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grid_points.h - the best lattice points of the IQ types for given scales
 *
 * Lane = sub-block: weights that share a scale s.  The best points are found
 * exactly.  A group of weights costs, with level g for one, w (s g - x)^2; less
 * the w x^2 that all have in common that is g (g w s^2 - 2 w s x).  From the
 * costs of the levels, as 16-bit numbers, come the costs of all halves of
 * points, and from these, along the lists of grid_index.h, the least cost of
 * any point, for two groups side by side.
 */
#ifndef SOV_QUANT_GRID_POINTS_H
#define SOV_QUANT_GRID_POINTS_H

#include "quant/grid_index.h"
#include "quant/search.h"

#define SHIFT 0.125f

enum grid_signs {
    SIGNS_FREE,
    SIGNS_EVEN,
    SHIFT_BLOCK, /* one shift for the sub-block */
    SHIFT_GROUP, /* one for each eight weights */
};

struct grid_type {
    enum sov_grid grid;
    enum grid_signs signs;
    int n;          /* weights of a sub-block: 16 or 32 */
    float unit;     /* s = d * unit * (2 k + 1) */
    float most;     /* the largest k */
    float from, to; /* scales to try, in parts of what just holds the largest */
};

#define GROUPS_MAX 8

struct grid_tile {
    struct tile t; /* x as the search needs it */
    const struct sov_grid_index *index;
    v16 s[GROUPS_MAX], sx[GROUPS_MAX]; /* sums of w and w x of each group */
    uint8_t turned[4][16]; /* a bit for that of eight that was turned round */
};

/* What was chosen for sixteen sub-blocks: [group][lane], or [eight weights]. */
struct grid {
    float d[2];
    float scale[16];                                       /* k */
    uint8_t first[GROUPS_MAX][16], second[GROUPS_MAX][16]; /* see index */
    uint16_t point[GROUPS_MAX][16];                        /* in the end */
    uint8_t down[4][16];                                   /* shifted down */
    uint8_t turned[4][16]; /* see struct grid_tile */
    v16 qq, qx;
};

SOV_LANE int
has_shift(const struct grid_type *y)
{
    return y->signs == SHIFT_BLOCK || y->signs == SHIFT_GROUP;
}

SOV_LANE int
dims_of(const struct grid_type *y)
{
    return y->grid == SOV_GRID_IQ3XXS || y->grid == SOV_GRID_IQ3S ? 4 : 8;
}

/* ---- costs */

/* The level that costs are relative to. */
SOV_LANE int
middle_of(int dims)
{
    return dims == 8 ? 1 : 3;
}

/*
 * What halves of a point cost in two groups: the first as the sum of two
 * quarters, all second ones and the pairs of them.
 */
struct halves {
    _Alignas(64) int16_t low[9 * SOV_GRID_LANES], high[9 * SOV_GRID_LANES];
    _Alignas(64) int16_t second[SOV_GRID_SYMBOLS * SOV_GRID_LANES];
};

#define COST_MAX 32760.0f

/*
 * What each level costs more than the middle one, for all weights of a group,
 * as whole numbers so that no point's sum is beyond COST_MAX; what one stands
 * for.
 */
SOV_LANE v16
level_costs(const struct grid_tile *g, int dims, int group, v16 s, float shift,
            v16 cost[][8])
{
    const float *level = g->index->level;
    int n = dims == 8 ? 3 : 8, middle = middle_of(dims);
    v16 most = v16_set(0.0f), inverse, lowest = v16_set(-COST_MAX);

    for (int j = 0; j < dims; j++) {
        v16 ws = v16_mul(g->t.w[dims * group + j], s);
        v16 a = v16_mul(ws, s);
        v16 b = v16_mul(v16_add(ws, ws), g->t.x[dims * group + j]);

        for (int l = 0; l < n; l++) {
            float step = level[l] - level[middle];
            float sum = level[l] + level[middle] + 2.0f * shift;

            if (l == middle)
                continue;
            cost[j][l] = v16_sub(v16_mul(v16_set(step * sum), a),
                                 v16_mul(v16_set(step), b));
        }
        most = v16_add(most,
                       v16_max(v16_abs(cost[j][0]), v16_abs(cost[j][n - 1])));
    }
    inverse = v16_mul(v16_inverse(most), v16_set(COST_MAX));
    for (int j = 0; j < dims; j++)
        for (int l = 0; l < n; l++)
            if (l != middle)
                cost[j][l] = v16_max(v16_mul(cost[j][l], inverse), lowest);
    return v16_mul(most, v16_set(1.0f / COST_MAX));
}

/* What a group costs with all levels the middle one, less its w x^2. */
SOV_LANE v16
middle_cost(const struct grid_tile *g, int dims, int group, v16 s, float shift)
{
    float level = g->index->level[middle_of(dims)] + shift;
    v16 ms = v16_mul(s, v16_set(level));
    v16 x = v16_add(g->sx[group], g->sx[group]);

    return v16_mul(ms, v16_sub(v16_mul(ms, g->s[group]), x));
}

/* The quarters of a half from the costs of its weights; n of each. */
SOV_LANE void
quarter_costs(int dims, c32 cost[][8], c32 *low, c32 *high)
{
    if (dims == 4) {
        for (int l = 0; l < 8; l++) {
            low[l] = cost[0][l];
            high[l] = cost[1][l];
        }
        return;
    }
    for (int l = 0; l < 9; l++) {
        low[l] = c32_add(cost[0][l % 3], cost[1][l / 3]);
        high[l] = c32_add(cost[2][l % 3], cost[3][l / 3]);
    }
}

/* Groups group and group + 1 side by side; what one stands for in each. */
SOV_LANE void
pair_costs(const struct grid_tile *g, int dims, int group, v16 s, float shift,
           struct halves *h, v16 unit[2])
{
    int n = dims == 8 ? 9 : 8, n_levels = dims == 8 ? 3 : 8;
    v16 a[8][8], b[8][8];
    c32 cost[8][8], low[9], high[9];
    int16_t *next = h->second;

    unit[0] = level_costs(g, dims, group, s, shift, a);
    unit[1] = level_costs(g, dims, group + 1, s, shift, b);
    for (int j = 0; j < dims; j++)
        for (int l = 0; l < n_levels; l++)
            cost[j][l] =
                l == middle_of(dims) ? c32_set(0) : c32_pair(a[j][l], b[j][l]);

    quarter_costs(dims, cost, low, high);
    for (int l = 0; l < n; l++) {
        c32_store(h->low + SOV_GRID_LANES * l, low[l]);
        c32_store(h->high + SOV_GRID_LANES * l, high[l]);
    }
    quarter_costs(dims, cost + dims / 2, low, high);
    for (int u = 0; u < n; u++)
        for (int l = 0; l < n; l++, next += SOV_GRID_LANES)
            c32_store(next, c32_add(low[l], high[u]));
    for (int p = 0; p < g->index->n_pairs; p++, next += SOV_GRID_LANES) {
        const uint16_t *pair = g->index->pair[p];

        c32_store(next, c32_min(c32_load(h->second + pair[0]),
                                c32_load(h->second + pair[1])));
    }
}

SOV_LANE_CALL void
costs_of_4(const struct grid_tile *g, int group, const v16 *s, struct halves *h,
           v16 unit[2])
{
    pair_costs(g, 4, group, *s, 0.0f, h, unit);
}

SOV_LANE_CALL void
costs_of_8(const struct grid_tile *g, int group, const v16 *s, float shift,
           struct halves *h, v16 unit[2])
{
    pair_costs(g, 8, group, *s, shift, h, unit);
}

SOV_LANE void
group_costs(const struct grid_tile *g, int dims, int group, v16 s, float shift,
            struct halves *h, v16 unit[2])
{
    if (dims == 4)
        costs_of_4(g, group, &s, h, unit);
    else
        costs_of_8(g, group, &s, shift, h, unit);
}

/* The cheapest second half for first half p of the index; n of its symbols, if
 * that is a constant, or 0. */
SOV_LANE c32
least_second(const struct sov_grid_index *index, const struct halves *h, int p,
             int n)
{
    const uint16_t *symbol = index->symbol + index->start[p];
    c32 least = c32_load(h->second + symbol[0]);

    if (n == 0)
        n = index->start[p + 1] - index->start[p];
    for (int i = 1; i < n; i++)
        least = c32_min(c32_load(h->second + symbol[i]), least);
    return least;
}

SOV_LANE c32
first_cost(const struct sov_grid_index *index, const struct halves *h, int p)
{
    return c32_add(c32_load(h->low + index->low[p]),
                   c32_load(h->high + index->high[p]));
}

/* The cheapest point so far: its cost, that of its second half, its first. */
struct cheapest {
    c32 cost, rest, first;
};

/* First halves from to to - 1, all with n symbols or n = 0. */
SOV_LANE void
least_in_run(const struct sov_grid_index *index, const struct halves *h,
             int from, int to, int n, int find, struct cheapest *c)
{
    for (int p = from; p < to; p++) {
        c32 rest = least_second(index, h, p, n);
        c32 cost = c32_add(first_cost(index, h, p), rest);
        cm32 better;

        if (!find) {
            c->cost = c32_min(cost, c->cost);
            continue;
        }
        better = c32_less(cost, c->cost);
        c->cost = c32_pick(better, cost, c->cost);
        c->rest = c32_pick(better, rest, c->rest);
        c->first = c32_pick(better, c32_set(p), c->first);
    }
}

SOV_LANE void
search_lists(const struct sov_grid_index *index, const struct halves *h,
             int find, struct cheapest *c)
{
    const int *run = index->run;

    c->first = c32_set(0);
    c->rest = least_second(index, h, 0, 0);
    c->cost = c32_add(first_cost(index, h, 0), c->rest);
    least_in_run(index, h, 1, run[1], 1, find, c);
    least_in_run(index, h, run[1] > 0 ? run[1] : 1, run[2], 2, find, c);
    least_in_run(index, h, run[2] > 0 ? run[2] : 1, run[3], 3, find, c);
    least_in_run(index, h, run[3] > 0 ? run[3] : 1, run[4], 4, find, c);
    least_in_run(index, h, run[4] > 0 ? run[4] : 1, run[5], 5, find, c);
    least_in_run(index, h, run[5], index->n_first, 0, find, c);
}

/* Only the cost. */
SOV_LANE_CALL void
least_cost(const struct sov_grid_index *index, const struct halves *h,
           struct cheapest *c)
{
    search_lists(index, h, 0, c);
}

SOV_LANE_CALL void
least_point(const struct sov_grid_index *index, const struct halves *h,
            struct cheapest *c)
{
    search_lists(index, h, 1, c);
}

/*
 * Its second halves: among those that occur with the first one, what costs just
 * as much as is left.
 */
SOV_LANE_CALL void
find_second(const struct sov_grid_index *index, const struct halves *h,
            const struct cheapest *c, c32 *second)
{
    int16_t at[SOV_GRID_LANES], word[SOV_GRID_LANES];

    *second = c32_set(0);
    c32_store(at, c->first);
    for (int u = 0; u < index->n_halves; u++) {
        c32 cost = c32_load(h->second + SOV_GRID_LANES * u);
        cm32 hit = c32_equal(cost, c->rest);

        if (u % 16 == 0)
            for (int l = 0; l < SOV_GRID_LANES; l++)
                word[l] = (int16_t)index->with[at[l]][u / 16];
        hit = cm32_and(hit, c32_has(c32_load(word), u % 16));
        *second = c32_pick(hit, c32_set(u), *second);
    }
}

/* ---- a scale for each lane */

/* The errors of two groups beyond w x^2 with the best points. */
SOV_LANE void
group_errors(const struct grid_tile *g, int dims, int group, v16 s, float shift,
             v16 e[2])
{
    struct halves h;
    struct cheapest c;
    v16 unit[2];

    group_costs(g, dims, group, s, shift, &h, unit);
    least_cost(g->index, &h, &c);
    e[0] = v16_add(middle_cost(g, dims, group, s, shift),
                   v16_mul(c32_first(c.cost), unit[0]));
    e[1] = v16_add(middle_cost(g, dims, group + 1, s, shift),
                   v16_mul(c32_second(c.cost), unit[1]));
}

/* The error of each lane with scale s and the best points. */
SOV_LANE v16
grid_error(const struct grid_tile *g, const struct grid_type *y, v16 s)
{
    v16 up = g->t.sxx, down = up;

    for (int group = 0; group < y->n / dims_of(y); group += 2) {
        v16 e[2], other[2];

        group_errors(g, dims_of(y), group, s, has_shift(y) ? SHIFT : 0.0f, e);
        if (has_shift(y))
            group_errors(g, dims_of(y), group, s, -SHIFT, other);
        for (int i = 0; i < 2; i++) {
            if (y->signs == SHIFT_GROUP)
                e[i] = v16_min(other[i], e[i]);
            if (y->signs == SHIFT_BLOCK)
                down = v16_add(down, other[i]);
            up = v16_add(up, e[i]);
        }
    }
    return y->signs == SHIFT_BLOCK ? v16_min(down, up) : up;
}

/* The best points for scale s, all shifted alike, and what the groups cost. */
SOV_LANE void
choose_points(const struct grid_tile *g, const struct grid_type *y, v16 s,
              float shift, struct grid *c, float cost[][16])
{
    int dims = dims_of(y);

    for (int group = 0; group < y->n / dims; group += 2) {
        struct cheapest best;
        struct halves h;
        v16 unit[2];
        c32 second;

        group_costs(g, dims, group, s, shift, &h, unit);
        least_point(g->index, &h, &best);
        find_second(g->index, &h, &best, &second);
        v16_store_bytes(c->first[group], c32_first(best.first));
        v16_store_bytes(c->first[group + 1], c32_second(best.first));
        v16_store_bytes(c->second[group], c32_first(second));
        v16_store_bytes(c->second[group + 1], c32_second(second));
        if (!has_shift(y))
            continue;
        v16_store(cost[group], v16_add(middle_cost(g, dims, group, s, shift),
                                       v16_mul(c32_first(best.cost), unit[0])));
        v16_store(cost[group + 1],
                  v16_add(middle_cost(g, dims, group + 1, s, shift),
                          v16_mul(c32_second(best.cost), unit[1])));
    }
}

/* Take, of the points with either shift, what is better in each lane. */
SOV_LANE void
choose_shift(const struct grid_type *y, float cost[2][4][16],
             const struct grid *below, struct grid *c)
{
    for (int l = 0; l < 16; l++) {
        float up = 0.0f, down = 0.0f;

        for (int group = 0; group < y->n / 8; group++) {
            up += cost[0][group][l];
            down += cost[1][group][l];
        }
        for (int group = 0; group < y->n / 8; group++) {
            int lower = y->signs == SHIFT_BLOCK
                            ? down < up
                            : cost[1][group][l] < cost[0][group][l];

            c->down[group][l] = (uint8_t)lower;
            if (!lower)
                continue;
            c->first[group][l] = below->first[group][l];
            c->second[group][l] = below->second[group][l];
        }
    }
}

/* Least squares sums of what was chosen. */
SOV_LANE void
choice_sums(const struct grid_tile *g, const struct grid_type *y,
            struct grid *c)
{
    const struct sov_grid_index *index = g->index;
    int dims = dims_of(y);

    c->qq = c->qx = v16_set(0.0f);
    for (int group = 0; group < y->n / dims; group++) {
        float shift[16];
        uint32_t code[16];

        for (int l = 0; l < 16; l++) {
            code[l] = index->first_code[c->first[group][l]] |
                      (uint32_t)index->second_code[c->second[group][l]] << 8;
            if (has_shift(y))
                shift[l] = c->down[group][l] != 0 ? -SHIFT : SHIFT;
        }
        for (int j = 0; j < dims; j++) {
            int i = dims * group + j;
            v16 q = v16_digit(index->digit, code, 16 / dims * j);
            v16 wq;

            if (has_shift(y))
                q = v16_add(q, v16_load(shift));
            wq = v16_mul(g->t.w[i], q);
            c->qq = v16_add(c->qq, v16_mul(wq, q));
            c->qx = v16_add(c->qx, v16_mul(wq, g->t.x[i]));
        }
    }
}

/* The best points for scale s. */
SOV_LANE void
grid_choose(const struct grid_tile *g, const struct grid_type *y, v16 s,
            struct grid *c)
{
    float cost[2][4][16];
    struct grid below;

    choose_points(g, y, s, has_shift(y) ? SHIFT : 0.0f, c, cost[0]);
    if (has_shift(y)) {
        choose_points(g, y, s, -SHIFT, &below, cost[1]);
        choose_shift(y, cost, &below, c);
    }
    choice_sums(g, y, c);
}

#endif
