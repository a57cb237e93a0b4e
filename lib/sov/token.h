/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token.h - text to token ids and back
 *
 * A tokenizer is read-only after loading and may be shared by threads.  Input
 * text never becomes a control token unless SOV_TOK_SPECIAL says so.
 */
#ifndef SOV_TOKEN_H
#define SOV_TOKEN_H

#include "sov/err.h"
#include "sov/meta.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sov_tok sov_tok;

/* From the tokenizer.ggml.* keys of a model; copies what it needs. */
SOV_API int sov_tok_load(sov_tok **tok, const sov_meta *meta,
                         struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_tok_free(sov_tok *tok);

SOV_API size_t sov_tok_count(const sov_tok *tok);

/* Ids of the control tokens, or -1. */
SOV_API int32_t sov_tok_bos(const sov_tok *tok);
SOV_API int32_t sov_tok_eos(const sov_tok *tok);
SOV_API int32_t sov_tok_eot(const sov_tok *tok); /* ends a turn */
/* The first token that is called so in the vocabulary, or -1. */
SOV_API int32_t sov_tok_find(const sov_tok *tok, const char *name, size_t len);
SOV_API bool sov_tok_adds_bos(const sov_tok *tok);
SOV_API bool sov_tok_adds_eos(const sov_tok *tok);
/* Does this id end a text (eos, and end of turn where a model has one)? */
SOV_API bool sov_tok_is_end(const sov_tok *tok, int32_t id);
SOV_API bool sov_tok_is_control(const sov_tok *tok, int32_t id);

enum sov_tok_flags {
    SOV_TOK_PLAIN = 0,
    SOV_TOK_BOS = 1,     /* put BOS first if the model wants it */
    SOV_TOK_EOS = 2,     /* put EOS last if the model wants it */
    SOV_TOK_SPECIAL = 4, /* control tokens in the text are recognised */
};

/* Fresh array of ids in *ids (free() it), their number in *n. */
SOV_API int sov_tok_encode(const sov_tok *tok, const char *text, size_t len,
                           unsigned flags, int32_t **ids, size_t *n,
                           struct sov_err *err) SOV_MUST_CHECK;

/*
 * The same where parts of a text are one's own and parts are a stranger's:
 * control tokens are recognised where mark[len] is 0 for all of their bytes,
 * and nowhere else.  mark may be NULL; then SOV_TOK_SPECIAL decides.
 */
SOV_API int sov_tok_encode_marked(const sov_tok *tok, const char *text,
                                  size_t len, const unsigned char *mark,
                                  unsigned flags, int32_t **ids, size_t *n,
                                  struct sov_err *err) SOV_MUST_CHECK;

/*
 * The bytes of one token as they stand in running text (a leading space is
 * kept; a byte token gives its byte, perhaps a part of a character; a control
 * token gives nothing).  Borrowed from tok.  Empty for an id out of range.
 */
SOV_API struct sov_span sov_tok_piece(const sov_tok *tok, int32_t id);

/* The same as it stands behind n ids: what begins a whole text has a space in
 * front that nobody wrote. */
SOV_API struct sov_span sov_tok_piece_after(const sov_tok *tok,
                                            const int32_t *ids, size_t n,
                                            int32_t id);

/* The token as it is called in the vocabulary, for showing. */
SOV_API struct sov_span sov_tok_name(const sov_tok *tok, int32_t id);

/* Does a text begin with a space that encoding put there and decoding takes
 * away again? */
SOV_API bool sov_tok_space_prefix(const sov_tok *tok);

#endif
