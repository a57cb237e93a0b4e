/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.h - one quantizing of one model: what was decided, and how it went
 */
#ifndef SOV_COMPRESS_JOB_H
#define SOV_COMPRESS_JOB_H

#include "compress/calibrated.h"
#include "compress/importance.h"
#include "compress/merge.h"
#include "compress/resume.h"
#include "sov/quant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A longer row is encoded in pieces of this many weights, each as a row of its
 * own.  It is a multiple of every block, and part of what the output is: it
 * does not follow the memory limit.
 */
#define SOV_PIECE 131072

#define SOV_JOB_WARNINGS 8

struct sov_quant {
    sov_model *model; /* borrowed */
    sov_plan *plan;   /* owned, frozen; tensor i is the model's tensor i */
    struct sov_importance *importance; /* owned */
    struct sov_merge *merge;           /* owned; what adapters add */
    enum sov_nonfinite nonfinite;
    bool unchecked; /* tensors that keep their type are not looked at */
    int effort;
    uint64_t max_memory;
    sov_progress_fn progress;
    void *progress_arg;
    uint64_t replaced;            /* weights that were not finite */
    bool measure;                 /* what every tensor loses */
    struct sov_quant_error *lost; /* owned; of each tensor */
    size_t bad_tensors;           /* with weights that were not finite */
    size_t bad_first;             /* the first of them ... */
    uint64_t bad_at; /* ... and where in it the first such weight is */
    char warning[SOV_JOB_WARNINGS][320];
    size_t n_warnings;
    struct sov_resume *resume;         /* owned; NULL: nothing is kept */
    struct sov_calib_opts calib;       /* ids NULL: nothing is read */
    struct sov_calibrated *calibrated; /* owned; then, after that, or NULL */
    const struct sov_taker *taker; /* borrowed; in place of sinks, or NULL */
};

/* Is tensor i encoded anew?  If not, its bytes stay. */
bool sov_job_remade(const struct sov_quant *job, size_t i);

/* A tensor is done: how many of its weights were replaced, and the first. */
void sov_job_replaced(struct sov_quant *job, size_t tensor, uint64_t n,
                      uint64_t first);

/* One more warning; lines beyond SOV_JOB_WARNINGS are dropped. */
void sov_job_remark(struct sov_quant *job, const char *fmt, ...)
    SOV_PRINTF(2, 3);

/* The lesser of two numbers of weights, at least one of which is a size. */
static inline size_t
sov_job_least(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

/* Bytes of n weights, which are whole blocks. */
size_t sov_job_bytes(enum sov_type type, uint64_t n);

/*
 * Weights that are read as one from weight first on: whole rows, about target
 * weights of them, or a piece of a row that is longer than SOV_PIECE.
 */
size_t sov_job_step(const struct sov_tensor *t, uint64_t first, size_t target);

/* How blocks of a type are read; NULL for integers. */
void (*sov_job_decoder(enum sov_type type))(const void *, float *, size_t);

/* Pull every tensor through and write the files. */
int sov_stream_run(struct sov_quant *job, sov_sink *const *sinks,
                   struct sov_err *err) SOV_MUST_CHECK;

#endif
