/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines.h - lines of several files, one by one, as they come
 *
 * A line ends with a new line, or a carriage return and a new line, or with
 * the file.  Only one of them is in memory, or as many as a pipe gave at once;
 * nothing waits for more than the next line.
 */
#ifndef SOV_CLI_LINES_H
#define SOV_CLI_LINES_H

#include "sov/base.h"
#include "sov/err.h"
#include "sov/io.h"

#include <stdbool.h>
#include <stddef.h>

struct sov_lines {
    const char *const *files; /* borrowed; "-" is standard input */
    size_t n_files;
    size_t file;         /* the next to be opened */
    size_t max;          /* bytes of a line */
    sov_source **source; /* of each file; NULL once it was read */
    sov_source *src;     /* of them the one that is being read */
    char *buf;           /* owned */
    size_t cap;
    size_t begin; /* of what was not given yet, */
    size_t seen;  /* of what may have a new line in it, */
    size_t end;   /* and the end of what is there */
    size_t clean; /* what was given is wiped up to here, */
    size_t used;  /* and nothing was ever behind this */
    bool ended;   /* there is no more in this file */
    const char *name;
    size_t number; /* of the line that was given last; from 1 */
};

/* No file means standard input.  All are opened here: what cannot be read is
 * known before any work, and a sandbox may follow. */
int sov_lines_open(struct sov_lines *l, const char *const *files,
                   size_t n_files, size_t max,
                   struct sov_err *err) SOV_MUST_CHECK;
void sov_lines_close(struct sov_lines *l);

/*
 * The next line in *line, borrowed until the next call: 1; at the end 0.  A
 * line that is too long is SOV_EFORMAT, and the next call goes on behind it.
 */
int sov_lines_next(struct sov_lines *l, struct sov_span *line,
                   struct sov_err *err) SOV_MUST_CHECK;

/* The line that was given last is not needed any more: wipe it. */
void sov_lines_forget(struct sov_lines *l);

/* Is the next one there, without waiting for anything? */
bool sov_lines_ready(struct sov_lines *l);

/* The same, but what has come by now is read first: 1, or 0; at the end 1. */
int sov_lines_soon(struct sov_lines *l, struct sov_err *err) SOV_MUST_CHECK;

#endif
