/* SPDX-License-Identifier: Apache-2.0 */
/*
 * granite.c - Granite 3 and 4, the dense ones
 *
 * A Llama whose embeddings, additions to the stream and logits are scaled.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_granite = {
    .name = "granite",
    .rope = SOV_ROPE_NORM,
    .attn_norm = "attn_norm",
    .ffn_norm = "ffn_norm",
    .gated = true,
    .scales = true,
};
