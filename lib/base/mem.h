/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem.h - checked allocation
 *
 * All sizes are n elements of size bytes; the product is checked.  What comes
 * back is free()d by its owner, or forgotten, if it was of a request: whoever
 * gets the memory next finds nothing in it.
 */
#ifndef SOV_BASE_MEM_H
#define SOV_BASE_MEM_H

#include "sov/err.h"

#include <stddef.h>
#include <stdint.h>

/* Zeroed array; NULL when there is no memory or n * size overflows.  Never
 * NULL for n = 0. */
void *sov_mem_array(size_t n, size_t size);

/*
 * Make room for at least one more element than n in *p, which holds *cap
 * elements: grows by half, and leaves nothing where they were.  0 or SOV_EMEM.
 */
int sov_mem_grow(void **p, size_t n, size_t *cap, size_t size,
                 struct sov_err *err) SOV_MUST_CHECK;

/* Fresh NUL-terminated copy of len bytes. */
char *sov_mem_dup(const void *p, size_t len);

/* 64-byte aligned, zeroed; sov_mem_free_aligned() it. */
void *sov_mem_aligned(size_t n, size_t size);
void sov_mem_free_aligned(void *p);

/* Zeros, even where nobody reads them any more. */
void sov_mem_wipe(void *p, size_t len);

/* free() what malloc() gave, wiped. */
void sov_mem_forget(void *p);

/* realloc() from n bytes to more, of which the old ones are wiped; NULL, and
 * nothing has changed. */
void *sov_mem_move(void *p, size_t n, size_t bytes);

/* "out of memory", SOV_EMEM. */
int sov_mem_fail(struct sov_err *err);

#endif
