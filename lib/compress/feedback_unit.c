/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback_unit.c - one block of sixteen rows: its scales and its levels
 *
 * A block's scales are searched by the encoder of its type, for the targets as
 * they are when the block is reached; then its sub-blocks are rounded one after
 * the other, each with some scales near that one, of which the one is kept that
 * does best with the rounding as it really goes.
 *
 * Later a block is taken up again, with all others as they are: its levels and
 * scales are moved one by one, and its fields to their least squares, whatever
 * makes the cost less.
 */
#include "compress/feedback_unit.h"

#include "quant/codec.h"
#include "tensor/half.h"

#include <string.h>

#define TRIES 9

/* What the fields and numbers of a sub-block may become. */
struct fields {
    float d, dmin, sc, mn;
};

/* Steps of scale and minimum, nearest first. */
static const int8_t steps[TRIES][2] = { { 0, 0 },  { -1, 0 }, { 1, 0 },
                                        { 0, -1 }, { 0, 1 },  { -1, -1 },
                                        { 1, 1 },  { -1, 1 }, { 1, -1 } };
static const int8_t steps_alone[TRIES] = { 0, -1, 1, -2, 2, -3, 3, -4, 4 };
/* Of a field, and of the minimum in steps of the levels. */
static const float factor_of[TRIES] = { 1.0f,  0.97f, 1.03f, 0.94f, 1.06f,
                                        0.91f, 1.09f, 0.98f, 1.02f };
static const float factors[TRIES][2] = {
    { 1.0f, 0.0f },   { 0.97f, 0.0f },  { 1.03f, 0.0f },
    { 1.0f, -0.25f }, { 1.0f, 0.25f },  { 0.94f, 0.0f },
    { 1.06f, 0.0f },  { 0.97f, 0.25f }, { 0.97f, -0.25f },
};

static int
tries_of(const struct sov_parts *p, int effort)
{
    static const int8_t pairs[9] = { 1, 3, 5, 5, 9, 9, 9, 9, 9 };
    static const int8_t alone[9] = { 1, 3, 3, 3, 5, 5, 7, 7, 9 };

    return p->n_fields == 2 ? pairs[effort - 1] : alone[effort - 1];
}

/* As a half float field holds it. */
static float
to_half(float x)
{
    x = x < 65504.0f ? x : 65504.0f;
    x = x > -65504.0f ? x : -65504.0f;
    return sov_f16_to_f32(sov_f32_to_f16(x));
}

static float
field_of(const struct sov_parts *p, float x)
{
    return p->positive && !(x > 0.0f) ? 0.0f : to_half(x);
}

static float
within(float x, float lo, float hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

/* Try i for sub-block s. */
static struct fields
try_of(const struct sov_parts *p, const struct sov_apart *a, int s, int i)
{
    struct fields f = { a->d, a->dmin, a->sc[s], a->mn[s] };

    if (i == 0)
        return f;
    if (p->near != NULL) {
        f.sc = p->near(f.sc, steps_alone[i]);
    } else if (p->sc_lo < p->sc_hi && p->n_fields == 2) {
        f.sc = within(f.sc + (float)steps[i][0], p->sc_lo, p->sc_hi);
        f.mn = within(f.mn + (float)steps[i][1], p->mn_lo, p->mn_hi);
    } else if (p->sc_lo < p->sc_hi) {
        float step = p->sc_step > 0.0f ? p->sc_step : 1.0f;

        f.sc = within(f.sc + step * (float)steps_alone[i], p->sc_lo, p->sc_hi);
    } else if (p->n_fields == 2) {
        float middle = (p->lo + p->hi) * 0.5f;

        f.d = field_of(p, a->d * factors[i][0]);
        f.dmin =
            field_of(p, a->dmin + (a->d * (factors[i][0] - 1.0f)) * middle +
                            a->d * factors[i][1]);
    } else {
        f.d = field_of(p, a->d * factor_of[i]);
    }
    return f;
}

struct tries {
    struct fields field[TRIES][LANES];
    _Alignas(64) float scale[TRIES][LANES];
    _Alignas(64) float min[TRIES][LANES];
};

static struct sov_fb_tries
make_tries(const struct sov_fb_unit *u, int s, struct tries *t)
{
    int n = tries_of(u->parts, u->effort);

    for (int i = 0; i < n; i++)
        for (size_t l = 0; l < LANES; l++) {
            struct fields f = try_of(u->parts, &u->part[l], s, i);

            t->field[i][l] = f;
            t->scale[i][l] = f.d * f.sc;
            t->min[i][l] = f.dmin * f.mn;
        }
    return (struct sov_fb_tries){ n, t->scale[0], t->min[0] };
}

/* What was chosen for row l. */
static void
choose(struct sov_apart *a, int s, struct fields f)
{
    a->d = f.d;
    a->dmin = f.dmin;
    a->sc[s] = f.sc;
    a->mn[s] = f.mn;
}

static void
keep_levels(const struct sov_fb_unit *u, int at, int n)
{
    for (int k = at; k < at + n; k++)
        for (size_t l = 0; l < LANES; l++)
            u->part[l].level[k] = (int8_t)u->level[(size_t)k * LANES + l];
}

/* ---- the first time */

/* The scales of the block for the targets t. */
static void
search(const struct sov_fb_unit *u)
{
    size_t n = (size_t)u->parts->block;

    for (size_t l = 0; l < LANES; l++)
        for (size_t k = 0; k < n; k++)
            u->x[l * n + k] = u->t[k * LANES + l];
    for (size_t l = 0; l < LANES; l++)
        memcpy(u->importance + l * n, u->weight, n * sizeof(float));
    u->k->encode[u->type](u->x, u->importance, u->blocks, LANES * n, u->effort);
    for (size_t l = 0; l < LANES; l++)
        u->parts->take(u->blocks + l * u->block_bytes, &u->part[l]);
}

void
sov_fb_unit_first(const struct sov_fb_unit *u)
{
    int sub = u->parts->sub;
    float loss[LANES], best[LANES];
    struct tries t;

    search(u);
    for (int s = 0; s * sub < u->parts->block; s++) {
        size_t at = (size_t)(s * sub), next = at + (size_t)sub;
        struct sov_fb_round round = {
            .parts = u->parts,
            .tries = make_tries(u, s, &t),
            .n = sub,
            .w = u->w + at * LANES,
            .t = u->t + at * LANES,
            .weight = u->weight + at,
            .g = u->g + at * u->g_stride + at,
            .stride = u->g_stride,
            .level = u->level + at * LANES,
            .y = u->y + at * LANES,
            .loss = loss,
            .best = best,
        };

        u->k->fb_round(&round);
        for (size_t l = 0; l < LANES; l++)
            choose(&u->part[l], s, t.field[(int)best[l]][l]);
        keep_levels(u, (int)at, sub);
        for (size_t i = at * LANES; i < next * LANES; i++)
            u->step[i] = u->w[i] - u->y[i];
        u->k->fb_spread(u->g + at * u->g_stride + next, u->g_stride,
                        (size_t)sub, u->step + at * LANES, u->t + next * LANES,
                        u->behind - next);
    }
}

/* ---- and again */

/* y and levels of what there is. */
void
sov_fb_unit_values(const struct sov_fb_unit *u)
{
    for (int k = 0; k < u->parts->block; k++)
        for (size_t l = 0; l < LANES; l++) {
            const struct sov_apart *a = &u->part[l];
            int s = k / u->parts->sub;
            float scale = a->d * a->sc[s], min = a->dmin * a->mn[s];
            float level = (float)a->level[k];

            u->level[(size_t)k * LANES + l] = level;
            u->y[(size_t)k * LANES + l] = scale * level - min;
        }
}

/* Columns [at, at + n) moved by step: r of the whole panel follows. */
static void
follow(const struct sov_fb_unit *u, size_t at, size_t n)
{
    u->k->fb_spread(u->h + at * u->h_stride - u->at, u->h_stride, n,
                    u->step + at * LANES, u->r - u->at * LANES,
                    u->at + u->behind);
}

static bool
any(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] < 0.0f || x[i] > 0.0f)
            return true;
    return false;
}

static void
descend(const struct sov_fb_unit *u, int passes)
{
    int sub = u->parts->sub;
    float best[LANES];
    struct tries t;

    for (int s = 0; s * sub < u->parts->block; s++) {
        size_t at = (size_t)(s * sub);
        struct sov_fb_descend d = {
            .parts = u->parts,
            .tries = make_tries(u, s, &t),
            .n = sub,
            .passes = passes,
            .r = u->r + at * LANES,
            .h = u->h + at * u->h_stride + at,
            .stride = u->h_stride,
            .inverse = u->inverse + at * u->inverse_stride,
            .level = u->level + at * LANES,
            .y = u->y + at * LANES,
            .step = u->step + at * LANES,
            .best = best,
        };

        u->k->fb_descend(&d);
        for (size_t l = 0; l < LANES; l++)
            if (best[l] >= 0.0f)
                choose(&u->part[l], s, t.field[(int)best[l]][l]);
        if (!any(d.step, (size_t)sub * LANES))
            continue;
        keep_levels(u, (int)at, sub);
        follow(u, at, (size_t)sub);
    }
}

/* Sums over the block for the least squares of one row's fields: y = d a +
 * dmin c. */
struct squares {
    float aa, ac, cc, ar, cr;
};

static void
block_squares(const struct sov_fb_unit *u, struct squares sum[LANES])
{
    size_t n = (size_t)u->parts->block;
    float *a = u->a, *c = u->c, *ha = u->ha, *hc = u->hc;

    memset(sum, 0, LANES * sizeof(*sum));
    for (size_t k = 0; k < n; k++)
        for (size_t l = 0; l < LANES; l++) {
            const struct sov_apart *p = &u->part[l];
            size_t s = k / (size_t)u->parts->sub;

            a[k * LANES + l] = p->sc[s] * (float)p->level[k];
            c[k * LANES + l] = -p->mn[s];
        }
    memset(ha, 0, n * LANES * sizeof(*ha));
    u->k->fb_spread(u->h, u->h_stride, n, a, ha, n);
    if (u->parts->n_fields == 2) {
        memset(hc, 0, n * LANES * sizeof(*hc));
        u->k->fb_spread(u->h, u->h_stride, n, c, hc, n);
    }
    for (size_t i = 0; i < n * LANES; i++) {
        struct squares *q = &sum[i % LANES];

        q->aa += a[i] * ha[i];
        q->ar += a[i] * u->r[i];
        if (u->parts->n_fields < 2)
            continue;
        q->ac += c[i] * ha[i];
        q->cc += c[i] * hc[i];
        q->cr += c[i] * u->r[i];
    }
}

/* The fields of one row, if others cost less; did they move? */
static bool
refit_row(const struct sov_parts *p, struct sov_apart *a,
          const struct squares *q)
{
    float det = q->aa * q->cc - q->ac * q->ac, d = a->d, dmin = a->dmin, gain;

    if (!(q->aa > 0.0f))
        return false;
    if (p->n_fields == 2 && det > 1e-5f * q->aa * q->cc) {
        d = field_of(p, a->d + (q->ar * q->cc - q->cr * q->ac) / det);
        dmin = field_of(p, a->dmin + (q->cr * q->aa - q->ar * q->ac) / det);
    } else {
        d = field_of(p, a->d + q->ar / q->aa);
    }
    gain = 2.0f * ((d - a->d) * q->ar + (dmin - a->dmin) * q->cr) -
           ((d - a->d) * (d - a->d) * q->aa +
            2.0f * (d - a->d) * (dmin - a->dmin) * q->ac +
            (dmin - a->dmin) * (dmin - a->dmin) * q->cc);
    if (!(gain > 0.0f))
        return false;
    a->d = d;
    a->dmin = dmin;
    return true;
}

static void
refit(const struct sov_fb_unit *u)
{
    size_t n = (size_t)u->parts->block;
    struct squares sum[LANES];
    bool moved = false;

    block_squares(u, sum);
    for (size_t l = 0; l < LANES; l++)
        moved |= refit_row(u->parts, &u->part[l], &sum[l]);
    if (!moved)
        return;
    memcpy(u->step, u->y, n * LANES * sizeof(float));
    sov_fb_unit_values(u);
    for (size_t i = 0; i < n * LANES; i++)
        u->step[i] -= u->y[i];
    follow(u, 0, n);
}

void
sov_fb_unit_again(const struct sov_fb_unit *u)
{
    descend(u, u->effort < 4 ? 1 : 2);
    if (u->parts->n_fields > 0)
        refit(u);
}
