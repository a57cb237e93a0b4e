/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perplexity.c - how well a model foretells a text
 *
 * Windows as llama.cpp cuts them: the first half of each gives the model
 * something to go by, the tokens of the second half are scored.
 */
#include "sov/measure.h"

#include "base/fmath.h"
#include "base/mem.h"
#include "kern/kern.h"
#include "measure/tally.h"
#include "measure/window.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct run {
    sov_session *session;
    const sov_tok *tok;
    uint32_t n_ctx;
    int32_t *window;   /* [n_ctx] */
    float *p;          /* [n_vocab] */
    double nll;
    double nll2; /* sum of the squares */
    uint64_t bytes;
    uint64_t scored;
    struct sov_tally tally; /* of windows */
};

/* Negative log-likelihood of id. */
static double
nll_of(const struct run *r, const float *logits, int32_t id)
{
    const struct sov_kern *k = sov_kern();
    size_t n = sov_session_vocab(r->session);
    float top = k->max(logits, n);
    double sum = 0;
    size_t i;

    memcpy(r->p, logits, n * sizeof(*r->p));
    k->exp(r->p, n, top);
    for (i = 0; i < n; i++)
        sum += (double)r->p[i];
    return sov_log(sum) - ((double)logits[id] - (double)top);
}

/* Tokens [from, to) of the window, each foretold by the one before it. */
static int
score(struct run *r, uint32_t from, uint32_t to, struct sov_err *err)
{
    uint32_t i;
    int rc = sov_session_eval(r->session, r->window + from - 1, to - from,
                              SOV_LOGITS_ALL, err);

    if (rc < 0)
        return rc;
    for (i = from; i < to; i++) {
        double nll = nll_of(r, sov_session_logits(r->session, i - from),
                            r->window[i]);

        r->nll += nll;
        r->nll2 += nll * nll;
        r->bytes += sov_tok_piece(r->tok, r->window[i]).len;
    }
    r->scored += to - from;
    if (!isfinite(r->nll))
        return sov_fail(err, SOV_EFORMAT,
                        "the model gives logits that are not numbers");
    return 0;
}

static int
score_window(struct run *r, struct sov_err *err)
{
    /* the first token of the second half */
    uint32_t half = (r->n_ctx + 1) / 2;
    uint32_t rows = sov_session_rows(r->session);
    uint32_t from, to;
    struct sov_tally_sum sum = { -(double)r->scored, -r->nll,
                                 -(double)r->bytes };
    int rc;

    if (sov_tok_adds_bos(r->tok) && sov_tok_bos(r->tok) >= 0)
        r->window[0] = sov_tok_bos(r->tok);
    sov_session_truncate(r->session, 0);
    rc = sov_session_eval(r->session, r->window, half - 1, SOV_LOGITS_NONE,
                          err);
    for (from = half; rc == 0 && from < r->n_ctx; from = to) {
        to = r->n_ctx - from < rows ? r->n_ctx : from + rows;
        rc = score(r, from, to, err);
    }
    sum.n += (double)r->scored;
    sum.nll += r->nll;
    sum.bytes += (double)r->bytes;
    sov_tally_count(&r->tally, &sum);
    return rc;
}

static int
score_all(struct run *r, const int32_t *ids, size_t n,
          sov_progress_fn progress, void *arg, struct sov_err *err)
{
    size_t at;
    int rc = 0;

    for (at = 0; rc == 0 && r->n_ctx <= n - at; at += r->n_ctx) {
        if (progress != NULL)
            progress(arg, at, n, NULL);
        memcpy(r->window, ids + at, r->n_ctx * sizeof(*r->window));
        rc = score_window(r, err);
    }
    if (rc == 0 && progress != NULL)
        progress(arg, n, n, NULL);
    sov_session_truncate(r->session, 0);
    return rc;
}

int
sov_window_check(const sov_session *session, const sov_tok *tok,
                 const int32_t *ids, size_t n, struct sov_err *err)
{
    uint32_t n_vocab = sov_session_vocab(session);
    int32_t bos = sov_tok_bos(tok);
    size_t i;

    for (i = 0; i < n; i++)
        if (ids[i] < 0 || (uint32_t)ids[i] >= n_vocab)
            return sov_fail(err, SOV_EFORMAT,
                            "token id %" PRId32 " is not below %" PRIu32
                            ", the size of the vocabulary", ids[i], n_vocab);
    if (sov_tok_adds_bos(tok) && bos >= 0 && (uint32_t)bos >= n_vocab)
        return sov_fail(err, SOV_EFORMAT,
                        "the first token's id %" PRId32 " is not below %"
                        PRIu32 ", the size of the vocabulary", bos, n_vocab);
    return 0;
}

/* The windows' sums as figures. */
static int
conclude(const struct run *r, struct sov_ppl *ppl, struct sov_err *err)
{
    double n = (double)r->scored, nll = r->nll / n;
    double spread = n > 1 ? (r->nll2 / n - nll * nll) / (n - 1) : 0;
    int rc;

    *ppl = (struct sov_ppl){
        .tokens = r->scored,
        .nll = nll,
        .ppl = sov_exp(nll),
        .windows = r->scored / (r->n_ctx - (r->n_ctx + 1) / 2),
        .bytes = r->bytes,
    };
    rc = sov_tally_figure(&r->tally, sov_tally_ppl, &ppl->of_token, err);
    if (rc == 0)
        rc = sov_tally_figure(&r->tally, sov_tally_bits, &ppl->of_byte, err);
    ppl->of_token.value = ppl->ppl;
    ppl->of_token.error = spread > 0 ? ppl->ppl * sqrt(spread) : 0;
    ppl->of_byte.error = NAN;
    return rc;
}

int
sov_perplexity(sov_session *session, const sov_tok *tok, const int32_t *ids,
               size_t n, uint32_t n_ctx, sov_progress_fn progress, void *arg,
               struct sov_ppl *ppl, struct sov_err *err)
{
    struct run r = { .session = session, .tok = tok, .n_ctx = n_ctx };
    struct sov_ppl found;
    uint32_t most = sov_session_ctx(session);
    int rc;

    if (n_ctx == 0)
        r.n_ctx = most < SOV_PPL_CTX ? most : SOV_PPL_CTX;
    if (r.n_ctx > most || r.n_ctx < 2)
        return sov_fail(err, SOV_EARG,
                        "windows of %" PRIu32 " tokens in a context of %"
                        PRIu32, r.n_ctx, most);
    rc = sov_window_check(session, tok, ids, n, err);
    if (rc < 0)
        return rc;
    if (n < r.n_ctx)
        return sov_fail(err, SOV_EARG,
                        "the text has %zu tokens, one window %" PRIu32, n,
                        r.n_ctx);
    r.window = sov_mem_array(r.n_ctx, sizeof(*r.window));
    r.p = sov_mem_array(sov_session_vocab(session), sizeof(*r.p));
    rc = r.window != NULL && r.p != NULL
             ? score_all(&r, ids, n, progress, arg, err)
             : sov_mem_fail(err);
    free(r.window);
    free(r.p);
    if (rc == 0)
        rc = conclude(&r, &found, err);
    if (rc == 0)
        *ppl = found;
    return rc;
}
