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

static int
more(struct sov_import *im, struct sov_shape *s, struct sov_err *err)
{
    static const struct {
        const char *name;
        const char *key;
    } scales[] = {
        { "attention_multiplier", "attention.scale" },
        { "embedding_multiplier", "embedding_scale" },
        { "residual_multiplier", "residual_scale" },
        { "logits_scaling", "logit_scale" },
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof(scales) / sizeof(*scales) && rc == 0; i++) {
        double v = 1;

        rc = sov_config_positive(im->config, scales[i].name, false, &v, err);
        if (rc == 0)
            rc = sov_shape_put_real(im, s, scales[i].key, v, err);
    }
    return rc;
}

int
sov_import_granite(struct sov_import *im, struct sov_err *err)
{
    static const struct sov_family family = {
        .arch = "granite",
        .act = act,
        .eps = "rms_norm_eps",
        .eps_key = SOV_EPS_RMS,
        .part = parts,
        .n_parts = sizeof(parts) / sizeof(*parts),
        .more = more,
    };

    return sov_import_family(im, &family, err);
}
