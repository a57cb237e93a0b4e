/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.c - what control groups allow this process
 *
 * A line of /proc/self/cgroup names our group in one hierarchy:
 *
 *     0::/a/b                version 2: /sys/fs/cgroup/a/b/cpu.max
 *     4:cpu,cpuacct:/a/b     version 1: .../cpu,cpuacct/a/b/cpu.cfs_quota_us
 *
 * Each group above it limits us too.  In a container the path may be the one
 * outside, of which nothing is to be seen inside; the groups above are then
 * what is mounted as root, which we come to in the end.
 */
#include "sys/cgroup.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PATH_LEN 4352 /* a line, and the folders before it */

/* A path under root; false if it is too long. */
static bool
make_path(char *path, const char *root, const char *mount, const char *dir,
          const char *name)
{
    int n = snprintf(path, PATH_LEN, "%s/sys/fs/cgroup%s%s/%s", root, mount,
                     dir, name);

    return n > 0 && n < PATH_LEN;
}

/* The first numbers of a file; how many there are ("max" and -1 are none). */
static int
read_numbers(const char *path, unsigned long long v[2])
{
    FILE *f = fopen(path, "re");
    char text[64] = "";
    int n = 0;

    if (f == NULL)
        return 0;
    if (fgets(text, sizeof(text), f) != NULL && text[0] != '-')
        n = sscanf(text, "%llu %llu", &v[0], &v[1]);
    fclose(f);
    return n;
}

static unsigned
cores(unsigned long long quota, unsigned long long period)
{
    unsigned long long n;

    if (period == 0)
        return 0;
    n = quota / period;
    return n == 0 ? 1 : n < 1u << 20 ? (unsigned)n : 1u << 20;
}

/* The quota of one group, 0 if it has none. */
static unsigned
quota_of(const char *root, const char *mount, const char *dir)
{
    char path[PATH_LEN];
    unsigned long long quota[2];
    unsigned long long period[2];

    if (make_path(path, root, mount, dir, "cpu.max") &&
        read_numbers(path, quota) == 2)
        return cores(quota[0], quota[1]);
    if (make_path(path, root, mount, dir, "cpu.cfs_quota_us") &&
        read_numbers(path, quota) == 1 &&
        make_path(path, root, mount, dir, "cpu.cfs_period_us") &&
        read_numbers(path, period) == 1)
        return cores(quota[0], period[0]);
    return 0;
}

static unsigned
lesser(unsigned a, unsigned b)
{
    return b > 0 && (a == 0 || b < a) ? b : a;
}

/* The least from dir up to the root of its hierarchy; dir is cut to pieces. */
static unsigned
least_above(const char *root, const char *mount, char *dir)
{
    unsigned least = 0;
    char *slash;

    do {
        least = lesser(least, quota_of(root, mount, dir));
        slash = strrchr(dir, '/');
        if (slash != NULL)
            *slash = '\0';
    } while (slash != NULL);
    return least;
}

static bool
has_cpu(const char *controllers)
{
    size_t len;

    for (const char *p = controllers; *p != '\0'; p += len + (p[len] == ',')) {
        len = strcspn(p, ",");
        if (len == 3 && memcmp(p, "cpu", 3) == 0)
            return true;
    }
    return false;
}

/* One line of /proc/self/cgroup. */
static unsigned
line_quota(const char *root, char *line)
{
    char mount[256];
    char *controllers = strchr(line, ':');
    char *dir = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    char again[4096];

    if (dir == NULL)
        return 0;
    *controllers++ = '\0';
    *dir++ = '\0';
    dir[strcspn(dir, "\n")] = '\0';
    snprintf(again, sizeof(again), "%s", dir);
    if (*controllers == '\0') /* beside version 1 it is mounted deeper */
        return lesser(least_above(root, "", dir),
                      least_above(root, "/unified", again));
    if (!has_cpu(controllers) ||
        snprintf(mount, sizeof(mount), "/%s", controllers) >=
            (int)sizeof(mount))
        return 0;
    return lesser(least_above(root, mount, dir),
                  least_above(root, "/cpu", again));
}

unsigned
sov_cgroup_cpus(const char *root)
{
    char line[4096];
    char path[PATH_LEN];
    unsigned least = 0;
    FILE *f;

    if (snprintf(path, sizeof(path), "%s/proc/self/cgroup", root) >=
        (int)sizeof(path))
        return 0;
    f = fopen(path, "re");
    if (f == NULL)
        return 0;
    while (fgets(line, sizeof(line), f) != NULL)
        least = lesser(least, line_quota(root, line));
    fclose(f);
    return least;
}
