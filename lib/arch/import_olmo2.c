/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_olmo2.c - OLMo 2 as published
 */
#include "arch/import_family.h"

static const char *const act[] = { "silu", NULL };

static const struct sov_part parts[] = {
    SOV_PARTS_QKV,
    SOV_PARTS_QK_NORM('q', 'k'),
    SOV_PARTS_OUT,
    { "post_attention_norm.weight", "post_attention_layernorm.weight", 0, 'w',
      0, true },
    SOV_PARTS_GATED,
    { "post_ffw_norm.weight", "post_feedforward_layernorm.weight", 0, 'w', 0,
      true },
};

int
sov_import_olmo2(struct sov_import *im, struct sov_err *err)
{
    static const struct sov_family family = {
        .arch = "olmo2",
        .act = act,
        .eps = "rms_norm_eps",
        .eps_key = SOV_EPS_RMS,
        .part = parts,
        .n_parts = sizeof(parts) / sizeof(*parts),
    };

    return sov_import_family(im, &family, err);
}
