/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lora.h - the pairs of thin matrices that an adapter is made of
 */
#ifndef SOV_ARCH_LORA_H
#define SOV_ARCH_LORA_H

#include "base/map.h"
#include "sov/lora.h"

#include <stdbool.h>

/*
 * What changes one tensor.  For each of n_mat matrices of n_out rows of n_in:
 *
 *     a [rank, n_in]    b [n_out, rank]
 *
 * With by_row, of the embeddings of tokens, a is [n_out, rank], a row for each
 * token, and b [n_in, rank]; n_mat is 1.
 */
struct sov_lora_pair {
    char *name; /* of the tensor, owned */
    const struct sov_tensor *a;
    const struct sov_tensor *b;
    bool by_row;
    uint64_t rank;
    uint64_t n_in;
    uint64_t n_out;
    uint64_t n_mat;
};

struct sov_lora {
    const sov_model *file;      /* borrowed */
    char *arch;                 /* owned */
    float alpha;                /* 0: scales do not depend on the rank */
    struct sov_lora_pair *pair; /* owned, in order of the file */
    size_t n;
    struct sov_map names; /* of tensors, to numbers of pairs */
    uint64_t bytes;
};

/* Number of the pair that changes a tensor, or -1. */
int64_t sov_lora_find(const sov_lora *lora, const char *name);

/* What B (A x) is taken times. */
float sov_lora_scale(const struct sov_lora_use *use,
                     const struct sov_lora_pair *pair);

/* At most SOV_LORAS_MAX, of scales that are numbers, that all fit. */
int sov_lora_check_uses(const struct sov_lora_use *use, size_t n,
                        const sov_model *model,
                        struct sov_err *err) SOV_MUST_CHECK;

#endif
