/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.h - a process that can do nothing but its work
 *
 * Two seals, each for good.  Under the first, a model may be opened and parsed:
 * files can be read, but no program started, no socket made, and nothing
 * written but the outputs and temporary files.  Under the second, the process
 * is a function of what it has open: no file can be opened any more.  System
 * calls that are not allowed fail with EPERM.
 *
 * Where the kernel, or what it runs in, lacks a part, a warning says which and
 * the rest is done.
 */
#ifndef SOV_CLI_SANDBOX_H
#define SOV_CLI_SANDBOX_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Set by --no-sandbox: both seals do nothing. */
extern bool sov_sandbox_off;

/* The first seal, before anything that is not trusted is read.  The outputs
 * are those that will be made whole after the second. */
void sov_sandbox_begin(const char *const *outputs, size_t n);

/*
 * The second seal, on all threads.  Everything must be open by now, outputs
 * too; those that are files can still be put in their places, but only if there
 * were outputs in sov_sandbox_begin(), and only there.
 */
void sov_sandbox_seal(void);

/* The level of Landlock that the first seal had; 0: none. */
int sov_sandbox_landlock(void);

/*
 * Try from inside what must not be possible, and report it.  SOV_ENO if
 * anything was.  To be called in place of the work, after sov_sandbox_watch()
 * before the second seal and then that.
 */
void sov_sandbox_watch(void);
int sov_sandbox_test(struct sov_err *err) SOV_MUST_CHECK;

#endif
