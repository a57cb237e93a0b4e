/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gpt_oss.c - gpt-oss
 *
 * Experts with biases and a clamped gate, weighed among the chosen; every other
 * layer sees a window; each head has a sink.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_gpt_oss = {
    .name = "gpt-oss",
    .rope = SOV_ROPE_NEOX,
    .attn_norm = "attn_norm",
    .ffn_norm = "post_attention_norm",
    .fn = SOV_FN_CLAMPED,
    .gated = true,
    .sinks = true,
    .experts = true,
    .softmax_chosen = true,
    .windows = true,
    .window_pattern = 2,
};
