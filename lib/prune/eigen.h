/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eigen.h - eigenvalues and eigenvectors of a symmetric matrix
 */
#ifndef SOV_PRUNE_EIGEN_H
#define SOV_PRUNE_EIGEN_H

#include "sov/err.h"

#include <stddef.h>
#include <stdint.h>

/*
 * a [n, n], symmetric (the lower triangle is read), becomes the eigenvectors, a
 * row each, of length 1, by falling eigenvalue[n]; of each the number of the
 * largest size, the first among equals, is not negative.  The same bits for any
 * threads and instruction set.  SOV_EARG: a number that is not finite; SOV_EMEM.
 * Then a is spoiled.
 */
int sov_eigen(double *a, size_t n, double *value,
              struct sov_err *err) SOV_MUST_CHECK;

/* Bytes that this takes beside a and value. */
uint64_t sov_eigen_bytes(size_t n);

#endif
