/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomic_bert.c - nomic-embed-text
 *
 * As bert, with rotary positions and a gated feed-forward.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_nomic_bert = {
    .name = "nomic-bert",
    .rope = SOV_ROPE_NEOX,
    .norm = SOV_NORM_LAYER,
    .attn_end = "attn_output_norm",
    .ffn_end = "layer_output_norm",
    .gated = true,
    .kinds = true,
    .embd_norm = true,
    .encoder = true,
};
