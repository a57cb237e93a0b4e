/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - the fs-verity tree above its leaves, in constant memory
 *
 *     level 0: hashes of the leaves      128 of them are a block of 4096
 *     level 1: hashes of such blocks     bytes, whose hash goes one level up
 *     ...
 */
#ifndef SOV_SYS_TREE_H
#define SOV_SYS_TREE_H

#include "sov/hash.h"
#include "sys/sha.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOV_TREE_FAN    (SOV_LEAF_SIZE / SOV_SHA256_LEN)
#define SOV_TREE_LEVELS 9 /* 128^9 leaves are more than 2^64 bytes */

/* The hashes of level 1 of one file: kept, compared with what is known. */
struct sov_groups {
    unsigned char *hash; /* owned; if keep */
    size_t n;            /* seen so far */
    size_t cap;
    bool keep;
    const unsigned char *expect; /* borrowed */
    size_t n_expect;             /* 0: nothing is known */
};

struct sov_tree {
    struct sov_groups *groups; /* borrowed; or NULL */
    struct {
        uint64_t total; /* hashes that came here */
        size_t n;       /* of them not yet hashed */
        unsigned char hash[SOV_LEAF_SIZE];
    } level[SOV_TREE_LEVELS];
};

void sov_tree_start(struct sov_tree *t, struct sov_groups *groups);

/* The hashes of the next n leaves.  SOV_ENO: a group is not what is known. */
int sov_tree_add(struct sov_tree *t, const unsigned char *hash, size_t n,
                 struct sov_err *err) SOV_MUST_CHECK;

/* The digest of a file of size bytes, all of whose leaves came. */
int sov_tree_final(struct sov_tree *t, uint64_t size,
                   unsigned char digest[SOV_SHA256_LEN], struct sov_err *err)
    SOV_MUST_CHECK;

#endif
