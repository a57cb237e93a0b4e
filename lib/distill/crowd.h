/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd.h - how often a 64-bit hash was seen, in memory that has a bound
 */
#ifndef SOV_DISTILL_CROWD_H
#define SOV_DISTILL_CROWD_H

#include "sov/err.h"

#include <stddef.h>
#include <stdint.h>

/* Start with { .most = entries at most }. */
struct sov_crowd {
    uint64_t *key; /* owned, [cap]; 0: free */
    uint32_t *times;
    size_t cap; /* a power of two, */
    size_t n;   /* of which these are taken */
    size_t most;
    uint64_t odd[2]; /* chooses places */
};

void sov_crowd_free(struct sov_crowd *c);

/* Forget all. */
void sov_crowd_clear(struct sov_crowd *c);

/*
 * One more; *before is how often it was there.  0; 1 where there is no room for
 * another one, and it is not there now; or SOV_EMEM.
 */
int sov_crowd_add(struct sov_crowd *c, uint64_t key, uint32_t *before,
                  struct sov_err *err) SOV_MUST_CHECK;

#endif
