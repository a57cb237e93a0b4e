/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builds.c - --vs-tool: this build of sov-bench beside another one
 *
 * Each build runs as a process of its own, by turns, each of them first in
 * every other pair.  Both are given the same options, and what counts of a
 * process is the median of a few samples: where its memory came to lie is the
 * same for all of them, and another one in the next process.  So pairs of
 * processes tell two builds apart, and samples of two processes do not.
 *
 * Nothing is asked of the other program but what sov-bench always had: it
 * prints its records as lines of JSON.
 */
#include "bench/bench.h"

#include "cli/common.h"
#include "cli/generate.h"
#include "cli/progress.h"
#include "cli/sandbox.h"
#include "cli/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX    24
#define ARG_MAX_LEN 400
#define INNER_RUNS  "3" /* samples of a process */
#define PAIRS_LEAST 10  /* fewer cannot be beyond doubt */
#define PAIRS_MOST  200
#define SPENT_MOST  4 /* times the time that was asked for */
#define SAID_MAX    200

enum { OURS, OTHER };

struct command {
    char text[ARGS_MAX][ARG_MAX_LEN];
    char *argv[ARGS_MAX + 1];
    size_t n;
};

/* What both make of one cell; the record is that of the first process. */
struct pair {
    struct sov_bench_record record[2];
    double v[2][PAIRS_MOST];
};

struct contest {
    struct command command[2];
    struct pair *pair;
    size_t n_cells;
    size_t n; /* pairs that are done */
    size_t most;
    double start;
    double budget;
};

/* ---- what they are told */

static void SOV_PRINTF(2, 3) add_arg(struct command *c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(c->text[c->n], ARG_MAX_LEN, fmt, ap);
    va_end(ap);
    c->argv[c->n] = c->text[c->n];
    c->n++;
}

static void
add_list(struct command *c, const char *name, const struct bench_list *list,
         bool kv)
{
    char text[ARG_MAX_LEN] = "";
    size_t at = 0;

    for (size_t i = 0; i < list->n; i++) {
        const char *comma = i > 0 ? "," : "";

        at += (size_t)(kv ? snprintf(text + at, sizeof(text) - at, "%s%s",
                                     comma, bench_kv_name(list->v[i]))
                          : snprintf(text + at, sizeof(text) - at, "%s%" PRIu32,
                                     comma, list->v[i]));
    }
    if (list->n > 0)
        add_arg(c, "--%s=%s", name, text);
}

/* The program and the model are named by their own strings, of any length. */
static void
make_command(struct command *c, const char *program, const char *model)
{
    const struct bench_options *o = &bench_options;

    c->n = 0;
    c->argv[c->n++] = (char *)(uintptr_t)program;
    add_arg(c, "--json");
    add_arg(c, "--quiet");
    add_arg(c, "--no-start");
    add_arg(c, "--runs=" INNER_RUNS);
    add_arg(c, "--seconds=2"); /* it bounds how long they warm up */
    add_list(c, "prompt", &o->prompt, false);
    add_list(c, "gen", &o->gen, false);
    add_list(c, "depth", &o->depth, false);
    add_list(c, "batch", &o->batch, false);
    add_list(c, "threads", &o->threads, false);
    add_list(c, "kv", &o->kv, true);
    if (o->precise)
        add_arg(c, "--precise");
    if (sov_common.max_memory > 0)
        add_arg(c, "--max-memory=%" PRIu64, sov_common.max_memory);
    if (sov_sandbox_off)
        add_arg(c, "--no-sandbox");
    if (sov_fake_root[0] != '\0')
        add_arg(c, "--fake-root=%s", sov_fake_root);
    add_arg(c, "--");
    c->argv[c->n++] = (char *)(uintptr_t)model;
    c->argv[c->n] = NULL;
}

/* ---- one process */

_Noreturn static void
become(const struct command *c, int out, int said)
{
    const char *why;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(out, STDOUT_FILENO) >= 0 && dup2(said, STDERR_FILENO) >= 0)
        execvp(c->argv[0], c->argv);
    why = strerror(errno);
    if (write(said, why, strlen(why)) < 0)
        _exit(126);
    _exit(127);
}

/* The first line of what it said. */
static void
read_said(FILE *said, char *buf, size_t size)
{
    rewind(said);
    if (fgets(buf, (int)size, said) == NULL)
        buf[0] = '\0';
    buf[strcspn(buf, "\n")] = '\0';
    for (char *p = buf; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
}

static enum sov_rc
rc_of(int status)
{
    return status == 65 ? SOV_EFORMAT : status == 69 ? SOV_EUNSUP : SOV_EIO;
}

static int
how_it_ended(const char *program, int status, FILE *said, struct sov_err *err)
{
    char words[SAID_MAX];
    const char *from = words;

    if (status == 0)
        return 0;
    read_said(said, words, sizeof(words));
    if (strncmp(words, "sov-bench: ", 11) == 0)
        from += 11;
    if (WIFSIGNALED(status))
        return sov_fail(err, SOV_EIO, "%.160s: ended by signal %d", program,
                        WTERMSIG(status));
    return sov_fail(err, rc_of(WEXITSTATUS(status)), "%.160s: %s%s", program,
                    from[0] != '\0' ? from : "failed with no word",
                    WEXITSTATUS(status) == 64 ? " (is it sov-bench?)" : "");
}

/* For messages. */
static const char *
called(int who)
{
    return who == OURS ? "this build" : bench_options.vs_tool;
}

static int
run_one(const struct contest *t, int who, struct sov_bench_set *set,
        struct sov_err *err)
{
    FILE *said = tmpfile();
    int fd[2] = { -1, -1 };
    char *text = NULL;
    size_t len = 0;
    int status = -1;
    pid_t pid;
    int rc;

    if (said == NULL || pipe2(fd, O_CLOEXEC) < 0) {
        if (said != NULL)
            fclose(said);
        return sov_fail_sys(err, SOV_WHERE_ANY, "pipe");
    }
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        become(&t->command[who], fd[1], fileno(said));
    close(fd[1]);
    rc = pid < 0 ? sov_fail_sys(err, SOV_WHERE_ANY, "fork")
                 : bench_read_all(fd[0], called(who), &text, &len, err);
    close(fd[0]);
    if (pid > 0 && rc < 0)
        kill(pid, SIGKILL);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (rc == 0)
        rc = how_it_ended(called(who), status, said, err);
    if (rc == 0)
        rc = bench_read_records(text, len, called(who), set, err);
    fclose(said);
    free(text);
    return rc;
}

/* ---- pairs of them */

static bool
counts(const struct sov_bench_record *r)
{
    return strcmp(r->metric, "prefill") == 0 ||
           strcmp(r->metric, "decode") == 0;
}

static const struct sov_bench_record *
find_alike(const struct sov_bench_set *set, const struct sov_bench_record *r)
{
    for (size_t i = 0; i < set->n; i++)
        if (sov_bench_record_alike(&set->record[i], r))
            return &set->record[i];
    return NULL;
}

/* From the first pair: which cells there are. */
static int
find_cells(struct contest *t, const struct sov_bench_set set[2],
           struct sov_err *err)
{
    int rc = 0;

    t->pair = calloc(set[OURS].n + 1, sizeof(*t->pair));
    if (t->pair == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < set[OURS].n && rc == 0; i++) {
        const struct sov_bench_record *ours = &set[OURS].record[i];
        const struct sov_bench_record *other = find_alike(&set[OTHER], ours);
        struct pair *p = &t->pair[t->n_cells];

        if (!counts(ours))
            continue;
        if (other == NULL)
            return sov_fail(err, SOV_EUNSUP,
                            "%.160s: does not measure the same cells; name "
                            "them with --prompt, --gen and so on",
                            called(OTHER));
        if (strcmp(ours->model.digest, other->model.digest) != 0)
            return sov_fail(err, SOV_EIO, "%.160s: measured another file",
                            called(OTHER));
        sov_bench_record_start(&p->record[OURS]);
        sov_bench_record_start(&p->record[OTHER]);
        t->n_cells++;
        rc = sov_bench_record_copy(&p->record[OURS], ours, err);
        if (rc == 0)
            rc = sov_bench_record_copy(&p->record[OTHER], other, err);
    }
    if (rc == 0 && t->n_cells == 0)
        rc = sov_fail(err, SOV_EUNSUP, "nothing was measured");
    return rc;
}

static int
take_pair(struct contest *t, const struct sov_bench_set set[2],
          struct sov_err *err)
{
    for (size_t i = 0; i < t->n_cells; i++)
        for (int who = 0; who < 2; who++) {
            struct pair *p = &t->pair[i];
            const struct sov_bench_record *r =
                find_alike(&set[who], &p->record[who]);

            if (r == NULL || !(r->stat.median > 0))
                return sov_fail(err, SOV_EIO, "%.160s: a cell is missing",
                                called(who));
            p->v[who][t->n] = r->stat.median;
        }
    t->n++;
    return 0;
}

static int
measure_pair(struct contest *t, struct sov_err *err)
{
    struct sov_bench_set set[2] = { { 0 }, { 0 } };
    int first = t->n % 2 == 0 ? OURS : OTHER;
    int rc = run_one(t, first, &set[first], err);

    if (rc == 0)
        rc = run_one(t, !first, &set[!first], err);
    if (rc == 0 && t->n_cells == 0)
        rc = find_cells(t, set, err);
    if (rc == 0)
        rc = take_pair(t, set, err);
    sov_progress_update(NULL, t->n, t->most, "pairs");
    sov_bench_set_free(&set[OURS]);
    sov_bench_set_free(&set[OTHER]);
    return rc;
}

static bool
goes_on(const struct contest *t)
{
    double spent = sov_seconds() - t->start;

    if (t->n >= t->most)
        return false;
    if (bench_options.runs > 0 || spent < t->budget)
        return true;
    return t->n < PAIRS_LEAST && spent < SPENT_MOST * t->budget;
}

/* ---- telling it */

static int
set_text(char **to, struct sov_err *err, const char *a, const char *b,
         const char *c, const char *d)
{
    char *text;

    if (asprintf(&text, "%s%s%s%s", a, b, c, d) < 0)
        return sov_fail(err, SOV_EMEM, "out of memory");
    free(*to);
    *to = text;
    return 0;
}

/* The records that a process has made become those of all of them, and of this
 * run. */
static int
tell_one(const struct contest *t, struct pair *p, int who,
         const struct bench_job *job, struct sov_bench_set *set,
         struct sov_err *err)
{
    struct sov_bench_record *from = &p->record[who];
    struct sov_bench_record *r = sov_bench_set_add(set, err);
    int rc = r != NULL ? sov_bench_record_copy(r, from, err) : err->rc;

    if (rc == 0)
        rc = sov_bench_record_samples(r, p->v[who], t->n, err);
    if (rc == 0)
        rc = set_text(&r->time, err, job->time, "", "", "");
    if (rc == 0 && who == OTHER)
        rc = set_text(&r->model.name, err, from->model.name, " (",
                      called(OTHER), ")");
    if (rc < 0)
        return rc;
    memcpy(r->run, job->run, sizeof(r->run));
    r->warmup = 0;
    r->bandwidth_share = r->compute_share = NAN; /* of one process alone */
    r->bytes_per_s = r->flop_per_s = NAN;
    return 0;
}

static int
tell_ratio(const struct contest *t, struct pair *p, const struct bench_job *job,
           struct sov_bench_set *set, struct sov_err *err)
{
    double v[PAIRS_MOST];
    struct sov_bench_ratio ratio;
    struct sov_bench_record *r;
    int rc = tell_one(t, p, OURS, job, set, err);

    if (rc < 0)
        return rc;
    r = &set->record[set->n - 1];
    for (size_t i = 0; i < t->n; i++)
        v[i] = p->v[OURS][i] / p->v[OTHER][i];
    rc = sov_bench_record_metric(r, "ratio", err);
    if (rc == 0)
        rc = sov_bench_record_samples(r, v, t->n, err);
    if (rc == 0)
        rc = sov_bench_pairs(p->v[OURS], p->v[OTHER], t->n, 0.95, &ratio, err);
    if (rc == 0)
        rc = set_text(&r->cell.text, err, called(OTHER), "", "", "");
    if (rc == 0)
        rc = set_text(&r->note, err, called(OTHER), " is ",
                      p->record[OTHER].machine.sov, "");
    if (rc < 0)
        return rc;
    bench_set_ratio(r, &ratio);
    return 0;
}

static int
tell(const struct contest *t, const struct bench_job *job,
     struct sov_bench_set *set, struct sov_err *err)
{
    int rc = 0;

    for (int who = 0; who < 2; who++)
        for (size_t i = 0; i < t->n_cells && rc == 0; i++)
            rc = tell_one(t, &t->pair[i], who, job, set, err);
    for (size_t i = 0; i < t->n_cells && rc == 0; i++)
        rc = tell_ratio(t, &t->pair[i], job, set, err);
    return rc;
}

int
bench_builds(const struct bench_job *job, const char *model,
             struct sov_bench_set *set, struct sov_err *err)
{
    const struct bench_options *o = &bench_options;
    struct contest *t;
    int rc = 0;

    if (strcmp(model, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--vs-tool: each process reads the model anew: "
                        "standard input will not do");
    if (access(model, R_OK) != 0)
        return sov_fail_sys(err, SOV_WHERE_INPUT, "%s", model);
    t = calloc(1, sizeof(*t));
    if (t == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    t->most =
        o->runs > 0 && o->runs < PAIRS_MOST ? (size_t)o->runs : PAIRS_MOST;
    t->budget = o->seconds > 0 ? o->seconds : BENCH_SECONDS;
    t->start = sov_seconds();
    make_command(&t->command[OURS], "/proc/self/exe", model);
    make_command(&t->command[OTHER], o->vs_tool, model);
    sov_progress_begin("pairs");
    while (rc == 0 && goes_on(t))
        rc = measure_pair(t, err);
    sov_progress_end();
    if (rc == 0)
        rc = tell(t, job, set, err);
    for (size_t i = 0; i < t->n_cells; i++) {
        sov_bench_record_free(&t->pair[i].record[OURS]);
        sov_bench_record_free(&t->pair[i].record[OTHER]);
    }
    free(t->pair);
    free(t);
    return rc;
}
