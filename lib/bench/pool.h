/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - several runs of the same, old ones and new ones
 *
 * See pool.c for the model.  All is in logarithms of what is spent (time for a
 * token, bytes), so that a difference is a ratio and above 0 is worse.
 */
#ifndef SOV_BENCH_POOL_H
#define SOV_BENCH_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct sov_run {
    double centre;   /* of its samples */
    double variance; /* of that centre, as far as its own samples tell */
    bool left_out;   /* an outlier among the runs */
};

struct sov_pooled {
    double old, now; /* centres of both */
    double error;    /* standard error of now - old */
    size_t dof;      /* degrees of freedom of it */
    size_t n_old;    /* without those that were left out */
};

/*
 * What the runs say together; spread is that of runs before any is known.
 * Marks outliers among the old runs.  Both have one run at least.
 */
void sov_pool_runs(struct sov_run *old, size_t n_old, const struct sov_run *now,
                   size_t n_now, double spread, struct sov_pooled *out);

/* Half of the interval of now - old that misses it with chance alpha. */
double sov_pooled_reach(const struct sov_pooled *p, double alpha);

/* Two-sided p that now - old lies between -bound and bound. */
double sov_pooled_p(const struct sov_pooled *p, double bound);

#endif
