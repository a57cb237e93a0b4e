/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_granite.c - Granite 3 as published: a Llama with scales
 */
#include "arch/import_family.h"

static const char *const act[] = { "silu", NULL };

static const struct sov_part parts[] = {
    SOV_PARTS_PRE,
    { "attn_q.weight", "self_attn.q_proj.weight", 'q', 'w', 'q', true },
    { "attn_k.weight", "self_attn.k_proj.weight", 'k', 'w', 'k', true },
    { "attn_v.weight", "self_attn.v_proj.weight", 'k', 'w', 0, true },
    SOV_PARTS_OUT,
    SOV_PARTS_GATED,
};

static const struct sov_member members[] = {
    { "attention_multiplier", "attention.scale", 'r', 1 },
    { "embedding_multiplier", "embedding_scale", 'r', 1 },
    { "residual_multiplier", "residual_scale", 'r', 1 },
    { "logits_scaling", "logit_scale", 'r', 1 },
    { NULL, NULL, 0, 0 },
};

const struct sov_family sov_family_granite = {
    .arch = "granite",
    .class = "GraniteForCausalLM",
    .type = "granite",
    .member = members,
    .act = act,
    .eps = "rms_norm_eps",
    .eps_key = SOV_EPS_RMS,
    .part = parts,
    .n_parts = sizeof(parts) / sizeof(*parts),
};
