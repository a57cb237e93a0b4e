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
#include <unistd.h>

#define PATH_LEN 4352 /* a line, and the folders before it */

/* What is asked of each group, from ours up to the root of its hierarchy; true
 * ends it. */
struct walk {
    const char *root;
    const char *controller;
    bool (*visit)(struct walk *w, const char *mount, const char *dir);
    uint64_t least;   /* 0: no limit so far */
    const char *file; /* that is looked for ... */
    char *path;       /* ... and where it is, [size] */
    size_t size;
};

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

static uint64_t
lesser(uint64_t a, uint64_t b)
{
    return b > 0 && (a == 0 || b < a) ? b : a;
}

static bool
visit_quota(struct walk *w, const char *mount, const char *dir)
{
    w->least = lesser(w->least, quota_of(w->root, mount, dir));
    return false;
}

/* Version 1 says no limit by a number near 2^63. */
static bool
visit_memory(struct walk *w, const char *mount, const char *dir)
{
    static const char *const names[] = { "memory.max", "memory.high",
                                         "memory.limit_in_bytes" };
    char path[PATH_LEN];
    unsigned long long v[2];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (make_path(path, w->root, mount, dir, names[i]) &&
            read_numbers(path, v) >= 1 && v[0] < 1ull << 60)
            w->least = lesser(w->least, v[0]);
    return false;
}

static bool
visit_file(struct walk *w, const char *mount, const char *dir)
{
    char path[PATH_LEN];

    if (!make_path(path, w->root, mount, dir, w->file) ||
        strlen(path) >= w->size || access(path, R_OK) != 0)
        return false;
    memcpy(w->path, path, strlen(path) + 1);
    return true;
}

/* From dir up to the root of its hierarchy; dir is cut to pieces. */
static bool
walk_up(struct walk *w, const char *mount, char *dir)
{
    char *slash;

    do {
        if (w->visit(w, mount, dir))
            return true;
        slash = strrchr(dir, '/');
        if (slash != NULL)
            *slash = '\0';
    } while (slash != NULL);
    return false;
}

static bool
has_controller(const char *controllers, const char *name)
{
    size_t len;

    for (const char *p = controllers; *p != '\0'; p += len + (p[len] == ',')) {
        len = strcspn(p, ",");
        if (len == strlen(name) && memcmp(p, name, len) == 0)
            return true;
    }
    return false;
}

/* One line of /proc/self/cgroup. */
static bool
walk_line(struct walk *w, char *line)
{
    char mount[256];
    char *controllers = strchr(line, ':');
    char *dir = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    char again[4096];

    if (dir == NULL)
        return false;
    *controllers++ = '\0';
    *dir++ = '\0';
    dir[strcspn(dir, "\n")] = '\0';
    snprintf(again, sizeof(again), "%s", dir);
    if (*controllers == '\0') /* beside version 1 it is mounted deeper */
        return walk_up(w, "", dir) || walk_up(w, "/unified", again);
    if (!has_controller(controllers, w->controller) ||
        snprintf(mount, sizeof(mount), "/%s", controllers) >=
            (int)sizeof(mount))
        return false;
    if (walk_up(w, mount, dir))
        return true;
    snprintf(mount, sizeof(mount), "/%s", w->controller);
    return walk_up(w, mount, again);
}

static bool
walk(struct walk *w)
{
    char line[4096];
    char path[PATH_LEN];
    bool done = false;
    FILE *f;

    if (snprintf(path, sizeof(path), "%s/proc/self/cgroup", w->root) >=
        (int)sizeof(path))
        return false;
    f = fopen(path, "re");
    if (f == NULL)
        return false;
    while (!done && fgets(line, sizeof(line), f) != NULL)
        done = walk_line(w, line);
    fclose(f);
    return done;
}

unsigned
sov_cgroup_cpus(const char *root)
{
    struct walk w = {
        .root = root,
        .controller = "cpu",
        .visit = visit_quota,
    };

    walk(&w);
    return (unsigned)w.least;
}

uint64_t
sov_cgroup_memory(const char *root)
{
    struct walk w = {
        .root = root,
        .controller = "memory",
        .visit = visit_memory,
    };

    walk(&w);
    return w.least;
}

bool
sov_cgroup_find(const char *root, const char *controller, const char *file,
                char *path, size_t size)
{
    struct walk w = {
        .root = root,
        .controller = controller,
        .visit = visit_file,
        .file = file,
        .path = path,
        .size = size,
    };

    return walk(&w);
}
