/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake.h - sums of each column of what enters a matrix, for statistics
 */
#ifndef SOV_CALIB_INTAKE_H
#define SOV_CALIB_INTAKE_H

#include "sov/err.h"

#include <stddef.h>
#include <stdint.h>

struct sov_intake {
    size_t k;        /* columns; 0: nothing is counted here */
    size_t n;        /* matrices, of experts */
    double *square;  /* [n, k] owned */
    double *sum;     /* [n, k] */
    uint64_t *count; /* [n] tokens */
};

int sov_intake_new(struct sov_intake *t, size_t k, size_t n,
                   struct sov_err *err) SOV_MUST_CHECK;
void sov_intake_free(struct sov_intake *t);

/* Matrix m saw n_cols more: x [n_cols, k], in their order.  On all threads. */
void sov_intake_add(struct sov_intake *t, size_t m, const float *x,
                    size_t stride, size_t n_cols);

#endif
