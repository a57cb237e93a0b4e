/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shuffle.h - an order of chance that needs no memory
 *
 * A permutation of 0 .. n - 1, a pure function of seed and epoch, of which each
 * place can be asked alone.
 */
#ifndef SOV_DISTILL_SHUFFLE_H
#define SOV_DISTILL_SHUFFLE_H

#include <stdint.h>

struct sov_shuffle {
    uint64_t n; /* up to 2^62 */
    uint64_t seed;
    uint64_t epoch;
};

/* What stands at place i, below n. */
uint64_t sov_shuffle_at(const struct sov_shuffle *s, uint64_t i);

#endif
