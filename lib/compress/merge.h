/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.h - adapters as part of the weights: W + scale * B A
 *
 * For each weight, and one adapter after the other in their order,
 *
 *     d = sum over k of B[row][k] * A[k][column]      one fma chain in k, f32
 *     w = w + scale * d                               not fused
 *
 * so it does not matter which rows are asked for together, nor who asks.
 */
#ifndef SOV_COMPRESS_MERGE_H
#define SOV_COMPRESS_MERGE_H

#include "sov/hash.h"
#include "sov/lora.h"
#include "sov/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_merge;

/* All is borrowed.  What does not fit together is SOV_EFORMAT. */
int sov_merge_new(struct sov_merge **merge, const sov_model *model,
                  const struct sov_lora_use *use, size_t n,
                  struct sov_err *err) SOV_MUST_CHECK;
void sov_merge_free(struct sov_merge *merge);

/* Is anything added to tensor i of the model? */
bool sov_merge_has(const struct sov_merge *merge, size_t i);

/* What a worker keeps: the matrices A of the tensor that it had last. */
struct sov_merge_view {
    float *a;      /* owned; those of all adapters, one after the other */
    float *b;      /* owned; rows of one B */
    float *sum;    /* owned; of some rows of the tensor */
    size_t tensor; /* that a is of, and the matrix of it ... */
    uint64_t matrix;
    bool filled; /* ... if it is of any */
};

/* max: the most weights that are asked for at a time.  Bytes of it first. */
uint64_t sov_merge_view_bytes(const struct sov_merge *merge, size_t max);
int sov_merge_view_new(struct sov_merge_view *view,
                       const struct sov_merge *merge, size_t max,
                       struct sov_err *err) SOV_MUST_CHECK;
void sov_merge_view_free(struct sov_merge_view *view);

/*
 * Add to x[n], the weights of tensor i from number first on: whole rows, or a
 * part of one.
 */
void sov_merge_add(const struct sov_merge *merge, struct sov_merge_view *view,
                   size_t i, uint64_t first, size_t n, float *x);

/* A digest of all that is added. */
int sov_merge_digest(const struct sov_merge *merge,
                     unsigned char digest[SOV_XXH3_LEN],
                     struct sov_err *err) SOV_MUST_CHECK;

#endif
