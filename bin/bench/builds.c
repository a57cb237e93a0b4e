/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builds.c - --vs-tool: this build of sov-bench beside another one
 *
 * Two processes, one of each build, are there at once and take samples by
 * turns, each of them first in every other turn: a machine that is slow for a
 * second is slow for both.  What counts of them is the typical ratio of their
 * turns (Hodges and Lehmann's), as one pair: where memory came to lie is the
 * same for all turns, and another in the next two processes.
 *
 *     us      'g' -->           <-- 'd'          'g' --> ...
 *     it           warms up            waits          takes a sample ...
 *
 * goes through the descriptor that --turns names; it tells what it measured, as
 * lines of JSON, once all samples are taken or we are gone.  Of a build that
 * does not know --turns nothing is asked but these lines: it runs from the
 * beginning to the end, then this one, then it again, and a pair is the ratio
 * of medians.
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
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX    24
#define ARG_MAX_LEN 400
#define TURNS       8 /* samples of a process, by turns */
#define TURN_FD     3
#define ALONE       3  /* samples of a process that runs alone */
#define PAIRS_LEAST 10 /* fewer cannot be beyond doubt */
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
    double v[2][PAIRS_MOST]; /* medians */
    double ratio[PAIRS_MOST];
};

/* A build at work. */
struct process {
    pid_t pid;
    int out;  /* what it prints */
    int turn; /* the other end of its TURN_FD */
    FILE *said;
};

struct contest {
    struct command command[2];
    struct pair *pair;
    size_t n_cells;
    size_t n; /* pairs that are done */
    size_t most;
    double start;
    double budget;
    bool turns; /* both know them */
    const char *model;
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
make_command(struct command *c, const char *program, const char *model,
             bool turns)
{
    const struct bench_options *o = &bench_options;

    c->n = 0;
    c->argv[c->n++] = (char *)(uintptr_t)program;
    add_arg(c, "--json");
    add_arg(c, "--quiet");
    add_arg(c, "--no-start");
    add_arg(c, "--runs=%d", turns ? TURNS : ALONE);
    if (turns)
        add_arg(c, "--turns=%d", TURN_FD);
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
become(const struct command *c, int out, int turn, int said)
{
    const char *why;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(out, STDOUT_FILENO) >= 0 && dup2(said, STDERR_FILENO) >= 0 &&
        (turn == TURN_FD ? fcntl(turn, F_SETFD, 0) : dup2(turn, TURN_FD)) >= 0)
        execvp(c->argv[0], c->argv);
    why = strerror(errno);
    if (write(STDERR_FILENO, why, strlen(why)) < 0)
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

static void
close_process(struct process *p)
{
    if (p->turn >= 0)
        close(p->turn);
    if (p->out >= 0)
        close(p->out);
    if (p->said != NULL)
        fclose(p->said);
    *p = (struct process){ .pid = -1, .out = -1, .turn = -1 };
}

static int
begin(const struct contest *t, int who, struct process *p, struct sov_err *err)
{
    int out[2] = { -1, -1 };
    int turn[2] = { -1, -1 };

    *p = (struct process){ .pid = -1, .out = -1, .turn = -1 };
    p->said = tmpfile();
    if (p->said != NULL && pipe2(out, O_CLOEXEC) == 0 &&
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, turn) == 0) {
        fflush(NULL);
        p->pid = fork();
        if (p->pid == 0)
            become(&t->command[who], out[1], turn[1], fileno(p->said));
    }
    p->out = out[0];
    p->turn = turn[0];
    if (out[1] >= 0)
        close(out[1]);
    if (turn[1] >= 0)
        close(turn[1]);
    if (p->pid > 0)
        return 0;
    close_process(p);
    return sov_fail_sys(err, SOV_WHERE_ANY, "%.160s", called(who));
}

/* Its turn, until it is done; false: it has ended. */
static bool
take_turn(const struct process *p)
{
    char c = 'g';
    ssize_t n;

    if (send(p->turn, &c, 1, MSG_NOSIGNAL) != 1)
        return false;
    do
        n = read(p->turn, &c, 1);
    while (n < 0 && errno == EINTR);
    return n == 1;
}

/* What it tells in the end; *status is as it ended. */
static int
finish(struct process *p, int who, int *status, struct sov_bench_set *set,
       struct sov_err *err)
{
    char *text = NULL;
    size_t len = 0;
    int rc;

    close(p->turn);
    p->turn = -1;
    rc = bench_read_all(p->out, called(who), &text, &len, err);
    if (rc < 0)
        kill(p->pid, SIGKILL);
    while (waitpid(p->pid, status, 0) < 0 && errno == EINTR)
        continue;
    if (rc == 0)
        rc = how_it_ended(called(who), *status, p->said, err);
    if (rc == 0)
        rc = bench_read_records(text, len, called(who), set, err);
    close_process(p);
    free(text);
    return rc;
}

/* One after the other, from the beginning to the end. */
static int
run_alone(const struct contest *t, int first, struct sov_bench_set set[2],
          struct sov_err *err)
{
    int rc = 0;

    for (int i = 0; i < 2 && rc == 0; i++) {
        int who = i == 0 ? first : !first;
        struct process p;
        int status;

        rc = begin(t, who, &p, err);
        if (rc == 0)
            rc = finish(&p, who, &status, &set[who], err);
    }
    return rc;
}

/* Both at once, by turns: to warm up, and for each sample.  *unknown: the
 * other one has no turns. */
static int
run_turns(const struct contest *t, int first, struct sov_bench_set set[2],
          bool *unknown, struct sov_err *err)
{
    struct process p[2];
    struct sov_err late;
    int status = 0, ours, rc_ours;
    int rc = begin(t, OURS, &p[OURS], err);

    if (rc < 0)
        return rc;
    rc = begin(t, OTHER, &p[OTHER], err);
    for (int i = 0; i <= TURNS && rc == 0; i++) {
        int who = i % 2 == 0 ? first : !first;

        if (!take_turn(&p[who]) || !take_turn(&p[!who]))
            break;
    }
    if (rc == 0)
        rc = finish(&p[OTHER], OTHER, &status, &set[OTHER], err);
    *unknown = WIFEXITED(status) && WEXITSTATUS(status) == 64;
    if (rc < 0)
        kill(p[OURS].pid, SIGKILL);
    rc_ours = finish(&p[OURS], OURS, &ours, &set[OURS], &late);
    if (rc == 0 && rc_ours < 0)
        *err = late;
    return rc < 0 ? rc : rc_ours;
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

/* Of samples that were taken by turns, or of medians. */
static int
take_ratio(const struct contest *t, struct pair *p,
           const struct sov_bench_set set[2], struct sov_err *err)
{
    const struct sov_bench_record *a = find_alike(&set[OURS], p->record);
    const struct sov_bench_record *b = find_alike(&set[OTHER], p->record);
    struct sov_bench_ratio r;
    int rc;

    p->ratio[t->n] = p->v[OURS][t->n] / p->v[OTHER][t->n];
    if (!t->turns || a->n == 0 || a->n != b->n)
        return 0;
    rc = sov_bench_pairs(a->samples, b->samples, a->n, 0.95, &r, err);
    if (rc == 0)
        p->ratio[t->n] = r.ratio;
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
    for (size_t i = 0; i < t->n_cells; i++)
        if (take_ratio(t, &t->pair[i], set, err) < 0)
            return sov_err_wrap(err, "%.160s", called(OTHER));
    t->n++;
    return 0;
}

static void
make_commands(struct contest *t)
{
    make_command(&t->command[OURS], "/proc/self/exe", t->model, t->turns);
    make_command(&t->command[OTHER], bench_options.vs_tool, t->model, t->turns);
}

static int
measure_pair(struct contest *t, struct sov_err *err)
{
    struct sov_bench_set set[2] = { { 0 }, { 0 } };
    int first = t->n % 2 == 0 ? OURS : OTHER;
    bool unknown = false;
    int rc = t->turns ? run_turns(t, first, set, &unknown, err)
                      : run_alone(t, first, set, err);

    if (rc < 0 && unknown && t->n == 0) { /* an older one */
        sov_note(1, "%s knows no turns: process by process", called(OTHER));
        t->turns = false;
        make_commands(t);
        rc = run_alone(t, first, set, err);
    }
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
    double ones[PAIRS_MOST];
    struct sov_bench_ratio ratio;
    struct sov_bench_record *r;
    int rc = tell_one(t, p, OURS, job, set, err);

    if (rc < 0)
        return rc;
    r = &set->record[set->n - 1];
    for (size_t i = 0; i < t->n; i++)
        ones[i] = 1;
    rc = sov_bench_record_metric(r, "ratio", err);
    if (rc == 0)
        rc = sov_bench_record_samples(r, p->ratio, t->n, err);
    if (rc == 0)
        rc = sov_bench_pairs(p->ratio, ones, t->n, 0.95, &ratio, err);
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
    t->turns = true;
    t->model = model;
    make_commands(t);
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
