/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c - many small arrays that go away together */
#include "trust/pool.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

int
sov_pool_array(struct sov_pool *pool, size_t n, size_t size, void *p,
               struct sov_err *err)
{
    void *fresh;
    int rc = sov_mem_grow((void **)&pool->block, pool->n, &pool->cap,
                          sizeof(*pool->block), err);

    if (rc < 0)
        return rc;
    fresh = sov_mem_array(n, size);
    if (fresh == NULL)
        return sov_mem_fail(err);
    pool->block[pool->n++] = fresh;
    memcpy(p, &fresh, sizeof(fresh));
    return 0;
}

void
sov_pool_free(struct sov_pool *pool)
{
    for (size_t i = 0; i < pool->n; i++)
        free(pool->block[i]);
    free(pool->block);
    *pool = (struct sov_pool){ 0 };
}
