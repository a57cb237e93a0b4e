/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common.c - the options that mean the same in every tool
 */
#include "cli/common.h"

#include <stdlib.h>
#include <string.h>

struct sov_common sov_common = { .align = 32 };

bool sov_fake_stdout;
bool sov_fake_stderr;
const char *sov_fake_root = "";

static const char *const progress_modes[] = { "auto", "always", "never",
                                              "json", NULL };
static const char *const lock_modes[] = { "none", "fail", "wait", NULL };

static int
set_align(void *dest, const char *value, struct sov_err *err)
{
    const struct sov_opt row = {
        .name = "align", .type = SOV_OPT_UINT, .dest = dest
    };
    uint64_t *align = dest;

    if (sov_opt_set(&row, value, err) < 0)
        return SOV_EARG;
    if (*align < 8 || *align > 1 << 20 || (*align & (*align - 1)) != 0)
        return sov_fail(err, SOV_EARG,
                        "--align: %s is not a power of two from 8 to 1048576",
                        value);
    return 0;
}

static const struct {
    unsigned bit; /* 0: in every tool */
    struct sov_opt row;
} rows[] = {
    { SOV_COMMON_OUTPUT | SOV_COMMON_DRY_RUN | SOV_COMMON_DEPFILE,
      { .type = SOV_OPT_GROUP, .help = "Output" } },
    { SOV_COMMON_OUTPUT,
      { 'o', "output", SOV_OPT_FILE, &sov_common.output, "OUT",
        "write to OUT, whole or not at all; - is standard output" } },
    { SOV_COMMON_FORCE,
      { 'f', "force", SOV_OPT_FLAG, &sov_common.force, NULL,
        "replace an existing file; write to a terminal" } },
    { SOV_COMMON_IF_CHANGED,
      { 0, "if-changed", SOV_OPT_FLAG, &sov_common.if_changed, NULL,
        "leave an existing file alone if its bytes would stay the same" } },
    { SOV_COMMON_LOCK,
      { 0, "lock", SOV_OPT_ENUM, &sov_common.lock, NULL,
        "take turns with other writers of OUT, or fail", .values = lock_modes } },
    { SOV_COMMON_DEPFILE,
      { 0, "depfile", SOV_OPT_FILE, &sov_common.depfile, "FILE",
        "write a make rule to FILE: OUT depends on all that was read" } },
    { SOV_COMMON_RESUME,
      { 0, "resume", SOV_OPT_FLAG, &sov_common.resume, NULL,
        "keep OUT.part if this run is stopped, and go on from it" } },
    { SOV_COMMON_ALIGN,
      { 0, "align", SOV_OPT_CALL, &sov_common.align, "N",
        "start every tensor at a multiple of N bytes", .call = set_align,
        .preset = "32", .given = &sov_common.align_given } },
    { SOV_COMMON_DRY_RUN,
      { 0, "dry-run", SOV_OPT_FLAG, &sov_common.dry_run, NULL,
        "say what would be done, and stop" } },

    { SOV_COMMON_THREADS | SOV_COMMON_MEMORY | SOV_COMMON_SEED,
      { .type = SOV_OPT_GROUP, .help = "Machine" } },
    { SOV_COMMON_THREADS,
      { 'j', "threads", SOV_OPT_UINT, &sov_common.threads, "N",
        "use N threads; results do not depend on it", .min = 1, .max = 4096,
        .preset = "all cores" } },
    { SOV_COMMON_MEMORY,
      { 0, "max-memory", SOV_OPT_SIZE, &sov_common.max_memory, "SIZE",
        "fail rather than use more memory", .preset = "" } },
    { SOV_COMMON_SEED,
      { 0, "seed", SOV_OPT_UINT, &sov_common.seed, "N",
        "start the random numbers at N", .preset = "random",
        .given = &sov_common.seed_given } },

    { 0, { .type = SOV_OPT_GROUP, .help = "Words" } },
    { SOV_COMMON_JSON,
      { 0, "json", SOV_OPT_FLAG, &sov_common.json, NULL,
        "report as JSON on standard output" } },
    { SOV_COMMON_PROGRESS,
      { 0, "progress", SOV_OPT_ENUM, &sov_common.progress, "WHEN",
        "show progress: auto (on a terminal), always, never, json",
        .values = progress_modes } },
    { SOV_COMMON_COLOR,
      { 0, "no-color", SOV_OPT_FLAG, &sov_common.no_color, NULL,
        "no bold heads in tables on a terminal" } },
    { 0,
      { 'q', "quiet", SOV_OPT_FLAG, &sov_common.quiet, NULL,
        "no warnings, no progress" } },
    { 0,
      { 'v', "verbose", SOV_OPT_COUNT, &sov_common.verbose, NULL,
        "say what is being done; twice for more" } },
    { 0,
      { 0, "fake-stdout-is-console", SOV_OPT_FLAG, &sov_fake_stdout, NULL,
        "for tests", .hidden = true } },
    { 0,
      { 0, "fake-stderr-is-console", SOV_OPT_FLAG, &sov_fake_stderr, NULL,
        "for tests", .hidden = true } },
    { 0,
      { 0, "fake-root", SOV_OPT_FILE, &sov_fake_root, "DIR", "for tests",
        .hidden = true } },
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* Replace every default by its text. */
static bool
keep_defaults(struct sov_opt *table)
{
    char buf[160];

    for (struct sov_opt *o = table; o->type != SOV_OPT_END; o++) {
        sov_opt_default(o, buf, sizeof(buf));
        o->preset = strdup(buf);
        if (o->preset == NULL)
            return false;
    }
    return true;
}

struct sov_opt *
sov_common_table(const struct sov_tool *tool, const struct sov_opt *own,
                 size_t n_own)
{
    static const struct sov_opt title = { .type = SOV_OPT_GROUP,
                                          .help = "Options" };
    struct sov_opt *table;
    size_t n_tool = 0;
    size_t n = 0;

    while (tool->opts != NULL && tool->opts[n_tool].type != SOV_OPT_END)
        n_tool++;
    table = calloc(n_tool + N_ROWS + n_own + 2, sizeof(*table));
    if (table == NULL)
        return NULL;
    if (n_tool > 0 && tool->opts[0].type != SOV_OPT_GROUP)
        table[n++] = title;
    for (size_t i = 0; i < n_tool; i++)
        table[n++] = tool->opts[i];
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].bit == 0 || (rows[i].bit & tool->common) != 0)
            table[n++] = rows[i].row;
    for (size_t i = 0; i < n_own; i++)
        table[n++] = own[i];
    if (!keep_defaults(table)) {
        free(table); /* the few strings go with the process */
        return NULL;
    }
    return table;
}

void
sov_common_free(struct sov_opt *table)
{
    if (table == NULL)
        return;
    for (struct sov_opt *o = table; o->type != SOV_OPT_END; o++)
        free((char *)(uintptr_t)o->preset);
    free(table);
}
