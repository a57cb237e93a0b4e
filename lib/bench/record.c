/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.c - records of a benchmark, in memory, and sets of them
 */
#include "bench/record.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(member)                             \
    offsetof(struct sov_bench_record, member), \
        sizeof(((struct sov_bench_record *)0)->member)

const struct sov_field sov_bench_fields[] = {
    { "", "run", HEX, AT(run) },
    { "", "time", TEXT, AT(time) },
    { "", "metric", NAME, AT(metric) },
    { "", "unit", TEXT, AT(unit) },
    { "", "better", BETTER, AT(better) },
    { "model", "name", TEXT, AT(model.name) },
    { "model", "digest", HEX, AT(model.digest) },
    { "model", "arch", TEXT, AT(model.arch) },
    { "model", "type", TEXT, AT(model.type) },
    { "model", "bytes", U64, AT(model.bytes) },
    { "model", "params", U64, AT(model.params) },
    { "machine", "id", HEX, AT(machine.id) },
    { "machine", "cpu", TEXT, AT(machine.cpu) },
    { "machine", "isa", TEXT, AT(machine.isa) },
    { "machine", "kernel", TEXT, AT(machine.kernel) },
    { "machine", "governor", TEXT, AT(machine.governor) },
    { "machine", "microcode", TEXT, AT(machine.microcode) },
    { "machine", "sov", TEXT, AT(machine.sov) },
    { "machine", "cpus", U32, AT(machine.cpus) },
    { "machine", "memory", U64, AT(machine.memory) },
    { "machine", "turbo", TRI, AT(machine.turbo) },
    { "machine", "smt", TRI, AT(machine.smt) },
    { "machine", "numa", U32, AT(machine.numa) },
    { "machine", "container", BOOL, AT(machine.container) },
    { "cell", "prompt", U32, AT(cell.prompt) },
    { "cell", "gen", U32, AT(cell.gen) },
    { "cell", "depth", U32, AT(cell.depth) },
    { "cell", "batch", U32, AT(cell.batch) },
    { "cell", "threads", U32, AT(cell.threads) },
    { "cell", "kv", MAYBE, AT(cell.kv) },
    { "cell", "text", MAYBE, AT(cell.text) },
    { "cell", "text_digest", HEX, AT(cell.text_digest) },
    { "noise", "cpu_pressure", REAL, AT(noise.cpu_pressure) },
    { "noise", "memory_pressure", REAL, AT(noise.memory_pressure) },
    { "noise", "steal", REAL, AT(noise.steal) },
    { "noise", "throttled", REAL, AT(noise.throttled) },
    { "noise", "frequency_drift", REAL, AT(noise.frequency_drift) },
    { "stat", "n", COUNT, AT(stat.n) },
    { "stat", "median", REAL, AT(stat.median) },
    { "stat", "low", REAL, AT(stat.low) },
    { "stat", "high", REAL, AT(stat.high) },
    { "stat", "confidence", REAL, AT(stat.confidence) },
    { "stat", "mad", REAL, AT(stat.mad) },
    { "stat", "outliers", COUNT, AT(stat.outliers) },
    { "", "samples", REALS, AT(samples) },
    { "", "warmup", COUNT, AT(warmup) },
    { "", "bandwidth_share", REAL, AT(bandwidth_share) },
    { "", "compute_share", REAL, AT(compute_share) },
    { "", "bytes_per_s", REAL, AT(bytes_per_s) },
    { "", "flop_per_s", REAL, AT(flop_per_s) },
    { "", "note", MAYBE, AT(note) },
    { NULL, NULL, TEXT, 0, 0 },
};

/* ---- in memory */

void
sov_bench_record_start(struct sov_bench_record *r)
{
    memset(r, 0, sizeof(*r));
    for (const struct sov_field *f = sov_bench_fields; f->key != NULL; f++)
        if (f->kind == REAL)
            *(double *)sov_field_in(r, f) = NAN;
        else if (f->kind == TRI)
            *(int *)sov_field_in(r, f) = -1;
}

void
sov_bench_record_free(struct sov_bench_record *r)
{
    for (const struct sov_field *f = sov_bench_fields; f->key != NULL; f++)
        if (sov_field_is_text(f))
            free(*(char **)sov_field_in(r, f));
    free(r->samples);
    sov_bench_record_start(r);
}

int
sov_bench_record_copy(struct sov_bench_record *to,
                      const struct sov_bench_record *from, struct sov_err *err)
{
    struct sov_bench_record r = *from;
    bool failed = false;

    r.samples = NULL;
    if (from->samples != NULL) {
        r.samples = sov_mem_array(from->n, sizeof(double));
        failed = r.samples == NULL;
        if (!failed && from->n > 0)
            memcpy(r.samples, from->samples, from->n * sizeof(double));
    }
    for (const struct sov_field *f = sov_bench_fields; f->key != NULL; f++) {
        char **text = sov_field_in(&r, f);

        if (!sov_field_is_text(f) || *text == NULL)
            continue;
        *text = sov_mem_dup(*text, strlen(*text));
        failed |= *text == NULL;
    }
    if (failed) {
        sov_bench_record_free(&r);
        return sov_mem_fail(err);
    }
    sov_bench_record_free(to);
    *to = r;
    return 0;
}

int
sov_bench_record_metric(struct sov_bench_record *r, const char *metric,
                        struct sov_err *err)
{
    const struct sov_bench_metric *m = sov_bench_metric_find(metric);
    char *name, *unit;

    if (m == NULL)
        return sov_fail(err, SOV_EARG, "no metric is called \"%s\"", metric);
    name = sov_mem_dup(m->name, strlen(m->name));
    unit = sov_mem_dup(m->unit, strlen(m->unit));
    if (name == NULL || unit == NULL) {
        free(name);
        free(unit);
        return sov_mem_fail(err);
    }
    free(r->metric);
    free(r->unit);
    r->metric = name;
    r->unit = unit;
    r->better = m->better;
    return 0;
}

int
sov_bench_record_samples(struct sov_bench_record *r, const double *samples,
                         size_t n, struct sov_err *err)
{
    struct sov_bench_stat stat;
    double *copy;
    int rc = sov_bench_describe(samples, n, 0.95, &stat, err);

    if (rc < 0)
        return rc;
    copy = sov_mem_array(n, sizeof(*copy));
    if (copy == NULL)
        return sov_mem_fail(err);
    if (n > 0)
        memcpy(copy, samples, n * sizeof(*copy));
    free(r->samples);
    r->samples = copy;
    r->n = n;
    r->stat = stat;
    return 0;
}

static bool
same_text(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

bool
sov_bench_record_alike(const struct sov_bench_record *a,
                       const struct sov_bench_record *b)
{
    const struct sov_bench_cell *x = &a->cell, *y = &b->cell;

    return same_text(a->metric, b->metric) && same_text(a->unit, b->unit) &&
           same_text(a->model.name, b->model.name) && x->prompt == y->prompt &&
           x->gen == y->gen && x->depth == y->depth && x->batch == y->batch &&
           x->threads == y->threads && same_text(x->kv, y->kv) &&
           same_text(x->text, y->text) &&
           strcmp(x->text_digest, y->text_digest) == 0;
}

struct sov_bench_record *
sov_bench_set_add(struct sov_bench_set *set, struct sov_err *err)
{
    /* room is for the next power of two, so that it need not be kept */
    if ((set->n & (set->n - 1)) == 0) {
        size_t cap = set->n == 0 ? 1 : 2 * set->n;
        struct sov_bench_record *more = sov_mem_array(cap, sizeof(*more));

        if (more == NULL) {
            sov_mem_fail(err);
            return NULL;
        }
        if (set->n > 0)
            memcpy(more, set->record, set->n * sizeof(*more));
        free(set->record);
        set->record = more;
    }
    sov_bench_record_start(&set->record[set->n]);
    return &set->record[set->n++];
}

void
sov_bench_set_free(struct sov_bench_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        sov_bench_record_free(&set->record[i]);
    free(set->record);
    *set = (struct sov_bench_set){ 0 };
}
