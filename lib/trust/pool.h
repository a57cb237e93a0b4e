/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - many small arrays that go away together
 */
#ifndef SOV_TRUST_POOL_H
#define SOV_TRUST_POOL_H

#include "sov/err.h"

#include <stddef.h>

/* Start with { 0 }. */
struct sov_pool {
    void **block; /* owned, and each of them */
    size_t n;
    size_t cap;
};

/* A zeroed array that lives as long as the pool, in *p. */
int sov_pool_array(struct sov_pool *pool, size_t n, size_t size, void *p,
                   struct sov_err *err) SOV_MUST_CHECK;
void sov_pool_free(struct sov_pool *pool);

#endif
