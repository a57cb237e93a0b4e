/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_test.c - from inside the seals, try what must not be possible
 *
 * Each attempt is such that it does no harm where it is not refused, and that
 * its error then is another one than that of a refusal.
 */
#include "cli/report.h"
#include "cli/sandbox.h"
#include "cli/tool.h"
#include "sov/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_THREADS 4096

/* What /proc says of each thread, opened while that was possible. */
static int status_of[N_THREADS];
static size_t n_status;

static long
no_descriptor(long fd)
{
    if (fd >= 0)
        close((int)fd);
    return fd;
}

static long
try_read(void)
{
    return no_descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

static long
try_write(void)
{
    return no_descriptor(open("/dev/null", O_WRONLY | O_CLOEXEC));
}

static long
try_create(void)
{
    return no_descriptor(
        open(".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
}

static long
try_list(void)
{
    return no_descriptor(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static long
try_socket(void)
{
    return no_descriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static long
try_unix_socket(void)
{
    return no_descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static long
try_exec(void)
{
    char *const none[] = { NULL };

    return execve("", none, none);
}

/* Who comes to life leaves at once. */
static long
no_child(long pid)
{
    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid((pid_t)pid, NULL, 0);
    return pid;
}

static long
try_fork(void)
{
    return no_child(fork());
}

static long
try_clone(void)
{
    return no_child(syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L));
}

static long
try_clone3(void)
{
    return syscall(SYS_clone3, NULL, (size_t)0);
}

static long
try_ptrace(void)
{
    errno = 0;
    return ptrace(PTRACE_CONT, getppid(), NULL, NULL);
}

static long
try_signal(void)
{
    return kill(getppid(), 0);
}

static long
try_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return -1;
    munmap(p, 4096);
    return 0;
}

static long
try_ring(void)
{
    return syscall(SYS_io_uring_setup, 1u, NULL);
}

static long
try_unshare(void)
{
    return unshare(0);
}

static const struct attempt {
    const char *name;
    const char *label;
    long (*fn)(void);
} attempts[] = {
    { "open_read", "open a file to read", try_read },
    { "open_write", "open a file to write", try_write },
    { "create", "create a file", try_create },
    { "list", "open a directory", try_list },
    { "socket", "make an internet socket", try_socket },
    { "socket_unix", "make a local socket", try_unix_socket },
    { "exec", "start a program", try_exec },
    { "fork", "fork", try_fork },
    { "clone", "clone a process", try_clone },
    { "clone3", "clone3 a process", try_clone3 },
    { "ptrace", "trace another process", try_ptrace },
    { "signal", "signal another process", try_signal },
    { "code", "make memory executable", try_code },
    { "io_uring", "set up an io_uring", try_ring },
    { "unshare", "enter a namespace", try_unshare },
};

void
sov_sandbox_watch(void)
{
    DIR *d;
    struct dirent *e;
    char path[64 + sizeof(e->d_name)];

    sov_threads_ready();
    d = opendir("/proc/self/task");
    while (d != NULL && (e = readdir(d)) != NULL && n_status < N_THREADS) {
        int fd;

        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "/proc/self/task/%s/status", e->d_name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
            status_of[n_status++] = fd;
    }
    if (d != NULL)
        closedir(d);
}

/* Is the thread under a filter?  One that has ended is under none. */
static bool
is_filtered(int fd, bool *gone)
{
    char text[4096];
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    const char *line;

    *gone = n < 0 && errno == ESRCH;
    if (n <= 0)
        return false;
    text[n] = '\0';
    line = strstr(text, "\nSeccomp:");
    return line != NULL && strtol(line + 9, NULL, 10) == 2;
}

static bool
report_threads(struct sov_report *report)
{
    size_t filtered = 0;
    size_t all = 0;

    for (size_t i = 0; i < n_status; i++) {
        bool gone;

        filtered += is_filtered(status_of[i], &gone);
        all += !gone;
        close(status_of[i]);
    }
    n_status = 0;
    sov_report_uint(report, "threads", "threads", all);
    sov_report_uint(report, "threads_sealed", "of them sealed", filtered);
    return all > 0 && filtered == all;
}

int
sov_sandbox_test(struct sov_err *err)
{
    struct sov_report *report = sov_report_new("sov.sandbox/1");
    bool sealed = true;
    int rc;

    sov_report_uint(report, "landlock", "Landlock level",
                    (uint64_t)sov_sandbox_landlock());
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        long got;
        int code;
        char what[80];

        errno = 0;
        got = attempts[i].fn();
        code = errno;
        if (got == -1 && (code == EPERM || code == EACCES || code == ENOSYS)) {
            snprintf(what, sizeof(what), "refused");
        } else {
            snprintf(what, sizeof(what), "POSSIBLE%s%s",
                     got == -1 ? ": " : "", got == -1 ? strerror(code) : "");
            sealed = false;
        }
        sov_report_text(report, attempts[i].name, attempts[i].label, what);
    }
    sealed = report_threads(report) && sealed;
    sov_report_text(report, "sealed", "sealed", sealed ? "yes" : "no");
    rc = sov_report_end(report, err);
    if (rc == 0 && !sealed)
        return sov_fail(err, SOV_ENO,
                        "the sandbox does not hold; see above what was "
                        "possible");
    return rc;
}
