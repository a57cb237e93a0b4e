/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain.c - what was measured, a line each, for people
 */
#include "bench/bench.h"

#include "cli/tool.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void
put_conditions(const struct sov_bench_cell *c, char *text, size_t size)
{
    int n = 0;

    text[0] = '\0';
    if (c->prompt + c->gen > 0)
        n = snprintf(text, size, "%" PRIu32 " tokens",
                     c->gen > 0 ? c->gen : c->prompt);
    if (c->depth > 0)
        n += snprintf(text + n, size - (size_t)n, " after %" PRIu32, c->depth);
    if (c->batch > 1)
        n += snprintf(text + n, size - (size_t)n, " x %" PRIu32, c->batch);
    if (c->threads > 0)
        n += snprintf(text + n, size - (size_t)n, "%s-j %" PRIu32,
                      n > 0 ? " " : "", c->threads);
    if (c->kv != NULL && c->kv[0] != '\0')
        snprintf(text + n, size - (size_t)n, " %s", c->kv);
}

static void
put_share(double share)
{
    if (isfinite(share))
        printf(" %5.0f %%", 100 * share);
    else
        printf("       -");
}

static void
put_verdict(const struct sov_bench_record *r, const struct sov_bench_verdict *v,
            size_t n_v)
{
    for (size_t i = 0; i < n_v; i++)
        if (v[i].now == r)
            printf("  %s: %s", sov_bench_answer_name(v[i].answer), v[i].reason);
}

void
bench_plain(const struct sov_bench_set *set, const struct sov_bench_verdict *v,
            size_t n_v)
{
    const struct sov_bench_record *r;
    const char *name = "";
    char where[96];

    for (size_t i = 0; i < set->n; i++) {
        r = &set->record[i];
        if (strcmp(name, r->model.name) != 0) {
            name = r->model.name;
            printf("%s  %s\n", name, r->model.type);
            printf("%-16s %-26s %10s %-8s %21s %7s %7s\n", "", "", "median", "",
                   "interval", "read", "compute");
        }
        put_conditions(&r->cell, where, sizeof(where));
        printf("%-16s %-26s %10.4g %-8s", r->metric, where, r->stat.median,
               r->unit);
        if (isfinite(r->stat.low))
            printf(" %10.4g %10.4g", r->stat.low, r->stat.high);
        else
            printf(" %10s %10s", "-", "-");
        put_share(r->bandwidth_share);
        put_share(r->compute_share);
        put_verdict(r, v, n_v);
        putchar('\n');
    }
}
