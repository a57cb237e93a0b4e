/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qwen3moe.c - Qwen 3 with experts
 *
 * As qwen3; the weights of the chosen experts are of all, and then add up to 1.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_qwen3moe = {
    .name = "qwen3moe",
    .rope = SOV_ROPE_NEOX,
    .attn_norm = "attn_norm",
    .ffn_norm = "ffn_norm",
    .qk_norm = SOV_QK_HEADS,
    .gated = true,
    .experts = true,
};
