/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp.h - which system calls this process may make
 */
#ifndef SOV_CLI_SECCOMP_H
#define SOV_CLI_SECCOMP_H

#include <stdbool.h>

/* Both take effect on all threads, for good, and give 0, or -1 and errno.
 * Calls that are not allowed fail with EPERM. */

/* No programs, processes, sockets, other processes' affairs. */
int sov_seccomp_first(void);

/* Nothing but to compute, and to read and write what is open; with files also
 * to put a file into its place. */
int sov_seccomp_last(bool files);

#endif
