/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.c - beside what was measured before: the history, the baseline, and
 * what becomes the exit status
 *
 * The history is read before it is added to, so that one file may be both.
 */
#include "bench/bench.h"

#include "cli/text.h"
#include "cli/tool.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
bench_is_limit(const struct sov_bench_record *r)
{
    return strcmp(r->metric, "bandwidth") == 0 ||
           strncmp(r->metric, "compute_", 8) == 0;
}

static void
note_losses(const char *path, const struct sov_bench_losses *lost)
{
    if (lost->bad > 0)
        sov_warn("%s: line %llu is no record: %s%s", path,
                 (unsigned long long)lost->first, lost->why,
                 lost->bad > 1 ? "; and there are more" : "");
    if (lost->torn)
        sov_note(1, "%s: the last line has no end, and is left out", path);
}

int
bench_read_past(const char *path, struct sov_bench_set *past,
                struct sov_err *err)
{
    struct sov_bench_losses lost = { 0 };
    int rc = sov_bench_history_read(path, NULL, past, &lost, err);

    if (rc < 0 && err->rc == SOV_EIO && err->sys == ENOENT &&
        bench_options.history != NULL &&
        strcmp(path, bench_options.history) == 0)
        return 0; /* the first run of all */
    if (rc == 0)
        note_losses(path, &lost);
    return rc;
}

static struct sov_bench_rule
rule_of(void)
{
    struct sov_bench_rule rule;

    sov_bench_rule_start(&rule);
    if (bench_options.fail_above_given)
        rule.fail_above = bench_options.fail_above;
    rule.cross_machine = bench_options.cross_host;
    return rule;
}

int
bench_judge(const struct sov_bench_set *now, const struct sov_bench_set *base,
            struct sov_bench_verdict **v, size_t *n, struct sov_err *err)
{
    struct sov_bench_rule rule = rule_of();

    return sov_bench_judge(now, base, &rule, v, n, err);
}

/* The cell was measured before, but on another machine alone. */
static bool
is_elsewhere(const struct sov_bench_verdict *v,
             const struct sov_bench_set *base)
{
    bool alike = false;

    if (v->answer != SOV_BENCH_REFUSED || bench_options.cross_host)
        return false;
    for (size_t i = 0; i < base->n; i++) {
        const struct sov_bench_record *r = &base->record[i];

        if (!sov_bench_record_alike(v->now, r))
            continue;
        if (strcmp(r->machine.id, v->now->machine.id) == 0)
            return false;
        alike = true;
    }
    return alike;
}

static int
say_worse(const struct sov_bench_verdict *worst, size_t n_worse,
          struct sov_err *err)
{
    char more[48] = "";

    if (n_worse > 1)
        snprintf(more, sizeof(more), "; and %zu more became worse",
                 n_worse - 1);
    return sov_fail(err, SOV_ENO, "%s: %s: %s%s", worst->now->model.name,
                    worst->now->metric, worst->reason, more);
}

int
bench_verdict(const struct sov_bench_verdict *v, size_t n,
              const struct sov_bench_set *base, struct sov_err *err)
{
    const struct sov_bench_verdict *worst = NULL;
    size_t n_worse = 0;

    for (size_t i = 0; i < n; i++) {
        if (is_elsewhere(&v[i], base))
            return sov_fail(err, SOV_EUNSUP,
                            "%s: %s was measured on another machine; "
                            "--cross-host compares them all the same",
                            bench_options.baseline, v[i].now->metric);
        if (v[i].answer != SOV_BENCH_WORSE)
            continue;
        n_worse++;
        if (worst == NULL || v[i].change > worst->change)
            worst = &v[i];
    }
    if (worst == NULL || !bench_options.fail_above_given)
        return 0;
    return say_worse(worst, n_worse, err);
}
