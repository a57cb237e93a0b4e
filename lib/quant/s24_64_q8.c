/* SPDX-License-Identifier: Apache-2.0 */
/*
 * s24_64_q8.c - 24 of each 64 weights, 8 bits each; the block is drawn in sparse.h
 */
#include "quant/encode_sparse.h"

SOV_SPARSE_CODEC(s24_64_q8, S24_64_Q8, 24, 8)
