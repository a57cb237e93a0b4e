/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h - a file in memory of which each 512 KiB is checked when it is first
 * touched
 */
#ifndef SOV_SYS_GUARD_H
#define SOV_SYS_GUARD_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_guard;

/* Bytes at off are not what they should be: must not return. */
typedef void (*sov_guard_fn)(void *arg, uint64_t off);

/*
 * The file of size bytes under fd, which stays open; n groups as
 * sov_hasher_groups() has them, borrowed.  SOV_EUNSUP: the machine cannot.
 */
int sov_guard_open(struct sov_guard **guard, int fd, uint64_t size,
                   const unsigned char *groups, size_t n, sov_guard_fn broken,
                   void *arg, struct sov_err *err) SOV_MUST_CHECK;
void sov_guard_close(struct sov_guard *guard);

/* Where it lies. */
const unsigned char *sov_guard_bytes(const struct sov_guard *guard);

/* Does p lie in one?  What does so is neither unmapped nor given back. */
bool sov_guard_holds(const void *p);

/* Bytes that were read and checked so far. */
uint64_t sov_guard_checked(const struct sov_guard *guard);

#endif
