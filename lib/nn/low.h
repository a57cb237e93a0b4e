/* SPDX-License-Identifier: Apache-2.0 */
/*
 * low.h - what an adapter adds to a product: y += scale * out (in x)
 *
 * The thin matrices are multiplied like all others: each takes its input in
 * the form of its type.  in x is one more product of the input that the matrix
 * itself has.  Each y is one sum in a fixed order, so neither columns nor
 * threads can be seen in it; several adapters are added one after the other.
 */
#ifndef SOV_NN_LOW_H
#define SOV_NN_LOW_H

#include "nn/mat.h"

struct sov_low {
    struct sov_mat in;  /* [rank, n_in] */
    struct sov_mat out; /* [n_out, rank] */
    float scale;
};

/* A unit of work: so many rows of out, for all columns. */
#define SOV_LOW_ROWS 128

static inline size_t
sov_low_units(const struct sov_low *low)
{
    return (low->out.n_out + SOV_LOW_ROWS - 1) / SOV_LOW_ROWS;
}

/* Unit u of y += scale * (out x), where x is in x; y[c * y_stride + row]. */
void sov_low_add(const struct sov_nn *nn, const struct sov_mat *out,
                 float scale, const struct sov_input *in, float *y,
                 size_t y_stride, size_t u, unsigned worker);

/* Columns [first, first + n) of an input. */
struct sov_input sov_input_part(const struct sov_input *in, size_t first,
                                size_t n);

#endif
