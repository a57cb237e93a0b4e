/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_olmo2.c - OLMo 2 and 3 as published
 *
 * The third is the second with windows in three layers of four; what stretches
 * positions is for the others alone.
 */
#include "arch/import_family.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const char *const act[] = { "silu", NULL };

static const struct sov_only only[] = {
    { "attention_bias", "false" },
    { NULL, NULL },
};

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

const struct sov_family sov_family_olmo2 = {
    .arch = "olmo2",
    .class = "Olmo2ForCausalLM",
    .type = "olmo2",
    .only = only,
    .preset = { .eps = 1e-5 },
    .act = act,
    .eps = "rms_norm_eps",
    .eps_key = SOV_EPS_RMS,
    .part = parts,
    .n_parts = sizeof(parts) / sizeof(*parts),
};

/* ---- windows */

#define PATTERN "attention.sliding_window_pattern"
#define EVERY   4 /* layers one sees all */

/* Which layers see a window: each says it, or the last of four does not. */
static int
read_marks(const struct sov_import *im, const struct sov_shape *s,
           unsigned char *local, struct sov_err *err)
{
    const json_t *types = sov_config_get(im->config, "layer_types");

    if (types != NULL && json_array_size(types) != s->layers)
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: layer_types is not a list of %llu names",
                        (unsigned long long)s->layers);
    for (size_t i = 0; i < s->layers; i++) {
        const char *type = json_string_value(json_array_get(types, i));

        local[i] = (i + 1) % EVERY != 0;
        if (types == NULL)
            continue;
        local[i] = type != NULL && strcmp(type, "sliding_attention") == 0;
        if (!local[i] && (type == NULL || strcmp(type, "full_attention") != 0))
            return sov_fail(err, SOV_EUNSUP,
                            "config.json: layer_types has %.40s",
                            type != NULL ? type : "no name");
    }
    return 0;
}

static int
put_marks(struct sov_import *im, const struct sov_shape *s, struct sov_err *err)
{
    unsigned char *local = sov_mem_array((size_t)s->layers, 1);
    struct sov_kv kv = { .key = "olmo2." PATTERN,
                         .type = SOV_V_ARR,
                         .elem = SOV_V_BOOL,
                         .n = s->layers,
                         .val = { local, (size_t)s->layers } };
    int rc = local == NULL ? sov_mem_fail(err) : read_marks(im, s, local, err);

    if (rc == 0)
        rc = sov_meta_set(im->meta, &kv, err);
    free(local);
    return rc;
}

static int
put_windows(struct sov_import *im, struct sov_shape *s, struct sov_err *err)
{
    uint64_t window = 4096;
    int rc = sov_config_u64(im->config, "sliding_window", 1, SOV_CTX_MAX, false,
                            &window, err);

    if (rc == 0)
        rc = sov_shape_put(im, s, "attention.sliding_window", window, err);
    return rc < 0 ? rc : put_marks(im, s, err);
}

static bool
has_windows(const struct sov_export *x)
{
    return sov_meta_find(x->meta, "olmo2.attention.sliding_window") != NULL;
}

static int
windows_back(struct sov_export *x, const struct sov_shape *s,
             struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(x->meta, "olmo2." PATTERN);
    bool each = kv != NULL && kv->type == SOV_V_ARR && kv->n == s->layers;
    uint64_t window = 0;
    json_t *types = json_array();
    int rc = sov_export_count(x, s->arch, "attention.sliding_window", true,
                              &window, err);

    for (size_t i = 0; i < s->layers; i++) {
        bool local = each ? sov_kv_int(kv, i) != 0 : (i + 1) % EVERY != 0;

        json_array_append_new(
            types, json_string(local ? "sliding_attention" : "full_attention"));
    }
    if (rc == 0)
        rc = sov_export_set(x, "sliding_window",
                            json_integer((json_int_t)window), err);
    if (rc == 0)
        rc = sov_export_set(x, "layer_types", json_incref(types), err);
    json_decref(types);
    return rc;
}

const struct sov_family sov_family_olmo3 = {
    .arch = "olmo2",
    .class = "Olmo3ForCausalLM",
    .type = "olmo3",
    .gives = has_windows,
    .only = only,
    .preset = { .eps = 1e-5 },
    .act = act,
    .eps = "rms_norm_eps",
    .eps_key = SOV_EPS_RMS,
    .layer_types = true,
    .part = parts,
    .n_parts = sizeof(parts) / sizeof(*parts),
    .more = put_windows,
    .back = windows_back,
};
