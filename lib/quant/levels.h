/* SPDX-License-Identifier: Apache-2.0 */
/*
 * levels.h - the values that a weight may have, in units of its scale
 *
 * Whole numbers lo to hi; or the sixteen uneven steps of the IQ4 types; or the
 * 4-bit floats E2M1, doubled: 0 1 2 3 4 6 8 12 with a sign; or -1 and 1 alone.
 * Which one is a constant wherever these are called, so nothing is decided at
 * run time.
 *
 * A NaN becomes one of the ends.
 */
#ifndef SOV_QUANT_LEVELS_H
#define SOV_QUANT_LEVELS_H

#include "quant/lane.h"

enum level_kind {
    LEVELS_WHOLE,
    LEVELS_IQ4,
    LEVELS_FP4,
    LEVELS_SIGN,
    LEVELS_POINTS, /* not one by one: see points.h */
};

struct levels {
    enum level_kind kind;
    float lo, hi;
    float top;    /* what a search puts an extreme positive weight at */
    float spread; /* and how far from that it tries */
};

/* Whole numbers from -n to n - 1, an asymmetry that the search makes use of. */
#define LEVELS_TO(n, how_far) \
    ((struct levels){ LEVELS_WHOLE, -(n), (n)-1.0f, (n)-0.5f, how_far })

static const struct levels levels_iq4 = { LEVELS_IQ4, -127.0f, 113.0f, 113.0f,
                                          24.0f };
static const struct levels levels_fp4 = { LEVELS_FP4, -12.0f, 12.0f, 12.0f,
                                          2.0f };

/* ---- IQ4 */

/* The values, each one's upper neighbour, and half way between the two. */
static const float iq4_value[16] = {
    -127.0f, -104.0f, -83.0f, -65.0f, -49.0f, -35.0f, -22.0f, -10.0f,
    1.0f,    13.0f,   25.0f,  38.0f,  53.0f,  69.0f,  89.0f,  113.0f,
};
static const float iq4_upper[16] = {
    -104.0f, -83.0f, -65.0f, -49.0f, -35.0f, -22.0f, -10.0f, 1.0f,
    13.0f,   25.0f,  38.0f,  53.0f,  69.0f,  89.0f,  113.0f, 113.0f,
};
static const float iq4_middle[16] = {
    -115.5f, -93.5f, -74.0f, -57.0f, -42.0f, -28.5f, -16.0f, -4.5f,
    7.0f,    19.0f,  31.5f,  45.5f,  61.0f,  79.0f,  101.0f, 1e9f,
};

/*
 * Cut -127 .. 113 into sixteen parts with one of the middles in each: steps of
 * 12.5 around 0 and of 20 outside.  k after rounding is the number of the part.
 */
SOV_LANE v16
iq4_part(v16 v)
{
    v16 inner = v16_min(v16_max(v, v16_set(-49.0f)), v16_set(51.0f));
    v16 k = v16_add(v16_mul(v, v16_set(0.05f)), v16_mul(inner, v16_set(0.03f)));

    return v16_add(k, v16_set(7.42f));
}

SOV_LANE v16
iq4_nearest(v16 v)
{
    v16 k = iq4_part(v);
    m16 above = v16_less(v16_table(iq4_middle, k), v);

    return v16_pick(above, v16_table(iq4_upper, k), v16_table(iq4_value, k));
}

SOV_LANE v16
iq4_index(v16 v)
{
    v16 k = v16_round(iq4_part(v));
    m16 above = v16_less(v16_table(iq4_middle, k), v);

    return v16_add(k, v16_pick(above, v16_set(1.0f), v16_set(0.0f)));
}

/* ---- E2M1 */

static const float fp4_index_of[16] = {
    0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 4.0f, 5.0f, 5.0f,
    6.0f, 6.0f, 6.0f, 6.0f, 7.0f, 7.0f, 7.0f, 7.0f,
};

/* Steps of 1 up to 4, of 2 up to 8, then of 4. */
SOV_LANE v16
fp4_size(v16 v)
{
    v16 a = v16_min(v16_abs(v), v16_set(12.0f));
    m16 low = v16_less(a, v16_set(4.0f));
    m16 mid = v16_less(a, v16_set(8.0f));
    v16 inverse = v16_pick(mid, v16_set(0.5f), v16_set(0.25f));
    v16 step = v16_pick(mid, v16_set(2.0f), v16_set(4.0f));

    inverse = v16_pick(low, v16_set(1.0f), inverse);
    step = v16_pick(low, v16_set(1.0f), step);
    return v16_mul(v16_round(v16_mul(a, inverse)), step);
}

SOV_LANE v16
fp4_nearest(v16 v)
{
    v16 q = fp4_size(v);
    v16 zero = v16_set(0.0f);

    return v16_pick(v16_less(v, zero), v16_sub(zero, q), q);
}

SOV_LANE v16
fp4_index(v16 v)
{
    v16 k = v16_table(fp4_index_of, fp4_size(v));

    return v16_pick(v16_less(v, v16_set(0.0f)), v16_add(k, v16_set(8.0f)), k);
}

/* ---- any */

/* The level nearest to v. */
SOV_LANE v16
nearest_level(struct levels l, v16 v)
{
    v = v16_min(v16_max(v, v16_set(l.lo)), v16_set(l.hi));
    if (l.kind == LEVELS_IQ4)
        return iq4_nearest(v);
    if (l.kind == LEVELS_FP4)
        return fp4_nearest(v);
    if (l.kind == LEVELS_SIGN)
        return v16_pick(v16_less(v, v16_set(0.0f)), v16_set(-1.0f),
                        v16_set(1.0f));
    return v16_round(v);
}

/* Its number from 0 on, as files have it. */
SOV_LANE v16
level_index(struct levels l, v16 v)
{
    v = v16_min(v16_max(v, v16_set(l.lo)), v16_set(l.hi));
    if (l.kind == LEVELS_IQ4)
        return iq4_index(v);
    if (l.kind == LEVELS_FP4)
        return fp4_index(v);
    return v16_sub(v16_round(v), v16_set(l.lo));
}

#endif
