/* SPDX-License-Identifier: Apache-2.0 */
/*
 * set.c - records, as they are made
 */
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

static bool
copy_text(char **to, const char *from)
{
    if (from == NULL)
        return true;
    free(*to);
    *to = strdup(from);
    return *to != NULL;
}

static bool
copy_model(struct sov_bench_model *to, const struct sov_bench_model *from)
{
    memcpy(to->digest, from->digest, sizeof(to->digest));
    to->bytes = from->bytes;
    to->params = from->params;
    return copy_text(&to->name, from->name) &&
           copy_text(&to->arch, from->arch) && copy_text(&to->type, from->type);
}

static bool
copy_machine(struct sov_bench_machine *to, const struct sov_bench_machine *from)
{
    struct sov_bench_machine m = *from;

    m.cpu = to->cpu;
    m.isa = to->isa;
    m.kernel = to->kernel;
    m.governor = to->governor;
    m.microcode = to->microcode;
    m.sov = to->sov;
    *to = m;
    return copy_text(&to->cpu, from->cpu) && copy_text(&to->isa, from->isa) &&
           copy_text(&to->kernel, from->kernel) &&
           copy_text(&to->governor, from->governor) &&
           copy_text(&to->microcode, from->microcode) &&
           copy_text(&to->sov, from->sov);
}

static bool
copy_cell(struct sov_bench_cell *to, const struct sov_bench_cell *from)
{
    struct sov_bench_cell c = *from;

    c.kv = to->kv;
    c.text = to->text;
    *to = c;
    return copy_text(&to->kv, from->kv) && copy_text(&to->text, from->text);
}

struct sov_bench_record *
bench_add(struct bench_job *job, struct sov_bench_set *set, size_t m,
          const char *metric, const struct sov_bench_cell *cell,
          const double *samples, size_t n, struct sov_err *err)
{
    struct sov_bench_record *r = sov_bench_set_add(set, err);

    if (r == NULL)
        return NULL;
    memcpy(r->run, job->run, sizeof(r->run));
    r->noise = job->noise;
    if (!copy_text(&r->time, job->time) ||
        !copy_model(&r->model, &job->model[m].facts) ||
        !copy_machine(&r->machine, &job->machine) ||
        (cell != NULL && !copy_cell(&r->cell, cell))) {
        (void)sov_fail(err, SOV_EMEM, "out of memory");
        return NULL;
    }
    if (sov_bench_record_metric(r, metric, err) < 0 ||
        (n > 0 && sov_bench_record_samples(r, samples, n, err) < 0))
        return NULL;
    return r;
}

void
bench_set_ratio(struct sov_bench_record *r, const struct sov_bench_ratio *ratio)
{
    r->stat.median = ratio->ratio;
    r->stat.low = ratio->low;
    r->stat.high = ratio->high;
    r->stat.confidence = ratio->confidence;
}
