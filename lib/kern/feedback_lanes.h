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

static void
fb_round(const struct sov_fb_round *a)
{
    static void (*const of[])(const struct sov_fb_round *a) = {
        [LEVELS_WHOLE] = fb_round_whole,
        [LEVELS_IQ4] = fb_round_iq4,
        [LEVELS_FP4] = fb_round_fp4,
        [LEVELS_SIGN] = fb_round_sign,
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

static void
fb_descend(const struct sov_fb_descend *a)
{
    static void (*const of[])(const struct sov_fb_descend *a) = {
        [LEVELS_WHOLE] = fb_descend_whole,
        [LEVELS_IQ4] = fb_descend_iq4,
        [LEVELS_FP4] = fb_descend_fp4,
        [LEVELS_SIGN] = fb_descend_sign,
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
