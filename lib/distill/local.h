/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local.h - workers that train apart and meet now and then
 *
 * For links that are too slow for a sum at each step (DiLoCo: A. Douillard and
 * others, 2023).  Each worker does some steps of its own from the same weights,
 * on texts of its own; then the mean of what they have moved is one step of
 * an outer optimiser, momentum as Nesterov has it, for all:
 *
 *     d = base - w, of each worker
 *     u = momentum u + mean of d
 *     base = base - lr (mean of d + momentum u);  w = base
 *
 * The mean is of a sum in fixed point, so that it depends neither on the order
 * of the workers nor on where they ran.  A worker's own optimiser goes on with
 * the state that it has.  One worker is as good as any number.
 */
#ifndef SOV_DISTILL_LOCAL_H
#define SOV_DISTILL_LOCAL_H

#include "distill/comm.h"

#define SOV_LOCAL_BITS 41   /* of a move, */
#define SOV_LOCAL_MOST 1024 /* ... which is below this */

struct sov_local {
    double lr;       /* 0.7 */
    double momentum; /* 0.9; with 0, and lr 1, base is the mean of all w */
};

/* sum[n] += base - w */
int sov_local_add(int64_t *sum, const float *base, const float *w, size_t n,
                  struct sov_err *err) SOV_MUST_CHECK;

/* A step of base and momentum by the sum of this many workers; w = base. */
void sov_local_step(const struct sov_local *l, const int64_t *sum,
                    size_t workers, float *base, float *u, float *w, size_t n);

/* All of that, among ranks that are a worker each, in pieces.  SOV_ENO where a
 * worker's weights are not finite or have moved too far: of that all learn,
 * and nothing has changed. */
int sov_local_meet(const struct sov_comm *c, const struct sov_local *l,
                   float *base, float *u, float *w, size_t n,
                   struct sov_err *err) SOV_MUST_CHECK;

#endif
