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
 * The id, which may be left out, is a string or a whole number.  A member that
 * is not known is an error, so that nothing that was asked for is passed over.
 */
#ifndef SOV_REQUEST_H
#define SOV_REQUEST_H

#include "sov/base.h"
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

/* Its id as JSON, borrowed; NULL if it has none. */
SOV_API const char *sov_request_id(const sov_request *request);

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
    struct sov_span messages; /* JSON, with the tools; p NULL: there are none */
    bool tools;
    uint64_t n_tokens; /* "max_tokens" */
    bool n_tokens_given;
    struct sov_sampler_opts sampler; /* "temperature", "top_k", "top_p",
                                        "min_p", "repeat_penalty", "seed" */
    bool seed_given;
    const char *const *stops; /* "stop": a string or an array of them */
    size_t n_stops;
    const char *tenant; /* or NULL */
};

/* What the request says in *text; after a failure it is as it was. */
SOV_API int sov_request_text(sov_request *request,
                             struct sov_request_text *text,
                             struct sov_err *err) SOV_MUST_CHECK;

/* The seed of a line that has none of its own: it differs from line to line
 * and is below 2^53, which every reader of JSON understands. */
SOV_API uint64_t sov_request_seed(uint64_t seed, uint64_t line);

/* A line that is a text must be UTF-8. */
SOV_API int sov_request_check_text(const char *line, size_t len,
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
