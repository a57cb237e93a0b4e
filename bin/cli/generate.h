/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate.h - a text that goes on, token by token
 */
#ifndef SOV_CLI_GENERATE_H
#define SOV_CLI_GENERATE_H

#include "cli/emit.h"
#include "cli/lm.h"
#include "sov/chat.h"
#include "sov/err.h"
#include "sov/power.h"
#include "sov/run.h"
#include "sov/saved.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

/* A session that is saved while it goes on.  That it cannot be is no reason to
 * give no answer: the first failure is kept here. */
struct sov_saving {
    sov_saved *saved; /* or NULL: nobody saves it */
    int rc;
    struct sov_err err;
};

struct sov_generate {
    int32_t *ids; /* owned by the caller, and grown: the prompt, then more */
    size_t n_ids;
    size_t n_read;     /* ids that the session has read already */
    uint64_t n_tokens; /* stop after so many */
    const char *const *stops;
    size_t n_stops;
    int32_t end; /* ends the text besides those that end any, or -1 */
    sov_channels *channels; /* borrowed; what is said on which, or NULL */
    struct sov_sampler_opts sampler;
    /* Looked at between tokens: not 0 ends the text.  NULL: nobody asks. */
    const volatile sig_atomic_t *interrupt;
    struct sov_saving *saving; /* borrowed, or NULL */
    sov_power *power;          /* borrowed; counts energy, or NULL */
    enum sov_why why;          /* what ended it */
    double prompt_s;
    double generate_s;
    double first_s; /* until the first token, or the end in place of one */
    double joules;  /* below 0: not known */
};

/* Read the prompt in g->ids, go on with it, and say what is new. */
int sov_generate(struct sov_generate *g, const struct sov_lm *lm,
                 struct sov_emit *out, struct sov_err *err) SOV_MUST_CHECK;

/* Say ids as text, as they would have been generated. */
int sov_generate_echo(const struct sov_lm *lm, const int32_t *ids, size_t n,
                      struct sov_emit *out, struct sov_err *err) SOV_MUST_CHECK;

#endif
