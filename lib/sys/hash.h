/* SPDX-License-Identifier: Apache-2.0 */
/* hash.h - files that are open already, through a hasher */
#ifndef SOV_SYS_HASH_H
#define SOV_SYS_HASH_H

#include "sov/hash.h"
#include "sys/file.h"

/*
 * All of an open file as the next bytes: a regular one from its first byte to
 * f->size, its descriptor's position left as it is; a pipe until it ends.
 */
int sov_hasher_file(sov_hasher *h, struct sov_file *f, struct sov_err *err)
    SOV_MUST_CHECK;

/* Regular files: the digest of what f->fd holds. */
int sov_hash_file(struct sov_file *f, unsigned what, struct sov_digest *digest,
                  struct sov_err *err) SOV_MUST_CHECK;

#endif
