/* SPDX-License-Identifier: Apache-2.0 */
/*
 * type.h - sizes of tensors, checked
 */
#ifndef SOV_TENSOR_TYPE_H
#define SOV_TENSOR_TYPE_H

#include "sov/tensor.h"

#include <stdint.h>

/*
 * Set t->size from type, ndim and dim, after checking all three: a known type
 * that files may hold, at most SOV_NDIM_MAX dimensions, rows of whole blocks,
 * at most SOV_COUNT_MAX weights, no overflow.  A dimension of 0 is legal and
 * gives size 0.  Fills dim beyond ndim with 1.
 */
int sov_tensor_measure(struct sov_tensor *t, struct sov_err *err)
    SOV_MUST_CHECK;

#endif
