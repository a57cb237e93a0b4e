/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advise.c - which quantization of a model fits this machine
 *
 * For each type the model's plan is made, which has the output's size to the
 * byte; what a session takes besides is measured, as is how fast matrices of
 * that type are multiplied here.  Nothing is converted.  The first type, from
 * the best on, that fits into memory and is fast enough, is it.
 */
#include "bench/quality.h"

#include "cli/report.h"
#include "cli/text.h"
#include "cli/tool.h"
#include "sov/pace.h"
#include "sov/quant.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct advice {
    const char *type;
    double kld;      /* about; NaN: not known */
    uint64_t bytes;  /* of the file */
    uint64_t memory; /* of that, of keys and values, and of the work */
    double speed;    /* tokens a second, foretold */
    bool fits;
    bool fast;
    bool known; /* else the model cannot be had so */
};

static const struct {
    const char *type;
    double kld;
} types[] = {
#define ADVISE(type, kld) { type, kld },
#include "bench/advise.def"
#undef ADVISE
};

#define N_TYPES (sizeof(types) / sizeof(types[0]))

struct advise {
    struct bench_job *job;
    sov_model *model;
    sov_pace *pace;
    struct sov_session_memory mem;
    uint32_t n_ctx;
    uint64_t room;                   /* bytes that may be used */
    struct advice row[N_TYPES + 1];  /* the model as it is first */
    size_t n;
    const struct advice *best;
};

/* ---- what there is ---- */

static uint64_t
weights_of(const sov_model *model)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < sov_model_count(model); i++)
        sum += sov_model_at(model, i)->size;
    return sum;
}

static int
measure_session(struct advise *a, struct sov_err *err)
{
    uint32_t most = bench_model_ctx(&a->job->model[0]);
    struct sov_session_opts so = {
        .precise = bench_options.precise,
        .kv = bench_options.kv.n > 0
                  ? (enum sov_kv_form)bench_options.kv.v[0]
                  : SOV_KV_AUTO,
    };

    a->n_ctx = quality_options.ctx > 0 ? (uint32_t)quality_options.ctx
               : most > 0 && most < SOV_CTX_DEFAULT ? most
                                                    : SOV_CTX_DEFAULT;
    so.n_ctx = a->n_ctx;
    a->room = sov_common.max_memory > 0 ? sov_common.max_memory
                                        : a->job->machine.memory;
    return sov_session_measure(a->model, &so, &a->mem, err);
}

static void
judge(struct advise *a, struct advice *row, double seconds)
{
    row->known = true;
    row->memory = row->bytes + a->mem.total - a->mem.weights;
    row->speed = seconds > 0 ? 1 / seconds : NAN;
    row->fits = a->room == 0 || row->memory <= a->room;
    row->fast = !(row->speed < quality_options.min_speed);
}

/* ---- types ---- */

static void
add_own(struct advise *a)
{
    struct advice *row = &a->row[a->n++];
    const struct sov_bench_model *facts = &a->job->model[0].facts;

    *row = (struct advice){ .type = facts->type,
                            .kld = 0,
                            .bytes = weights_of(a->model) };
    if (facts->bytes > row->bytes)
        row->bytes = facts->bytes;
    judge(a, row, sov_pace_token(a->pace, NULL));
}

/* Does any matrix get finer than it is?  That would be bytes for nothing. */
static bool
pointless(const struct advise *a, const struct advice *row)
{
    return strcmp(row->type, a->row[0].type) == 0 ||
           row->bytes >= a->row[0].bytes;
}

static int
add_type(struct advise *a, size_t i, struct sov_err *err)
{
    struct sov_quant_opts opts = { .type = types[i].type };
    struct advice *row = &a->row[a->n];
    sov_quant *job = NULL;
    int rc = sov_quant_new(&job, a->model, &opts, err);

    if (rc == SOV_EUNSUP || rc == SOV_EARG) { /* this model cannot */
        sov_note(1, "%s: %s", types[i].type, err->msg);
        return 0;
    }
    if (rc < 0)
        return rc;
    *row = (struct advice){ .type = types[i].type, .kld = types[i].kld };
    row->bytes = sov_plan_bytes(sov_quant_plan(job));
    if (!pointless(a, row)) {
        judge(a, row, sov_pace_token(a->pace, sov_quant_plan(job)));
        a->n++;
    }
    sov_quant_free(job);
    return 0;
}

static void
choose(struct advise *a)
{
    for (size_t i = 0; i < a->n && a->best == NULL; i++)
        if (a->row[i].fits && a->row[i].fast)
            a->best = &a->row[i];
}

/* ---- telling ---- */

/* What people call it. */
static const char *
class_of(double kld)
{
    return isnan(kld)    ? "?"
           : kld == 0    ? "as it is"
           : kld < 0.002 ? "the same"
           : kld < 0.02  ? "hardly differs"
           : kld < 0.06  ? "good"
           : kld < 0.15  ? "differs"
                         : "damaged";
}

static void
put_row(struct sov_report *r, const struct advise *a, const struct advice *row)
{
    sov_report_row(r);
    sov_report_text(r, "type", "type", row->type);
    sov_report_bytes(r, "bytes", "file", row->bytes);
    sov_report_bytes(r, "memory", "memory", row->memory);
    sov_report_bool(r, "fits", "fits", row->fits);
    sov_report_real(r, "tokens_per_s", "tok/s", row->speed, 1, NULL);
    sov_report_real(r, "kld", NULL, row->kld, 0, NULL);
    sov_report_text(r, "class", "answers", class_of(row->kld));
    sov_report_bool(r, "best", "best", row == a->best);
}

/* A name for a shell, in quotes where it needs them. */
static void
quote(char *buf, size_t size, const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
    size_t n = 0;

    if (path[0] != '-' && path[strspn(path, plain)] == '\0') {
        snprintf(buf, size, "%s", path);
        return;
    }
    n += (size_t)snprintf(buf, size, path[0] == '-' ? "./'" : "'");
    for (; *path != '\0' && n + 6 < size; path++)
        n += (size_t)snprintf(buf + n, size - n,
                              *path == '\'' ? "'\\''" : "%c", *path);
    snprintf(buf + n, size - n, "'");
}

/* The model's name without what says its form. */
static void
out_name(char *buf, size_t size, const char *path, const char *type)
{
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        len--;
    if (len > 5 && strncmp(path + len - 5, ".gguf", 5) == 0)
        len -= 5;
    snprintf(buf, size, "%.*s-%s.gguf", (int)len, path, type);
}

static void
command_of(char *buf, size_t size, const struct advise *a)
{
    const char *path = a->job->model[0].lm.path;
    char from[2048], to[2048], name[1024];

    quote(from, sizeof(from), path);
    if (a->best == &a->row[0]) {
        snprintf(buf, size, "sov-run -m %s", from);
        return;
    }
    out_name(name, sizeof(name), path, a->best->type);
    quote(to, sizeof(to), name);
    snprintf(buf, size, "sov-quantize -t %s -o %s %s", a->best->type, to, from);
}

static int
tell(const struct advise *a, struct sov_err *err)
{
    struct sov_report *r = sov_report_new("sov.advice/1");
    char command[6000], label[7000];

    sov_report_text(r, "model", NULL, a->job->model[0].facts.name);
    sov_report_uint(r, "ctx", "context", a->n_ctx);
    sov_report_bytes(r, "kv_bytes", "keys and values", a->mem.kv);
    sov_report_bytes(r, "room", "memory there is", a->room);
    sov_report_uint(r, "threads", "threads", sov_threads());
    sov_report_table(r, "types");
    for (size_t i = 0; i < a->n; i++)
        put_row(r, a, &a->row[i]);
    sov_report_table_end(r);
    if (a->best != NULL) {
        command_of(command, sizeof(command), a);
        sov_report_text(r, "choice", NULL, a->best->type);
        sov_report_text(r, "command", NULL, command);
        sov_text_escape(label, sizeof(label), command);
        sov_report_label(r, "best that fits", label);
    }
    return sov_report_end(r, err);
}

int
quality_advise(struct bench_job *job, struct sov_err *err)
{
    struct advise a = { .job = job, .model = job->model[0].lm.model };
    int rc = measure_session(&a, err);

    if (rc == 0)
        rc = sov_pace_new(&a.pace, a.model, err);
    if (rc == 0)
        add_own(&a);
    for (size_t i = 0; i < N_TYPES && rc == 0; i++)
        rc = add_type(&a, i, err);
    if (rc == 0) {
        choose(&a);
        rc = tell(&a, err);
    }
    sov_pace_free(a.pace);
    if (rc == 0 && fflush(stdout) != 0)
        rc = sov_fail_sys(err, SOV_WHERE_ANY, "standard output");
    if (rc == 0 && a.best == NULL)
        rc = sov_fail(err, SOV_ENO,
                      quality_options.min_speed > 0
                          ? "no type fits into memory and is fast enough"
                          : "no type fits into memory");
    return rc;
}
