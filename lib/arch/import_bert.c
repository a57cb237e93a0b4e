/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_bert.c - BERT and its kind as published: encoders of texts
 *
 * The pooler and what predicts words are no part of an embedding.  How the
 * states of tokens become one is import_pool.c's.
 */
#include "arch/import_family.h"

#include "base/limits.h"

#define EMBD "bert.embeddings."

/* ---- BERT */

static const char *const act[] = { "gelu", "gelu_new", "gelu_pytorch_tanh",
                                   NULL };

static const char *const drop[] = { "pooler.", "cls.",
                                    "embeddings.position_ids", NULL };

static const struct sov_part ends[] = {
    { "token_embd.weight", EMBD "word_embeddings.weight", 'v', 'w', 0, true },
    { "position_embd.weight", EMBD "position_embeddings.weight", 'p', 'w', 0,
      true },
    { "token_types.weight", EMBD "token_type_embeddings.weight", 't', 'w', 0,
      true },
    SOV_PARTS_NORM("token_embd_norm", EMBD "LayerNorm"),
};

static const struct sov_part parts[] = {
    SOV_PARTS_BOTH("attn_q", "attention.self.query", 'w', 'w', 0),
    SOV_PARTS_BOTH("attn_k", "attention.self.key", 'w', 'w', 0),
    SOV_PARTS_BOTH("attn_v", "attention.self.value", 'w', 'w', 0),
    SOV_PARTS_BOTH("attn_output", "attention.output.dense", 'w', 'w', 0),
    SOV_PARTS_NORM("attn_output_norm", "attention.output.LayerNorm"),
    SOV_PARTS_BOTH("ffn_up", "intermediate.dense", 'f', 'w', 0),
    SOV_PARTS_BOTH("ffn_down", "output.dense", 'w', 'f', 0),
    SOV_PARTS_NORM("layer_output_norm", "output.LayerNorm"),
};

static const struct sov_only only[] = {
    { "position_embedding_type", "absolute" },
    { "is_decoder", "false" },
    { "add_cross_attention", "false" },
    { NULL, NULL },
};

const struct sov_family sov_family_bert = {
    .arch = "bert",
    .class = "BertModel",
    .type = "bert",
    .base = "bert.",
    .bare = true,
    .layers = "bert.encoder.layer.",
    .only = only,
    .preset = { .eps = 1e-12, .ctx = 512 },
    .act = act,
    .eps = "layer_norm_eps",
    .eps_key = SOV_EPS_LAYER,
    .no_groups = true,
    .no_turns = true,
    .encoder = true,
    .ends = ends,
    .n_ends = sizeof(ends) / sizeof(*ends),
    .part = parts,
    .n_parts = sizeof(parts) / sizeof(*parts),
    .drop = drop,
};

/* ---- RoBERTa: the same, whose positions begin behind that of padding */

#define EMBD_R "roberta.embeddings."

static const char *const roberta_drop[] = { "pooler.", "lm_head.",
                                            "embeddings.position_ids", NULL };

static const struct sov_part roberta_ends[] = {
    { "token_embd.weight", EMBD_R "word_embeddings.weight", 'v', 'w', 0, true },
    { "position_embd.weight", EMBD_R "position_embeddings.weight", 'p', 'w',
      'o', true },
    { "token_types.weight", EMBD_R "token_type_embeddings.weight", 't', 'w', 0,
      true },
    SOV_PARTS_NORM("token_embd_norm", EMBD_R "LayerNorm"),
};

static int
roberta_shape(struct sov_import *im, struct sov_shape *s, struct sov_err *err)
{
    uint64_t pad = 1;
    int rc = sov_config_u64(im->config, "pad_token_id", 0, SOV_VOCAB_MAX, false,
                            &pad, err);

    if (rc == 0 && s->ctx <= pad + 1)
        rc = sov_fail(err, SOV_EFORMAT,
                      "config.json: max_position_embeddings is %llu, of which "
                      "pad_token_id leaves nothing",
                      (unsigned long long)s->ctx);
    if (rc < 0)
        return rc;
    s->skip = pad + 1;
    s->ctx -= s->skip;
    return 0;
}

const struct sov_family sov_family_roberta = {
    .arch = "bert",
    .class = "RobertaModel",
    .type = "roberta",
    .base = "roberta.",
    .layers = "roberta.encoder.layer.",
    .only = only,
    .preset = { .eps = 1e-12, .ctx = 512 },
    .act = act,
    .eps = "layer_norm_eps",
    .eps_key = SOV_EPS_LAYER,
    .no_groups = true,
    .no_turns = true,
    .encoder = true,
    .ends = roberta_ends,
    .n_ends = sizeof(roberta_ends) / sizeof(*roberta_ends),
    .part = parts,
    .n_parts = sizeof(parts) / sizeof(*parts),
    .drop = roberta_drop,
    .shape = roberta_shape,
};

/* ---- nomic-embed-text */

static const char *const nomic_act[] = { "swiglu", NULL };

static const struct sov_part nomic_ends[] = {
    { "token_embd.weight", EMBD "word_embeddings.weight", 'v', 'w', 0, true },
    { "token_types.weight", EMBD "token_type_embeddings.weight", 't', 'w', 0,
      true },
    SOV_PARTS_NORM("token_embd_norm", "bert.emb_ln"),
};

/* fc11 is multiplied by what becomes of fc12. */
static const struct sov_part nomic_parts[] = {
    { "attn_qkv.weight", "attn.Wqkv.weight", 'Q', 'w', 0, true },
    { "attn_output.weight", "attn.out_proj.weight", 'w', 'w', 0, true },
    SOV_PARTS_NORM("attn_output_norm", "norm1"),
    { "ffn_up.weight", "mlp.fc11.weight", 'f', 'w', 0, true },
    { "ffn_gate.weight", "mlp.fc12.weight", 'f', 'w', 0, true },
    { "ffn_down.weight", "mlp.fc2.weight", 'w', 'f', 0, true },
    SOV_PARTS_NORM("layer_output_norm", "norm2"),
};

static const struct sov_alias nomic_alias[] = {
    { "n_embd", "hidden_size", false },
    { "n_layer", "num_hidden_layers", false },
    { "n_head", "num_attention_heads", false },
    { "n_inner", "intermediate_size", false },
    { "n_positions", "max_position_embeddings", false },
    { "rotary_emb_base", "rope_theta", false },
    { NULL, NULL, false },
};

static const struct sov_only nomic_only[] = {
    { "causal", "false" },
    { "prenorm", "false" },
    { "parallel_block", "false" },
    { "use_rms_norm", "false" },
    { "qkv_proj_bias", "false" },
    { "mlp_fc1_bias", "false" },
    { "mlp_fc2_bias", "false" },
    { "rotary_emb_fraction", "1" },
    { "rotary_emb_interleaved", "false" },
    { "rotary_emb_scale_base", "" },
    { "moe_every_n_layers", "0" }, /* of the second version */
    { "scale_attn_weights", "true" },
    { "scale_attn_by_inverse_layer_idx", "false" },
    { NULL, NULL },
};

/* Beyond the positions it was trained with the published program stretches
 * them; that is not done here. */
static int
nomic_shape(struct sov_import *im, struct sov_shape *s, struct sov_err *err)
{
    uint64_t trained = 2048;
    int rc = sov_config_u64(im->config, "max_trained_positions", 1, SOV_CTX_MAX,
                            false, &trained, err);

    if (rc == 0 && trained < s->ctx)
        s->ctx = trained;
    return rc;
}

static int
nomic_back(struct sov_export *x, const struct sov_shape *s, struct sov_err *err)
{
    return sov_export_set(x, "max_trained_positions",
                          json_integer((json_int_t)s->ctx), err);
}

const struct sov_family sov_family_nomic_bert = {
    .arch = "nomic-bert",
    .class = "NomicBertModel",
    .type = "nomic_bert",
    .base = "bert.",
    .bare = true,
    .layers = "bert.encoder.layers.",
    .alias = nomic_alias,
    .only = nomic_only,
    .preset = { .eps = 1e-5, .ctx = 1024 },
    .act = nomic_act,
    .act_name = "activation_function",
    .eps = "layer_norm_epsilon",
    .eps_key = SOV_EPS_LAYER,
    .no_groups = true,
    .encoder = true,
    .ends = nomic_ends,
    .n_ends = sizeof(nomic_ends) / sizeof(*nomic_ends),
    .part = nomic_parts,
    .n_parts = sizeof(nomic_parts) / sizeof(*nomic_parts),
    .drop = drop,
    .shape = nomic_shape,
    .back = nomic_back,
};
