/* SPDX-License-Identifier: Apache-2.0 */
/*
 * s8_64_q4.c - 8 of each 64 weights, 4 bits each; the block is drawn in sparse.h
 */
#include "quant/encode_sparse.h"

SOV_SPARSE_CODEC(s8_64_q4, S8_64_Q4, 8, 4)
