/* SPDX-License-Identifier: Apache-2.0 */
/*
 * texts.h - from the names of files to a stream of tokens: corpus, sieve and
 * tokens, one behind the other
 */
#ifndef SOV_DISTILL_TEXTS_H
#define SOV_DISTILL_TEXTS_H

#include "distill/corpus.h"
#include "distill/sieve.h"
#include "distill/tokens.h"

struct sov_texts {
    const char *const *paths; /* [n] files, folders, "-" */
    size_t n;
    enum sov_corpus_form form;
    struct sov_sieve_opts sieve;
    const sov_tok *tok;
    sov_progress_fn progress; /* bytes of text, total not known; or NULL */
    void *progress_arg;
};

struct sov_texts_told {
    struct sov_corpus_counts corpus;
    struct sov_sieve_counts sieve;
    char *report; /* owned: text, and JSON */
    char *report_json;
};

void sov_texts_told_free(struct sov_texts_told *told);

/* All of them; told may be NULL.  SOV_EFORMAT: there is no text at all. */
int sov_texts_read(sov_tokens **tokens, const struct sov_texts *texts,
                   struct sov_texts_told *told,
                   struct sov_err *err) SOV_MUST_CHECK;

#endif
