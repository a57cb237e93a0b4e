/* SPDX-License-Identifier: Apache-2.0 */
/*
 * falcon.c - Falcon 7B and 40B
 *
 * Attention and feed-forward side by side; the 40B has a norm for each.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_falcon = {
    .name = "falcon",
    .rope = SOV_ROPE_NEOX,
    .norm = SOV_NORM_LAYER,
    .attn_norm = "attn_norm",
    .attn_norm_2 = "attn_norm_2",
    .ffn_norm = "attn_norm",
    .fn = SOV_FN_GELU,
    .parallel = true,
};
