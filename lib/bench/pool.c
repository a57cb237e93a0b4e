/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.c - several runs of the same, old ones and new ones
 *
 * Samples of one run share its fate: where its pages lie, what else the machine
 * does that night.  So a run is one observation, the median of its samples, and
 * what matters is how runs differ; a thousand samples of one run do not tell
 * (T. Kalibera and R. Jones, "Rigorous benchmarking in reasonable time", 2013).
 *
 *     centre of run i = level + fate of the night + error of its median
 *
 * The variance of both together is estimated from the runs around the mean of
 * their side, with PRIOR more observations put in beforehand, of the spread
 * that the caller expects and of the error that the samples show: the moderated
 * t of G. K. Smyth, "Linear models and empirical Bayes methods for assessing
 * differential expression", 2004.  One run beside one run has that prior alone,
 * and twenty have next to nothing of it.
 *
 * The error of a median is 1.2533 standard deviations over the root of n (of a
 * normal distribution, by the MAD).  No interval gets smaller than what the
 * errors of the medians alone make it.
 *
 * An old run more than 3.5 modified z-scores off, among SEVERAL, says something
 * about its night and is left out.  A new run never is.
 */
#include "bench/pool.h"

#include "bench/dist.h"
#include "base/order.h"

#include <math.h>

#define PRIOR   2
#define SEVERAL 6

/* Mean without those left out; their number, and the mean of the errors. */
static size_t
mean_of(const struct sov_run *run, size_t n, double *centre, double *variance)
{
    size_t m = 0;

    *centre = *variance = 0;
    for (size_t i = 0; i < n; i++) {
        if (run[i].left_out)
            continue;
        m++;
        *centre += (run[i].centre - *centre) / (double)m;
        *variance += (run[i].variance - *variance) / (double)m;
    }
    return m;
}

static double
squares(const struct sov_run *run, size_t n, double centre)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        if (!run[i].left_out)
            sum += (run[i].centre - centre) * (run[i].centre - centre);
    return sum;
}

static double
from(const struct sov_run *run, bool distance, double x)
{
    return distance ? fabs(run->centre - x) : run->centre;
}

/*
 * Median of the centres, or of their distances from x (the upper one of two),
 * by counting: there are few runs, and nothing to allocate.
 */
static double
middle(const struct sov_run *run, size_t n, bool distance, double x)
{
    for (size_t i = 0; i < n; i++) {
        double here = from(&run[i], distance, x);
        size_t below = 0, not_above = 0;

        for (size_t j = 0; j < n; j++) {
            below += from(&run[j], distance, x) < here;
            not_above += from(&run[j], distance, x) <= here;
        }
        if (below <= n / 2 && not_above > n / 2)
            return here;
    }
    return 0;
}

static void
leave_out(struct sov_run *run, size_t n, double spread)
{
    double x = middle(run, n, false, 0);
    double sd = SOV_ORDER_SIGMA * middle(run, n, true, x);

    if (sd < spread) /* runs that happen to be alike are no measure */
        sd = spread;
    for (size_t i = 0; i < n; i++)
        run[i].left_out = fabs(run[i].centre - x) > 3.5 * sd;
}

void
sov_pool_runs(struct sov_run *old, size_t n_old, const struct sov_run *now,
              size_t n_now, double spread, struct sov_pooled *out)
{
    double v_old, v_now, n, m, prior, sum, own;

    if (n_old >= SEVERAL)
        leave_out(old, n_old, spread);
    out->n_old = mean_of(old, n_old, &out->old, &v_old);
    mean_of(now, n_now, &out->now, &v_now);
    n = (double)out->n_old;
    m = (double)n_now;
    prior = spread * spread + (n * v_old + m * v_now) / (n + m);
    sum = squares(old, n_old, out->old) + squares(now, n_now, out->now);
    out->dof = PRIOR + out->n_old + n_now - 2;
    out->error =
        sqrt((PRIOR * prior + sum) / (double)out->dof * (1 / n + 1 / m));
    own = sqrt(v_old / n + v_now / m);
    if (out->error < own)
        out->error = own;
}

double
sov_pooled_reach(const struct sov_pooled *p, double alpha)
{
    return sov_dist_t_at(alpha / 2, p->dof) * p->error;
}

double
sov_pooled_p(const struct sov_pooled *p, double bound)
{
    double far = fabs(p->now - p->old) - bound;
    double both;

    if (p->error <= 0)
        return far > 0 ? 0 : 1;
    both = 2 * sov_dist_t_above(far / p->error, p->dof);
    return both < 1 ? both : 1;
}
