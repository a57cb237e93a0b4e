/* SPDX-License-Identifier: Apache-2.0 */
/*
 * num.h - arithmetic that says when it overflowed
 *
 * Each gives true when the result fits and is in *out.  All arithmetic on
 * numbers from a file goes through these.
 */
#ifndef SOV_BASE_NUM_H
#define SOV_BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

static inline bool
sov_add(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static inline bool
sov_mul(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* Round up to a multiple of align, a power of two. */
static inline bool
sov_pad(uint64_t a, uint64_t align, uint64_t *out)
{
    uint64_t sum;

    if (!sov_add(a, align - 1, &sum))
        return false;
    *out = sum & ~(align - 1);
    return true;
}

#endif
