/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.h - how far the work is, on standard error
 *
 * One line that replaces itself, at most ten times a second, only on a
 * terminal (or --progress=always), gone at the end; or JSON lines.  SIGUSR1
 * prints a line that stays, in every mode.
 */
#ifndef SOV_CLI_PROGRESS_H
#define SOV_CLI_PROGRESS_H

#include <stdint.h>

/* From here on sov_progress_update() may show something.  unit is "B" for
 * bytes, else a word such as "tokens". */
void sov_progress_begin(const char *unit);

/* A sov_progress_fn; arg is not used. */
void sov_progress_update(void *arg, uint64_t done, uint64_t total,
                         const char *what);

/* Erase the line, to be drawn again by the next update. */
void sov_progress_clear(void);

void sov_progress_end(void);

/* Seconds of a clock that nobody sets. */
double sov_seconds(void);

/* "5.2 GB", "812 B": n bytes for people.  buf holds 16 bytes or more. */
const char *sov_progress_bytes(char *buf, uint64_t n);

#endif
