/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - tokens in, logits out; sampling; text out
 *
 * A session is one timeline of tokens over a model.  It stands alone, or is
 * one of many in a batch, which has the memory of one pass and a pool of blocks
 * for keys and values: a pass takes tokens of many timelines and reads the
 * weights once for all of them.  A session's logits are the same bits for any
 * number of threads, any cut of the tokens into calls, any instruction set and
 * compiler, whatever other sessions there are.
 */
#ifndef SOV_RUN_H
#define SOV_RUN_H

#include "sov/base.h"
#include "sov/err.h"
#include "sov/lora.h"
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
    uint32_t n_logits;   /* rows of logits that one eval gives at most; 0: one
                            for each session */
    uint32_t n_seq;      /* sessions of a batch at once; 0: 1 */
    uint64_t n_kv;       /* tokens that all of them together keep; 0: n_seq
                            times n_ctx, or as many (n_ctx at least) as
                            max_memory leaves room for */
    bool reuse;          /* of a batch: keep what was read for sessions that
                            begin with the same */
    bool precise;        /* the reference: activations, keys and values in
                            f32, weights decoded to f32 */
    enum sov_kv_form kv;
    const struct sov_lora_use *lora; /* adapters, in the order in which they
                                        are added; borrowed as the model is */
    size_t n_lora;       /* up to SOV_LORAS_MAX */
    uint64_t max_memory; /* more than this is SOV_EMEM; 0: no limit */
    uint64_t other;      /* bytes that the caller has, to be counted with it:
                            see sov_memory_used() */
};

/* Bytes of a session, by part. */
struct sov_session_memory {
    uint64_t weights; /* of the model, mapped (not owned by the session) */
    uint64_t adapters; /* likewise */
    uint64_t kv;      /* keys and values; touched as the context fills */
    uint64_t work;    /* activations and tables */
    uint64_t logits;
    uint64_t other;   /* of the options */
    uint64_t total;
};

/* What a session, or a batch, with these options would take, before anything
 * is taken.  opts may be NULL. */
SOV_API int sov_session_measure(const sov_model *model,
                                const struct sov_session_opts *opts,
                                struct sov_session_memory *mem,
                                struct sov_err *err) SOV_MUST_CHECK;

/*
 * The model is opened with SOV_ACCESS_MAP, borrowed, and must outlive the
 * session.  An architecture that is not known is SOV_EUNSUP, as is an adapter
 * for a tensor that cannot have one; metadata and tensors, or adapters and
 * model, that do not fit together are SOV_EFORMAT.  Nothing is allocated
 * after this.  opts may be NULL.
 */
SOV_API int sov_session_open(sov_session **session, const sov_model *model,
                             const struct sov_session_opts *opts,
                             struct sov_err *err) SOV_MUST_CHECK;

/* What only this session kept is wiped. */
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

/* ---- what it costs */

/* Weights of one of its tensors that a token is multiplied with: of experts its
 * share, of tables of which it takes a row none. */
SOV_API double sov_model_met(const sov_model *model,
                             const struct sov_tensor *t);

/*
 * Floating point operations of a token, logits included (a multiply-add is
 * two): two for each of those weights, and attention as it is on average in a
 * sequence of n_ctx tokens that sees all of itself; windows see less.
 */
SOV_API double sov_model_flops(const sov_model *model, uint64_t n_ctx);

/* ---- many sessions in one pass */

/*
 * A batch owns what its sessions share: the memory of one pass and the pool.
 * Keys and values are kept in blocks of SOV_BLOCK tokens; a session takes them
 * as it grows and gives them back when it is closed, wiped.  Nothing of a batch
 * may be used by two threads at once.
 */
typedef struct sov_batch sov_batch;

#define SOV_BLOCK 64

/* As sov_session_open() in all that is said there. */
SOV_API int sov_batch_open(sov_batch **batch, const sov_model *model,
                           const struct sov_session_opts *opts,
                           struct sov_err *err) SOV_MUST_CHECK;

/* Its sessions are closed with it. */
SOV_API void sov_batch_close(sov_batch *batch);

/*
 * A session of the batch that has read nothing.  A tenant is a name of 256
 * bytes at most, or NULL: sessions of different tenants never share anything.
 * SOV_EMEM: there are n_seq already.
 */
SOV_API int sov_session_new(sov_session **session, sov_batch *batch,
                            const char *tenant,
                            struct sov_err *err) SOV_MUST_CHECK;

/*
 * Another session that has read the same, without a copy: each copies what it
 * is about to change.  The two have the same batch and tenant.
 */
SOV_API int sov_session_fork(sov_session **fork, const sov_session *session,
                             struct sov_err *err) SOV_MUST_CHECK;

/*
 * A session that has read nothing, or whole blocks, is to read ids[n] next: it
 * takes over what of them others of its tenant have read after the same
 * beginning, and is still kept; whole blocks, and less than n.  Gives the
 * number of tokens that need not be read again; they count as read.  Of
 * sessions that begin alike one may read, a few blocks in each pass, and the
 * others follow it.
 */
SOV_API size_t sov_session_recall(sov_session *session, const int32_t *ids,
                                  size_t n);

/* Give up all that is kept for sessions to come. */
SOV_API void sov_batch_forget(sov_batch *batch);

/* What a session reads next. */
struct sov_batch_part {
    sov_session *session;
    const int32_t *ids;
    size_t n;
    enum sov_logits what;
};

/*
 * Read the parts of different sessions of this batch, together, in as few
 * passes as n_batch allows.  Wrong parts (see sov_session_eval(), or more rows
 * of logits than n_logits, or a session twice) are SOV_EARG; SOV_EMEM: the pool
 * has too few blocks now, sessions that are closed give some back.  Either way
 * nothing was read.  Rows of logits are borrowed until the next eval of any
 * session of the batch.
 */
SOV_API int sov_batch_eval(sov_batch *batch, const struct sov_batch_part *part,
                           size_t n, struct sov_err *err) SOV_MUST_CHECK;

/* Blocks of the pool; those that can be taken now; those that the session
 * would take to read n more tokens. */
SOV_API uint32_t sov_batch_blocks(const sov_batch *batch);
SOV_API uint32_t sov_batch_room(const sov_batch *batch);
SOV_API uint32_t sov_session_wants(const sov_session *session, size_t n);

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

/* Bytes that it takes. */
SOV_API uint64_t sov_sampler_memory(uint32_t n_vocab);

/* Other options for the same vocabulary; after a failure those before hold. */
SOV_API int sov_sampler_set(sov_sampler *sampler,
                            const struct sov_sampler_opts *opts,
                            struct sov_err *err) SOV_MUST_CHECK;

/*
 * One id out of logits[n_vocab].  history holds the n_history tokens before.
 * A pure function of its arguments, the options and the seed: the random
 * number is that of (seed, position).  Equal logits: the lower id is the
 * better.  -1 if no logit is a number.
 */
SOV_API int32_t sov_sample(sov_sampler *sampler, const float *logits,
                           const int32_t *history, size_t n_history,
                           uint64_t position);

/* What the model gives a token. */
struct sov_chance {
    int32_t id;
    float logprob; /* natural logarithm of its probability */
};

/*
 * The chance of a token, and the n best in best, out of the logits as they are:
 * before penalty, cuts and temperature.  Where fewer are possible the rest has
 * the id -1.
 */
SOV_API struct sov_chance sov_chances(sov_sampler *sampler, const float *logits,
                                      int32_t id, struct sov_chance *best,
                                      size_t n);

/* ---- text as it is made */

/* Why a text ends. */
enum sov_why {
    SOV_WHY_LENGTH, /* as many tokens as were asked for */
    SOV_WHY_END,    /* the model ended it */
    SOV_WHY_STOP,   /* a stop string */
    SOV_WHY_CONTEXT,
    SOV_WHY_INTERRUPT,
};

/* "length", "end", "stop", "context" or "interrupt". */
SOV_API const char *sov_why_name(enum sov_why why);

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
