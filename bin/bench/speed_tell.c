/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speed_tell.c - records of a grid that was measured, with what a cell takes at
 * least, as a share of what the machine could do
 */
#include "bench/speed.h"

#include "cli/tool.h"
#include "sov/base.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PASS 256 /* tokens that go through the weights together */

double
speed_tokens(const struct bench_task *t)
{
    return (double)t->batch * (t->prompt + t->gen);
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Of samples that stay in their order. */
static double
median(const double *v, size_t n)
{
    double sorted[BENCH_RUNS_MAX];

    if (n > sizeof(sorted) / sizeof(sorted[0]))
        n = sizeof(sorted) / sizeof(sorted[0]);
    if (n == 0)
        return NAN;
    memcpy(sorted, v, n * sizeof(*v));
    qsort(sorted, n, sizeof(*sorted), compare);
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

static const struct roofs *
roofs_of(const struct grid *g, uint32_t threads)
{
    size_t i = 0;

    while (g->roofs[i].threads != threads)
        i++;
    return &g->roofs[i];
}

static double
at_least(double a, double b)
{
    return a > b ? a : b;
}

/* Bytes that must come from memory for the whole task: weights once for each
 * pass, experts as far as its tokens can meet different ones, and the keys and
 * values of what was before. */
static double
bytes_of(const struct grid *g, const struct cell *c)
{
    const struct bench_cost *m = &g->job->model[c->model].cost;
    const struct bench_bed *bed =
        g->bed[c->model * bench_options.kv.n + c->bed];
    double tokens = speed_tokens(&c->task);
    double batch = c->task.batch;
    double met;

    if (c->task.gen > 0) {
        met = m->body_bytes * batch;
        met = met < m->all_bytes ? met : m->all_bytes;
        return c->task.gen *
               (at_least(met, m->body_bytes) + m->head_bytes +
                batch * bench_bed_kv_bytes(bed, c->task.depth +
                                                    (c->task.gen + 1) / 2));
    }
    return ceil(tokens / PASS) * m->all_bytes + m->head_bytes +
           batch * bench_bed_kv_bytes(bed, c->task.depth + c->task.prompt);
}

/* Multiplications and additions with weights; and how many seconds they would
 * take at the roof of each. */
static double
work_of(const struct grid *g, const struct cell *c, double *seconds)
{
    const struct bench_cost *m = &g->job->model[c->model].cost;
    const struct roofs *roofs = roofs_of(g, c->threads);
    double tokens = speed_tokens(&c->task);
    double heads = c->task.gen > 0 ? tokens : c->task.batch;
    double all = 0;

    *seconds = 0;
    for (size_t k = 0; k < 4; k++) {
        double ops = 2 * (tokens * (m->body[k] - m->late[k]) +
                          heads * (m->late[k] + m->head[k]));
        double rate = median(roofs->v[k], g->rounds);

        if (!(rate > 0)) /* numbers that the processor has no product for */
            rate = median(roofs->v[SOV_ROOF_F32], g->rounds);
        all += ops;
        if (ops > 0)
            *seconds += ops / rate;
    }
    return all;
}

static struct sov_bench_cell
cell_of(const struct cell *c)
{
    return (struct sov_bench_cell){
        .prompt = c->task.prompt,
        .gen = c->task.gen,
        .depth = c->task.depth,
        .batch = c->task.batch,
        .threads = c->threads,
        .kv = (char *)(uintptr_t)bench_kv_name(bench_options.kv.v[c->bed]),
    };
}

/* Samples at the beginning that were not steady yet, in spite of warming up;
 * as many as an interval takes stay. */
static size_t
count_unsteady(const struct grid *g, const struct cell *c)
{
    size_t n = sov_bench_steady(c->rate, g->rounds);

    return bench_options.runs == 0 && n + ROUNDS_LEAST <= g->rounds ? n : 0;
}

static bool
all_known(const double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(v[i]))
            return false;
    return true;
}

static int
tell_joules(struct grid *g, const struct cell *c, const char *metric,
            const double *joules, size_t n, struct sov_bench_set *set,
            struct sov_err *err)
{
    struct sov_bench_cell where = cell_of(c);
    struct sov_bench_record *r =
        bench_add(g->job, set, c->model, metric, &where, joules, n, err);

    if (r == NULL)
        return err->rc;
    r->note = strdup(sov_power_domains(g->power));
    return r->note != NULL ? 0 : sov_fail(err, SOV_EMEM, "out of memory");
}

/* All that was taken, and without what would have been taken for nothing. */
static int
tell_energy(struct grid *g, const struct cell *c, size_t from,
            struct sov_bench_set *set, struct sov_err *err)
{
    double net[BENCH_RUNS_MAX];
    size_t n = g->rounds - from;
    int rc;

    if (!all_known(c->joules, g->rounds))
        return 0;
    rc = tell_joules(g, c, "joules_per_token", c->joules + from, n, set, err);
    for (size_t i = 0; i < n; i++)
        net[i] = c->joules[from + i] - g->idle / c->rate[from + i];
    if (rc == 0 && all_known(net, n))
        rc = tell_joules(g, c, "joules_net", net, n, set, err);
    return rc;
}

static int
tell_cell(struct grid *g, const struct cell *c, struct sov_bench_set *set,
          struct sov_err *err)
{
    const char *metric = c->task.gen > 0 ? "decode" : "prefill";
    struct sov_bench_cell where = cell_of(c);
    size_t from = count_unsteady(g, c);
    struct sov_bench_record *r =
        bench_add(g->job, set, c->model, metric, &where, c->rate + from,
                  g->rounds - from, err);
    double took =
        speed_tokens(&c->task) / median(c->rate + from, g->rounds - from);
    double read = median(roofs_of(g, c->threads)->v[SOV_ROOF_READ], g->rounds);
    double least;

    if (r == NULL)
        return err->rc;
    r->warmup = c->warmup + from;
    r->flop_per_s = work_of(g, c, &least) / took;
    r->bytes_per_s = bytes_of(g, c) / took;
    r->bandwidth_share = r->bytes_per_s / read;
    r->compute_share = least / took;
    return tell_energy(g, c, from, set, err);
}

static int
tell_roofs(struct grid *g, const struct roofs *roofs, struct sov_bench_set *set,
           struct sov_err *err)
{
    static const struct {
        const char *metric;
        double unit;
    } kind[SOV_ROOF_KINDS] = {
        [SOV_ROOF_READ] = { "bandwidth", 1e9 },
        [SOV_ROOF_INT8] = { "compute_int8", 1e12 },
        [SOV_ROOF_BF16] = { "compute_bf16", 1e12 },
        [SOV_ROOF_F32] = { "compute_f32", 1e12 },
    };
    struct sov_bench_cell where = { .threads = roofs->threads };

    for (size_t k = 0; k < SOV_ROOF_KINDS; k++) {
        if (!(roofs->v[k][0] > 0))
            continue;
        for (size_t i = 0; i < g->rounds; i++)
            roofs->v[k][i] /= kind[k].unit;
        if (bench_add(g->job, set, 0, kind[k].metric, &where, roofs->v[k],
                      g->rounds, err) == NULL)
            return err->rc;
    }
    return 0;
}

/* Of two models, what is typical of the pairs: the first is so many times as
 * fast as the other one.  Cells of the two stand beside each other. */
static int
tell_ratio(struct grid *g, const struct cell *c, struct sov_bench_set *set,
           struct sov_err *err)
{
    double pairs[BENCH_RUNS_MAX];
    struct sov_bench_cell where = cell_of(c);
    struct sov_bench_ratio ratio;
    struct sov_bench_record *r;

    where.text = g->job->model[1].facts.name;
    for (size_t i = 0; i < g->rounds; i++)
        pairs[i] = c[0].rate[i] / c[1].rate[i];
    r = bench_add(g->job, set, 0, "ratio", &where, pairs, g->rounds, err);
    if (r == NULL ||
        sov_bench_pairs(c[0].rate, c[1].rate, g->rounds, 0.95, &ratio, err) < 0)
        return err->rc;
    bench_set_ratio(r, &ratio);
    return 0;
}

int
speed_tell(struct grid *g, struct sov_bench_set *set, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < g->n_cells && rc == 0; i++)
        rc = tell_cell(g, &g->cell[i], set, err);
    for (size_t i = 0; g->job->n_models == 2 && i < g->n_cells && rc == 0;
         i += 2)
        rc = tell_ratio(g, &g->cell[i], set, err);
    for (size_t i = 0; i < bench_options.threads.n && rc == 0; i++)
        rc = tell_roofs(g, &g->roofs[i], set, err);
    return rc;
}
