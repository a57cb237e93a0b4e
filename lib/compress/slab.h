/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab.h - some whole rows of one tensor, or one piece of a row that is longer
 * than SOV_PIECE, on its way from the model to the files
 */
#ifndef SOV_COMPRESS_SLAB_H
#define SOV_COMPRESS_SLAB_H

#include "compress/error.h"
#include "compress/job.h"
#include "sys/hash.h"

/* Weights decoded at a time: 32 KB of floats. */
#define SOV_SLAB_CHUNK 8192

struct sov_slab {
    uint64_t number; /* in the order of reading */
    size_t tensor;
    uint64_t first; /* weight of the tensor that it starts with */
    size_t n;       /* weights */
    unsigned char *in;
    unsigned char *out;
    size_t in_len;
    size_t out_len;
    const unsigned char *result; /* in or out */
    uint64_t replaced;
    bool last;                          /* of its tensor */
    unsigned char source[SOV_XXH3_LEN]; /* then, with resume: digest of it */
    uint64_t bad;           /* with some replaced: the first of them */
    struct sov_error *lost; /* owned; what its rows lost */
    int rc;
    struct sov_err err;
};

/* What a worker has for itself. */
struct sov_slab_scratch {
    float *x; /* [SOV_PIECE] */
    struct sov_importance_view view;
    struct sov_merge_view merge;
};

/* Does anybody ask what a tensor of the plan loses? */
bool sov_slab_measured(const struct sov_quant *job, size_t tensor);

/*
 * From in to result.  An error, of a weight that is not finite, or for want of
 * an encoder, is left in the slab.
 */
void sov_slab_work(const struct sov_quant *job, struct sov_slab *b,
                   struct sov_slab_scratch *own);

#endif
