/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search_grid.h - scales of the IQ1, IQ2 and IQ3 types
 *
 * Lane = sub-block, as in search_k.h: the weights that share a whole-number
 * scale k, of a super-block that shares a half float d:
 *
 *   scale s = d * unit * (2 k + 1)
 *
 * Finding the best lattice points (grid_points.h) takes long, so it is done for
 * few scales.  Where to look is found as if every combination of levels were a
 * point; from the points for such a scale follows the best one for them, and
 * how the error grows around it, which is enough to choose the half float.
 *
 * Signs.  Where all are free, x is |x|.  Where the number of minus signs in
 * eight weights has to be even and is not, the weight that counts least is
 * turned round: its size is negative for the search, so that its true error is
 * counted.  The IQ1 types have signs in their points, and a shift of all
 * levels by an eighth up or down.
 */
#ifndef SOV_QUANT_SEARCH_GRID_H
#define SOV_QUANT_SEARCH_GRID_H

#include "quant/grid_points.h"
#include "quant/search_k.h"

/*
 * First scales to try as if all were points, and with points: about the best of
 * the former, or over the whole range if there were none.  Whether to fit the
 * scales to points.  Half floats to try.  Then rounds, in each of which every
 * lane tries some whole numbers.
 */
struct effort_grid {
    uint8_t free, steps, fit, starts, near, rounds;
};

static const struct effort_grid effort_grid[9] = {
    { 7, 0, 0, 5, 1, 1 },  { 7, 0, 1, 9, 1, 1 },  { 7, 0, 1, 9, 3, 1 },
    { 7, 2, 1, 9, 3, 1 },  { 9, 3, 1, 9, 3, 1 },  { 9, 5, 1, 15, 3, 1 },
    { 9, 5, 1, 15, 3, 2 }, { 9, 7, 1, 15, 3, 2 }, { 9, 11, 1, 15, 3, 3 },
};

/* With a shift, every try takes twice as long and says less. */
static const struct effort_grid effort_shift[9] = {
    { 7, 0, 0, 5, 1, 1 },  { 7, 0, 1, 9, 1, 1 },  { 7, 0, 1, 9, 2, 1 },
    { 9, 0, 1, 15, 2, 1 }, { 9, 0, 1, 15, 3, 1 }, { 9, 3, 1, 15, 3, 1 },
    { 9, 5, 1, 15, 3, 1 }, { 9, 7, 1, 15, 3, 2 }, { 9, 11, 1, 15, 3, 3 },
};

/* Weight which of eight in each lane is turned round, none if it is 8. */
SOV_LANE void
turn_one(v16 *x, v16 which)
{
    v16 zero = v16_set(0.0f);
    m16 at_or_after = v16_less(v16_set(-0.5f), which);

    for (int j = 0; j < 8; j++) {
        m16 after = v16_less(v16_set((float)j + 0.5f), which);
        v16 turned = v16_pick(at_or_after, v16_sub(zero, x[j]), x[j]);

        x[j] = v16_pick(after, x[j], turned);
        at_or_after = after;
    }
}

/* Make sizes of the weights, an even number of them negative in each eight. */
SOV_LANE void
grid_turn(struct grid_tile *g, enum grid_signs signs)
{
    static const float bit_of[16] = { 1, 2, 4, 8, 16, 32, 64, 128 };
    v16 zero = v16_set(0.0f);

    for (int i = 0; i < g->t.n; i += 8) {
        v16 least = v16_set(3e38f), which = zero, odd = v16_set(-1.0f);

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
        if (signs != SIGNS_EVEN)
            continue;
        which = v16_pick(v16_less(zero, odd), which, v16_set(8.0f));
        v16_store_bytes(g->turned[i / 8], v16_table(bit_of, which));
        turn_one(g->t.x + i, which);
    }
}

/* Of w and w x in each group. */
SOV_LANE void
grid_sums(struct grid_tile *g, int dims)
{
    for (int i = 0; i < g->t.n; i++) {
        v16 wx = v16_mul(g->t.w[i], g->t.x[i]);
        v16 *s = &g->s[i / dims], *sx = &g->sx[i / dims];

        *s = i % dims == 0 ? g->t.w[i] : v16_add(*s, g->t.w[i]);
        *sx = i % dims == 0 ? wx : v16_add(*sx, wx);
    }
}

/* s = d * unit * (2 k + 1) */
SOV_LANE v16
grid_scale(const struct grid_type *y, v16 d, v16 k)
{
    v16 s = v16_add(v16_add(k, k), v16_set(1.0f));

    return v16_mul(v16_mul(s, v16_set(y->unit)), d);
}

/* ---- scales by themselves */

/* w (x - g)^2 for the best level g; x in units of the scale. */
SOV_LANE v16
free_loss(const float *level, int dims, v16 w, v16 x)
{
    v16 r;

    if (dims == 4) {
        v16 step = v16_set(level[1] - level[0]), low = v16_set(level[0]);
        v16 q = v16_div(v16_sub(x, low), step);

        q = whole(q, 0.0f, 7.0f);
        r = v16_sub(x, v16_add(v16_mul(q, step), low));
    } else {
        r = v16_abs(v16_sub(x, v16_set(level[0])));
        r = v16_min(v16_abs(v16_sub(x, v16_set(level[1]))), r);
        r = v16_min(v16_abs(v16_sub(x, v16_set(level[2]))), r);
    }
    return v16_mul(w, v16_mul(r, r));
}

/* The error with scale s if every combination of levels were a point. */
SOV_LANE v16
free_error(const struct grid_tile *g, const struct grid_type *y, v16 s)
{
    const float *level = g->index->level;
    v16 up = v16_set(0.0f), down = up, inverse = v16_inverse(s);
    v16 shift = v16_set(has_shift(y) ? SHIFT : 0.0f);

    for (int i = 0; i < y->n; i++) {
        v16 x = v16_mul(g->t.x[i], inverse);

        up = v16_add(
            up, free_loss(level, dims_of(y), g->t.w[i], v16_sub(x, shift)));
        if (has_shift(y))
            down = v16_add(down, free_loss(level, dims_of(y), g->t.w[i],
                                           v16_add(x, shift)));
    }
    if (has_shift(y))
        up = v16_min(down, up);
    return v16_mul(up, v16_mul(s, s));
}

/* The best of count scales, in parts from to to of at. */
SOV_LANE v16
grid_scan(const struct grid_tile *g, const struct grid_type *y, v16 at,
          float from, float to, int count, int is_free)
{
    v16 best = at, least = v16_set(3e38f);

    for (int i = 0; i < count; i++) {
        float f = from + (to - from) * (float)i / (float)(count - 1);
        v16 s = v16_mul(at, v16_set(f));
        v16 e = is_free ? free_error(g, y, s) : grid_error(g, y, s);
        m16 better = v16_less(e, least);

        least = v16_pick(better, e, least);
        best = v16_pick(better, s, best);
    }
    return best;
}

/* What a lane's error is near its best scale: least + bend (s - best)^2. */
struct bowl {
    v16 best, bend;
};

/* The best scale of each lane. */
SOV_LANE void
grid_first(const struct grid_tile *g, const struct grid_type *y,
           const struct effort_grid *f, struct grid *c, struct bowl *w)
{
    float high = g->index->level[g->index->n_levels - 1];
    v16 s = v16_mul(v16_abs(tile_extreme(&g->t)), v16_set(1.0f / high));
    float from = y->from, to = y->to;

    if (f->free > 0) {
        s = grid_scan(g, y, s, from, to, f->free, 1);
        from = f->steps > 3 ? 0.65f : f->steps == 3 ? 0.8f : 0.9f;
        to = 2.0f - from;
    }
    if (f->steps > 0)
        s = grid_scan(g, y, s, from, to, f->steps, 0);
    w->best = s;
    w->bend = g->t.s;
    if (f->fit) {
        grid_choose(g, y, s, c);
        w->best = v16_mul(c->qx, v16_inverse(c->qq));
        w->bend = c->qq;
    }
}

/* ---- whole numbers and the half float */

/* What k would be if it did not have to be whole. */
SOV_LANE v16
grid_number(const struct grid_type *y, v16 d, v16 s)
{
    v16 k = v16_mul(s, v16_inverse(v16_mul(d, v16_set(2.0f * y->unit))));

    return v16_sub(k, v16_set(0.5f));
}

/* The best of count half floats. */
SOV_LANE void
grid_fields(const struct grid_type *y, const struct bowl *w, int count,
            float *best)
{
    int lanes = 256 / y->n;
    float top[2], error[256], field[256];

    for (int b = 0; b < 16 / lanes; b++) {
        top[b] = max_lanes(w->best, lanes * b, lanes) /
                 (y->unit * (2.0f * y->most + 1.0f));
        best[b] = to_field_up(top[b]);
    }
    for (int i = 0; i < count; i++) {
        v16 d = v16_to_field_up(
            v16_mul(spread_lanes(top, lanes), v16_set(starts_k[i])));
        v16 k = whole(grid_number(y, d, w->best), 0.0f, y->most);
        v16 off = v16_sub(grid_scale(y, d, k), w->best);

        v16_store(error + 16 * i, v16_mul(w->bend, v16_mul(off, off)));
        v16_store(field + 16 * i, d);
    }
    best_try(error, field, count, lanes, best);
}

/* The best of the whole numbers next to k: 1, 2 or 3 of them. */
SOV_LANE v16
grid_near(const struct grid_tile *g, const struct grid_type *y, v16 d, v16 k,
          int count)
{
    v16 first = whole(k, 0.0f, y->most), kept = first, least, side;

    if (count == 1)
        return first;
    side = v16_pick(v16_less(first, k), v16_set(1.0f), v16_set(-1.0f));
    least = grid_error(g, y, grid_scale(y, d, first));
    for (int i = 1; i < count; i++) {
        v16 ki = whole(v16_add(first, side), 0.0f, y->most);
        v16 e = grid_error(g, y, grid_scale(y, d, ki));
        m16 better = v16_less(e, least);

        least = v16_pick(better, e, least);
        kept = v16_pick(better, ki, kept);
        side = v16_sub(v16_set(0.0f), side);
    }
    return kept;
}

/* The half floats that are best for what was chosen. */
SOV_LANE void
grid_refit(const struct grid_type *y, struct grid *c)
{
    int lanes = 256 / y->n;
    v16 k = v16_load(c->scale);
    v16 m = grid_scale(y, v16_set(1.0f), k);
    v16 aa = v16_mul(v16_mul(m, m), c->qq);
    v16 ax = v16_mul(m, c->qx);

    for (int b = 0; b < 16 / lanes; b++) {
        float den = sum_lanes(aa, lanes * b, lanes);

        if (den > 0.0f)
            c->d[b] = to_field(sum_lanes(ax, lanes * b, lanes) / den);
    }
}

SOV_LANE void
grid_rounds(const struct grid_tile *g, const struct grid_type *y,
            const struct effort_grid *f, const struct bowl *w, struct grid *c)
{
    int lanes = 256 / y->n;
    v16 s = w->best;

    grid_fields(y, w, f->starts, c->d);
    for (int i = 0; i < f->rounds; i++) {
        v16 d = spread_lanes(c->d, lanes);
        v16 k = grid_near(g, y, d, grid_number(y, d, s), f->near);

        v16_store(c->scale, k);
        grid_choose(g, y, grid_scale(y, d, k), c);
        grid_refit(y, c);
        s = v16_mul(c->qx, v16_inverse(c->qq));
    }
}

SOV_LANE void
grid_search(const float *x, const float *imp, const struct grid_type *y,
            int effort, struct grid *c)
{
    int at = effort < 1 ? 0 : effort > 9 ? 8 : effort - 1;
    struct effort_grid f = has_shift(y) ? effort_shift[at] : effort_grid[at];
    int lanes = 256 / y->n;
    struct grid_tile g;
    struct bowl w;
    float var[2];
    v16 mean;

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
    grid_sums(&g, dims_of(y));
    memset(c, 0, sizeof(*c));
    grid_first(&g, y, &f, c, &w);
    grid_rounds(&g, y, &f, &w, c);
    for (int group = 0; group < y->n / dims_of(y); group++)
        for (int l = 0; l < 16; l++)
            c->point[group][l] =
                g.index->point[c->first[group][l]][c->second[group][l]];
    memcpy(c->turned, g.turned, sizeof(c->turned));
}

#endif
