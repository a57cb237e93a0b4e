/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grow.h - a file that one process at a time puts something behind
 */
#ifndef SOV_SYS_GROW_H
#define SOV_SYS_GROW_H

#include "sys/file.h"

/*
 * Open a regular file for reading and appending, made for its owner alone if
 * there is none; nobody else may have it open so: SOV_EIO, SOV_WHERE_LOCK.
 * The lock goes with the descriptor.
 */
int sov_grow_open(struct sov_file *f, const char *path,
                  struct sov_err *err) SOV_MUST_CHECK;

/* Put bytes at its end, which is at `at`. */
int sov_grow_put(const struct sov_file *f, uint64_t at, const void *buf,
                 size_t len, struct sov_err *err) SOV_MUST_CHECK;

/* Make that its end. */
int sov_grow_cut(const struct sov_file *f, uint64_t at,
                 struct sov_err *err) SOV_MUST_CHECK;

/* Wait until it is on the disk. */
int sov_grow_sync(const struct sov_file *f, struct sov_err *err) SOV_MUST_CHECK;

#endif
