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
#include <sys/stat.h>

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

/* A file; or, if it is only read, a pipe: a device may have no end. */
static int
check_past(const char *path, bool added_to, struct sov_err *err)
{
    struct stat st;

    if (strcmp(path, "-") == 0 || stat(path, &st) < 0 || S_ISREG(st.st_mode) ||
        (S_ISFIFO(st.st_mode) && !added_to))
        return 0;
    sov_fail(err, SOV_EIO, "%s: not a file", path);
    err->where = SOV_WHERE_INPUT;
    return SOV_EIO;
}

int
bench_read_past(const char *path, struct sov_bench_set *past,
                struct sov_err *err)
{
    struct sov_bench_losses lost = { 0 };
    bool added_to = bench_options.history != NULL &&
                    strcmp(path, bench_options.history) == 0;
    size_t before = past->n;
    int rc = check_past(path, added_to, err);

    if (rc < 0)
        return rc;
    rc = sov_bench_history_read(path, NULL, past, &lost, err);
    if (rc < 0 && err->rc == SOV_EIO && err->sys == ENOENT && added_to)
        return 0; /* the first run of all */
    if (rc < 0)
        return sov_err_wrap(err, "%s", path);
    if (lost.bad > 0 && past->n == before)
        return sov_fail(err, SOV_EFORMAT,
                        "%s: this is no history of sov-bench: line %llu: %s",
                        path, (unsigned long long)lost.first, lost.why);
    note_losses(path, &lost);
    return 0;
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

    return base != NULL ? sov_bench_judge(now, base, &rule, v, n, err)
                        : sov_bench_judge_pairs(now, &rule, v, n, err);
}

/* ---- when the machine became slower, too */

#define RUNS_MOST 256 /* of the baseline that are looked at, the newest */

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* How much less than before the machine can do in this respect: 0.5 is three
 * seconds where it was two; NaN: not known. */
static double
slower(const struct sov_bench_record *limit, const struct sov_bench_set *base)
{
    double before[RUNS_MOST];
    size_t n = 0;

    for (size_t i = base->n; i > 0 && n < RUNS_MOST; i--) {
        const struct sov_bench_record *r = &base->record[i - 1];

        if (r->stat.median > 0 && sov_bench_record_alike(limit, r) &&
            strcmp(r->machine.id, limit->machine.id) == 0)
            before[n++] = r->stat.median;
    }
    if (n == 0 || !(limit->stat.median > 0))
        return NAN;
    qsort(before, n, sizeof(*before), compare);
    return before[n / 2] / limit->stat.median - 1;
}

/* Decoding waits for memory or for the processor, the others for the
 * processor. */
static bool
may_bind(const struct sov_bench_record *limit, const struct sov_bench_record *r)
{
    bool decode = strcmp(r->metric, "decode") == 0;

    if (!bench_is_limit(limit) || strcmp(limit->run, r->run) != 0 ||
        limit->cell.threads != r->cell.threads)
        return false;
    if (!decode && strcmp(r->metric, "prefill") != 0 &&
        strcmp(r->metric, "first_token") != 0)
        return false;
    return decode || strcmp(limit->metric, "bandwidth") != 0;
}

void
bench_excuse(struct sov_bench_verdict *v, size_t n,
             const struct sov_bench_set *now, const struct sov_bench_set *base)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < now->n; k++) {
            const struct sov_bench_record *limit = &now->record[k];
            double by;

            if (v[i].answer != SOV_BENCH_WORSE || !may_bind(limit, v[i].now))
                continue;
            by = slower(limit, base);
            if (!(by >= v[i].change / 2))
                continue;
            v[i].answer = SOV_BENCH_INCONCLUSIVE;
            snprintf(v[i].reason, sizeof(v[i].reason),
                     "%.1f %% slower, but so is the machine: %s by %.1f %%",
                     100 * v[i].change, limit->metric, 100 * by);
        }
}

/* ---- the exit status */

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
