/* SPDX-License-Identifier: Apache-2.0 */
/* cache_in.h - what reading and writing of cache.h's file share */
#ifndef SOV_DISTILL_CACHE_IN_H
#define SOV_DISTILL_CACHE_IN_H

#include "distill/cache.h"
#include "distill/few_code.h"
#include "sys/file.h"
#include "sys/hash.h"

#define SOV_FEW_HEAD    192
#define SOV_FEW_FOOT    32 /* bytes of the footer */
#define SOV_FEW_MAGIC   "sov-few\n"
#define SOV_FEW_END     "sov-end\n"
#define SOV_FEW_VERSION 1
#define SOV_FEW_TEXT    8 /* of either */

struct sov_few_cache {
    struct sov_file file;
    const void *map; /* or NULL: the bytes are another's */
    struct sov_few_about about;
    struct sov_few_model model;
    unsigned char sum[SOV_XXH3_LEN]; /* the header's */
    const unsigned char *p;          /* all of it, */
    uint64_t size;                   /* and its bytes */
    uint32_t block;                  /* tokens of one */
    uint64_t n_blocks;
    uint64_t begin; /* where blocks begin */
    uint64_t index; /* where that does */
    struct sov_sum *hash;
    struct sov_few_list list; /* what was read last */
    size_t room;              /* tokens that it has room for */
};

/* Check and take in what stands in p, which is borrowed. */
int sov_few_parse(struct sov_few_cache *c, const void *p, uint64_t size,
                  struct sov_err *err) SOV_MUST_CHECK;
/* What parse and reads have taken. */
void sov_few_drop(struct sov_few_cache *c);

/* SOV_EARG: such a cache cannot be. */
int sov_few_check(const struct sov_few_about *about,
                  struct sov_err *err) SOV_MUST_CHECK;

/* Bytes of what stands between header and blocks. */
uint64_t sov_few_model_bytes(const struct sov_few_about *about);

/* The sum of a part of a file whose header has the sum `head`; number NULL:
 * it has none. */
void sov_few_sum(struct sov_sum *hash, const unsigned char *head,
                 const uint64_t *number, const void *p, size_t len,
                 unsigned char out[SOV_XXH3_LEN]);

#endif
