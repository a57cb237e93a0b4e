/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.h - digests of the parts of a model: MODEL.sovidx, the content root
 *
 * The index says which 512 KiB and which tensor of a model are damaged, where
 * a claim says only that something is.  It is believed as far as a claim names
 * its SHA-256 (sov_claim_names(), role "index"); man page sov-claims(5) has
 * its picture.
 */
#ifndef SOV_INDEX_H
#define SOV_INDEX_H

#include "sov/err.h"
#include "sov/hash.h"
#include "sov/model.h"

#include <stddef.h>
#include <stdint.h>

#define SOV_INDEX_SUFFIX ".sovidx"

/* A file of the model. */
struct sov_index_file {
    const char *name;           /* as in the claim */
    struct sov_digest digest;   /* size, VERITY, XXH3 */
    const unsigned char *group; /* 32 bytes each; see sov_hasher_groups() */
    size_t n_groups;
};

/* A tensor: bytes of one file. */
struct sov_index_tensor {
    const char *name;
    size_t file; /* index of the file */
    uint64_t off;
    struct sov_digest digest; /* size, VERITY, XXH3 of these bytes */
};

typedef struct sov_index sov_index;

/*
 * The bytes of an index; free() them.  Files in the order of the claim.
 * Tensors in any order (they are sorted by file and offset), not overlapping.
 */
SOV_API int sov_index_text(const struct sov_index_file *file, size_t n_files,
                           const struct sov_index_tensor *tensor,
                           size_t n_tensors, void **text, size_t *len,
                           struct sov_err *err) SOV_MUST_CHECK;

/* Read one; the bytes are copied.  SOV_EFORMAT if anything is wrong. */
SOV_API int sov_index_parse(sov_index **idx, const void *text, size_t len,
                            struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_index_free(sov_index *idx);

/* SHA-256 of the bytes it was read from. */
SOV_API const unsigned char *sov_index_sha256(const sov_index *idx);

SOV_API size_t sov_index_files(const sov_index *idx);
SOV_API const struct sov_index_file *sov_index_file(const sov_index *idx,
                                                    size_t i);
/* In order of file and offset. */
SOV_API size_t sov_index_tensors(const sov_index *idx);
SOV_API const struct sov_index_tensor *sov_index_tensor(const sov_index *idx,
                                                        size_t i);

/* The tensor that holds byte off of a file; NULL: header or padding. */
SOV_API const struct sov_index_tensor *
sov_index_holds(const sov_index *idx, size_t file, uint64_t off);

/*
 * The tensors of a file as ranges for sov_hasher_ranges(); free() them.  They
 * are in order of the index, those without bytes left out.
 */
SOV_API int sov_index_ranges(const sov_index *idx, size_t file,
                             struct sov_hash_range **range, size_t *n,
                             struct sov_err *err) SOV_MUST_CHECK;

/* Where a file differs from the index. */
struct sov_index_diff {
    const char *tensor; /* NULL: outside of all tensors, or not only in one */
    uint64_t off;       /* the smallest range that can be told: a tensor, */
    uint64_t len;       /* a group of 512 KiB, or the part common to both */
};

typedef void (*sov_index_diff_fn)(void *arg, const struct sov_index_diff *d);

/*
 * Tell where a file that was hashed anew differs: groups (of the hasher, NULL:
 * not kept) and ranges (of sov_index_ranges(), hashed; NULL: not).  Gives the
 * number of differences told.  0 means that they could not be told apart, not
 * that there are none.
 */
SOV_API size_t sov_index_diff(const sov_index *idx, size_t file,
                              const unsigned char *group, size_t n_groups,
                              const struct sov_hash_range *range,
                              size_t n_ranges, sov_index_diff_fn fn, void *arg);

/*
 * The content root ("sovc1"): one digest of metadata and tensors, in
 * whatever order they are.  The RFC 6962 tree hash (SHA-256) over
 *
 *   00 "GGUF" u32 3
 *   01 u32 type, u64 len, key[len], value as in a GGUF file
 *          each key in order of bytes, but those that begin with "sov.sig."
 *   02 u64 len, name[len], u32 type, u32 ndim, u64 dim[ndim], u64 size,
 *          verity digest[32]               each tensor in order of bytes
 *
 * verity[i] is the digest of the bytes of tensor[i].  The version is that of
 * the form in which the model is seen here, not that of its file.  Only types
 * of GGUF (SOV_EUNSUP).
 */
SOV_API int sov_content_root(const sov_meta *meta,
                             const struct sov_tensor *const *tensor,
                             const struct sov_digest *digest, size_t n,
                             unsigned char root[SOV_SHA256_LEN],
                             struct sov_err *err) SOV_MUST_CHECK;

#endif
