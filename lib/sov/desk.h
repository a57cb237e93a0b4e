/* SPDX-License-Identifier: Apache-2.0 */
/*
 * desk.h - many requests, for text or for vectors, answered together
 *
 * Requests come in whenever there is something to ask, and wait for a place
 * and for blocks of keys and values, first come, first served.  A pass takes
 * the next token of each text that is being made, and with them as much of the
 * prompts as a pass has room for; what several prompts of one tenant begin
 * with is read once.  Where blocks run short, the request that came last gives
 * its own back and is read again later.  An answer is to the bit what the
 * request gets alone, whatever else there is.
 *
 * Nothing of a desk may be used by two threads at once.
 */
#ifndef SOV_DESK_H
#define SOV_DESK_H

#include "sov/err.h"
#include "sov/power.h"
#include "sov/run.h"
#include "sov/token.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sov_desk sov_desk;

/*
 * opts as of sov_batch_open(): n_seq requests are answered at once; reuse is
 * always on, and n_logits and n_kv are the desk's own to choose.  Model and
 * tokenizer are borrowed.
 */
SOV_API int sov_desk_open(sov_desk **desk, const sov_model *model,
                          const sov_tok *tok,
                          const struct sov_session_opts *opts,
                          struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_desk_close(sov_desk *desk);

struct sov_ask {
    uint64_t tag;       /* comes back with the answer */
    const char *tenant; /* or NULL */

    /* A text that goes on: */
    const int32_t *ids; /* the prompt, [n_ids] */
    size_t n_ids;
    uint64_t n_tokens; /* of the answer at most */
    struct sov_sampler_opts sampler;
    const char *const *stops;
    size_t n_stops;
    int32_t end;    /* ends it besides those that end any, or -1 */
    bool channels;  /* it is said on channels, if the model has them */
    bool logprobs;  /* how probable each token was, */
    uint32_t n_top; /* and the best instead, SOV_TOP_MAX at most */

    /* Or, if there are some, texts whose vectors are wanted: */
    const struct sov_text_ids *texts;
    size_t n_texts;
    enum sov_pool pool;
    bool as_is; /* not made one long */
};

/* Tokens whose probabilities come with each token. */
#define SOV_TOP_MAX 20

/*
 * One more request, of which nothing is borrowed.  SOV_EFORMAT: the prompt, or
 * a text, is empty, has more tokens than the context or tokens that the model
 * has not; SOV_EARG: sampler, stop strings, tenant or n_top are wrong;
 * SOV_EUNSUP: the model makes no text, or no scores.
 */
SOV_API int sov_desk_add(sov_desk *desk, const struct sov_ask *ask,
                         struct sov_err *err) SOV_MUST_CHECK;

/* Count energy by this meter (borrowed), before and after each pass. */
SOV_API void sov_desk_power(sov_desk *desk, sov_power *power);

/* One pass: 1, or 0 if there is nothing to do. */
SOV_API int sov_desk_step(sov_desk *desk, struct sov_err *err) SOV_MUST_CHECK;

/* What a request took. */
struct sov_spent {
    double queue_s; /* until it had a place for the first time */
    double first_s; /* until its first token, or the end in place of one */
    double total_s; /* until its answer was complete */
    /* Of what each pass took, the part of its tokens among all that the pass
     * read; below 0: not known. */
    double joules;
};

/* A token of an answer. */
struct sov_made {
    struct sov_chance it;
    bool said; /* and not thought, or the mark of a channel */
};

struct sov_reply {
    uint64_t tag;
    int rc; /* not 0: err says why there is no answer */
    struct sov_err err;
    size_t n_prompt; /* tokens that were given, of all texts */
    size_t n_known;  /* of them, those that had been read already */
    int32_t *ids; /* those given and those made, [n_prompt + n_made], owned */
    struct sov_spent spent;

    /* A text: */
    char *text; /* [n_text], owned; NULL if it is empty */
    size_t n_text;
    char *thought; /* the same of what was thought and not said */
    size_t n_thought;
    enum sov_why why;
    size_t n_made;
    bool logprobs;
    struct sov_made *made;  /* with logprobs, [n_made], else NULL */
    struct sov_chance *top; /* [n_made, n_top], the best first; an id of -1
                               stands for none */
    uint32_t n_top;

    /* Vectors: */
    float *x;     /* [rows of all, width], or NULL */
    size_t *rows; /* [n_texts] */
    size_t n_texts;
    size_t width;
    enum sov_pool pool;
};

/* The next answer, in the order in which they were complete; false if there
 * is none. */
SOV_API bool sov_desk_take(sov_desk *desk, struct sov_reply *answer);
SOV_API void sov_reply_free(struct sov_reply *answer);

struct sov_desk_counts {
    size_t waiting; /* requests that nothing was read of, or not any more */
    size_t active;
    uint64_t passes;
    uint64_t n_read; /* tokens of prompts; also what was read again */
    uint64_t n_known;
    uint64_t n_made; /* tokens of answers that were read to go on */
    uint64_t again;  /* times that a request gave its blocks back */
    uint32_t blocks; /* of keys and values: all, */
    uint32_t used;   /* and those that active requests hold */
    double joules;   /* of all passes; below 0: not known */
};

SOV_API void sov_desk_count(const sov_desk *desk,
                            struct sov_desk_counts *counts);

SOV_API uint32_t sov_desk_ctx(const sov_desk *desk);

/* Bytes that a desk takes besides its sessions, if n of them are open at once
 * and the vocabulary has so many tokens. */
SOV_API uint64_t sov_desk_memory(uint32_t n_seq, uint64_t n_vocab);

/* What SOV_POOL_AUTO means here. */
SOV_API enum sov_pool sov_desk_pool(const sov_desk *desk);

#endif
