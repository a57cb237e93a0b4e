/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.h - what control groups allow this process
 */
#ifndef SOV_SYS_CGROUP_H
#define SOV_SYS_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Cores' worth of processor time, by the tightest of the groups around us, in
 * version 1 and 2 of cgroups; rounded down, but at least 1; 0: no limit.  root
 * is put before /proc and /sys: "" but in tests.
 */
unsigned sov_cgroup_cpus(const char *root);

/* Bytes of memory likewise; 0: no limit. */
uint64_t sov_cgroup_memory(const char *root);

/* Where a file of a controller is, in our group or the nearest above it; false
 * if there is none, or the path has no room. */
bool sov_cgroup_find(const char *root, const char *controller,
                     const char *file, char *path, size_t size);

#endif
