/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_qwen.c - Qwen 2, 2.5 and 3 as published, 3 with experts, too
 */
#include "arch/import_family.h"

static const char *const act[] = { "silu", NULL };

static const struct sov_part parts_2[] = {
    SOV_PARTS_PRE, SOV_PARTS_QKV,   SOV_PARTS_QKV_BIAS,
    SOV_PARTS_OUT, SOV_PARTS_GATED,
};

static const struct sov_part parts_3[] = {
    SOV_PARTS_PRE, SOV_PARTS_QKV,   SOV_PARTS_QK_NORM('h', 'h'),
    SOV_PARTS_OUT, SOV_PARTS_GATED,
};

/* A window is written down in many of them, and used in none. */
static const struct sov_only only[] = {
    { "use_sliding_window", "false" },
    { "use_mrope", "false" },
    { NULL, NULL },
};

const struct sov_family sov_family_qwen2 = {
    .arch = "qwen2",
    .class = "Qwen2ForCausalLM",
    .type = "qwen2",
    .only = only,
    .act = act,
    .eps = "rms_norm_eps",
    .eps_key = SOV_EPS_RMS,
    .part = parts_2,
    .n_parts = sizeof(parts_2) / sizeof(*parts_2),
};

const struct sov_family sov_family_qwen3 = {
    .arch = "qwen3",
    .class = "Qwen3ForCausalLM",
    .type = "qwen3",
    .only = only,
    .preset = { .head_dim = 128 },
    .act = act,
    .eps = "rms_norm_eps",
    .eps_key = SOV_EPS_RMS,
    .lengths = true,
    .part = parts_3,
    .n_parts = sizeof(parts_3) / sizeof(*parts_3),
};

static const struct sov_part parts_3moe[] = {
    SOV_PARTS_PRE,
    SOV_PARTS_QKV,
    SOV_PARTS_QK_NORM('h', 'h'),
    SOV_PARTS_OUT,
    { "ffn_gate_inp.weight", "mlp.gate.weight", 'x', 'w', 'r', true },
    SOV_PARTS_EXPERTS("mlp.experts.*.", "gate_proj", "up_proj", "down_proj"),
};

static const struct sov_only only_3moe[] = {
    { "use_sliding_window", "false" },
    { "decoder_sparse_step", "1" },
    { "norm_topk_prob", "true" },
    { NULL, NULL },
};

static const struct sov_alias alias_3moe[] = {
    { "num_experts", "num_local_experts", false },
    { NULL, NULL, false },
};

/* All layers have experts, whose weights add up to 1 among the chosen. */
static int
all_layers(struct sov_import *im, struct sov_shape *s, struct sov_err *err)
{
    (void)s;
    if (json_array_size(sov_config_get(im->config, "mlp_only_layers")) > 0)
        return sov_fail(err, SOV_EUNSUP,
                        "config.json: layers without experts "
                        "(mlp_only_layers) are not supported");
    if (sov_config_get(im->config, "norm_topk_prob") == NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "config.json: without norm_topk_prob weights of "
                        "experts do not add up to 1, which is not supported");
    return 0;
}

const struct sov_family sov_family_qwen3moe = {
    .arch = "qwen3moe",
    .class = "Qwen3MoeForCausalLM",
    .type = "qwen3_moe",
    .alias = alias_3moe,
    .only = only_3moe,
    .act = act,
    .eps = "rms_norm_eps",
    .eps_key = SOV_EPS_RMS,
    .lengths = true,
    .experts = true,
    .expert_ffn = "moe_intermediate_size",
    .part = parts_3moe,
    .n_parts = sizeof(parts_3moe) / sizeof(*parts_3moe),
    .more = all_layers,
};

/* The same with the names of newer programs. */
static const struct sov_part parts_3moe_5[] = {
    SOV_PARTS_PRE, SOV_PARTS_QKV,   SOV_PARTS_QK_NORM('h', 'h'),
    SOV_PARTS_OUT, SOV_PARTS_FUSED,
};

const struct sov_family sov_family_qwen3moe_5 = {
    .arch = "qwen3moe",
    .class = "Qwen3MoeForCausalLM",
    .type = "qwen3_moe",
    .takes = sov_family_fused,
    .alias = alias_3moe,
    .only = only_3moe,
    .act = act,
    .eps = "rms_norm_eps",
    .eps_key = SOV_EPS_RMS,
    .lengths = true,
    .experts = true,
    .expert_ffn = "moe_intermediate_size",
    .part = parts_3moe_5,
    .n_parts = sizeof(parts_3moe_5) / sizeof(*parts_3moe_5),
    .more = all_layers,
};
