/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vocab.h - do two models mean the same by a token?
 *
 * What a teacher says of token 17 is of use to a student whose token 17 stands
 * for the same text, and only if texts become tokens in the same way.  So the
 * kind of tokenizer, how texts are cut, all tokens, rules of merging, scores
 * and what texts begin with have to be equal.  What ends a text or a turn may
 * differ (models that were taught to answer have another one), since it is the
 * same token in both; and one vocabulary may go on with tokens called [PAD...],
 * or nothing at all, or are not used: these stand for no text.
 */
#ifndef SOV_DISTILL_VOCAB_H
#define SOV_DISTILL_VOCAB_H

#include "sov/err.h"
#include "sov/hash.h"
#include "sov/meta.h"

#include <stddef.h>

/* SOV_EUNSUP says what differs; *n_common (or NULL) are the tokens that both
 * have. */
int sov_vocab_same(const sov_meta *teacher, const sov_meta *student,
                   size_t *n_common, struct sov_err *err) SOV_MUST_CHECK;

/*
 * SHA-256 of what is named above, without padding: for each of model, pre and
 * the tokens and merges, its number of strings, and each of these with its
 * length before it, as u64; then the token that texts begin with, or all ones,
 * likewise.
 */
int sov_vocab_digest(const sov_meta *meta, unsigned char out[SOV_SHA256_LEN],
                     struct sov_err *err) SOV_MUST_CHECK;

#endif
