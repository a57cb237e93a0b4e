/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stat.c - what samples say about their median
 *
 * Times of programs are not normally distributed: they have a floor, a tail,
 * and now and then a sample from another world.  So all is by order: the median
 * and an interval of order statistics (see order.c), the median absolute
 * deviation for the spread, and outliers by the modified z-score of B. Iglewicz
 * and D. C. Hoaglin, "How to Detect and Handle Outliers", 1993: 0.6745 times
 * the distance from the median over the MAD, beyond 3.5.  Where more than half
 * of the samples are the same, and the MAD therefore 0, the mean absolute
 * deviation times 1.2533 takes its place, as they say.  Outliers are counted
 * and stay in.
 */
#include "base/limits.h"
#include "base/mem.h"
#include "base/order.h"
#include "sov/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OUTLIER 3.5

static size_t
count_outliers(const double *v, size_t n, double median, double mad)
{
    double unit = mad * SOV_ORDER_SIGMA;
    size_t outliers = 0;

    if (mad <= 0) {
        double sum = 0;

        for (size_t i = 0; i < n; i++)
            sum += fabs(v[i] - median) / (double)n;
        unit = 1.253314 * sum;
    }
    for (size_t i = 0; i < n; i++)
        outliers += fabs(v[i] - median) > OUTLIER * unit;
    return outliers;
}

int
sov_bench_describe(const double *samples, size_t n, double confidence,
                   struct sov_bench_stat *stat, struct sov_err *err)
{
    double *v, truly, mad;
    size_t k;

    if (!(confidence > 0 && confidence < 1))
        return sov_fail(err, SOV_EARG, "a confidence of %g", confidence);
    if (n > SOV_BENCH_SAMPLES_MAX)
        return sov_fail(err, SOV_EARG, "%zu samples, the limit is %d", n,
                        (int)SOV_BENCH_SAMPLES_MAX);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(samples[i]))
            return sov_fail(err, SOV_EARG, "sample %zu is no number", i + 1);
    v = sov_mem_array(n, 2 * sizeof(*v));
    if (v == NULL)
        return sov_mem_fail(err);
    if (n > 0)
        memcpy(v, samples, n * sizeof(*v));
    sov_order_sort(v, n);
    k = sov_order_rank(n, confidence, &truly);
    *stat = (struct sov_bench_stat){
        .n = n,
        .median = sov_order_median(v, n),
        .low = k > 0 ? v[k - 1] : NAN,
        .high = k > 0 ? v[n - k] : NAN,
        .confidence = truly,
    };
    mad = sov_order_mad(v, n, stat->median, v + n);
    stat->mad = mad * SOV_ORDER_SIGMA;
    stat->outliers = count_outliers(v, n, stat->median, mad);
    free(v);
    return 0;
}
