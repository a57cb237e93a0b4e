/* SPDX-License-Identifier: Apache-2.0 */
/*
 * optim.h - optimisers and schedules: a row each
 *
 * An optimiser owns state arrays of the layout of the parameters (trainee.h),
 * which checkpoints save as they are.  A step is a pure function of weights,
 * state, gradient and step number, the same bits for any thread count; it may
 * be done for a range of whole tensors only, as ranks with sharded state do.
 */
#ifndef SOV_TRAIN_OPTIM_H
#define SOV_TRAIN_OPTIM_H

#include "kern/kern.h"
#include "sov/err.h"
#include "train/trainee.h"

struct sov_optim_row;

struct sov_optim {
    const struct sov_optim_row *row; /* "adamw", "muon" */
    double lr;                       /* of matrices; see the row's file */
    double beta1, beta2, eps, decay;
    double clip; /* of the norm of all gradients; 0: none */
};

/* Defaults of a row. */
int sov_optim_find(struct sov_optim *o, const char *name,
                   struct sov_err *err) SOV_MUST_CHECK;

/* State arrays of float [count] that it keeps. */
size_t sov_optim_arrays(const struct sov_optim *o);

struct sov_optim_step {
    const struct sov_kern *k;
    const struct sov_weight *param; /* [n_param] */
    size_t n_param;
    const bool *frozen;  /* [n_param], or NULL */
    const uint8_t *keep; /* [count / 8] bits: 0 stays 0; or NULL */
    float *w;
    float *grad;         /* of the mean; is spoiled */
    float *const *state; /* [arrays] */
    uint64_t step;       /* from 1 */
    double rate;         /* of the schedule, 0 to 1 */
};

/* The norm of grad over the tensors that are not frozen. */
double sov_optim_norm(const struct sov_optim_step *s);

/* One step; grad was made shorter by the caller where it had to be. */
int sov_optim_run(const struct sov_optim *o, const struct sov_optim_step *s,
                  struct sov_err *err) SOV_MUST_CHECK;

/* "cosine", "wsd:0.3", "constant": share of the rate at step 1 .. n. */
struct sov_schedule {
    const struct sov_schedule_row *row;
    double value;
    uint64_t warmup, n;
    double floor; /* share at the end */
};

int sov_schedule_parse(struct sov_schedule *s, const char *text,
                       struct sov_err *err) SOV_MUST_CHECK;
double sov_schedule_at(const struct sov_schedule *s, uint64_t step);

#endif
