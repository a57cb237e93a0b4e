/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sov-distill - teach a smaller model
 *
 * Reads texts, trains a model on them, alone or beside a teacher, and writes
 * it in any type.  Exit status: 0 done and on the disk, 75 stopped by a signal
 * with all that was done kept, 64-78 other trouble.
 */
#include "distill/distill.h"

#include "cli/guard.h"
#include "cli/progress.h"
#include "cli/tool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct distill_options distill_options = {
    .alpha = 0.5,
    .temp = 1,
    .clip = 1,
    .outer_momentum = 0.9,
    .batch = 8,
    .accumulate = 1,
    .seed = 1,
    .type = "f16",
};

static const char *const dtypes[] = { "f32", "bf16", NULL };
static const char *const forms[] = { "auto",  "text",  "jsonl",
                                     "lines", "blank", NULL };
static const char *const twins[] = { "keep", "exact", "near", NULL };

/* "I/N" */
static int
read_worker(void *dest, const char *value, struct sov_err *err)
{
    uint64_t *to = dest;
    unsigned long long i, n;
    char end;

    if (value[0] < '0' || value[0] > '9' ||
        sscanf(value, "%9llu/%9llu%c", &i, &n, &end) != 2 || i < 1 || i > n)
        return sov_fail(err, SOV_EARG,
                        "--worker: '%s' is not I/N, number I of N", value);
    to[0] = i;
    to[1] = n;
    return 0;
}

static const struct sov_opt opts[] = {
    { .type = SOV_OPT_GROUP, .help = "What is trained" },
    { 0, "student", SOV_OPT_FILE, &distill_options.student, "MODEL",
      "go on with the weights of this model" },
    { 0, "arch", SOV_OPT_STRING, &distill_options.arch, "SPEC",
      "or begin a new one: llama,width=256,layers=6,heads=8,kv-heads=4,"
      "ffn=768,ctx=256,tied" },
    { 0, "tokenizer", SOV_OPT_FILE, &distill_options.tokenizer, "MODEL",
      "with the tokens of this model", .preset = "the teacher's" },
    { 0, "train-lora", SOV_OPT_STRING, &distill_options.lora, "r=N,alpha=A",
      "train an adapter for the student, which stays as it is: of rank N, "
      "taken times A / N; targets=q+v for some of q k v o gate up down" },
    { 0, "keep-mask", SOV_OPT_FLAG, &distill_options.keep_mask, NULL,
      "what is zero in the matrices of the student stays zero" },
    { 't', "type", SOV_OPT_STRING, &distill_options.type, "TYPE",
      "write it as f32 f16 bf16 q8_0 q4_k_m ..., as sov-quantize does" },
    { 0, "format", SOV_OPT_STRING, &distill_options.format, "NAME",
      "what to write, if the name of OUT does not say: gguf, safetensors, tar",
      .values = sov_target_formats },

    { .type = SOV_OPT_GROUP, .help = "By whom" },
    { 0, "teacher", SOV_OPT_FILE, &distill_options.teacher, "MODEL",
      "learn what this model expects, too" },
    { 0, "cache", SOV_OPT_FILE, &distill_options.cache, "FILE",
      "or what one said of the same text, which is faster" },
    { 0, "cache-out", SOV_OPT_FILE, &distill_options.cache_out, "FILE",
      "write that, and nothing else" },
    { 0, "draws", SOV_OPT_UINT, &distill_options.draws, "N",
      "keep N draws for each token there", .min = 1, .max = 120,
      .preset = "50" },
    { 0, "generate", SOV_OPT_UINT, &distill_options.generate, "N",
      "let the teacher make N texts, which go on from TEXT, to OUT", .min = 1,
      .max = 4294967296.0, .preset = "" },
    { 0, "generate-tokens", SOV_OPT_UINT, &distill_options.generate_tokens, "N",
      "of at most N tokens each", .min = 1, .max = 16777216,
      .preset = "what it can" },
    { 0, "loss", SOV_OPT_STRING, &distill_options.loss, "NAME",
      "what is made smaller: ce (the next token), fkl, rkl, jsd:B, sfkl:A, "
      "srkl:A",
      .preset = "ce; fkl with a teacher" },
    { 0, "alpha", SOV_OPT_FLOAT, &distill_options.alpha, "A",
      "share of the teacher's; the rest is cross-entropy", .min = 0, .max = 1 },
    { 0, "temp", SOV_OPT_FLOAT, &distill_options.temp, "T",
      "temperature of both", .min = 0.01, .max = 100 },
    { 0, "hidden", SOV_OPT_STRING, &distill_options.hidden, "PAIRS",
      "let layers see what layers of the teacher see: mse:1:3=7,5=11" },
    { 0, "on-policy", SOV_OPT_FLOAT, &distill_options.on_policy, "SHARE",
      "so much of what is read the student makes itself, for the teacher to "
      "judge",
      .min = 0, .max = 1, .preset = "" },

    { .type = SOV_OPT_GROUP, .help = "How" },
    { 0, "optimizer", SOV_OPT_STRING, &distill_options.optimizer, "NAME",
      "adamw, or muon for the matrices", .preset = "adamw" },
    { 0, "lr", SOV_OPT_FLOAT, &distill_options.lr, "X", "learning rate",
      .min = 1e-12, .max = 10, .preset = "the optimizer's" },
    { 0, "clip", SOV_OPT_FLOAT, &distill_options.clip, "X",
      "make gradients shorter that are longer than X; 0: none", .min = 0,
      .max = 1e9 },
    { 0, "schedule", SOV_OPT_STRING, &distill_options.schedule, "NAME",
      "of the rate: cosine, wsd:SHARE (constant, the last SHARE falling), "
      "constant",
      .preset = "cosine" },
    { 0, "warmup", SOV_OPT_UINT, &distill_options.warmup, "N",
      "let the rate grow for N steps", .min = 0, .max = 16777216,
      .preset = "a hundredth of all", .given = &distill_options.warmup_given },
    { 0, "dtype", SOV_OPT_ENUM, &distill_options.dtype, "TYPE",
      "multiply in f32, or in bf16, which is faster; weights are f32",
      .values = dtypes },
    { 0, "ctx", SOV_OPT_UINT, &distill_options.ctx, "N", "tokens of a sequence",
      .min = 2, .max = 16777216,
      .preset = "what the student reads, 512 at most" },
    { 0, "batch", SOV_OPT_UINT, &distill_options.batch, "N",
      "sequences of a step", .min = 1, .max = 1048576 },
    { 0, "accumulate", SOV_OPT_UINT, &distill_options.accumulate, "N",
      "... times N", .min = 1, .max = 1048576 },
    { 0, "steps", SOV_OPT_UINT, &distill_options.steps, "N", "do N steps",
      .min = 1, .max = 16777216, .preset = "read the text once" },
    { 0, "tokens", SOV_OPT_SIZE, &distill_options.tokens, "N",
      "or as many as read N tokens (20M)", .min = 1, .max = INFINITY,
      .preset = "" },
    { 0, "seed", SOV_OPT_UINT, &distill_options.seed, "N",
      "start the random numbers at N" },

    { .type = SOV_OPT_GROUP, .help = "Apart" },
    { 0, "local-steps", SOV_OPT_UINT, &distill_options.local_steps, "N",
      "over a slow link: each process does N steps of its own, then all meet",
      .min = 1, .max = 16777216, .preset = "all share each step" },
    { 0, "outer-lr", SOV_OPT_FLOAT, &distill_options.outer_lr, "X",
      "rate of the step that they do together", .min = 1e-6, .max = 10,
      .preset = "0.7; 1 with --merge" },
    { 0, "outer-momentum", SOV_OPT_FLOAT, &distill_options.outer_momentum, "X",
      "... and its momentum", .min = 0, .max = 0.9999,
      .given = &distill_options.outer_momentum_given },
    { 0, "delta-out", SOV_OPT_FILE, &distill_options.delta_out, "FILE",
      "without a link: write what training has moved" },
    { 0, "merge", SOV_OPT_FLAG, &distill_options.merge, NULL,
      "the operands are such files: write the model, moved by their mean" },
    { 0, "worker", SOV_OPT_CALL, &distill_options.worker, "I/N",
      "say in FILE that it is number I of N", .call = read_worker,
      .given = &distill_options.worker_given },
    { 0, "mask", SOV_OPT_FILE, &distill_options.mask, "KEY",
      "hide what is in FILE from who merges, with this secret key" },
    { 0, "silo", SOV_OPT_LIST, &distill_options.silo, "PUB",
      "public key of who takes part, in the same order everywhere" },

    { .type = SOV_OPT_GROUP, .help = "Texts" },
    { 0, "documents", SOV_OPT_ENUM, &distill_options.form, "FORM",
      "what a document is: auto (a file; of .jsonl, each line's \"text\"), "
      "text, jsonl, lines, blank (parted by blank lines)",
      .values = forms },
    { 0, "twins", SOV_OPT_ENUM, &distill_options.twins, "WHAT",
      "of documents that are equal: keep all, or one of exact, or of near, "
      "twins",
      .values = twins },
    { 0, "filter", SOV_OPT_FLAG, &distill_options.filter, NULL,
      "leave out what is no good text" },
    { 0, "rules", SOV_OPT_STRING, &distill_options.rules, "LIMITS",
      "with limits of your own: words=50,letters=0.6" },
    { 0, "sieved", SOV_OPT_FILE, &distill_options.sieved, "FILE",
      "write what was left out, and why; as JSON, if FILE ends in .json" },

    { .type = SOV_OPT_GROUP, .help = "Going on" },
    { 0, "checkpoint", SOV_OPT_FILE, &distill_options.checkpoint, "DIR",
      "keep what was done in DIR, from time to time and when stopped" },
    { 0, "every", SOV_OPT_UINT, &distill_options.every, "N",
      "do that, and read --eval, every N steps", .min = 1, .max = 16777216,
      .preset = "at the end" },
    { 0, "resume", SOV_OPT_FLAG, &distill_options.resume, NULL,
      "go on from what is kept there, if anything is" },
    { 0, "best", SOV_OPT_FLAG, &distill_options.best, NULL,
      "write the model that read --eval best, not the last one" },

    { .type = SOV_OPT_GROUP, .help = "Watching" },
    { 0, "eval", SOV_OPT_FILE, &distill_options.eval, "TEXT",
      "print how well a text is foretold that is not trained on" },
    { 0, "log", SOV_OPT_FILE, &distill_options.log, "FILE",
      "add a line of JSON to FILE for each step" },
    { 0, "plot", SOV_OPT_FILE, &distill_options.plot, "FILE",
      "draw the loss, as SVG" },
    SOV_LINEAGE_ROWS,
    { 0 },
};

/* ---- the parts of a run ---- */

static void
warn(void *arg, const char *line)
{
    (void)arg;
    sov_warn("%s", line);
}

void
distill_fill(const struct distill *q, struct sov_distill_opts *opt)
{
    const struct distill_options *o = &distill_options;

    *opt = (struct sov_distill_opts){
        .text = q->text,
        .n_texts = q->n_texts,
        .form = (enum sov_text_form)o->form,
        .twins = (enum sov_text_twins)o->twins,
        .filter = o->filter,
        .rules = o->rules,
        .eval = o->eval,
        .student = q->model[DISTILL_STUDENT],
        .arch = o->arch,
        .tokenizer = q->model[DISTILL_TOKENIZER],
        .teacher = q->model[DISTILL_TEACHER],
        .cache = o->cache,
        .draws = o->draws,
        .loss = o->loss,
        .alpha = o->alpha,
        .temp = o->temp,
        .hidden = o->hidden,
        .on_policy = o->on_policy,
        .optimizer = o->optimizer,
        .lr = o->lr,
        .clip = o->clip,
        .schedule = o->schedule,
        .warmup = o->warmup,
        .warmup_given = o->warmup_given,
        .dtype = (enum sov_train_dtype)o->dtype,
        .ctx = o->ctx,
        .batch = o->batch,
        .accumulate = o->accumulate,
        .steps = o->steps,
        .tokens = o->tokens,
        .local_steps = o->local_steps,
        .outer_lr = o->outer_lr,
        .outer_momentum = o->outer_momentum,
        .delta = o->delta_out != NULL,
        .most = strcmp(o->type, "f16") == 0 && o->lora == NULL ? 65504 : 0,
        .lora = o->lora,
        .lora_type = distill_lora_type(),
        .keep_mask = o->keep_mask,
        .seed = o->seed,
        .checkpoint = o->checkpoint,
        .resume = o->resume,
        .force = sov_common.force,
        .dry_run = sov_common.dry_run,
        .best = o->best,
        .every = o->every,
        .max_memory = sov_common.max_memory,
        .stop = &sov_guard_stopped,
        .step = distill_log_step,
        .word = warn,
        .arg = (void *)(uintptr_t)q,
        .progress = sov_progress_update,
    };
}

static int
make_run(struct distill *q, struct sov_err *err)
{
    struct sov_distill_opts opt;
    int rc = distill_hash_texts(q, err);

    distill_fill(q, &opt);
    if (rc == 0 && q->lineage.key != NULL)
        rc = sov_effort_begin(&q->effort, err);
    if (rc == 0)
        rc = sov_distill_new(&q->run, &opt, err);
    if (rc == 0)
        sov_distill_facts(q->run, &q->facts);
    return rc;
}

/* The metadata of the output has its history. */
static int
edit(void *arg, sov_meta *meta, struct sov_err *err)
{
    struct distill *q = arg;

    return strcmp(q->target.format->form, "gguf") == 0
               ? sov_lineage_embed(&q->lineage, meta, err)
               : 0;
}

/* What comes out, in the type that was asked for: its size is known now. */
int
distill_make_job(struct distill *q, struct sov_err *err)
{
    struct sov_quant_opts opt = {
        .type = distill_options.lora != NULL ? "copy" : distill_options.type,
        .edit = edit,
        .edit_arg = q,
    };
    const char *line;
    int rc;

    if (q->target.format->folder != NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "a folder is made by sov-quantize -t copy, of the "
                        "model that this makes");
    sov_target_layout(&q->target, &opt.layout);
    opt.layout.align = (uint32_t)sov_common.align;
    rc = sov_quant_new(&q->job, sov_distill_model(q->run), &opt, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; (line = sov_quant_warning(q->job, i)) != NULL; i++)
        sov_warn("%s", line);
    return 0;
}

/* What was left out of the texts, and why. */
static int
write_sieved(struct distill *q, struct sov_err *err)
{
    const struct sov_sink_opts so = {
        .force = sov_common.force,
        .inputs = q->input,
        .n_inputs = q->n_inputs,
    };
    const char *path = distill_options.sieved, *text;
    size_t len = path != NULL ? strlen(path) : 0;
    bool json = len > 5 && strcmp(path + len - 5, ".json") == 0;
    int rc;

    if (path == NULL)
        return 0;
    text = sov_distill_sieved(q->run, json);
    rc = sov_sink_open(&q->sieved, path, &so, err);
    if (rc == 0)
        rc = sov_sink_write(q->sieved, text, strlen(text), err);
    if (rc == 0)
        rc = sov_sink_commit(&q->sieved, err);
    return rc < 0 ? sov_err_wrap(err, "--sieved") : 0;
}

int
distill_open_model(struct distill *q, struct sov_err *err)
{
    const sov_plan *plan = sov_quant_plan(q->job);
    int rc = sov_target_open(&q->target, plan, q->input, q->n_inputs, err);

    return rc == 0 ? sov_lineage_output(&q->lineage, plan, &q->target, err)
                   : rc;
}

/* Whatever cannot be written is told before the work. */
static int
open_outputs(struct distill *q, struct sov_err *err)
{
    int rc = q->job != NULL ? distill_open_model(q, err) : 0;

    if (rc == 0)
        rc = distill_delta_open(q, err);
    if (rc == 0)
        rc = distill_log_open(q, err);
    if (rc == 0)
        rc = distill_plot_open(q, err);
    return rc == 0 ? write_sieved(q, err) : rc;
}

/* A signal ends it after the present step, and what was done is kept. */
static int
train(struct distill *q, struct sov_err *err)
{
    const char *dir = distill_options.checkpoint;
    int rc;

    if (dir != NULL)
        sov_guard_stop(true);
    sov_progress_begin("steps");
    rc = sov_distill_run(q->run, err);
    sov_progress_end();
    sov_guard_stop(false);
    if (rc <= 0)
        return rc;
    return distill_stopped(dir, " with --resume", err);
}

/* The model, its index, its claims: together, or one after the other. */
int
distill_write_model(struct distill *q, struct sov_err *err)
{
    int rc;

    sov_progress_begin("B");
    rc = sov_quant_run(q->job, q->target.sink, err);
    sov_progress_end();
    if (rc == 0)
        rc = sov_lineage_check(&q->lineage, err);
    if (rc == 0)
        rc = distill_claim(q, err);
    if (rc == 0)
        rc = sov_lineage_give(&q->lineage, &q->target, err);
    if (rc == 0)
        rc = sov_target_commit(&q->target, err);
    return rc == 0 ? sov_lineage_commit(&q->lineage, err) : rc;
}

/* The one that writes. */
static int
first_process(struct distill *q, struct sov_err *err)
{
    bool model = sov_common.output != NULL || sov_common.dry_run;
    int rc = model ? distill_make_job(q, err) : 0;

    if (rc == 0 && sov_common.dry_run)
        return sov_distill_measure(q->run, &q->step_seconds, err);
    if (rc == 0)
        rc = open_outputs(q, err);
    rc = sov_distill_agree(q->run, rc, err);
    if (rc == 0)
        rc = train(q, err);
    if (rc == 0)
        rc = distill_plot_write(q, err);
    if (rc == 0)
        rc = distill_delta_write(q, err);
    return rc == 0 && model ? distill_write_model(q, err) : rc;
}

static int
other_process(struct distill *q, struct sov_err *err)
{
    int rc;

    if (sov_common.dry_run)
        return 0;
    rc = sov_distill_agree(q->run, 0, err);
    return rc == 0 ? train(q, err) : rc;
}

static int
distill(struct distill *q, struct sov_err *err)
{
    double start = sov_seconds();
    int rc = distill_check(q, err);

    if (rc == 0 && distill_alone())
        return distill_options.cache_out != NULL ? distill_foretell(q, err)
                                                 : distill_generate(q, err);
    if (rc == 0)
        rc = sov_target_choose(&q->target, distill_options.format, err);
    if (rc == 0)
        rc = distill_open_models(q, err);
    if (rc == 0)
        rc = distill_list_inputs(q, err);
    if (rc == 0 && distill_options.merge)
        return distill_merge(q, err);
    if (rc == 0)
        rc = distill_delta_keys(q, err);
    if (rc == 0)
        rc = make_run(q, err);
    if (rc == 0)
        rc = q->facts.process == 0 ? first_process(q, err)
                                   : other_process(q, err);
    q->seconds = sov_seconds() - start;
    return rc == 0 && q->facts.process == 0 ? distill_report(q, err) : rc;
}

static int
run(int argc, char **argv, struct sov_err *err)
{
    struct distill q = {
        .text = (const char *const *)argv,
        .n_texts = (size_t)argc,
    };
    int rc = distill(&q, err);

    sov_lineage_end(&q.lineage);
    sov_effort_end(&q.effort);
    sov_target_free(&q.target);
    sov_sink_abort(q.plot);
    distill_delta_free(&q);
    sov_sink_abort(q.sieved);
    sov_append_close(q.log);
    sov_quant_free(q.job);
    sov_distill_free(q.run);
    distill_close_models(&q);
    free(q.text_is);
    return rc;
}

int
main(int argc, char **argv)
{
    static const struct sov_tool tool = {
        .name = "sov-distill",
        .summary = "teach a smaller model",
        .operands = "TEXT...",
        .min_operands = 0,
        .max_operands = -1,
        .common = SOV_COMMON_FILE | SOV_COMMON_ALIGN | SOV_COMMON_THREADS |
                  SOV_COMMON_MEMORY | SOV_COMMON_DRY_RUN | SOV_COMMON_JSON |
                  SOV_COMMON_PROGRESS | SOV_COMMON_COLOR,
        .opts = opts,
        .run = run,
    };

    return sov_tool_main(&tool, argc, argv);
}
