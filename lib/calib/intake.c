/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake.c - sums of each column of what enters a matrix, for statistics
 *
 * A column's sums are made by one thread, in the order of the text.
 */
#include "calib/intake.h"

#include "base/mem.h"
#include "nn/nn.h"
#include "sys/par.h"

#include <stdlib.h>

int
sov_intake_new(struct sov_intake *t, size_t k, size_t n, struct sov_err *err)
{
    size_t all;

    *t = (struct sov_intake){ .k = k, .n = n };
    if (__builtin_mul_overflow(k, n, &all))
        return sov_mem_fail(err);
    t->square = sov_mem_array(all, sizeof(*t->square));
    t->sum = sov_mem_array(all, sizeof(*t->sum));
    t->count = sov_mem_array(n, sizeof(*t->count));
    if (t->square != NULL && t->sum != NULL && t->count != NULL)
        return 0;
    sov_intake_free(t);
    return sov_mem_fail(err);
}

void
sov_intake_free(struct sov_intake *t)
{
    free(t->square);
    free(t->sum);
    free(t->count);
    *t = (struct sov_intake){ 0 };
}

struct job {
    const float *x;
    size_t stride;
    size_t n_cols;
    double *square;
    double *sum;
};

static void
add_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct job *job = arg;
    size_t c, j;

    (void)worker;
    for (c = 0; c < job->n_cols; c++) {
        const float *x = job->x + c * job->stride;

        for (j = first; j < last; j++) {
            job->square[j] += (double)x[j] * (double)x[j];
            job->sum[j] += (double)x[j];
        }
    }
}

void
sov_intake_add(struct sov_intake *t, size_t m, const float *x, size_t stride,
               size_t n_cols)
{
    struct job job = {
        .x = x,
        .stride = stride,
        .n_cols = n_cols,
        .square = t->square + m * t->k,
        .sum = t->sum + m * t->k,
    };

    t->count[m] += n_cols;
    if (n_cols > 0)
        sov_par_for(t->k, sov_nn_piece(2 * n_cols), add_columns, &job);
}
