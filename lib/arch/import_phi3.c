/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_phi3.c - Phi 3, 3.5 and 4 as published
 *
 * For long contexts (rope_type "longrope") there is a factor for each rotary
 * pair, one list for contexts as in training and one for longer ones, and
 * queries and keys grow with the logarithm of the stretch.
 */
#include "arch/import_family.h"

#include "base/limits.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const act[] = { "silu", NULL };

static const struct sov_part parts[] = {
    SOV_PARTS_PRE,
    { "attn_qkv.weight", "self_attn.qkv_proj.weight", 'Q', 'w', 0, true },
    SOV_PARTS_OUT,
    { "ffn_up.weight", "mlp.gate_up_proj.weight", 'F', 'w', 0, true },
    { "ffn_down.weight", "mlp.down_proj.weight", 'w', 'f', 0, true },
};

static int
put_factors(struct sov_import *im, const struct sov_shape *s,
            const char *member, const char *name, struct sov_err *err)
{
    const json_t *list = sov_config_get(s->rope, member);
    size_t n = (size_t)s->rotary / 2;
    float *f;
    int rc = 0;

    if (json_array_size(list) != n)
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: %s is not a list of %zu numbers", member,
                        n);
    f = sov_mem_array(n, sizeof(*f));
    if (f == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        f[i] = (float)json_number_value(json_array_get(list, i));
        if (!(f[i] > 0) || !isfinite(f[i]))
            rc = sov_fail(err, SOV_EFORMAT,
                          "config.json: %s: number %zu is not above 0", member,
                          i);
    }
    if (rc == 0)
        rc = sov_import_vector(im, name, f, n, err);
    free(f);
    return rc;
}

/* How much queries and keys grow: by a rule, or as it is said. */
static int
put_growth(struct sov_import *im, const struct sov_shape *s, uint64_t old_ctx,
           struct sov_err *err)
{
    double size = sov_rope_growth(s->ctx, old_ctx);
    int rc =
        sov_config_positive(s->rope, "attention_factor", false, &size, err);

    return rc < 0 ? rc
                  : sov_shape_put_real(im, s, "rope.scaling.attn_factor", size,
                                       err);
}

static int
put_long(struct sov_import *im, struct sov_shape *s, uint64_t old_ctx,
         struct sov_err *err)
{
    int rc = put_factors(im, s, "long_factor", "rope_factors_long.weight", err);

    if (rc == 0)
        rc = put_factors(im, s, "short_factor", "rope_factors_short.weight",
                         err);
    if (rc == 0)
        rc = put_growth(im, s, old_ctx, err);
    if (rc == 0)
        rc = sov_shape_put_str(im, s, "rope.scaling.type", "longrope", err);
    s->rope_type = NULL; /* all of it is done */
    return rc;
}

static int
more(struct sov_import *im, struct sov_shape *s, struct sov_err *err)
{
    uint64_t old_ctx = s->ctx, window = 0;
    int rc = sov_config_u64(im->config, "original_max_position_embeddings", 1,
                            SOV_CTX_MAX, false, &old_ctx, err);

    if (rc == 0 && s->rope != NULL)
        rc = sov_config_u64(s->rope, "original_max_position_embeddings", 1,
                            SOV_CTX_MAX, false, &old_ctx, err);
    if (rc == 0)
        rc = sov_config_u64(im->config, "sliding_window", 0, SOV_CTX_MAX, false,
                            &window, err);
    if (rc == 0)
        rc = sov_shape_put(im, s, "rope.scaling.original_context_length",
                           old_ctx, err);
    if (rc == 0)
        rc = sov_shape_put(im, s, "attention.sliding_window", window, err);
    if (rc == 0 && s->rope_type != NULL &&
        (strcmp(s->rope_type, "longrope") == 0 ||
         strcmp(s->rope_type, "su") == 0))
        rc = put_long(im, s, old_ctx, err);
    return rc;
}

/* The lists of factors are export_rope.c's. */
static int
back(struct sov_export *x, const struct sov_shape *s, struct sov_err *err)
{
    uint64_t old_ctx = s->ctx, window = 0;
    int rc =
        sov_export_count(x, s->arch, "rope.scaling.original_context_length",
                         false, &old_ctx, err);

    if (rc == 0)
        rc = sov_export_set(x, "original_max_position_embeddings",
                            json_integer((json_int_t)old_ctx), err);
    if (rc == 0)
        rc = sov_export_count(x, s->arch, "attention.sliding_window", false,
                              &window, err);
    if (rc < 0)
        return rc;
    return sov_export_set(
        x, "sliding_window",
        window > 0 ? json_integer((json_int_t)window) : json_null(), err);
}

const struct sov_family sov_family_phi3 = {
    .arch = "phi3",
    .class = "Phi3ForCausalLM",
    .type = "phi3",
    .preset = { .eps = 1e-5 },
    .act = act,
    .eps = "rms_norm_eps",
    .eps_key = SOV_EPS_RMS,
    .partial = true,
    .part = parts,
    .n_parts = sizeof(parts) / sizeof(*parts),
    .more = more,
    .back = back,
};
