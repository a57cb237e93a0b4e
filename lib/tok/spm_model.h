/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spm_model.h - the file tokenizer.model of SentencePiece
 */
#ifndef SOV_TOK_SPM_MODEL_H
#define SOV_TOK_SPM_MODEL_H

#include "base/buf.h"
#include "sov/err.h"
#include "sov/meta.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_spm_token {
    struct sov_span text; /* borrowed */
    float score;
    uint8_t type; /* enum sov_tok_type */
};

struct sov_spm {
    struct sov_spm_token *token; /* owned */
    size_t n;
    size_t cap;
    int64_t unk; /* ids, -1 for none */
    int64_t bos;
    int64_t eos;
    int64_t pad;
    bool add_prefix;       /* a space before the text */
    bool squeeze;          /* several spaces count as one */
    struct sov_span rules; /* name of the normalizer, borrowed */
};

/*
 * Parse the len bytes of the file; what is not byte-pair encoding is
 * SOV_EUNSUP.  The result borrows from the bytes.
 */
int sov_spm_read(struct sov_spm *spm, const void *p, size_t len,
                 struct sov_err *err) SOV_MUST_CHECK;
void sov_spm_free(struct sov_spm *spm);

/* Make room for n tokens; new ones are unused, named [PADi], score -10000. */
int sov_spm_resize(struct sov_spm *spm, size_t n,
                   struct sov_err *err) SOV_MUST_CHECK;

/*
 * The keys tokenizer.ggml.model, tokens, scores, token_type, and the ids of
 * unknown, bos, eos and pad where there are such.
 */
int sov_spm_keys(const struct sov_spm *spm, sov_meta *meta,
                 struct sov_err *err) SOV_MUST_CHECK;

/* The file again: its tokens, ids (those beyond n as none) and add_prefix. */
void sov_spm_write(const struct sov_spm *spm, struct sov_buf *b);

#endif
