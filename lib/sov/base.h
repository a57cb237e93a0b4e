/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base.h - version, threads and the few settings of the whole library
 *
 * The library never prints, never exits and reads no environment variable but
 * SOV_ISA (the highest instruction set to use, see sov(7)) and SOV_THREADS.
 * What else the environment says, a program hands in here.
 */
#ifndef SOV_BASE_H
#define SOV_BASE_H

#include "sov/err.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes that belong to somebody else. */
struct sov_span {
    const unsigned char *p; /* borrowed; not NUL-terminated */
    size_t len;
};

/* "0.1.0" */
SOV_API const char *sov_version(void);

/* Name of the instruction set the kernels use: "generic", "avx2", ... */
SOV_API const char *sov_isa(void);

/*
 * Threads used by everything that is called afterwards; 0 means what the
 * machine has (affinity and cgroup quota respected, rounded down).  Results do
 * not depend on it.
 */
SOV_API void sov_set_threads(unsigned n);
SOV_API unsigned sov_threads(void);

/* Make them now; else they are made when work first wants them.  For programs
 * that afterwards forbid themselves to make threads. */
SOV_API void sov_threads_ready(void);

/* Bytes of memory that this process has now, maps of files not counted; 0 if
 * the system does not tell. */
SOV_API uint64_t sov_memory_used(void);

/* The same with the pages of files that are in memory, as the system counts
 * what a process has; and the most there were so far. */
SOV_API uint64_t sov_memory_resident(void);
SOV_API uint64_t sov_memory_most(void);

/*
 * SOV_EARG if SOV_ISA or SOV_THREADS is set to what means nothing.  Without
 * asking, the first counts as generic then, and the second as not set.
 */
SOV_API int sov_env_check(struct sov_err *err) SOV_MUST_CHECK;

/* Folder for spooled pipes; NULL means /tmp.  The string is copied. */
SOV_API int sov_set_tmpdir(const char *dir, struct sov_err *err) SOV_MUST_CHECK;

/*
 * Called by long work, from one thread at a time: done of total (bytes, or
 * tokens), total 0 when not known.  what names the present object or is NULL.
 */
typedef void (*sov_progress_fn)(void *arg, uint64_t done, uint64_t total,
                                const char *what);

#endif
