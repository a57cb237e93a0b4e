/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback_loss.c - what rounding costs
 *
 * With inputs x, which were z before anything was quantized, and e lacking
 * where the answer is added to, a row v in place of w costs E (w'z - v'x + e)^2,
 * which is, with d = w - v, C = E x (z - x)' and r = E x e,
 *
 *     d' H d + 2 d' (C w + r) + what no v changes
 */
#include "compress/feedback_rows.h"

#include "quant/codec.h"
#include "tensor/half.h"

#include <string.h>

/* What is not worth rounding fields anew. */
#define LEAST_STRETCH 5e-4
#define MOST_STRETCH  0.25

/* Sum of x[i] * t[i] of the panel for row i of the chunk. */
static double
panel_dot(const struct sov_fb_place *p, const float *x, size_t i)
{
    const float *row = x + i * sov_fb_columns(p) + p->c0;
    const float *t = p->w->t + i * PANEL;
    double sum = 0;

    for (size_t k = 0; k < p->n; k++)
        sum += (double)row[k] * (double)t[k];
    return sum;
}

/* sum[i] += times x' h y of each row, over the columns of the panel for x and
 * [from, to) for y. */
static void
add_product(const struct sov_fb_place *p, const float *x, const float *h,
            const float *y, size_t from, size_t to, double times,
            double sum[SOV_FB_ROWS])
{
    size_t n = sov_fb_columns(p);

    sov_fb_clear(p);
    sov_fb_times(p, y + from, h + from * n + p->c0, n, to - from);
    for (size_t i = 0; i < p->n_rows; i++)
        sum[i] += times * panel_dot(p, x, i);
}

/* x' h x of each row: twice what is before the square of each panel, and
 * that. */
static void
squares(struct sov_fb_place *p, const float *x, const float *h,
        double sum[SOV_FB_ROWS])
{
    memset(sum, 0, SOV_FB_ROWS * sizeof(*sum));
    p->c0 = p->n = 0;
    while (sov_fb_next(p)) {
        add_product(p, x, h, x, 0, p->c0, 2.0, sum);
        add_product(p, x, h, x, p->c0, p->c0 + p->n, 1.0, sum);
    }
}

/* x' h y of each row. */
static void
products(struct sov_fb_place *p, const float *x, const float *h, const float *y,
         double sum[SOV_FB_ROWS])
{
    memset(sum, 0, SOV_FB_ROWS * sizeof(*sum));
    p->c0 = p->n = 0;
    while (sov_fb_next(p))
        add_product(p, x, h, y, 0, sov_fb_columns(p), 1.0, sum);
}

/* ---- stretching ---- */

static float
to_half(double x)
{
    x = x < 65504.0 ? x : 65504.0;
    x = x > -65504.0 ? x : -65504.0;
    return sov_f16_to_f32(sov_f32_to_f16((float)x));
}

static void
stretch_row(const struct sov_fb_place *p, size_t i, double by)
{
    const struct sov_fb_job *job = p->job;
    unsigned char *block = sov_fb_out(p, i);
    struct sov_apart a;

    for (; block < sov_fb_out(p, i + 1); block += job->block_bytes) {
        job->parts->take(block, &a);
        a.d = to_half((double)a.d * by);
        a.dmin = to_half((double)a.dmin * by);
        job->parts->put(&a, block);
    }
}

/*
 * What is nearest to w is shorter than w on average, as a mean is: w'Hv is
 * less than w'Hw.  A network minds that more than the noise: everything that
 * comes after would be fainter.  So v is multiplied by what makes them equal.
 */
void
sov_fb_stretch(struct sov_fb_place *p)
{
    double whole[SOV_FB_ROWS], lost[SOV_FB_ROWS];
    const float *h = p->job->f->m->fit.h;

    squares(p, p->w->w, h, whole);
    products(p, p->w->w, h, p->w->delta, lost);
    for (size_t i = 0; i < p->n_rows; i++) {
        double left = whole[i] - lost[i], by;

        by = left > 0 ? lost[i] / left : 0; /* whole / left - 1 */
        if (by < LEAST_STRETCH || by > MOST_STRETCH)
            continue;
        stretch_row(p, i, 1.0 + by);
    }
}

/* ---- measuring ---- */

/* d = w - what blocks say; blocks NULL: w. */
static void
find_delta(const struct sov_fb_place *p, const unsigned char *blocks)
{
    const struct sov_fb_job *job = p->job;
    size_t n = sov_fb_columns(p);

    for (size_t i = 0; i < p->n_rows; i++) {
        const float *w = sov_fb_row(p, i);
        float *d = p->w->delta + i * n;

        if (blocks == NULL)
            memset(d, 0, n * sizeof(*d));
        else
            job->k->decode[job->type](blocks + i * job->row_bytes, d, n);
        for (size_t k = 0; k < n; k++)
            d[k] = w[k] - d[k];
    }
}

static void
encode_plain(const struct sov_fb_place *p)
{
    const struct sov_fb_job *job = p->job;

    for (size_t i = 0; i < p->n_rows; i++)
        job->k->encode[job->type](sov_fb_row(p, i), job->f->importance,
                                  p->w->plain + i * job->row_bytes,
                                  sov_fb_columns(p), job->f->effort);
}

/* d' r of row i. */
static double
lacking(const struct sov_fb_place *p, const struct sov_moment_sums *m, size_t i)
{
    const float *lack = sov_fb_lack(p, m, i);
    size_t n = sov_fb_columns(p);
    double sum = 0;

    for (size_t k = 0; lack != NULL && k < n; k++)
        sum += (double)lack[k] * (double)p->w->delta[i * n + k];
    return sum;
}

/* What blocks cost on some moments. */
static void
costs(struct sov_fb_place *p, const struct sov_moment_sums *m,
      const unsigned char *blocks, double cost[SOV_FB_ROWS])
{
    double cross[SOV_FB_ROWS];

    find_delta(p, blocks);
    squares(p, p->w->delta, m->h, cost);
    if (m->c == NULL || blocks == NULL)
        return;
    /* w' c' delta: columns of the right matrix are of x, its rows of z */
    memcpy(p->w->w, sov_fb_row(p, 0),
           p->n_rows * sov_fb_columns(p) * sizeof(float));
    products(p, p->w->w, m->c, p->w->delta, cross);
    for (size_t i = 0; i < p->n_rows; i++)
        cost[i] += 2.0 * (cross[i] + lacking(p, m, i));
}

static double
mean_of(const double *x, size_t n, uint64_t tokens)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)tokens;
}

void
sov_fb_measure(struct sov_fb_place *p, struct sov_feedback_loss *loss)
{
    const struct sov_moments *m = p->job->f->m;
    const struct sov_moment_sums *of[2] = { &m->fit, &m->held };
    double plain[2][SOV_FB_ROWS], now[2][SOV_FB_ROWS], power[2][SOV_FB_ROWS];
    int last = m->held.n > 0 ? 1 : 0; /* which judges */
    size_t bytes = p->job->row_bytes;

    encode_plain(p);
    for (int i = 0; i <= last; i++) {
        costs(p, of[i], sov_fb_out(p, 0), now[i]);
        costs(p, of[i], p->w->plain, plain[i]);
        costs(p, of[i], NULL, power[i]);
    }
    for (size_t i = 0; i < p->n_rows; i++) {
        if (now[last][i] <= plain[last][i])
            continue;
        memcpy(sov_fb_out(p, i), p->w->plain + i * bytes, bytes);
        now[0][i] = plain[0][i];
        now[last][i] = plain[last][i];
        loss->kept++;
    }
    loss->rows = p->n_rows;
    loss->power = mean_of(power[0], p->n_rows, m->fit.n);
    loss->plain = mean_of(plain[0], p->n_rows, m->fit.n);
    loss->now = mean_of(now[0], p->n_rows, m->fit.n);
    if (last == 0)
        return;
    loss->held_power = mean_of(power[1], p->n_rows, m->held.n);
    loss->held_plain = mean_of(plain[1], p->n_rows, m->held.n);
    loss->held_now = mean_of(now[1], p->n_rows, m->held.n);
}
