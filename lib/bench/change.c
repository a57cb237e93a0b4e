/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change.c - where a history changed for good
 *
 * A night that is compared with the nights before does not show what became
 * worse little by little, nor on which night.  A change point does: a place
 * where the values before and those after come from different distributions.
 *
 * At every place that leaves MIN_SIDE values on both sides the rank sum of the
 * values before it is compared with its mean, in standard deviations (D. M.
 * Hawkins and Q. Deng, "A Nonparametric Change-Point Control Chart", 2010); the
 * largest is the candidate.  Ranks, so that a night from another world counts
 * no more than any.  How large it gets by chance alone is found by permuting
 * the values, as E-divisive does (D. S. Matteson and N. A. James, "A
 * Nonparametric Approach for Multiple Change Point Analysis of Multivariate
 * Data", 2014; M. Daly et al., "The Use of Change Point Detection to Identify
 * Software Performance Regressions", 2020): p is the share of permutations in
 * which it is as large.  Then the stretches on both sides are searched likewise.
 * Of what is found, changes that are smaller than asked for are dropped, the
 * smallest first, and their stretches joined.
 *
 * The permutations come from counters, so the same values have the same answer.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "base/order.h"
#include "sov/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SPAN         SOV_BENCH_CHANGE_SPAN
#define MIN_SIDE     4
#define PERMUTATIONS 9999
#define SEED         UINT64_C(0x6368616e6765) /* "change" */
#define MOST         (SPAN / MIN_SIDE)

struct stretch {
    size_t from, to;
};

/*
 * The largest distance of a rank sum from its mean, squared, in variances but
 * for a factor that all permutations have; and where it is.  unit[k] is one
 * over the variance of the sum of the first k.
 */
static double
farthest(const size_t *rank2, size_t n, const double *unit, size_t *at)
{
    double best = -1;
    size_t sum = 0;

    for (size_t k = 1; k + MIN_SIDE <= n; k++) {
        double far;

        sum += rank2[k - 1];
        if (k < MIN_SIDE)
            continue;
        far = (double)sum - (double)(k * (n + 1));
        far *= far * unit[k];
        if (far > best) {
            best = far;
            *at = k;
        }
    }
    return best;
}

/* R. A. Fisher and F. Yates, 1938; four numbers from each block. */
static void
permute(size_t *rank2, size_t n, uint64_t round)
{
    uint32_t word[4];

    for (size_t i = n - 1, k = 0; i > 0; i--, k++) {
        size_t keep = rank2[i], j;

        if (k % 4 == 0)
            sov_rng_block(SEED + n, round, k / 4, word);
        j = (size_t)((uint64_t)word[k % 4] * (i + 1) >> 32);
        rank2[i] = rank2[j];
        rank2[j] = keep;
    }
}

/* p of the best place; above alpha it is a lower bound of p. */
static int
search(const double *v, size_t n, double alpha, size_t *at, double *p,
       struct sov_err *err)
{
    size_t rank2[SPAN], nowhere;
    const double limit = alpha * (PERMUTATIONS + 1);
    double seen, ties, unit[SPAN];
    double more = 1; /* the order that was seen is one of them */
    int rc = sov_order_ranks(v, n, rank2, &ties, err);

    if (rc < 0)
        return rc;
    for (size_t k = 1; k < n; k++)
        unit[k] = 1 / ((double)k * (double)(n - k));
    seen = farthest(rank2, n, unit, at);
    for (uint64_t i = 0; i < PERMUTATIONS && more <= limit; i++) {
        permute(rank2, n, i);
        more += farthest(rank2, n, unit, &nowhere) >= seen * (1 - 1e-12);
    }
    *p = more / (PERMUTATIONS + 1);
    return 0;
}

static double
median_of(const double *v, size_t from, size_t to)
{
    double copy[SPAN];

    memcpy(copy, v + from, (to - from) * sizeof(*copy));
    return sov_order_take_median(copy, to - from);
}

/* Say for each change what is before and after it. */
static void
describe(const double *v, size_t n, struct sov_bench_change *c, size_t n_c)
{
    for (size_t i = 0; i < n_c; i++) {
        size_t from = i > 0 ? c[i - 1].at : 0;
        size_t to = i + 1 < n_c ? c[i + 1].at : n;

        c[i].before = median_of(v, from, c[i].at);
        c[i].after = median_of(v, c[i].at, to);
        c[i].change = c[i].after <= c[i].before && c[i].after >= c[i].before
                          ? 0
                          : (c[i].after - c[i].before) / fabs(c[i].before);
    }
}

static size_t
drop_small(const double *v, size_t n, double min_change,
           struct sov_bench_change *c, size_t n_c)
{
    for (;;) {
        size_t least = 0;

        describe(v, n, c, n_c);
        for (size_t i = 1; i < n_c; i++)
            if (fabs(c[i].change) < fabs(c[least].change))
                least = i;
        if (n_c == 0 || fabs(c[least].change) >= min_change)
            return n_c;
        n_c--;
        memmove(&c[least], &c[least + 1], (n_c - least) * sizeof(*c));
    }
}

static int
in_order(const void *a, const void *b)
{
    const struct sov_bench_change *x = a, *y = b;

    return (x->at > y->at) - (x->at < y->at);
}

/* All change points of v[n], n to SPAN; c has room for MOST. */
static int
search_all(const double *v, size_t n, double alpha, struct sov_bench_change *c,
           size_t *n_c, struct sov_err *err)
{
    struct stretch todo[2 * MOST];
    size_t n_todo = 1, at = 0;
    double p;

    todo[0] = (struct stretch){ 0, n };
    *n_c = 0;
    while (n_todo > 0) {
        struct stretch s = todo[--n_todo];
        int rc;

        if (s.to - s.from < 2 * MIN_SIDE)
            continue;
        rc = search(v + s.from, s.to - s.from, alpha, &at, &p, err);
        if (rc < 0)
            return rc;
        if (p > alpha)
            continue;
        c[(*n_c)++] = (struct sov_bench_change){ .at = s.from + at, .p = p };
        todo[n_todo++] = (struct stretch){ s.from, s.from + at };
        todo[n_todo++] = (struct stretch){ s.from + at, s.to };
    }
    qsort(c, *n_c, sizeof(*c), in_order);
    return 0;
}

int
sov_bench_changes(const double *value, size_t n, double alpha,
                  double min_change, struct sov_bench_change **out,
                  size_t *n_out, struct sov_err *err)
{
    struct sov_bench_change *c;
    size_t skip = n > SPAN ? n - SPAN : 0, n_c;
    int rc;

    if (!(alpha > 0 && alpha < 1 && min_change >= 0))
        return sov_fail(err, SOV_EARG, "changes cannot be looked for so");
    for (size_t i = skip; i < n; i++)
        if (!isfinite(value[i]))
            return sov_fail(err, SOV_EARG, "value %zu is no number", i + 1);
    c = sov_mem_array(MOST, sizeof(*c));
    if (c == NULL)
        return sov_mem_fail(err);
    rc = search_all(value + skip, n - skip, alpha, c, &n_c, err);
    if (rc < 0) {
        free(c);
        return rc;
    }
    *n_out = drop_small(value + skip, n - skip, min_change, c, n_c);
    for (size_t i = 0; i < *n_out; i++)
        c[i].at += skip;
    *out = c;
    return 0;
}
