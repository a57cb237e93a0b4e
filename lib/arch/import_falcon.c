/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_falcon.c - Falcon as published: the forms of the 7B and of the 40B
 *
 * Queries, keys and values are one matrix, in groups of some queries with the
 * key and the value that they share; the 7B has one group.  GGUF has all
 * queries first, then all keys, then all values.  The 40B has a norm for
 * attention and one for the feed-forward; later models have its groups with one
 * norm for both.
 *
 * The first Falcons (RW) had ALiBi in place of rotary positions, biases, and
 * attention and feed-forward one after the other: another network.
 */
#include "arch/import_family.h"

#include "base/limits.h"

static const char *const act[] = { "gelu", NULL };

static const struct sov_part ends[] = {
    { "token_embd.weight", "transformer.word_embeddings.weight", 'v', 'w', 0,
      true },
    SOV_PARTS_NORM("output_norm", "transformer.ln_f"),
    SOV_ENDS_HEAD,
};

#define PARTS_REST                                                                  \
    { "attn_qkv.weight",                                                            \
      "self_attention.query_key_value.weight",                                      \
      'Q',                                                                          \
      'w',                                                                          \
      'g',                                                                          \
      true },                                                                       \
        { "attn_output.weight", "self_attention.dense.weight", 'w', 'q', 0, true }, \
        { "ffn_up.weight", "mlp.dense_h_to_4h.weight", 'f', 'w', 0, true },         \
    {                                                                               \
        "ffn_down.weight", "mlp.dense_4h_to_h.weight", 'w', 'f', 0, true            \
    }

static const struct sov_part parts[] = {
    SOV_PARTS_NORM("attn_norm", "input_layernorm"),
    PARTS_REST,
};

static const struct sov_part parts_2[] = {
    SOV_PARTS_NORM("attn_norm", "ln_mlp"),
    SOV_PARTS_NORM("attn_norm_2", "ln_attn"),
    PARTS_REST,
};

static const struct sov_alias alias[] = {
    { "ffn_hidden_size", "intermediate_size", false },
    { "n_layer", "num_hidden_layers", true },
    { "n_head", "num_attention_heads", true },
    { "n_head_kv", "num_kv_heads", true },
    { NULL, NULL, false },
};

static const struct sov_only only[] = {
    { "alibi", "false" },
    { "bias", "false" },
    { "parallel_attn", "true" },
    { "apply_residual_connection_post_layernorm", "false" },
    { NULL, NULL },
};

/* How many groups there are. */
static int
shape(struct sov_import *im, struct sov_shape *s, struct sov_err *err)
{
    bool grouped = false, one = true;
    uint64_t n = s->heads;
    int rc =
        sov_config_bool(im->config, "new_decoder_architecture", &grouped, err);

    if (rc == 0)
        rc = sov_config_bool(im->config, "multi_query", &one, err);
    if (rc == 0)
        rc = sov_config_u64(im->config, "num_kv_heads", 1, s->heads, false, &n,
                            err);
    if (rc < 0)
        return rc;
    if (!grouped)
        n = one ? 1 : s->heads;
    if (s->heads % n != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: num_attention_heads (%llu) is not a "
                        "multiple of num_kv_heads (%llu)",
                        (unsigned long long)s->heads, (unsigned long long)n);
    s->kv_heads = n;
    return 0;
}

/* Readers of GGUF are told that the groups are gone. */
static int
more(struct sov_import *im, struct sov_shape *s, struct sov_err *err)
{
    return sov_shape_put_str(im, s, "tensor_data_layout", "jploski", err);
}

static bool
has_two_norms(const struct sov_import *im)
{
    return sov_model_find(im->model, "transformer.h.0.ln_attn.weight") >= 0 ||
           sov_model_find(im->model, "h.0.ln_attn.weight") >= 0;
}

static bool
gives_two_norms(const struct sov_export *x)
{
    return sov_model_find(x->model, "blk.0.attn_norm_2.weight") >= 0;
}

static int
back(struct sov_export *x, const struct sov_shape *s, struct sov_err *err)
{
    bool grouped = s->kv_heads > 1 || gives_two_norms(x);
    int rc = sov_export_set(x, "new_decoder_architecture",
                            json_boolean(grouped), err);

    if (rc == 0)
        rc = sov_export_set(x, "multi_query", json_true(), err);
    if (rc == 0)
        rc = sov_export_set(x, "num_kv_heads",
                            json_integer((json_int_t)s->kv_heads), err);
    if (rc == 0 && grouped)
        rc = sov_export_set(x, "num_ln_in_parallel_attn",
                            json_integer(gives_two_norms(x) ? 2 : 1), err);
    return rc;
}

const struct sov_family sov_family_falcon = {
    .arch = "falcon",
    .class = "FalconForCausalLM",
    .type = "falcon",
    .base = "transformer.",
    .layers = "transformer.h.",
    .alias = alias,
    .only = only,
    .preset = { .eps = 1e-5, .tied = true },
    .ffn_times = 4,
    .act = act,
    .act_name = "activation",
    .eps = "layer_norm_epsilon",
    .eps_key = SOV_EPS_LAYER,
    .own_groups = true,
    .ends = ends,
    .n_ends = sizeof(ends) / sizeof(*ends),
    .part = parts,
    .n_parts = sizeof(parts) / sizeof(*parts),
    .shape = shape,
    .more = more,
    .back = back,
};

const struct sov_family sov_family_falcon_2 = {
    .arch = "falcon",
    .class = "FalconForCausalLM",
    .type = "falcon",
    .takes = has_two_norms,
    .gives = gives_two_norms,
    .base = "transformer.",
    .layers = "transformer.h.",
    .alias = alias,
    .only = only,
    .preset = { .eps = 1e-5, .tied = true },
    .ffn_times = 4,
    .act = act,
    .act_name = "activation",
    .eps = "layer_norm_epsilon",
    .eps_key = SOV_EPS_LAYER,
    .own_groups = true,
    .ends = ends,
    .n_ends = sizeof(ends) / sizeof(*ends),
    .part = parts_2,
    .n_parts = sizeof(parts_2) / sizeof(*parts_2),
    .shape = shape,
    .more = more,
    .back = back,
};
