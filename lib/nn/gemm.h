/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gemm.h - products of matrices of floats, for training
 *
 * Each number of the result is a sum over k in blocks of SOV_GEMM_K terms: a
 * block is one chain of fma from 0 in increasing k, and blocks are added to
 * the result in order.  So neither threads nor tiles nor the instruction set
 * can be seen in it; and a gradient that is summed over tokens is the same
 * whether SOV_GEMM_K tokens come at a time (the head, slab by slab) or all.
 *
 * With bf16 both operands are rounded to bf16 first (to even; subnormals are
 * zeros), and a block is a chain as kern.h defines it for pairs of them.
 */
#ifndef SOV_NN_GEMM_H
#define SOV_NN_GEMM_H

#include "kern/kern.h"

#include <stdbool.h>
#include <stddef.h>

#define SOV_GEMM_K 256

/* Bytes of memory that a product works in, on a cache line. */
#define SOV_GEMM_ROOM ((size_t)8 << 20)

/* Number k of row i is x[i * stride + k], or across x[k * stride + i]. */
struct sov_gemm_side {
    const float *x;
    size_t stride;
    bool across;
};

/* c[i * c_stride + j] = (add ? c : 0) + sum over k of a(i, k) * b(j, k) */
struct sov_gemm {
    const struct sov_kern *k;
    bool bf16;
    size_t n_i, n_j, n_k;
    struct sov_gemm_side a, b;
    float *c;
    size_t c_stride;
    bool add;
    void *room; /* SOV_GEMM_ROOM bytes */
};

/* On all threads.  c overlaps nothing else. */
void sov_gemm(const struct sov_gemm *g);

#endif
