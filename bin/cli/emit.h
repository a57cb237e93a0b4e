/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.h - text on its way out, as it is made
 *
 * Text goes to standard output as it is made, or to the file that -o names,
 * whole or not at all.  On a terminal what would act on it (escape sequences)
 * is shown as \xHH, and the text ends with a new line.
 */
#ifndef SOV_CLI_EMIT_H
#define SOV_CLI_EMIT_H

#include "sov/base.h"
#include "sov/io.h"

#include <stdbool.h>

struct sov_emit {
    sov_sink *sink;
    char *kept; /* all of it, for one JSON document at the end; or NULL */
    size_t n_kept;
    size_t cap;
    bool keep;
    bool both; /* keep it and write it too */
    bool hold; /* keep it until sov_emit_release() */
    bool tty;
    bool open_line; /* the last character was no new line */
    char *aside;    /* what was thought, if keep is set; or NULL */
    size_t n_aside;
    size_t cap_aside;
    bool dim; /* the terminal shows an aside */
};

/* keep: collect the text in kept instead of writing it; what is made of it
 * goes to the sink. */
int sov_emit_open(struct sov_emit *out, bool keep, const char *const *inputs,
                  size_t n_inputs, struct sov_err *err) SOV_MUST_CHECK;

/* Whole characters. */
int sov_emit_text(struct sov_emit *out, struct sov_span text,
                  struct sov_err *err) SOV_MUST_CHECK;

/* What was thought and not said: dim on a terminal, and else it is not shown
 * (but kept, for JSON). */
int sov_emit_aside(struct sov_emit *out, struct sov_span text,
                   struct sov_err *err) SOV_MUST_CHECK;

/* Write what was held, and hold no more. */
int sov_emit_release(struct sov_emit *out, struct sov_err *err) SOV_MUST_CHECK;

/* On a terminal: a new line, if one is begun; what is kept is forgotten. */
int sov_emit_part(struct sov_emit *out, struct sov_err *err) SOV_MUST_CHECK;

/* The end of the text; the file takes its name. */
int sov_emit_close(struct sov_emit *out, struct sov_err *err) SOV_MUST_CHECK;

/* Give up what is open still, and free. */
void sov_emit_free(struct sov_emit *out);

#endif
