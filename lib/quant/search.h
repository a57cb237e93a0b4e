/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search.h - the best scale (and minimum) for sixteen blocks at once
 *
 * Lane = block.  A tile holds the weights x of sixteen blocks and how much
 * the squared error of each counts, w.  A pass rounds all of a tile with one
 * scale per lane and adds up what is needed to know, in closed form, the best
 * scale for those whole numbers and the error with any other:
 *
 *   symmetric  y = s q        E = Sxx - 2 s Sqx + s^2 Sqq
 *   affine     y = s q - m    E = Sxx - 2 s Sqx + 2 m Sx
 *                                 + s^2 Sqq - 2 s m Sq + m^2 S
 *
 * Nothing here ever reads a lane from another.  NaN and infinity in x or w
 * spoil only the choice in their own lane: comparisons with NaN are false, so
 * a candidate that gives one is not taken, and what is stored in the end is
 * clamped to finite numbers.
 */
#ifndef SOV_QUANT_SEARCH_H
#define SOV_QUANT_SEARCH_H

#include "quant/levels.h"

#define SOV_HALF_MAX 65504.0f

struct tile {
    v16 x[64];
    v16 w[64];
    v16 s, sx, sxx; /* sums of w, w x, w x^2 */
    int n;          /* weights in a block: 16, 32 or 64 */
};

struct sums {
    v16 q, qq, qx; /* of w q, w q^2, w q x */
};

/* Sixteen blocks of n weights out of 16 n floats in a row. */
SOV_LANE void
tile_load(v16 *v, const float *p, int n)
{
    for (int i = 0; i < n; i += 16)
        v16_transpose(p + i, (size_t)n, v + i);
}

SOV_LANE void
tile_sum(struct tile *t)
{
    t->s = t->sx = t->sxx = v16_set(0.0f);
    for (int i = 0; i < t->n; i++) {
        v16 wx = v16_mul(t->w[i], t->x[i]);

        t->s = v16_add(t->s, t->w[i]);
        t->sx = v16_add(t->sx, wx);
        t->sxx = v16_add(t->sxx, v16_mul(wx, t->x[i]));
    }
}

/* Mean of x^2 in each lane. */
SOV_LANE v16
tile_mean_square(const struct tile *t)
{
    v16 sum = v16_set(0.0f);

    for (int i = 0; i < t->n; i++)
        sum = v16_add(sum, v16_mul(t->x[i], t->x[i]));
    return v16_mul(sum, v16_set(1.0f / (float)t->n));
}

/*
 * w = importance * sqrt(k var + x^2).  Errors in large weights count more than
 * the importance alone says: it is only the diagonal of what the inputs do,
 * and this keeps the search from exploiting that (research: llama.cpp).  How
 * much more, k = 4 with importance and 12 without, was chosen by the divergence
 * of a small model's answers.
 */
SOV_LANE void
tile_weigh(struct tile *t, const float *imp, v16 var)
{
    if (imp != NULL)
        tile_load(t->w, imp, t->n);
    var = v16_mul(var, v16_set(imp != NULL ? 4.0f : 12.0f));
    for (int i = 0; i < t->n; i++) {
        v16 root = v16_sqrt(v16_add(var, v16_mul(t->x[i], t->x[i])));

        t->w[i] = imp != NULL ? v16_mul(t->w[i], root) : root;
    }
}

/*
 * w = importance alone.  For types of so few levels that all large weights are
 * cut: counting them more would only take the scale away from the others.
 */
SOV_LANE void
tile_weigh_plain(struct tile *t, const float *imp)
{
    if (imp != NULL)
        tile_load(t->w, imp, t->n);
    for (int i = 0; i < t->n && imp == NULL; i++)
        t->w[i] = v16_set(1.0f);
}

/* 1 / x, 0 for 0 */
SOV_LANE v16
v16_inverse(v16 x)
{
    v16 zero = v16_set(0.0f);

    return v16_pick(v16_less(zero, v16_abs(x)), v16_div(v16_set(1.0f), x),
                    zero);
}

/* What a half float field will hold of x: never infinity or NaN. */
SOV_LANE v16
v16_to_field(v16 x)
{
    x = v16_min(x, v16_set(SOV_HALF_MAX));
    return v16_half(v16_max(x, v16_set(-SOV_HALF_MAX)));
}

/*
 * The same for a scale that has to hold a largest weight: where half floats
 * are so coarse that x was cut by more than rounding does, the next one up.
 * Only subnormal ones are, whose step is 2^-24.
 */
SOV_LANE v16
v16_to_field_up(v16 x)
{
    v16 h = v16_to_field(x);
    v16 step = v16_pick(v16_less(x, v16_set(0.0f)), v16_set(-0x1p-24f),
                        v16_set(0x1p-24f));
    v16 least = v16_mul(v16_abs(x), v16_set(0.999f));

    return v16_pick(v16_less(v16_abs(h), least), v16_add(h, step), h);
}

SOV_LANE v16
quantize(v16 x, v16 inverse, v16 lo, v16 hi)
{
    v16 q = v16_max(v16_mul(x, inverse), lo);

    return v16_round(v16_min(q, hi));
}

SOV_LANE void
sums_pick(m16 better, const struct sums *r, struct sums *best)
{
    best->q = v16_pick(better, r->q, best->q);
    best->qq = v16_pick(better, r->qq, best->qq);
    best->qx = v16_pick(better, r->qx, best->qx);
}

/* ---- symmetric */

SOV_LANE struct sums
sym_pass(const struct tile *t, v16 inverse, struct levels l)
{
    struct sums r = { v16_set(0.0f), v16_set(0.0f), v16_set(0.0f) };

    for (int i = 0; i < t->n; i++) {
        v16 q = nearest_level(l, v16_mul(t->x[i], inverse));
        v16 wq = v16_mul(t->w[i], q);

        r.qq = v16_add(r.qq, v16_mul(wq, q));
        r.qx = v16_add(r.qx, v16_mul(wq, t->x[i]));
    }
    return r;
}

SOV_LANE v16
sym_error(const struct tile *t, const struct sums *r, v16 s)
{
    v16 twice = v16_mul(v16_add(s, s), r->qx);

    return v16_add(v16_sub(t->sxx, twice), v16_mul(v16_mul(s, s), r->qq));
}

/*
 * The weight farthest from 0, with its sign; of equal ones the first.  Four
 * parts at a time, since each look waits for the one before.
 */
SOV_LANE v16
tile_extreme(const struct tile *t)
{
    v16 zero = v16_set(0.0f);
    v16 size[4] = { zero, zero, zero, zero };
    v16 value[4] = { zero, zero, zero, zero };
    int part = t->n / 4;

    for (int i = 0; i < part; i++)
        for (int k = 0; k < 4; k++) {
            v16 x = t->x[k * part + i];
            v16 a = v16_abs(x);
            m16 more = v16_less(size[k], a);

            size[k] = v16_pick(more, a, size[k]);
            value[k] = v16_pick(more, x, value[k]);
        }
    for (int k = 1; k < 4; k++) {
        m16 more = v16_less(size[0], size[k]);

        size[0] = v16_pick(more, size[k], size[0]);
        value[0] = v16_pick(more, value[k], value[0]);
    }
    return value[0];
}

/*
 * The best scale: the extreme weight is put at about the lowest level, and at
 * about the highest, in count steps each.  Also the sums that it came from.
 */
SOV_LANE v16
sym_search(const struct tile *t, struct levels l, int count, struct sums *sums)
{
    v16 extreme = tile_extreme(t);
    v16 inverse = v16_inverse(extreme);
    v16 best = v16_div(extreme, v16_set(l.lo));
    v16 most = v16_set(0.0f);

    *sums = (struct sums){ most, most, most };
    for (int i = 0; i < 2 * count; i++) {
        float at =
            count > 1 ? (float)(2 * (i / 2)) / (float)(count - 1) - 1.0f : 0.0f;
        float to = (i % 2 == 0 ? l.lo : l.top) + at * l.spread;
        struct sums r = sym_pass(t, v16_mul(inverse, v16_set(to)), l);
        v16 s = v16_div(r.qx, r.qq);
        v16 gain = v16_mul(s, r.qx); /* Sxx - E */
        m16 better = v16_less(most, gain);

        most = v16_pick(better, gain, most);
        best = v16_pick(better, s, best);
        sums_pick(better, &r, sums);
    }
    return best;
}

/* Round the scale to what is stored, then move it to the best for the whole
 * numbers that it gives, and so on. */
SOV_LANE v16
sym_settle(const struct tile *t, struct levels l, v16 s, int rounds)
{
    v16 d = v16_to_field_up(s);
    v16 best = d;
    v16 least = v16_set(3e38f);

    for (int i = 0; i < rounds; i++) {
        struct sums r = sym_pass(t, v16_inverse(d), l);
        v16 e = sym_error(t, &r, d);
        m16 better = v16_less(e, least);

        least = v16_pick(better, e, least);
        best = v16_pick(better, d, best);
        d = v16_to_field(v16_div(r.qx, r.qq));
    }
    return best;
}

/* ---- affine */

SOV_LANE struct sums
affine_pass(const struct tile *t, v16 inverse, v16 offset, v16 hi)
{
    struct sums r = { v16_set(0.0f), v16_set(0.0f), v16_set(0.0f) };
    v16 lo = v16_set(0.0f);

    for (int i = 0; i < t->n; i++) {
        v16 q = v16_add(v16_mul(t->x[i], inverse), offset);
        v16 wq;

        q = v16_round(v16_min(v16_max(q, lo), hi));
        wq = v16_mul(t->w[i], q);
        r.q = v16_add(r.q, wq);
        r.qq = v16_add(r.qq, v16_mul(wq, q));
        r.qx = v16_add(r.qx, v16_mul(wq, t->x[i]));
    }
    return r;
}

SOV_LANE v16
affine_error(const struct tile *t, const struct sums *r, v16 s, v16 m)
{
    v16 two = v16_set(2.0f);
    v16 x = v16_sub(v16_mul(s, r->qx), v16_mul(m, t->sx));
    v16 ss = v16_mul(v16_mul(s, s), r->qq);
    v16 sm = v16_mul(v16_mul(s, m), v16_mul(two, r->q));
    v16 mm = v16_mul(v16_mul(m, m), t->s);

    return v16_add(v16_sub(t->sxx, v16_mul(two, x)),
                   v16_add(v16_sub(ss, sm), mm));
}

/* Least squares for s and m with the whole numbers fixed; with positive, m is
 * at least 0. */
SOV_LANE void
affine_fit(const struct tile *t, const struct sums *r, int positive, v16 *s,
           v16 *m)
{
    v16 det = v16_sub(v16_mul(t->s, r->qq), v16_mul(r->q, r->q));
    v16 zero = v16_set(0.0f);

    *s = v16_sub(v16_mul(t->s, r->qx), v16_mul(t->sx, r->q));
    *m = v16_sub(v16_mul(r->q, r->qx), v16_mul(r->qq, t->sx));
    *s = v16_div(*s, det);
    *m = v16_div(*m, det);
    if (positive) {
        m16 below = v16_less(*m, zero);

        *s = v16_pick(below, v16_div(r->qx, r->qq), *s);
        *m = v16_pick(below, zero, *m);
    }
}

/*
 * The best s and m with q from 0 to top: the range of the weights is put on
 * top + spread * (-1 .. 1) steps, count ways, and then settle rounds of least
 * squares and rounding from the best of them.  Also the sums that they came
 * from.
 */
SOV_LANE void
affine_search(const struct tile *t, float top, int positive, int count,
              float spread, int settle, v16 *s, v16 *m, struct sums *sums)
{
    v16 hi = v16_set(top);
    v16 min = t->x[0], max = t->x[0];
    v16 inverse, least = v16_set(3e38f);

    for (int i = 1; i < t->n; i++) {
        min = v16_min(t->x[i], min);
        max = v16_max(t->x[i], max);
    }
    if (positive)
        min = v16_min(min, v16_set(0.0f));
    inverse = v16_inverse(v16_sub(max, min));
    *s = v16_div(v16_sub(max, min), hi);
    *m = v16_sub(v16_set(0.0f), min);
    *sums = (struct sums){ v16_set(0.0f), v16_set(0.0f), v16_set(0.0f) };

    for (int i = 0; i < count + settle; i++) {
        struct sums r;
        v16 si, mi, e, at;
        m16 better;

        if (i < count) {
            float f =
                count > 1 ? 2.0f * (float)i / (float)(count - 1) - 1.0f : 0.0f;

            at = v16_mul(inverse, v16_set(top + f * spread));
            mi = v16_mul(v16_sub(v16_set(0.0f), min), at);
        } else {
            at = v16_inverse(*s);
            mi = v16_mul(*m, at);
        }
        r = affine_pass(t, at, mi, hi);
        affine_fit(t, &r, positive, &si, &mi);
        e = affine_error(t, &r, si, mi);
        better = v16_less(e, least);
        least = v16_pick(better, e, least);
        *s = v16_pick(better, si, *s);
        *m = v16_pick(better, mi, *m);
        sums_pick(better, &r, sums);
    }
}

#endif
