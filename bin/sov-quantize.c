/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sov-quantize - fewer bits per weight
 *
 * Reads a model in any form, writes it with other types, other metadata, in
 * other files or another form.  Exit status: 0 done and on the disk, 64-78
 * trouble.
 */
#include "quantize/quantize.h"

#include "cli/guard.h"
#include "cli/names.h"
#include "cli/progress.h"
#include "cli/tool.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct quantize_options quantize_options = { .on_nonfinite =
                                                 SOV_NONFINITE_FAIL };

static const char *const nonfinite_names[] = { "fail", "zero", "clamp", NULL };

static const struct sov_opt opts[] = {
    { 't', "type", SOV_OPT_STRING, &quantize_options.type, "TYPE",
      "what to make: f32 f16 bf16 q8_0 q6_k q5_k_m q5_k_s q4_k_m q4_k_s q4_0, "
      "a single block type, or copy: all stays as it is" },
    { 0, "target-size", SOV_OPT_SIZE, &quantize_options.target_size, "SIZE",
      "choose types so that the output has at most SIZE and loses least",
      .min = 1, .max = INFINITY, .preset = "" },
    { 0, "target-bpw", SOV_OPT_FLOAT, &quantize_options.target_bpw, "BITS",
      "the same, of so many bits per weight", .min = 0.1, .max = 64,
      .preset = "" },
    { 0, "max-kld", SOV_OPT_FLOAT, &quantize_options.max_kld, "NATS",
      "choose types so that the output is smallest and does not diverge more",
      .min = 1e-9, .max = 100, .preset = "" },
    { 0, "min-speed", SOV_OPT_FLOAT, &quantize_options.min_speed, "TOK_S",
      "... and makes so many tokens a second on this machine", .min = 1e-3,
      .max = 1e9, .preset = "" },
    { 0, "plan", SOV_OPT_FILE, &quantize_options.plan, "FILE",
      "give every matrix the type that this plan says" },
    { 0, "plan-out", SOV_OPT_FILE, &quantize_options.plan_out, "FILE",
      "write the plan: which type every matrix gets, to be read and changed" },
    { 0, "compat", SOV_OPT_STRING, &quantize_options.compat, "VERSION",
      "only types that this llama.cpp reads: b4000, 2024-02-27" },
    { 0, "tensor-type", SOV_OPT_LIST, &quantize_options.tensor_types,
      "PAT=TYPE",
      "give matrices whose name matches the shell pattern another type" },
    { 0, "on-nonfinite", SOV_OPT_ENUM, &quantize_options.on_nonfinite, "WHAT",
      "NaN, infinite or too large weights: fail, zero, clamp",
      .values = nonfinite_names, .given = &quantize_options.nonfinite_given },
    { 0, "effort", SOV_OPT_UINT, &quantize_options.effort, "N",
      "how hard to search for the best blocks, 1 (fast) to 9", .min = 1,
      .max = 9, .preset = "5" },
    { 0, "stats", SOV_OPT_FILE, &quantize_options.stats, "FILE",
      "let errors count as an importance matrix says, which llama-imatrix has "
      "made" },
    { 0, "calib", SOV_OPT_FILE, &quantize_options.calib, "TEXT",
      "let the model read this text, and round, or choose types, by what that "
      "shows" },
    { 0, "calib-tokens", SOV_OPT_UINT, &quantize_options.calib_tokens, "N",
      "read at most so many tokens of it", .min = 1, .max = INFINITY,
      .preset = "32768" },
    { 0, "stats-out", SOV_OPT_FILE, &quantize_options.stats_out, "FILE",
      "write what --calib shows as an importance matrix; without -t and -o "
      "that is all" },
    { 0, "lora", SOV_OPT_LIST, &quantize_options.lora, "FILE[:SCALE]",
      "merge this adapter, taken times SCALE, into the weights; may be given "
      "several times" },
    { 0, "set", SOV_OPT_LIST, &quantize_options.set, "KEY=VALUE",
      "change a key of the metadata; KEY:TYPE=VALUE for a new one, @FILE for "
      "a value in a file" },
    { 0, "unset", SOV_OPT_LIST, &quantize_options.unset, "PAT",
      "remove the keys that match the shell pattern" },
    { 0, "format", SOV_OPT_STRING, &quantize_options.format, "NAME",
      "what to write, if the name of OUT does not say: gguf, safetensors, "
      "huggingface (a folder), tar",
      .values = sov_target_formats },
    { 0, "split-max-size", SOV_OPT_SIZE, &quantize_options.split_max_size,
      "SIZE", "cut the output into files of at most SIZE, between tensors",
      .min = 1, .max = INFINITY, .preset = "" },
    { 0, "split-max-tensors", SOV_OPT_UINT, &quantize_options.split_max_tensors,
      "N", "cut the output into files of at most N tensors", .min = 1,
      .max = INFINITY, .preset = "" },
    { 0, "merge", SOV_OPT_FLAG, &quantize_options.merge, NULL,
      "join the files of a split model into one" },
    { 0, "eval", SOV_OPT_FILE, &quantize_options.eval, "TEXT",
      "when done, let source and output read TEXT, and print perplexity and "
      "divergence" },
    { 0, "eval-ctx", SOV_OPT_UINT, &quantize_options.eval_ctx, "N",
      "tokens of a window of that text", .min = 3, .max = 16777216,
      .preset = "512, or what the model reads" },
    { 0, "eval-base", SOV_OPT_FILE, &quantize_options.eval_base, "FILE",
      "instead of --eval: compare with what the source said, as "
      "llama-perplexity has kept it" },
    { 0, "eval-base-out", SOV_OPT_FILE, &quantize_options.eval_base_out, "FILE",
      "keep what the source says in such a file" },
    SOV_LINEAGE_ROWS,
    { 0 },
};

/* Some options are about the files alone, or do not say which types: then the
 * tensors keep theirs. */
static void
default_type(struct quantize_options *o)
{
    if (o->type == NULL && o->plan == NULL && !quantize_allot_wanted() &&
        (o->merge || o->split_max_size > 0 || o->split_max_tensors > 0 ||
         o->set.n > 0 || o->unset.n > 0 || o->lora.n > 0))
        o->type = "copy";
}

/* What can be known to be wrong before anything is opened. */
static int
check_arguments(struct quantize *q, struct sov_err *err)
{
    const struct quantize_options *o = &quantize_options;
    const char *source = q->source;
    int rc = quantize_calib_check(q, err);

    if (rc < 0)
        return rc;
    if (o->type == NULL && o->plan == NULL && !quantize_allot_wanted())
        return sov_fail(err, SOV_EARG,
                        "-t TYPE is missing: q4_k_m is small "
                        "and good, q8_0 nearly lossless, f16 plain");
    rc = sov_tool_check_streams(false, err);
    if (rc < 0)
        return rc;
    if (o->merge && (o->split_max_size > 0 || o->split_max_tensors > 0))
        return sov_fail(err, SOV_EARG,
                        "--merge joins and --split-max-size cuts: give one");
    if (strcmp(source, "-") == 0 && isatty(STDIN_FILENO))
        return sov_fail(err, SOV_EARG,
                        "standard input is a terminal, not a model");
    if (source[0] == '\0')
        return sov_fail(err, SOV_EARG, "the name of the model is empty");
    return sov_tool_check_output(err);
}

/* What can be read only once, from front to back. */
bool
quantize_is_pipe(const char *path)
{
    struct stat st;
    int rc =
        strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &st) : stat(path, &st);

    return rc == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int
open_model(struct quantize *q, struct sov_err *err)
{
    bool folder = q->target.format->folder != NULL;
    bool map = quantize_options.calib != NULL || quantize_eval_runs_source() ||
               quantize_allot_wanted() ||
               (folder && quantize_is_pipe(q->source));
    struct sov_model_opts opt = {
        .access = map ? SOV_ACCESS_MAP : SOV_ACCESS_STREAM,
        .hash = quantize_carry_hash(q),
        .progress = sov_progress_update,
    };
    int rc;

    sov_lineage_opts(&q->lineage, &opt);
    rc = sov_model_open_with(&q->model, q->source, &opt, err);
    if (rc == 0 && folder && !map && !sov_model_seeks(q->model)) {
        sov_model_close(q->model);
        q->model = NULL;
        opt.access = SOV_ACCESS_MAP;
        rc = sov_model_open_with(&q->model, q->source, &opt, err);
    }

    if (rc < 0)
        return sov_lineage_refuse(&q->lineage, rc, err);
    sov_tool_warnings(q->model, sov_name_in(q->source), true);
    rc = sov_lineage_input(&q->lineage, q->model, err);
    if (rc == 0)
        rc = sov_lineage_also(&q->lineage, quantize_options.stats, err);
    for (size_t i = 0; i < q->adapters.n && rc == 0; i++)
        rc = sov_lineage_also(&q->lineage, q->adapters.item[i].path, err);
    return rc;
}

/* The metadata of the output: as it was asked for, and its history. */
static int
edit(void *arg, sov_meta *meta, struct sov_err *err)
{
    struct quantize *q = arg;
    int rc = quantize_edit(q, meta, err);

    if (rc == 0 && strcmp(q->target.format->form, "gguf") == 0)
        rc = sov_lineage_embed(&q->lineage, meta, err);
    return rc;
}

/* An output whose alignment was not asked for has that of its input. */
uint32_t
quantize_alignment(const struct quantize *q)
{
    uint64_t align = sov_common.align;
    uint64_t own;

    if (!sov_common.align_given && strcmp(q->type, "copy") == 0 &&
        sov_meta_u64(sov_model_meta(q->model), "general.alignment", &own,
                     NULL) == 0 &&
        own >= 8)
        align = own;
    return (uint32_t)align;
}

int
quantize_make_job(struct quantize *q, struct sov_err *err)
{
    const struct quantize_options *o = &quantize_options;
    struct sov_quant_opts opt = {
        .type = q->type,
        .sheet = q->sheet,
        .compat = q->compat,
        .rule = q->rule,
        .n_rules = o->tensor_types.n,
        .nonfinite = (enum sov_nonfinite)o->on_nonfinite,
        .check_copies = o->nonfinite_given,
        .effort = (int)o->effort,
        /* who goes on may ask for what this run does not tell */
        .measure =
            sov_common.json || sov_common.verbose > 0 || sov_common.resume,
        .max_memory = sov_common.max_memory,
        .stats = q->stats,
        .calib = quantize_options.calib != NULL ? &q->calib.opts : NULL,
        .lora = q->adapters.use,
        .n_lora = q->adapters.n,
        .progress = sov_progress_update,
        .edit = edit,
        .edit_arg = q,
    };
    int rc;

    sov_target_layout(&q->target, &opt.layout);
    opt.layout.align = quantize_alignment(q);
    opt.layout.max_bytes = o->split_max_size;
    opt.layout.max_tensors = o->split_max_tensors;
    if (q->folder != NULL) {
        opt.side = sov_export_sides(q->folder, &opt.n_sides);
        opt.edit = quantize_folder_meta;
        opt.plain = true;
    }
    rc = sov_adapters_fit(&q->adapters, q->model, err);
    if (rc < 0)
        return rc;
    rc = sov_quant_new(&q->job, q->model, &opt, err);
    if (rc < 0 && rc != SOV_EARG)
        sov_err_wrap(err, "%s", sov_name_in(q->source));
    if (rc == 0)
        rc = sov_target_check(&q->target, sov_quant_plan(q->job), err);
    return rc;
}

static int
prepare(struct quantize *q, struct sov_err *err)
{
    int rc = check_arguments(q, err);
    bool folder;

    if (rc == 0)
        rc = sov_target_choose(&q->target, quantize_options.format, err);
    if (rc == 0)
        rc = quantize_allot_begin(q, err);
    if (rc == 0)
        rc = quantize_type(q, err);
    if (rc == 0)
        rc = quantize_rules(q, err);
    if (rc == 0)
        rc = quantize_settings(q, err);
    if (rc == 0)
        rc = quantize_eval_begin(q, err);
    if (rc == 0)
        rc = quantize_stats(q, err);
    if (rc == 0)
        rc = sov_lineage_begin(&q->lineage, q->source, q->target.packed, err);
    if (rc == 0)
        rc = quantize_lora(q, err);
    if (rc == 0)
        rc = open_model(q, err);
    if (rc == 0)
        rc = quantize_calib(q, err);
    folder = rc == 0 && q->target.format->folder != NULL;
    if (folder) /* which turns the model into what it will be */
        rc = quantize_eval_model(q, err);
    if (rc == 0 && folder)
        rc = quantize_folder(q, err);
    if (rc == 0)
        rc = quantize_allot(q, err);
    if (rc == 0)
        rc = quantize_make_job(q, err);
    if (rc == 0 && !folder)
        rc = quantize_eval_model(q, err);
    return rc;
}

/* What people should know about the output. */
static void
warn_output(const struct quantize *q)
{
    const sov_meta *meta = sov_plan_meta_of(sov_quant_plan(q->job));
    const char *name = sov_name_in(q->source);
    bool gguf = strcmp(q->target.format->form, "gguf") == 0;

    if (gguf && sov_meta_find(meta, "general.architecture") == NULL)
        sov_warn("%s: nothing says which architecture this is (no "
                 "config.json?); the output will hold the tensors and not run",
                 name);
    else if (!gguf && q->folder == NULL &&
             sov_meta_find(meta, "general.architecture") != NULL)
        sov_warn("%s: a safetensors file holds the tensors alone, without "
                 "metadata and tokenizer",
                 name);
}

static void
say_warnings(const struct quantize *q, size_t from)
{
    const char *line;

    for (size_t i = from; (line = sov_quant_warning(q->job, i)) != NULL; i++)
        sov_warn("%s: %s", sov_name_in(q->source), line);
}

/* All files that were read: none may be an output, and make shall know. */
static int
list_inputs(struct quantize *q, struct sov_err *err)
{
    const char *const *files = NULL;
    size_t n = sov_model_files(q->model, &files);

    q->input = calloc(n + q->n_files + q->adapters.n + 9, sizeof(*q->input));
    if (q->input == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        q->input[q->n_inputs++] = files[i];
    for (size_t i = 0; i < q->n_files; i++)
        q->input[q->n_inputs++] = q->file[i];
    if (q->stats != NULL)
        q->input[q->n_inputs++] = quantize_options.stats;
    if (quantize_options.plan != NULL)
        q->input[q->n_inputs++] = quantize_options.plan;
    if (q->calib.opts.ids != NULL)
        q->input[q->n_inputs++] = quantize_options.calib;
    if (quantize_options.eval != NULL)
        q->input[q->n_inputs++] = quantize_options.eval;
    if (quantize_options.eval_base != NULL)
        q->input[q->n_inputs++] = quantize_options.eval_base;
    for (size_t i = 0; i < q->adapters.n; i++)
        q->input[q->n_inputs++] = q->adapters.item[i].path;
    q->n_inputs += sov_lineage_inputs(&q->lineage, &q->input[q->n_inputs]);
    return 0;
}

/* The model, its index, its claims: together, or one after the other. */
static int
commit_output(struct quantize *q, struct sov_err *err)
{
    int rc = sov_lineage_give(&q->lineage, &q->target, err);

    sov_stale_begin(&q->stale, &q->target);
    if (rc == 0)
        rc = sov_target_commit(&q->target, err);
    if (rc == 0)
        rc = sov_lineage_commit(&q->lineage, err);
    if (rc == 0)
        sov_stale_say(&q->stale, q->lineage.key != NULL, q->carried);
    return rc;
}

/* What an earlier run has left, and what to do if this one leaves something. */
static int
resume(struct quantize *q, size_t *told, struct sov_err *err)
{
    const char *part = sov_sink_part(q->target.sink[0]);
    int rc;

    if (!sov_common.resume)
        return 0;
    sov_progress_begin("B");
    rc = sov_quant_resume(q->job, q->target.sink, err);
    sov_progress_end();
    for (const char *line; (line = sov_quant_warning(q->job, *told)) != NULL;
         ++*told)
        sov_warn("%s", line);
    if (rc < 0)
        return rc;
    return sov_kept_begin(&q->kept, part, sov_quant_kept(q->job),
                          sov_plan_bytes(sov_quant_plan(q->job)), err);
}

/* What --calib asks for, before any tensor is written. */
static int
calibrate(struct quantize *q, struct sov_err *err)
{
    int rc;

    if (q->calib.opts.ids == NULL)
        return 0;
    rc = quantize_cost(q, err);
    if (rc < 0)
        return rc;
    sov_progress_begin("tokens");
    rc = sov_quant_calibrate(q->job, err);
    sov_progress_end();
    if (rc < 0)
        return sov_err_wrap(err, "%s", sov_name_in(q->source));
    return quantize_stats_write(q, err);
}

static int
write_output(struct quantize *q, size_t *told, struct sov_err *err)
{
    const sov_plan *plan = sov_quant_plan(q->job);
    int rc = quantize_plan_open(q, err);

    if (rc == 0)
        rc = sov_lineage_check_first(&q->lineage, err);
    if (rc == 0) {
        q->target.sides_first = q->lineage.key != NULL
                                    ? strcmp(sov_common.output, "-") != 0
                                    : quantize_carries_first(q);
        rc = sov_target_open(&q->target, plan, q->input, q->n_inputs, err);
    }
    if (rc == 0)
        rc = quantize_eval_open(q, err);
    if (rc == 0)
        rc = sov_lineage_output(&q->lineage, plan, &q->target, err);
    if (rc == 0)
        rc = quantize_carry_begin(q, err);
    if (rc == 0)
        rc = quantize_stats_open(q, err);
    if (rc == 0)
        rc = resume(q, told, err);
    if (rc == 0)
        rc = calibrate(q, err);
    if (rc < 0)
        return rc;
    sov_progress_begin("B");
    rc = sov_quant_run(q->job, q->target.sink, err);
    sov_progress_end();
    if (rc < 0)
        rc = sov_lineage_refuse(&q->lineage, rc, err);
    if (rc == 0)
        rc = sov_lineage_check(&q->lineage, err);
    if (rc == 0)
        rc = quantize_stats_finish(q, err);
    if (rc == 0)
        rc = quantize_lora_finish(q, err);
    if (rc == 0)
        rc = quantize_claim(q, err);
    if (rc == 0)
        rc = quantize_carry(q, err);
    if (rc == 0) /* if it cannot be written there is no output either */
        rc = quantize_plan_write(q, err);
    return rc == 0 ? commit_output(q, err) : rc;
}

/* Of --calib and --stats-out alone: the statistics are the output. */
static int
only_stats(struct quantize *q, struct sov_err *err)
{
    double start = sov_seconds();
    int rc = quantize_calib_check(q, err);

    sov_common.output = quantize_options.stats_out;
    if (rc == 0)
        rc = sov_tool_check_output(err);
    if (rc == 0)
        rc = sov_target_choose(&q->target, "gguf", err);
    if (rc == 0)
        rc = sov_lineage_begin(&q->lineage, q->source, false, err);
    if (rc == 0)
        rc = open_model(q, err);
    if (rc == 0)
        rc = quantize_calib(q, err);
    if (rc == 0)
        rc = list_inputs(q, err);
    if (rc == 0)
        rc = quantize_collect(q, err);
    q->seconds = sov_seconds() - start;
    return rc == 0 && (sov_common.json || sov_common.dry_run)
               ? quantize_report_stats(q, err)
               : rc;
}

static int
quantize(struct quantize *q, struct sov_err *err)
{
    double start = sov_seconds();
    size_t told = 0;
    int rc;

    default_type(&quantize_options);
    q->only_stats = quantize_options.stats_out != NULL &&
                    quantize_options.type == NULL &&
                    quantize_options.plan == NULL && !quantize_allot_wanted() &&
                    sov_common.output == NULL;
    if (q->only_stats)
        return only_stats(q, err);
    rc = prepare(q, err);
    if (rc < 0)
        return rc;
    warn_output(q);
    say_warnings(q, 0);
    rc = list_inputs(q, err);
    if (rc < 0)
        return rc;
    while (sov_quant_warning(q->job, told) != NULL)
        told++;
    if (!sov_common.dry_run) {
        rc = write_output(q, &told, err);
        if (rc < 0)
            return rc;
        say_warnings(q, told);
        quantize_say_errors(q);
        rc = quantize_eval(q, err);
        if (rc < 0)
            return rc;
    } else {
        rc = sov_lineage_check(&q->lineage, err);
        if (rc == 0)
            rc = quantize_cost(q, err);
        if (rc == 0)
            rc = quantize_plan_open(q, err);
        if (rc == 0)
            rc = quantize_plan_write(q, err);
        if (rc < 0)
            return rc;
    }
    q->seconds = sov_seconds() - start;
    return quantize_report(q, err);
}

static int
run(int argc, char **argv, struct sov_err *err)
{
    struct quantize q = { .source = argv[0] };
    int rc = quantize(&q, err);

    (void)argc;
    sov_lineage_end(&q.lineage);
    sov_target_free(&q.target);
    sov_kept_end(&q.kept);
    quantize_carry_end(&q);
    sov_quant_free(q.job);
    sov_export_free(q.folder);
    sov_model_close(q.model);
    sov_stats_close(q.stats);
    sov_adapters_close(&q.adapters);
    free(q.rule);
    free(q.pattern);
    quantize_settings_free(&q);
    quantize_eval_end(&q);
    quantize_allot_end(&q);
    quantize_calib_free(&q);
    free(q.input);
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
                  SOV_COMMON_PROGRESS | SOV_COMMON_COLOR | SOV_COMMON_RESUME,
        .opts = opts,
        .run = run,
    };

    return sov_tool_main(&tool, argc, argv);
}
