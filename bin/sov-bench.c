/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sov-bench - how fast, how good, and is it worse than yesterday?
 *
 * Exit status: 0 measured, 1 something became worse, 64-78 trouble.
 */
#include "bench/quality.h"

#include "cli/common.h"
#include "cli/password.h"
#include "cli/sandbox.h"
#include "cli/lineage.h"
#include "cli/tool.h"
#include "sov/machine.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct bench_options bench_options = { .start = true, .cold = true };

static const char *const locks[] = { "none", "fail", "wait", NULL };

static const struct sov_opt opts[] = {
    { .type = SOV_OPT_GROUP, .help = "Speed" },
    { 0, "prompt", SOV_OPT_CALL, &bench_options.prompt, "LIST",
      "read prompts of so many tokens; 0 is none", .call = bench_set_list,
      .preset = "512, less for large models" },
    { 0, "gen", SOV_OPT_CALL, &bench_options.gen, "LIST",
      "make so many tokens; 0 is none", .call = bench_set_list,
      .preset = "128, less for large models" },
    { 0, "depth", SOV_OPT_CALL, &bench_options.depth, "LIST",
      "when so many tokens were read before", .call = bench_set_list,
      .preset = "0" },
    { 0, "batch", SOV_OPT_CALL, &bench_options.batch, "LIST",
      "for so many sequences side by side", .call = bench_set_list,
      .preset = "1" },
    { 'j', "threads", SOV_OPT_CALL, &bench_options.threads, "LIST",
      "on so many threads", .call = bench_set_list, .preset = "all cores" },
    { 0, "kv", SOV_OPT_CALL, &bench_options.kv, "LIST",
      "with keys and values as f32, bf16, f16 or q8", .call = bench_set_kv,
      .preset = "q8; f32 with --precise" },
    { 0, "precise", SOV_OPT_FLAG, &bench_options.precise, NULL,
      "compute in f32 throughout" },
    { 0, "runs", SOV_OPT_UINT, &bench_options.runs, "N",
      "take N samples of each", .min = 1, .max = BENCH_RUNS_MAX,
      .preset = "6 to 20, by time" },
    { 0, "seconds", SOV_OPT_FLOAT, &bench_options.seconds, "N",
      "take samples for about N seconds", .min = 0.1, .max = 86400,
      .preset = "30" },

    { 0, "start", SOV_OPT_FLAG, &bench_options.start, NULL,
      "measure starting, loading, the first token and memory, too",
      .preset = "on" },
    { 0, "cold", SOV_OPT_FLAG, &bench_options.cold, NULL,
      "measure the first token with nothing of the model in memory, too",
      .preset = "on" },
    { 0, "require-energy", SOV_OPT_FLAG, &bench_options.require_energy, NULL,
      "fail where the processor does not tell what it takes" },

    { .type = SOV_OPT_GROUP, .help = "Beside others" },
    { 0, "vs", SOV_OPT_FILE, &bench_options.vs, "MODEL",
      "measure this model, too, by turns, and say how many times as fast the "
      "first one is" },
    { 0, "vs-tool", SOV_OPT_FILE, &bench_options.vs_tool, "PROGRAM",
      "measure with this build of sov-bench, too, by turns, and say how many "
      "times as fast this one is" },
    { 0, "turns", SOV_OPT_UINT, &bench_options.turns, "FD",
      "for --vs-tool: wait there for each turn", .min = 3, .max = 1023,
      .hidden = true },
    { 0, "history", SOV_OPT_FILE, &bench_options.history, "FILE",
      "add what was measured to FILE, as JSON lines" },
    { 0, "baseline", SOV_OPT_FILE, &bench_options.baseline, "FILE",
      "say what is better or worse than in FILE, a history" },
    { 0, "fail-above", SOV_OPT_CALL, &bench_options.fail_above, "PCT",
      "exit with 1 if anything is worse by more than PCT, beyond doubt",
      .call = bench_set_percent, .preset = "",
      .given = &bench_options.fail_above_given },
    { 0, "cross-host", SOV_OPT_FLAG, &bench_options.cross_host, NULL,
      "compare with other machines all the same" },

    { .type = SOV_OPT_GROUP,
      .help = "Quality; speed is then measured only "
              "where it is asked for" },
    { 0, "perplexity", SOV_OPT_FILE, &quality_options.perplexity, "TEXT",
      "how well the model foretells a text" },
    { 0, "kld", SOV_OPT_FILE, &quality_options.kld, "REFERENCE",
      "how far it is from another model, on --text; or from what "
      "llama-perplexity has kept of one" },
    { 0, "text", SOV_OPT_FILE, &quality_options.text, "TEXT",
      "... on this text" },
    { 0, "hellaswag", SOV_OPT_FILE, &quality_options.hellaswag, "FILE",
      "which ending makes sense, six lines a task" },
    { 0, "lambada", SOV_OPT_FILE, &quality_options.lambada, "FILE",
      "what is the last word, JSON lines" },
    { 0, "choice", SOV_OPT_LIST, &quality_options.choice, "FILE",
      "multiple choice, JSON lines of the common sets" },
    { 0, "limit", SOV_OPT_UINT, &quality_options.limit, "N",
      "the first N tasks of each file", .min = 1, .max = 16777216,
      .preset = "all" },
    { 0, "draw", SOV_OPT_UINT, &quality_options.draw, "N",
      "N tasks of each, drawn as llama-perplexity does", .min = 1,
      .max = 16777216, .preset = "" },
    { 0, "ctx", SOV_OPT_UINT, &quality_options.ctx, "N",
      "tokens of a window, or of context", .min = 3, .max = 16777216,
      .preset = "as the model has, up to 512" },

    { .type = SOV_OPT_GROUP, .help = "Choosing" },
    { 0, "advise", SOV_OPT_FLAG, &quality_options.advise, NULL,
      "which quantization of the model fits this machine" },
    { 0, "min-speed", SOV_OPT_FLOAT, &quality_options.min_speed, "TOK_S",
      "... and makes so many tokens a second", .min = 0.001, .max = 1e9,
      .preset = "" },
    { 0, "price", SOV_OPT_FLOAT, &quality_options.price, "PER_HOUR",
      "what tokens cost, if an hour of this machine costs so much", .min = 1e-9,
      .max = 1e12, .preset = "" },

    { .type = SOV_OPT_GROUP, .help = "Reports" },
    { 0, "html", SOV_OPT_FILE, &bench_options.out.html, "FILE",
      "write a report for a browser, one file with all that it needs" },
    { 0, "svg", SOV_OPT_FILE, &bench_options.out.svg, "FILE", "write charts" },
    { 0, "prom", SOV_OPT_FILE, &bench_options.out.prom, "FILE",
      "write metrics for Prometheus" },
    { 0, "junit", SOV_OPT_FILE, &bench_options.out.junit, "FILE",
      "write verdicts as test cases, JUnit XML" },
    { 0, "csv", SOV_OPT_FILE, &bench_options.out.csv, "FILE",
      "write a line of comma-separated values for each cell" },
    { 0, "md", SOV_OPT_FILE, &bench_options.out.md, "FILE",
      "write a table in Markdown" },

    { .type = SOV_OPT_GROUP, .help = "Claims" },
    { 0, "sign-key", SOV_OPT_FILE, &bench_options.sign_key, "FILE",
      "sign what was measured, as a claim about MODEL, with this secret key" },
    { 0, "claims", SOV_OPT_FILE, &bench_options.claims, "FILE",
      "add it to this file", .preset = "MODEL.claims.jsonl" },
    SOV_PASSWORD_ROW,
    SOV_REQUIRE_ROW,

    { .type = SOV_OPT_GROUP, .help = "Machine" },
    { 0, "lock", SOV_OPT_ENUM, &bench_options.lock, NULL,
      "take turns with other benchmarks on this machine, or fail",
      .values = locks },
    { 0, "timeout", SOV_OPT_FLOAT, &bench_options.timeout, "SECONDS",
      "end with status 75 if it is not done by then", .min = 0.01, .max = 1e7,
      .preset = "" },
    { 0, "nice", SOV_OPT_INT, &bench_options.nice, "N",
      "be nice to other programs, from -20 to 19", .min = -20, .max = 19,
      .preset = "", .given = &bench_options.nice_given },
    { 0, "no-sandbox", SOV_OPT_FLAG, &sov_sandbox_off, NULL,
      "let the process that reads the model open files and do all else" },
    { 0 },
};

/* One model, or one beside another, on its way to a process of its own. */
struct errand {
    struct bench_job job;
    const char *path[2];
    struct bench_claims *claims; /* or NULL */
};

/* What names the run. */
static int
name_run(struct bench_job *job, struct sov_err *err)
{
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(job->run, sizeof(job->run), "%08" PRIx32 "%08" PRIx32,
             (uint32_t)now.tv_sec,
             (uint32_t)now.tv_nsec ^ (uint32_t)getpid() << 12);
    if (gmtime_r(&now.tv_sec, &tm) == NULL ||
        strftime(job->time, sizeof(job->time), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return sov_fail(err, SOV_EIO, "the clock gives no date");
    return sov_machine_read(&job->machine, sov_fake_root, err);
}

/* Two models of one name have the names that they were given by; records of
 * them would count as the same. */
static int
tell_apart(struct bench_model model[2], const char *path, struct sov_err *err)
{
    char *name;

    if (strcmp(model[0].facts.name, model[1].facts.name) != 0)
        return 0;
    if (strcmp(model[0].facts.name, path) != 0)
        name = strdup(path);
    else if (asprintf(&name, "%s (2)", path) < 0)
        name = NULL;
    if (name == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    free(model[1].facts.name);
    model[1].facts.name = name;
    return 0;
}

/* What was asked for, of models that are open. */
static int
measure_open(struct errand *e, struct bench_start **start,
             struct sov_bench_set *set, struct sov_err *err)
{
    struct bench_job *job = &e->job;
    struct quality *quality = NULL;
    int rc;

    if (quality_options.advise)
        return quality_advise(job, err);
    rc = quality_open(&quality, job, err);
    if (rc == 0 && quality_speed_wanted()) {
        rc = bench_speed(job, set, err);
        for (size_t i = 0; i < job->n_models && rc == 0; i++)
            rc = bench_start_tell(start[i], job, i, set, err);
    } else if (rc == 0) {
        quality_seal();
    }
    if (rc == 0)
        rc = quality_run(quality, set, err);
    quality_close(quality);
    return rc;
}

/* All that touches a model; in a process of its own. */
static int
work(void *arg, struct sov_bench_set *set, struct sov_err *err)
{
    struct errand *e = arg;
    struct bench_job *job = &e->job;
    struct bench_start *start[2] = { NULL, NULL };
    struct bench_model model[2];
    int rc = 0;

    bench_claims_forget_key(e->claims);
    memset(model, 0, sizeof(model));
    job->model = model;
    for (size_t i = 0; i < job->n_models && rc == 0 && quality_speed_wanted();
         i++)
        rc = bench_start_measure(&start[i], e->path[i], err);
    sov_sandbox_begin(NULL, 0);
    for (size_t i = 0; i < job->n_models && rc == 0; i++)
        rc = bench_model_open(&model[i], e->path[i], err);
    if (rc == 0 && job->n_models == 2)
        rc = tell_apart(model, e->path[1], err);
    if (rc == 0)
        rc = measure_open(e, start, set, err);
    for (size_t i = 0; i < job->n_models && rc == 0; i++)
        rc = sov_lm_check(&model[i].lm, err);
    for (size_t i = 0; i < job->n_models; i++) {
        bench_start_free(start[i]);
        bench_model_close(&model[i]);
    }
    return rc;
}

static int
measure(int argc, char **argv, struct bench_claims *claims,
        struct sov_bench_set *set, struct sov_err *err)
{
    struct errand e = { .job = { .n_models = 1 }, .claims = claims };
    int rc = name_run(&e.job, err);

    e.path[1] = bench_options.vs;
    e.job.n_models = bench_options.vs != NULL ? 2 : 1;
    for (int i = 0; i < argc && rc == 0; i++) {
        size_t from = set->n;

        e.path[0] = argv[i];
        rc = bench_options.vs_tool != NULL
                 ? bench_builds(&e.job, argv[i], set, err)
                 : bench_work(work, &e, set, err);
        if (rc == 0)
            rc = bench_claims_measured(claims, (size_t)i, set, from, err);
    }
    sov_machine_clear(&e.job.machine);
    return rc;
}

/* Before anything is measured: what cannot be read is told now. */
static int
read_files(struct sov_bench_set *past, struct sov_bench_set *base,
           struct sov_err *err)
{
    int rc = 0;

    if (bench_options.history != NULL)
        rc = bench_read_past(bench_options.history, past, err);
    if (rc == 0 && bench_options.baseline != NULL)
        rc = bench_read_past(bench_options.baseline, base, err);
    return rc;
}

static int
read_again(const char *path, struct sov_bench_set *set, struct sov_err *err)
{
    struct sov_bench_losses lost; /* told before */

    if (path == NULL || strcmp(path, "-") == 0 || access(path, F_OK) != 0)
        return 0;
    sov_bench_set_free(set);
    return sov_bench_history_read(path, NULL, set, &lost, err);
}

/*
 * The processes that are measured are made by this one, and begin with all that
 * it has in memory: a history that grows would be a model that takes more each
 * night.  So what was read is forgotten, and read again afterwards; but for
 * what comes through a pipe.
 */
static void
forget_file(const char *path, struct sov_bench_set *set)
{
    if (path != NULL && strcmp(path, "-") != 0)
        sov_bench_set_free(set);
    malloc_trim(0);
}

/* What the machine could do at most goes behind what the model did: it is no
 * merit of either, and is not judged.  Gives the number of all others. */
static size_t
put_limits_last(struct sov_bench_set *set)
{
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++) {
        struct sov_bench_record r = set->record[i];

        if (bench_is_limit(&r))
            continue;
        memmove(&set->record[n + 1], &set->record[n],
                (i - n) * sizeof(*set->record));
        set->record[n++] = r;
    }
    return n;
}

/* Beside a baseline; without one, and if that matters, beside the other model
 * or build. */
static int
judge(const struct sov_bench_set *judged, const struct sov_bench_set *base,
      struct sov_bench_verdict **v, size_t *n_v, struct sov_err *err)
{
    if (bench_options.baseline != NULL)
        return bench_judge(judged, base, v, n_v, err);
    if (bench_options.fail_above_given)
        return bench_judge(judged, NULL, v, n_v, err);
    return 0;
}

/* All that is said, then what the exit status is. */
static int
report(struct sov_bench_set *set, const struct sov_bench_set *past,
       const struct sov_bench_set *base, struct bench_claims *claims,
       struct sov_err *err)
{
    struct sov_bench_set judged = { set->record, put_limits_last(set) };
    struct sov_bench_verdict *v = NULL;
    size_t n_v = 0;
    int rc = judge(&judged, base, &v, &n_v, err);

    if (rc == 0 && bench_options.baseline != NULL)
        bench_excuse(v, n_v, set, base);
    if (rc == 0 && bench_options.history != NULL)
        rc = sov_bench_history_add(bench_options.history, set, err);
    if (rc == 0)
        rc = bench_claims_add(claims, set, v, n_v, err);
    if (rc == 0)
        rc = bench_out(&bench_options.out, set, past, v, n_v, err);
    if (rc == 0)
        rc = bench_verdict(v, n_v, base, err);
    free(v);
    return rc;
}

/* Models and the files of records are not to be replaced. */
static int
check_outputs(int argc, char **argv, struct sov_err *err)
{
    const char *const more[] = { bench_options.baseline, bench_options.history,
                                 bench_options.vs };
    struct bench_outputs *o = &bench_options.out;
    const char **inputs = calloc((size_t)argc + 3, sizeof(*inputs));

    if (inputs == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (int i = 0; i < argc; i++)
        inputs[o->n_inputs++] = argv[i];
    for (size_t i = 0; i < 3; i++)
        if (more[i] != NULL)
            inputs[o->n_inputs++] = more[i];
    o->inputs = inputs;
    o->fails = bench_options.fail_above_given;
    o->json = sov_common.json;
    o->color = sov_tool_color();
    o->columns = (int)sov_tool_columns();
    o->output = sov_common.output;
    if (o->output != NULL && strcmp(o->output, "-") != 0) {
        o->color = false;
        o->columns = 0;
    }
    return bench_out_check(o, err);
}

/* Whoever watches the metrics sees that there are none of this run. */
static void
tell_failure(int rc, const struct sov_err *err)
{
    struct sov_err other = { 0 };

    if (bench_out_failed(&bench_options.out, sov_tool_status(rc, err), &other) <
        0)
        sov_warn("%s", other.msg);
}

static int
run(int argc, char **argv, struct sov_err *err)
{
    struct sov_bench_set set = { 0 };
    struct sov_bench_set past = { 0 };
    struct sov_bench_set base = { 0 };
    struct bench_claims *claims = NULL;
    int rc;

    bench_options.n_models = (size_t)argc;
    rc = bench_check_options(err);
    if (rc == 0)
        rc = quality_check_options(err);
    if (rc == 0)
        rc = check_outputs(argc, argv, err);
    if (rc == 0)
        rc = bench_behave(err);
    if (rc == 0)
        rc = read_files(&past, &base, err);
    if (rc == 0)
        rc = bench_claims_begin(&claims, argc, argv, err);
    forget_file(bench_options.history, &past);
    forget_file(bench_options.baseline, &base);
    if (rc == 0)
        rc = measure(argc, argv, claims, &set, err);
    if (rc == 0)
        rc = read_again(bench_options.history, &past, err);
    if (rc == 0)
        rc = read_again(bench_options.baseline, &base, err);
    if (rc == 0 && quality_options.price > 0)
        rc = quality_price(&set, quality_options.price, err);
    if (rc == 0 && !quality_options.advise)
        rc = report(&set, &past, &base, claims, err);
    if (rc != 0 && rc != SOV_ENO && rc != SOV_EARG)
        tell_failure(rc, err);
    bench_out_end(&bench_options.out);
    bench_claims_end(claims);
    free((void *)bench_options.out.inputs);
    sov_bench_set_free(&set);
    sov_bench_set_free(&past);
    sov_bench_set_free(&base);
    return rc;
}

int
main(int argc, char **argv)
{
    static const struct sov_tool tool = {
        .name = "sov-bench",
        .summary = "how fast, how good, and is it worse than yesterday?",
        .operands = "MODEL...",
        .min_operands = 1,
        .max_operands = -1,
        .common = SOV_COMMON_OUTPUT | SOV_COMMON_FORCE | SOV_COMMON_JSON |
                  SOV_COMMON_COLOR | SOV_COMMON_MEMORY | SOV_COMMON_PROGRESS,
        .opts = opts,
        .run = run,
    };

    return sov_tool_main(&tool, argc, argv);
}
