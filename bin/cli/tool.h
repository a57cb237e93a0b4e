/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool.h - the frame that every tool stands in
 *
 * A tool is an option table, a run() and a main() of one call.  The frame
 * reads the command line, answers --help and --version, sees to signals and
 * closed streams, turns errors into one line on standard error and an exit
 * status (sysexits), and makes sure that what was said to standard output
 * arrived there.
 */
#ifndef SOV_CLI_TOOL_H
#define SOV_CLI_TOOL_H

#include "cli/opt.h"
#include "sov/err.h"
#include "sov/io.h"
#include "sov/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Options that mean the same in every tool.  A tool names those it heeds in
 * struct sov_tool; -q, -v, -h and --version are in all of them.
 */
enum sov_common_bit {
    SOV_COMMON_OUTPUT = 1 << 0,     /* -o, --output */
    SOV_COMMON_FORCE = 1 << 1,      /* -f, --force */
    SOV_COMMON_IF_CHANGED = 1 << 2, /* --if-changed */
    SOV_COMMON_LOCK = 1 << 3,       /* --lock */
    SOV_COMMON_DEPFILE = 1 << 4,    /* --depfile */
    SOV_COMMON_ALIGN = 1 << 5,      /* --align */
    SOV_COMMON_THREADS = 1 << 6,    /* -j, --threads: the frame sets them */
    SOV_COMMON_MEMORY = 1 << 7,     /* --max-memory */
    SOV_COMMON_SEED = 1 << 8,       /* --seed */
    SOV_COMMON_DRY_RUN = 1 << 9,    /* --dry-run */
    SOV_COMMON_JSON = 1 << 10,      /* --json */
    SOV_COMMON_PROGRESS = 1 << 11,  /* --progress */
    SOV_COMMON_COLOR = 1 << 12,     /* --no-color */
    SOV_COMMON_RESUME = 1 << 13,    /* --resume */
};

/* All that sov_tool_sink() heeds. */
#define SOV_COMMON_FILE                                             \
    (SOV_COMMON_OUTPUT | SOV_COMMON_FORCE | SOV_COMMON_IF_CHANGED | \
     SOV_COMMON_LOCK | SOV_COMMON_DEPFILE)

enum sov_progress_mode {
    SOV_PROGRESS_AUTO,
    SOV_PROGRESS_ALWAYS,
    SOV_PROGRESS_NEVER,
    SOV_PROGRESS_JSON,
};

struct sov_common {
    const char *output;
    bool force;
    bool if_changed;
    int lock; /* enum sov_lock */
    const char *depfile;
    bool resume;
    uint64_t align;
    bool align_given;
    uint64_t threads;    /* 0: what the machine has */
    uint64_t max_memory; /* 0: no limit */
    uint64_t seed;       /* a random one if not given */
    bool seed_given;
    bool dry_run;
    bool json;
    int progress; /* enum sov_progress_mode */
    bool no_color;
    bool quiet;
    int verbose;
};

extern struct sov_common sov_common;

struct sov_tool {
    const char *name;     /* "sov-run" */
    const char *summary;  /* "text in, text out": one line, no full stop */
    const char *operands; /* "MODEL", "[TEXT...]": as the usage line says */
    int min_operands;
    int max_operands; /* -1: any number */
    unsigned common;  /* enum sov_common_bit, or'ed */
    const struct sov_opt *opts;

    /*
     * Does the work with argv[0..argc) as operands.  0 is success, else an
     * enum sov_rc with err filled (SOV_ENO with an empty message if the
     * answer has been said already).
     */
    int (*run)(int argc, char **argv, struct sov_err *err);
};

/* All of main(). */
int sov_tool_main(const struct sov_tool *tool, int argc, char **argv);

/* The exit status that an error becomes. */
int sov_tool_status(int rc, const struct sov_err *err);

/* Name of the running tool, for messages. */
const char *sov_tool_name(void);

/* Where the shipped data is: SOV_DATADIR, else where it was installed. */
const char *sov_tool_datadir(void);

/*
 * Words on standard error, one line each, after the tool's name.  A warning
 * is silenced by -q; a note needs -v as often as level says.
 */
void sov_warn(const char *fmt, ...) SOV_PRINTF(1, 2);
void sov_note(int level, const char *fmt, ...) SOV_PRINTF(2, 3);

/* What was odd about a model that was opened, as notes; for a tool that
 * converts, what an import leaves behind as warnings. */
void sov_tool_warnings(const sov_model *model, const char *name, bool converts);

/* The line that ends a run, for one that goes on: rc and err are of a part. */
void sov_tool_complain(int rc, const struct sov_err *err);

/*
 * Is fd a terminal?  The hidden options --fake-stdout-is-console and
 * --fake-stderr-is-console say yes, so that tests can ask.
 */
bool sov_tool_tty(int fd);

/* May standard output have bold and dim letters? */
bool sov_tool_color(void);

/* May there be characters beyond ASCII that we make up ourselves? */
bool sov_tool_unicode(void);

#define SOV_COLUMNS_MAX 500

/* Columns there are: of the terminal, of COLUMNS, or 80; at least 40. */
size_t sov_tool_columns(void);

/*
 * Open the output that -o names, with all that the common options ask for.
 * Binary data does not go to a terminal without -f.  inputs are refused as
 * output; size is what will be written, or 0.
 */
int sov_tool_sink(sov_sink **sink, const char *const *inputs, size_t n_inputs,
                  uint64_t size, struct sov_err *err) SOV_MUST_CHECK;

/* All of a file that another option than -o names. */
int sov_tool_write_file(const char *path, const struct sov_sink_opts *opts,
                        const void *text, size_t len,
                        struct sov_err *err) SOV_MUST_CHECK;

/* Before anything is opened: do -o and --depfile go together? */
int sov_tool_check_output(struct sov_err *err) SOV_MUST_CHECK;

/* Is there an output, and does --json not go where it goes?  elsewhere: what
 * is made goes to a file that another option names. */
int sov_tool_check_streams(bool elsewhere, struct sov_err *err) SOV_MUST_CHECK;

/* Are these two names of one file, or will they be? */
bool sov_tool_same_file(const char *a, const char *b);

/* Does the output of -o go where printf goes? */
bool sov_tool_to_stdout(void);

/*
 * Write the file that --depfile names, if it was given: OUTPUT: INPUT...
 * sov_tool_sink() has opened it, so that the output does not take its name
 * when the rule cannot be written.
 */
int sov_tool_depfile(const char *const *inputs, size_t n_inputs,
                     struct sov_err *err) SOV_MUST_CHECK;

/*
 * The same in two steps, for outputs that sov_tool_sink() did not open: what
 * stands in the way of the rule is told while nothing has been written.
 */
int sov_tool_open_rule(const char *const *inputs, size_t n_inputs,
                       struct sov_err *err) SOV_MUST_CHECK;
int sov_tool_write_rule(const char *const *outputs, size_t n_outputs,
                        const char *const *inputs, size_t n_inputs,
                        struct sov_err *err) SOV_MUST_CHECK;

/* Forget a rule that was not written; the frame calls it. */
void sov_tool_drop_rule(void);

#endif
