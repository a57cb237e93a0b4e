/* SPDX-License-Identifier: Apache-2.0 */
/*
 * s24_64_q4.c - 24 of each 64 weights, 4 bits each; the block is drawn in sparse.h
 */
#include "quant/encode_sparse.h"

SOV_SPARSE_CODEC(s24_64_q4, S24_64_Q4, 24, 4)
