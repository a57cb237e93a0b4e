/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonl.h - requests in, answers out, a line each: sov-run --jsonl
 */
#ifndef SOV_RUN_JSONL_H
#define SOV_RUN_JSONL_H

#include "cli/lm.h"
#include "cli/talk.h"
#include "run/account.h"
#include "sov/err.h"
#include "sov/desk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sov_jsonl_order {
    SOV_ORDER_INPUT,
    SOV_ORDER_COMPLETION,
};

struct sov_jsonl_mode {
    /* what the command line says */
    int order;                   /* enum sov_jsonl_order */
    uint64_t batch;              /* requests that are answered at once */
    bool special;                /* control tokens in prompts */
    int pool;                    /* enum sov_pool, of vectors */
    bool as_is;                  /* these are not made one long */
    bool cut;                    /* texts that are too long for them are cut */
    const struct sov_talk *talk; /* what it says of conversations */
    struct sov_account *account;
    const char *resume; /* answers that grow where they stand, or NULL */

    /* for requests that do not say it themselves */
    uint64_t n_tokens;
    bool n_tokens_given; /* else an answer to messages may fill the context */
    struct sov_sampler_opts sampler; /* of its seed those of lines are made */
    const char *const *stops;
    size_t n_stops;

    /* what came of it */
    size_t n_requests;
    size_t n_bad;
    size_t n_prompt; /* tokens, also those that were known */
    size_t n_known;
    size_t n_made;
    double prompt_s;
    double generate_s;
};

/* Lines that are kept. */
size_t sov_jsonl_slots(const struct sov_jsonl_mode *m);

/* With what requests take, and what is made for all of them, in the options of
 * a session. */
void sov_jsonl_session(const struct sov_jsonl_mode *m, const sov_model *model,
                       struct sov_session_opts *so);

/*
 * All of it, with a model that has been chosen.  Of inputs[n_inputs] the first
 * n_files are read as lines; none: standard input.  Lines that will not do get
 * their error in the output and are counted.
 */
int sov_jsonl_run(struct sov_jsonl_mode *m, struct sov_lm *lm,
                  const struct sov_session_opts *opts,
                  const char *const *inputs, size_t n_inputs, size_t n_files,
                  struct sov_err *err) SOV_MUST_CHECK;

#endif
