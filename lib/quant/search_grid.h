/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search_grid.h - lattice points and scales of the IQ1, IQ2 and IQ3 types
 *
 * Lane = sub-block, as in search_k.h: the weights that share a whole-number
 * scale k, of a super-block that shares a half float d:
 *
 *   scale s = d * unit * (2 k + 1)
 *
 * The best lattice points for a scale are found exactly.  A group of weights
 * costs, with level g for one, w (s g - x)^2; less the w x^2 that all have in
 * common that is g (g w s^2 - 2 w s x).  From the costs of the levels come the
 * costs of all halves of points, and from these, along the lists of
 * grid_index.h, the least cost of any point, with nothing to remember.  Only when the choice is final (or the half
 * float is to be fitted to it) is the point itself looked up.
 *
 * Signs.  Where all are free, x is |x|.  Where the number of minus signs in
 * eight weights has to be even and is not, the weight that counts least is
 * turned round: its size is negative for the search, so that its true error is
 * counted.  The IQ1 types have signs in their points, and a shift of all
 * levels by an eighth up or down.
 */
#ifndef SOV_QUANT_SEARCH_GRID_H
#define SOV_QUANT_SEARCH_GRID_H

#include "quant/grid_index.h"
#include "quant/search_k.h"

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
    float unit;     /* see above */
    float most;     /* the largest k */
    float from, to; /* scales to try, in parts of what just holds the largest */
};

#define GROUPS_MAX 8

struct grid_tile {
    struct tile t; /* x as the search needs it */
    const struct sov_grid_index *index;
    float turned[4][16]; /* which of eight weights was turned round, or -1 */
};

/* What was chosen for sixteen sub-blocks. */
struct grid {
    float d[2], error[2];
    float scale[16];                /* k */
    uint16_t point[GROUPS_MAX][16]; /* [group][lane] */
    uint8_t down[4][16];            /* shifted down; [eight weights][lane] */
    float turned[4][16];            /* see struct grid_tile */
    v16 qq, qx;
};

/*
 * What halves of a point cost: the first as the sum of two quarters, all
 * second ones and the pairs of them.
 */
struct halves {
    _Alignas(64) float low[9 * SOV_GRID_LANES], high[9 * SOV_GRID_LANES];
    _Alignas(64) float second[SOV_GRID_SYMBOLS * SOV_GRID_LANES];
};

/* ---- costs */

/* One for each level of weight i. */
SOV_LANE void
level_costs(const struct grid_tile *g, int i, v16 s, float shift, int n,
            v16 *cost)
{
    v16 ws = v16_mul(g->t.w[i], s);
    v16 a = v16_mul(ws, s);
    v16 b = v16_mul(v16_add(ws, ws), g->t.x[i]);

    for (int l = 0; l < n; l++) {
        v16 level = v16_set(g->index->level[l] + shift);

        cost[l] = v16_mul(level, v16_sub(v16_mul(level, a), b));
    }
}

/* The quarters of the half that begins with weight i; n of each. */
SOV_LANE void
quarter_costs(const struct grid_tile *g, int dims, int i, v16 s, float shift,
              v16 *low, v16 *high)
{
    v16 c[4][3];

    if (dims == 4) {
        level_costs(g, i, s, shift, 8, low);
        level_costs(g, i + 1, s, shift, 8, high);
        return;
    }
    for (int j = 0; j < 4; j++)
        level_costs(g, i + j, s, shift, 3, c[j]);
    for (int l = 0; l < 9; l++) {
        low[l] = v16_add(c[0][l % 3], c[1][l / 3]);
        high[l] = v16_add(c[2][l % 3], c[3][l / 3]);
    }
}

SOV_LANE void
group_costs(const struct grid_tile *g, int dims, int group, v16 s, float shift,
            struct halves *h)
{
    int n = dims == 8 ? 9 : 8, i = dims * group;
    v16 low[9], high[9];
    float *next = h->second;

    quarter_costs(g, dims, i, s, shift, low, high);
    for (int l = 0; l < n; l++) {
        v16_store(h->low + 16 * l, low[l]);
        v16_store(h->high + 16 * l, high[l]);
    }
    quarter_costs(g, dims, i + dims / 2, s, shift, low, high);
    for (int u = 0; u < n; u++)
        for (int l = 0; l < n; l++, next += 16)
            v16_store(next, v16_add(low[l], high[u]));
    for (int p = 0; p < g->index->n_pairs; p++, next += 16) {
        const uint16_t *pair = g->index->pair[p];

        v16_store(next, v16_min(v16_load(h->second + pair[0]),
                                v16_load(h->second + pair[1])));
    }
}

/* The least cost of any point with first half p of the index. */
SOV_LANE v16
least_with(const struct sov_grid_index *index, const struct halves *h,
           int p)
{
    const uint16_t *symbol = index->symbol + index->start[p];
    const uint16_t *end = index->symbol + index->start[p + 1];
    v16 least = v16_load(h->second + *symbol);

    while (++symbol < end)
        least = v16_min(v16_load(h->second + *symbol), least);
    return v16_add(v16_add(v16_load(h->low + index->low[p]),
                           v16_load(h->high + index->high[p])),
                   least);
}

SOV_LANE v16
least_point(const struct sov_grid_index *index, const struct halves *h)
{
    v16 least = v16_set(3e38f);

    for (int p = 0; p < index->n_first; p++)
        least = v16_min(least_with(index, h, p), least);
    return least;
}

/* The same, and which point it is in each lane. */
SOV_LANE v16
find_point(const struct sov_grid_index *index, const struct halves *h,
           uint16_t point[16])
{
    v16 least = v16_set(3e38f), best = v16_set(0.0f);
    float first[16];

    for (int p = 0; p < index->n_first; p++) {
        v16 cost = least_with(index, h, p);
        m16 better = v16_less(cost, least);

        least = v16_pick(better, cost, least);
        best = v16_pick(better, v16_set((float)p), best);
    }
    v16_store(first, best);
    for (int l = 0; l < 16; l++) {
        int at = index->from[(int)first[l]];
        int end = index->from[(int)first[l] + 1];
        int kept = at;

        for (; at < end; at++)
            if (h->second[index->second[at] + l] <
                h->second[index->second[kept] + l])
                kept = at;
        point[l] = index->point[kept];
    }
    return least;
}

/* ---- a scale for each lane */

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

/* The error of each lane with scale s and the best points. */
SOV_LANE v16
grid_error(const struct grid_tile *g, const struct grid_type *y, v16 s)
{
    v16 up = g->t.sxx, down = up, least;
    struct halves h;

    for (int group = 0; group < y->n / dims_of(y); group++) {
        float shift = has_shift(y) ? SHIFT : 0.0f;

        group_costs(g, dims_of(y), group, s, shift, &h);
        least = least_point(g->index, &h);
        if (has_shift(y)) {
            v16 other;

            group_costs(g, dims_of(y), group, s, -shift, &h);
            other = least_point(g->index, &h);
            if (y->signs == SHIFT_GROUP)
                least = v16_min(other, least);
            else
                down = v16_add(down, other);
        }
        up = v16_add(up, least);
    }
    return y->signs == SHIFT_BLOCK ? v16_min(down, up) : up;
}

/* Take, of the points with either shift, what is better in each lane. */
SOV_LANE void
choose_shift(const struct grid_type *y, const float cost[2][4][16],
             uint16_t below[GROUPS_MAX][16], struct grid *c)
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
            if (lower)
                c->point[group][l] = below[group][l];
        }
    }
}

/* Least squares sums of what was chosen. */
SOV_LANE void
choice_sums(const struct grid_tile *g, const struct grid_type *y,
            struct grid *c)
{
    int dims = dims_of(y);
    float q[8][16];

    c->qq = c->qx = v16_set(0.0f);
    for (int group = 0; group < y->n / dims; group++) {
        for (int l = 0; l < 16; l++) {
            const int8_t *p = g->index->points + dims * c->point[group][l];
            float shift = !has_shift(y)            ? 0.0f
                          : c->down[group][l] != 0 ? -SHIFT
                                                   : SHIFT;

            for (int j = 0; j < dims; j++)
                q[j][l] = (float)p[j] + shift;
        }
        for (int j = 0; j < dims; j++) {
            int i = dims * group + j;
            v16 qj = v16_load(q[j]);
            v16 wq = v16_mul(g->t.w[i], qj);

            c->qq = v16_add(c->qq, v16_mul(wq, qj));
            c->qx = v16_add(c->qx, v16_mul(wq, g->t.x[i]));
        }
    }
}

/* The best points for scale s. */
SOV_LANE void
grid_choose(const struct grid_tile *g, const struct grid_type *y, v16 s,
            struct grid *c)
{
    uint16_t below[GROUPS_MAX][16];
    float cost[2][4][16];
    struct halves h;

    for (int group = 0; group < y->n / dims_of(y); group++) {
        float shift = has_shift(y) ? SHIFT : 0.0f;
        v16 least;

        group_costs(g, dims_of(y), group, s, shift, &h);
        least = find_point(g->index, &h, c->point[group]);
        if (has_shift(y)) {
            v16_store(cost[0][group], least);
            group_costs(g, dims_of(y), group, s, -shift, &h);
            least = find_point(g->index, &h, below[group]);
            v16_store(cost[1][group], least);
        }
    }
    if (has_shift(y))
        choose_shift(y, cost, below, c);
    choice_sums(g, y, c);
}

/* ---- the search */

/* First scales to try; starts and rounds of the second search. */
struct effort_grid {
    uint8_t steps, starts, rounds;
};

static const struct effort_grid effort_grid[9] = {
    { 3, 1, 1 }, { 4, 1, 1 }, { 5, 1, 1 }, { 4, 1, 2 },  { 5, 1, 2 },
    { 5, 2, 2 }, { 6, 3, 2 }, { 8, 4, 3 }, { 10, 6, 3 },
};

/* Make sizes of the weights, an even number of them negative in each eight. */
SOV_LANE void
grid_turn(struct grid_tile *g, enum grid_signs signs)
{
    v16 zero = v16_set(0.0f), none = v16_set(-1.0f);

    for (int i = 0; i < g->t.n; i += 8) {
        v16 least = v16_set(3e38f), which = zero, odd = none;

        for (int j = 0; j < 8; j++) {
            v16 x = g->t.x[i + j];
            v16 size = v16_abs(x);
            v16 loss = v16_mul(g->t.w[i + j], size);
            m16 less = v16_less(loss, least);

            least = v16_pick(less, loss, least);
            which = v16_pick(less, v16_set((float)j), which);
            odd = v16_pick(v16_less(x, zero), v16_sub(zero, odd), odd);
            g->t.x[i + j] = size;
        }
        which = v16_pick(v16_less(zero, odd), which, none);
        v16_store(g->turned[i / 8], which);
        for (int j = 0; j < 8 && signs == SIGNS_EVEN; j++) {
            m16 above = v16_less(v16_set((float)j - 0.5f), which);
            v16 x =
                v16_pick(above, v16_sub(zero, g->t.x[i + j]), g->t.x[i + j]);
            m16 beyond = v16_less(v16_set((float)j + 0.5f), which);

            g->t.x[i + j] = v16_pick(beyond, g->t.x[i + j], x);
        }
    }
}

/* s = d * unit * (2 k + 1) */
SOV_LANE v16
grid_scale(const struct grid_type *y, v16 d, v16 k)
{
    v16 s = v16_add(v16_add(k, k), v16_set(1.0f));

    return v16_mul(v16_mul(s, v16_set(y->unit)), d);
}

/* Move each lane's k to the best near it. */
SOV_LANE v16
grid_neighbours(const struct grid_tile *g, const struct grid_type *y, v16 d,
                v16 *k)
{
    static const float steps[3] = { 0.0f, -1.0f, 1.0f };
    v16 kept = *k, least = v16_set(3e38f);

    for (int step = 0; step < 3; step++) {
        v16 ki = v16_add(*k, v16_set(steps[step]));
        m16 better;
        v16 e;

        ki = v16_min(v16_max(ki, v16_set(0.0f)), v16_set(y->most));
        e = grid_error(g, y, grid_scale(y, d, ki));
        better = v16_less(e, least);
        least = v16_pick(better, e, least);
        kept = v16_pick(better, ki, kept);
    }
    *k = kept;
    return least;
}

SOV_LANE void
grid_keep(struct grid *c, int lanes, v16 e, v16 k, v16 d)
{
    float scale[16], field[16];

    v16_store(scale, k);
    v16_store(field, d);
    for (int b = 0; b < 16 / lanes; b++) {
        float error = sum_lanes(e, lanes * b, lanes);

        if (!(error < c->error[b]))
            continue;
        c->error[b] = error;
        c->d[b] = field[lanes * b];
        memcpy(c->scale + lanes * b, scale + lanes * b,
               (size_t)lanes * sizeof(float));
    }
}

/* One start, with the half floats d. */
SOV_LANE void
grid_start(const struct grid_tile *g, const struct grid_type *y, v16 s,
           float *d, int rounds, struct grid *c)
{
    int lanes = 256 / y->n;
    v16 dv = v16_to_field(spread_lanes(d, lanes));
    v16 k = v16_mul(s, v16_inverse(v16_mul(dv, v16_set(2.0f * y->unit))));

    k = whole(v16_sub(k, v16_set(0.5f)), 0.0f, y->most);
    for (int i = 0; i < rounds; i++) {
        v16 e = grid_neighbours(g, y, dv, &k);
        struct grid now;
        v16 aa, ax, m;

        grid_keep(c, lanes, e, k, dv);
        if (i == rounds - 1)
            break;
        grid_choose(g, y, grid_scale(y, dv, k), &now);
        m = grid_scale(y, v16_set(1.0f), k);
        aa = v16_mul(v16_mul(m, m), now.qq);
        ax = v16_mul(m, now.qx);
        for (int b = 0; b < 16 / lanes; b++) {
            float den = sum_lanes(aa, lanes * b, lanes);

            if (den > 0.0f)
                d[b] = sum_lanes(ax, lanes * b, lanes) / den;
        }
        dv = v16_to_field(spread_lanes(d, lanes));
    }
}

/* The best scale of each lane by itself. */
SOV_LANE v16
grid_first(const struct grid_tile *g, const struct grid_type *y, int count)
{
    v16 top = v16_abs(tile_extreme(&g->t));
    v16 best, least = v16_set(3e38f);
    int n = g->index->n_levels;
    float high = g->index->level[n - 1];

    top = v16_mul(top, v16_set(1.0f / high));
    best = top;
    for (int i = 0; i < count; i++) {
        float f = y->from + (y->to - y->from) * (float)i / (float)(count - 1);
        v16 s = v16_mul(top, v16_set(f));
        v16 e = grid_error(g, y, s);
        m16 better = v16_less(e, least);

        least = v16_pick(better, e, least);
        best = v16_pick(better, s, best);
    }
    return best;
}

SOV_LANE void
grid_search(const float *x, const float *imp, const struct grid_type *y,
            int effort, struct grid *c)
{
    int at = effort < 1 ? 0 : effort > 9 ? 8 : effort - 1;
    struct effort_grid f = effort_grid[at];
    int lanes = 256 / y->n;
    struct grid_tile g;
    float var[2], d[2];
    v16 s, mean;

    g.index = sov_grid_index(y->grid);
    g.t.n = y->n;
    tile_load(g.t.x, x, y->n);
    mean = tile_mean_square(&g.t);
    for (int b = 0; b < 16 / lanes; b++)
        var[b] = sum_lanes(mean, lanes * b, lanes) / (float)lanes;
    tile_weigh(&g.t, imp, spread_lanes(var, lanes));
    tile_sum(&g.t);
    if (!has_shift(y))
        grid_turn(&g, y->signs);
    s = grid_first(&g, y, f.steps);

    memset(c, 0, sizeof(*c));
    c->error[0] = c->error[1] = 3e38f;
    for (int i = 0; i < f.starts; i++) {
        for (int b = 0; b < 16 / lanes; b++)
            d[b] = to_field_up(max_lanes(s, lanes * b, lanes) * starts_k[i] /
                               (y->unit * (2.0f * y->most + 1.0f)));
        grid_start(&g, y, s, d, f.rounds, c);
    }
    grid_choose(
        &g, y, grid_scale(y, spread_lanes(c->d, lanes), v16_load(c->scale)), c);
    for (int b = 0; b < 4; b++)
        for (int l = 0; l < 16; l++)
            if (y->signs != SIGNS_EVEN)
                g.turned[b][l] = -1.0f;
    memcpy(c->turned, g.turned, sizeof(c->turned));
}

#endif
