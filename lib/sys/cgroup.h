/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.h - what control groups allow this process
 */
#ifndef SOV_SYS_CGROUP_H
#define SOV_SYS_CGROUP_H

/*
 * Cores' worth of processor time, by the tightest of the groups around us, in
 * version 1 and 2 of cgroups; rounded down, but at least 1; 0: no limit.  root
 * is put before /proc and /sys: "" but in tests.
 */
unsigned sov_cgroup_cpus(const char *root);

#endif
