/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trial.h - how a model answers with other weights in some places
 *
 * What the model itself says of a few windows of text is kept; then weights are
 * put in the place of its own, and what it says with them is compared.
 */
#ifndef SOV_COMPRESS_TRIAL_H
#define SOV_COMPRESS_TRIAL_H

#include "sov/model.h"
#include "sov/tensor.h"
#include "sov/token.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_trial;

/* A text, encoded with BOS. */
struct sov_trial_text {
    const sov_tok *tok;
    const int32_t *ids;
    size_t n;
    uint32_t n_ctx;  /* tokens of a window */
    uint32_t tokens; /* about so many are read each time */
    bool between;    /* other windows than without this */
};

/* Windows spread over the text are copied; the model is mapped and borrowed,
 * as tok is.  Less than a window of text is SOV_EARG. */
int sov_trial_new(struct sov_trial **trial, sov_model *model,
                  const struct sov_trial_text *text,
                  struct sov_err *err) SOV_MUST_CHECK;
void sov_trial_free(struct sov_trial *trial);

/* Tokens that are read. */
size_t sov_trial_tokens(const struct sov_trial *trial);

/* Tensor i shall be these blocks, borrowed, or, with NULL, its own. */
void sov_trial_put(struct sov_trial *trial, size_t i, enum sov_type type,
                   const void *blocks);

/* The mean divergence from what the model says as it is, in nats. */
int sov_trial_run(struct sov_trial *trial, double *kld,
                  struct sov_err *err) SOV_MUST_CHECK;

#endif
