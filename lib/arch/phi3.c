/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phi3.c - Phi 3, 3.5 and 4
 *
 * Like a Llama with q, k and v in one matrix, and gate and up in another; long
 * contexts have rotary factors of their own.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_phi3 = {
    .name = "phi3",
    .rope = SOV_ROPE_NEOX,
    .attn_norm = "attn_norm",
    .ffn_norm = "ffn_norm",
    .gated = true,
    .gate_in_up = true,
    .windows = true,
};
