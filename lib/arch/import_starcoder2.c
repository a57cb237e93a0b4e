/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_starcoder2.c - StarCoder 2 as published
 */
#include "arch/import_family.h"

static const char *const act[] = { "gelu_pytorch_tanh", "gelu", NULL };

static const struct sov_part parts[] = {
    SOV_PARTS_PRE,
    { "attn_norm.bias", "input_layernorm.bias", 0, 'w', 0, true },
    { "ffn_norm.bias", "post_attention_layernorm.bias", 0, 'w', 0, true },
    SOV_PARTS_QKV,
    SOV_PARTS_QKV_BIAS,
    SOV_PARTS_OUT,
    { "attn_output.bias", "self_attn.o_proj.bias", 0, 'w', 0, true },
    { "ffn_up.weight", "mlp.c_fc.weight", 'f', 'w', 0, true },
    { "ffn_up.bias", "mlp.c_fc.bias", 0, 'f', 0, true },
    { "ffn_down.weight", "mlp.c_proj.weight", 'w', 'f', 0, true },
    { "ffn_down.bias", "mlp.c_proj.bias", 0, 'w', 0, true },
};

static const struct sov_part ends[] = {
    { "token_embd.weight", "model.embed_tokens.weight", 'v', 'w', 0, true },
    SOV_PARTS_NORM("output_norm", "model.norm"),
    SOV_ENDS_HEAD,
};

static const struct sov_only only[] = {
    { "use_bias", "true" },
    { "norm_type", "layer_norm" },
    { "mlp_type", "default" },
    { NULL, NULL },
};

static const struct sov_member members[] = {
    { "sliding_window", "attention.sliding_window", 'u', 0 },
    { NULL, NULL, 0, 0 },
};

const struct sov_family sov_family_starcoder2 = {
    .arch = "starcoder2",
    .class = "Starcoder2ForCausalLM",
    .type = "starcoder2",
    .only = only,
    .member = members,
    .preset = { .eps = 1e-5, .tied = true },
    .act = act,
    .eps = "norm_epsilon",
    .eps_key = SOV_EPS_LAYER,
    .ends = ends,
    .n_ends = sizeof(ends) / sizeof(*ends),
    .part = parts,
    .n_parts = sizeof(parts) / sizeof(*parts),
};
