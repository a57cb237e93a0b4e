/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qwen2.c - Qwen 2 and 2.5
 *
 * Like a Llama, with rotary pairs half a head apart and biases of q, k and v.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_qwen2 = {
    .name = "qwen2",
    .rope = SOV_ROPE_NEOX,
    .attn_norm = "attn_norm",
    .ffn_norm = "ffn_norm",
    .gated = true,
};
