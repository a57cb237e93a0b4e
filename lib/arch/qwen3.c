/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qwen3.c - Qwen 3
 *
 * As qwen2 without biases; each head of queries and keys is normed.  A reranker
 * has the rows of "yes" and "no" as a head of its own.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_qwen3 = {
    .name = "qwen3",
    .rope = SOV_ROPE_NEOX,
    .attn_norm = "attn_norm",
    .ffn_norm = "ffn_norm",
    .qk_norm = SOV_QK_HEADS,
    .gated = true,
    .ranks = true,
    .rank_last = true,
};
