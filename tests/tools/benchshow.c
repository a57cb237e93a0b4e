/* SPDX-License-Identifier: Apache-2.0 */
/*
 * benchshow - all that sov-bench shows, of records that were made before
 *
 *     benchshow [OPTIONS] RECORDS
 *
 * The same records give the same bytes, so outputs can be compared.
 */
#include "bench/out.h"

#include "cli/tool.h"
#include "sov/bench.h"

#include <stdlib.h>
#include <unistd.h>

static struct bench_outputs outputs;
static const char *base;
static const char *past;
static uint64_t failed;
static uint64_t again = 1;

static const struct sov_opt opts[] = {
    { 0, "prom", SOV_OPT_FILE, &outputs.prom, "FILE", "metrics" },
    { 0, "html", SOV_OPT_FILE, &outputs.html, "FILE", "a report" },
    { 0, "svg", SOV_OPT_FILE, &outputs.svg, "FILE", "charts" },
    { 0, "junit", SOV_OPT_FILE, &outputs.junit, "FILE", "tests" },
    { 0, "csv", SOV_OPT_FILE, &outputs.csv, "FILE", "a table" },
    { 0, "md", SOV_OPT_FILE, &outputs.md, "FILE", "a comment" },
    { 0, "base", SOV_OPT_FILE, &base, "RECORDS", "to be judged by" },
    { 0, "past", SOV_OPT_FILE, &past, "RECORDS", "what was before" },
    { 0, "failed", SOV_OPT_UINT, &failed, "STATUS", "a run that ended so",
      .max = 255 },
    { 0, "again", SOV_OPT_UINT, &again, "N", "write it all N times",
      .max = 1000000 },
    { 0 },
};

static int
load(struct sov_bench_set *set, const char *path, struct sov_err *err)
{
    return path != NULL ? sov_bench_history_read(path, NULL, set, NULL, err)
                        : 0;
}

static int
show(const char *path, struct sov_err *err)
{
    struct sov_bench_set now = { 0 }, before = { 0 }, history = { 0 };
    struct sov_bench_verdict *v = NULL;
    struct sov_bench_rule rule;
    size_t n_v = 0;
    int rc = load(&now, path, err);

    sov_bench_rule_start(&rule);
    if (rc == 0)
        rc = load(&before, base, err);
    if (rc == 0)
        rc = load(&history, past, err);
    if (rc == 0 && base != NULL)
        rc = sov_bench_judge(&now, &before, &rule, &v, &n_v, err);
    for (uint64_t i = 0; i < again && rc == 0; i++)
        rc = bench_out(&outputs, &now, &history, v, n_v, err);
    free(v);
    sov_bench_set_free(&now);
    sov_bench_set_free(&before);
    sov_bench_set_free(&history);
    return rc;
}

static int
run(int argc, char **argv, struct sov_err *err)
{
    int rc;

    (void)argc;
    outputs.fails = true;
    outputs.json = sov_common.json;
    outputs.color = sov_tool_color();
    outputs.columns = (int)sov_tool_columns();
    outputs.inputs = (const char *const *)argv;
    outputs.n_inputs = 1;
    rc = bench_out_check(&outputs, err);
    if (rc < 0)
        return rc;
    if (failed > 0)
        return bench_out_failed(&outputs, (int)failed, err);
    return show(argv[0], err);
}

int
main(int argc, char **argv)
{
    static const struct sov_tool tool = {
        .name = "benchshow",
        .summary = "what sov-bench shows of records",
        .operands = "RECORDS",
        .min_operands = 1,
        .max_operands = 1,
        .common = SOV_COMMON_JSON | SOV_COMMON_COLOR | SOV_COMMON_FORCE,
        .opts = opts,
        .run = run,
    };

    return sov_tool_main(&tool, argc, argv);
}
