/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sov-quantize - fewer bits per weight
 *
 * Reads a model in any form, writes a GGUF file.  Exit status: 0 done and on
 * the disk, 64-78 trouble.
 */
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/tool.h"
#include "sov/quant.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *type_name;
static struct sov_opt_list tensor_types;
static int on_nonfinite = SOV_NONFINITE_FAIL;
static uint64_t effort;

static const char *const nonfinite_names[] = { "fail", "zero", "clamp", NULL };

static const struct sov_opt opts[] = {
    { 't', "type", SOV_OPT_STRING, &type_name, "TYPE",
      "what to make: f32 f16 bf16 q8_0 q6_k q5_k_m q5_k_s q4_k_m q4_k_s q4_0, "
      "or a single block type" },
    { 0, "tensor-type", SOV_OPT_LIST, &tensor_types, "PAT=TYPE",
      "give matrices whose name matches the shell pattern another type" },
    { 0, "on-nonfinite", SOV_OPT_ENUM, &on_nonfinite, "WHAT",
      "NaN, infinite or too large weights: fail, zero, clamp",
      .values = nonfinite_names },
    { 0, "effort", SOV_OPT_UINT, &effort, "N",
      "how hard to search for the best blocks, 1 (fast) to 9", .min = 1,
      .max = 9, .preset = "5" },
    { 0 },
};

/* Totals of one type, for the report. */
struct total {
    uint64_t tensors;
    uint64_t weights;
    uint64_t bytes;
};

struct work {
    const char *source;
    sov_model *model;
    sov_quant *job;
    struct sov_quant_rule *rule; /* from --tensor-type */
    char *pattern;               /* one block for all patterns */
    double seconds;
};

static void
lower(char *to, size_t size, const char *from)
{
    size_t n = 0;

    for (; from[n] != '\0' && n + 1 < size; n++)
        to[n] = (char)tolower((unsigned char)from[n]);
    to[n] = '\0';
}

/* "no such type", with what was probably meant. */
static int
bad_type(const char *name, struct sov_err *err)
{
    const char *names[64];
    const char *near;
    size_t n = 0;

    while (n < 63 && (names[n] = sov_quant_type_name(n)) != NULL)
        n++;
    names[n] = NULL;
    near = sov_opt_nearest(name, names);
    if (near != NULL)
        return sov_fail(err, SOV_EARG,
                        "there is no type '%s'; did you mean "
                        "'%s'?",
                        name, near);
    return sov_fail(err, SOV_EARG,
                    "there is no type '%s'; there are q4_k_m, q5_k_m, q6_k, "
                    "q8_0, f16, bf16 and others",
                    name);
}

static bool
is_type(const char *name)
{
    const char *known;

    for (size_t i = 0; (known = sov_quant_type_name(i)) != NULL; i++)
        if (strcmp(known, name) == 0)
            return true;
    return false;
}

/* "blk.*.ffn_down.weight=q6_k" */
static int
parse_rule(struct sov_quant_rule *rule, char *text, struct sov_err *err)
{
    char *eq = strrchr(text, '=');
    char name[32];
    const struct sov_type_info *info;

    if (eq == NULL || eq == text)
        return sov_fail(err, SOV_EARG, "--tensor-type: '%s' is not PAT=TYPE",
                        text);
    *eq = '\0';
    lower(name, sizeof(name), eq + 1);
    info = sov_type_by_name(name);
    if (info == NULL && is_type(name))
        return sov_fail(err, SOV_EARG,
                        "--tensor-type: %s is a mix of types; give one, such "
                        "as q4_k",
                        name);
    if (info == NULL)
        return bad_type(eq + 1, err);
    rule->pattern = text;
    rule->type = info->type;
    return 0;
}

static int
parse_rules(struct work *w, struct sov_err *err)
{
    size_t len = 1, at = 0;
    int rc = 0;

    for (size_t i = 0; i < tensor_types.n; i++)
        len += strlen(tensor_types.items[i]) + 1;
    w->rule = calloc(tensor_types.n + 1, sizeof(*w->rule));
    w->pattern = malloc(len);
    if (w->rule == NULL || w->pattern == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < tensor_types.n && rc == 0; i++) {
        size_t n = strlen(tensor_types.items[i]) + 1;

        memcpy(w->pattern + at, tensor_types.items[i], n);
        rc = parse_rule(&w->rule[i], w->pattern + at, err);
        at += n;
    }
    return rc;
}

/* What can be known to be wrong before anything is opened. */
static int
check_arguments(const char *source, struct sov_err *err)
{
    const char *out = sov_common.output;

    if (type_name == NULL)
        return sov_fail(err, SOV_EARG,
                        "-t TYPE is missing: q4_k_m is small "
                        "and good, q8_0 nearly lossless, f16 plain");
    if (out == NULL && !sov_common.dry_run)
        return sov_fail(err, SOV_EARG,
                        "-o OUT is missing (- is standard output)");
    if (sov_common.json && !sov_common.dry_run && sov_tool_to_stdout())
        return sov_fail(err, SOV_EARG,
                        "--json and the model cannot both go "
                        "to standard output");
    if (strcmp(source, "-") == 0 && isatty(STDIN_FILENO))
        return sov_fail(err, SOV_EARG,
                        "standard input is a terminal, not a model");
    if (source[0] == '\0')
        return sov_fail(err, SOV_EARG, "the name of the model is empty");
    return sov_tool_check_output(err);
}

static const char *
name_of(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

static int
make_job(struct work *w, struct sov_err *err)
{
    char type[32];
    struct sov_quant_opts o = {
        .type = type,
        .n_rules = tensor_types.n,
        .nonfinite = (enum sov_nonfinite)on_nonfinite,
        .effort = (int)effort,
        .align = (uint32_t)sov_common.align,
        .max_memory = sov_common.max_memory,
        .progress = sov_progress_update,
    };
    int rc;

    lower(type, sizeof(type), type_name);
    if (!is_type(type))
        return bad_type(type_name, err);
    rc = parse_rules(w, err);
    if (rc < 0)
        return rc;
    o.rule = w->rule;
    rc = sov_model_open(&w->model, w->source, SOV_ACCESS_STREAM, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; sov_model_warning(w->model, i) != NULL; i++)
        sov_note(1, "%s: %s", name_of(w->source),
                 sov_model_warning(w->model, i));
    rc = sov_quant_new(&w->job, w->model, &o, err);
    if (rc < 0 && rc != SOV_EARG)
        sov_err_wrap(err, "%s", name_of(w->source));
    if (rc == 0 && sov_meta_count(sov_model_meta(w->model)) == 0)
        sov_warn("%s: nothing says which architecture this is (no "
                 "config.json?); the output will hold the tensors and not run",
                 name_of(w->source));
    return rc;
}

/* ---- report ---- */

static void
report_types(struct sov_report *r, const sov_plan *plan)
{
    struct total total[SOV_TYPE_GGUF_MAX] = { 0 };

    for (size_t i = 0; i < sov_plan_count(plan); i++) {
        const struct sov_tensor *t = sov_plan_at(plan, i);

        total[t->type].tensors++;
        total[t->type].weights += sov_tensor_count(t);
        total[t->type].bytes += t->size;
    }
    sov_report_table(r, "types");
    for (int i = 0; i < SOV_TYPE_GGUF_MAX; i++) {
        if (total[i].tensors == 0)
            continue;
        sov_report_row(r);
        sov_report_text(r, "type", "type", sov_type_info(i)->name);
        sov_report_uint(r, "tensors", "tensors", total[i].tensors);
        sov_report_uint(r, "weights", "weights", total[i].weights);
        sov_report_uint(r, "bytes", "bytes", total[i].bytes);
    }
    sov_report_table_end(r);
}

static void
report_tensors(struct sov_report *r, const sov_model *model,
               const sov_plan *plan)
{
    sov_report_table(r, "tensors");
    for (size_t i = 0; i < sov_plan_count(plan); i++) {
        const struct sov_tensor *from = sov_model_at(model, i);
        const struct sov_tensor *to = sov_plan_at(plan, i);

        sov_report_row(r);
        sov_report_text(r, "name", "tensor", to->name);
        sov_report_text(r, "from", "from",
                        sov_type_info((int)from->type)->name);
        sov_report_text(r, "to", "to", sov_type_info((int)to->type)->name);
        sov_report_uint(r, "bytes", "bytes", to->size);
    }
    sov_report_table_end(r);
}

static int
report(const struct work *w, struct sov_err *err)
{
    const sov_plan *plan = sov_quant_plan(w->job);
    struct sov_report *r = sov_report_new("sov.quantize/1");
    uint64_t weights = 0, before = 0, bytes = 0;

    for (size_t i = 0; i < sov_plan_count(plan); i++) {
        weights += sov_tensor_count(sov_plan_at(plan, i));
        before += sov_model_at(w->model, i)->size;
        bytes += sov_plan_at(plan, i)->size;
    }
    sov_report_text(r, "source", "source", w->source);
    sov_report_text(r, "format", NULL, sov_model_format(w->model));
    if (sov_common.output != NULL)
        sov_report_text(r, "output", "output", sov_common.output);
    sov_report_text(r, "type", "type", type_name);
    sov_report_uint(r, "tensors_total", NULL, sov_plan_count(plan));
    sov_report_uint(r, "weights", "weights", weights);
    sov_report_uint(r, "source_tensor_bytes", NULL, before);
    sov_report_uint(r, "bytes", "bytes", sov_plan_bytes(plan));
    sov_report_real(r, "bpw", "bits per weight",
                    weights != 0 ? 8.0 * (double)bytes / (double)weights : 0, 3,
                    NULL);
    if (!sov_common.dry_run) {
        sov_report_uint(r, "replaced", NULL, sov_quant_replaced(w->job));
        sov_report_real(r, "seconds", "time", w->seconds, 2, "s");
    }
    report_types(r, plan);
    if (sov_common.dry_run && (sov_common.json || sov_common.verbose > 0))
        report_tensors(r, w->model, plan);
    return sov_report_end(r, err);
}

/* ---- the work ---- */

static void
say_warnings(const struct work *w, size_t from)
{
    const char *line;

    for (size_t i = from; (line = sov_quant_warning(w->job, i)) != NULL; i++)
        sov_warn("%s: %s", name_of(w->source), line);
}

static int
write_output(struct work *w, struct sov_err *err)
{
    const char *const *files = NULL;
    size_t n = sov_model_files(w->model, &files);
    const sov_plan *plan = sov_quant_plan(w->job);
    sov_sink *sink = NULL;
    int rc;

    rc = sov_tool_sink(&sink, files, n, sov_plan_bytes(plan), err);
    if (rc < 0)
        return rc;
    sov_progress_begin("B");
    rc = sov_quant_run(w->job, sink, err);
    sov_progress_end();
    if (rc < 0) {
        sov_sink_abort(sink);
        return rc;
    }
    rc = sov_sink_commit(&sink, err);
    return rc == 0 ? sov_tool_depfile(files, n, err) : rc;
}

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int
quantize(struct work *w, struct sov_err *err)
{
    double start = now();
    size_t told = 0;
    int rc;

    rc = check_arguments(w->source, err);
    if (rc == 0)
        rc = make_job(w, err);
    if (rc < 0)
        return rc;
    say_warnings(w, 0);
    while (sov_quant_warning(w->job, told) != NULL)
        told++;
    if (!sov_common.dry_run) {
        rc = write_output(w, err);
        if (rc < 0)
            return rc;
        say_warnings(w, told);
    }
    w->seconds = now() - start;
    return sov_common.json || sov_common.dry_run ? report(w, err) : 0;
}

static int
run(int argc, char **argv, struct sov_err *err)
{
    struct work w = { .source = argv[0] };
    int rc = quantize(&w, err);

    (void)argc;
    sov_quant_free(w.job);
    sov_model_close(w.model);
    free(w.rule);
    free(w.pattern);
    return rc;
}

int
main(int argc, char **argv)
{
    static const struct sov_tool tool = {
        .name = "sov-quantize",
        .summary = "fewer bits per weight",
        .operands = "MODEL",
        .min_operands = 1,
        .max_operands = 1,
        .common = SOV_COMMON_FILE | SOV_COMMON_ALIGN | SOV_COMMON_THREADS |
                  SOV_COMMON_MEMORY | SOV_COMMON_DRY_RUN | SOV_COMMON_JSON |
                  SOV_COMMON_PROGRESS | SOV_COMMON_COLOR,
        .opts = opts,
        .run = run,
    };

    return sov_tool_main(&tool, argc, argv);
}
