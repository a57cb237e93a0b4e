/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.c - what a machine is
 *
 *     cpu, microcode   /proc/cpuinfo (model name; on ARM implementer and part)
 *     kernel           /proc/sys/kernel/ostype, osrelease; and how large pages
 *                      are given: /sys/kernel/mm/transparent_hugepage/enabled
 *     governor, turbo  /sys/devices/system/cpu: cpu0/cpufreq/scaling_governor,
 *                      intel_pstate/no_turbo, cpufreq/boost
 *     smt, numa        .../cpu/smt/active, .../node/node0 ...
 *     cpus, memory     affinity, /proc/meminfo, and what control groups allow
 *     container        marks that those who make containers leave
 *     last caches      .../cpu/cpu0/cache/index0: level, size, shared_cpu_list
 */
#include "sov/machine.h"

#include "base/mem.h"
#include "bench/cache.h"
#include "sov/base.h"
#include "sov/hash.h"
#include "sys/cgroup.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_LEN    1024
#define LINE_LEN    4096 /* flags of a processor are longer, and are not read */
#define CPUS_MOST   1024 /* whose caches are asked for */
#define CACHES_MOST 8    /* of one */

static FILE *
open_file(const char *root, const char *file)
{
    char path[PATH_LEN];
    int n = snprintf(path, sizeof(path), "%s%s", root, file);

    return n > 0 && (size_t)n < sizeof(path) ? fopen(path, "re") : NULL;
}

static bool
is_there(const char *root, const char *file)
{
    char path[PATH_LEN];
    int n = snprintf(path, sizeof(path), "%s%s", root, file);

    return n > 0 && (size_t)n < sizeof(path) && access(path, F_OK) == 0;
}

/* What a person can read of it, on one line. */
static void
clean(char *text)
{
    size_t len = 0;

    for (const char *p = text; *p != '\0'; p++) {
        bool blank = isspace((unsigned char)*p) != 0;

        if (blank && (len == 0 || text[len - 1] == ' '))
            continue;
        text[len++] = blank ? ' ' : iscntrl((unsigned char)*p) != 0 ? '?' : *p;
    }
    while (len > 0 && text[len - 1] == ' ')
        len--;
    text[len] = '\0';
}

/* The first line of a small file; "" if it is not there. */
static void
read_line(const char *root, const char *file, char *text, size_t size)
{
    FILE *f = open_file(root, file);

    text[0] = '\0';
    if (f == NULL)
        return;
    if (fgets(text, (int)size, f) == NULL)
        text[0] = '\0';
    fclose(f);
    clean(text);
}

/* The value of the first line "KEY : VALUE" of a file. */
static bool
read_value(const char *root, const char *file, const char *key, char *text,
           size_t size)
{
    FILE *f = open_file(root, file);
    char line[LINE_LEN];
    size_t len = strlen(key);
    bool found = false;

    text[0] = '\0';
    if (f == NULL)
        return false;
    while (!found && fgets(line, sizeof(line), f) != NULL) {
        const char *p = line + len;

        if (strncmp(line, key, len) != 0)
            continue;
        p += strspn(p, " \t");
        found = *p == ':';
        if (found)
            snprintf(text, size, "%s", p + 1);
    }
    fclose(f);
    clean(text);
    return found;
}

/* ---- the parts */

static void
read_cpu(const char *root, char *text, size_t size)
{
    static const char file[] = "/proc/cpuinfo";
    char maker[64];
    char part[64];

    if (read_value(root, file, "model name", text, size) && text[0] != '\0')
        return;
    if (read_value(root, file, "CPU implementer", maker, sizeof(maker)) &&
        read_value(root, file, "CPU part", part, sizeof(part)))
        snprintf(text, size, "implementer %s, part %s", maker, part);
    else if (!read_value(root, file, "uarch", text, size))
        read_value(root, file, "cpu model", text, size);
}

/* "always [madvise] never": what stands in brackets. */
static void
read_kernel(const char *root, char *text, size_t size)
{
    char type[64];
    char release[128];
    char pages[64];
    char *from;

    read_line(root, "/proc/sys/kernel/ostype", type, sizeof(type));
    read_line(root, "/proc/sys/kernel/osrelease", release, sizeof(release));
    read_line(root, "/sys/kernel/mm/transparent_hugepage/enabled", pages,
              sizeof(pages));
    snprintf(text, size, "%s%s%s", type, type[0] != '\0' ? " " : "", release);
    from = strchr(pages, '[');
    if (from == NULL || strchr(from, ']') == NULL)
        return;
    *strchr(from, ']') = '\0';
    snprintf(text + strlen(text), size - strlen(text), "%shuge pages %s",
             text[0] != '\0' ? ", " : "", from + 1);
}

/* 1, 0, or -1 if the file does not say. */
static int
read_switch(const char *root, const char *file)
{
    char text[16];

    read_line(root, file, text, sizeof(text));
    if (strcmp(text, "0") == 0 || strcmp(text, "1") == 0)
        return text[0] - '0';
    return -1;
}

static int
read_turbo(const char *root)
{
    int off =
        read_switch(root, "/sys/devices/system/cpu/intel_pstate/no_turbo");

    if (off >= 0)
        return 1 - off;
    return read_switch(root, "/sys/devices/system/cpu/cpufreq/boost");
}

static uint32_t
count_nodes(const char *root)
{
    char path[PATH_LEN];
    int n = snprintf(path, sizeof(path), "%s/sys/devices/system/node", root);
    DIR *d = n > 0 && (size_t)n < sizeof(path) ? opendir(path) : NULL;
    const struct dirent *e;
    uint32_t nodes = 0;

    if (d == NULL)
        return 0;
    while ((e = readdir(d)) != NULL)
        nodes += strncmp(e->d_name, "node", 4) == 0 &&
                 isdigit((unsigned char)e->d_name[4]) != 0;
    closedir(d);
    return nodes;
}

/* The next range of "0-3,8"; false: there is none. */
static bool
next_range(const char **list, unsigned long *first, unsigned long *last)
{
    char *end;

    if (isdigit((unsigned char)**list) == 0)
        return false;
    *first = *last = strtoul(*list, &end, 10);
    if (*end == '-')
        *last = strtoul(end + 1, &end, 10);
    *list = *end == ',' ? end + 1 : "";
    return *last >= *first && *last - *first <= 1u << 20;
}

/* "0-3,8" are five. */
static uint32_t
count_list(const char *list)
{
    unsigned long first, last;
    uint32_t n = 0;

    while (next_range(&list, &first, &last))
        n += (uint32_t)(last - first + 1);
    return n;
}

static uint32_t
count_cpus(const char *root)
{
    char text[LINE_LEN];
    unsigned quota = sov_cgroup_cpus(root);
    uint32_t n = 0;

    if (read_value(root, "/proc/self/status", "Cpus_allowed_list", text,
                   sizeof(text)))
        n = count_list(text);
    return quota > 0 && (n == 0 || quota < n) ? quota : n;
}

static uint64_t
read_memory(const char *root)
{
    char text[64];
    uint64_t limit = sov_cgroup_memory(root);
    uint64_t all = 0;

    if (read_value(root, "/proc/meminfo", "MemTotal", text, sizeof(text)))
        all = strtoull(text, NULL, 10) * 1024;
    return limit > 0 && (all == 0 || limit < all) ? limit : all;
}

static bool
in_list(const char *list, unsigned long cpu)
{
    unsigned long first, last;

    while (next_range(&list, &first, &last))
        if (cpu >= first && cpu <= last)
            return true;
    return false;
}

/* Is a processor the first in a list of those that are allowed? */
static bool
is_first(const char *list, const char *allowed, unsigned long cpu)
{
    unsigned long first, last;

    while (next_range(&list, &first, &last))
        for (unsigned long c = first; c <= last && c < CPUS_MOST; c++)
            if (in_list(allowed, c))
                return c == cpu;
    return false;
}

static void
read_cache(const char *root, unsigned long cpu, int index, const char *what,
           char *text, size_t size)
{
    char path[128];

    snprintf(path, sizeof(path),
             "/sys/devices/system/cpu/cpu%lu/cache/index%d/%s", cpu, index,
             what);
    read_line(root, path, text, size);
}

/* The last cache of one processor; 0, too, if it was counted for another. */
static uint64_t
last_cache(const char *root, unsigned long cpu, const char *allowed)
{
    char text[LINE_LEN];
    unsigned long best = 0;
    int index = -1;
    char *end;
    uint64_t n;

    for (int i = 0; i < CACHES_MOST; i++) {
        unsigned long level;

        read_cache(root, cpu, i, "level", text, sizeof(text));
        level = strtoul(text, NULL, 10);
        if (level > best) {
            best = level;
            index = i;
        }
    }
    if (index < 0)
        return 0;
    read_cache(root, cpu, index, "shared_cpu_list", text, sizeof(text));
    if (!is_first(text, allowed, cpu))
        return 0;
    read_cache(root, cpu, index, "size", text, sizeof(text));
    n = strtoull(text, &end, 10);
    if (n > UINT32_MAX)
        return 0;
    return *end == 'K' ? n << 10 : *end == 'M' ? n << 20 : n;
}

uint64_t
sov_cache_last(const char *root)
{
    char allowed[LINE_LEN];
    const char *list = allowed;
    unsigned long first, last;
    uint64_t sum = 0;

    if (!read_value(root, "/proc/self/status", "Cpus_allowed_list", allowed,
                    sizeof(allowed)))
        return 0;
    while (next_range(&list, &first, &last))
        for (unsigned long c = first; c <= last && c < CPUS_MOST; c++)
            sum += last_cache(root, c, allowed);
    return sum;
}

static bool
in_container(const char *root)
{
    char text[256];

    if (is_there(root, "/.dockerenv") || is_there(root, "/run/.containerenv") ||
        is_there(root, "/run/systemd/container"))
        return true;
    read_line(root, "/proc/1/cgroup", text, sizeof(text));
    return strstr(text, "docker") != NULL || strstr(text, "kubepods") != NULL ||
           strstr(text, "lxc") != NULL;
}

/* ---- all of it */

/* Both machines of one id have the same of everything that is in the text. */
static void
make_id(struct sov_bench_machine *m)
{
    unsigned char sum[SOV_SHA256_LEN];
    char text[4096];

    snprintf(text, sizeof(text),
             "%s\n%s\n%s\n%s\n%s\n%" PRIu32 "\n%" PRIu64 "\n", m->cpu, m->isa,
             m->kernel, m->governor, m->microcode, m->cpus, m->memory);
    sov_sha256(text, strlen(text), sum);
    for (size_t i = 0; i < (sizeof(m->id) - 1) / 2; i++)
        snprintf(m->id + 2 * i, 3, "%02x", sum[i]);
}

static bool
set_text(char **to, const char *text)
{
    *to = sov_mem_dup(text, strlen(text));
    return *to != NULL;
}

int
sov_machine_read(struct sov_bench_machine *m, const char *root,
                 struct sov_err *err)
{
    static const char made[] = "sov %s, " __VERSION__;
    struct sov_bench_machine found = { .smt = -1, .turbo = -1 };
    char cpu[256];
    char kernel[256];
    char governor[64];
    char microcode[64];
    char sov[128];

    read_cpu(root, cpu, sizeof(cpu));
    read_kernel(root, kernel, sizeof(kernel));
    read_line(root, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
              governor, sizeof(governor));
    read_value(root, "/proc/cpuinfo", "microcode", microcode,
               sizeof(microcode));
    snprintf(sov, sizeof(sov), made, sov_version());
    found.cpus = count_cpus(root);
    found.memory = read_memory(root);
    found.turbo = read_turbo(root);
    found.smt = read_switch(root, "/sys/devices/system/cpu/smt/active");
    found.numa = count_nodes(root);
    found.container = in_container(root);
    if (!set_text(&found.cpu, cpu) || !set_text(&found.isa, sov_isa()) ||
        !set_text(&found.kernel, kernel) ||
        !set_text(&found.governor, governor) ||
        !set_text(&found.microcode, microcode) || !set_text(&found.sov, sov)) {
        sov_machine_clear(&found);
        return sov_mem_fail(err);
    }
    make_id(&found);
    *m = found;
    return 0;
}

void
sov_machine_clear(struct sov_bench_machine *m)
{
    free(m->cpu);
    free(m->isa);
    free(m->kernel);
    free(m->governor);
    free(m->microcode);
    free(m->sov);
    memset(m, 0, sizeof(*m));
}
