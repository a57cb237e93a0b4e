/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim.h - what claim.c keeps of each model, and claim_say.c speaks of
 */
#ifndef SOV_BIN_BENCH_CLAIM_H
#define SOV_BIN_BENCH_CLAIM_H

#include "bench/bench.h"

#include "cli/fileset.h"
#include "sov/hash.h"
#include "sov/key.h"

struct subject {
    const char *path;
    char *claims; /* the file that the line goes to */
    struct sov_fileset set;
    struct sov_digest *before; /* [set.n] of several files; or NULL */
    char *name;                /* as its records say */
    char digest[65];
};

struct bench_claims {
    sov_seckey *key;
    struct subject *subject;
    size_t n;
    struct sov_digest baseline; /* has is 0: none */
};

/* ---- claim_say.c */

/* The signed line about what was measured on s, and its verdicts; free() it.
 * The digests of the files of s are there, and so is the key. */
int claim_say(const struct bench_claims *c, const struct subject *s,
              const struct sov_bench_set *set,
              const struct sov_bench_verdict *v, size_t n_v, char **line,
              size_t *len, struct sov_err *err) SOV_MUST_CHECK;

#endif
