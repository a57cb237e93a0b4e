/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_starcoder2.c - StarCoder 2 as published
 */
#include "arch/import_family.h"

#include "base/limits.h"

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

static int
more(struct sov_import *im, struct sov_shape *s, struct sov_err *err)
{
    uint64_t window = 0;
    int rc = sov_config_u64(im->config, "sliding_window", 0, SOV_CTX_MAX,
                            false, &window, err);

    if (rc == 0 && window > 0)
        rc = sov_shape_put(im, s, "attention.sliding_window", window, err);
    return rc;
}

int
sov_import_starcoder2(struct sov_import *im, struct sov_err *err)
{
    static const struct sov_family family = {
        .arch = "starcoder2",
        .act = act,
        .eps = "norm_epsilon",
        .eps_key = SOV_EPS_LAYER,
        .norm_bias = true,
        .part = parts,
        .n_parts = sizeof(parts) / sizeof(*parts),
        .more = more,
    };

    return sov_import_family(im, &family, err);
}
