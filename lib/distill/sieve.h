/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sieve.h - which documents are worth learning from
 *
 * Documents come in their order, and each is kept, or dropped for a reason.
 * Rules (rules.def) look at a document alone: those that say what is no text
 * hold always, the others are a matter of taste.  Of documents that are equal,
 * or nearly so, the first is kept.  Lines that come again and again are cut
 * out.  Nothing depends on the number of threads, or on chance.
 */
#ifndef SOV_DISTILL_SIEVE_H
#define SOV_DISTILL_SIEVE_H

#include "distill/corpus.h"

struct sov_sieve_opts {
    bool filter;        /* all rules, not only those that always hold */
    const char *limits; /* "words=50,letters=0.6,repeated-lines=off", or NULL */
    bool exact;         /* documents that are equal are kept once */
    double near;        /* ... or alike to that degree (0.8); 0: do not look */
    unsigned lines;     /* times that a line is kept; 0: as often as it is */
    uint64_t max_memory; /* for what is remembered; 0: 1 GiB */
};

typedef struct sov_sieve sov_sieve;

/* opts may be NULL.  SOV_EARG names the rules, or what cannot be. */
int sov_sieve_new(sov_sieve **sieve, const struct sov_sieve_opts *opts,
                  struct sov_err *err) SOV_MUST_CHECK;
void sov_sieve_free(sov_sieve *s);

/* 1: what is kept of the document, borrowed until the next call; 0: nothing. */
int sov_sieve_take(sov_sieve *s, const struct sov_doc *doc,
                   struct sov_span *text, struct sov_err *err) SOV_MUST_CHECK;

struct sov_sieve_counts {
    uint64_t docs, bytes;        /* seen */
    uint64_t kept, kept_bytes;   /* of them */
    uint64_t lines, lines_bytes; /* cut out of those that are kept */
    uint64_t repaired;           /* kept, with U+FFFD in them */
    uint64_t forgotten;          /* documents that later ones were not
                                       compared with, for want of memory, */
    uint64_t lines_forgotten;    /* and lines likewise */
};

void sov_sieve_count(const sov_sieve *s, struct sov_sieve_counts *counts);

/* The rule that most of the dropped documents broke, or NULL. */
const char *sov_sieve_blame(const sov_sieve *s);

/*
 * A report of what was dropped and why, with examples: as text for people, or
 * as one JSON object.  free() it.
 */
int sov_sieve_report(const sov_sieve *s, bool json, char **text, size_t *len,
                     struct sov_err *err) SOV_MUST_CHECK;

#endif
