/* SPDX-License-Identifier: Apache-2.0 */
/*
 * price.c - what tokens cost, by the price of an hour
 */
#include "bench/quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Beside a rate: for as many samples, the price of a million tokens. */
static int
add_cost(struct sov_bench_set *set, size_t i, double per_hour,
         struct sov_err *err)
{
    struct sov_bench_record *r = sov_bench_set_add(set, err);
    const struct sov_bench_record *rate = &set->record[i];
    double *cost;
    int rc;

    if (r == NULL)
        return err->rc;
    rc = sov_bench_record_copy(r, rate, err);
    if (rc < 0)
        return rc;
    cost = calloc(rate->n, sizeof(*cost));
    if (cost == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t k = 0; k < rate->n; k++)
        cost[k] = per_hour / 3600 / rate->samples[k] * 1e6;
    r->bandwidth_share = r->compute_share = NAN;
    r->bytes_per_s = r->flop_per_s = NAN;
    rc = sov_bench_record_metric(r, "cost", err);
    if (rc == 0)
        rc = sov_bench_record_samples(r, cost, rate->n, err);
    free(cost);
    return rc;
}

int
quality_price(struct sov_bench_set *set, double per_hour, struct sov_err *err)
{
    size_t n = set->n;
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct sov_bench_record *r = &set->record[i];

        if (r->n > 0 && (strcmp(r->metric, "prefill") == 0 ||
                         strcmp(r->metric, "decode") == 0))
            rc = add_cost(set, i, per_hour, err);
    }
    return rc;
}
