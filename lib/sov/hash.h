/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.h - digests of files, of their tensors, and of pieces of them
 *
 * One pass over the bytes gives all of
 *
 *   sha256   SHA-256 (FIPS 180-4) of the bytes, as everybody knows it
 *   verity   the fs-verity file digest: SHA-256 over a Merkle tree of 4 KiB
 *            blocks, no salt; what a Linux kernel measures and enforces, and
 *            what "fsverity digest" prints.  It can be computed on all cores.
 *   xxh3     XXH3-128, for finding damage quickly; proves nothing
 *
 *            descriptor digest = verity
 *                   |
 *                 root           up to 128 hashes per 4 KiB block, zero-padded
 *               /      \
 *         level 1 ...            a hash for each 512 KiB: the groups
 *        /  |  \
 *     4 KiB blocks of the file   the last one zero-padded
 *
 * The groups let a reader check each 512 KiB by itself, before it has seen
 * the rest.
 */
#ifndef SOV_HASH_H
#define SOV_HASH_H

#include "sov/err.h"

#include <stddef.h>
#include <stdint.h>

#define SOV_SHA256_LEN 32
#define SOV_XXH3_LEN   16
#define SOV_GROUP_SIZE 524288 /* bytes under one hash of level 1 */

enum sov_hash_bit {
    SOV_HASH_SHA256 = 1 << 0,
    SOV_HASH_VERITY = 1 << 1,
    SOV_HASH_XXH3 = 1 << 2,
    SOV_HASH_GROUPS = 1 << 3, /* keep the groups; with SOV_HASH_VERITY */
};

struct sov_digest {
    unsigned has; /* enum sov_hash_bit, or'ed: which of these are filled */
    uint64_t size;
    unsigned char sha256[SOV_SHA256_LEN];
    unsigned char verity[SOV_SHA256_LEN];
    unsigned char xxh3[SOV_XXH3_LEN]; /* big-endian, as xxhsum prints it */
};

/* A part of the stream with a digest of its own, as if it were a file. */
struct sov_hash_range {
    uint64_t off;
    uint64_t len;
    struct sov_digest digest; /* when all has been seen */
};

typedef struct sov_hasher sov_hasher;

/* what: enum sov_hash_bit, or'ed. */
SOV_API int sov_hasher_new(sov_hasher **h, unsigned what, struct sov_err *err)
    SOV_MUST_CHECK;
SOV_API void sov_hasher_free(sov_hasher *h);

/*
 * Ranges in rising order that do not overlap and have not begun yet, once;
 * borrowed until sov_hasher_final().  Each gets what the hasher makes of
 * verity and xxh3.  A range that begins at a multiple of 4096 shares the hashes
 * of its blocks with the file; another one is hashed a second time.
 */
SOV_API int sov_hasher_ranges(sov_hasher *h, struct sov_hash_range *range,
                              size_t n, struct sov_err *err) SOV_MUST_CHECK;

/*
 * Before the first byte: the n groups that the file is known to have, borrowed
 * until final; needs SOV_HASH_VERITY.  From then on update and final fail with
 * SOV_ENO at the first 512 KiB that differ.  n = 0: nothing is known.
 */
SOV_API int sov_hasher_expect(sov_hasher *h, const unsigned char *groups,
                              size_t n, struct sov_err *err) SOV_MUST_CHECK;

/*
 * The next bytes.  Large buffers (megabytes) are hashed on all threads; how
 * the bytes are split changes nothing else.  After a failure every further
 * call fails in the same way.
 */
SOV_API int sov_hasher_update(sov_hasher *h, const void *buf, size_t len,
                              struct sov_err *err) SOV_MUST_CHECK;

/* All of a file or pipe ("-": standard input) as the next bytes. */
SOV_API int sov_hasher_path(sov_hasher *h, const char *path,
                            struct sov_err *err) SOV_MUST_CHECK;

/* SOV_EFORMAT if a range reaches behind the end.  Only free comes after it. */
SOV_API int sov_hasher_final(sov_hasher *h, struct sov_digest *digest,
                             struct sov_err *err) SOV_MUST_CHECK;

/*
 * The groups, 32 bytes each, of what was hashed; valid after final, until the
 * hasher is freed.  A file of one group or less has none (n is 0).
 */
SOV_API const unsigned char *sov_hasher_groups(const sov_hasher *h, size_t *n);

/* The digest of a whole file or pipe ("-": standard input). */
SOV_API int sov_hash_path(const char *path, unsigned what,
                          struct sov_digest *digest, struct sov_err *err)
    SOV_MUST_CHECK;

/* SHA-256 of what lies in memory. */
SOV_API void sov_sha256(const void *buf, size_t len,
                        unsigned char out[SOV_SHA256_LEN]);

#endif
