/* SPDX-License-Identifier: Apache-2.0 */
/*
 * s16_64_q8.c - 16 of each 64 weights, 8 bits each; the block is drawn in sparse.h
 */
#include "quant/encode_sparse.h"

SOV_SPARSE_CODEC(s16_64_q8, S16_64_Q8, 16, 8)
