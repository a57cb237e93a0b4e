/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_gemma.c - Gemma 2 and 3 (its text) as published
 *
 * Weights of norms are published less 1.
 */
#include "arch/import_family.h"

#include "base/limits.h"

#include <math.h>
#include <string.h>

#define LAYERS_27B_2 46 /* of the largest Gemma 2 ... */
#define LAYERS_27B_3 62 /* ... and 3 */

#define PARTS_NORMS                                                                 \
    { "attn_norm.weight", "input_layernorm.weight", 0, 'w', 0, true },              \
        { "post_attention_norm.weight",                                             \
          "post_attention_layernorm.weight",                                        \
          0,                                                                        \
          'w',                                                                      \
          0,                                                                        \
          true },                                                                   \
        { "ffn_norm.weight", "pre_feedforward_layernorm.weight", 0, 'w', 0, true }, \
    {                                                                               \
        "post_ffw_norm.weight", "post_feedforward_layernorm.weight", 0, 'w',        \
            0, true                                                                 \
    }

static const char *const act[] = { "gelu_pytorch_tanh", "gelu", NULL };

static const struct sov_part parts_2[] = {
    PARTS_NORMS,
    SOV_PARTS_QKV,
    SOV_PARTS_OUT,
    SOV_PARTS_GATED,
};

static const struct sov_part parts_3[] = {
    PARTS_NORMS,   SOV_PARTS_QKV,   SOV_PARTS_QK_NORM('h', 'h'),
    SOV_PARTS_OUT, SOV_PARTS_GATED,
};

static const struct sov_only only[] = {
    { "attention_bias", "false" },
    { "use_bidirectional_attention", "false" },
    { NULL, NULL },
};

/*
 * GGUF has no place for how scores are scaled: by the length of a head, or in
 * the largest models by the width that falls to one.
 */
static uint64_t
scaled_by(const struct sov_shape *s, uint64_t largest)
{
    return s->layers == largest ? s->width / s->heads : s->head_dim;
}

static int
check_scale(const struct sov_import *im, const struct sov_shape *s,
            uint64_t largest, struct sov_err *err)
{
    uint64_t by = scaled_by(s, largest), v = 256;
    int rc = sov_config_u64(im->config, "query_pre_attn_scalar", 1,
                            SOV_WIDTH_MAX, false, &v, err);

    if (rc == 0 && v != by)
        rc = sov_fail(err, SOV_EUNSUP,
                      "config.json: query_pre_attn_scalar is %llu, only %llu "
                      "is supported here",
                      (unsigned long long)v, (unsigned long long)by);
    return rc;
}

static int
put_window(struct sov_import *im, const struct sov_shape *s,
           struct sov_err *err)
{
    uint64_t window = 4096;
    int rc = sov_config_u64(im->config, "sliding_window", 1, SOV_CTX_MAX, false,
                            &window, err);

    if (rc == 0)
        rc = sov_shape_put(im, s, "attention.sliding_window", window, err);
    return rc;
}

/* A soft limit; null means none, which GGUF cannot say where there is a preset. */
static int
put_cap(struct sov_import *im, const struct sov_shape *s, const char *name,
        const char *key, double preset, struct sov_err *err)
{
    double cap = preset;
    int rc;

    if (preset > 0 && json_is_null(json_object_get(im->config, name)))
        return sov_fail(err, SOV_EUNSUP,
                        "config.json: %s null is not supported here", name);
    rc = sov_config_positive(im->config, name, false, &cap, err);

    return rc == 0 && cap > 0 ? sov_shape_put_real(im, s, key, cap, err) : rc;
}

/* Of every n layers the last sees all, if a list says it. */
static int
check_pattern(const struct sov_import *im, uint64_t n, struct sov_err *err)
{
    const json_t *types = sov_config_get(im->config, "layer_types");
    int rc = 0;

    for (size_t i = 0; i < json_array_size(types) && rc == 0; i++) {
        const char *type = json_string_value(json_array_get(types, i));
        bool all = type != NULL && strcmp(type, "full_attention") == 0;

        if (all != ((i + 1) % n == 0))
            rc = sov_fail(err, SOV_EUNSUP,
                          "config.json: layer_types does not repeat after "
                          "%llu layers",
                          (unsigned long long)n);
    }
    return rc;
}

static int
more_2(struct sov_import *im, struct sov_shape *s, struct sov_err *err)
{
    int rc = check_scale(im, s, LAYERS_27B_2, err);

    if (rc == 0)
        rc = check_pattern(im, 2, err);
    if (rc == 0)
        rc = put_window(im, s, err);
    if (rc == 0)
        rc = put_cap(im, s, "attn_logit_softcapping", "attn_logit_softcapping",
                     50, err);
    return rc < 0 ? rc
                  : put_cap(im, s, "final_logit_softcapping",
                            "final_logit_softcapping", 30, err);
}

/* Every so many layers see all. */
static int
put_pattern(struct sov_import *im, const struct sov_shape *s,
            struct sov_err *err)
{
    uint64_t n = 6;
    int rc = sov_config_u64(im->config, "_sliding_window_pattern", 1,
                            SOV_LAYERS_MAX, false, &n, err);

    if (rc == 0)
        rc = sov_config_u64(im->config, "sliding_window_pattern", 1,
                            SOV_LAYERS_MAX, false, &n, err);

    if (rc == 0)
        rc = check_pattern(im, n, err);
    if (rc == 0 && n != 6)
        rc = sov_shape_put(im, s, "attention.sliding_window_pattern", n, err);
    return rc;
}

/* Windows have a base of their own, and are not stretched. */
static int
more_3(struct sov_import *im, struct sov_shape *s, struct sov_err *err)
{
    double base = s->local_base > 0 ? s->local_base : 10000;
    int rc = check_scale(im, s, LAYERS_27B_3, err);

    if (rc == 0)
        rc = put_window(im, s, err);
    if (rc == 0)
        rc = put_pattern(im, s, err);
    if (rc == 0)
        rc = sov_config_positive(im->config, "rope_local_base_freq", false,
                                 &base, err);
    if (rc == 0 && fabs(base - 10000) > 0)
        rc = sov_shape_put_real(im, s, "rope.freq_base_swa", base, err);
    if (rc == 0)
        rc = put_cap(im, s, "attn_logit_softcapping", "attn_logit_softcapping",
                     0, err);
    return rc < 0 ? rc
                  : put_cap(im, s, "final_logit_softcapping",
                            "final_logit_softcapping", 0, err);
}

/* ---- the way back */

static int
back_common(struct sov_export *x, const struct sov_shape *s, uint64_t largest,
            struct sov_err *err)
{
    uint64_t window = 0;
    int rc = sov_export_count(x, s->arch, "attention.sliding_window", true,
                              &window, err);

    if (rc == 0)
        rc = sov_export_set(x, "sliding_window",
                            json_integer((json_int_t)window), err);
    if (rc == 0)
        rc = sov_export_set(x, "query_pre_attn_scalar",
                            json_integer((json_int_t)scaled_by(s, largest)),
                            err);
    return rc;
}

/* A soft limit, or the preset of its architecture. */
static int
cap_back(struct sov_export *x, const struct sov_shape *s, const char *name,
         double preset, struct sov_err *err)
{
    double cap = preset;
    int rc = sov_export_real(x, s->arch, name, false, &cap, err);

    if (rc < 0)
        return rc;
    return sov_export_set(x, name,
                          cap > 0 ? sov_export_float(cap) : json_null(), err);
}

static int
back_2(struct sov_export *x, const struct sov_shape *s, struct sov_err *err)
{
    int rc = back_common(x, s, LAYERS_27B_2, err);

    if (rc == 0)
        rc = cap_back(x, s, "attn_logit_softcapping", 50, err);
    return rc < 0 ? rc : cap_back(x, s, "final_logit_softcapping", 30, err);
}

static int
back_3(struct sov_export *x, const struct sov_shape *s, struct sov_err *err)
{
    uint64_t pattern = 6;
    double base = 10000;
    int rc = back_common(x, s, LAYERS_27B_3, err);

    if (rc == 0)
        rc = sov_export_count(x, s->arch, "attention.sliding_window_pattern",
                              false, &pattern, err);
    if (rc == 0)
        rc = sov_export_set(x, "sliding_window_pattern",
                            json_integer((json_int_t)pattern), err);
    if (rc == 0)
        rc = sov_export_real(x, s->arch, "rope.freq_base_swa", false, &base,
                             err);
    if (rc == 0)
        rc = sov_export_set(x, "rope_local_base_freq", sov_export_float(base),
                            err);
    if (rc == 0)
        rc = cap_back(x, s, "attn_logit_softcapping", 0, err);
    return rc < 0 ? rc : cap_back(x, s, "final_logit_softcapping", 0, err);
}

const struct sov_family sov_family_gemma2 = {
    .arch = "gemma2",
    .class = "Gemma2ForCausalLM",
    .type = "gemma2",
    .only = only,
    .preset = { .head_dim = 256, .ctx = 8192, .tied = true },
    .act = act,
    .act_name = "hidden_activation",
    .eps = "rms_norm_eps",
    .eps_key = SOV_EPS_RMS,
    .lengths = true,
    .plus_one = true,
    .layer_types = true,
    .part = parts_2,
    .n_parts = sizeof(parts_2) / sizeof(*parts_2),
    .more = more_2,
    .back = back_2,
};

const struct sov_family sov_family_gemma3 = {
    .arch = "gemma3",
    .class = "Gemma3ForCausalLM",
    .type = "gemma3_text",
    .only = only,
    .preset = { .heads = 8,
                .kv_heads = 4,
                .head_dim = 256,
                .vocab = 262208,
                .ctx = 131072,
                .rope_base = 1e6,
                .tied = true },
    .act = act,
    .act_name = "hidden_activation",
    .eps = "rms_norm_eps",
    .eps_key = SOV_EPS_RMS,
    .lengths = true,
    .plus_one = true,
    .layer_types = true,
    .part = parts_3,
    .n_parts = sizeof(parts_3) / sizeof(*parts_3),
    .more = more_3,
    .back = back_3,
};
