/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signed.c - Wilcoxon's signed ranks, and the ratio of pairs
 *
 * F. Wilcoxon, "Individual comparisons by ranking methods", 1945.  The sum of
 * the ranks of the positive differences is compared with that of all ways to
 * give signs to the (mid-)ranks that are there: exactly up to EXACT
 * differences, beyond by the normal distribution with continuity.
 *
 * J. L. Hodges and E. L. Lehmann, "Estimates of location based on rank tests",
 * 1963: the centre of the differences is the median of the means of all pairs
 * of them (each with itself too), and the interval that goes with the test
 * (J. W. Tukey, 1949) ends at two of these means.
 */
#include "bench/signed.h"

#include "base/fmath.h"
#include "base/mem.h"
#include "bench/dist.h"
#include "base/order.h"
#include "sov/bench.h"

#include <math.h>
#include <stdlib.h>

#define EXACT 200

/* chance[s], s to most: that the ranks with a positive sign have the sum s */
static double *
chances(const size_t *rank, size_t n, size_t most)
{
    double *chance = sov_mem_array(most + 1, sizeof(*chance));
    size_t top = 0;

    if (chance == NULL)
        return NULL;
    chance[0] = 1;
    for (size_t i = 0; i < n; i++) {
        top += rank[i];
        for (size_t s = top + 1; s-- > 0;)
            chance[s] =
                (chance[s] + (s >= rank[i] ? chance[s - rank[i]] : 0)) / 2;
    }
    return chance;
}

static int
by_signs(const size_t *rank2, size_t n, size_t w, double *p,
         struct sov_err *err)
{
    size_t most = n * (n + 1); /* ranks are doubled, so its half is the mean */
    size_t far = 2 * w > most ? 2 * w - most : most - 2 * w;
    double *chance = chances(rank2, n, most);
    double sum = 0;

    if (chance == NULL)
        return sov_mem_fail(err);
    for (size_t s = 0; s <= most; s++)
        if ((2 * s > most ? 2 * s - most : most - 2 * s) >= far)
            sum += chance[s];
    free(chance);
    *p = sum < 1 ? sum : 1;
    return 0;
}

static double
by_normal(double n, double w2, double ties)
{
    double variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48;
    double far = fabs(w2 / 2 - n * (n + 1) / 4) - 0.5;

    if (variance <= 0 || far <= 0)
        return 1;
    return 2 * sov_dist_normal_above(far / sqrt(variance));
}

int
sov_signed_p(const double *d, size_t n, double *p, struct sov_err *err)
{
    double *size = sov_mem_array(n, sizeof(*size));
    size_t *rank2 = sov_mem_array(n, sizeof(*rank2));
    size_t m = 0, w = 0;
    double ties;
    int rc = size == NULL || rank2 == NULL ? sov_mem_fail(err) : 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        if (d[i] < 0 || d[i] > 0)
            size[m++] = fabs(d[i]);
    if (rc == 0)
        rc = sov_order_ranks(size, m, rank2, &ties, err);
    for (size_t i = 0, j = 0; i < n && rc == 0; i++) {
        if (d[i] > 0)
            w += rank2[j];
        j += d[i] < 0 || d[i] > 0;
    }
    if (rc == 0 && m > EXACT)
        *p = by_normal((double)m, (double)w, ties);
    else if (rc == 0)
        rc = by_signs(rank2, m, w, p, err);
    free(size);
    free(rank2);
    return rc;
}

/* The largest k that the normal distribution allows. */
static size_t
rank_by_normal(double n, double miss, double *truly)
{
    double mean = n * (n + 1) / 4;
    double sd = sqrt(n * (n + 1) * (2 * n + 1) / 24);
    double step = sd / 1000, k = mean;

    while (k > 0 && sov_dist_normal_above((mean - k + 0.5) / sd) > miss)
        k -= step > 1 ? step : 1;
    k = k < 1 ? 0 : floor(k);
    *truly = k < 1 ? NAN : 1 - 2 * sov_dist_normal_above((mean - k + 0.5) / sd);
    return (size_t)k;
}

int
sov_signed_rank(size_t n, double confidence, size_t *k, double *truly,
                struct sov_err *err)
{
    double *chance, below = 0, miss = (1 - confidence) / 2;
    size_t *rank, most = n * (n + 1) / 2;

    if (n > EXACT) {
        *k = rank_by_normal((double)n, miss, truly);
        return 0;
    }
    rank = sov_mem_array(n, sizeof(*rank));
    if (rank == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++)
        rank[i] = i + 1;
    chance = chances(rank, n, most);
    free(rank);
    if (chance == NULL)
        return sov_mem_fail(err);
    *k = 0;
    while (*k <= most && below + chance[*k] <= miss)
        below += chance[(*k)++];
    *truly = *k > 0 ? 1 - 2 * below : NAN;
    free(chance);
    return 0;
}

static int
centre(const double *d, size_t n, size_t k, struct sov_bench_ratio *ratio,
       struct sov_err *err)
{
    size_t n_means = n * (n + 1) / 2, m = 0;
    double *mean = sov_mem_array(n_means, sizeof(*mean));

    if (mean == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            mean[m++] = (d[i] + d[j]) / 2;
    sov_order_sort(mean, m);
    ratio->ratio = sov_exp(sov_order_median(mean, m));
    ratio->low = k > 0 ? sov_exp(mean[k - 1]) : NAN;
    ratio->high = k > 0 ? sov_exp(mean[m - k]) : NAN;
    free(mean);
    return 0;
}

int
sov_bench_pairs(const double *a, const double *b, size_t n, double confidence,
                struct sov_bench_ratio *ratio, struct sov_err *err)
{
    struct sov_bench_ratio found = { .n = n };
    double *d;
    size_t k;
    int rc;

    if (!(confidence > 0 && confidence < 1))
        return sov_fail(err, SOV_EARG, "a confidence of %g", confidence);
    if (n == 0 || n > SOV_PAIRS_MAX)
        return sov_fail(err, SOV_EARG, "%zu pairs, not 1 to %d", n,
                        SOV_PAIRS_MAX);
    for (size_t i = 0; i < n; i++)
        if (!(a[i] > 0 && b[i] > 0 && isfinite(a[i]) && isfinite(b[i])))
            return sov_fail(err, SOV_EARG, "pair %zu is not above 0", i + 1);
    d = sov_mem_array(n, sizeof(*d));
    if (d == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++)
        d[i] = sov_log(a[i]) - sov_log(b[i]);
    rc = sov_signed_rank(n, confidence, &k, &found.confidence, err);
    if (rc == 0)
        rc = centre(d, n, k, &found, err);
    if (rc == 0)
        rc = sov_signed_p(d, n, &found.p, err);
    free(d);
    if (rc == 0)
        *ratio = found;
    return rc;
}
