/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h - lines of words, as policies have them, and what a word may be
 *
 * A word stands between spaces or tabs; "#" at the beginning of one begins a
 * comment.  There are no quotes and no escapes.
 */
#ifndef SOV_TRUST_WORDS_H
#define SOV_TRUST_WORDS_H

#include "base/limits.h"
#include "sov/base.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_words {
    struct sov_span word[SOV_POLICY_WORDS];
    size_t n;
    bool more; /* there were more than fit */
};

void sov_words_split(struct sov_words *w, struct sov_span line);

bool sov_word_is(struct sov_span word, const char *text);

/* "WHAT: WORD", a word that nobody expected there; SOV_EDENY. */
int sov_word_quote(struct sov_err *err, const char *what, struct sov_span word);

/* 2026-01-02 (its first second, or its last) or 2026-01-02T03:04:05Z */
bool sov_word_date(struct sov_span word, bool last, int64_t *t);

/* A whole number up to max, in decimal. */
bool sov_word_number(struct sov_span word, uint64_t max, uint64_t *n);

/* A number as people write it, of the form [-]9[.99][e[+-]99]. */
bool sov_word_real(struct sov_span word, double *x);

#endif
