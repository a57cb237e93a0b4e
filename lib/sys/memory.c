/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.c - what memory this process has
 *
 * The first numbers of /proc/self/statm are pages: of addresses, of memory,
 * and of it what files hold (maps of models among them).
 */
#include "sov/base.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

uint64_t
sov_memory_used(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    uint64_t all, shared;
    long page = sysconf(_SC_PAGESIZE);
    int n;

    if (f == NULL)
        return 0;
    n = fscanf(f, "%*u %" SCNu64 " %" SCNu64, &all, &shared);
    fclose(f);
    return n == 2 && all > shared && page > 0 ? (all - shared) * (uint64_t)page
                                              : 0;
}
