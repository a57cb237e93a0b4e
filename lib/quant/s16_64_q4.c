/* SPDX-License-Identifier: Apache-2.0 */
/*
 * s16_64_q4.c - 16 of each 64 weights, 4 bits each; the block is drawn in sparse.h
 */
#include "quant/encode_sparse.h"

SOV_SPARSE_CODEC(s16_64_q4, S16_64_Q4, 16, 4)
