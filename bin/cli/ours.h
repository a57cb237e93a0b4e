/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ours.h - files that a tool writes anew each time it runs
 *
 * A job of cron replaces what it wrote the night before, and nobody is there to
 * say -f.  So a file is replaced that begins as all of that kind do.
 */
#ifndef SOV_CLI_OURS_H
#define SOV_CLI_OURS_H

#include "sov/err.h"

#include <stdbool.h>

/*
 * Can path be made or replaced?  It is not there, or empty, or begins with
 * head, or force is set.  option and kind ("file of metrics") are for messages.
 * What else is wrong with it is found when it is written.
 */
int sov_ours_check(const char *option, const char *path, const char *head,
                   const char *kind, bool force,
                   struct sov_err *err) SOV_MUST_CHECK;

#endif
