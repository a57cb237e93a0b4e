/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.c - the process that opens models, and what it hands over
 *
 * A model is input that nobody trusts.  The process that reads it has sealed
 * itself (cli/sandbox.h), and cannot write files; what it found goes through a
 * pipe to its parent, which has never seen the model:
 *
 *     struct end { rc, err }   how it ended
 *     lines                    the records, as in a history, if rc is 0
 *
 * The parent believes no more of it than of a history that it reads.
 */
#include "bench/bench.h"

#include "cli/tool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINES_MAX ((size_t)256 << 20) /* bytes that the parent takes */

struct end {
    int rc;
    struct sov_err err;
};

static const char name[] = "the model's process"; /* for messages */
static pid_t worker_pid = -1;

void
bench_worker_kill(void)
{
    if (worker_pid > 0)
        kill(worker_pid, SIGKILL);
}

/* ---- the child */

static bool
put(int fd, const void *buf, size_t len)
{
    const char *p = buf;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno != EINTR)
            return false;
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool
put_records(int fd, const struct sov_bench_set *set)
{
    struct sov_err err;
    bool ok = true;
    char *line;
    size_t len;

    for (size_t i = 0; i < set->n && ok; i++) {
        if (sov_bench_record_write(&set->record[i], &line, &len, &err) < 0)
            return false;
        ok = put(fd, line, len);
        free(line);
    }
    return ok;
}

_Noreturn static void
child(int fd, bench_work_fn work, void *arg)
{
    struct sov_bench_set set = { 0 };
    struct end end;
    bool ok;

    memset(&end, 0, sizeof(end));
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    end.rc = work(arg, &set, &end.err);
    ok = put(fd, &end, sizeof(end));
    if (end.rc == 0)
        ok = ok && put_records(fd, &set);
    fflush(NULL);
    _exit(ok ? 0 : 1);
}

/* ---- the parent */

int
bench_read_all(int fd, const char *who, char **text, size_t *len,
               struct sov_err *err)
{
    size_t cap = 0;
    ssize_t n = 1;

    *text = NULL;
    *len = 0;
    while (n != 0) {
        if (cap - *len < 4096) {
            char *more = realloc(*text, cap += cap / 2 + 65536);

            if (more == NULL)
                return sov_fail(err, SOV_EMEM, "out of memory");
            *text = more;
        }
        n = read(fd, *text + *len, cap - *len);
        if (n < 0 && errno != EINTR)
            return sov_fail_sys(err, SOV_WHERE_ANY, "%.160s", who);
        *len += n > 0 ? (size_t)n : 0;
        if (*len > LINES_MAX)
            return sov_fail(err, SOV_EFORMAT, "%.160s: says too much", who);
    }
    return 0;
}

int
bench_read_records(const char *p, size_t len, const char *who,
                   struct sov_bench_set *set, struct sov_err *err)
{
    int rc = 0;

    while (len > 0 && rc == 0) {
        const char *end = memchr(p, '\n', len);
        size_t n = end != NULL ? (size_t)(end - p) + 1 : len;
        struct sov_bench_record *r = sov_bench_set_add(set, err);

        if (r == NULL)
            return err->rc;
        rc = sov_bench_record_read(r, p, n, err);
        p += n;
        len -= n;
    }
    return rc < 0 ? sov_err_wrap(err, "%.160s", who) : 0;
}

static int
take(const char *text, size_t len, int status, struct sov_bench_set *set,
     struct sov_err *err)
{
    struct end end;

    if (len < sizeof(end)) {
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
            return sov_fail(err, SOV_EMEM,
                            "the process that runs the model was killed; is "
                            "there enough memory?");
        if (WIFSIGNALED(status))
            return sov_fail(err, SOV_EIO,
                            "the process that runs the model ended by signal "
                            "%d",
                            WTERMSIG(status));
        return sov_fail(err, SOV_EIO,
                        "the process that runs the model ended early");
    }
    memcpy(&end, text, sizeof(end));
    if (end.rc == 0 && status == 0)
        return bench_read_records(text + sizeof(end), len - sizeof(end), name,
                                  set, err);
    end.err.msg[sizeof(end.err.msg) - 1] = '\0';
    *err = end.err;
    if (end.rc < 0 && end.rc >= SOV_EDENY)
        return err->rc = (enum sov_rc)end.rc;
    return sov_fail(err, SOV_EIO, "the process that runs the model failed");
}

int
bench_work(bench_work_fn work, void *arg, struct sov_bench_set *set,
           struct sov_err *err)
{
    char *text = NULL;
    size_t len = 0;
    int status = -1;
    int fd[2];
    int rc;

    fflush(NULL);
    if (pipe(fd) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "pipe");
    worker_pid = fork();
    if (worker_pid == 0) {
        close(fd[0]);
        child(fd[1], work, arg);
    }
    close(fd[1]);
    if (worker_pid < 0) {
        close(fd[0]);
        return sov_fail_sys(err, SOV_WHERE_ANY, "fork");
    }
    rc = bench_read_all(fd[0], name, &text, &len, err);
    close(fd[0]);
    if (rc < 0)
        bench_worker_kill();
    while (waitpid(worker_pid, &status, 0) < 0 && errno == EINTR)
        continue;
    worker_pid = -1;
    if (rc == 0)
        rc = take(text, len, status, set, err);
    free(text);
    return rc;
}
