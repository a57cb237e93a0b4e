/* SPDX-License-Identifier: Apache-2.0 */
/*
 * optim.h - optimisers and schedules: a row each
 *
 * An optimiser owns state arrays of the layout of the parameters (trainee.h),
 * which checkpoints save as they are.  A step is a pure function of weights,
 * state, gradient and step number, the same bits for any thread count and
 * instruction set.
 *
 * It may be done for a part of the arrays only, as ranks with sharded state do
 * (sov_optim_cut() says where one may end), if the norm of all gradients is
 * given: each rank finds the squares of its part, all exchange them (those of
 * other parts are 0, so that sums of their bits are their bits), and
 * sov_optim_norm_of() adds them in a fixed order.
 */
#ifndef SOV_TRAIN_OPTIM_H
#define SOV_TRAIN_OPTIM_H

#include "kern/kern.h"
#include "sov/err.h"
#include "train/trainee.h"

struct sov_optim_row;

struct sov_optim {
    const struct sov_optim_row *row; /* "adamw", "muon" */
    double lr;                       /* at rate 1, of all tensors */
    double beta1, beta2, eps;        /* beta1: momentum, of Muon too */
    double decay;                    /* of matrices, times the rate */
    double clip;                     /* of the norm of all gradients; 0: none */
};

/* Defaults of a row; SOV_EARG names the rows. */
int sov_optim_find(struct sov_optim *o, const char *name,
                   struct sov_err *err) SOV_MUST_CHECK;
const char *sov_optim_name(const struct sov_optim *o);
const char *sov_optim_at(size_t i); /* the name of row i; NULL at the end */

/* State arrays of float that it keeps; zeros at first. */
size_t sov_optim_arrays(const struct sov_optim *o);

struct sov_optim_step {
    const struct sov_kern *k;
    const struct sov_weight *param; /* [n_param] */
    size_t n_param;
    const bool *frozen;  /* [n_param] these are not touched; or NULL */
    const uint8_t *keep; /* bit i % 8 of byte i / 8: 0 is made 0; or NULL */
    float *w;            /* [count] */
    float *grad;         /* [count] of the mean; is spoiled */
    uint64_t from, to;   /* the part that is done; to 0: everything */
    float *const *state; /* [arrays][to - from], of the part alone */
    double norm;         /* of all gradients; 0: is found from grad */
    uint64_t step;       /* from 1 */
    double rate;         /* of the schedule, 0 to 1 */
};

/* The norm of grad over the tensors that are not frozen; what is not kept is
 * made 0 in it. */
double sov_optim_norm(const struct sov_optim_step *s);

/* The same in pieces: the sums of squares of sov_optim_blocks() blocks, 0 for
 * those outside of the part, and the norm that all of them give. */
size_t sov_optim_blocks(const struct sov_weight *param, size_t n_param);
void sov_optim_squares(const struct sov_optim_step *s, double *squares);
double sov_optim_norm_of(const double *squares, size_t n);

/*
 * One step.  Gradients whose norm is above clip are made as short as that.
 * With a norm that is not finite it is SOV_ENO, and nothing has changed.
 */
int sov_optim_run(const struct sov_optim *o, const struct sov_optim_step *s,
                  struct sov_err *err) SOV_MUST_CHECK;

/* Floating point operations of a step's products of matrices, of those that are
 * done as a whole; the few for each number beside them do not count. */
double sov_optim_flops(const struct sov_optim *o,
                       const struct sov_weight *param, size_t n_param);

/* Cut the arrays into n parts of nearly equal work: part i is at[i] up to
 * before at[i + 1].  Some may be empty. */
void sov_optim_cut(const struct sov_optim *o, const struct sov_weight *param,
                   size_t n_param, const bool *frozen, size_t n, uint64_t *at);

/*
 * Shares of the learning rate at steps 1 .. n.  They rise to 1 in `warmup`
 * steps and end at `floor`:
 *     cosine    half a wave down, from the end of the warm-up
 *     wsd:0.3   1, and in that share of all steps a line down (0.3 if not said)
 *     constant  1 (there is no floor)
 */
struct sov_schedule {
    const struct sov_schedule_row *row;
    double value; /* of wsd */
    uint64_t warmup, n;
    double floor;
};

/* Sets row and value alone; SOV_EARG names the rows. */
int sov_schedule_parse(struct sov_schedule *s, const char *text,
                       struct sov_err *err) SOV_MUST_CHECK;
double sov_schedule_at(const struct sov_schedule *s, uint64_t step);

#endif
