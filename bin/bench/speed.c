/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speed.c - a grid of cells, measured by turns
 *
 * A cell is prefill or decode under some conditions.  All cells are measured
 * once in each round, with what the machine can do at most beside them, so
 * that whatever changes while it runs changes all of them; of two models each
 * goes first in every other round.  A sample is a rate over at least a tenth
 * of a second.  Before the rounds each cell runs until it is steady.
 */
#include "bench/speed.h"

#include "cli/common.h"
#include "cli/generate.h"
#include "cli/progress.h"
#include "cli/sandbox.h"
#include "cli/tool.h"
#include "sov/base.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SAMPLE_SECONDS 0.1
#define REPS_MAX       100000
#define ROUNDS_MOST    20
#define PAIRS_MOST     600 /* rounds of two models; the more, the surer */
#define WARMUP_MOST    12

/* ---- laying it out */

static double *
room(size_t n)
{
    return calloc(n, sizeof(double));
}

static int
add_cell(struct grid *g, const struct cell *c, struct sov_err *err)
{
    struct cell *to = &g->cell[g->n_cells];

    *to = *c;
    to->rate = room(g->rounds_most);
    to->joules = room(g->rounds_most);
    g->n_cells++;
    return to->rate != NULL && to->joules != NULL
               ? 0
               : sov_fail(err, SOV_EMEM, "out of memory");
}

/* Prefill and decode of all sizes under conditions that are chosen. */
static int
add_sizes(struct grid *g, struct cell *c, struct sov_err *err)
{
    const struct bench_options *o = &bench_options;
    int rc = 0;

    for (size_t i = 0; i < o->prompt.n + o->gen.n && rc == 0; i++) {
        bool prompt = i < o->prompt.n;
        uint32_t n = prompt ? o->prompt.v[i] : o->gen.v[i - o->prompt.n];

        c->task.prompt = prompt ? n : 0;
        c->task.gen = prompt ? 0 : n;
        for (c->model = 0; n > 0 && c->model < g->job->n_models && rc == 0;
             c->model++)
            rc = add_cell(g, c, err);
    }
    return rc;
}

static int
add_cells(struct grid *g, struct sov_err *err)
{
    const struct bench_options *o = &bench_options;
    struct cell c = { 0 };
    int rc = 0;

    g->cell = calloc(o->threads.n * o->kv.n * o->depth.n * o->batch.n *
                         (o->prompt.n + o->gen.n) * g->job->n_models,
                     sizeof(*g->cell));
    if (g->cell == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t t = 0; t < o->threads.n; t++)
        for (size_t k = 0; k < o->kv.n; k++)
            for (size_t d = 0; d < o->depth.n; d++)
                for (size_t b = 0; b < o->batch.n && rc == 0; b++) {
                    c.threads = o->threads.v[t];
                    c.bed = k;
                    c.task.depth = o->depth.v[d];
                    c.task.batch = o->batch.v[b];
                    rc = add_sizes(g, &c, err);
                }
    return rc;
}

static int
open_beds(struct grid *g, struct sov_err *err)
{
    const struct bench_list *kv = &bench_options.kv;
    int rc = 0;

    g->bed = calloc(g->job->n_models * kv->n, sizeof(*g->bed));
    if (g->bed == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < g->job->n_models * kv->n && rc == 0; i++)
        rc = bench_bed_open(&g->bed[i], &g->job->model[i / kv->n],
                            (enum sov_kv_form)kv->v[i % kv->n], err);
    return rc;
}

static int
open_roofs(struct grid *g, struct sov_err *err)
{
    const struct bench_list *t = &bench_options.threads;

    g->roofs = calloc(t->n, sizeof(*g->roofs));
    if (g->roofs == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < t->n; i++) {
        g->roofs[i].threads = t->v[i];
        for (size_t k = 0; k < SOV_ROOF_KINDS; k++) {
            g->roofs[i].v[k] = room(g->rounds_most);
            if (g->roofs[i].v[k] == NULL)
                return sov_fail(err, SOV_EMEM, "out of memory");
        }
    }
    /* one of two that take turns has no time for limits */
    return bench_options.turns > 0 ? 0 : sov_roof_open(&g->roof, err);
}

/* Threads are made while that is allowed, as many as any cell wants. */
static void
make_threads(void)
{
    sov_set_threads(bench_most(&bench_options.threads));
    sov_threads_ready();
}

static int
open_grid(struct grid *g, struct sov_err *err)
{
    const struct bench_options *o = &bench_options;
    int rc;

    g->rounds_most = o->runs > 0             ? o->runs
                     : g->job->n_models == 2 ? PAIRS_MOST
                                             : ROUNDS_MOST;
    g->budget = o->seconds > 0 ? o->seconds : BENCH_SECONDS;
    g->idle = NAN;
    make_threads();
    rc = add_cells(g, err);
    if (rc == 0)
        rc = open_beds(g, err);
    if (rc == 0)
        rc = open_roofs(g, err);
    if (rc == 0)
        rc = sov_power_open(&g->power, sov_fake_root, err);
    if (rc == 0)
        rc = sov_noise_open(&g->noise, sov_fake_root, err);
    return rc;
}

static void
close_grid(struct grid *g)
{
    size_t n_beds = g->job->n_models * bench_options.kv.n;

    for (size_t i = 0; g->bed != NULL && i < n_beds; i++)
        bench_bed_close(g->bed[i]);
    for (size_t i = 0; i < g->n_cells; i++) {
        free(g->cell[i].rate);
        free(g->cell[i].joules);
    }
    for (size_t i = 0; g->roofs != NULL && i < bench_options.threads.n; i++)
        for (size_t k = 0; k < SOV_ROOF_KINDS; k++)
            free(g->roofs[i].v[k]);
    free(g->bed);
    free(g->cell);
    free(g->roofs);
    sov_roof_close(g->roof);
    sov_power_close(g->power);
    sov_noise_close(g->noise);
}

/* ---- measuring */

static double
energy(const struct grid *g)
{
    double joules;

    return sov_power_joules(g->power, &joules) ? joules : NAN;
}

/* What stands still takes power, too. */
static void
measure_idle(struct grid *g)
{
    const struct timespec second = { 1, 0 };
    double before = energy(g);
    double from = sov_seconds();

    if (isnan(before))
        return;
    nanosleep(&second, NULL);
    g->idle = (energy(g) - before) / (sov_seconds() - from);
}

/* One sample: as many repetitions as the cell has. */
static int
sample(struct grid *g, const struct cell *c, double *rate, double *joules,
       struct sov_err *err)
{
    struct bench_bed *bed = g->bed[c->model * bench_options.kv.n + c->bed];
    double before = energy(g);
    double sum = 0;
    double once;
    int rc = 0;

    sov_set_threads(c->threads);
    for (unsigned i = 0; i < c->reps && rc == 0; i++) {
        rc = bench_bed_run(bed, &c->task, &once, err);
        sum += once;
    }
    if (rc < 0)
        return rc;
    *rate = speed_tokens(&c->task) * c->reps / (sum > 1e-9 ? sum : 1e-9);
    *joules = (energy(g) - before) / (speed_tokens(&c->task) * c->reps);
    return 0;
}

/* How often, then until it is steady, but not for more than its share of a
 * fifth of the time. */
static int
warm_up(struct grid *g, struct cell *c, struct sov_err *err)
{
    double rate[WARMUP_MOST];
    double joules;
    double from = sov_seconds();
    double share = g->budget / 5 / (double)g->n_cells;
    double took;
    size_t n = 0;
    int rc;

    c->reps = 1;
    rc = sample(g, c, &rate[0], &joules, err);
    if (rc < 0)
        return rc;
    took = speed_tokens(&c->task) / rate[0];
    if (took < SAMPLE_SECONDS)
        c->reps = took * REPS_MAX > SAMPLE_SECONDS
                      ? (unsigned)(SAMPLE_SECONDS / took) + 1
                      : REPS_MAX;
    do {
        rc = sample(g, c, &rate[n], &joules, err);
        n += rc == 0;
    } while (rc == 0 && n < WARMUP_MOST && sov_bench_steady(rate, n) == n &&
             sov_seconds() - from < share);
    c->warmup = n + 1;
    return rc;
}

/* --turns: who has begun this process says when; false: it is gone. */
static bool
wait_turn(void)
{
    char c;
    ssize_t n = 1;

    if (bench_options.turns > 0)
        do
            n = read((int)bench_options.turns, &c, 1);
        while (n < 0 && errno == EINTR);
    return n == 1;
}

static int
end_turn(struct sov_err *err)
{
    if (bench_options.turns == 0 ||
        write((int)bench_options.turns, "d", 1) == 1)
        return 0;
    return sov_fail_sys(err, SOV_WHERE_ANY, "--turns");
}

static void
measure_roofs(struct grid *g)
{
    if (g->roof == NULL)
        return;
    for (size_t i = 0; i < bench_options.threads.n; i++) {
        sov_set_threads(g->roofs[i].threads);
        for (size_t k = 0; k < SOV_ROOF_KINDS; k++)
            g->roofs[i].v[k][g->rounds] =
                sov_roof_measure(g->roof, (enum sov_roof_kind)k);
    }
}

/* Every other round from the end to the beginning, in which of two models the
 * other one is the first. */
static int
measure_round(struct grid *g, struct sov_err *err)
{
    int rc = 0;

    measure_roofs(g);
    sov_noise_look(g->noise);
    for (size_t i = 0; i < g->n_cells && rc == 0; i++) {
        size_t at = g->rounds % 2 == 0 ? i : g->n_cells - 1 - i;
        struct cell *c = &g->cell[at];

        rc = sample(g, c, &c->rate[g->rounds], &c->joules[g->rounds], err);
        sov_progress_update(NULL, g->rounds * g->n_cells + i + 1,
                            g->rounds_most * g->n_cells, "speed");
    }
    g->rounds += rc == 0;
    return rc;
}

/* With --runs as many as these; else until the time is over and an interval is
 * possible; a model that takes far longer has none. */
static bool
goes_on(const struct grid *g)
{
    double spent = sov_seconds() - g->start;

    if (g->rounds >= g->rounds_most)
        return false;
    if (bench_options.runs > 0 || spent < g->budget)
        return true;
    return g->rounds < ROUNDS_LEAST && spent < 4 * g->budget;
}

static int
measure(struct grid *g, struct sov_err *err)
{
    int rc = 0;

    if (!wait_turn())
        return 0;
    g->start = sov_seconds();
    measure_idle(g);
    sov_progress_begin("samples");
    for (size_t i = 0; i < g->n_cells && rc == 0; i++)
        rc = warm_up(g, &g->cell[i], err);
    measure_roofs(g); /* once for nothing */
    sov_noise_begin(g->noise);
    if (rc == 0)
        rc = end_turn(err);
    while (rc == 0 && goes_on(g) && wait_turn()) {
        rc = measure_round(g, err);
        if (rc == 0)
            rc = end_turn(err);
    }
    sov_noise_end(g->noise, &g->job->noise);
    sov_progress_end();
    return rc;
}

int
bench_speed(struct bench_job *job, struct sov_bench_set *set,
            struct sov_err *err)
{
    struct grid g = { .job = job };
    int rc;

    bench_choose_grid(&job->model[0]);
    rc = open_grid(&g, err);
    if (rc == 0) {
        sov_sandbox_seal();
        rc = measure(&g, err);
    }
    if (rc == 0)
        rc = speed_tell(&g, set, err);
    close_grid(&g);
    return rc;
}
