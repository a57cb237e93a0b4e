/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mistral3.c - Ministral 3 and Mistral Small 3.1
 *
 * As llama; in a stretched context queries grow with their position.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_mistral3 = {
    .name = "mistral3",
    .rope = SOV_ROPE_NORM,
    .attn_norm = "attn_norm",
    .ffn_norm = "ffn_norm",
    .gated = true,
    .experts = true,
    .temperature = true,
};
