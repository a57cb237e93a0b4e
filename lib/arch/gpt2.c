/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gpt2.c - GPT-2
 *
 * Learned positions, layer norms, biases everywhere.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_gpt2 = {
    .name = "gpt2",
    .rope = SOV_ROPE_NONE,
    .norm = SOV_NORM_LAYER,
    .attn_norm = "attn_norm",
    .ffn_norm = "ffn_norm",
    .fn = SOV_FN_GELU,
    .places = true,
};
