/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure.h - how well a model knows a text, and how much worse another does
 */
#ifndef SOV_MEASURE_H
#define SOV_MEASURE_H

#include "sov/base.h"
#include "sov/err.h"
#include "sov/io.h"
#include "sov/run.h"
#include "sov/token.h"

#include <stddef.h>
#include <stdint.h>

/* The windows that llama.cpp scores, unless the model's context is smaller. */
#define SOV_PPL_CTX 512

/* Rows of logits that a session for it should keep: any number will do, this
 * many go as fast as it can. */
#define SOV_PPL_ROWS 32

/* A mean, and how sure it is. */
struct sov_figure {
    double value;
    double error; /* standard, as if tokens were independent: what
                     llama-perplexity prints behind +/- */
    double low;   /* an interval that holds in 95 of 100 texts: by windows */
    double high;  /* (or tasks) that are drawn anew; NaN with fewer than 8 */
};

struct sov_ppl {
    uint64_t tokens; /* that were scored */
    double nll;      /* mean negative log-likelihood of one, in nats */
    double ppl;      /* e to the nll */
    uint64_t windows;
    uint64_t bytes;         /* of text that these tokens stand for: what
                               sov_tok_piece() gives of each */
    struct sov_figure of_token; /* ppl, and how sure it is */
    struct sov_figure of_byte;  /* bits for each byte: the nll of all tokens
                                   that were scored, divided by ln 2 and by
                                   their bytes; NaN if they have none.  Not in
                                   a model's own units, so that models with
                                   other vocabularies can be compared.  error
                                   is NaN */
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

/*
 * What a model foretold of a text, in the file that llama-perplexity keeps it
 * in (--kl-divergence-base): the tokens, and 16 bits for the logarithm of each
 * probability that was scored.
 */
typedef struct sov_answers sov_answers;

/* path "-" is standard input; a pipe goes to a temporary file. */
SOV_API int sov_answers_open(sov_answers **answers, const char *path,
                            struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_answers_close(sov_answers *answers);

SOV_API uint32_t sov_answers_ctx(const sov_answers *answers); /* of a window */
SOV_API uint32_t sov_answers_vocab(const sov_answers *answers);
/* The tokens of all windows, borrowed; *n is their number. */
SOV_API const int32_t *sov_answers_ids(const sov_answers *answers, size_t *n);

/*
 * The same in memory, and not rounded: room for what a model will say of
 * ids[n], in windows of n_ctx, to be filled by sov_diverge().
 */
SOV_API int sov_answers_new(sov_answers **answers, uint32_t n_ctx,
                           uint32_t n_vocab, const int32_t *ids, size_t n,
                           struct sov_err *err) SOV_MUST_CHECK;

/* Bytes of such a file. */
SOV_API uint64_t sov_answers_bytes(uint32_t n_ctx, uint32_t n_vocab,
                                  uint64_t n_windows);

/* One model beside another that it was made from (the base). */
struct sov_divergence {
    uint64_t windows;
    uint64_t tokens; /* that were scored */
    struct sov_figure ppl;
    struct sov_figure base_ppl;
    struct sov_figure ratio;    /* ln(ppl / base_ppl) */
    struct sov_figure kld;      /* mean divergence of a prediction, in nats */
    struct sov_figure same_top; /* part of them with the same likeliest token */
    struct sov_figure shift;    /* root mean square of what the probability of
                                   the right token changed by */
    double kld_median, kld_90, kld_99, kld_most;
};

/*
 * The divergence of session from a base, over windows as llama-perplexity
 * takes them: the text is encoded with BOS where the model wants one
 * (SOV_TOK_BOS), windows do not overlap and stand for themselves, the first
 * token of each is replaced by BOS, and of n_ctx tokens the last n_ctx - 1 -
 * n_ctx / 2 are scored.
 *
 * The base is another session, or what such a session has left in a file.
 * Both sessions keep any number of rows of logits, and are left empty.  With a
 * sink all that the base session foretells is written to it, as a file for
 * sov_answers_open(), and with keep it is kept in memory; then session may be
 * NULL, and only what is said of the base is there.  Other vocabularies are SOV_EFORMAT, and less than one window
 * of text is SOV_EARG.
 */
struct sov_diverge_opts {
    sov_session *session;
    sov_session *base;      /* ... or NULL and */
    const sov_answers *file; /* what it left, with its own ids and n_ctx */
    sov_sink *sink;         /* or NULL */
    sov_answers *keep;       /* or NULL; of the same ids and n_ctx */
    const sov_tok *tok;     /* the base's: says what BOS is */
    const int32_t *ids;     /* [n]; not with a file */
    size_t n;
    uint32_t n_ctx; /* 0: SOV_PPL_CTX, or the session's context if smaller */
    sov_progress_fn progress; /* tokens; or NULL */
    void *progress_arg;
};

SOV_API int sov_diverge(const struct sov_diverge_opts *opts,
                        struct sov_divergence *d,
                        struct sov_err *err) SOV_MUST_CHECK;

#endif
