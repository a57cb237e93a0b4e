/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sov-bench - how fast, how good, and is it worse than yesterday?
 *
 * Exit status: 0 measured, 1 it became worse, 64-78 trouble.
 */
#include "bench/bench.h"

#include "cli/common.h"
#include "cli/sandbox.h"
#include "cli/tool.h"
#include "sov/machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct bench_options bench_options;

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

    { .type = SOV_OPT_GROUP, .help = "Machine" },
    { 0, "no-sandbox", SOV_OPT_FLAG, &sov_sandbox_off, NULL,
      "let the process that reads the model open files and do all else" },
    { 0 },
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

/* All that touches a model; in a process of its own. */
static int
work(void *arg, struct sov_bench_set *set, struct sov_err *err)
{
    char **paths = arg;
    struct bench_model model = { 0 };
    struct bench_job job = { .model = &model, .n_models = 1 };
    int rc = name_run(&job, err);

    sov_sandbox_begin(NULL, 0);
    if (rc == 0)
        rc = bench_model_open(&model, paths[0], err);
    if (rc == 0)
        rc = bench_speed(&job, set, err);
    if (rc == 0)
        rc = sov_lm_check(&model.lm, err);
    bench_model_close(&model);
    sov_machine_clear(&job.machine);
    return rc;
}

static int
put_json(const struct sov_bench_set *set, struct sov_err *err)
{
    char *line;
    size_t len;

    for (size_t i = 0; i < set->n; i++) {
        if (sov_bench_record_write(&set->record[i], &line, &len, err) < 0)
            return err->rc;
        fwrite(line, 1, len, stdout);
        free(line);
    }
    return 0;
}

static int
run(int argc, char **argv, struct sov_err *err)
{
    struct sov_bench_set set = { 0 };
    int rc = bench_check_options(err);

    (void)argc;
    if (rc == 0)
        rc = bench_work(work, argv, &set, err);
    if (rc == 0)
        rc = sov_common.json ? put_json(&set, err) : bench_plain(&set, err);
    sov_bench_set_free(&set);
    return rc;
}

int
main(int argc, char **argv)
{
    static const struct sov_tool tool = {
        .name = "sov-bench",
        .summary = "how fast, how good, and is it worse than yesterday?",
        .operands = "MODEL",
        .min_operands = 1,
        .max_operands = 1,
        .common = SOV_COMMON_JSON | SOV_COMMON_COLOR | SOV_COMMON_MEMORY |
                  SOV_COMMON_PROGRESS,
        .opts = opts,
        .run = run,
    };

    return sov_tool_main(&tool, argc, argv);
}
