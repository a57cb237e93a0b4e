/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delta.h - what a worker's training has moved, as a file
 *
 * For machines that share no network: each trains the same model, the base, on
 * texts that stay where they are, and writes what its weights have moved; who
 * has all the files makes one step of the outer optimiser of local.h by their
 * mean, each counting as many times as it has learnt tokens.  Numbers are
 * added as integers, so that the order of the files does not matter.
 *
 * All numbers are little-endian:
 *
 *        0   8  "sov-dlt", LF
 *        8   4  version: 1
 *       12   4  bits: numbers are multiples of 2^-bits, 21 to 60
 *       16   8  count of numbers, as in trainee.h
 *       24   8  tokens that were learnt
 *       32  32  SHA-256 of the base: its weights as f32, in their order
 *       64   4  which worker this is, from 1, of
 *       68   4  so many; both 0: not said
 *       72  56  0
 *      128      numbers [count] 32 bits, signed: base - weights
 *      -16  16  XXH3-128 of all before
 *
 * Version 2 is one that is masked (trust/mask.h): who merges learns the sum of
 * all and none of them.  So none may be missing, and each counts alike: one
 * that is to count by its tokens would have to know those of all.
 *
 *        8   4  version: 2
 *       12   4  bits: 41, those of local.h, whose sums do not wrap
 *       72  32  which silos take part: sov_mask_silos()
 *      104  24  0
 *      128      numbers [count] 64 bits, modulo 2^64: base - weights + mask
 */
#ifndef SOV_DISTILL_DELTA_H
#define SOV_DISTILL_DELTA_H

#include "distill/local.h"
#include "sov/hash.h"
#include "sov/io.h"
#include "sys/file.h"
#include "trust/mask.h"

#define SOV_DELTA_MAGIC    "sov-dlt\n"
#define SOV_DELTA_VERSION  1
#define SOV_DELTA_MASKED   2
#define SOV_DELTA_HEAD     128
#define SOV_DELTA_BITS_MIN 21 /* numbers are below 2^10 */
#define SOV_DELTA_BITS_MAX 60

struct sov_delta {
    uint32_t bits;
    uint64_t count;
    uint64_t tokens;
    unsigned char base[SOV_SHA256_LEN];
    uint32_t worker, workers;
    bool masked;
    unsigned char silos[SOV_SHA256_LEN]; /* if it is */
    const unsigned char *numbers; /* little-endian, borrowed of the bytes */
    unsigned char sum[SOV_XXH3_LEN];
    struct sov_file file; /* of sov_delta_open() */
    const void *map;
};

/* SHA-256 of weights, as above. */
int sov_delta_digest(const float *w, size_t n,
                     unsigned char digest[SOV_SHA256_LEN],
                     struct sov_err *err) SOV_MUST_CHECK;

/* Can a file say so of itself? */
int sov_delta_head(const struct sov_delta *d, uint32_t version,
                   struct sov_err *err) SOV_MUST_CHECK;

/* A file of len bytes, which stay the caller's. */
int sov_delta_parse(struct sov_delta *d, const void *p, size_t len,
                    struct sov_err *err) SOV_MUST_CHECK;
/* A file by its name, mapped. */
int sov_delta_open(struct sov_delta *d, const char *path,
                   struct sov_err *err) SOV_MUST_CHECK;
void sov_delta_close(struct sov_delta *d);

/* Of d, tokens, base, worker and workers are written; bits are chosen for what
 * has moved most.  With a mask, or NULL, it is masked, and silos count, too.
 * SOV_ENO: the weights are not finite, or have moved by 1024
 * or more. */
int sov_delta_write(sov_sink *sink, const struct sov_delta *d,
                    const sov_mask *mask, const float *base, const float *w,
                    size_t n, struct sov_err *err) SOV_MUST_CHECK;

/* Do they belong together, to this base of n numbers, and is none missing that
 * they know of, and none there twice?  SOV_ENO says what is wrong. */
int sov_delta_check(const struct sov_delta *d, size_t n_deltas,
                    const unsigned char base[SOV_SHA256_LEN], size_t n,
                    struct sov_err *err) SOV_MUST_CHECK;

/* A step of base and its momentum by those that were checked; w = base. */
int sov_delta_merge(const struct sov_local *l, const struct sov_delta *d,
                    size_t n_deltas, float *base, float *u, float *w, size_t n,
                    struct sov_err *err) SOV_MUST_CHECK;

#endif
