/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noise.c - what disturbs a measurement
 *
 *     pressure    /proc/pressure/cpu, memory: "some ... total=" is the time in
 *                 microseconds that something had to wait
 *     steal       /proc/stat, "cpu": what a hypervisor gave to others, of all
 *     throttled   cpu.stat of our control group: nr_throttled of nr_periods
 *     frequency   scaling_cur_freq of each processor; /proc/cpuinfo where
 *                 there is none
 *
 * Everything is opened once and read from its beginning again.
 */
#include "sov/machine.h"

#include "base/mem.h"
#include "sys/cgroup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CPUS_MAX 64 /* whose frequency is read */
#define TEXT_LEN 65536

/* What is read at one time; NaN where it is not known. */
struct look {
    double at;                    /* seconds */
    double cpu_wait, memory_wait; /* seconds */
    double steal, all;            /* ticks */
    double throttled, periods;
    double frequency; /* mean, in any unit */
};

struct sov_noise {
    int pressure_cpu;
    int pressure_memory;
    int stat;
    int group;
    int cpuinfo;
    int frequency[CPUS_MAX];
    size_t n_cpus;
    struct look first;
    double drift; /* the largest so far */
    char text[TEXT_LEN];
};

static double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int
open_under(const char *root, const char *file)
{
    char path[1024];
    int n = snprintf(path, sizeof(path), "%s%s", root, file);

    return n > 0 && (size_t)n < sizeof(path) ? open(path, O_RDONLY | O_CLOEXEC)
                                             : -1;
}

int
sov_noise_open(sov_noise **noise, const char *root, struct sov_err *err)
{
    sov_noise *n = sov_mem_array(1, sizeof(*n));
    char path[4400];
    int fd;

    *noise = NULL;
    if (n == NULL)
        return sov_mem_fail(err);
    n->pressure_cpu = open_under(root, "/proc/pressure/cpu");
    n->pressure_memory = open_under(root, "/proc/pressure/memory");
    n->stat = open_under(root, "/proc/stat");
    n->group = sov_cgroup_find(root, "cpu", "cpu.stat", path, sizeof(path))
                   ? open(path, O_RDONLY | O_CLOEXEC)
                   : -1;
    n->cpuinfo = open_under(root, "/proc/cpuinfo");
    for (size_t i = 0; i < CPUS_MAX; i++) {
        snprintf(path, sizeof(path),
                 "/sys/devices/system/cpu/cpu%zu/cpufreq/scaling_cur_freq", i);
        fd = open_under(root, path);
        if (fd >= 0)
            n->frequency[n->n_cpus++] = fd;
    }
    *noise = n;
    return 0;
}

static void
close_one(int fd)
{
    if (fd >= 0)
        close(fd);
}

void
sov_noise_close(sov_noise *n)
{
    if (n == NULL)
        return;
    close_one(n->pressure_cpu);
    close_one(n->pressure_memory);
    close_one(n->stat);
    close_one(n->group);
    close_one(n->cpuinfo);
    for (size_t i = 0; i < n->n_cpus; i++)
        close_one(n->frequency[i]);
    free(n);
}

/* ---- reading */

/* All of a small file, or its beginning. */
static bool
read_text(sov_noise *n, int fd)
{
    size_t len = 0;
    ssize_t got = 1;

    while (fd >= 0 && got > 0 && len + 1 < TEXT_LEN) {
        got = pread(fd, n->text + len, TEXT_LEN - 1 - len, (off_t)len);
        if (got > 0)
            len += (size_t)got;
    }
    n->text[len] = '\0';
    return len > 0;
}

/* The number behind the first key in text that begins a line; NaN. */
static double
number_after(const char *text, const char *key)
{
    size_t len = strlen(key);

    for (const char *p = text; p != NULL; p = strchr(p, '\n')) {
        p += *p == '\n';
        if (strncmp(p, key, len) == 0 && p[len] == ' ')
            return strtod(p + len, NULL);
    }
    return NAN;
}

static double
read_pressure(sov_noise *n, int fd)
{
    const char *total;

    if (!read_text(n, fd) || strncmp(n->text, "some ", 5) != 0)
        return NAN;
    total = strstr(n->text, "total=");
    return total != NULL ? strtod(total + 6, NULL) * 1e-6 : NAN;
}

/* cpu  user nice system idle iowait irq softirq steal ... */
static void
read_stat(sov_noise *n, struct look *l)
{
    unsigned long long v[8];

    l->steal = l->all = NAN;
    if (!read_text(n, n->stat) ||
        sscanf(n->text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0],
               &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 8)
        return;
    l->steal = (double)v[7];
    l->all = 0;
    for (size_t i = 0; i < 8; i++)
        l->all += (double)v[i];
}

/* "cpu MHz : 2600.000", a line for each processor. */
static double
read_cpuinfo(sov_noise *n)
{
    double sum = 0;
    size_t k = 0;

    if (!read_text(n, n->cpuinfo))
        return NAN;
    for (const char *p = strstr(n->text, "cpu MHz"); p != NULL;
         p = strstr(p + 1, "cpu MHz")) {
        const char *colon = strchr(p, ':');

        if (colon == NULL)
            break;
        sum += strtod(colon + 1, NULL);
        k++;
    }
    return k > 0 ? sum / (double)k : NAN;
}

static double
read_frequency(sov_noise *n)
{
    double sum = 0;

    for (size_t i = 0; i < n->n_cpus; i++)
        if (read_text(n, n->frequency[i]))
            sum += strtod(n->text, NULL);
    return n->n_cpus > 0 ? sum / (double)n->n_cpus : read_cpuinfo(n);
}

static struct look
look(sov_noise *n)
{
    struct look l = { .at = seconds() };

    l.cpu_wait = read_pressure(n, n->pressure_cpu);
    l.memory_wait = read_pressure(n, n->pressure_memory);
    read_stat(n, &l);
    l.throttled = l.periods = NAN;
    if (read_text(n, n->group)) {
        l.throttled = number_after(n->text, "nr_throttled");
        l.periods = number_after(n->text, "nr_periods");
    }
    l.frequency = read_frequency(n);
    return l;
}

static void
note_drift(sov_noise *n, double now)
{
    double drift = fabs(now - n->first.frequency) / n->first.frequency;

    if (isfinite(drift) && !(drift <= n->drift))
        n->drift = drift;
}

void
sov_noise_begin(sov_noise *n)
{
    n->first = look(n);
    n->drift = NAN;
}

void
sov_noise_look(sov_noise *n)
{
    note_drift(n, read_frequency(n));
}

/* A share of 0 to 1; counters that went back, or stood, tell nothing. */
static double
share(double part, double all)
{
    double s = all > 0 ? part / all : NAN;

    if (!(s >= 0))
        return NAN;
    return s < 1 ? s : 1;
}

void
sov_noise_end(sov_noise *n, struct sov_bench_noise *found)
{
    struct look now = look(n);
    const struct look *was = &n->first;
    double took = now.at - was->at;

    note_drift(n, now.frequency);
    found->cpu_pressure = share(now.cpu_wait - was->cpu_wait, took);
    found->memory_pressure = share(now.memory_wait - was->memory_wait, took);
    found->steal = share(now.steal - was->steal, now.all - was->all);
    found->throttled =
        share(now.throttled - was->throttled, now.periods - was->periods);
    found->frequency_drift = n->drift;
}
