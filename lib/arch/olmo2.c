/* SPDX-License-Identifier: Apache-2.0 */
/*
 * olmo2.c - OLMo 2 and 3
 *
 * Norms come after attention and feed-forward, before what they made is added;
 * all queries, and all keys, are normed together.  OLMo 3 has windows in three
 * layers of four, whose rotary positions are not stretched.
 */
#include "arch/arch.h"

const struct sov_arch sov_arch_olmo2 = {
    .name = "olmo2",
    .rope = SOV_ROPE_NEOX,
    .attn_post = "post_attention_norm",
    .ffn_post = "post_ffw_norm",
    .qk_norm = SOV_QK_WHOLE,
    .gated = true,
    .windows = true,
    .window_pattern = 4,
    .local_plain = true,
};
