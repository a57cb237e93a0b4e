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

/* sum[i] += times delta' h delta of each row, over the columns of the panel on
 * one side and [from, to) on the other. */
static void
add_product(const struct sov_fb_place *p, const float *h, size_t from,
            size_t to, double times, double sum[SOV_FB_ROWS])
{
    size_t n = sov_fb_columns(p);

    sov_fb_clear(p);
    sov_fb_times(p, p->w->delta + from, h + from * n + p->c0, n, to - from);
    for (size_t i = 0; i < p->n_rows; i++)
        sum[i] += times * panel_dot(p, p->w->delta, i);
}

/* delta' h delta of each row: twice what is before the square of each panel,
 * and that. */
static void
squares(struct sov_fb_place *p, const float *h, double sum[SOV_FB_ROWS])
{
    memset(sum, 0, SOV_FB_ROWS * sizeof(*sum));
    p->c0 = p->n = 0;
    while (sov_fb_next(p)) {
        add_product(p, h, 0, p->c0, 2.0, sum);
        add_product(p, h, p->c0, p->c0 + p->n, 1.0, sum);
    }
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
    double whole[SOV_FB_ROWS] = { 0 }, lost[SOV_FB_ROWS] = { 0 };
    const float *h = p->job->f->m->fit.h;
    size_t n = sov_fb_columns(p);

    p->c0 = p->n = 0;
    while (sov_fb_next(p)) {
        sov_fb_clear(p);
        sov_fb_times(p, p->w->w, h + p->c0, n, n);
        for (size_t i = 0; i < p->n_rows; i++) {
            whole[i] += panel_dot(p, p->w->w, i);
            lost[i] += panel_dot(p, p->w->delta, i);
        }
    }
    for (size_t i = 0; i < p->n_rows; i++) {
        double left = whole[i] - lost[i], by;

        by = left > 0 ? lost[i] / left : 0; /* whole / left - 1 */
        if (by < LEAST_STRETCH || by > MOST_STRETCH)
            continue;
        stretch_row(p, i, 1.0 + by);
    }
}

/* ---- measuring ---- */

/* delta = w - what blocks say. */
static void
find_delta(const struct sov_fb_place *p, const unsigned char *blocks)
{
    const struct sov_fb_job *job = p->job;
    size_t n = sov_fb_columns(p);

    for (size_t i = 0; i < p->n_rows; i++) {
        const float *w = sov_fb_row(p, i);
        float *d = p->w->delta + i * n;

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

void
sov_fb_costs(struct sov_fb_place *p, const struct sov_moment_sums *m,
             double cost[SOV_FB_ROWS])
{
    size_t n = sov_fb_columns(p);

    squares(p, m->h, cost);
    for (size_t i = 0; i < p->n_rows && m->c != NULL; i++)
        for (size_t k = 0; k < n; k++)
            cost[i] += 2.0 * (double)p->w->w[i * n + k] *
                       (double)p->w->delta[i * n + k];
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
    const struct sov_moment_sums *by = m->held.n > 0 ? &m->held : &m->fit;
    double plain[SOV_FB_ROWS], now[SOV_FB_ROWS];
    size_t bytes = p->job->row_bytes;

    encode_plain(p);
    if (by->c != NULL)
        sov_fb_cross(p, by, p->w->w);
    find_delta(p, sov_fb_out(p, 0));
    sov_fb_costs(p, by, now);
    find_delta(p, p->w->plain);
    sov_fb_costs(p, by, plain);
    for (size_t i = 0; i < p->n_rows; i++) {
        if (now[i] <= plain[i])
            continue;
        memcpy(sov_fb_out(p, i), p->w->plain + i * bytes, bytes);
        now[i] = plain[i];
        loss->kept++;
    }
    loss->rows = p->n_rows;
    loss->plain = mean_of(plain, p->n_rows, by->n);
    loss->now = mean_of(now, p->n_rows, by->n);
}
