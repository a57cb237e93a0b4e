/* SPDX-License-Identifier: Apache-2.0 */
/*
 * obs_solve.c - the least cost that there is with a mask
 *
 * With d = w - v and b = mix (C w + r), which is what the row should make good
 * besides (compress/feedback_aim.c), the cost is d' H d + 2 d' b, and half its
 * slope along v is -(H d + b).  Over the weights that stay that is a system
 * with a positive definite matrix: conjugate gradients with the diagonal as
 * preconditioner, some rows at a time, each with its own mask and its own end.
 * At the end the cost is found anew, and who lost has what it began with.
 */
#include "prune/obs_in.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Steps at most, and where what is left counts nothing. */
#define STEPS  32
#define ENOUGH 1e-8

/* Rows of a chunk, all [rows][k]. */
struct solve {
    const struct sov_obs_rows *r;
    struct sov_fb_place *p;
    float *b;        /* in the room of w */
    float *d;        /* in the room of delta */
    float *gradient; /* H d + b, 0 where nothing stays */
    float *way;
    float *product; /* H way */
    float *before;  /* v, as it was */
    double cost[SOV_FB_ROWS];
    double slope[SOV_FB_ROWS]; /* the gradient times itself, preconditioned */
    double first[SOV_FB_ROWS];
    size_t left; /* rows that go on */
};

static float *
now_of(const struct solve *s, size_t row)
{
    return s->r->w + (s->p->row0 + row) * s->r->k;
}

static const unsigned char *
keep_of(const struct solve *s, size_t row)
{
    return s->r->keep + (s->p->row0 + row) * s->r->k;
}

void
sov_obs_multiply(struct sov_fb_place *p, const float *x, float *y)
{
    size_t k = sov_fb_columns(p);

    p->c0 = p->n = 0;
    while (sov_fb_next(p)) {
        sov_fb_slopes(p, x);
        for (size_t i = 0; i < p->n_rows; i++)
            memcpy(y + i * k + p->c0, p->w->t + i * PANEL,
                   p->n * sizeof(float));
    }
}

void
sov_obs_diagonal(const struct sov_fb_place *p, float *diagonal)
{
    for (size_t j = 0; j < sov_fb_columns(p); j++)
        diagonal[j] = (float)sov_fb_second_at(&p->job->f->second, j, j);
}

void
sov_obs_besides(struct sov_fb_place *p, float *b)
{
    const struct sov_feedback *f = p->job->f;
    float by = (float)(f->mix * (1.0 - f->second.draw) * f->second.scale);
    size_t n = p->n_rows * sov_fb_columns(p);

    if (f->m->fit.c == NULL || f->mix <= 0) {
        memset(b, 0, n * sizeof(*b));
        return;
    }
    sov_fb_cross(p, &f->m->fit, b);
    for (size_t i = 0; i < n; i++)
        b[i] *= by;
}

/* d, the whole gradient and the cost, as v is. */
static void
look(struct solve *s)
{
    size_t k = s->r->k;

    for (size_t i = 0; i < s->p->n_rows; i++)
        for (size_t j = 0; j < k; j++)
            s->d[i * k + j] = sov_fb_row(s->p, i)[j] - now_of(s, i)[j];
    sov_obs_multiply(s->p, s->d, s->gradient);
    for (size_t i = 0; i < s->p->n_rows; i++) {
        double sum = 0;

        for (size_t j = i * k; j < (i + 1) * k; j++) {
            s->gradient[j] += s->b[j];
            sum += (double)s->d[j] * ((double)s->gradient[j] + (double)s->b[j]);
        }
        s->cost[i] = sum;
    }
}

/* The preconditioned gradient of row i is the next way, with so much of the
 * last one; diag[k]. */
static void
turn(struct solve *s, size_t i, const float *diag)
{
    const float *g = s->gradient + i * s->r->k;
    float *way = s->way + i * s->r->k;
    double sum = 0, last = s->slope[i];
    float beta;

    for (size_t j = 0; j < s->r->k; j++)
        sum += (double)g[j] * (double)(g[j] / diag[j]);
    s->slope[i] = sum;
    if (last == 0)
        s->first[i] = sum;
    beta = last > 0 ? (float)(sum / last) : 0.0f;
    if (!(sum > ENOUGH * s->first[i])) {
        memset(way, 0, s->r->k * sizeof(*way));
        s->slope[i] = -1; /* it is done */
        s->left--;
        return;
    }
    for (size_t j = 0; j < s->r->k; j++)
        way[j] = g[j] / diag[j] + beta * way[j];
}

/* As far as it gets better. */
static void
advance(struct solve *s, size_t i)
{
    const float *way = s->way + i * s->r->k;
    const float *product = s->product + i * s->r->k;
    const unsigned char *keep = keep_of(s, i);
    float *g = s->gradient + i * s->r->k, *v = now_of(s, i);
    double curve = 0;
    float alpha;

    for (size_t j = 0; j < s->r->k; j++)
        curve += (double)way[j] * (double)product[j];
    alpha = curve > 0 ? (float)(s->slope[i] / curve) : 0.0f;
    for (size_t j = 0; j < s->r->k; j++) {
        v[j] += alpha * way[j];
        g[j] = keep[j] ? g[j] - alpha * product[j] : 0.0f;
    }
}

static void
descend(struct solve *s, const float *diag)
{
    size_t k = s->r->k;

    s->left = s->p->n_rows;
    for (size_t i = 0; i < s->p->n_rows; i++) {
        s->slope[i] = 0;
        for (size_t j = 0; j < k; j++)
            if (!keep_of(s, i)[j])
                s->gradient[i * k + j] = 0;
    }
    for (int step = 0; step < STEPS; step++) {
        for (size_t i = 0; i < s->p->n_rows; i++)
            if (s->slope[i] >= 0)
                turn(s, i, diag);
        if (s->left == 0)
            break;
        sov_obs_multiply(s->p, s->way, s->product);
        for (size_t i = 0; i < s->p->n_rows; i++)
            if (s->slope[i] > 0)
                advance(s, i);
    }
}

/* Rows that cost more than they did, or nothing that is a number. */
static void
take_back(struct solve *s, const double *was)
{
    for (size_t i = 0; i < s->p->n_rows; i++)
        if (!(s->cost[i] < was[i])) {
            s->cost[i] = was[i];
            memcpy(now_of(s, i), s->before + i * s->r->k,
                   s->r->k * sizeof(float));
        }
}

void
sov_obs_solve_chunk(struct sov_obs_job *job, struct sov_fb_place *p,
                    double cost[SOV_FB_ROWS])
{
    size_t n = p->n_rows * job->r->k;
    struct solve s = {
        .r = job->r,
        .p = p,
        .b = p->w->w,
        .d = p->w->delta,
        .gradient = sov_obs_array(job, p, SOV_OBS_GRADIENT),
        .way = sov_obs_array(job, p, SOV_OBS_WAY),
        .product = sov_obs_array(job, p, SOV_OBS_PRODUCT),
        .before = sov_obs_array(job, p, SOV_OBS_BEFORE),
    };
    float *diag = s.d; /* nobody needs d on the way */
    double was[SOV_FB_ROWS];

    memcpy(s.before, now_of(&s, 0), n * sizeof(float));
    memset(s.way, 0, n * sizeof(float));
    sov_obs_besides(p, s.b);
    look(&s);
    memcpy(was, s.cost, sizeof(was));
    sov_obs_diagonal(p, diag);
    descend(&s, diag);
    look(&s);
    take_back(&s, was);
    memcpy(cost, s.cost, sizeof(s.cost));
}

static void
solve_chunk(struct sov_obs_job *job, struct sov_fb_place *p)
{
    double cost[SOV_FB_ROWS];

    sov_obs_solve_chunk(job, p, cost);
}

int
sov_obs_solve(const struct sov_feedback *f, const struct sov_obs_rows *r,
              const float *want, struct sov_err *err)
{
    struct sov_obs_job job = { .fb = { .f = f, .rows = want }, .r = r };

    return sov_obs_run(&job, solve_chunk, SOV_OBS_SOLVING, err);
}

/* ---- the cost ---- */

static void
cost_chunk(struct sov_obs_job *job, struct sov_fb_place *p)
{
    const struct sov_moments *m = p->job->f->m;
    const struct sov_moment_sums *by = m->held.n > 0 ? &m->held : &m->fit;
    const float *v = job->r->w + p->row0 * job->r->k;
    const float *w = sov_fb_row(p, 0);
    size_t n = p->n_rows * job->r->k;
    double cost[SOV_FB_ROWS], sum = 0;

    for (size_t i = 0; i < n; i++)
        p->w->delta[i] = w[i] - v[i];
    if (by->c != NULL)
        sov_fb_cross(p, by, p->w->w);
    sov_fb_costs(p, by, cost);
    for (size_t i = 0; i < p->n_rows; i++)
        sum += cost[i];
    job->cost[p->row0 / SOV_FB_ROWS] = sum / (double)by->n;
}

int
sov_obs_cost(const struct sov_feedback *f, const struct sov_obs_rows *r,
             const float *want, double *cost, struct sov_err *err)
{
    size_t n = (r->n + SOV_FB_ROWS - 1) / SOV_FB_ROWS;
    struct sov_obs_job job = { .fb = { .f = f, .rows = want }, .r = r };
    double sum = 0;
    int rc;

    job.cost = sov_mem_array(n, sizeof(*job.cost));
    if (job.cost == NULL)
        return sov_mem_fail(err);
    rc = sov_obs_run(&job, cost_chunk, 0, err);
    for (size_t i = 0; i < n; i++)
        sum += job.cost[i];
    free(job.cost);
    if (rc == 0)
        *cost = sum;
    return rc;
}
