/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manners.c - how to be a good guest: of other benchmarks, of other programs,
 * and of whoever reads cron's mail
 *
 * Two benchmarks at once measure each other.  The lock is on the folder for
 * temporary files itself, which all users of a machine have; nothing is
 * written, and it ends with the process, however that ends.
 */
#include "bench/bench.h"

#include "cli/common.h"
#include "cli/tool.h"
#include "sov/io.h"
#include "sov/power.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>

static char timeout_words[96];

static void
on_timeout(int sig)
{
    ssize_t n;

    (void)sig;
    bench_worker_kill();
    sov_sink_cleanup();
    n = write(STDERR_FILENO, timeout_words, strlen(timeout_words));
    (void)n; /* there is nobody left to tell */
    _exit(EX_TEMPFAIL);
}

static int
set_timeout(double seconds, struct sov_err *err)
{
    struct itimerval timer;
    struct sigaction sa;

    if (seconds <= 0)
        return 0;
    snprintf(timeout_words, sizeof(timeout_words),
             "%s: not done within %g seconds\n", sov_tool_name(), seconds);
    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = on_timeout;
    sigemptyset(&sa.sa_mask);
    memset(&timer, 0, sizeof(timer));
    timer.it_value.tv_sec = (time_t)seconds;
    timer.it_value.tv_usec =
        (suseconds_t)((seconds - (double)timer.it_value.tv_sec) * 1e6);
    if (sigaction(SIGALRM, &sa, NULL) < 0 ||
        setitimer(ITIMER_REAL, &timer, NULL) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "--timeout");
    return 0;
}

static int
set_nice(int64_t nice, bool given, struct sov_err *err)
{
    if (!given || setpriority(PRIO_PROCESS, 0, (int)nice) == 0)
        return 0;
    if (errno == EACCES || errno == EPERM)
        return sov_fail(err, SOV_EDENY, "--nice %d: %s", (int)nice,
                        strerror(errno));
    return sov_fail_sys(err, SOV_WHERE_ANY, "--nice");
}

/* Open until the end of the process, and of its children. */
static int
take_lock(enum sov_lock how, struct sov_err *err)
{
    const char *dir = getenv("TMPDIR");
    int fd;

    if (how == SOV_LOCK_NONE)
        return 0;
    if (dir == NULL || dir[0] == '\0')
        dir = "/tmp";
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "--lock: %s", dir);
    while (flock(fd, how == SOV_LOCK_FAIL ? LOCK_EX | LOCK_NB : LOCK_EX) < 0) {
        if (errno == EINTR)
            continue;
        if (errno == EWOULDBLOCK) {
            close(fd);
            sov_fail(err, SOV_EIO, "another benchmark is running");
            err->where = SOV_WHERE_LOCK;
            return SOV_EIO;
        }
        close(fd);
        return sov_fail_sys(err, SOV_WHERE_ANY, "--lock: %s", dir);
    }
    return 0;
}

/* Asked for, energy is measured or nothing is. */
static int
need_energy(struct sov_err *err)
{
    sov_power *power;
    double joules;
    int rc = sov_power_open(&power, sov_fake_root, err);

    if (rc < 0)
        return rc;
    if (!sov_power_joules(power, &joules))
        rc = sov_fail(err, SOV_EUNSUP, "--require-energy: %s",
                      sov_power_why(power));
    sov_power_close(power);
    return rc;
}

int
bench_behave(struct sov_err *err)
{
    const struct bench_options *o = &bench_options;
    int rc = set_timeout(o->timeout, err);

    if (rc == 0)
        rc = set_nice(o->nice, o->nice_given, err);
    if (rc == 0 && o->require_energy)
        rc = need_energy(err);
    return rc == 0 ? take_lock((enum sov_lock)o->lock, err) : rc;
}
