/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failing.c - memory and threads that run out, for torture.sh
 *
 * Loaded before the C library.  Of the calls that ask for memory or a thread,
 * number SOV_FAIL_AT fails, and with SOV_FAIL_EVER all that follow it; with
 * SOV_FAIL_COUNT in the environment their number goes to descriptor 9 at the
 * end.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_long calls;
static long fail_at = -1;
static bool fail_ever;

static void
tell(void)
{
    dprintf(9, "%ld\n", atomic_load(&calls));
}

__attribute__((constructor)) static void
begin(void)
{
    const char *at = getenv("SOV_FAIL_AT");

    if (getenv("SOV_FAIL_COUNT") != NULL)
        atexit(tell);
    fail_ever = getenv("SOV_FAIL_EVER") != NULL;
    atomic_store(&calls, 0);
    fail_at = at != NULL ? atol(at) : -1;
}

static bool
fails(void)
{
    long n = atomic_fetch_add(&calls, 1) + 1;

    if (fail_at < 0 || (fail_ever ? n < fail_at : n != fail_at))
        return false;
    errno = ENOMEM;
    return true;
}

void *
malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
    return fails() ? NULL : __libc_realloc(p, size);
}

void *
aligned_alloc(size_t align, size_t size)
{
    return fails() ? NULL : __libc_memalign(align, size);
}

void *
mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
    if (fails())
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, at, len, prot, flags, fd, off);
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *attr,
               void *(*fn)(void *), void *arg)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
                void *);

    if (fails())
        return EAGAIN;
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attr, fn, arg);
}
