/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pretok.h - cutting a text into pieces before it is merged
 *
 * A pre-tokenizer is a row of pretoks.def: up to eight expressions, each of
 * which cuts the pieces that the one before has left.  What an expression
 * matches is a piece, and what lies between two matches is one, too; so the
 * pieces together are the text.
 *
 * Scanners and expressions see well-formed UTF-8: a byte that is none stands
 * as a control character there (sov_pretok_clean()).
 */
#ifndef SOV_TOK_PRETOK_H
#define SOV_TOK_PRETOK_H

#include "sov/base.h"
#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The end of the piece that begins at p[at], at < end. */
typedef size_t sov_scan_fn(const unsigned char *p, size_t at, size_t end);

/* Is the character at p a digit?  Its length in *n. */
typedef bool sov_digit_fn(const unsigned char *p, size_t *n);

/* How runs of digits are cut in threes, counted from the last one. */
enum sov_threes {
    SOV_THREES,         /* the first one or two alone */
    SOV_THREES_BOUNDED, /* ... and no run that a letter follows */
    SOV_THREES_JOINED,  /* the first ones with what was before them */
};

/*
 * An expression.  Where it cuts digits in threes, digit says what counts as
 * one: a matcher that asks at each of them how many follow would do work of the
 * square of their number.
 */
struct sov_pattern {
    sov_scan_fn *scan; /* NULL: digits in threes, or PCRE2 */
    const char *text;
    sov_digit_fn *digit;
    enum sov_threes how;
};

enum sov_pre_flags {
    SOV_PRE_WHOLE = 1,   /* a piece that is a token is taken whole */
    SOV_PRE_ADD_BOS = 2, /* a text begins with BOS */
    SOV_PRE_ADD_SEP = 4, /* a text ends with the separator */
    SOV_PRE_RAW = 8,     /* names of tokens are their bytes: see raw.c */
    SOV_PRE_MARKS = 16,  /* ... with U+2581 for spaces */
    SOV_PRE_EOLS = 32,   /* ... and ends of lines that are one token */
};

#define SOV_STAGES 8

struct sov_pre {
    const char *names; /* separated by spaces */
    unsigned flags;
    const struct sov_pattern *stage[SOV_STAGES + 1]; /* ends with NULL */
};

/* scan.c: the rows of patterns.def. */
#define PATTERN(sym, scanner, text) \
    extern const struct sov_pattern sov_pat_##sym;
#include "tok/patterns.def"
#undef PATTERN

/* The row with this name, or NULL. */
const struct sov_pre *sov_pre_find(const void *name, size_t len);

/* All rows, one by one; NULL at the end. */
const struct sov_pre *sov_pre_at(size_t i);

/* A row made ready, to be shared by threads. */
struct sov_pretok;
int sov_pretok_new(struct sov_pretok **pt, const struct sov_pre *pre,
                   struct sov_err *err) SOV_MUST_CHECK;
void sov_pretok_free(struct sov_pretok *pt);

/* The one scanner that does it all, or NULL if there is more to it. */
sov_scan_fn *sov_pretok_scan(const struct sov_pretok *pt);

/*
 * If text is not well-formed, a fresh copy in which each byte in the way is
 * U+001A, in *copy; NULL otherwise.
 */
int sov_pretok_clean(const unsigned char *text, size_t len,
                     unsigned char **copy, struct sov_err *err) SOV_MUST_CHECK;

/* One text on its way through the stages. */
struct sov_pieces;
int sov_pieces_new(struct sov_pieces **ps, const struct sov_pretok *pt,
                   struct sov_err *err) SOV_MUST_CHECK;
void sov_pieces_free(struct sov_pieces *ps);
/* Begin with text p[len], which is well-formed and stays where it is. */
void sov_pieces_begin(struct sov_pieces *ps, const unsigned char *p,
                      size_t len);
/* The next piece: 1, 0 at the end, or an error. */
int sov_pieces_next(struct sov_pieces *ps, size_t *at, size_t *end,
                    struct sov_err *err) SOV_MUST_CHECK;

/*
 * One expression over a whole text by PCRE2, whatever scanner there is, for
 * tests: the pretok of a single stage.
 */
int sov_pretok_plain(struct sov_pretok **pt, const struct sov_pattern *pat,
                     struct sov_err *err) SOV_MUST_CHECK;

#endif
