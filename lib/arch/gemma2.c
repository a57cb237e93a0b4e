/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gemma2.c - Gemma 2
 *
 * Norms before and after attention and feed-forward, soft limits of scores and
 * logits, and a window in every other layer.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_gemma2 = {
    .name = "gemma2",
    .rope = SOV_ROPE_NEOX,
    .attn_norm = "attn_norm",
    .attn_post = "post_attention_norm",
    .ffn_norm = "ffn_norm",
    .ffn_post = "post_ffw_norm",
    .fn = SOV_FN_GELU,
    .gated = true,
    .embd_root = true,
    .caps = true,
    .attn_cap = 50,
    .logit_cap = 30,
    .windows = true,
    .window = 4096,
    .window_pattern = 2,
    .layers_by_width = 46, /* 27B */
};
