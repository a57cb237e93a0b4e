/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search_k.h - the scales of super-blocks, which share one or two half floats
 *
 * First each sub-block looks for its own best scale (and minimum), sixteen
 * side by side.  These become whole numbers times the two (one) half floats
 * of the super-block, which costs more than it has to if done one after the
 * other.  So many half floats are tried: with the rounded weights held fixed,
 * the error of any scales follows from three sums.  From the best of them
 * there are a few rounds:
 *
 *   every sub-block moves its whole-number scale by at most one and its
 *   minimum to the best for it, judged by the error after rounding again;
 *   the half floats move to their least squares with all the rest fixed.
 *
 * What is kept is the best that was met, measured with the half floats as
 * stored.  Sums over the lanes of a super-block go through memory and are
 * added in order.
 */
#ifndef SOV_QUANT_SEARCH_K_H
#define SOV_QUANT_SEARCH_K_H

#include "quant/search.h"

/* Steps and settling of the first search; starts for each half float; rounds
 * from the best of them. */
struct effort_k {
    uint8_t steps, settle, starts, rounds;
};

static const struct effort_k effort_k[9] = {
    { 3, 1, 2, 1 },  { 5, 1, 3, 1 },   { 7, 1, 4, 1 },
    { 7, 1, 5, 2 },  { 9, 1, 5, 2 },   { 11, 2, 7, 2 },
    { 13, 2, 9, 3 }, { 19, 2, 11, 5 }, { 27, 3, 15, 8 },
};

/* Where the half floats start, relative to what just holds the largest. */
static const float starts_k[15] = {
    1.0f,   0.97f,  1.03f,  0.94f, 1.06f, 0.985f, 1.015f, 0.955f,
    1.045f, 0.925f, 1.075f, 0.91f, 1.09f, 0.895f, 1.105f,
};

SOV_LANE struct effort_k
effort_k_of(int effort)
{
    return effort_k[effort < 1 ? 0 : effort > 9 ? 8 : effort - 1];
}

/* The same number for all lanes of a super-block, out of one for each; k
 * lanes belong together. */
SOV_LANE v16
spread_lanes(const float *value, int k)
{
    float t[16];

    for (int l = 0; l < 16; l++)
        t[l] = value[l / k];
    return v16_load(t);
}

/* The sum over the k lanes from lane at on. */
SOV_LANE float
sum_lanes(v16 v, int at, int k)
{
    float t[16];
    float sum = 0.0f;

    v16_store(t, v);
    for (int l = at; l < at + k; l++)
        sum += t[l];
    return sum;
}

SOV_LANE float
max_lanes(v16 v, int at, int k)
{
    float t[16];
    float max = 0.0f;

    v16_store(t, v);
    for (int l = at; l < at + k; l++)
        max = t[l] > max ? t[l] : max;
    return max;
}

/*
 * Sixteen tries at once: row i of errors has those of the lanes in try i.  The
 * sums over each super-block of k lanes, added in order as by sum_lanes.
 */
SOV_LANE void
sum_tries(const float errors[256], int k, float sums[2][16])
{
    v16 column[16];

    v16_transpose(errors, 16, column);
    for (int b = 0; b < 16 / k; b++) {
        v16 sum = v16_set(0.0f);

        for (int l = k * b; l < k * (b + 1); l++)
            sum = v16_add(sum, column[l]);
        v16_store(sums[b], sum);
    }
}

/* The half float of the best of n tries; best stays if there is none. */
SOV_LANE void
best_try(float error[256], const float field[256], int n, int k, float *best)
{
    float least[2] = { 3e38f, 3e38f }, sums[2][16];

    for (int i = 16 * n; i < 256; i++)
        error[i] = 3e38f;
    sum_tries(error, k, sums);
    for (int b = 0; b < 16 / k; b++)
        for (int i = 0; i < n; i++) {
            if (!(sums[b][i] < least[b]))
                continue;
            least[b] = sums[b][i];
            best[b] = field[16 * i + k * b];
        }
}

/* A half float field that is not negative, as a float. */
SOV_LANE float
to_field(float x)
{
    if (!(x > 0.0f))
        return 0.0f;
    return sov_f16_to_f32(sov_f32_to_f16(x < SOV_HALF_MAX ? x : SOV_HALF_MAX));
}

/* See v16_to_field_up. */
SOV_LANE float
to_field_up(float x)
{
    float h = to_field(x);

    return h < x * 0.999f ? h + 0x1p-24f : h;
}

/* ---- scale and minimum: q4_k, q5_k, q2_k */

/* What a type with such super-blocks has. */
struct kmin_type {
    int n;        /* weights of a sub-block: 16 or 32 */
    float most;   /* the largest whole-number scale and minimum */
    float top;    /* weights are whole numbers from 0 to this */
    float spread; /* of the first search */
};

/* Sixteen sub-blocks: one super-block of sixteen, or two of eight. */
struct kmin {
    float d[2], dmin[2];
    float scale[16], min[16]; /* whole numbers */
    float error[2];
};

SOV_LANE v16
whole(v16 x, float lo, float hi)
{
    return v16_round(v16_min(v16_max(x, v16_set(lo)), v16_set(hi)));
}

SOV_LANE struct sums
kmin_pass(const struct tile *t, v16 s, v16 m, v16 hi)
{
    v16 inverse = v16_inverse(s);

    return affine_pass(t, inverse, v16_mul(m, inverse), hi);
}

/* Move each lane's scale and minimum to the best near them. */
SOV_LANE void
kmin_neighbours(const struct tile *t, const struct kmin_type *y, v16 d,
                v16 dmin, v16 *scale, v16 *min)
{
    v16 m = v16_mul(dmin, *min);
    v16 inverse = v16_inverse(v16_mul(dmin, t->s));
    v16 best_scale = *scale, best_min = *min, least = v16_set(3e38f);

    for (int step = -1; step <= 1; step++) {
        v16 sc = v16_add(*scale, v16_set((float)step));
        v16 s, mn, e;
        struct sums r;
        m16 better;

        sc = v16_min(v16_max(sc, v16_set(0.0f)), v16_set(y->most));
        s = v16_mul(d, sc);
        r = kmin_pass(t, s, m, v16_set(y->top));
        mn = v16_mul(v16_sub(v16_mul(s, r.q), t->sx), inverse);
        mn = whole(mn, 0.0f, y->most);
        e = affine_error(t, &r, s, v16_mul(dmin, mn));
        better = v16_less(e, least);
        least = v16_pick(better, e, least);
        best_scale = v16_pick(better, sc, best_scale);
        best_min = v16_pick(better, mn, best_min);
    }
    *scale = best_scale;
    *min = best_min;
}

/* Least squares for the half floats of super-block b, of k lanes. */
SOV_LANE void
kmin_refit(const struct tile *t, const struct sums *r, v16 scale, v16 min,
           int b, int k, float *d, float *dmin)
{
    v16 none = v16_set(0.0f);
    int at = k * b;
    float aa = sum_lanes(v16_mul(v16_mul(scale, scale), r->qq), at, k);
    float ac = sum_lanes(v16_mul(v16_mul(scale, min), r->q), at, k);
    float cc = sum_lanes(v16_mul(v16_mul(min, min), t->s), at, k);
    float ax = sum_lanes(v16_mul(scale, r->qx), at, k);
    float cx = sum_lanes(v16_sub(none, v16_mul(min, t->sx)), at, k);
    float det = aa * cc - ac * ac;

    if (det > 1e-6f * aa * cc) {
        *d = to_field((ax * cc + cx * ac) / det);
        *dmin = to_field((cx * aa + ax * ac) / det);
    } else if (aa > 0.0f) {
        *d = to_field((ax + *dmin * ac) / aa);
    }
}

/* Remember of this try what is the best so far. */
SOV_LANE void
kmin_keep(struct kmin *k, int lanes, v16 e, v16 scale, v16 min, const float *d,
          const float *dmin)
{
    float sc[16], mn[16];

    v16_store(sc, scale);
    v16_store(mn, min);
    for (int b = 0; b < 16 / lanes; b++) {
        size_t size = (size_t)lanes * sizeof(float);
        float error = sum_lanes(e, lanes * b, lanes);

        if (!(error < k->error[b]))
            continue;
        k->error[b] = error;
        k->d[b] = d[b];
        k->dmin[b] = dmin[b];
        memcpy(k->scale + lanes * b, sc + lanes * b, size);
        memcpy(k->min + lanes * b, mn + lanes * b, size);
    }
}

/* A place to start from, for each super-block the best so far. */
struct kmin_guess {
    float d[2], dmin[2], error[2];
};

/*
 * Whole numbers for given half floats, by the sums of the first search alone:
 * the error that they leave.  inverse is 1 / (dmin * sum of w).
 */
SOV_LANE v16
kmin_try(const struct tile *t, const struct kmin_type *y, const struct sums *r,
         v16 s, v16 d, v16 dmin, v16 inverse, v16 *scale, v16 *min)
{
    *scale = whole(v16_mul(s, v16_inverse(d)), 0.0f, y->most);
    s = v16_mul(d, *scale);
    *min = v16_mul(v16_sub(v16_mul(s, r->q), t->sx), inverse);
    *min = whole(*min, 0.0f, y->most);
    return affine_error(t, r, s, v16_mul(dmin, *min));
}

/* Up to sixteen tries with their half floats, a row for each. */
struct kmin_tries {
    float error[256], d[256], dmin[256];
    int n;
};

/* Keep the half floats that leave least. */
SOV_LANE void
kmin_better(struct kmin_guess *g, int lanes, struct kmin_tries *t)
{
    float sums[2][16];

    for (int i = 16 * t->n; i < 256; i++)
        t->error[i] = 3e38f;
    sum_tries(t->error, lanes, sums);
    for (int b = 0; b < 16 / lanes; b++)
        for (int i = 0; i < t->n; i++) {
            if (!(sums[b][i] < g->error[b]))
                continue;
            g->error[b] = sums[b][i];
            g->d[b] = t->d[16 * i + lanes * b];
            g->dmin[b] = t->dmin[16 * i + lanes * b];
        }
    t->n = 0;
}

/* The best of n starts for each half float. */
SOV_LANE void
kmin_first(const struct tile *t, const struct kmin_type *y,
           const struct sums *r, v16 s, v16 m, int n, struct kmin_guess *g)
{
    int lanes = 256 / y->n;
    struct kmin_tries tries;
    v16 top_d, top_dmin;

    tries.n = 0;
    for (int b = 0; b < 16 / lanes; b++) {
        g->d[b] = max_lanes(s, lanes * b, lanes) / y->most;
        g->dmin[b] = max_lanes(m, lanes * b, lanes) / y->most;
        g->error[b] = 3e38f;
    }
    top_d = spread_lanes(g->d, lanes);
    top_dmin = spread_lanes(g->dmin, lanes);
    for (int b = 0; b < 16 / lanes; b++) {
        g->d[b] = to_field_up(g->d[b]);
        g->dmin[b] = to_field_up(g->dmin[b]);
    }
    for (int j = 0; j < n; j++) {
        v16 dmin = v16_to_field_up(v16_mul(top_dmin, v16_set(starts_k[j])));
        v16 inverse = v16_inverse(v16_mul(dmin, t->s));

        for (int i = 0; i < n; i++) {
            v16 d = v16_to_field_up(v16_mul(top_d, v16_set(starts_k[i])));
            v16 scale, min;
            v16 e = kmin_try(t, y, r, s, d, dmin, inverse, &scale, &min);

            v16_store(tries.error + 16 * tries.n, e);
            v16_store(tries.d + 16 * tries.n, d);
            v16_store(tries.dmin + 16 * tries.n, dmin);
            if (++tries.n == 16)
                kmin_better(g, lanes, &tries);
        }
    }
    kmin_better(g, lanes, &tries);
}

/* Rounds from there. */
SOV_LANE void
kmin_rounds(const struct tile *t, const struct kmin_type *y,
            const struct sums *first, v16 s, const struct kmin_guess *g,
            int rounds, struct kmin *k)
{
    int lanes = 256 / y->n;
    v16 hi = v16_set(y->top);
    float d[2], dmin[2];
    v16 dv, dminv, scale, min;

    memcpy(d, g->d, sizeof(d));
    memcpy(dmin, g->dmin, sizeof(dmin));
    dv = spread_lanes(d, lanes);
    dminv = spread_lanes(dmin, lanes);
    kmin_try(t, y, first, s, dv, dminv, v16_inverse(v16_mul(dminv, t->s)),
             &scale, &min);
    for (int i = 0; i <= rounds; i++) {
        struct sums r;
        v16 sv, mv;

        if (i < rounds)
            kmin_neighbours(t, y, dv, dminv, &scale, &min);
        sv = v16_mul(dv, scale);
        mv = v16_mul(dminv, min);
        r = kmin_pass(t, sv, mv, hi);
        kmin_keep(k, lanes, affine_error(t, &r, sv, mv), scale, min, d, dmin);
        for (int b = 0; b < 16 / lanes; b++)
            kmin_refit(t, &r, scale, min, b, lanes, &d[b], &dmin[b]);
        dv = spread_lanes(d, lanes);
        dminv = spread_lanes(dmin, lanes);
    }
}

/* The weights of sixteen sub-blocks, and their importance or NULL. */
SOV_LANE void
kmin_search(const float *x, const float *imp, const struct kmin_type *y,
            int effort, struct kmin *k)
{
    struct effort_k f = effort_k_of(effort);
    int lanes = 256 / y->n;
    struct kmin_guess g;
    struct sums r;
    struct tile t;
    v16 s, m, mean;
    float var[2];

    t.n = y->n;
    tile_load(t.x, x, y->n);
    mean = tile_mean_square(&t);
    for (int b = 0; b < 16 / lanes; b++)
        var[b] = sum_lanes(mean, lanes * b, lanes) / (float)lanes;
    tile_weigh(&t, imp, spread_lanes(var, lanes));
    tile_sum(&t);
    affine_search(&t, y->top, 1, f.steps, y->spread, f.settle, &s, &m, &r);

    memset(k, 0, sizeof(*k));
    k->error[0] = k->error[1] = 3e38f;
    kmin_first(&t, y, &r, s, m, f.starts, &g);
    kmin_rounds(&t, y, &r, s, &g, f.rounds, k);
}

/* ---- scale alone: q6_k, q3_k, iq4_xs */

/* What a type with such super-blocks has. */
struct ksym_type {
    int n;        /* weights of a sub-block: 16 or 32 */
    float lo, hi; /* whole-number scales */
    struct levels levels;
};

/* Sixteen sub-blocks: one super-block of sixteen, or two of eight. */
struct ksym {
    float d[2];
    float scale[16];
    float error[2];
};

/* Move each lane's scale to the best near it; its error and sums. */
SOV_LANE v16
ksym_neighbours(const struct tile *t, const struct ksym_type *y, v16 d,
                v16 *scale, struct sums *sums)
{
    static const float steps[3] = { 0.0f, -1.0f, 1.0f };
    v16 kept = *scale, least = v16_set(3e38f);
    v16 none = v16_set(0.0f);

    *sums = (struct sums){ none, none, none };
    for (int step = 0; step < 3; step++) {
        v16 sc = v16_add(*scale, v16_set(steps[step]));
        struct sums r;
        m16 better;
        v16 s, e;

        sc = v16_min(v16_max(sc, v16_set(y->lo)), v16_set(y->hi));
        s = v16_mul(d, sc);
        r = sym_pass(t, v16_inverse(s), y->levels);
        e = sym_error(t, &r, s);
        better = v16_less(e, least);
        least = v16_pick(better, e, least);
        kept = v16_pick(better, sc, kept);
        sums->qq = v16_pick(better, r.qq, sums->qq);
        sums->qx = v16_pick(better, r.qx, sums->qx);
    }
    *scale = kept;
    return least;
}

/* Remember what is the best so far. */
SOV_LANE void
ksym_keep(struct ksym *k, int lanes, v16 e, v16 scale, v16 d)
{
    float sc[16], field[16];

    v16_store(sc, scale);
    v16_store(field, d);
    for (int b = 0; b < 16 / lanes; b++) {
        float error = sum_lanes(e, lanes * b, lanes);

        if (!(error < k->error[b]))
            continue;
        k->error[b] = error;
        k->d[b] = field[lanes * b];
        memcpy(k->scale + lanes * b, sc + lanes * b,
               (size_t)lanes * sizeof(float));
    }
}

/* The best of n starts, by the sums of the first search alone. */
SOV_LANE void
ksym_first(const struct tile *t, const struct ksym_type *y,
           const struct sums *r, v16 s, int n, float *best)
{
    int lanes = 256 / y->n;
    float top[2], error[256], field[256];

    for (int b = 0; b < 16 / lanes; b++) {
        top[b] = max_lanes(v16_abs(s), lanes * b, lanes) / y->hi;
        best[b] = to_field_up(top[b]);
    }
    for (int i = 0; i < n; i++) {
        v16 d = v16_to_field_up(
            v16_mul(spread_lanes(top, lanes), v16_set(starts_k[i])));
        v16 scale = whole(v16_mul(s, v16_inverse(d)), y->lo, y->hi);

        v16_store(error + 16 * i, sym_error(t, r, v16_mul(d, scale)));
        v16_store(field + 16 * i, d);
    }
    best_try(error, field, n, lanes, best);
}

/* Rounds from the half floats d. */
SOV_LANE void
ksym_rounds(const struct tile *t, const struct ksym_type *y, v16 s, float *d,
            int rounds, struct ksym *k)
{
    int lanes = 256 / y->n;
    v16 dv = v16_to_field(spread_lanes(d, lanes));
    v16 scale = whole(v16_mul(s, v16_inverse(dv)), y->lo, y->hi);

    for (int i = 0; i < rounds; i++) {
        struct sums r;
        v16 e = ksym_neighbours(t, y, dv, &scale, &r);
        v16 aa, ax;

        ksym_keep(k, lanes, e, scale, dv);
        aa = v16_mul(v16_mul(scale, scale), r.qq);
        ax = v16_mul(scale, r.qx);
        for (int b = 0; b < 16 / lanes; b++) {
            float den = sum_lanes(aa, lanes * b, lanes);

            if (den > 0.0f)
                d[b] = sum_lanes(ax, lanes * b, lanes) / den;
        }
        dv = v16_to_field(spread_lanes(d, lanes));
    }
}

SOV_LANE void
ksym_search(const float *x, const float *imp, const struct ksym_type *y,
            int effort, struct ksym *k)
{
    struct effort_k f = effort_k_of(effort);
    int lanes = 256 / y->n;
    struct sums r;
    struct tile t;
    float var[2], d[2];
    v16 s, mean;

    t.n = y->n;
    tile_load(t.x, x, y->n);
    mean = tile_mean_square(&t);
    for (int b = 0; b < 16 / lanes; b++)
        var[b] = sum_lanes(mean, lanes * b, lanes) / (float)lanes;
    tile_weigh(&t, imp, spread_lanes(var, lanes));
    tile_sum(&t);
    s = sym_search(&t, y->levels, f.steps / 2 + 1, &r);

    memset(k, 0, sizeof(*k));
    k->error[0] = k->error[1] = 3e38f;
    ksym_first(&t, y, &r, s, f.starts < 8 ? 2 * f.starts - 1 : 15, d);
    ksym_rounds(&t, y, s, d, f.rounds, k);
}

#endif
