/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep_cost.c - what a calibrated sweep will take
 *
 * Time is measured on small pieces: a window through the first layer, the
 * moments of a window, and some rows of two widths, with all that is done to
 * them, of which what grows with the square and the cube of the columns
 * follows.
 *
 * Memory is counted, with the pages of files that will be in it at once: of the
 * model those of a layer, and as many of what becomes of it.
 */
#include "prune/sweep_in.h"

#include "base/mem.h"
#include "calib/moments.h"
#include "compress/feedback.h"
#include "kern/kern.h"
#include "prune/cost.h"
#include "prune/dsnot.h"

#include <stdlib.h>
#include <string.h>

/* Tries; the first does not count. */
#define TRIES 4

/* How many mixtures sov_obs_tune() tries before one is worse, as it was with
 * the models that this was measured on. */
#define MIXTURES 2.5

/* Seconds of one input, of a row, and of a row of which a mixture is tried, of
 * two widths. */
struct feeding {
    size_t k[2];
    double made[2];
    double row[2];
    double tune[2];
};

struct cost {
    struct sov_prune_sweep *s;
    size_t tensor; /* the widest: whose rows are tried */
    struct feeding f;
    double feeding; /* seconds so far */
    double moments; /* multiplications of a token */
};

/* ---- rows ---- */

/* What sov_prune_tune() does in place of a long search. */
static int
sweep_rows(const struct sov_prune_some *some, const struct sov_obs_rows *r,
           struct sov_err *err)
{
    const float *want = some->s->batch.want;
    int rc;

    memcpy(r->w, want, r->n * r->k * sizeof(*want));
    rc = sov_obs_prune(some->f, r, err);
    return rc == 0 ? sov_obs_solve(some->f, r, want, err) : rc;
}

/* What a mixture takes: all rows, and what they cost then. */
static int
time_mixture(const struct sov_prune_some *some, double *seconds,
             struct sov_err *err)
{
    const struct sov_prune *job = some->s->job;
    const struct sov_prune_batch *b = &some->s->batch;
    struct sov_obs_rows r = {
        .w = b->now, .keep = b->keep, .n = some->n, .k = some->k
    };
    double t[TRIES], cost;
    int rc = 0;

    r.share = job->fate[some->tensor].share;
    for (int i = 0; i < TRIES && rc == 0; i++) {
        t[i] = sov_clock();
        if (job->method->solves)
            rc = sweep_rows(some, &r, err);
        if (rc == 0)
            rc = sov_obs_cost(some->f, &r, b->want, &cost, err);
        t[i] = sov_clock() - t[i];
    }
    if (rc == 0)
        *seconds = sov_calib_usual(t, TRIES) / (double)some->n;
    return rc;
}

static int
time_rows(const struct sov_prune_some *some, struct feeding *f, int w,
          struct sov_err *err)
{
    double t[TRIES];
    int rc = 0;

    for (int i = 0; i < TRIES && rc == 0; i++) {
        t[i] = sov_clock();
        rc = sov_prune_some(some, err);
        t[i] = sov_clock() - t[i];
    }
    if (rc == 0)
        f->row[w] = sov_calib_usual(t, TRIES) / (double)some->n;
    if (rc == 0 && some->f != NULL)
        rc = time_mixture(some, &f->tune[w], err);
    if (!some->s->job->method->solves)
        f->tune[w] += f->row[w];
    return rc;
}

/* The inputs of a place, from when there is room for their moments until all is
 * known that is made of them. */
static int
time_input(struct feeding *f, int w, const struct sov_moments *m,
           struct sov_feedback **made, struct sov_err *err)
{
    double t[TRIES];
    int rc = 0;

    for (int i = 0; i < TRIES && rc == 0; i++) {
        struct sov_moments own;

        sov_feedback_free(*made);
        *made = NULL;
        t[i] = sov_clock();
        rc = sov_moments_new(&own, m->k, 0, true, true, err);
        if (rc < 0)
            return rc;
        sov_moments_finish(&own);
        (void)sov_moments_finite(&own);
        rc = sov_obs_new(made, m, SOV_PRUNE_MIX, err);
        sov_moments_free(&own);
        t[i] = sov_clock() - t[i];
    }
    if (rc == 0)
        f->made[w] = sov_calib_usual(t, TRIES);
    return rc;
}

/* Of one width: x has inputs, which are rows as well. */
static int
time_width(struct cost *cost, int w, struct sov_err *err)
{
    struct sov_prune_sweep *s = cost->s;
    size_t k = cost->f.k[w], rows = SOV_PRUNE_PROBE * sov_threads();
    size_t n = rows > SOV_MOMENT_TOKENS ? rows : SOV_MOMENT_TOKENS;
    const struct sov_tensor *t = sov_model_at(s->job->model, cost->tensor);
    float *x = sov_mem_aligned(n * k, sizeof(*x));
    unsigned char *to =
        sov_mem_array(rows + 2, (size_t)sov_tensor_row_bytes(t) + 4 * k);
    struct sov_prune_some some = {
        .s = s,
        .tensor = cost->tensor,
        .k = k,
        .n = rows,
        .to = to,
    };
    float *in = s->batch.inputs;
    struct sov_feedback *made = NULL;
    struct sov_moments m = { 0 };
    int rc = x == NULL || to == NULL
                 ? sov_mem_fail(err)
                 : sov_calib_some_moments(&m, k, true, x, err);

    if (rc == 0 && sov_prune_sweep_feeds(s->job))
        rc = time_input(&cost->f, w, &m, &made, err);
    if (rc == 0) {
        memcpy(s->batch.want, x, rows * k * sizeof(*x));
        sov_dsnot_inputs(&m, in, in + k, in + 2 * k);
        some.square = in + 2 * k;
        some.m = &m;
        some.f = made;
        rc = time_rows(&some, &cost->f, w, err);
    }
    sov_feedback_free(made);
    sov_moments_free(&m);
    sov_mem_free_aligned(x);
    free(to);
    return rc;
}

/* ---- widths that are tried: those that there are, if they are not too wide */

static int
look_at_width(void *arg, const struct sov_calib_site *site, size_t k,
              struct sov_err *err)
{
    struct cost *cost = arg;
    struct feeding *f = &cost->f;

    (void)err;
    for (size_t i = 0; i < site->n_tensors; i++) {
        if (!sov_prune_sweep_wants(cost->s, site->tensor[i]))
            continue;
        if (k > f->k[1])
            cost->tensor = site->tensor[i];
        f->k[1] = k > f->k[1] ? k : f->k[1];
        f->k[0] = f->k[0] == 0 || k < f->k[0] ? k : f->k[0];
    }
    return 0;
}

static int
choose_widths(struct cost *cost, struct sov_err *err)
{
    struct feeding *f = &cost->f;
    int rc = sov_calib_each_site(cost->s->calib, look_at_width, cost, err);

    if (f->k[1] > SOV_PRUNE_PROBE_WIDE)
        f->k[1] = SOV_PRUNE_PROBE_WIDE;
    if (f->k[0] > f->k[1] * 3 / 4)
        f->k[0] = f->k[1] / 2;
    return rc;
}

/* ---- all sites ---- */

static int
add_site(void *arg, const struct sov_calib_site *site, size_t k,
         struct sov_err *err)
{
    struct cost *cost = arg;
    const struct feeding *f = &cost->f;
    const sov_model *model = cost->s->job->model;
    bool tuned = f->made[1] <= 0 || site->n_experts > 1;

    (void)err;
    cost->moments += (double)sov_calib_sums(cost->s->calib, site, k);
    cost->feeding +=
        (double)site->n_experts * sov_calib_through(f->k, f->made, k, 2);
    for (size_t i = 0; i < site->n_tensors; i++) {
        double rows;

        if (!sov_prune_sweep_wants(cost->s, site->tensor[i]))
            continue;
        rows = (double)sov_tensor_rows(sov_model_at(model, site->tensor[i]));
        cost->feeding += rows * sov_calib_through(f->k, f->row, k, 1);
        if (tuned || !sov_calib_holds(cost->s->calib))
            continue;
        tuned = true; /* by the first of a place */
        rows = rows < SOV_PRUNE_SAMPLE ? rows : SOV_PRUNE_SAMPLE;
        cost->feeding +=
            MIXTURES * rows * sov_calib_through(f->k, f->tune, k, 1);
    }
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

static double
seconds_of(const struct cost *cost, const struct sov_calib_rates *rates)
{
    const struct sov_calib *c = cost->s->calib;
    double looks = cost->s->job->owl ? 2 : 1, token = 0;

    for (size_t i = 0; i < 2; i++)
        token += (double)sov_calib_products(c, i) * rates->layer[i];
    token += first_look(cost->s) * rates->layer[0];
    token += cost->moments * rates->moments;
    token += looks * (double)sov_calib_tallied(c) * rates->tally;
    return (double)sov_calib_tokens(c) * token + cost->feeding;
}

/* ---- memory ---- */

/* Of a layer, what is made of its matrices. */
static uint64_t
made_at_once(const struct sov_prune_sweep *s)
{
    uint64_t sum = 0, most = 0;
    long last = -1;

    for (size_t i = 0; i < sov_model_count(s->job->model); i++) {
        const struct sov_tensor *t = sov_model_at(s->job->model, i);
        long layer = strncmp(t->name, "blk.", 4) == 0 ? atol(t->name + 4) : -1;

        if (!sov_prune_sweep_wants(s, i))
            continue;
        sum = layer == last ? sum + t->size : t->size;
        last = layer;
        most = sum > most ? sum : most;
    }
    return most;
}

int
sov_prune_sweep_cost(struct sov_prune_sweep *s, struct sov_prune_cost *cost,
                     struct sov_err *err)
{
    struct cost all = { .s = s };
    struct sov_calib_rates rates;
    int rc = sov_calib_probe(s->calib, &rates, err);

    if (rc == 0)
        rc = choose_widths(&all, err);
    if (rc == 0 && all.f.k[0] > 0)
        rc = time_width(&all, 0, err);
    if (rc == 0 && all.f.k[0] > 0)
        rc = time_width(&all, 1, err);
    if (rc == 0 && all.f.k[0] > 0)
        rc = sov_calib_each_site(s->calib, add_site, &all, err);
    if (rc < 0)
        return rc;
    *cost = (struct sov_prune_cost){
        .seconds = seconds_of(&all, &rates),
        .memory = sov_calib_memory(s->calib) + made_at_once(s),
        .scratch = s->size + sov_calib_scratch(s->calib),
    };
    return 0;
}
