/* SPDX-License-Identifier: Apache-2.0 */
/*
 * s8_64_q8.c - 8 of each 64 weights, 8 bits each; the block is drawn in sparse.h
 */
#include "quant/encode_sparse.h"

SOV_SPARSE_CODEC(s8_64_q8, S8_64_Q8, 8, 8)
