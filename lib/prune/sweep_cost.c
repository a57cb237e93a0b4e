/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep_cost.c - what a calibrated sweep will take
 *
 * Time is measured on small pieces: a window through the first layer, the
 * moments of a window, and, where weights make up for others, some rows of two
 * widths, of which what grows with the square and the cube of the columns
 * follows.
 */
#include "prune/sweep_in.h"

#include "base/mem.h"
#include "calib/moments.h"
#include "compress/feedback.h"
#include "kern/kern.h"

#include <stdlib.h>
#include <string.h>

/* Widths that are tried, and rows for each thread. */
static const size_t widths[2] = { 256, 768 };
#define ROWS ((size_t)64)

/* Tries; the first does not count. */
#define TRIES 4

/* Seconds of one input, and of a row, of the two widths. */
struct feeding {
    double made[2];
    double row[2];
};

struct cost {
    struct sov_prune_sweep *s;
    struct feeding f;
    double feeding; /* seconds so far */
    double moments; /* columns times columns times tokens */
};

/* As sov_prune_some() does it. */
static int
feed(const struct sov_prune *job, const struct sov_feedback *f,
     const struct sov_obs_rows *r, const float *want, struct sov_err *err)
{
    int rc = 0;

    memcpy(r->w, want, r->n * r->k * sizeof(float));
    if (job->method->feed != NULL)
        rc = job->method->feed(f, r, err);
    else
        for (size_t i = 0; i < r->n * r->k; i++) {
            r->keep[i] = i % 2;
            r->w[i] = i % 2 ? want[i] : 0;
        }
    return rc == 0 && job->heal && !job->method->solves
               ? sov_obs_solve(f, r, want, err)
               : rc;
}

static int
time_rows(const struct sov_prune *job, const struct sov_feedback *f, size_t k,
          const float *want, double *seconds, struct sov_err *err)
{
    struct sov_obs_rows r = { .want = want, .k = k };
    double t[TRIES];
    int rc = 0;

    r.n = ROWS * sov_threads();
    r.share.pattern.rows = 1;
    r.share.ratio = 0.5;
    r.w = sov_mem_aligned(r.n * k, sizeof(*r.w));
    r.keep = sov_mem_array(r.n * k, 1);
    if (r.w == NULL || r.keep == NULL)
        rc = sov_mem_fail(err);
    for (int i = 0; i < TRIES && rc == 0; i++) {
        t[i] = sov_clock();
        rc = feed(job, f, &r, want, err);
        t[i] = sov_clock() - t[i];
    }
    if (rc == 0)
        *seconds = sov_calib_usual(t, TRIES) / (double)r.n;
    free(r.keep);
    sov_mem_free_aligned(r.w);
    return rc;
}

static int
time_width(const struct sov_prune *job, struct feeding *f, int w,
           struct sov_err *err)
{
    size_t k = widths[w], rows = ROWS * sov_threads();
    size_t n = rows > SOV_MOMENT_TOKENS ? rows : SOV_MOMENT_TOKENS;
    float *x = sov_mem_aligned(n * k, sizeof(*x));
    struct sov_feedback *made = NULL;
    struct sov_moments m = { 0 };
    double t[TRIES];
    int rc = x == NULL ? sov_mem_fail(err)
                       : sov_calib_some_moments(&m, k, false, x, err);

    for (int i = 0; i < TRIES && rc == 0; i++) {
        sov_feedback_free(made);
        made = NULL;
        t[i] = sov_clock();
        rc = sov_obs_new(&made, &m, SOV_PRUNE_MIX, err);
        t[i] = sov_clock() - t[i];
    }
    if (rc == 0)
        rc = time_rows(job, made, k, x, &f->row[w], err);
    if (rc == 0)
        f->made[w] = sov_calib_usual(t, TRIES);
    sov_feedback_free(made);
    sov_moments_free(&m);
    sov_mem_free_aligned(x);
    return rc;
}

static int
add_site(void *arg, const struct sov_calib_site *site, size_t k,
         struct sov_err *err)
{
    struct cost *cost = arg;
    const sov_model *model = cost->s->job->model;

    (void)err;
    cost->feeding +=
        (double)site->n_experts * sov_calib_through(widths, cost->f.made, k, 2);
    for (size_t i = 0; i < site->n_tensors; i++)
        if (sov_prune_sweep_wants(cost->s, site->tensor[i]))
            cost->feeding +=
                (double)sov_tensor_rows(sov_model_at(model, site->tensor[i])) *
                sov_calib_through(widths, cost->f.row, k, 1);
    cost->moments += (double)k * (double)k;
    return 0;
}

/* What a token is multiplied with, to see what enters before all else. */
static double
first_look(const struct sov_prune_sweep *s)
{
    double weights = 0;

    for (size_t i = 0; i < sov_model_count(s->job->model) && s->job->owl; i++)
        if (sov_prune_sweep_wants(s, i))
            weights += (double)sov_tensor_count(sov_model_at(s->job->model, i));
    return weights;
}

int
sov_prune_sweep_cost(struct sov_prune_sweep *s, struct sov_prune_cost *cost,
                     struct sov_err *err)
{
    double tokens = (double)sov_calib_tokens(s->calib), streams = 0;
    struct cost all = { .s = s };
    struct sov_calib_rates rates;
    int rc = sov_calib_probe(s->calib, &rates, err);

    if (rc == 0 && sov_prune_sweep_feeds(s->job))
        rc = time_width(s->job, &all.f, 0, err);
    if (rc == 0 && sov_prune_sweep_feeds(s->job))
        rc = time_width(s->job, &all.f, 1, err);
    if (rc == 0)
        rc = sov_calib_each_site(s->calib, add_site, &all, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < 2; i++)
        streams += (double)sov_calib_products(s->calib, i) * rates.layer[i];
    streams += first_look(s) * rates.layer[0];
    *cost = (struct sov_prune_cost){
        .seconds =
            tokens * (streams + all.moments * rates.moments) + all.feeding,
        .memory = sov_calib_memory(s->calib),
        .scratch = s->size + sov_calib_scratch(s->calib),
    };
    return 0;
}

int
sov_prune_look_cost(struct sov_prune *job, struct sov_prune_cost *cost,
                    struct sov_err *err)
{
    struct sov_calib_rates rates;
    struct sov_calib *calib;
    int rc = sov_calib_new(&calib, job->model, &job->calib, NULL, err);

    if (rc == 0)
        rc = sov_calib_probe(calib, &rates, err);
    if (rc == 0)
        *cost = (struct sov_prune_cost){
            .seconds = (double)sov_calib_tokens(calib) *
                       (double)sov_calib_products(calib, 0) * rates.layer[0],
            .memory = sov_calib_memory(calib),
            .scratch = sov_calib_scratch(calib),
        };
    sov_calib_free(calib);
    return rc;
}
