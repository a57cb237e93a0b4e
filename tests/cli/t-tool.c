/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t-tool - a tool that does nothing but what the tests of bin/cli need
 *
 * The operand says what to do: "show" prints the options, "fail:N" fails with
 * code -N, and so on; see doings[].
 */
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/tool.h"
#include "sov/base.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static bool flag;
static const char *text = "some text";
static const char *file;
static int64_t whole = -1;
static uint64_t natural = 7;
static double real = 0.8;
static uint64_t bytes;
static int colour = 1;
static struct sov_opt_list list;
static const char *called = "not";

static const char *const colours[] = { "red", "green", "blue", NULL };

static int
call(void *dest, const char *value, struct sov_err *err)
{
    if (value != NULL && strcmp(value, "bad") == 0)
        return sov_fail(err, SOV_EARG, "--call: bad is bad");
    *(const char **)dest = value != NULL ? value : "alone";
    return 0;
}

static const struct sov_opt opts[] = {
    { 'F', "flag", SOV_OPT_FLAG, &flag, NULL, "a flag" },
    { 't', "text", SOV_OPT_STRING, &text, "TEXT", "a string" },
    { 'k', "file", SOV_OPT_FILE, &file, "FILE", "a file" },
    { 'i', "int", SOV_OPT_INT, &whole, "N", "a whole number", .min = -5,
      .max = 5 },
    { 'u', "uint", SOV_OPT_UINT, &natural, "N", "a natural number" },
    { 'x', "real", SOV_OPT_FLOAT, &real, "X", "a number", .min = 0,
      .max = INFINITY },
    { 's', "size", SOV_OPT_SIZE, &bytes, "SIZE", "a size", .preset = "" },
    { 0, "colour", SOV_OPT_ENUM, &colour, NULL, "one of three",
      .values = colours },
    { 0, "item", SOV_OPT_LIST, &list, "ITEM", "may be repeated" },
    { 0, "call", SOV_OPT_CALL, &called, "WHAT", "calls a function",
      .call = call, .optional = true },
    { SOV_OPT_END },
};

static int
do_show(const char *arg, struct sov_err *err)
{
    (void)arg;
    (void)err;
    printf("flag=%d text=%s file=%s int=%" PRId64 " uint=%" PRIu64
           " real=%g size=%" PRIu64 " colour=%s call=%s q=%d v=%d o=%s\n",
           flag, text, file != NULL ? file : "-", whole, natural, real, bytes,
           colours[colour], called, sov_common.quiet, sov_common.verbose,
           sov_common.output != NULL ? sov_common.output : "-");
    for (size_t i = 0; i < list.n; i++)
        printf("item %s\n", list.items[i]);
    return 0;
}

static int
do_fail(const char *arg, struct sov_err *err)
{
    return sov_fail(err, (enum sov_rc)-atoi(arg), "model \033[31m%s\n: failed",
                    arg);
}

static int
do_where(const char *arg, struct sov_err *err)
{
    sov_fail(err, SOV_EIO, "about a file");
    err->where = (enum sov_where)atoi(arg);
    return SOV_EIO;
}

static int
do_no(const char *arg, struct sov_err *err)
{
    (void)arg;
    (void)err;
    puts("no");
    return SOV_ENO;
}

/* Fill the output with lines, as many as arg says; 0: for ever. */
static int
do_lines(const char *arg, struct sov_err *err)
{
    long n = atol(arg);

    (void)err;
    for (long i = 0; n == 0 || i < n; i++)
        if (puts("a line of output") < 0)
            break;
    return 0;
}

static int
do_report(const char *arg, struct sov_err *err)
{
    static const int32_t ids[] = { 1, 2, 3 };
    struct sov_report *r = sov_report_new("sov.test/1");

    sov_report_text(r, "name", "name", arg);
    sov_report_uint(r, "big", "big number", UINT64_MAX);
    sov_report_bytes(r, "bytes", "size", 5200000000u);
    sov_report_real(r, "nan", "not a number", NAN, 2, NULL);
    sov_report_real(r, "tenth", "tenth", 0.1, 2, "s");
    sov_report_bool(r, "good", "good", true);
    sov_report_ids(r, "ids", ids, 3);
    sov_report_table(r, "rows");
    sov_report_row(r);
    sov_report_text(r, "tensor", "tensor", "blk.0.attn_q.weight");
    sov_report_uint(r, "rows", "rows", 5);
    sov_report_row(r);
    sov_report_text(r, "tensor", "tensor", "output");
    sov_report_uint(r, "rows", "rows", 32000);
    return sov_report_end(r, err);
}

/* 30 steps of 20 ms. */
static int
do_progress(const char *arg, struct sov_err *err)
{
    struct timespec step = { 0, 20000000 };

    (void)err;
    sov_progress_begin("B");
    for (uint64_t i = 0; i <= 30; i++) {
        if (i == 15 && strcmp(arg, "usr1") == 0)
            raise(SIGUSR1);
        sov_progress_update(NULL, i * 1000000, 30000000, "blk.\033.weight");
        nanosleep(&step, NULL);
    }
    sov_progress_end();
    return 0;
}

/* Write arg bytes to the output, in pieces; "hang" stops half-way. */
static int
do_write(const char *arg, struct sov_err *err)
{
    static const unsigned char piece[4096];
    sov_sink *sink = NULL;
    bool hang = strcmp(arg, "hang") == 0;
    long n = hang ? 100 : atol(arg) / 4096;
    int rc = sov_tool_sink(&sink, NULL, 0, 0, err);

    for (long i = 0; i < n && rc == 0; i++)
        rc = sov_sink_write(sink, piece, sizeof(piece), err);
    if (rc == 0 && hang) {
        puts("ready");
        fflush(stdout);
        pause();
    }
    if (rc == 0)
        rc = sov_sink_commit(&sink, err);
    sov_sink_abort(sink);
    if (rc == 0) {
        const char *inputs[] = { "a b", "c$d", "-" };

        rc = sov_tool_depfile(inputs, 3, err);
    }
    return rc;
}

/* Map the file arg, cut it short and read it. */
static int
do_bus(const char *arg, struct sov_err *err)
{
    FILE *f = fopen(arg, "r+");
    volatile const char *p;

    if (f == NULL)
        return sov_fail_sys(err, SOV_WHERE_INPUT, "%s", arg);
    p = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fileno(f), 0);
    if (p == MAP_FAILED || ftruncate(fileno(f), 0) != 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "%s", arg);
    return p[4096];
}

static int
do_signal(const char *arg, struct sov_err *err)
{
    (void)err;
    raise(atoi(arg));
    puts("still here");
    return 0;
}

static int
do_words(const char *arg, struct sov_err *err)
{
    (void)err;
    sov_warn("a warning about %s", arg);
    sov_note(1, "a note");
    sov_note(2, "a finer note");
    return 0;
}

static int
do_env(const char *arg, struct sov_err *err)
{
    (void)arg;
    (void)err;
    printf("datadir=%s threads=%u seed_given=%d seed=%" PRIu64 "\n",
           sov_tool_datadir(), sov_threads(), sov_common.seed_given,
           sov_common.seed);
    return 0;
}

static const struct {
    const char *name;
    int (*function)(const char *arg, struct sov_err *err);
} doings[] = {
    { "show", do_show },     { "fail", do_fail },   { "where", do_where },
    { "no", do_no },         { "lines", do_lines }, { "report", do_report },
    { "progress", do_progress }, { "write", do_write }, { "bus", do_bus },
    { "signal", do_signal }, { "words", do_words }, { "env", do_env },
};

static int
run(int argc, char **argv, struct sov_err *err)
{
    for (int i = 1; i < argc; i++)
        printf("operand %s\n", argv[i]);
    for (size_t i = 0; i < sizeof(doings) / sizeof(doings[0]); i++) {
        size_t len = strlen(doings[i].name);

        if (strncmp(argv[0], doings[i].name, len) == 0)
            return doings[i].function(
                argv[0] + len + (argv[0][len] == ':'), err);
    }
    return sov_fail(err, SOV_EARG, "nothing to do for '%s'", argv[0]);
}

int
main(int argc, char **argv)
{
    static const struct sov_tool tool = {
        .name = "t-tool",
        .summary = "for the tests of the frame",
        .operands = "DOING [OPERAND...]",
        .min_operands = 1,
        .max_operands = 3,
        .common = SOV_COMMON_FILE | SOV_COMMON_THREADS | SOV_COMMON_SEED |
                  SOV_COMMON_JSON | SOV_COMMON_PROGRESS | SOV_COMMON_COLOR |
                  SOV_COMMON_ALIGN,
        .opts = opts,
        .run = run,
    };

    return sov_tool_main(&tool, argc, argv);
}
