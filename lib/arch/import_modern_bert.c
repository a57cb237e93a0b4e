/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_modern_bert.c - ModernBERT as published
 *
 * Of every few layers the first sees all tokens, the others half of
 * local_attention to both sides, with rotary positions of their own.  What
 * predicts words is no part of an embedding.
 */
#include "arch/import_family.h"

#include "base/limits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const act[] = { "gelu", "silu", NULL };

static const char *const drop[] = { "head.", "decoder.", NULL };

static const struct sov_part ends[] = {
    { "token_embd.weight", "model.embeddings.tok_embeddings.weight", 'v', 'w',
      0, true },
    { "token_embd_norm.weight", "model.embeddings.norm.weight", 0, 'w', 0,
      true },
    { "output_norm.weight", "model.final_norm.weight", 0, 'w', 0, true },
};

/* Wi has the gate above what it is multiplied with. */
static const struct sov_part parts[] = {
    { "attn_qkv.weight", "attn.Wqkv.weight", 'Q', 'w', 0, true },
    { "attn_output.weight", "attn.Wo.weight", 'w', 'w', 0, true },
    { "ffn_norm.weight", "mlp_norm.weight", 0, 'w', 0, true },
    { "ffn_up.weight", "mlp.Wi.weight", 'F', 'w', 0, true },
    { "ffn_down.weight", "mlp.Wo.weight", 'w', 'f', 0, true },
};

static const struct sov_alias alias[] = {
    { "norm_eps", "layer_norm_eps", false },
    { "global_rope_theta", "rope_theta", false },
    { NULL, NULL, false },
};

static const struct sov_only only[] = {
    { "attention_bias", "false" },
    { "mlp_bias", "false" },
    { "norm_bias", "false" },
    { NULL, NULL },
};

/* The first layer may do without a norm, for its input has just been normed. */
static int
put_norm(struct sov_import *im, const struct sov_shape *s, unsigned layer,
         struct sov_err *err)
{
    const struct sov_order order = { 0 };
    char to[64], from[96];

    snprintf(to, sizeof(to), "blk.%u.attn_norm.weight", layer);
    snprintf(from, sizeof(from), "model.layers.%u.attn_norm.weight", layer);
    return sov_import_tensor(im, to, from, 0, s->width, &order, layer > 0, err);
}

/* Of every n layers the first sees all, if a list says it. */
static int
check_pattern(const struct sov_import *im, uint64_t n, struct sov_err *err)
{
    const json_t *types = sov_config_get(im->config, "layer_types");

    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *type = json_string_value(json_array_get(types, i));
        bool all = type != NULL && strcmp(type, "full_attention") == 0;

        if (all != (i % n == 0))
            return sov_fail(err, SOV_EUNSUP,
                            "config.json: layer_types does not repeat after "
                            "%llu layers",
                            (unsigned long long)n);
    }
    return 0;
}

static int
put_windows(struct sov_import *im, const struct sov_shape *s,
            struct sov_err *err)
{
    double base = s->local_base > 0 ? s->local_base : 10000;
    uint64_t window = 128, n = 3;
    int rc = sov_config_u64(im->config, "local_attention", 1, SOV_CTX_MAX,
                            false, &window, err);

    if (rc == 0)
        rc = sov_config_u64(im->config, "global_attn_every_n_layers", 1,
                            SOV_LAYERS_MAX, false, &n, err);
    if (rc == 0)
        rc = check_pattern(im, n, err);
    if (rc == 0)
        rc = sov_config_positive(im->config, "local_rope_theta", false, &base,
                                 err);
    if (rc == 0)
        rc = sov_shape_put(im, s, "attention.sliding_window", window, err);
    if (rc == 0 && n != 3)
        rc = sov_shape_put(im, s, "attention.sliding_window_pattern", n, err);
    if (rc == 0 && fabs(base - 10000) > 0)
        rc = sov_shape_put_real(im, s, "rope.freq_base_swa", base, err);
    return rc;
}

static int
more(struct sov_import *im, struct sov_shape *s, struct sov_err *err)
{
    const char *name = NULL;
    int rc = put_windows(im, s, err);

    if (rc == 0)
        rc = sov_config_str(im->config, "hidden_activation", &name, err);
    return rc < 0 || name == NULL
               ? rc
               : sov_shape_put_str(im, s, "hidden_activation", name, err);
}

const struct sov_family sov_family_modern_bert = {
    .arch = "modern-bert",
    .class = "ModernBertModel",
    .type = "modernbert",
    .layers = "model.layers.",
    .alias = alias,
    .only = only,
    .preset = { .eps = 1e-5, .ctx = 8192, .rope_base = 160000 },
    .act = act,
    .act_name = "hidden_activation",
    .eps = "layer_norm_eps",
    .eps_key = SOV_EPS_LAYER,
    .no_groups = true,
    .encoder = true,
    .layer_types = true,
    .ends = ends,
    .n_ends = sizeof(ends) / sizeof(*ends),
    .part = parts,
    .n_parts = sizeof(parts) / sizeof(*parts),
    .drop = drop,
    .more = more,
    .layer = put_norm,
};
