/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start.c - from nothing to the first token
 *
 * Each time a process is made that does what a user's would: it opens the
 * model, its tokenizer and a session, reads a prompt and chooses a token.  It
 * sends a few numbers through a pipe, its most memory among them, and ends.  It
 * seals itself before it touches the model.
 *
 * Cold means that the pages of the model's files are not in memory.  They are
 * given up by posix_fadvise(), which the kernel does not do with pages that
 * somebody else has mapped, or that a file system without a disk has; whether
 * it did is asked with mincore() before anything is timed.
 */
#include "bench/bench.h"

#include "cli/generate.h"
#include "cli/progress.h"
#include "cli/sandbox.h"
#include "cli/tool.h"
#include "sov/base.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WARM_MOST  6
#define COLD_MOST  6
#define START_RUNS 11
#define LEFT_MOST  0.02 /* share of the pages that may stay in memory */

/* What such a process sends; its bytes are numbers and a text that ends. */
struct found {
    int rc;
    struct sov_err err;
    double load;
    double first;
    double memory;
    double left; /* share of the files that stayed in memory */
    uint32_t prompt;
};

struct series {
    double v[BENCH_RUNS_MAX];
    size_t n;
};

static void
append(struct series *s, double v)
{
    if (s->n < BENCH_RUNS_MAX)
        s->v[s->n++] = v;
}

/* ---- the page cache */

/* Bytes of the pages of a file that are in memory. */
static double
resident(int fd, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t n = (size + page - 1) / page;
    unsigned char *in = malloc(n);
    void *p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    size_t count = 0;

    if (in != NULL && p != MAP_FAILED && mincore(p, size, in) == 0)
        for (size_t i = 0; i < n; i++)
            count += in[i] & 1;
    else
        count = n;
    if (p != MAP_FAILED)
        munmap(p, size);
    free(in);
    return (double)count * (double)page;
}

static void
drop_file(const char *path, double *all, double *left)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        fdatasync(fd); /* pages that are not written yet would stay */
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        *all += (double)st.st_size;
        *left += resident(fd, (size_t)st.st_size);
    }
    close(fd);
}

/* The share that stays. */
static double
drop_files(const sov_model *model)
{
    const char *const *paths;
    size_t n = sov_model_files(model, &paths);
    double all = 0;
    double left = 0;

    for (size_t i = 0; i < n; i++)
        drop_file(paths[i], &all, &left);
    return all > 0 ? left / all : 1;
}

/* ---- the process */

static uint32_t
choose_prompt(void)
{
    const struct bench_list *list = &bench_options.prompt;

    for (size_t i = 0; i < list->n; i++)
        if (list->v[i] > 0)
            return list->v[i];
    return 1;
}

/* The grid goes by the model; and its files are known by it alone. */
static int
look_first(const char *path, bool cold, struct found *f, struct sov_err *err)
{
    struct bench_model m;
    int rc = bench_model_peek(&m, path, err);

    if (rc == 0) {
        bench_choose_grid(&m);
        f->prompt = choose_prompt();
        if (cold)
            f->left = drop_files(m.lm.model);
    }
    bench_model_close(&m);
    return rc;
}

static int
read_prompt(const struct sov_lm *lm, uint32_t n, struct sov_err *err)
{
    int32_t *ids = calloc(n, sizeof(*ids));
    uint32_t vocab = sov_session_vocab(lm->session);
    struct sov_sampler_opts opts;
    sov_sampler *sampler = NULL;
    int rc;

    if (ids == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (uint32_t i = 0; i < n; i++)
        ids[i] = (int32_t)((3 + (uint64_t)i * 7919) % vocab);
    sov_sampler_defaults(&opts);
    opts.temp = 0;
    rc = sov_sampler_new(&sampler, &opts, vocab, err);
    if (rc == 0)
        rc = sov_session_eval(lm->session, ids, n, SOV_LOGITS_LAST, err);
    if (rc == 0)
        (void)sov_sample(sampler, sov_session_logits(lm->session, 0), ids, n,
                         n);
    sov_sampler_free(sampler);
    free(ids);
    return rc;
}

static int
run_once(const char *path, struct found *f, struct sov_err *err)
{
    struct sov_session_opts opts = {
        .n_ctx = f->prompt + 1,
        .precise = bench_options.precise,
        .kv = (enum sov_kv_form)bench_options.kv.v[0],
        .max_memory = sov_common.max_memory,
        .other = sov_memory_used(),
    };
    double from = sov_seconds();
    struct sov_lm lm;
    struct rusage usage;
    int rc = sov_lm_choose(&lm, path, err);

    if (rc == 0)
        rc = sov_lm_open(&lm, SOV_ACCESS_MAP, NULL, 0, err);
    if (rc == 0 && sov_lm_open_tok(&lm, NULL) < 0)
        lm.tok = NULL; /* a model without one can be timed, too */
    if (rc == 0)
        rc = sov_lm_open_session(&lm, &opts, err);
    f->load = sov_seconds() - from;
    if (rc == 0)
        rc = read_prompt(&lm, f->prompt, err);
    f->first = sov_seconds() - from;
    if (rc == 0 && getrusage(RUSAGE_SELF, &usage) == 0)
        f->memory = (double)usage.ru_maxrss * 1024;
    sov_lm_close(&lm);
    return rc;
}

/* Nothing is said by it: whatever there is to say will be said by the process
 * that measures speed. */
_Noreturn static void
child(int fd, const char *path, bool cold)
{
    struct found f;

    memset(&f, 0, sizeof(f));
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sov_common.quiet = true;
    sov_common.verbose = 0;
    sov_sandbox_begin(NULL, 0);
    f.rc = look_first(path, cold, &f, &f.err);
    sov_set_threads(bench_most(&bench_options.threads));
    if (f.rc == 0)
        f.rc = run_once(path, &f, &f.err);
    _exit(write(fd, &f, sizeof(f)) == (ssize_t)sizeof(f) ? 0 : 1);
}

static int
measure_once(const char *path, bool cold, struct found *f, struct sov_err *err)
{
    int fd[2];
    int status;
    ssize_t n;
    pid_t pid;

    if (pipe(fd) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "pipe");
    pid = fork();
    if (pid == 0) {
        close(fd[0]);
        child(fd[1], path, cold);
    }
    close(fd[1]);
    if (pid < 0) {
        close(fd[0]);
        return sov_fail_sys(err, SOV_WHERE_ANY, "fork");
    }
    do {
        n = read(fd[0], f,
                 sizeof(*f)); /* at once: it is less than a pipe has */
    } while (n < 0 && errno == EINTR);
    close(fd[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (n != (ssize_t)sizeof(*f))
        return sov_fail(err, SOV_EIO,
                        "the process that opens the model ended early");
    f->err.msg[sizeof(f->err.msg) - 1] = '\0';
    if (f->rc < 0)
        *err = f->err;
    return f->rc;
}

/* ---- the program itself */

/* Seconds that it takes to begin, and to end, with nothing to do. */
static double
start_once(void)
{
    static char name[] = "sov-bench";
    static char version[] = "--version";
    char *argv[] = { name, version, NULL };
    double from = sov_seconds();
    pid_t pid = fork();
    int status;
    int null;

    if (pid == 0) {
        null = open("/dev/null", O_WRONLY);
        if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
            _exit(126);
        execv("/proc/self/exe", argv);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (pid < 0 || status != 0)
        return NAN;
    return sov_seconds() - from;
}

/* ---- all of it */

struct bench_start {
    struct series load, first, first_cold, memory, start;
    uint32_t prompt;
    char why[120]; /* there is no cold figure */
};

/* A series ends by number, or once it has had its part of the time. */
static bool
more(size_t n, size_t most, double from)
{
    double budget =
        bench_options.seconds > 0 ? bench_options.seconds : BENCH_SECONDS;

    if (bench_options.runs > 0)
        return n < bench_options.runs && n < most;
    return n < most && (n == 0 || sov_seconds() - from < budget / 6);
}

static int
measure_warm(struct bench_start *s, const char *path, struct sov_err *err)
{
    struct found f;
    int rc = measure_once(path, false, &f, err); /* it becomes warm by it */
    double from = sov_seconds();

    for (size_t n = 0; rc == 0 && more(n, WARM_MOST, from); n++) {
        rc = measure_once(path, false, &f, err);
        if (rc < 0)
            break;
        s->prompt = f.prompt;
        append(&s->load, f.load);
        append(&s->first, f.first);
        append(&s->memory, f.memory);
    }
    return rc;
}

static int
measure_cold(struct bench_start *s, const char *path, struct sov_err *err)
{
    double from = sov_seconds();
    struct found f;
    int rc = 0;

    for (size_t n = 0; rc == 0 && more(n, COLD_MOST, from); n++) {
        rc = measure_once(path, true, &f, err);
        if (rc == 0 && f.left > LEFT_MOST) {
            snprintf(s->why, sizeof(s->why),
                     "no cold figure: %.0f %% of the file stay in memory",
                     100 * f.left);
            return 0;
        }
        if (rc == 0)
            append(&s->first_cold, f.first);
    }
    return rc;
}

/* Can it be opened again and again? */
static bool
is_plain(const char *path)
{
    struct stat st;

    return strcmp(path, "-") != 0 && stat(path, &st) == 0 &&
           (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

int
bench_start_measure(struct bench_start **start, const char *path,
                    struct sov_err *err)
{
    struct bench_start *s = calloc(1, sizeof(*s));
    double took;
    int rc = 0;

    *start = s;
    if (s == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    if (!bench_options.start || !is_plain(path))
        return 0;
    for (size_t i = 0; i < START_RUNS; i++) {
        took = start_once();
        if (i > 0 && isfinite(took))
            append(&s->start, took);
    }
    if (bench_options.cold)
        rc = measure_cold(s, path, err);
    return rc == 0 ? measure_warm(s, path, err) : rc;
}

static struct sov_bench_record *
tell(struct bench_job *job, struct sov_bench_set *set, size_t m,
     const char *metric, const struct sov_bench_cell *cell,
     const struct series *s, struct sov_err *err)
{
    return bench_add(job, set, m, metric, cell, s->v, s->n, err);
}

int
bench_start_tell(const struct bench_start *s, struct bench_job *job, size_t m,
                 struct sov_bench_set *set, struct sov_err *err)
{
    struct sov_bench_cell open = {
        .threads = bench_most(&bench_options.threads),
        .kv = (char *)(uintptr_t)bench_kv_name(bench_options.kv.v[0]),
    };
    struct sov_bench_cell first = open;
    struct sov_bench_cell none = { 0 };
    struct sov_bench_record *r;

    first.prompt = s->prompt;
    first.gen = 1;
    if (m == 0 && s->start.n > 0 &&
        tell(job, set, m, "start", &none, &s->start, err) == NULL)
        return err->rc;
    if (s->load.n == 0)
        return 0;
    if (tell(job, set, m, "load", &open, &s->load, err) == NULL ||
        tell(job, set, m, "peak_memory", &first, &s->memory, err) == NULL)
        return err->rc;
    r = tell(job, set, m, "first_token", &first, &s->first, err);
    if (r == NULL)
        return err->rc;
    if (s->why[0] != '\0' && (r->note = strdup(s->why)) == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    if (s->first_cold.n > 0 && tell(job, set, m, "first_token_cold", &first,
                                    &s->first_cold, err) == NULL)
        return err->rc;
    return 0;
}

void
bench_start_free(struct bench_start *s)
{
    free(s);
}
