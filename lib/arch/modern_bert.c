/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modern_bert.c - ModernBERT and what is made like it
 *
 * Norms before attention and feed-forward, without biases; the first layer of
 * every three sees all tokens, the others half a window to both sides, with
 * rotary positions of their own.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_modern_bert = {
    .name = "modern-bert",
    .rope = SOV_ROPE_NEOX,
    .norm = SOV_NORM_MEAN,
    .attn_norm = "attn_norm",
    .bare_first = true,
    .ffn_norm = "ffn_norm",
    .fn = SOV_FN_GELU,
    .says_fn = true,
    .gated = true,
    .gate_in_up = true,
    .embd_norm = true,
    .encoder = true,
    .end_norm = true,
    .windows = true,
    .window_pattern = 3,
    .window_first = true,
    .window_both = true,
    .local_plain = true,
    .local_base = 10000,
};
