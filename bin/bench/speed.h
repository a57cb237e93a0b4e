/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speed.h - a grid of cells: speed.c measures it, speed_tell.c makes records of
 * it
 */
#ifndef SOV_BIN_BENCH_SPEED_H
#define SOV_BIN_BENCH_SPEED_H

#include "bench/bench.h"

#include "sov/machine.h"
#include "sov/power.h"

#define ROUNDS_LEAST 6 /* an interval of the median takes six */

struct cell {
    struct bench_task task;
    uint32_t threads;
    size_t bed; /* of the model's; by the form of keys and values */
    size_t model;
    unsigned reps;
    size_t warmup;
    double *rate;   /* [rounds] tokens a second */
    double *joules; /* [rounds] for a token; NaN: not known */
};

struct roofs {
    uint32_t threads;
    double *v[SOV_ROOF_KINDS]; /* [rounds] */
};

struct grid {
    struct bench_job *job;
    struct bench_bed **bed; /* [n_models, kv.n] */
    struct cell *cell;
    size_t n_cells;
    struct roofs *roofs; /* [threads.n] */
    sov_roof *roof;
    sov_power *power;
    sov_noise *noise;
    double idle; /* watts while nothing is done; NaN: not known */
    size_t rounds_most;
    size_t rounds; /* that are done */
    double start;
    double budget;
};

/* ---- speed_tell.c */

/* Of all sequences together. */
double speed_tokens(const struct bench_task *t);

/* All that was measured: cells, of two models their ratios, and the limits. */
int speed_tell(struct grid *g, struct sov_bench_set *set,
               struct sov_err *err) SOV_MUST_CHECK;

#endif
