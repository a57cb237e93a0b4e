/* SPDX-License-Identifier: Apache-2.0 */
/* mem.c - checked allocation */
#include "base/mem.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 64
#define MOVED ((size_t)32 << 20) /* the most that malloc() keeps among others */

int
sov_mem_fail(struct sov_err *err)
{
    return sov_fail(err, SOV_EMEM, "out of memory");
}

void *
sov_mem_array(size_t n, size_t size)
{
    return calloc(n > 0 ? n : 1, size > 0 ? size : 1);
}

/* What looks at p may read it: so the zeros have to be there. */
void
sov_mem_wipe(void *p, size_t len)
{
    memset(p, 0, len);
    __asm__ volatile("" : : "r"(p) : "memory");
}

void
sov_mem_forget(void *p)
{
    if (p != NULL)
        sov_mem_wipe(p, malloc_usable_size(p));
    free(p);
}

/* What has its own pages is moved with them, not copied. */
void *
sov_mem_move(void *p, size_t n, size_t bytes)
{
    void *fresh;

    if (n >= MOVED)
        return realloc(p, bytes);
    fresh = malloc(bytes);
    if (fresh == NULL)
        return NULL;
    if (n > 0)
        memcpy(fresh, p, n);
    sov_mem_forget(p);
    return fresh;
}

int
sov_mem_grow(void **p, size_t n, size_t *cap, size_t size, struct sov_err *err)
{
    size_t want;
    size_t bytes;
    void *fresh;

    if (n < *cap)
        return 0;
    want = *cap < 16 ? 16 : *cap + *cap / 2;
    if (want <= n || __builtin_mul_overflow(want, size, &bytes))
        return sov_mem_fail(err);
    fresh = sov_mem_move(*p, *cap * size, bytes);
    if (fresh == NULL)
        return sov_mem_fail(err);
    *p = fresh;
    *cap = want;
    return 0;
}

char *
sov_mem_dup(const void *p, size_t len)
{
    char *copy;

    if (len == SIZE_MAX)
        return NULL;
    copy = malloc(len + 1);
    if (copy == NULL)
        return NULL;
    if (len > 0)
        memcpy(copy, p, len);
    copy[len] = '\0';
    return copy;
}

void *
sov_mem_aligned(size_t n, size_t size)
{
    size_t bytes;
    void *p;

    if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX - ALIGN)
        return NULL;
    bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    if (bytes == 0)
        bytes = ALIGN;
    p = aligned_alloc(ALIGN, bytes);
    if (p != NULL)
        memset(p, 0, bytes);
    return p;
}

void
sov_mem_free_aligned(void *p)
{
    free(p);
}
