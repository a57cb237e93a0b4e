/* SPDX-License-Identifier: Apache-2.0 */
/* hash.h - digests below the public ones: of open files, and quick ones */
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

/* XXH3-128 as struct sov_digest has it, of what lies in memory. */
void sov_xxh3(const void *buf, size_t len, unsigned char out[SOV_XXH3_LEN]);

/* The same of one stream after the other: take gives it, and begins anew. */
struct sov_sum;
struct sov_sum *sov_sum_new(void); /* NULL: no memory */
void sov_sum_free(struct sov_sum *s);
void sov_sum_add(struct sov_sum *s, const void *buf, size_t len);
void sov_sum_take(struct sov_sum *s, unsigned char out[SOV_XXH3_LEN]);

#endif
