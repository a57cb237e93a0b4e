/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grow.h - a file that one process at a time puts something behind
 *
 * Whoever adds to a file where it stands does it through this: answers that
 * are resumed (sov_append), audit logs, sessions.
 */
#ifndef SOV_SYS_GROW_H
#define SOV_SYS_GROW_H

#include "sys/file.h"

struct sov_grow_how {
    unsigned mode;    /* of a file that is made; 0: none is */
    bool wait;        /* for whoever has it, instead of failing */
    const char *held; /* what is said of it then */
};

/*
 * Open a regular file for reading and appending; SOV_EARG: it is none.  Nobody
 * else may have it open so: SOV_EIO, SOV_WHERE_LOCK.  The lock goes with the
 * descriptor.  f->fd is below 0 where there is no file, and none is made.
 */
int sov_grow_open(struct sov_file *f, const char *path,
                  const struct sov_grow_how *how,
                  struct sov_err *err) SOV_MUST_CHECK;

/* Put bytes at its end, which is at f->size; after a failure some may be
 * there. */
int sov_grow_put(struct sov_file *f, const void *buf, size_t len,
                 struct sov_err *err) SOV_MUST_CHECK;

/* Make that its end. */
int sov_grow_cut(struct sov_file *f, uint64_t at,
                 struct sov_err *err) SOV_MUST_CHECK;

/* Wait until it is on the disk. */
int sov_grow_sync(const struct sov_file *f, struct sov_err *err) SOV_MUST_CHECK;

#endif
