/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure.h - how well a model knows a text
 */
#ifndef SOV_MEASURE_H
#define SOV_MEASURE_H

#include "sov/base.h"
#include "sov/err.h"
#include "sov/run.h"
#include "sov/token.h"

#include <stddef.h>
#include <stdint.h>

/* The windows that llama.cpp scores, unless the model's context is smaller. */
#define SOV_PPL_CTX 512

/* Rows of logits that a session for it should keep: any number will do, this
 * many go as fast as it can. */
#define SOV_PPL_ROWS 32

struct sov_ppl {
    uint64_t tokens; /* that were scored */
    double nll;      /* mean negative log-likelihood of one, in nats */
    double ppl;      /* e to the nll */
};

/*
 * Perplexity of ids[n], a text encoded without BOS (SOV_TOK_PLAIN), in windows
 * of n_ctx tokens (0: SOV_PPL_CTX, or the session's context if smaller) that
 * do not overlap.  Each window stands for itself: its first token is replaced
 * by BOS if the model wants one, and the tokens of its second half are scored.
 * A rest that does not fill a window is left out; less than one window is
 * SOV_EARG.  The session is left empty.  progress may be NULL.
 */
SOV_API int sov_perplexity(sov_session *session, const sov_tok *tok,
                           const int32_t *ids, size_t n, uint32_t n_ctx,
                           sov_progress_fn progress, void *arg,
                           struct sov_ppl *ppl, struct sov_err *err)
    SOV_MUST_CHECK;

#endif
