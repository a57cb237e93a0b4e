/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tokens.h - all documents as one stream of tokens
 *
 *     [bos] document [eos] [bos] document [eos] ...
 *
 * with bos where the model puts one before a text, and eos where it has one at
 * all: what learns from the stream learns to end.  Where both are the same
 * token there is one of it.  Ids take two bytes each, or four; many of them lie
 * in a nameless file in the temporary folder.
 */
#ifndef SOV_DISTILL_TOKENS_H
#define SOV_DISTILL_TOKENS_H

#include "sov/base.h"
#include "sov/err.h"
#include "sov/hash.h"
#include "sov/token.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sov_tokens sov_tokens;

/* The tokenizer is borrowed. */
int sov_tokens_new(sov_tokens **tokens, const sov_tok *tok,
                   struct sov_err *err) SOV_MUST_CHECK;
void sov_tokens_free(sov_tokens *t);

/* Before the first document: bytes of ids that may lie in memory (64 MiB). */
void sov_tokens_memory(sov_tokens *t, size_t bytes);

/* One more document, or a part of one; the text is copied.  On all threads,
 * some documents at a time. */
int sov_tokens_add(sov_tokens *t, struct sov_span text, bool begins, bool ends,
                   struct sov_err *err) SOV_MUST_CHECK;

/* That was all of them; what is below is known from here on. */
int sov_tokens_end(sov_tokens *t, struct sov_err *err) SOV_MUST_CHECK;

uint64_t sov_tokens_count(const sov_tokens *t);
uint64_t sov_tokens_docs(const sov_tokens *t);
uint64_t sov_tokens_bytes(const sov_tokens *t); /* of all texts */

/* Where document i begins; i may be their number. */
uint64_t sov_tokens_doc(const sov_tokens *t, uint64_t i);

/* ids[n] of the stream; all of them are there. */
void sov_tokens_get(const sov_tokens *t, uint64_t at, size_t n, int32_t *ids);

/* Bytes of text that these tokens stand for. */
uint64_t sov_tokens_text(const sov_tokens *t, const int32_t *ids, size_t n);

/* SHA-256 of the stream, each id as four bytes, little-endian; and of the
 * texts, each with its length before it as eight. */
const unsigned char *sov_tokens_digest(const sov_tokens *t);
const unsigned char *sov_tokens_texts_digest(const sov_tokens *t);

#endif
