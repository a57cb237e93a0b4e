/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gemma3.c - Gemma 3, its text
 *
 * As gemma2, with normed queries and keys in place of soft limits; five layers
 * of six see a window, with rotary positions of their own.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_gemma3 = {
    .name = "gemma3",
    .rope = SOV_ROPE_NEOX,
    .attn_norm = "attn_norm",
    .attn_post = "post_attention_norm",
    .ffn_norm = "ffn_norm",
    .ffn_post = "post_ffw_norm",
    .qk_norm = SOV_QK_HEADS,
    .fn = SOV_FN_GELU,
    .gated = true,
    .embd_root = true,
    .caps = true,
    .windows = true,
    .window_pattern = 6,
    .local_plain = true,
    .local_base = 10000,
    .layers_by_width = 62, /* 27B */
};
