/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - tokens in, logits out; sampling; text out
 *
 * A session is one timeline of tokens over a model: it owns the keys and
 * values of what has been read and the memory of one pass.  Its logits are the
 * same bits for any number of threads, any cut of the tokens into calls, any
 * instruction set and compiler.
 */
#ifndef SOV_RUN_H
#define SOV_RUN_H

#include "sov/base.h"
#include "sov/err.h"
#include "sov/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- sessions */

typedef struct sov_session sov_session;

/* Context that is taken when nobody asks: the model's, up to this. */
#define SOV_CTX_DEFAULT 8192

/* How keys and values are kept. */
enum sov_kv_form {
    SOV_KV_AUTO, /* f32 with precise, else q8 */
    SOV_KV_F32,
    SOV_KV_F16,
    SOV_KV_BF16,
    SOV_KV_Q8, /* eight bits and a scale for each key and each value */
};

struct sov_session_opts {
    uint32_t n_ctx;      /* tokens of context; 0: see SOV_CTX_DEFAULT */
    uint32_t n_batch;    /* tokens of one pass at most; 0: 256 */
    uint32_t n_logits;   /* rows of logits kept for SOV_LOGITS_ALL; 0: 1 */
    bool precise;        /* the reference: activations, keys and values in
                            f32, weights decoded to f32 */
    enum sov_kv_form kv;
    uint64_t max_memory; /* more than this is SOV_EMEM; 0: no limit */
    uint64_t other;      /* bytes that the caller has, to be counted with it:
                            see sov_memory_used() */
};

/* Bytes of a session, by part. */
struct sov_session_memory {
    uint64_t weights; /* of the model, mapped (not owned by the session) */
    uint64_t kv;      /* keys and values; touched as the context fills */
    uint64_t work;    /* activations and tables */
    uint64_t logits;
    uint64_t other;   /* of the options */
    uint64_t total;
};

/* What a session with these options would take, before anything is taken.
 * opts may be NULL. */
SOV_API int sov_session_measure(const sov_model *model,
                                const struct sov_session_opts *opts,
                                struct sov_session_memory *mem,
                                struct sov_err *err) SOV_MUST_CHECK;

/*
 * The model is opened with SOV_ACCESS_MAP, borrowed, and must outlive the
 * session.  An architecture that is not known is SOV_EUNSUP; metadata and
 * tensors that do not fit together are SOV_EFORMAT.  Nothing is allocated
 * after this.  opts may be NULL.
 */
SOV_API int sov_session_open(sov_session **session, const sov_model *model,
                             const struct sov_session_opts *opts,
                             struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_session_close(sov_session *session);

enum sov_logits {
    SOV_LOGITS_NONE,
    SOV_LOGITS_LAST, /* one row, after the last token */
    SOV_LOGITS_ALL,  /* a row after each of n <= n_logits tokens */
};

/*
 * Read n more tokens.  An id out of the vocabulary, or more tokens than the
 * context has room for, is SOV_EARG, and nothing is read.
 */
SOV_API int sov_session_eval(sov_session *session, const int32_t *ids,
                             size_t n, enum sov_logits what,
                             struct sov_err *err) SOV_MUST_CHECK;

/* Row of the last eval, [n_vocab], borrowed until the next; NULL if there is
 * no such row.  The only row of SOV_LOGITS_LAST is 0. */
SOV_API const float *sov_session_logits(const sov_session *session,
                                        size_t row);

/* ---- embeddings */

/* What stands for a whole text. */
enum sov_pool {
    SOV_POOL_AUTO, /* what the model says; else the mean of an encoder, the
                      last of others */
    SOV_POOL_NONE, /* each token for itself */
    SOV_POOL_MEAN,
    SOV_POOL_CLS,  /* the first token */
    SOV_POOL_LAST,
    SOV_POOL_RANK, /* scores, by the head of a model that was trained for it */
};

/*
 * Read one text from the beginning, whatever was read before, and give what
 * the last layer makes of it: out [width], or [n, width] with SOV_POOL_NONE,
 * or [scores] with SOV_POOL_RANK, which is SOV_EUNSUP for a model without.
 * An encoder sees all of the text from each of its tokens, so it must be one
 * call; it does nothing but this, sov_session_eval() wants logits.
 */
SOV_API int sov_session_embed(sov_session *session, const int32_t *ids,
                              size_t n, enum sov_pool pool, float *out,
                              struct sov_err *err) SOV_MUST_CHECK;

struct sov_text_ids {
    const int32_t *ids;
    size_t n;
};

/*
 * The same for several texts, short ones together in one pass: faster, and to
 * the bit what each of them gives alone.  What comes out stands in out one
 * behind the other.  Ids that will not do fail before anything is computed.
 */
SOV_API int sov_session_embed_texts(sov_session *session,
                                    const struct sov_text_ids *text,
                                    size_t n_texts, enum sov_pool pool,
                                    float *out,
                                    struct sov_err *err) SOV_MUST_CHECK;

/* Numbers of an embedding; scores that SOV_POOL_RANK gives, 0 if it cannot;
 * and what SOV_POOL_AUTO means here. */
SOV_API uint32_t sov_session_width(const sov_session *session);
SOV_API uint32_t sov_session_scores(const sov_session *session);
SOV_API enum sov_pool sov_session_pool(const sov_session *session);

/* Make it one long, if it is anything. */
SOV_API void sov_embedding_normalize(float *x, size_t n);

/* As half floats, little-endian, in out [2 n]; false if one is too large. */
SOV_API bool sov_embedding_halves(const float *x, size_t n, void *out);

/* ---- what there is */

SOV_API uint32_t sov_session_vocab(const sov_session *session);
SOV_API uint32_t sov_session_ctx(const sov_session *session);
SOV_API uint32_t sov_session_rows(const sov_session *session); /* n_logits */
SOV_API uint32_t sov_session_pos(const sov_session *session); /* tokens read */

/*
 * Forget all but the first n tokens; n beyond the position changes nothing.
 * Layers that see a window keep little more than that, so that a model which
 * has such layers may have to forget everything: ask sov_session_pos().
 */
SOV_API void sov_session_truncate(sov_session *session, uint32_t n);

/* ---- sampling */

typedef struct sov_sampler sov_sampler;

/*
 * The stages run in this order: penalty, top-k, top-p, min-p, temperature.
 */
struct sov_sampler_opts {
    float temp;           /* 0: greedy */
    uint32_t top_k;       /* 0: off */
    float top_p;          /* 1: off */
    float min_p;          /* 0: off */
    float repeat_penalty; /* 1: off */
    uint32_t repeat_last; /* tokens of history that the penalty looks at */
    uint64_t seed;
};

/* temperature 0.8, top-p 0.95, min-p 0.05, the rest off, seed 0 */
SOV_API void sov_sampler_defaults(struct sov_sampler_opts *opts);

/* Options out of range (negative, NaN, top_p above 1 ...) are SOV_EARG. */
SOV_API int sov_sampler_new(sov_sampler **sampler,
                            const struct sov_sampler_opts *opts,
                            uint32_t n_vocab, struct sov_err *err)
    SOV_MUST_CHECK;
SOV_API void sov_sampler_free(sov_sampler *sampler);

/*
 * One id out of logits[n_vocab].  history holds the n_history tokens before.
 * A pure function of its arguments, the options and the seed: the random
 * number is that of (seed, position).  Equal logits: the lower id is the
 * better.  -1 if no logit is a number.
 */
SOV_API int32_t sov_sample(sov_sampler *sampler, const float *logits,
                           const int32_t *history, size_t n_history,
                           uint64_t position);

/* ---- text as it is made */

typedef struct sov_stream sov_stream;

/*
 * A stream takes the bytes of token after token and gives out whole UTF-8
 * characters, holding back what may yet turn out to be a stop string.  Bytes
 * that are no character come out as U+FFFD.  The strings are copied; an empty
 * one is SOV_EARG.
 */
SOV_API int sov_stream_new(sov_stream **stream, const char *const *stops,
                           size_t n_stops, struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_stream_free(sov_stream *stream);

/*
 * Add the bytes of a token; what may be shown now, borrowed until the next
 * call.  *stopped becomes true when a stop string is complete: neither it nor
 * what follows is shown, and later calls give nothing.
 */
SOV_API int sov_stream_put(sov_stream *stream, const void *p, size_t len,
                           struct sov_span *show, bool *stopped,
                           struct sov_err *err) SOV_MUST_CHECK;

/* What was held back, at the end of the text. */
SOV_API int sov_stream_end(sov_stream *stream, struct sov_span *show,
                           struct sov_err *err) SOV_MUST_CHECK;

#endif
