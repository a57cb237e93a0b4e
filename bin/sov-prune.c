/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sov-prune - take weights out
 *
 * Reads a model in any form and writes it with fewer weights.  Exit status:
 * 0 done and on the disk, 1 that is worse than --require-better asks, 64-78
 * trouble.
 */
#include "prune/prune.h"

#include "cli/names.h"
#include "cli/progress.h"
#include "cli/tool.h"

#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct prune_options prune_options;

static const char *method_names[32]; /* as the library has them */

static const struct sov_opt opts[] = {
    { 0, "method", SOV_OPT_STRING, &prune_options.method, "NAME",
      "how weights are chosen: magnitude (the smallest go), wanda (those that "
      "meet small inputs), sparsegpt (those that others make up for), alps "
      "(those, looked for longer); or what goes as a whole: layers, influence "
      "(layers, by less work), ffn, heads, width (both), hidden, rotate (the "
      "width of the stream), vocab, experts",
      .values = method_names, .preset = "wanda with --stats or --calib" },
    { 0, "ratio", SOV_OPT_FLOAT, &prune_options.ratio, "R",
      "so much of every row goes, or of the layers, channels, heads or experts "
      "that the method takes; 0 to 1",
      .min = 0, .max = 1, .preset = "", .given = &prune_options.ratio_given },
    { 0, "target-size", SOV_OPT_SIZE, &prune_options.target_size, "SIZE",
      "so much of these goes that the output has at most SIZE", .min = 1,
      .max = INFINITY, .preset = "" },
    { 0, "speedup", SOV_OPT_FLOAT, &prune_options.speedup, "X",
      "so much of these goes that X times as many tokens are made in a second, "
      "as far as that is bound by the bytes of weights",
      .min = 1, .max = 1000, .preset = "" },
    { 0, "pattern", SOV_OPT_STRING, &prune_options.pattern, "N:M",
      "keep N of each M weights side by side: 2:4, 32:64; 16x32:64: the same "
      "ones in 16 rows; unstructured: anywhere in a row" },
    { 0, "tensor-ratio", SOV_OPT_LIST, &prune_options.tensor_ratios, "PAT=WHAT",
      "take another ratio or pattern from matrices whose name matches the "
      "shell pattern; keep: nothing" },
    { 0, "stats", SOV_OPT_FILE, &prune_options.stats, "FILE",
      "what enters the matrices, as an importance matrix that llama-imatrix or "
      "sov-quantize --stats-out has made" },
    { 0, "calib", SOV_OPT_FILE, &prune_options.calib, "TEXT",
      "let the model read this text to see what enters its matrices" },
    { 0, "calib-tokens", SOV_OPT_UINT, &prune_options.calib_tokens, "N",
      "read at most so many tokens of it", .min = 1, .max = INFINITY,
      .preset = "32768" },
    { 0, "heal", SOV_OPT_FLAG, &prune_options.heal, NULL,
      "let the weights that stay make up for those that go; where layers, "
      "heads or the like go, that is --heal-steps 200" },
    { 0, "joint-bits", SOV_OPT_UINT, &prune_options.joint_bits, "BITS",
      "round what stays to 4 or 8 bits, as it can be packed, and let the rest "
      "make up for that, too",
      .min = 4, .max = 8, .preset = "" },
    { 0, "dsnot", SOV_OPT_FLAG, &prune_options.dsnot, NULL,
      "swap weights that go as long as rows lack less on average" },
    { 0, "owl", SOV_OPT_FLAG, &prune_options.owl, NULL,
      "take less from layers that have more outliers" },
    { 0, "plan", SOV_OPT_FILE, &prune_options.plan, "FILE",
      "take from every matrix what this plan says" },
    { 0, "plan-out", SOV_OPT_FILE, &prune_options.plan_out, "FILE",
      "write the plan: what every matrix loses, to be read and changed" },
    { 0, "heal-steps", SOV_OPT_UINT, &prune_options.heal_steps, "N",
      "then train what is left for N steps to expect what the model expected",
      .min = 1, .max = 16777216, .preset = "" },
    { 0, "heal-text", SOV_OPT_FILE, &prune_options.heal_text, "TEXT",
      "on this text", .preset = "that of --calib" },
    { 0, "heal-lr", SOV_OPT_FLOAT, &prune_options.heal_lr, "X",
      "with this learning rate", .min = 1e-12, .max = 10,
      .preset = "0.0001; 0.001 where shapes are others" },
    { 0, "compare", SOV_OPT_FILE, &prune_options.compare, "TEXT",
      "read TEXT with the output, the model that it was made from, and the "
      "same quantized to as many bytes" },
    { 0, "require-better", SOV_OPT_FLAG, &prune_options.require_better, NULL,
      "exit 1 if the quantized one is better" },
    { 0, "pack", SOV_OPT_FLAG, &prune_options.pack, NULL,
      "write matrices that were pruned to half or less in fewer bytes, for "
      "sov-run alone; without a method, of a model that was pruned before" },
    { 0, "pack-bits", SOV_OPT_UINT, &prune_options.pack_bits, "BITS",
      "round what is packed to 4 or 8 bits", .min = 4, .max = 8,
      .preset = "4, or as --joint-bits" },
    { 0, "unpack", SOV_OPT_FLAG, &prune_options.unpack, NULL,
      "the way back: packed matrices as half floats, exactly" },
    { 0, "format", SOV_OPT_STRING, &prune_options.format, "NAME",
      "what to write, if the name of OUT does not say: gguf, safetensors, tar",
      .values = sov_target_formats },
    SOV_LINEAGE_ROWS,
    { 0 },
};

/* ---- getting ready ---- */

static int
open_model(struct prune *p, struct sov_err *err)
{
    const struct prune_options *o = &prune_options;
    bool shapes = p->method != NULL && sov_prune_method_shapes(p->method);
    bool map = prune_looks_first() || shapes || o->heal_steps > 0 ||
               o->compare != NULL || (o->pack && o->pattern == NULL);
    struct sov_model_opts opt = {
        .access = map ? SOV_ACCESS_MAP : SOV_ACCESS_STREAM,
        .progress = sov_progress_update,
    };
    int rc;

    sov_lineage_opts(&p->lineage, &opt);
    rc = sov_model_open_with(&p->model, p->source, &opt, err);
    if (rc < 0)
        return sov_lineage_refuse(&p->lineage, rc, err);
    sov_tool_warnings(p->model, sov_name_in(p->source), true);
    rc = sov_lineage_input(&p->lineage, p->model, err);
    return rc == 0 ? sov_lineage_also(&p->lineage, o->stats, err) : rc;
}

static int
choose_target(struct prune *p, struct sov_err *err)
{
    int rc = sov_target_choose(&p->target, prune_options.format, err);

    if (rc == 0 && p->target.format->folder != NULL)
        rc = sov_fail(err, SOV_EARG,
                      "no Hugging Face folder is written here; make a file, "
                      "and then sov-quantize -t copy --format huggingface");
    if (rc == 0 && prune_options.pack &&
        strcmp(p->target.format->form, "gguf") != 0)
        rc = sov_fail(err, SOV_EARG,
                      "--pack: a safetensors file cannot hold packed matrices");
    return rc;
}

/* The metadata of the output: as it was, and its history. */
int
prune_edit(void *arg, sov_meta *meta, struct sov_err *err)
{
    struct prune *p = arg;

    return strcmp(p->target.format->form, "gguf") == 0
               ? sov_lineage_embed(&p->lineage, meta, err)
               : 0;
}

void
prune_layout(const struct prune *p, struct sov_layout *layout)
{
    uint64_t align = sov_common.align, own;

    if (!sov_common.align_given &&
        sov_meta_u64(sov_model_meta(p->model), "general.alignment", &own,
                     NULL) == 0 &&
        own >= 8)
        align = own;
    sov_target_layout(&p->target, layout);
    layout->align = (uint32_t)align;
}

static int
calibrate(struct prune *p, struct sov_err *err)
{
    int rc;

    if (!prune_looks_first())
        return 0;
    sov_progress_begin("tokens");
    rc = sov_prune_calibrate(p->job, err);
    sov_progress_end();
    return rc < 0 ? sov_err_wrap(err, "%s", sov_name_in(p->source)) : 0;
}

/* Seconds that are worth a word before they are spent. */
#define LONG 20

static void
note_cost(const struct prune *p, double seconds)
{
    char memory[16], scratch[16];

    if (sov_common.dry_run || seconds <= 0 ||
        (seconds < LONG && sov_common.verbose == 0))
        return;
    sov_note(0,
             "%s: this will take about %.0f %s, %s of memory and %s of "
             "temporary files",
             sov_name_in(p->source), seconds < 120 ? seconds : seconds / 60,
             seconds < 120 ? "seconds" : "minutes",
             sov_progress_bytes(memory, p->cost.memory),
             sov_progress_bytes(scratch, p->cost.scratch));
}

/* What is to come.  Of methods of shapes twice: before the text is read, and
 * once it is known what will be healed. */
static int
say_cost(struct prune *p, struct sov_err *err)
{
    bool again = p->expected > 0;
    uint64_t memory = sov_memory_resident();
    double seconds = 0;
    int rc = 0;

    if (sov_common.quiet && !sov_common.json && !sov_common.dry_run)
        return 0;
    if (p->calib.opts.ids != NULL && !again)
        rc = sov_prune_cost(p->job, &p->cost, err);
    if (rc < 0)
        return sov_err_wrap(err, "%s", sov_name_in(p->source));
    if (!again)
        seconds = p->cost.seconds + p->cost.write;
    rc = prune_heal_cost(p, memory, err);
    if (rc < 0)
        return rc;
    seconds += p->heal_seconds;
    if (!again && seconds > 0)
        p->expected = sov_seconds() - p->start;
    p->expected += seconds;
    note_cost(p, seconds);
    return 0;
}

static int
make_job(struct prune *p, struct sov_err *err)
{
    const struct prune_options *o = &prune_options;
    struct sov_prune_opts opt = {
        .method = p->method,
        .ratio = o->ratio_given ? o->ratio : NAN,
        .target = p->packs ? 0 : o->target_size,
        .patterned = o->pattern != NULL || (p->packs && o->target_size > 0),
        .pattern = p->pattern,
        .sheet = p->sheet,
        .heal = o->heal,
        .joint_bits = (int)o->joint_bits,
        .dsnot = o->dsnot,
        .owl = o->owl,
        .pack_bits = p->packs ? 0 : prune_pack_bits(),
        .unpack = o->unpack,
        .rule = p->rule,
        .n_rules = o->tensor_ratios.n,
        .stats = p->stats,
        .calib = o->calib != NULL ? &p->calib.opts : NULL,
        .max_memory = sov_common.max_memory,
        /* who goes on may ask for what this run does not tell */
        .measure =
            sov_common.json || sov_common.verbose > 0 || sov_common.resume,
        .edit = prune_edit,
        .edit_arg = p,
        .progress = sov_progress_update,
    };
    int rc;

    prune_layout(p, &opt.layout);
    rc = prune_speed_target(p, &opt.layout, &opt.target, err);
    if (o->heal_steps > 0 || p->packs) { /* not yet what is written */
        opt.edit = NULL;
        opt.layout = (struct sov_layout){ .align = opt.layout.align };
    }
    if (rc == 0)
        rc = sov_prune_new(&p->job, p->model, &opt, err);
    if (rc < 0 && rc != SOV_EARG)
        sov_err_wrap(err, "%s", sov_name_in(p->source));
    if (rc == 0 && sov_prune_plan(p->job) == NULL) { /* the text says it */
        rc = say_cost(p, err);
        if (rc == 0)
            rc = calibrate(p, err);
    }
    if (rc == 0)
        rc = sov_target_check(&p->target, sov_prune_plan(p->job), err);
    return rc;
}

static int
prepare(struct prune *p, struct sov_err *err)
{
    const struct prune_options *o = &prune_options;
    int rc = prune_check(p, err);

    if (rc == 0)
        rc = choose_target(p, err);
    if (rc == 0)
        rc = prune_heal_check(p, err);
    if (rc == 0)
        rc = prune_compare_begin(p, err);
    if (rc == 0)
        rc = prune_rules(p, err);
    if (rc == 0)
        rc = prune_plan_read(p, err);
    if (rc == 0 && o->stats != NULL)
        rc = sov_stats_open(&p->stats, o->stats, err);
    if (rc == 0)
        rc = sov_lineage_begin(&p->lineage, p->source, p->target.packed, err);
    if (rc == 0)
        rc = open_model(p, err);
    if (rc == 0 && o->calib != NULL)
        rc = sov_reading_take(&p->calib, o->calib, o->calib_tokens, p->model,
                              p->source, err);
    if (rc == 0)
        rc = prune_compare_model(p, err);
    if (rc == 0)
        rc = prune_pack_plan(p, err);
    return rc == 0 ? make_job(p, err) : rc;
}

/* All files that were read: none may be an output, and make shall know. */
static int
list_inputs(struct prune *p, struct sov_err *err)
{
    const struct prune_options *o = &prune_options;
    const char *const *files = NULL;
    size_t n = sov_model_files(p->model, &files);

    p->input = calloc(n + 8, sizeof(*p->input));
    if (p->input == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        p->input[p->n_inputs++] = files[i];
    if (o->stats != NULL)
        p->input[p->n_inputs++] = o->stats;
    if (o->plan != NULL)
        p->input[p->n_inputs++] = o->plan;
    if (o->calib != NULL)
        p->input[p->n_inputs++] = o->calib;
    if (o->heal_text != NULL)
        p->input[p->n_inputs++] = o->heal_text;
    if (o->compare != NULL)
        p->input[p->n_inputs++] = o->compare;
    p->n_inputs += sov_lineage_inputs(&p->lineage, &p->input[p->n_inputs]);
    return 0;
}

/* ---- doing it ---- */

static void
say_warnings(const struct prune *p, size_t *told)
{
    const char *line;

    for (; (line = sov_prune_warning(p->job, *told)) != NULL; ++*told)
        sov_warn("%s: %s", sov_name_in(p->source), line);
}

/* What people should know about the output. */
static void
warn_output(const struct prune *p)
{
    const sov_meta *meta = sov_plan_meta_of(sov_prune_plan(p->job));

    if (strcmp(p->target.format->form, "gguf") != 0 &&
        sov_meta_find(meta, "general.architecture") != NULL)
        sov_warn("%s: a safetensors file holds the tensors alone, without "
                 "metadata and tokenizer",
                 sov_name_in(p->source));
}

static int
commit_output(struct prune *p, struct sov_err *err)
{
    int rc = sov_lineage_give(&p->lineage, &p->target, err);

    sov_stale_begin(&p->stale, &p->target);
    if (rc == 0)
        rc = sov_target_commit(&p->target, err);
    if (rc == 0)
        rc = sov_lineage_commit(&p->lineage, err);
    if (rc == 0)
        sov_stale_say(&p->stale, p->lineage.key != NULL, false);
    return rc;
}

int
prune_open_output(struct prune *p, const sov_plan *plan, struct sov_err *err)
{
    int rc;

    p->written = plan;
    p->target.sides_first =
        p->lineage.key != NULL && strcmp(sov_common.output, "-") != 0;
    rc = sov_target_open(&p->target, plan, p->input, p->n_inputs, err);
    return rc == 0 ? sov_lineage_output(&p->lineage, plan, &p->target, err)
                   : rc;
}

/* What an earlier run has left, and what to do if this one leaves something. */
static int
resume(struct prune *p, size_t *told, struct sov_err *err)
{
    const char *part = sov_sink_part(p->target.sink[0]), *line;
    int rc;

    if (!sov_common.resume)
        return 0;
    sov_progress_begin("B");
    rc = sov_prune_resume(p->job, p->target.sink, err);
    sov_progress_end();
    for (; (line = sov_prune_warning(p->job, *told)) != NULL; ++*told)
        sov_warn("%s", line);
    if (rc < 0)
        return rc;
    return sov_kept_begin(&p->kept, part, sov_prune_kept(p->job),
                          sov_plan_bytes(sov_prune_plan(p->job)), err);
}

/* With healing and packing it is known only behind that what is written. */
static int
fill_output(struct prune *p, size_t *told, struct sov_err *err)
{
    bool heals = prune_options.heal_steps > 0;
    int rc = 0;

    if (!heals && !p->packs) {
        rc = prune_open_output(p, sov_prune_plan(p->job), err);
        if (rc == 0)
            rc = resume(p, told, err);
    }
    if (rc == 0)
        rc = calibrate(p, err);
    if (rc == 0 && heals)
        rc = prune_heal(p, err);
    else if (rc == 0 && p->packs)
        rc = prune_pack_take(p, sov_prune_plan(p->job), prune_write, p->job,
                             err);
    else if (rc == 0)
        rc = prune_write(p->job, p->target.sink, err);
    return rc == 0 && p->packs ? prune_pack(p, err) : rc;
}

static int
write_output(struct prune *p, size_t *told, struct sov_err *err)
{
    int rc = prune_plan_open(p, err);

    if (rc == 0)
        rc = sov_lineage_check_first(&p->lineage, err);
    if (rc < 0)
        return rc;
    rc = fill_output(p, told, err);
    if (rc < 0)
        rc = sov_lineage_refuse(&p->lineage, rc, err);
    if (rc == 0)
        rc = sov_lineage_check(&p->lineage, err);
    if (rc == 0 && p->stats != NULL)
        rc = sov_stats_finish(p->stats, err);
    if (rc == 0)
        rc = prune_claim(p, err);
    if (rc == 0) /* if it cannot be written there is no output either */
        rc = prune_plan_write(p, err);
    return rc == 0 ? commit_output(p, err) : rc;
}

static int
prune(struct prune *p, struct sov_err *err)
{
    size_t told = 0;
    int rc = prepare(p, err);

    if (rc < 0)
        return rc;
    warn_output(p);
    say_warnings(p, &told);
    rc = list_inputs(p, err);
    if (rc == 0)
        rc = say_cost(p, err);
    if (rc == 0 && !sov_common.dry_run) {
        rc = write_output(p, &told, err);
        if (rc == 0) {
            say_warnings(p, &told);
            prune_say(p);
            rc = prune_compare(p, err);
        }
    } else if (rc == 0) {
        rc = sov_lineage_check(&p->lineage, err);
        if (rc == 0)
            rc = prune_plan_open(p, err);
        if (rc == 0)
            rc = prune_plan_write(p, err);
    }
    p->seconds = sov_seconds() - p->start;
    if (rc == 0)
        rc = prune_report(p, err);
    return rc == 0 ? prune_compare_verdict(p, err) : rc;
}

static int
run(int argc, char **argv, struct sov_err *err)
{
    struct prune p = { .source = argv[0], .start = sov_seconds() };
    int rc = prune(&p, err);

    (void)argc;
    sov_lineage_end(&p.lineage);
    prune_compare_end(&p);
    prune_pack_end(&p);
    prune_fit_end(&p);
    prune_heal_end(&p);
    sov_target_free(&p.target);
    sov_kept_end(&p.kept);
    sov_sink_abort(p.plan_sink);
    sov_prune_free(p.job);
    sov_prune_sheet_free(p.sheet);
    sov_model_close(p.model);
    sov_stats_close(p.stats);
    sov_reading_free(&p.calib);
    free(p.rule);
    free(p.names);
    free(p.input);
    return rc;
}

/* Bytes that the system is asked for alone. */
#define LARGE (4 << 20)

int
main(int argc, char **argv)
{
    static const struct sov_tool tool = {
        .name = "sov-prune",
        .summary = "fewer weights",
        .operands = "MODEL",
        .min_operands = 1,
        .max_operands = 1,
        .common = SOV_COMMON_FILE | SOV_COMMON_ALIGN | SOV_COMMON_THREADS |
                  SOV_COMMON_MEMORY | SOV_COMMON_DRY_RUN | SOV_COMMON_JSON |
                  SOV_COMMON_PROGRESS | SOV_COMMON_COLOR | SOV_COMMON_RESUME,
        .opts = opts,
        .run = run,
    };

    for (size_t i = 0; i + 1 < sizeof(method_names) / sizeof(*method_names);
         i++)
        method_names[i] = sov_prune_method_name(i);
    /* moments come and go, in all sizes: what is given back shall be gone */
    mallopt(M_MMAP_THRESHOLD, LARGE);
    return sov_tool_main(&tool, argc, argv);
}
