/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bert.c - BERT and its kind
 *
 * Learned positions; every token sees all others; norms of the stream itself,
 * after each addition.  The feed-forward has GELU by way of tanh, as in the
 * other runtimes of this format.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_bert = {
    .name = "bert",
    .rope = SOV_ROPE_NONE,
    .norm = SOV_NORM_LAYER,
    .attn_end = "attn_output_norm",
    .ffn_end = "layer_output_norm",
    .fn = SOV_FN_GELU,
    .places = true,
    .kinds = true,
    .embd_norm = true,
    .encoder = true,
    .ranks = true,
};
