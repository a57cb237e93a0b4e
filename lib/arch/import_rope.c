/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_rope.c - what stretches rotary positions in config.json
 *
 * Llama 3.1 stretches the frequencies by a rule (rope_type "llama3"); GGUF
 * carries the factor of each pair in rope_freqs.weight.  YaRN makes queries and
 * keys larger by a number that readers of GGUF compute for themselves; the key
 * has what config.json says, divided by that.
 */
#include "arch/import_family.h"

#include "base/fmath.h"
#include "base/limits.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

/* ---- reading */

/* A member that is not known might mean anything. */
static int
check_members(const json_t *rope, struct sov_err *err)
{
    static const char *const known[] = {
        "rope_type",        "type",
        "rope_theta",       "factor",
        "attention_factor", "original_max_position_embeddings",
        "low_freq_factor",  "partial_rotary_factor",
        "high_freq_factor", "long_factor",
        "short_factor",     "beta_fast",
        "beta_slow",        "mscale",
        "mscale_all_dim",   "truncate",
        "finetuned",
    };
    const char *name;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)rope, name, v)
    {
        size_t i = 0, n = sizeof(known) / sizeof(*known);

        while (i < n && strcmp(known[i], name) != 0)
            i++;
        if (i == n && !json_is_null(v))
            return sov_fail(err, SOV_EUNSUP,
                            "config.json: rope_scaling with %.60s is not "
                            "supported",
                            name);
    }
    return 0;
}

/* Layers that see a window have positions of their own; they are plain. */
static int
read_local(const json_t *local, struct sov_shape *s, struct sov_err *err)
{
    const char *type = NULL;
    int rc;

    if (!json_is_object(local))
        return 0;
    rc = sov_config_positive(local, "rope_theta", false, &s->local_base, err);
    if (rc == 0)
        rc = sov_config_str(local, "rope_type", &type, err);
    if (rc == 0 && type != NULL && strcmp(type, "default") != 0)
        rc = sov_fail(err, SOV_EUNSUP,
                      "config.json: rope_type %.40s of sliding_attention is "
                      "not supported",
                      type);
    return rc;
}

/* Transformers 4 has rope_scaling and rope_theta, 5 has rope_parameters, there
 * for each kind of layers if they differ. */
int
sov_rope_read(struct sov_shape *s, const json_t *c, struct sov_err *err)
{
    const json_t *all;
    int rc = 0;

    s->rope_type = NULL;
    s->rope = sov_config_get(c, "rope_parameters");
    if (s->rope == NULL)
        s->rope = sov_config_get(c, "rope_scaling");
    if (s->rope == NULL)
        return 0;
    if (!json_is_object(s->rope))
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: rope_scaling is not an object");
    all = sov_config_get(s->rope, "full_attention");
    if (json_is_object(all)) {
        rc = read_local(sov_config_get(s->rope, "sliding_attention"), s, err);
        s->rope = all;
    }
    if (rc == 0)
        rc = check_members(s->rope, err);
    if (rc == 0)
        rc = sov_config_positive(s->rope, "rope_theta", false, &s->rope_base,
                                 err);
    if (rc == 0)
        rc = sov_config_str(s->rope, "rope_type", &s->rope_type, err);
    if (rc == 0 && s->rope_type == NULL)
        rc = sov_config_str(s->rope, "type", &s->rope_type, err);
    return rc;
}

/* ---- Llama 3.1 */

/*
 * Long waves are stretched by factor, short ones not at all, those between by
 * something between; in float, as the published models were trained and
 * converted.
 */
void
sov_rope_llama3(const struct sov_llama3 *l, float *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float power = (float)(2 * i) / (float)(2 * n);
        float freq = 1.0f / (float)sov_pow(l->base, power);
        float wave = (float)(2 * PI) / freq;

        if (wave < (float)((double)l->old_ctx / l->high)) {
            f[i] = 1.0f;
        } else if (wave > (float)((double)l->old_ctx / l->low)) {
            f[i] = (float)l->factor;
        } else {
            float smooth = ((float)l->old_ctx / wave - (float)l->low) /
                           (float)(l->high - l->low);

            f[i] = 1.0f / ((1.0f - smooth) / (float)l->factor + smooth);
        }
    }
}

static int
put_llama3(struct sov_import *im, const struct sov_shape *s,
           struct sov_err *err)
{
    struct sov_llama3 l = { s->rope_base, 8, 1, 4, 8192 };
    const json_t *rope = s->rope;
    size_t n = (size_t)s->rotary / 2;
    float *f;
    int rc = sov_config_positive(rope, "factor", false, &l.factor, err);

    if (rc == 0)
        rc = sov_config_positive(rope, "low_freq_factor", false, &l.low, err);
    if (rc == 0)
        rc = sov_config_positive(rope, "high_freq_factor", false, &l.high, err);
    if (rc == 0)
        rc = sov_config_u64(rope, "original_max_position_embeddings", 1,
                            SOV_CTX_MAX, false, &l.old_ctx, err);
    if (rc == 0 && l.high <= l.low)
        rc = sov_fail(err, SOV_EFORMAT,
                      "config.json: high_freq_factor is not above "
                      "low_freq_factor");
    if (rc < 0)
        return rc;
    f = sov_mem_array(n, sizeof(*f));
    if (f == NULL)
        return sov_mem_fail(err);
    sov_rope_llama3(&l, f, n);
    rc = sov_import_vector(im, "rope_freqs.weight", f, n, err);
    free(f);
    return rc;
}

/* ---- factors */

double
sov_rope_growth(uint64_t ctx, uint64_t old_ctx)
{
    double stretch = (double)ctx / (double)old_ctx;

    return stretch > 1 && old_ctx > 1
               ? sqrt(1 + sov_log(stretch) / sov_log((double)old_ctx))
               : 1;
}

/* How much larger YaRN makes queries and keys, with a weight of its own. */
static double
growth(double factor, double weight)
{
    return factor > 1 ? 1 + 0.1 * weight * sov_log(factor) : 1;
}

/* Where that is not what follows from the factor. */
static int
put_growth(const struct sov_import *im, const struct sov_shape *s,
           double factor, struct sov_err *err)
{
    double plain = growth(factor, 1), own = 0, one = 0, all = 0;
    int rc = sov_config_positive(s->rope, "attention_factor", false, &own, err);

    if (rc == 0)
        rc = sov_config_positive(s->rope, "mscale", false, &one, err);
    if (rc == 0)
        rc = sov_config_positive(s->rope, "mscale_all_dim", false, &all, err);
    if (rc < 0)
        return rc;
    if (own <= 0)
        own = one > 0 && all > 0 ? growth(factor, one) / growth(factor, all)
                                 : plain;
    return fabs(own / plain - 1) < 1e-7
               ? 0
               : sov_shape_put_real(im, s, "rope.scaling.attn_factor",
                                    own / plain, err);
}

static int
put_yarn(struct sov_import *im, const struct sov_shape *s, double factor,
         struct sov_err *err)
{
    static const char *const names[] = { "beta_fast", "beta_slow" };
    static const char *const keys[] = { "rope.scaling.yarn_beta_fast",
                                        "rope.scaling.yarn_beta_slow" };
    static const double presets[] = { 32, 1 };
    uint64_t old_ctx = s->ctx;
    bool truncate = true;
    int rc = sov_config_u64(s->rope, "original_max_position_embeddings", 1,
                            SOV_CTX_MAX, false, &old_ctx, err);

    if (rc == 0)
        rc = sov_shape_put(im, s, "rope.scaling.original_context_length",
                           old_ctx, err);
    for (size_t i = 0; i < 2 && rc == 0; i++) {
        double v = presets[i];

        rc = sov_config_positive(s->rope, names[i], false, &v, err);
        if (rc == 0 && fabs(v - presets[i]) > 0)
            rc = sov_shape_put_real(im, s, keys[i], v, err);
    }
    if (rc == 0)
        rc = sov_config_bool(s->rope, "truncate", &truncate, err);
    if (rc == 0 && !truncate)
        sov_model_warn(im->model,
                       "rope_scaling.truncate false is not carried out, as "
                       "nowhere with GGUF");
    return rc < 0 ? rc : put_growth(im, s, factor, err);
}

static int
put_scaled(struct sov_import *im, const struct sov_shape *s,
           struct sov_err *err)
{
    double factor = 0;
    int rc = sov_config_positive(s->rope, "factor", true, &factor, err);

    if (rc == 0)
        rc = sov_shape_put_str(im, s, "rope.scaling.type", s->rope_type, err);
    if (rc == 0)
        rc = sov_shape_put_real(im, s, "rope.scaling.factor", factor, err);
    if (rc == 0 && strcmp(s->rope_type, "yarn") == 0)
        rc = put_yarn(im, s, factor, err);
    return rc;
}

int
sov_rope_put(struct sov_import *im, const struct sov_shape *s,
             struct sov_err *err)
{
    const char *type = s->rope_type;

    if (type == NULL || strcmp(type, "default") == 0)
        return 0;
    if (strcmp(type, "linear") == 0 || strcmp(type, "yarn") == 0)
        return put_scaled(im, s, err);
    if (strcmp(type, "llama3") == 0)
        return put_llama3(im, s, err);
    if (strcmp(type, "dynamic") != 0)
        return sov_fail(err, SOV_EUNSUP,
                        "config.json: rope_type %.40s is not supported", type);
    /* it begins where the context ends that the model was trained with */
    sov_model_warn(im->model,
                   "rope_type dynamic is not carried out: contexts longer than "
                   "%llu tokens are not stretched",
                   (unsigned long long)s->ctx);
    return 0;
}
