/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.c - what memory this process has
 *
 * The first numbers of /proc/self/statm are pages: of addresses, of memory,
 * and of it what files hold (maps of models among them).
 */
#include "sov/base.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

/* Pages of memory, and of these those that files hold; false: not told. */
static bool
read_statm(uint64_t *all, uint64_t *shared)
{
    FILE *f = fopen("/proc/self/statm", "re");
    int n;

    if (f == NULL)
        return false;
    n = fscanf(f, "%*u %" SCNu64 " %" SCNu64, all, shared);
    fclose(f);
    return n == 2;
}

static uint64_t
page_size(void)
{
    long page = sysconf(_SC_PAGESIZE);

    return page > 0 ? (uint64_t)page : 0;
}

uint64_t
sov_memory_used(void)
{
    uint64_t all, shared;

    return read_statm(&all, &shared) && all > shared
               ? (all - shared) * page_size()
               : 0;
}

uint64_t
sov_memory_resident(void)
{
    uint64_t all, shared;

    return read_statm(&all, &shared) ? all * page_size() : 0;
}

/* getrusage() would tell what the process was before it was this program. */
uint64_t
sov_memory_most(void)
{
    FILE *f = fopen("/proc/self/status", "re");
    uint64_t kb = 0;
    char line[128];

    if (f == NULL)
        return 0;
    while (fgets(line, sizeof(line), f) != NULL)
        if (sscanf(line, "VmHWM: %" SCNu64, &kb) == 1)
            break;
    fclose(f);
    return kb * 1024;
}
