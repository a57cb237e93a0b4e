/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mat.h - y = W x for weights of any type and any number of columns
 *
 * Weights stay as they are in the file and meet the input in the form that
 * their type takes, int8 or floats; where that would round it and must not,
 * they are decoded, a few rows at a time, and multiplied in f32.  Each output is one sum in a fixed order, so neither the
 * number of columns nor that of the threads can be seen in it.
 */
#ifndef SOV_NN_MAT_H
#define SOV_NN_MAT_H

#include "nn/nn.h"

struct sov_low;

/* y[n_out] = W [n_out, n_in] x + bias */
struct sov_mat {
    const unsigned char *data; /* borrowed from the model */
    enum sov_type type;
    size_t n_in;
    size_t n_out;
    size_t row_bytes;
    const float *bias;         /* [n_out], or NULL */
    const struct sov_low *low; /* [n_low] what adapters add; see low.h */
    size_t n_low;
};

/*
 * n_cols input vectors, and the same in other forms as far as they are needed.
 * The caller owns all memory: a32 and a256 have room for (n + 255) / 256
 * pieces a column, half for n floats, bf16 for sov_input_bf16(n) numbers, on
 * cache lines.
 */
struct sov_input {
    const float *x;  /* [n_cols], stride floats apart */
    size_t stride;
    size_t n;
    size_t n_cols;
    unsigned forms;  /* 1 << enum sov_act of each that is needed */
    struct sov_a32 *a32;
    struct sov_a256 *a256;
    float *half;     /* [n_cols, n] */
    uint16_t *bf16;  /* [n_cols, sov_input_bf16(n)] */
};

/* Whole cache lines, and one more, so that columns do not share the same
 * places of the first cache. */
static inline size_t
sov_input_bf16(size_t n)
{
    return (n + 31) / 32 * 32 + 32;
}

/* Forms of input that these matrices take, and what adapters add to them. */
unsigned sov_mat_forms(const struct sov_nn *nn, const struct sov_mat *w,
                       size_t n);

/* Make the other forms of column c. */
void sov_input_column(const struct sov_nn *nn, const struct sov_input *in,
                      size_t c);

/* One product: y[c * y_stride + row]. */
struct sov_mul {
    const struct sov_mat *w;
    float *y;
    size_t y_stride;
};

/* Several products of one input, on all threads. */
void sov_mat_mul(const struct sov_nn *nn, const struct sov_mul *mul,
                 size_t n_mul, const struct sov_input *in);

/*
 * The same in parts, for a caller that has threads at work already.  The
 * products are cut into units of some rows each, numbered through; units
 * [first, last) may run on any worker, in any order, at any time.
 */
size_t sov_mat_units(const struct sov_mul *mul, size_t n_mul);
void sov_mat_run(const struct sov_nn *nn, const struct sov_mul *mul,
                 const struct sov_input *in, size_t first, size_t last,
                 unsigned worker);

/* First unit of one of n_shares equal parts of all bytes of weights; the end
 * of the last part for share = n_shares. */
size_t sov_mat_share(const struct sov_mul *mul, size_t n_mul, size_t share,
                     size_t n_shares);

/* Floats of scratch that a worker needs for inputs of up to n_in. */
size_t sov_mat_room(size_t n_in);

#endif
