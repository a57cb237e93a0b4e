/* SPDX-License-Identifier: Apache-2.0 */
/*
 * converse.h - a conversation on a terminal
 */
#ifndef SOV_RUN_CONVERSE_H
#define SOV_RUN_CONVERSE_H

#include "cli/lm.h"
#include "cli/talk.h"
#include "run/account.h"
#include "run/keep.h"
#include "sov/run.h"

#include <stdbool.h>

struct sov_converse {
    struct sov_lm *lm;     /* with tokenizer and session */
    struct sov_talk *talk; /* with its template, and a dialog without a user */
    uint64_t n_tokens;     /* of each answer */
    const char *const *stops;
    size_t n_stops;
    struct sov_sampler_opts sampler;
    bool timings;
    struct sov_account *account;
    struct sov_keep *keep;
};

/* Until the end of input. */
int sov_converse(struct sov_converse *c, struct sov_err *err) SOV_MUST_CHECK;

#endif
