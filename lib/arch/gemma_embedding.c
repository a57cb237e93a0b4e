/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gemma_embedding.c - EmbeddingGemma
 *
 * As gemma3, but every token sees all others, or half a window to both sides;
 * the mean of all goes through a wider layer and back.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_gemma_embedding = {
    .name = "gemma-embedding",
    .rope = SOV_ROPE_NEOX,
    .attn_norm = "attn_norm",
    .attn_post = "post_attention_norm",
    .ffn_norm = "ffn_norm",
    .ffn_post = "post_ffw_norm",
    .qk_norm = SOV_QK_HEADS,
    .fn = SOV_FN_GELU,
    .gated = true,
    .embd_root = true,
    .encoder = true,
    .end_norm = true,
    .dense = true,
    .windows = true,
    .window_pattern = 6,
    .window_both = true,
    .local_plain = true,
    .local_base = 10000,
};
