/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_llama.c - the Llama family as published: Llama 1 to 3, Mistral,
 * Mixtral
 *
 * GGUF files of this family hold the rotary pairs of queries and keys side by
 * side, published ones hold the two halves of a head one after the other; so
 * the rows of q and k are regrouped.
 */
#include "arch/import_family.h"

#include "base/limits.h"

static const char *const act[] = { "silu", NULL };

static const struct sov_part parts[] = {
    SOV_PARTS_PRE,
    { "attn_q.weight", "self_attn.q_proj.weight", 'q', 'w', 'q', true },
    { "attn_q.bias", "self_attn.q_proj.bias", 0, 'q', 'q', false },
    { "attn_k.weight", "self_attn.k_proj.weight", 'k', 'w', 'k', true },
    { "attn_k.bias", "self_attn.k_proj.bias", 0, 'k', 'k', false },
    { "attn_v.weight", "self_attn.v_proj.weight", 'k', 'w', 0, true },
    { "attn_v.bias", "self_attn.v_proj.bias", 0, 'k', 0, false },
    { "attn_output.weight", "self_attn.o_proj.weight", 'w', 'q', 0, true },
    { "attn_output.bias", "self_attn.o_proj.bias", 0, 'w', 0, false },
    { "ffn_gate.weight", "mlp.gate_proj.weight", 'f', 'w', 0, true },
    { "ffn_gate.bias", "mlp.gate_proj.bias", 0, 'f', 0, false },
    { "ffn_up.weight", "mlp.up_proj.weight", 'f', 'w', 0, true },
    { "ffn_up.bias", "mlp.up_proj.bias", 0, 'f', 0, false },
    { "ffn_down.weight", "mlp.down_proj.weight", 'w', 'f', 0, true },
    { "ffn_down.bias", "mlp.down_proj.bias", 0, 'w', 0, false },
};

#define N_PARTS (sizeof(parts) / sizeof(*parts))

static int
biases_back(struct sov_export *x, const struct sov_shape *s,
            struct sov_err *err)
{
    bool attn = sov_model_find(x->model, "blk.0.attn_q.bias") >= 0;
    bool mlp = sov_model_find(x->model, "blk.0.ffn_up.bias") >= 0;
    int rc = sov_export_set(x, "attention_bias", json_boolean(attn), err);

    (void)s;
    return rc < 0 ? rc : sov_export_set(x, "mlp_bias", json_boolean(mlp), err);
}

const struct sov_family sov_family_llama = {
    .arch = "llama",
    .class = "LlamaForCausalLM",
    .type = "llama",
    .act = act,
    .eps = "rms_norm_eps",
    .eps_key = SOV_EPS_RMS,
    .part = parts,
    .n_parts = N_PARTS,
    .back = biases_back,
};

/*
 * Mistral is the same network.  Its first version looked back over a window
 * of tokens only; as everybody who reads GGUF files of it, we look at all.
 */
static int
no_window(struct sov_import *im, struct sov_shape *s, struct sov_err *err)
{
    uint64_t window = 0;
    int rc = sov_config_u64(im->config, "sliding_window", 0, SOV_CTX_MAX, false,
                            &window, err);

    if (rc == 0 && window > 0 && window < s->ctx)
        sov_model_warn(im->model,
                       "the sliding window of %llu tokens is not carried out",
                       (unsigned long long)window);
    return rc;
}

const struct sov_family sov_family_mistral = {
    .arch = "llama",
    .class = "MistralForCausalLM",
    .type = "mistral",
    .act = act,
    .eps = "rms_norm_eps",
    .eps_key = SOV_EPS_RMS,
    .layer_types = true, /* of a window, see above */
    .part = parts,
    .n_parts = N_PARTS,
    .more = no_window,
    .back = biases_back,
};

/* Mixtral is a Mistral with experts. */
#define PARTS_ATTN                                                     \
    SOV_PARTS_PRE,                                                     \
    { "attn_q.weight", "self_attn.q_proj.weight", 'q', 'w', 'q', true }, \
    { "attn_k.weight", "self_attn.k_proj.weight", 'k', 'w', 'k', true }, \
    { "attn_v.weight", "self_attn.v_proj.weight", 'k', 'w', 0, true }, \
    SOV_PARTS_OUT

static const struct sov_part parts_mixtral[] = {
    PARTS_ATTN,
    { "ffn_gate_inp.weight", "block_sparse_moe.gate.weight", 'x', 'w', 'r',
      true },
    SOV_PARTS_EXPERTS("block_sparse_moe.experts.*.", "w1", "w3", "w2"),
};

static bool
has_experts(const struct sov_export *x)
{
    return sov_model_find(x->model, "blk.0.ffn_gate_exps.weight") >= 0;
}

const struct sov_family sov_family_mixtral = {
    .arch = "llama",
    .class = "MixtralForCausalLM",
    .type = "mixtral",
    .gives = has_experts,
    .act = act,
    .eps = "rms_norm_eps",
    .eps_key = SOV_EPS_RMS,
    .experts = true,
    .part = parts_mixtral,
    .n_parts = sizeof(parts_mixtral) / sizeof(*parts_mixtral),
    .more = no_window,
};

/* The same with the names of newer programs. */
static const struct sov_part parts_mixtral_5[] = {
    PARTS_ATTN,
    SOV_PARTS_FUSED,
};

const struct sov_family sov_family_mixtral_5 = {
    .arch = "llama",
    .class = "MixtralForCausalLM",
    .type = "mixtral",
    .takes = sov_family_fused,
    .act = act,
    .eps = "rms_norm_eps",
    .eps_key = SOV_EPS_RMS,
    .experts = true,
    .part = parts_mixtral_5,
    .n_parts = sizeof(parts_mixtral_5) / sizeof(*parts_mixtral_5),
    .more = no_window,
};
