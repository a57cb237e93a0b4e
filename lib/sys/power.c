/* SPDX-License-Identifier: Apache-2.0 */
/*
 * power.c - energy that was taken, by the processor's own counters
 *
 * A folder of /sys/class/powercap is a zone.  Zones of packages have others
 * in them, by their number:
 *
 *     intel-rapl:0      name package-0    counted
 *     intel-rapl:0:0    name core         is in package-0
 *     intel-rapl:0:1    name dram         counted: no package has it
 *     intel-rapl:1      name psys         the whole machine, package-0 too
 *     intel-rapl-mmio:0 name package-0    the same once more
 *
 * energy_uj counts microjoules from 0 to max_energy_range_uj and begins again.
 * AMD's processors have the same zones.
 *
 * A counter that went round twice between two readings looks as if it had
 * gone round once.  No package takes 1000 W; so as long as the time between
 * them is too short for that even at 1000 W, the answer is sure.
 */
#include "sov/power.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ZONES_MAX 64
#define NAME_LEN  48
#define MOST_W    1000

struct zone {
    char id[NAME_LEN];   /* "intel-rapl:0:1" */
    char name[NAME_LEN]; /* "package-0/dram" */
    int fd;
    uint64_t last;  /* microjoules */
    uint64_t range; /* 0: not told */
};

struct sov_power {
    struct zone zone[ZONES_MAX]; /* in order of id */
    size_t n;
    double at;  /* when they were read, in seconds */
    double sum; /* microjoules */
    char domains[ZONES_MAX * (NAME_LEN + 2)];
    char why[320];
};

static double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Nothing is known from now on. */
static void
give_up(struct sov_power *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->zone[i].fd >= 0)
            close(p->zone[i].fd);
    p->n = 0;
    p->domains[0] = '\0';
}

/* ---- files */

/* The first line of a file that is open, without its end. */
static bool
read_text(int fd, char *text, size_t size)
{
    ssize_t n = pread(fd, text, size - 1, 0);

    if (n <= 0)
        return false;
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return true;
}

static int
open_at(int dir, const char *zone, const char *file)
{
    char path[2 * NAME_LEN];
    int n = snprintf(path, sizeof(path), "%s/%s", zone, file);

    if (n < 0 || (size_t)n >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return openat(dir, path, O_RDONLY | O_CLOEXEC);
}

static bool
read_at(int dir, const char *zone, const char *file, char *text, size_t size)
{
    int fd = open_at(dir, zone, file);
    bool ok = fd >= 0 && read_text(fd, text, size);

    if (fd >= 0)
        close(fd);
    return ok;
}

/* Digits and nothing else. */
static bool
to_count(const char *text, uint64_t *n)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *n = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0;
}

static bool
read_counter(const struct zone *z, uint64_t *n)
{
    char text[32];

    return read_text(z->fd, text, sizeof(text)) && to_count(text, n);
}

/* ---- zones */

static bool
is_package(const char *name)
{
    return strncmp(name, "package", 7) == 0;
}

/* Digits and colons behind the prefix. */
static bool
is_zone(const char *id, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(id, prefix, n) == 0 && id[n] != '\0' &&
           strlen(id) < NAME_LEN &&
           strspn(id + n, "0123456789:") == strlen(id + n);
}

/* A zone that is counted, in its place; its name is of itself alone. */
static void
add_zone(struct sov_power *p, const char *id, const char *name)
{
    size_t i = p->n;

    while (i > 0 && strcmp(p->zone[i - 1].id, id) > 0) {
        p->zone[i] = p->zone[i - 1];
        i--;
    }
    p->zone[i] = (struct zone){ .fd = -1 };
    snprintf(p->zone[i].id, NAME_LEN, "%.47s", id);
    snprintf(p->zone[i].name, NAME_LEN, "%s", name);
    p->n++;
}

/* The zones of one kind: 1, 0 if there is no package among them, or -1 if they
 * are more than there is room for. */
static int
find_zones(struct sov_power *p, DIR *d, const char *prefix)
{
    const struct dirent *e;
    int found = 0;

    p->n = 0;
    rewinddir(d);
    while ((e = readdir(d)) != NULL) {
        char name[NAME_LEN / 2];

        if (!is_zone(e->d_name, prefix) ||
            !read_at(dirfd(d), e->d_name, "name", name, sizeof(name)) ||
            (!is_package(name) && strcmp(name, "dram") != 0))
            continue;
        if (p->n == ZONES_MAX)
            return -1;
        add_zone(p, e->d_name, name);
        if (is_package(name))
            found = 1;
    }
    return found;
}

/* "package-0/dram" for a zone in that of package-0. */
static void
name_whole(struct sov_power *p)
{
    for (size_t i = 0; i < p->n; i++) {
        struct zone *z = &p->zone[i];
        char own[21];

        for (size_t k = 0; k < p->n && !is_package(z->name); k++) {
            size_t len = strlen(p->zone[k].id);

            if (strncmp(z->id, p->zone[k].id, len) != 0 || z->id[len] != ':')
                continue;
            snprintf(own, sizeof(own), "%.20s", z->name);
            snprintf(z->name, NAME_LEN, "%.24s/%s", p->zone[k].name, own);
            break;
        }
        snprintf(p->domains + strlen(p->domains),
                 sizeof(p->domains) - strlen(p->domains), "%s%s",
                 i > 0 ? ", " : "", z->name);
    }
}

static bool
open_zone(struct sov_power *p, int dir, struct zone *z)
{
    char text[32];

    z->fd = open_at(dir, z->id, "energy_uj");
    if (z->fd < 0 || !read_counter(z, &z->last)) {
        snprintf(p->why, sizeof(p->why), "%s: %s", z->name,
                 z->fd < 0 ? strerror(errno) : "its counter is no number");
        return false;
    }
    if (!read_at(dir, z->id, "max_energy_range_uj", text, sizeof(text)) ||
        !to_count(text, &z->range))
        z->range = 0;
    return true;
}

static void
open_zones(struct sov_power *p, DIR *d)
{
    int found = find_zones(p, d, "intel-rapl:");

    if (found == 0)
        found = find_zones(p, d, "intel-rapl-mmio:");
    if (found <= 0) {
        p->n = 0;
        snprintf(p->why, sizeof(p->why), "/sys/class/powercap has %s",
                 found < 0 ? "more counters than can be read at once"
                           : "no counter of a package");
        return;
    }
    name_whole(p);
    for (size_t i = 0; i < p->n; i++)
        if (!open_zone(p, dirfd(d), &p->zone[i])) {
            give_up(p);
            return;
        }
    p->at = seconds();
}

int
sov_power_open(sov_power **power, const char *root, struct sov_err *err)
{
    struct sov_power *p = sov_mem_array(1, sizeof(*p));
    char path[4096];
    DIR *d;

    *power = NULL;
    if (p == NULL)
        return sov_mem_fail(err);
    snprintf(path, sizeof(path), "%s/sys/class/powercap", root);
    d = opendir(path);
    if (d != NULL) {
        open_zones(p, d);
        closedir(d);
    } else {
        snprintf(p->why, sizeof(p->why), "/sys/class/powercap: %s",
                 strerror(errno));
    }
    *power = p;
    return 0;
}

void
sov_power_close(sov_power *p)
{
    if (p == NULL)
        return;
    give_up(p);
    free(p);
}

/* ---- counting */

/* What a zone took since it was read last: false if nobody can tell. */
static bool
take(struct sov_power *p, struct zone *z, double elapsed)
{
    uint64_t now;
    const char *why = NULL;

    if (!read_counter(z, &now))
        why = "cannot be read any more";
    else if (now < z->last && (z->range == 0 || z->last > z->range))
        why = "went back";
    else if (z->range > 0 && elapsed * MOST_W * 1e6 >= (double)z->range)
        why = "may have gone round unseen";
    if (why != NULL) {
        snprintf(p->why, sizeof(p->why), "%s: its counter %s", z->name, why);
        return false;
    }
    p->sum += (double)(now - z->last + (now < z->last ? z->range : 0));
    z->last = now;
    return true;
}

bool
sov_power_joules(sov_power *p, double *joules)
{
    double now = seconds();
    double elapsed = now - p->at;

    if (p->n == 0)
        return false;
    for (size_t i = 0; i < p->n; i++)
        if (!take(p, &p->zone[i], elapsed)) {
            give_up(p);
            return false;
        }
    p->at = now;
    *joules = p->sum * 1e-6;
    return true;
}

const char *
sov_power_domains(const sov_power *p)
{
    return p->domains;
}

const char *
sov_power_why(const sov_power *p)
{
    return p->why;
}
