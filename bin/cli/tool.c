/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool.c - the frame that every tool stands in
 *
 * The exit status starts as "internal error" and one statement sets it to
 * success, after standard output has been closed and found whole.
 */
#include "cli/tool.h"

#include "cli/common.h"
#include "cli/guard.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "sov/base.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define STATUS_NO   1
#define STATUS_PIPE 141

static const char *tool_name = "sov";
static bool want_help;
static bool want_version;
static bool want_dump;

static const struct sov_opt own_rows[] = {
    { 'h', "help", SOV_OPT_FLAG, &want_help, NULL, "show this and stop" },
    { 0, "version", SOV_OPT_FLAG, &want_version, NULL,
      "show the version and stop" },
    { 0, "dump-options", SOV_OPT_FLAG, &want_dump, NULL,
      "the option table, for programs", .hidden = true },
};

const char *
sov_tool_name(void)
{
    return tool_name;
}

const char *
sov_tool_datadir(void)
{
    const char *dir = getenv("SOV_DATADIR");

    return dir != NULL && dir[0] != '\0' ? dir : SOV_PKGDATADIR;
}

bool
sov_tool_tty(int fd)
{
    if (fd == STDOUT_FILENO && sov_fake_stdout)
        return true;
    if (fd == STDERR_FILENO && sov_fake_stderr)
        return true;
    return isatty(fd) == 1;
}

static void SOV_PRINTF(2, 0) say(const char *kind, const char *fmt, va_list ap)
{
    char text[1000];
    char line[2000];

    vsnprintf(text, sizeof(text), fmt, ap);
    sov_progress_clear();
    fprintf(stderr, "%s: %s%s\n", tool_name, kind,
            sov_text_escape(line, sizeof(line), text));
}

void
sov_warn(const char *fmt, ...)
{
    va_list ap;

    if (sov_common.quiet)
        return;
    va_start(ap, fmt);
    say("warning: ", fmt, ap);
    va_end(ap);
}

void
sov_note(int level, const char *fmt, ...)
{
    va_list ap;

    if (sov_common.verbose < level)
        return;
    va_start(ap, fmt);
    say("", fmt, ap);
    va_end(ap);
}

void
sov_tool_warnings(const sov_model *model, const char *name, bool converts)
{
    bool import = strcmp(sov_model_format(model), "huggingface") == 0;
    const char *text;

    for (size_t i = 0; (text = sov_model_warning(model, i)) != NULL; i++) {
        if (converts && import)
            sov_warn("%s: %s", name, text);
        else
            sov_note(1, "%s: %s", name, text);
    }
}

static int
io_status(enum sov_where where)
{
    switch (where) {
    case SOV_WHERE_INPUT:
        return EX_NOINPUT;
    case SOV_WHERE_OUTPUT:
        return EX_CANTCREAT;
    case SOV_WHERE_LOCK:
        return EX_TEMPFAIL;
    case SOV_WHERE_PIPE:
        return STATUS_PIPE;
    case SOV_WHERE_ANY:
        break;
    }
    return EX_IOERR;
}

int
sov_tool_status(int rc, const struct sov_err *err)
{
    switch (rc) {
    case SOV_OK:
        return 0;
    case SOV_EARG:
        return EX_USAGE;
    case SOV_EDENY:
        return EX_NOPERM;
    case SOV_EMEM:
        return EX_OSERR;
    case SOV_EIO:
        return io_status(err->where);
    case SOV_EFORMAT:
        return EX_DATAERR;
    case SOV_EUNSUP:
        return EX_UNAVAILABLE;
    case SOV_ENO:
        return STATUS_NO;
    default:
        return EX_SOFTWARE;
    }
}

/* One line: who, what, and what to do about a wrong command line. */
void
sov_tool_complain(int rc, const struct sov_err *err)
{
    char line[4 * sizeof(err->msg)];

    sov_progress_clear();
    if (err->msg[0] == '\0' && rc == SOV_ENO)
        return;
    sov_text_escape(line, sizeof(line),
                    err->msg[0] != '\0' ? err->msg : "internal error");
    if (rc == SOV_EARG)
        fprintf(stderr, "%s: %s (try '%s --help')\n", tool_name, line,
                tool_name);
    else
        fprintf(stderr, "%s: %s\n", tool_name, line);
}

static int
check_operands(const struct sov_tool *tool, int n, char **operands,
               struct sov_err *err)
{
    if (n < tool->min_operands)
        return sov_fail(err, SOV_EARG, "operand missing: %s", tool->operands);
    if (tool->max_operands >= 0 && n > tool->max_operands)
        return sov_fail(err, SOV_EARG, "one operand too many: '%s'",
                        operands[tool->max_operands]);
    return 0;
}

/* What the environment and the common options say to the library. */
static int
set_up(struct sov_err *err)
{
    const char *tmpdir = getenv("TMPDIR");
    int rc = sov_env_check(err);

    if (rc < 0)
        return rc;
    if (!sov_common.seed_given &&
        getrandom(&sov_common.seed, sizeof(sov_common.seed), GRND_NONBLOCK) !=
            (ssize_t)sizeof(sov_common.seed))
        sov_common.seed = (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;
    if (!sov_common.seed_given)
        sov_common.seed >>= 32; /* short enough to be typed again */
    if (sov_common.threads > 0)
        sov_set_threads((unsigned)sov_common.threads);
    if (tmpdir != NULL && tmpdir[0] != '\0')
        return sov_set_tmpdir(tmpdir, err);
    return 0;
}

static void
print_help(const struct sov_tool *tool, const struct sov_opt *table)
{
    printf("Usage: %s [OPTION]...%s%s\n%s: %s\n", tool->name,
           tool->operands[0] != '\0' ? " " : "", tool->operands, tool->name,
           tool->summary);
    sov_opt_help(stdout, table);
    printf("\nExit status: 0 done, 1 the answer is no, 64-78 trouble.  "
           "See %s(1).\n",
           tool->name);
}

/* Everything between the guards and the closing of standard output. */
static int
work(const struct sov_tool *tool, const struct sov_opt *table, int argc,
     char **argv, struct sov_err *err)
{
    int n;
    int rc;

    n = sov_opt_parse(table, argc, argv, err);
    if (want_help) {
        print_help(tool, table); /* also when something behind it is wrong */
        return 0;
    }
    if (n < 0)
        return n;
    if (want_dump) {
        sov_opt_dump(stdout, table);
        return 0;
    }
    if (want_version) {
        printf("%s (sov) %s\n", tool->name, sov_version());
        return 0;
    }
    rc = check_operands(tool, n, argv, err);
    if (rc == 0)
        rc = set_up(err);
    if (rc == 0)
        rc = tool->run(n, argv, err);
    sov_progress_end();
    return rc;
}

/* Has the reader of standard output left?  Where SIGPIPE is ignored, the
 * errno of the write that failed is long gone when it matters. */
static bool
reader_left(void)
{
    struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

    return poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
}

/* A full disk under standard output shows only now. */
static int
close_stdout(struct sov_err *err)
{
    bool failed = ferror(stdout) != 0;
    bool left = failed && reader_left();

    errno = 0;
    if (fclose(stdout) == 0 && !failed)
        return 0;
    if (errno == 0)
        errno = EIO;
    return sov_fail_sys(err,
                        left || errno == EPIPE ? SOV_WHERE_PIPE : SOV_WHERE_ANY,
                        "standard output");
}

int
sov_tool_main(const struct sov_tool *tool, int argc, char **argv)
{
    struct sov_err err = { 0 };
    struct sov_opt *table;
    int status = EX_SOFTWARE;
    int rc;

    tool_name = tool->name;
    sov_guard_streams();
    sov_guard_signals(tool->name);
    table = sov_common_table(tool, own_rows,
                             sizeof(own_rows) / sizeof(own_rows[0]));
    if (table == NULL)
        rc = sov_fail(&err, SOV_EMEM, "out of memory");
    else
        rc = work(tool, table, argc, argv, &err);
    sov_tool_drop_rule();
    sov_common_free(table);

    if (rc == 0 || rc == SOV_ENO) {
        struct sov_err closing = { 0 };

        if (close_stdout(&closing) < 0) {
            err = closing;
            rc = closing.rc;
        }
    }
    if (rc != 0)
        status = sov_tool_status(rc, &err);
    if (status == STATUS_PIPE)
        sov_guard_die_of_pipe();
    if (rc != 0) {
        sov_tool_complain(rc, &err);
        return status;
    }
    return 0;
}
