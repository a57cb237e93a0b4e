/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - numbers for Prometheus: sov-run --metrics FILE
 *
 * The process that makes text can open no file, so another one writes them: a
 * helper, made before the seals, that shares one page of numbers with it and
 * knows nothing else.  FILE is made anew at intervals and once more when its
 * maker ends, in whatever way, and whoever reads it sees one whole file.
 *
 * All functions do nothing where there is no --metrics (m is NULL).
 */
#ifndef SOV_RUN_METRICS_H
#define SOV_RUN_METRICS_H

#include "sov/err.h"
#include "sov/key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
enum sov_metric {
#define METRIC(id, kind, digits, name, help) SOV_METRIC_##id,
#include "run/metrics.def"
    SOV_METRICS
};

enum sov_timing {
#define TIMING(id, name, help) SOV_TIMING_##id,
#include "run/metrics.def"
    SOV_TIMINGS
};
/* clang-format on */

struct sov_metrics;

struct sov_metrics_opts {
    const char *path;
    double seconds;            /* between two files */
    const char *model;         /* a label */
    sov_seckey *secret;        /* or NULL: is not for the helper */
    bool force;                /* replace a file that is none of ours */
    const char *const *inputs; /* not to be replaced in any case */
    size_t n_inputs;
};

/* Make the helper and wait for its first file.  Before any thread is made, and
 * before the first seal. */
int sov_metrics_open(struct sov_metrics **m,
                     const struct sov_metrics_opts *opts,
                     struct sov_err *err) SOV_MUST_CHECK;

void sov_metrics_set(struct sov_metrics *m, enum sov_metric what, double value);
void sov_metrics_add(struct sov_metrics *m, enum sov_metric what, double value);
void sov_metrics_time(struct sov_metrics *m, enum sov_timing what,
                      double seconds);
/* One more request that ended so. */
void sov_metrics_outcome(struct sov_metrics *m, const char *outcome);
/* All joules so far; below 0: not known. */
void sov_metrics_energy(struct sov_metrics *m, double joules);

/* Wait for the last file; frees m in any case. */
int sov_metrics_close(struct sov_metrics *m,
                      struct sov_err *err) SOV_MUST_CHECK;

#endif
