/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sum.h - numbers added exactly
 *
 * A number is put into units of 2^-bits (rounded to even) and added as a
 * 64-bit integer: so the order of the units of a step, and the machines they
 * ran on, cannot be seen in a sum, and MPI_SUM over int64 is the sum over all
 * ranks.  A number has to be below 2^(51 - bits); so up to SOV_FIX_TERMS of
 * them fit, whatever they are, and no sum is too large.
 *
 * Gradients have 2^-35, and are below 65536: a unit's are those of a sum over
 * some thousand tokens, and what AdamW's eps lets through of them is above
 * 1e-7.  One that is not finite, or larger, is SOV_ENO: training has diverged.
 */
#ifndef SOV_TRAIN_SUM_H
#define SOV_TRAIN_SUM_H

#include "kern/kern.h"
#include "sov/err.h"

#include <stddef.h>
#include <stdint.h>

#define SOV_GRAD_BITS 35   /* of gradients */
#define SOV_FIX_TERMS 4096 /* of a sum, over all ranks */

/* sum[n] += x[n], gradients; on all threads.  After SOV_ENO the sum is
 * without those that are too large. */
int sov_fix_add(const struct sov_kern *k, int64_t *sum, const float *x,
                size_t n, struct sov_err *err) SOV_MUST_CHECK;

/* x[n] = sum[n] * by, as (float)((double)sum * (by * 2^-bits)) */
void sov_fix_get(const struct sov_kern *k, const int64_t *sum, double by,
                 float *x, size_t n);

/* The same in other units; bits from 0 to 51. */
int sov_fix_add_bits(const struct sov_kern *k, int bits, int64_t *sum,
                     const float *x, size_t n,
                     struct sov_err *err) SOV_MUST_CHECK;
void sov_fix_get_bits(const struct sov_kern *k, int bits, const int64_t *sum,
                      double by, float *x, size_t n);

#endif
