/* SPDX-License-Identifier: Apache-2.0 */
/*
 * likely.h - how likely a model thinks the ends of many texts
 *
 * Texts come in units that begin alike.  What a unit has in common is read
 * once, by a session that is forked then; units go through the model together,
 * in as few passes as memory for rows of logits allows.
 */
#ifndef SOV_MEASURE_LIKELY_H
#define SOV_MEASURE_LIKELY_H

#include "sov/base.h"
#include "sov/model.h"
#include "sov/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One text; what is found is there afterwards. */
struct sov_likely_text {
    const int32_t *ids; /* [n] */
    size_t n;
    size_t from;        /* the first token that is scored; 0 < from < n */
    double logprob;     /* of all of them together */
    bool greedy;        /* each of them was the likeliest */
};

struct sov_likely_unit {
    struct sov_likely_text *text; /* [n] */
    size_t n;
    size_t common; /* tokens that all of them begin with; at least 1, and none
                      of them is scored */
};

struct sov_likely;

/* Of session what struct sov_score_opts says. */
int sov_likely_open(struct sov_likely **l, const sov_model *model,
                    const struct sov_session_opts *session,
                    struct sov_err *err) SOV_MUST_CHECK;
void sov_likely_close(struct sov_likely *l);

uint32_t sov_likely_ctx(const struct sov_likely *l); /* tokens of a text */
uint32_t sov_likely_vocab(const struct sov_likely *l);
uint64_t sov_likely_tokens(const struct sov_likely *l); /* read so far */

/* What a unit takes; whether so much can be read together. */
struct sov_likely_need {
    uint64_t units, sessions, blocks;
};

struct sov_likely_need sov_likely_need(const struct sov_likely_unit *u);
bool sov_likely_fits(const struct sov_likely *l,
                     const struct sov_likely_need *need);

/* Units that fit together. */
int sov_likely_read(struct sov_likely *l, struct sov_likely_unit *unit,
                    size_t n, struct sov_err *err) SOV_MUST_CHECK;

#endif
