/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts.h - the digests of the files of a model, and of the tensors in them
 *
 *   sov_parts_new       files and tensors, by name and place
 *       bytes go through the hasher of each file
 *   sov_parts_final     the digests are there
 *   sov_parts_index     as MODEL.sovidx has them
 */
#ifndef SOV_CLI_PARTS_H
#define SOV_CLI_PARTS_H

#include "sov/err.h"
#include "sov/hash.h"
#include "sov/index.h"
#include "sov/model.h"

#include <stddef.h>

struct sov_parts {
    size_t n;                    /* files */
    struct sov_index_file *file; /* names are borrowed */
    sov_hasher **hasher;         /* one of each file */
    struct sov_hash_range **range;
    size_t *n_ranges;
    size_t n_tensors;
    struct sov_index_tensor *tensor; /* in the order they were given */
    size_t *order;                   /* of their places in the files */
};

/* tensor: name, file, off and digest.size of each; copied. */
int sov_parts_new(struct sov_parts *p, const char *const *name, size_t n,
                  const struct sov_index_tensor *tensor, size_t n_tensors,
                  struct sov_err *err) SOV_MUST_CHECK;
void sov_parts_free(struct sov_parts *p);

int sov_parts_final(struct sov_parts *p, struct sov_err *err) SOV_MUST_CHECK;

/* The bytes of the index; free() them. */
int sov_parts_index(const struct sov_parts *p, void **text, size_t *len,
                    struct sov_err *err) SOV_MUST_CHECK;

#endif
