/* SPDX-License-Identifier: Apache-2.0 */
/*
 * s32_64_q8.c - 32 of each 64 weights, 8 bits each; the block is drawn in sparse.h
 */
#include "quant/encode_sparse.h"

SOV_SPARSE_CODEC(s32_64_q8, S32_64_Q8, 32, 8)
