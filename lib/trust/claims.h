/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claims.h - a set of claims from inside
 *
 * Always holds: (1) every line was read whole and its payload parsed; (2) no
 * two lines have the same id and the same signer, unless neither says who;
 * (3) there are at most SOV_CLAIM_LINES of SOV_CLAIMS_MAX bytes in all, so
 * that a linear search is quick enough.
 */
#ifndef SOV_TRUST_CLAIMS_H
#define SOV_TRUST_CLAIMS_H

#include "base/json.h"
#include "sov/claim.h"
#include "trust/dsse.h"
#include "trust/pool.h"

struct sov_claim_line {
    struct sov_claim claim;  /* borrows from what follows */
    char *text;              /* owned */
    struct sov_envelope env; /* owned */
    json_t *json;            /* owned; the strings of the statement */
    struct sov_pool pool;    /* owned; its arrays */
    size_t values;           /* JSON values of it */
};

struct sov_claims {
    struct sov_claim_line **line; /* owned, and each of them */
    size_t n;
    size_t cap;
    size_t bytes;  /* of all lines */
    size_t values; /* of all statements */
};

/* Index of the first line with this id, or SIZE_MAX. */
size_t sov_claims_index(const sov_claims *set, const char *id);

/* Are all digests and sizes that both know equal, and a proof among them? */
bool sov_digests_fit(const struct sov_resource *a,
                     const struct sov_resource *b);

/* ---- walking from claims to what they point to */

struct sov_walk {
    size_t *order; /* owned; first lines of the claims reached, ancestors
                          before what was made from them */
    size_t n;
    size_t *depth;  /* owned; of order[i]: hops to the farthest root; to what
                       people declare is none */
    size_t at;      /* on SOV_ENO: the line that points ... */
    const char *to; /* ... to this id, which is missing or leads back */
};

/*
 * From these lines (indexes) on.  SOV_ENO if a claim that is pointed to is
 * missing or the way leads back to where it was.  sov_walk_free() it in any
 * case.
 */
int sov_claims_walk(const sov_claims *set, const size_t *from, size_t n,
                    struct sov_walk *walk, struct sov_err *err) SOV_MUST_CHECK;
void sov_walk_free(struct sov_walk *walk);

#endif
