/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.h - what a teacher said of a text, kept: samples of its distributions
 *
 * For each token of a stream n_draws tokens are drawn from what the teacher
 * expects next, and it is kept which and how often.  On average that is its
 * distribution, so that a student learns the same from it, whereas the
 * likeliest tokens alone would teach it that there are no others
 * (A. Anshumann et al., "Sparse Logit Sampling", ACL 2025).
 *
 * The draws of a token are spaced evenly: with u of [0, 1) by chance, they are
 * where the sum of probabilities passes (u + i) / n_draws.  So a token of
 * probability p is drawn n_draws p times on average and never more than one
 * time off that.  u is a pure function of the seed and the token's place in
 * the stream.
 *
 * The file (all numbers little-endian; what is not named is zero):
 *
 *        0   8  "sov-few", LF
 *        8   4  version: 1
 *       12   4  192, length of this header
 *       16  32  the teacher (sov_teacher_identity)
 *       48  32  its tokenizer (sov_vocab_digest)
 *       80  32  the stream of tokens (sov_tokens_digest)
 *      112   8  n, tokens of the stream
 *      120   8  seed
 *      128   4  tokens of a sequence, which is what the teacher saw before
 *      132   4  v, tokens of the vocabulary
 *      136   4  d, draws
 *      140   4  temperature of the distributions, f32
 *      144   4  b, tokens of a block
 *      148   4  1: sequences hold tokens of one document alone
 *      176  16  XXH3-128 of all before
 *
 *      192      what blocks are coded by: shares [v] u8, sizes [d] u16,
 *               evenness u8 (few_code.h), XXH3-128 of the header's sum and
 *               these
 *               blocks: XXH3-128 of the header's sum, the block's number (u64)
 *               and its bytes; then these.  Token i is in block i / b
 *               index: where each block ends [n / b, rounded up] u64
 *               footer: where the index begins u64, "sov-end", LF, XXH3-128 of
 *               the header's sum, the index and the footer up to here
 *
 * So each block is read by itself, a block that is damaged, or at another
 * place, or of another file, is noticed, and a file that was cut short has no
 * footer.
 */
#ifndef SOV_DISTILL_CACHE_H
#define SOV_DISTILL_CACHE_H

#include "kern/kern.h"
#include "sov/err.h"
#include "sov/hash.h"
#include "sov/io.h"
#include "train/loss.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOV_FEW_DRAWS 50 /* unless somebody asks */

/* What a cache is of. */
struct sov_few_about {
    unsigned char teacher[SOV_SHA256_LEN];
    unsigned char tokenizer[SOV_SHA256_LEN];
    unsigned char text[SOV_SHA256_LEN];
    uint64_t n_tokens;
    uint64_t seed;
    uint32_t n_ctx;
    uint32_t n_vocab; /* ids are below; the student may have more */
    uint32_t n_draws;
    float temp;
    bool apart;
};

/*
 * Draw from softmax(x / temp), x [n], which is spoiled: gives the number of
 * different tokens, which are in id and count [n_draws each], and in *top the
 * probability of the likeliest (top may be NULL).  0: x are no logits.
 */
uint32_t sov_few_draw(const struct sov_kern *k, float *x, size_t n,
                      uint32_t n_draws, double temp, uint64_t seed,
                      uint64_t place, int32_t *id, uint32_t *count, float *top);

/* ---- writing, in the order of the stream, in constant memory */

typedef struct sov_few_writer sov_few_writer;

/* Blocks go to the sink as they are full; it is borrowed, and the caller's to
 * commit. */
int sov_few_writer_new(sov_few_writer **w, sov_sink *sink,
                       const struct sov_few_about *about,
                       struct sov_err *err) SOV_MUST_CHECK;
void sov_few_writer_free(sov_few_writer *w);

/* Where the sink has a part (sys/part.h): how many tokens are in it, whose
 * samples need not be added again.  Before the first is. */
int sov_few_writer_resume(sov_few_writer *w, uint64_t *done,
                          struct sov_err *err) SOV_MUST_CHECK;

/* The next token's samples; top is kept as one of 256 steps. */
int sov_few_writer_add(sov_few_writer *w, const struct sov_few *few, float top,
                       struct sov_err *err) SOV_MUST_CHECK;

/* That was all; SOV_EARG: it was not n_tokens. */
int sov_few_writer_end(sov_few_writer *w, struct sov_err *err) SOV_MUST_CHECK;

/* ---- reading, at any place; by one thread at a time */

typedef struct sov_few_cache sov_few_cache;

int sov_few_open(sov_few_cache **cache, const char *path,
                 struct sov_err *err) SOV_MUST_CHECK;
void sov_few_close(sov_few_cache *c);

const struct sov_few_about *sov_few_about(const sov_few_cache *c);
uint64_t sov_few_size(const sov_few_cache *c); /* bytes of the file */

/*
 * Is it the one that is wanted?  SOV_EFORMAT names what is wanted and what
 * there is.  A teacher of zeros is any; so are a seed and draws of 0.
 */
int sov_few_match(const sov_few_cache *c, const struct sov_few_about *want,
                  struct sov_err *err) SOV_MUST_CHECK;

/* few[n] of tokens at .. at + n - 1 of the stream, borrowed until the next
 * call; and top[n], or NULL. */
int sov_few_read(sov_few_cache *c, uint64_t at, size_t n, struct sov_few *few,
                 float *top, struct sov_err *err) SOV_MUST_CHECK;

#endif
