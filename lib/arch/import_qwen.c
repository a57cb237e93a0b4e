/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_qwen.c - Qwen 2, 2.5 and 3 as published
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
