/* SPDX-License-Identifier: Apache-2.0 */
/*
 * llama.c - Llama 1 to 3, Mistral, Mixtral and what is made like them
 *
 * RMS norm before attention and before the gated feed-forward, rotary pairs
 * side by side (the rows of q and k are permuted for it when a model is
 * imported), optional biases everywhere; with experts it is a Mixtral.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_llama = {
    .name = "llama",
    .rope = SOV_ROPE_NORM,
    .attn_norm = "attn_norm",
    .ffn_norm = "ffn_norm",
    .gated = true,
    .experts = true,
    .windows = true,
};
