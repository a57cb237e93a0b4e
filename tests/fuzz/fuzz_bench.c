/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_bench.c - any bytes as a history of benchmarks
 *
 * What is read can be written and read again, and the first half of it judged
 * by the second one, or searched for changes.
 */
#include "sov/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool yes)
{
    if (!yes)
        abort();
}

static void
write_again(const struct sov_bench_record *r)
{
    struct sov_bench_record copy;
    char *line, *again;
    size_t len, n;

    sov_bench_record_start(&copy);
    must(sov_bench_record_write(r, &line, &len, NULL) == 0);
    must(line[len] == '\0' && strlen(line) == len && line[len - 1] == '\n');
    must(strchr(line, '\n') == line + len - 1);
    must(sov_bench_record_read(&copy, line, len, NULL) == 0);
    must(sov_bench_record_alike(r, &copy));
    must(sov_bench_record_write(&copy, &again, &n, NULL) == 0);
    must(n == len && memcmp(line, again, n) == 0);
    sov_bench_record_free(&copy);
    free(again);
    free(line);
}

static void
judge(const struct sov_bench_set *all)
{
    struct sov_bench_set now = { all->record, all->n / 2 };
    struct sov_bench_set base = { NULL, all->n - all->n / 2 };
    struct sov_bench_verdict *v;
    struct sov_bench_rule rule;
    size_t n;

    if (all->n > 0)
        base.record = all->record + all->n / 2;
    sov_bench_rule_start(&rule);
    rule.cross_machine = all->n % 2 == 1;
    must(sov_bench_judge(&now, &base, &rule, &v, &n, NULL) == 0 && n <= now.n);
    for (size_t i = 0; i < n; i++) {
        must(sov_bench_answer_name(v[i].answer) != NULL);
        must(v[i].answer != SOV_BENCH_WORSE || v[i].low > rule.fail_above);
        must(v[i].answer == SOV_BENCH_REFUSED || v[i].base != NULL);
        must(memchr(v[i].reason, '\0', sizeof(v[i].reason)) != NULL);
    }
    free(v);
}

static void
judge_pairs(const struct sov_bench_set *all)
{
    struct sov_bench_verdict *v;
    struct sov_bench_rule rule;
    size_t n;

    sov_bench_rule_start(&rule);
    must(sov_bench_judge_pairs(all, &rule, &v, &n, NULL) == 0 && n <= all->n);
    for (size_t i = 0; i < n; i++) {
        must(v[i].answer != SOV_BENCH_WORSE || v[i].change > rule.fail_above);
        must(memchr(v[i].reason, '\0', sizeof(v[i].reason)) != NULL);
    }
    free(v);
}

static void
search(const struct sov_bench_set *all)
{
    double *value = malloc((all->n + 1) * sizeof(*value));
    struct sov_bench_change *c;
    size_t n = 0;

    must(value != NULL);
    for (size_t i = 0; i < all->n; i++)
        if (isfinite(all->record[i].stat.median))
            value[n++] = all->record[i].stat.median;
    must(sov_bench_changes(value, n, 0.05, 0.01, &c, &n, NULL) == 0);
    free(c);
    free(value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sov_bench_filter few = {
        .metric = "decode", .model = "m", .machine = "", .last = 2
    };
    int fd = memfd_create("history", 0);
    struct sov_bench_set all = { 0 }, some = { 0 };
    struct sov_bench_losses lost;
    char path[40];

    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    must(sov_bench_history_read(path, NULL, &all, &lost, NULL) == 0);
    must(lost.bad + all.n <= lost.lines && lost.first <= lost.lines);
    must((sov_bench_history_read(path, NULL, &some, NULL, NULL) == 0) ==
         (lost.bad == 0));
    sov_bench_set_free(&some);
    must(sov_bench_history_read(path, &few, &some, &lost, NULL) == 0);
    must(some.n <= 2);
    close(fd);
    for (size_t i = 0; i < all.n; i++)
        write_again(&all.record[i]);
    judge(&all);
    judge_pairs(&all);
    search(&all);
    sov_bench_set_free(&some);
    sov_bench_set_free(&all);
    return 0;
}
