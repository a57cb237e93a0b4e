/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.h - one pruning of one model: what was decided, and how it went
 */
#ifndef SOV_PRUNE_JOB_H
#define SOV_PRUNE_JOB_H

#include "compress/error.h"
#include "compress/resume.h"
#include "prune/inputs.h"
#include "prune/method.h"
#include "prune/sweep.h"
#include "sov/prune.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOV_PRUNE_WARNINGS 8

/* What becomes of a tensor. */
struct sov_prune_fate {
    bool pruned;
    struct sov_prune_share share;
    uint64_t weights; /* that were looked at */
    uint64_t zeros;
    bool measured;
    struct sov_quant_error lost;
};

struct sov_shape_job;

struct sov_prune {
    sov_model *model; /* borrowed */
    const struct sov_prune_method *method;
    sov_plan *plan; /* owned, frozen; of masks: tensor i is the model's */
    struct sov_prune_fate *fate; /* owned; of each tensor of the model */
    struct sov_shape_job *shape; /* owned; of methods of shapes, or NULL */
    uint64_t tensor_target;      /* of these: bytes that may stay, or 0 */
    bool packs;                  /* packs or unpacks, and has no method */
    struct sov_prune_inputs inputs;
    struct sov_calib_opts calib;   /* ids NULL: nothing is read */
    sov_stats *own_stats;          /* owned; what that showed, or NULL */
    int bits;                      /* see struct sov_prune_opts */
    bool heal, dsnot, owl;         /* see struct sov_prune_opts */
    struct sov_prune_sweep *sweep; /* owned; NULL: masks need no more */
    struct sov_resume *resume;     /* owned; NULL: nothing is kept */
    const struct sov_taker *taker; /* borrowed; in place of sinks, or NULL */
    uint64_t max_memory;
    bool measure;
    sov_progress_fn progress;
    void *progress_arg;
    char warning[SOV_PRUNE_WARNINGS][320];
    size_t n_warnings;
    char choice[SOV_PRUNE_WARNINGS][320]; /* what a method of shapes chose */
    size_t n_choices;
};

/* One more warning; lines beyond SOV_PRUNE_WARNINGS are dropped. */
void sov_prune_remark(struct sov_prune *job, const char *fmt, ...)
    SOV_PRINTF(2, 3);

/* One more line about what was chosen; likewise. */
void sov_prune_tell(struct sov_prune *job, const char *fmt, ...)
    SOV_PRINTF(2, 3);

/* Is it a matrix that multiplies?  Those of layers are pruned, others where a
 * rule or a sheet names them. */
bool sov_prune_is_matrix(const struct sov_tensor *t);
bool sov_prune_is_usual(const struct sov_tensor *t);

/* Rows of each matrix of a tensor. */
uint64_t sov_prune_matrix_rows(const struct sov_tensor *t);

/* What becomes of every tensor: fills job->fate. */
int sov_prune_decide(struct sov_prune *job, const struct sov_prune_opts *opts,
                     struct sov_err *err) SOV_MUST_CHECK;

/* How much goes from each layer, by statistics of what enters: see owl.h. */
int sov_prune_spread(struct sov_prune *job, const sov_stats *stats,
                     struct sov_err *err) SOV_MUST_CHECK;

/* Of a model that is mapped: seconds of a weight that is pruned on its way
 * through; 0: none is. */
int sov_prune_stream_pace(struct sov_prune *job, double *seconds,
                          struct sov_err *err) SOV_MUST_CHECK;

/* Pull every tensor through and write the files. */
int sov_prune_stream(struct sov_prune *job, sov_sink *const *sinks,
                     struct sov_err *err) SOV_MUST_CHECK;

#endif
