/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h - what a line of a pipe asks for
 *
 * A line is a text, or a JSON object; for an embedding:
 *
 *     {"id": "a1", "text": "..."}       also called "input" or "prompt"
 *     {"id": "a2", "ids": [1, 2, 3]}    tokens, as they are
 *     {"id": "a3", "query": "...", "document": "..."}
 *
 * and for a text that goes on, or an answer to messages:
 *
 *     {"id": "a4", "prompt": "...", "max_tokens": 100, "seed": 7}
 *     {"id": "a5", "messages": [{"role": "user", "content": "..."}]}
 *
 * and for vectors among those,
 *
 *     {"id": "a6", "input": "..."}      or a list of texts
 *
 * The id, which may be left out, is a string or a whole number.  A member that
 * is not known is an error, so that nothing that was asked for is passed over.
 *
 * Requests for text and vectors may also be lines of OpenAI's batch files, and
 * then the answer is one, too:
 *
 *     {"custom_id": "a7", "method": "POST", "url": "/v1/chat/completions",
 *      "body": {"model": "...", "messages": [...]}}
 */
#ifndef SOV_REQUEST_H
#define SOV_REQUEST_H

#include "sov/base.h"
#include "sov/desk.h"
#include "sov/err.h"
#include "sov/meta.h"
#include "sov/run.h"
#include "sov/token.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a line at most. */
#define SOV_REQUEST_MAX ((size_t)16 << 20)

/* All borrowed from the request. */
struct sov_request_embed {
    struct sov_span text;  /* p NULL: there is none */
    struct sov_span query; /* and document: both, or none */
    struct sov_span document;
    const int32_t *ids; /* [n_ids], or NULL */
    size_t n_ids;
};

typedef struct sov_request sov_request;

/* A line of JSON, of which all is known but what it asks for. */
SOV_API int sov_request_parse(sov_request **request, const char *line,
                              size_t len, struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_request_free(sov_request *request);

/* The same in two steps: whatever is wrong with the line, there is a request
 * that sov_request_answer() can say so to.  It is read once. */
SOV_API int sov_request_new(sov_request **request,
                            struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_request_read(sov_request *request, const char *line,
                             size_t len, struct sov_err *err) SOV_MUST_CHECK;

/* Its id as JSON, borrowed; NULL if it has none. */
SOV_API const char *sov_request_id(const sov_request *request);

/* What it asks for; a request that could not be read, for text. */
enum sov_request_kind {
    SOV_REQUEST_TEXT,
    SOV_REQUEST_VECTORS,
};

SOV_API enum sov_request_kind sov_request_kind(const sov_request *request);

/* A request for an embedding, or for the score of a pair. */
SOV_API int sov_request_embed(sov_request *request,
                              struct sov_request_embed *embed,
                              struct sov_err *err) SOV_MUST_CHECK;

/*
 * A request for text: a prompt, or messages as sov_dialog_parse() takes them.
 * All of it is borrowed from the request, but for what the caller put there
 * before, and the request does not say.
 */
struct sov_request_text {
    struct sov_span prompt;   /* p NULL: there is none */
    const int32_t *ids;       /* [n_ids] a prompt of tokens, or NULL */
    size_t n_ids;
    struct sov_span messages; /* JSON, with the tools; p NULL: there are none */
    bool tools;
    uint64_t n_tokens; /* "max_tokens" */
    bool n_tokens_given;
    struct sov_sampler_opts sampler; /* "temperature", "top_k", "top_p",
                                        "min_p", "repeat_penalty", "seed" */
    bool seed_given;
    const char *const *stops; /* "stop": a string or an array of them */
    size_t n_stops;
    bool logprobs;  /* "logprobs" */
    uint32_t n_top; /* and how many of the best, SOV_TOP_MAX at most */
    const char *tenant;   /* or NULL */
    const char *reviewer; /* or NULL: who answers for the answer */
};

/* What the request says in *text; after a failure it is as it was. */
SOV_API int sov_request_text(sov_request *request,
                             struct sov_request_text *text,
                             struct sov_err *err) SOV_MUST_CHECK;

/* A request for vectors of texts, or for the score of a pair; all borrowed. */
struct sov_request_vectors {
    const struct sov_request_embed *texts; /* [n], one or more */
    size_t n;
    const char *tenant;   /* or NULL */
    const char *reviewer; /* or NULL: who answers for the answer */
};

SOV_API int sov_request_vectors(sov_request *request,
                                struct sov_request_vectors *vectors,
                                struct sov_err *err) SOV_MUST_CHECK;

/* No more is asked of the request than its answer: the rest is let go, with all
 * that was borrowed from it. */
SOV_API void sov_request_settle(sov_request *request);

/* What is answered. */
struct sov_response {
    uint64_t line;    /* of the request */
    uint64_t seed;    /* that it has */
    const char *model; /* name of the one that answers */
    const sov_tok *tok;
    const struct sov_reply *reply;
    const char *proof; /* put into it, or NULL */
    bool meter;        /* put into it what it took */
};

/* As a line, with its end; free() it. */
SOV_API int sov_request_answer(const sov_request *request,
                               const struct sov_response *answer, char **line,
                               size_t *len, struct sov_err *err) SOV_MUST_CHECK;

/* The seed of a line that has none of its own: it differs from line to line
 * and is below 2^53, which every reader of JSON understands. */
SOV_API uint64_t sov_request_seed(uint64_t seed, uint64_t line);

/* A line that is a text must be UTF-8. */
SOV_API int sov_request_check_text(const char *line, size_t len,
                                   struct sov_err *err) SOV_MUST_CHECK;

/* What a line says that sov_request_answer() made. */
struct sov_answered {
    uint64_t line;
    bool failed; /* it is an error */
    char *id;    /* of the request as JSON, or NULL; free() it */
};

/* SOV_EFORMAT: it is no answer. */
SOV_API int sov_answer_read(const char *text, size_t len,
                            struct sov_answered *answered,
                            struct sov_err *err) SOV_MUST_CHECK;

/* ---- ids of what is asked for */

struct sov_embed_opts {
    bool special; /* control tokens in the texts are recognised */
    bool cut;     /* what is too long is cut, instead of refused */
    size_t most;  /* ids */
};

/*
 * Fresh ids with all that the model puts around a text, or around a pair: what
 * its template tokenizer.chat_template.rerank says, else both texts with the
 * separator between them.  The end of the text, or of the document, is what is
 * cut.  Too long, or nothing at all, is SOV_EFORMAT.
 */
SOV_API int sov_embed_encode(const sov_tok *tok, const sov_meta *meta,
                             const struct sov_request_embed *embed,
                             const struct sov_embed_opts *opts, int32_t **ids,
                             size_t *n, bool *was_cut,
                             struct sov_err *err) SOV_MUST_CHECK;

#endif
