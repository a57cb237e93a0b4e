/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sum.h - gradients added exactly
 *
 * A number is put into units of 2^-40 (rounded to even) and added as a 64-bit
 * integer: so the order of the units, and the machines they ran on, cannot be
 * seen in a sum, and MPI_SUM over int64 is the sum over all ranks.  What is
 * not finite or 2^22 or more is SOV_ENO: training has diverged.
 */
#ifndef SOV_TRAIN_SUM_H
#define SOV_TRAIN_SUM_H

#include "kern/kern.h"
#include "sov/err.h"

#include <stddef.h>
#include <stdint.h>

/* sum[n] += x[n] */
int sov_sum_add(const struct sov_kern *k, int64_t *sum, const float *x,
                size_t n, struct sov_err *err) SOV_MUST_CHECK;

/* x[n] = sum[n] * by, rounded once */
void sov_sum_get(const struct sov_kern *k, const int64_t *sum, double by,
                 float *x, size_t n);

#endif
