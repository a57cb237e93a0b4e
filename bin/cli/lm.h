/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lm.h - a model that a tool runs: opened, with its tokenizer and a session
 */
#ifndef SOV_CLI_LM_H
#define SOV_CLI_LM_H

#include "sov/err.h"
#include "sov/index.h"
#include "sov/model.h"
#include "sov/run.h"
#include "sov/token.h"

#include <stddef.h>

struct sov_lm {
    const char *path;   /* as it was given, or of the built-in model */
    char *built_in;     /* owned path of the built-in model, or NULL */
    unsigned hash;      /* enum sov_hash_bit: digests of the model's files that
                       are wanted; to be set before it is opened */
    enum sov_hold hold; /* under --require-claims; likewise */
    sov_index *index;   /* of SOV_HOLD_LAZY */
    sov_model *model;
    sov_tok *tok;
    sov_session *session;
    const char **inputs; /* all files that are read; the list is owned */
    size_t n_inputs;
};

/* Which model: path, or the built-in one if that is NULL. */
int sov_lm_choose(struct sov_lm *lm, const char *path,
                  struct sov_err *err) SOV_MUST_CHECK;

/*
 * Open the model.  files are read besides it; they and the model's own are
 * inputs from here on.
 */
int sov_lm_open(struct sov_lm *lm, enum sov_access access,
                const char *const *files, size_t n_files,
                struct sov_err *err) SOV_MUST_CHECK;

int sov_lm_open_tok(struct sov_lm *lm, struct sov_err *err) SOV_MUST_CHECK;
int sov_lm_open_session(struct sov_lm *lm, const struct sov_session_opts *opts,
                        struct sov_err *err) SOV_MUST_CHECK;

/* At the end: is the model still what was verified, or hashed? */
int sov_lm_check(struct sov_lm *lm, struct sov_err *err) SOV_MUST_CHECK;

/* "standard input", or the path. */
const char *sov_lm_name(const struct sov_lm *lm);

void sov_lm_close(struct sov_lm *lm);

#endif
