/* SPDX-License-Identifier: Apache-2.0 */
/*
 * starcoder2.c - StarCoder 2
 *
 * As gpt2, with rotary positions and groups of query heads.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_starcoder2 = {
    .name = "starcoder2",
    .rope = SOV_ROPE_NEOX,
    .norm = SOV_NORM_LAYER,
    .attn_norm = "attn_norm",
    .ffn_norm = "ffn_norm",
    .fn = SOV_FN_GELU,
    .windows = true,
};
