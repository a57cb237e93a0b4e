/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_out.h - what the files that write samples share
 */
#ifndef SOV_DISTILL_CACHE_OUT_H
#define SOV_DISTILL_CACHE_OUT_H

#include "distill/cache_in.h"

#define SOV_FEW_OUT_BLOCK 256 /* tokens of a block that is written */

struct sov_few_writer {
    sov_sink *sink;
    struct sov_few_about about;
    struct sov_few_model model;
    uint8_t *shares;
    unsigned char sum[SOV_XXH3_LEN];
    struct sov_sum *hash;
    bool begun; /* the model is known and written */
    struct sov_few_list wait;
    float *top;     /* [wait.n] */
    uint64_t n;     /* tokens that were added */
    uint64_t block; /* number of the next */
    uint64_t at;    /* bytes written */
    struct sov_buf index;
};

/* The header, and its sum in w->sum. */
void sov_few_writer_head(sov_few_writer *w, unsigned char h[SOV_FEW_HEAD]);

/* cache_resume.c: a block is written: that is noted, if the sink has a part. */
int sov_few_writer_note(sov_few_writer *w, struct sov_err *err) SOV_MUST_CHECK;

#endif
