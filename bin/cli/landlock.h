/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock.h - what this process may do to the file system and the network
 *
 * Landlock, a part of Linux from 5.13 on, takes rights away from the calling
 * thread and from all that it starts later; nobody needs to be root for it.
 */
#ifndef SOV_CLI_LANDLOCK_H
#define SOV_CLI_LANDLOCK_H

#include <stddef.h>

/* What of it the kernel has, a number that grows; 0: nothing. */
int sov_landlock_level(void);

/*
 * From now on: no program is started, nothing is made, changed or removed but
 * in the folders of these outputs and in the folder for temporary files, and,
 * as far as the kernel's level goes, no TCP port is opened or called, no
 * abstract socket is reached and no other process is sent a signal.  Reading is
 * as free as it was.  A path that is no regular file (a device, a fifo) may be
 * written itself, and nothing beside it.  0, or -1 and errno.
 */
int sov_landlock(const char *const *outputs, size_t n, const char *tmpdir);

#endif
