/* SPDX-License-Identifier: Apache-2.0 */
/*
 * few_code.h - samples of distributions in few bytes
 *
 * A block is one stretch of a range coder (G. Martin, 1979), and has for each
 * token, in order:
 *
 *   how many different tokens were drawn, by how often that was so (sizes).
 *
 *   which they are.  The vocabulary is cut in halves, lower and upper, and
 *   these again: what is coded is how many of the k in a part lie in its lower
 *   half.  That is nearly binomial: each of them does with a probability that
 *   the cache keeps for the cut (shares, by the first token of the upper
 *   half).  So the order of a set costs nothing, and the tokens of a text cost
 *   what they cost in unigrams.
 *
 *   how often each was drawn, in the order of ids, more than once: of the
 *   draws that are left, as if the rest were dealt to all that are left by a
 *   Polya urn (evenness).
 *
 *   the probability of the likeliest in steps of 1/255, evenly among what the
 *   counts leave possible.
 *
 * Probabilities of these are computed in f64 by +, *, / in a fixed order, and
 * rounded to 16 bits, of which each symbol has at least one: so whatever is
 * decoded is a possible sample, and every machine decodes the same.
 */
#ifndef SOV_DISTILL_FEW_CODE_H
#define SOV_DISTILL_FEW_CODE_H

#include "base/buf.h"
#include "distill/limits.h"
#include "sov/base.h"
#include "train/loss.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What blocks are coded by. */
struct sov_few_model {
    uint32_t n_vocab;
    uint32_t n_draws;
    const uint8_t *shares;           /* [n_vocab] 1 to 255, of 256 */
    uint16_t sizes[SOV_FEW_MAX + 1]; /* add up to 65536, but for the last bits;
                                        [0] is not used */
    uint8_t evenness;                /* of 32, not 0 */
};

/* Samples of some tokens, one behind the other. */
struct sov_few_list {
    size_t n; /* tokens */
    size_t n_ids;
    uint8_t *size;   /* [n] different tokens */
    uint8_t *top;    /* [n] */
    int32_t *id;     /* [n_ids] */
    uint32_t *count; /* [n_ids] */
};

/* A model that suits these samples; shares [n_vocab] is the caller's. */
int sov_few_learn(struct sov_few_model *m, const struct sov_few_list *list,
                  uint32_t n_vocab, uint32_t n_draws, uint8_t *shares,
                  struct sov_err *err) SOV_MUST_CHECK;

/* Is it one at all? */
bool sov_few_model_sane(const struct sov_few_model *m);

/* The bytes of tokens first .. first + n - 1, of which the first one's ids
 * begin at `at`, are added to b. */
void sov_few_encode(const struct sov_few_model *m,
                    const struct sov_few_list *list, size_t first, size_t n,
                    size_t at, struct sov_buf *b);

/*
 * The first n tokens of a block to what is behind list's, which has room for
 * all that they can be.  With whole the block has to end there: false if it
 * does not, or is too short.
 */
bool sov_few_decode(const struct sov_few_model *m, struct sov_span bytes,
                    size_t n, bool whole, struct sov_few_list *list);

/* The step that is kept of the likeliest's probability: what lies nearest
 * among those that the counts leave. */
uint8_t sov_few_top(const struct sov_few_model *m, const uint32_t *count,
                    uint32_t n, float top);

#endif
