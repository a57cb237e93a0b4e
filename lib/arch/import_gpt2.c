/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_gpt2.c - GPT-2 as published
 *
 * Its matrices are kept [in, out], the other way round than all others'.
 */
#include "arch/import_family.h"

static const char *const act[] = { "gelu_new", "gelu_pytorch_tanh", "gelu_fast",
                                   "gelu", NULL };

static const struct sov_part ends[] = {
    { "token_embd.weight", "transformer.wte.weight", 'v', 'w', 0, true },
    { "position_embd.weight", "transformer.wpe.weight", 'p', 'w', 0, true },
    SOV_PARTS_NORM("output_norm", "transformer.ln_f"),
    SOV_ENDS_HEAD,
};

static const struct sov_part parts[] = {
    SOV_PARTS_NORM("attn_norm", "ln_1"),
    SOV_PARTS_BOTH("attn_qkv", "attn.c_attn", 'Q', 'w', 't'),
    SOV_PARTS_BOTH("attn_output", "attn.c_proj", 'w', 'w', 't'),
    SOV_PARTS_NORM("ffn_norm", "ln_2"),
    SOV_PARTS_BOTH("ffn_up", "mlp.c_fc", 'f', 'w', 't'),
    SOV_PARTS_BOTH("ffn_down", "mlp.c_proj", 'w', 'f', 't'),
};

static const struct sov_alias alias[] = {
    { "n_embd", "hidden_size", false },
    { "n_layer", "num_hidden_layers", false },
    { "n_head", "num_attention_heads", false },
    { "n_inner", "intermediate_size", false },
    { "n_positions", "max_position_embeddings", false },
    { "n_ctx", "max_position_embeddings", true },
    { NULL, NULL, false },
};

static const struct sov_only only[] = {
    { "scale_attn_weights", "true" },
    { "scale_attn_by_inverse_layer_idx", "false" },
    { "add_cross_attention", "false" },
    { NULL, NULL },
};

/* Masks, which follow from the number of positions. */
static const char *const drop[] = { "*.attn.bias", "*.attn.masked_bias", NULL };

const struct sov_family sov_family_gpt2 = {
    .arch = "gpt2",
    .class = "GPT2LMHeadModel",
    .type = "gpt2",
    .base = "transformer.",
    .layers = "transformer.h.",
    .alias = alias,
    .only = only,
    .preset = { .eps = 1e-5, .vocab = 50257, .ctx = 1024, .tied = true },
    .ffn_times = 4,
    .act = act,
    .act_name = "activation_function",
    .eps = "layer_norm_epsilon",
    .eps_key = SOV_EPS_LAYER,
    .no_groups = true,
    .no_turns = true,
    .ends = ends,
    .n_ends = sizeof(ends) / sizeof(*ends),
    .part = parts,
    .n_parts = sizeof(parts) / sizeof(*parts),
    .drop = drop,
};
