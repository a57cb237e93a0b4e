/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.h - an index from inside
 *
 * Always holds: tensors are in order of file and offset, lie within their
 * files and do not overlap; the groups of a file are those of its digest.
 */
#ifndef SOV_TRUST_INDEX_H
#define SOV_TRUST_INDEX_H

#include "sov/index.h"

struct sov_index {
    unsigned char sha256[SOV_SHA256_LEN];
    unsigned char *bytes;        /* owned; groups point into it */
    struct sov_index_file *file; /* owned, and the names */
    size_t n_files;
    struct sov_index_tensor *tensor; /* owned, and the names */
    size_t n_tensors;
};

#endif
