/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback_lanes.h - kern/feedback.h over sixteen lanes, for any ISA
 *
 * Whoever includes this has included its own lane.h, or gets the plain one.
 */
#ifndef SOV_KERN_FEEDBACK_LANES_H
#define SOV_KERN_FEEDBACK_LANES_H

#include "kern/feedback.h"
#include "kern/overlay.h"
#include "quant/apart.h"

/* y[j][lane] += the sum over k of m[k * stride + j] * x[k][lane], in order;
 * eight columns, or cols of them. */
SOV_LANE void
fb_columns(const float *m, size_t stride, size_t n_k, const float *x, float *y,
           int cols)
{
    v16 sum[8];

    for (int j = 0; j < cols; j++)
        sum[j] = v16_load(y + 16 * j);
    for (size_t k = 0; k < n_k; k++, m += stride) {
        v16 xk = v16_load(x + 16 * k);

        for (int j = 0; j < cols; j++)
            sum[j] = v16_add(sum[j], v16_mul(v16_set(m[j]), xk));
    }
    for (int j = 0; j < cols; j++)
        v16_store(y + 16 * j, sum[j]);
}

static void
fb_spread(const float *m, size_t stride, size_t n_k, const float *x, float *y,
          size_t n_y)
{
    size_t j = 0;

    for (; j + 8 <= n_y; j += 8)
        fb_columns(m + j, stride, n_k, x, y + 16 * j, 8);
    for (; j < n_y; j++)
        fb_columns(m + j, stride, n_k, x, y + 16 * j, 1);
}

/* 1 / scale, 0 for 0 */
SOV_LANE v16
fb_inverse(v16 scale)
{
    v16 zero = v16_set(0.0f);

    return v16_pick(v16_less(zero, v16_abs(scale)),
                    v16_div(v16_set(1.0f), scale), zero);
}

SOV_LANE void
fb_copy(v16 *to, const float *from, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = v16_load(from + 16 * i);
}

/* Columns where m: those of a try; the others stay. */
SOV_LANE void
fb_keep(m16 m, const v16 *x, float *kept, int n)
{
    for (int i = 0; i < n; i++)
        v16_store(kept + 16 * i, v16_pick(m, x[i], v16_load(kept + 16 * i)));
}

/* ---- groups of weights that are points */

/* What levels of eight columns cost. */
struct fb_costs {
    v16 column[8][8];
    v16 first[SOV_GRID_HALVES], second[SOV_GRID_HALVES];
};

/* Sums of the costs of n columns, for all halves of a point. */
SOV_LANE void
fb_halves(const struct sov_points *p, v16 (*cost)[8], v16 *sum)
{
    int n = p->n_levels, half = p->dims / 2;
    v16 high[9];

    for (int i = 0; i < (half == 4 ? n * n : n); i++)
        high[i] =
            half == 4 ? v16_add(cost[2][i % n], cost[3][i / n]) : cost[1][i];
    for (int i = 0; i < p->n_halves; i++) {
        int low = half == 4 ? i % (n * n) : i % n;
        v16 a = half == 4 ? v16_add(cost[0][low % n], cost[1][low / n])
                          : cost[0][low];

        sum[i] = v16_add(a, high[half == 4 ? i / (n * n) : i / n]);
    }
}

/* The coordinates of the cheapest point; what it costs. */
SOV_LANE_CALL v16
fb_cheapest(const struct sov_points *p, struct fb_costs *c, v16 (*cost)[8],
            v16 *at)
{
    v16 least = v16_set(INFINITY), best = v16_set(0.0f);
    float which[16], one[16];

    fb_halves(p, cost, c->first);
    fb_halves(p, cost + p->dims / 2, c->second);
    for (int i = 0; i < p->n; i++) {
        v16 sum = v16_add(c->first[p->first[i]], c->second[p->second[i]]);
        m16 less = v16_less(sum, least);

        least = v16_pick(less, sum, least);
        best = v16_pick(less, v16_set((float)i), best);
    }
    v16_store(which, best);
    for (int j = 0; j < p->dims; j++) {
        for (int l = 0; l < 16; l++)
            one[l] = (float)p->at[(int)which[l]][j];
        at[j] = v16_load(one);
    }
    return least;
}

/* The same for all points of a group, where v is, in levels. */
SOV_LANE v16
fb_points(const struct sov_points *p, const v16 v[8], const float *weight,
          float unit, float shift, v16 at[8])
{
    struct fb_costs c;
    v16 sum = v16_set(0.0f);

    for (int j = 0; j < SOV_POINT_GROUP; j++)
        for (int l = 0; l < p->n_levels; l++) {
            v16 e = v16_sub(v[j], v16_set(p->level[l] * unit + shift));

            c.column[j][l] = v16_mul(v16_set(weight[j]), v16_mul(e, e));
        }
    for (int j = 0; j < SOV_POINT_GROUP; j += p->dims)
        sum = v16_add(sum, fb_cheapest(p, &c, c.column + j, at + j));
    for (int j = 0; j < SOV_POINT_GROUP && unit > 1.0f; j++)
        at[j] = v16_add(v16_mul(at[j], v16_set(unit)), v16_set(shift));
    return sum;
}

/* Signs for points: v becomes sizes, sign what they are multiplied with.  If
 * there have to be an even number, what counts least is turned round. */
SOV_LANE void
fb_signs(v16 v[8], const float *weight, int even, v16 sign[8])
{
    v16 zero = v16_set(0.0f), one = v16_set(1.0f), minus = v16_set(-1.0f);
    v16 least = v16_set(INFINITY), which = minus, odd = minus;

    for (int j = 0; j < SOV_POINT_GROUP; j++) {
        m16 below = v16_less(v[j], zero), less;
        v16 loss;

        sign[j] = v16_pick(below, minus, one);
        odd = v16_mul(odd, sign[j]);
        v[j] = v16_abs(v[j]);
        loss = v16_mul(v16_set(weight[j]), v[j]);
        less = v16_less(loss, least);
        least = v16_pick(less, loss, least);
        which = v16_pick(less, v16_set((float)j), which);
    }
    which = v16_pick(v16_less(zero, odd), which, minus);
    for (int j = 0; j < SOV_POINT_GROUP && even; j++) {
        v16 off = v16_abs(v16_sub(which, v16_set((float)j)));
        v16 turn = v16_pick(v16_less(off, v16_set(0.5f)), minus, one);

        v[j] = v16_mul(v[j], turn);
        sign[j] = v16_mul(sign[j], turn);
    }
}

/* Levels near v for a group; shift is 1 or -1 where a sub-block has one. */
SOV_LANE void
fb_group(const struct sov_parts *y, v16 v[8], const float *weight, float shift,
         v16 level[8])
{
    const struct sov_points *p = sov_points(y->grid);
    v16 sign[8], up, down;

    if (y->signs == SOV_POINT_BLOCK) {
        fb_points(p, v, weight, 8.0f, shift, level);
    } else if (y->signs == SOV_POINT_SHIFT) {
        m16 less;

        up = fb_points(p, v, weight, 8.0f, 1.0f, level);
        down = fb_points(p, v, weight, 8.0f, -1.0f, sign);
        less = v16_less(down, up);
        for (int j = 0; j < SOV_POINT_GROUP; j++)
            level[j] = v16_pick(less, sign[j], level[j]);
    } else {
        fb_signs(v, weight, y->signs == SOV_POINT_EVEN, sign);
        fb_points(p, v, weight, 1.0f, 0.0f, level);
        for (int j = 0; j < SOV_POINT_GROUP; j++)
            level[j] = v16_mul(level[j], sign[j]);
    }
}

/* ---- rounding */

SOV_LANE void
fb_round_tries(const struct sov_fb_round *a, struct levels l)
{
    v16 t[SOV_FB_COLUMNS], y[SOV_FB_COLUMNS], level[SOV_FB_COLUMNS];
    v16 least = v16_set(INFINITY), best = v16_set(0.0f);

    for (int i = 0; i < a->tries.n; i++) {
        v16 scale = v16_load(a->tries.scale + 16 * i);
        v16 min = v16_load(a->tries.min + 16 * i);
        v16 inverse = fb_inverse(scale), loss = v16_set(0.0f);
        m16 better;

        fb_copy(t, a->t, a->n);
        for (int k = 0; k < a->n; k++) {
            const float *g = a->g + (size_t)k * a->stride;
            v16 e, delta;

            level[k] = nearest_level(l, v16_mul(v16_add(t[k], min), inverse));
            y[k] = v16_sub(v16_mul(scale, level[k]), min);
            e = v16_sub(t[k], y[k]);
            loss = v16_add(loss, v16_mul(v16_set(a->weight[k]), v16_mul(e, e)));
            delta = v16_sub(v16_load(a->w + 16 * k), y[k]);
            for (int j = k + 1; j < a->n; j++)
                t[j] = v16_add(t[j], v16_mul(v16_set(g[j]), delta));
        }
        if (i == 0)
            better = v16_less(v16_set(-1.0f), v16_set(0.0f)); /* all */
        else
            better = v16_less(loss, least);
        least = v16_pick(better, loss, least);
        best = v16_pick(better, v16_set((float)i), best);
        fb_keep(better, level, a->level, a->n);
        fb_keep(better, y, a->y, a->n);
    }
    v16_store(a->loss, least);
    v16_store(a->best, best);
}

static void
fb_round_whole(const struct sov_fb_round *a)
{
    struct levels l = { LEVELS_WHOLE, a->parts->lo, a->parts->hi, 0, 0 };

    fb_round_tries(a, l);
}

static void
fb_round_iq4(const struct sov_fb_round *a)
{
    fb_round_tries(a, levels_iq4);
}

static void
fb_round_fp4(const struct sov_fb_round *a)
{
    fb_round_tries(a, levels_fp4);
}

static void
fb_round_sign(const struct sov_fb_round *a)
{
    struct levels l = { LEVELS_SIGN, -1.0f, 1.0f, 0, 0 };

    fb_round_tries(a, l);
}

/*
 * The columns of a group: the point nearest to where they would be, one after
 * the other, if they had not to be rounded; then each with what those before it
 * left.
 */
SOV_LANE v16
fb_round_group(const struct sov_fb_round *a, int k0, v16 scale, float shift,
               v16 *t, v16 *y, v16 *level)
{
    v16 v[SOV_POINT_GROUP], inverse = fb_inverse(scale), loss = v16_set(0.0f);

    for (int j = 0; j < SOV_POINT_GROUP; j++)
        v[j] = t[k0 + j];
    for (int j = 0; j < SOV_POINT_GROUP; j++) {
        const float *g = a->g + (size_t)(k0 + j) * a->stride + k0;
        v16 delta = v16_sub(v16_load(a->w + 16 * (k0 + j)), v[j]);

        for (int i = j + 1; i < SOV_POINT_GROUP; i++)
            v[i] = v16_add(v[i], v16_mul(v16_set(g[i]), delta));
    }
    for (int j = 0; j < SOV_POINT_GROUP; j++)
        v[j] = v16_mul(v[j], inverse);
    fb_group(a->parts, v, a->weight + k0, shift, level + k0);
    for (int k = k0; k < k0 + SOV_POINT_GROUP; k++) {
        const float *g = a->g + (size_t)k * a->stride;
        v16 e, delta;

        y[k] = v16_mul(scale, level[k]);
        e = v16_sub(t[k], y[k]);
        loss = v16_add(loss, v16_mul(v16_set(a->weight[k]), v16_mul(e, e)));
        delta = v16_sub(v16_load(a->w + 16 * k), y[k]);
        for (int j = k + 1; j < a->n; j++)
            t[j] = v16_add(t[j], v16_mul(v16_set(g[j]), delta));
    }
    return loss;
}

static void
fb_round_points(const struct sov_fb_round *a)
{
    int shifts = a->parts->signs == SOV_POINT_BLOCK ? 2 : 1;
    v16 t[32], y[32], level[32];
    v16 least = v16_set(INFINITY), best = v16_set(0.0f);

    for (int i = 0; i < a->tries.n * shifts; i++) {
        v16 scale = v16_load(a->tries.scale + 16 * (i / shifts));
        v16 loss = v16_set(0.0f);
        m16 better;

        fb_copy(t, a->t, a->n);
        for (int k = 0; k < a->n; k += SOV_POINT_GROUP)
            loss = v16_add(loss, fb_round_group(a, k, scale,
                                                i % shifts == 0 ? 1.0f : -1.0f,
                                                t, y, level));
        if (i == 0)
            better = v16_less(v16_set(-1.0f), v16_set(0.0f)); /* all */
        else
            better = v16_less(loss, least);
        least = v16_pick(better, loss, least);
        best = v16_pick(better, v16_set((float)(i / shifts)), best);
        fb_keep(better, level, a->level, a->n);
        fb_keep(better, y, a->y, a->n);
    }
    v16_store(a->loss, least);
    v16_store(a->best, best);
}

static void
fb_round(const struct sov_fb_round *a)
{
    static void (*const of[])(const struct sov_fb_round *a) = {
        [LEVELS_WHOLE] = fb_round_whole,   [LEVELS_IQ4] = fb_round_iq4,
        [LEVELS_FP4] = fb_round_fp4,       [LEVELS_SIGN] = fb_round_sign,
        [LEVELS_POINTS] = fb_round_points,
    };

    of[a->parts->kind](a);
}

/* ---- descent */

/* One column: where it costs least; how much that saves. */
SOV_LANE v16
fb_move(const struct sov_fb_descend *a, struct levels l, int k, v16 scale,
        v16 min, v16 inverse, v16 *r, v16 *y, v16 *level)
{
    const float *h = a->h + (size_t)k * a->stride;
    v16 at = v16_add(*y, v16_mul(r[k], v16_set(a->inverse[k])));
    v16 step, saved;

    *level = nearest_level(l, v16_mul(v16_add(at, min), inverse));
    at = v16_sub(v16_mul(scale, *level), min);
    step = v16_sub(*y, at);
    *y = at;
    /* (w - y)' H (w - y) before and after */
    saved = v16_add(v16_add(r[k], r[k]), v16_mul(step, v16_set(h[k])));
    saved = v16_mul(v16_sub(v16_set(0.0f), step), saved);
    if (v16_signs(v16_sub(v16_set(0.0f), v16_abs(step))) == 0)
        return saved;
    for (int j = 0; j < a->n; j++)
        r[j] = v16_add(r[j], v16_mul(v16_set(h[j]), step));
    return saved;
}

SOV_LANE void
fb_descend_tries(const struct sov_fb_descend *a, struct levels l)
{
    v16 r[SOV_FB_COLUMNS], y[SOV_FB_COLUMNS], level[SOV_FB_COLUMNS];
    v16 was[SOV_FB_COLUMNS], zero = v16_set(0.0f);
    v16 most = zero, best = v16_set(-1.0f);

    fb_copy(was, a->y, a->n);
    for (int i = 0; i < a->tries.n; i++) {
        v16 scale = v16_load(a->tries.scale + 16 * i);
        v16 min = v16_load(a->tries.min + 16 * i);
        v16 inverse = fb_inverse(scale), saved = zero;
        m16 better;

        fb_copy(r, a->r, a->n);
        for (int k = 0; k < a->n; k++)
            y[k] = was[k];
        for (int p = 0; p < a->passes; p++)
            for (int k = 0; k < a->n; k++)
                saved = v16_add(saved, fb_move(a, l, k, scale, min, inverse, r,
                                               &y[k], &level[k]));
        better = v16_less(most, saved);
        most = v16_pick(better, saved, most);
        best = v16_pick(better, v16_set((float)i), best);
        fb_keep(better, level, a->level, a->n);
        fb_keep(better, y, a->y, a->n);
    }
    for (int k = 0; k < a->n; k++)
        v16_store(a->step + 16 * k, v16_sub(was[k], v16_load(a->y + 16 * k)));
    v16_store(a->best, best);
}

static void
fb_descend_whole(const struct sov_fb_descend *a)
{
    struct levels l = { LEVELS_WHOLE, a->parts->lo, a->parts->hi, 0, 0 };

    fb_descend_tries(a, l);
}

static void
fb_descend_iq4(const struct sov_fb_descend *a)
{
    fb_descend_tries(a, levels_iq4);
}

static void
fb_descend_fp4(const struct sov_fb_descend *a)
{
    fb_descend_tries(a, levels_fp4);
}

static void
fb_descend_sign(const struct sov_fb_descend *a)
{
    struct levels l = { LEVELS_SIGN, -1.0f, 1.0f, 0, 0 };

    fb_descend_tries(a, l);
}

/*
 * The columns of a group, moved together; how much that saves.  Where not all
 * have to be moved (a new scale), only where it does.
 */
SOV_LANE v16
fb_move_group(const struct sov_fb_descend *a, int k0, v16 scale, float shift,
              int must, v16 *r, v16 *y, v16 *level)
{
    v16 v[SOV_POINT_GROUP], step[SOV_POINT_GROUP], slope[SOV_POINT_GROUP];
    v16 inverse = fb_inverse(scale), zero = v16_set(0.0f), saved = zero;
    v16 to[SOV_POINT_GROUP];
    float weight[SOV_POINT_GROUP];
    m16 keep;

    for (int j = 0; j < SOV_POINT_GROUP; j++) {
        int k = k0 + j;

        weight[j] = a->h[(size_t)k * a->stride + (size_t)k];
        v[j] = y[k];
        for (int i = 0; i < SOV_POINT_GROUP; i++)
            v[j] = v16_add(v[j],
                           v16_mul(v16_set(a->inverse[SOV_POINT_GROUP * k + i]),
                                   r[k0 + i]));
        v[j] = v16_mul(v[j], inverse);
    }
    fb_group(a->parts, v, weight, shift, to);
    for (int j = 0; j < SOV_POINT_GROUP; j++)
        step[j] = v16_sub(y[k0 + j], v16_mul(scale, to[j]));
    for (int j = 0; j < SOV_POINT_GROUP; j++) {
        const float *h = a->h + (size_t)(k0 + j) * a->stride + k0;

        slope[j] = v16_add(r[k0 + j], r[k0 + j]);
        for (int i = 0; i < SOV_POINT_GROUP; i++)
            slope[j] = v16_add(slope[j], v16_mul(v16_set(h[i]), step[i]));
        saved = v16_sub(saved, v16_mul(step[j], slope[j]));
    }
    keep = must ? v16_less(v16_set(-1.0f), zero) : v16_less(zero, saved);
    for (int j = 0; j < SOV_POINT_GROUP; j++) {
        const float *h = a->h + (size_t)(k0 + j) * a->stride;

        step[j] = v16_pick(keep, step[j], zero);
        level[k0 + j] = v16_pick(keep, to[j], level[k0 + j]);
        y[k0 + j] = v16_pick(keep, v16_mul(scale, to[j]), y[k0 + j]);
        for (int i = 0; i < a->n; i++)
            r[i] = v16_add(r[i], v16_mul(v16_set(h[i]), step[j]));
    }
    return v16_pick(keep, saved, zero);
}

static void
fb_descend_points(const struct sov_fb_descend *a)
{
    int shifts = a->parts->signs == SOV_POINT_BLOCK ? 2 : 1;
    v16 r[32], y[32], level[32], was[32], zero = v16_set(0.0f);
    v16 most = zero, best = v16_set(-1.0f);

    fb_copy(was, a->y, a->n);
    for (int i = 0; i < a->tries.n * shifts; i++) {
        v16 scale = v16_load(a->tries.scale + 16 * (i / shifts)), saved = zero;
        float shift = i % shifts == 0 ? 1.0f : -1.0f;
        m16 better;

        fb_copy(r, a->r, a->n);
        fb_copy(level, a->level, a->n);
        for (int k = 0; k < a->n; k++)
            y[k] = was[k];
        for (int p = 0; p < a->passes; p++)
            for (int k = 0; k < a->n; k += SOV_POINT_GROUP)
                saved = v16_add(saved,
                                fb_move_group(a, k, scale, shift,
                                              p == 0 && (i > 0 || shifts > 1),
                                              r, y, level));
        better = v16_less(most, saved);
        most = v16_pick(better, saved, most);
        best = v16_pick(better, v16_set((float)(i / shifts)), best);
        fb_keep(better, level, a->level, a->n);
        fb_keep(better, y, a->y, a->n);
    }
    for (int k = 0; k < a->n; k++)
        v16_store(a->step + 16 * k, v16_sub(was[k], v16_load(a->y + 16 * k)));
    v16_store(a->best, best);
}

static void
fb_descend(const struct sov_fb_descend *a)
{
    static void (*const of[])(const struct sov_fb_descend *a) = {
        [LEVELS_WHOLE] = fb_descend_whole,   [LEVELS_IQ4] = fb_descend_iq4,
        [LEVELS_FP4] = fb_descend_fp4,       [LEVELS_SIGN] = fb_descend_sign,
        [LEVELS_POINTS] = fb_descend_points,
    };

    of[a->parts->kind](a);
}

static inline void
feedback_slots(struct sov_kern *k)
{
    k->fb_spread = fb_spread;
    k->fb_round = fb_round;
    k->fb_descend = fb_descend;
}

#endif
