/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traits.h - what a document is like, in numbers
 *
 * A word is a run of letters, marks and digits; a character of a script that
 * has no spaces between words is one for itself.  Its hash does not tell ASCII
 * capitals from small letters.
 */
#ifndef SOV_DISTILL_TRAITS_H
#define SOV_DISTILL_TRAITS_H

#include "distill/corpus.h"
#include "distill/crowd.h"

struct sov_traits {
    uint64_t chars, solid; /* all, and those that are not blank: */
    uint64_t letters, digits, symbols, controls;
    uint64_t in_runs; /* of four and more symbols and punctuation marks */
    uint64_t nuls, broken;
    uint64_t words, in_words, longest; /* characters in all, and in one */
    /* Of the first SOV_TRAITS_LINES lines that are not blank: those that are
     * long enough not to come again by chance, and the bytes of all. */
    uint64_t lines, lines_again;
    uint64_t line_bytes, bytes_again;
    /* Of the first SOV_TRAITS_WORDS words: */
    uint64_t looked_at, in_phrase, words_again;
};

#define SOV_LINE_LONG    20 /* bytes */
#define SOV_TRAITS_LINES ((size_t)1 << 16)
#define SOV_TRAITS_WORDS ((size_t)1 << 16)

/* Start with { 0 }. */
struct sov_reader {
    struct sov_traits traits;
    uint32_t *word; /* hashes of all words, [n] owned */
    size_t n, cap;
    struct sov_crowd crowd; /* of lines, and of phrases */
};

void sov_reader_free(struct sov_reader *r);

/* Read a document: its traits, and its words. */
int sov_reader_read(struct sov_reader *r, const struct sov_doc *doc,
                    struct sov_err *err) SOV_MUST_CHECK;

/* Of the words that were read: what is repeated. */
int sov_reader_phrases(struct sov_reader *r,
                       struct sov_err *err) SOV_MUST_CHECK;

/* The next line of what is left, without its end and the blanks around it; the
 * bytes that it takes in all, 0 at the end. */
size_t sov_line_next(struct sov_span left, struct sov_span *line);

/* Its hash. */
uint64_t sov_line_hash(struct sov_span line);

#endif
