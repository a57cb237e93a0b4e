/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metric.c - the table of what can be measured
 */
#include "sov/bench.h"

#include <string.h>

#define HIGHER   SOV_BENCH_HIGHER
#define LOWER    SOV_BENCH_LOWER
#define TIMED    false
#define COMPUTED true
#define METRIC(name, unit, better, kind, floor, help) \
    { name, unit, better, kind, floor, help },
static const struct sov_bench_metric metrics[] = {
#include "bench/metrics.def"
};
#undef METRIC

#define N_METRICS (sizeof(metrics) / sizeof(metrics[0]))

const struct sov_bench_metric *
sov_bench_metric_at(size_t i)
{
    return i < N_METRICS ? &metrics[i] : NULL;
}

const struct sov_bench_metric *
sov_bench_metric_find(const char *name)
{
    for (size_t i = 0; i < N_METRICS; i++)
        if (strcmp(metrics[i].name, name) == 0)
            return &metrics[i];
    return NULL;
}
