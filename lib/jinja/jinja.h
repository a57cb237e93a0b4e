/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jinja.h - the template language that models bring for their conversations
 *
 * A template is parsed once into code for a small stack machine and rendered
 * any number of times, by any number of threads.  It is as hostile as any
 * other input: nothing here recurses on it, and a render ends where its steps,
 * its memory or its text reach a limit (base/limits.h).  Errors say line and
 * column.
 *
 * Every byte of the text that comes out is marked: is it the template's own,
 * or was it given (a message, a tool)?  Marks follow the bytes through all
 * that a template may do to a string.
 *
 * The language is Jinja 3.1 as Transformers sets it: trim_blocks,
 * lstrip_blocks, loop controls, generation blocks; and from_json.  Left out are
 * what belongs to many files (include, import, extends, block), integers of
 * more than 64 bits, and a few filters that make web pages.
 */
#ifndef SOV_JINJA_JINJA_H
#define SOV_JINJA_JINJA_H

#include "base/json.h"
#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct sov_jinja;

int sov_jinja_parse(struct sov_jinja **t, const char *text, size_t len,
                    struct sov_err *err) SOV_MUST_CHECK;
void sov_jinja_free(struct sov_jinja *t);

/* Does the template mention this variable anywhere? */
bool sov_jinja_uses(const struct sov_jinja *t, const char *name);

/* Does this text stand anywhere in it? */
bool sov_jinja_mentions(const struct sov_jinja *t, const char *text);

struct sov_jinja_var {
    const char *name;
    const json_t *json;
    bool own; /* its strings count as the template's own */
};

struct sov_jinja_opts {
    const struct sov_jinja_var *var; /* a later one of a name wins */
    size_t n_var;
    /* Strings under this key that are among these words (NULL at the end)
     * count as the template's own. */
    const char *key;
    const char *const *words;
    struct tm now;  /* what strftime_now() prints */
    uint64_t steps; /* that count as made already */
};

struct sov_jinja_text {
    char *p;             /* owned, as mark is; NUL-terminated */
    unsigned char *mark; /* [len]: 0 the template's own, 1 given */
    size_t len;
    bool refused;   /* the template called raise_exception() */
    uint64_t steps; /* made, those of opts included */
};

/* text is empty after a failure, but for refused and steps. */
int sov_jinja_render(const struct sov_jinja *t,
                     const struct sov_jinja_opts *opts,
                     struct sov_jinja_text *text,
                     struct sov_err *err) SOV_MUST_CHECK;
void sov_jinja_text_free(struct sov_jinja_text *text);

#endif
