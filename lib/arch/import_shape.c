/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_shape.c - what the config.json of a decoder says, whoever made it
 *
 * Llama 3.1 stretches the rotary frequencies by a rule (rope_type "llama3");
 * GGUF carries the factor of each pair in rope_freqs.weight.
 */
#include "arch/import_shape.h"

#include "base/fmath.h"
#include "base/limits.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

static int
read_heads(const json_t *c, struct sov_shape *s, struct sov_err *err)
{
    int rc = sov_config_u64(c, "num_attention_heads", 1, SOV_HEADS_MAX, true,
                            &s->heads, err);

    s->kv_heads = s->heads;
    if (rc == 0)
        rc = sov_config_u64(c, "num_key_value_heads", 1, SOV_HEADS_MAX, false,
                            &s->kv_heads, err);
    if (rc < 0)
        return rc;
    if (s->heads % s->kv_heads != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: num_attention_heads (%llu) is not a "
                        "multiple of num_key_value_heads (%llu)",
                        (unsigned long long)s->heads,
                        (unsigned long long)s->kv_heads);
    if (sov_config_get(c, "head_dim") == NULL && s->width % s->heads != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: hidden_size (%llu) is not a multiple "
                        "of num_attention_heads (%llu)",
                        (unsigned long long)s->width,
                        (unsigned long long)s->heads);
    s->head_dim = s->width / s->heads;
    rc = sov_config_u64(c, "head_dim", 2, SOV_WIDTH_MAX, false, &s->head_dim,
                        err);
    if (rc == 0 && (s->head_dim < 2 || s->head_dim % 2 != 0))
        rc = sov_fail(err, SOV_EFORMAT,
                      "config.json: heads of %llu numbers, which is odd",
                      (unsigned long long)s->head_dim);
    if (rc == 0 && s->head_dim > SOV_WIDTH_MAX / s->heads)
        rc = sov_fail(
            err, SOV_EFORMAT, "config.json: head_dim is %llu for %llu heads",
            (unsigned long long)s->head_dim, (unsigned long long)s->heads);
    return rc;
}

/* The part of a head that turns. */
static int
read_rotary(const json_t *c, struct sov_shape *s, struct sov_err *err)
{
    double part = 1;
    int rc = sov_config_positive(c, "partial_rotary_factor", false, &part, err);

    if (rc < 0)
        return rc;
    s->rotary = part < 1 ? (uint64_t)((double)s->head_dim * part) : s->head_dim;
    if (part > 1 || s->rotary < 2 || s->rotary % 2 != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: partial_rotary_factor is %g for heads "
                        "of %llu", part, (unsigned long long)s->head_dim);
    return 0;
}

static int
check_act(const json_t *c, const char *const act[], struct sov_err *err)
{
    const char *name = NULL;
    int rc = sov_config_str(c, "hidden_activation", &name, err);

    if (rc == 0 && name == NULL)
        rc = sov_config_str(c, "hidden_act", &name, err);
    if (rc < 0 || name == NULL)
        return rc;
    for (size_t i = 0; act[i] != NULL; i++)
        if (strcmp(act[i], name) == 0)
            return 0;
    return sov_fail(err, SOV_EUNSUP,
                    "config.json: hidden_act %s is not supported, only %s",
                    name, act[0]);
}

/* Transformers 4 has rope_scaling and rope_theta, 5 has rope_parameters. */
static int
find_rope(const json_t *c, struct sov_shape *s, struct sov_err *err)
{
    int rc;

    s->rope = sov_config_get(c, "rope_parameters");
    if (s->rope == NULL)
        s->rope = sov_config_get(c, "rope_scaling");
    s->rope_type = NULL;
    if (s->rope == NULL)
        return 0;
    if (!json_is_object(s->rope))
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: rope_scaling is not an object");
    rc = sov_config_positive(s->rope, "rope_theta", false, &s->rope_base, err);
    if (rc == 0)
        rc = sov_config_str(s->rope, "rope_type", &s->rope_type, err);
    if (rc == 0 && s->rope_type == NULL)
        rc = sov_config_str(s->rope, "type", &s->rope_type, err);
    return rc;
}

int
sov_shape_read(struct sov_shape *s, const json_t *c, const char *arch,
               const char *eps, const char *const act[], struct sov_err *err)
{
    int rc;

    *s = (struct sov_shape){ .arch = arch, .ctx = 2048, .eps = 1e-6,
                             .rope_base = 10000 };
    rc = sov_config_u64(c, "hidden_size", 1, SOV_WIDTH_MAX, true, &s->width,
                        err);
    if (rc == 0)
        rc = sov_config_u64(c, "intermediate_size", 1, SOV_WIDTH_MAX, true,
                            &s->ffn, err);
    if (rc == 0)
        rc = sov_config_u64(c, "num_hidden_layers", 1, SOV_LAYERS_MAX, true,
                            &s->layers, err);
    if (rc == 0)
        rc = sov_config_u64(c, "vocab_size", 1, SOV_VOCAB_MAX, true, &s->vocab,
                            err);
    if (rc == 0)
        rc = sov_config_u64(c, "max_position_embeddings", 1, SOV_CTX_MAX, false,
                            &s->ctx, err);
    if (rc == 0)
        rc = sov_config_positive(c, eps, false, &s->eps, err);
    if (rc == 0)
        rc = sov_config_positive(c, "rope_theta", false, &s->rope_base, err);
    if (rc == 0)
        rc = sov_config_bool(c, "tie_word_embeddings", &s->tied, err);
    if (rc == 0)
        rc = check_act(c, act, err);
    if (rc == 0)
        rc = read_heads(c, s, err);
    if (rc == 0)
        rc = read_rotary(c, s, err);
    return rc < 0 ? rc : find_rope(c, s, err);
}

/* ---- keys */

#define KEY_MAX 96

static const char *
key_of(char buf[KEY_MAX], const struct sov_shape *s, const char *key)
{
    snprintf(buf, KEY_MAX, "%s.%s", s->arch, key);
    return buf;
}

int
sov_shape_put(const struct sov_import *im, const struct sov_shape *s,
              const char *key, uint64_t v, struct sov_err *err)
{
    char buf[KEY_MAX];

    return sov_meta_set_u32(im->meta, key_of(buf, s, key), (uint32_t)v, err);
}

int
sov_shape_put_real(const struct sov_import *im, const struct sov_shape *s,
                   const char *key, double v, struct sov_err *err)
{
    char buf[KEY_MAX];

    return sov_meta_set_f32(im->meta, key_of(buf, s, key), (float)v, err);
}

int
sov_shape_keys(const struct sov_import *im, const struct sov_shape *s,
               const char *eps, bool lengths, struct sov_err *err)
{
    const struct {
        const char *key;
        uint64_t v;
    } counts[] = {
        { "context_length", s->ctx },
        { "embedding_length", s->width },
        { "block_count", s->layers },
        { "feed_forward_length", s->ffn },
        { "attention.head_count", s->heads },
        { "attention.head_count_kv", s->kv_heads },
        { "rope.dimension_count", s->rotary },
    };
    int rc = sov_meta_set_str(im->meta, "general.architecture", s->arch, err);

    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts) && rc == 0; i++)
        rc = sov_shape_put(im, s, counts[i].key, counts[i].v, err);
    if (rc == 0)
        rc = sov_shape_put_real(im, s, "rope.freq_base", s->rope_base, err);
    if (rc == 0)
        rc = sov_shape_put_real(im, s, eps, s->eps, err);
    if (rc == 0)
        rc = sov_shape_put(im, s, "vocab_size", s->vocab, err);
    if (rc < 0 || (!lengths && s->head_dim * s->heads == s->width))
        return rc;
    rc = sov_shape_put(im, s, "attention.key_length", s->head_dim, err);
    if (rc == 0)
        rc = sov_shape_put(im, s, "attention.value_length", s->head_dim, err);
    return rc;
}

/* ---- rotary positions */

/*
 * The factors of "llama3": long waves are stretched by factor, short ones not
 * at all, those between by something between.
 */
static int
llama3_factors(struct sov_import *im, const struct sov_shape *s,
               struct sov_err *err)
{
    const json_t *rope = s->rope;
    double factor = 8, low = 1, high = 4;
    uint64_t old_ctx = 8192;
    size_t n = (size_t)s->head_dim / 2;
    float *f;
    int rc = sov_config_positive(rope, "factor", false, &factor, err);

    if (rc == 0)
        rc = sov_config_positive(rope, "low_freq_factor", false, &low, err);
    if (rc == 0)
        rc = sov_config_positive(rope, "high_freq_factor", false, &high, err);
    if (rc == 0)
        rc = sov_config_u64(rope, "original_max_position_embeddings", 1,
                            SOV_CTX_MAX, false, &old_ctx, err);
    if (rc == 0 && high <= low)
        rc = sov_fail(err, SOV_EFORMAT,
                      "config.json: high_freq_factor is not above "
                      "low_freq_factor");
    if (rc < 0)
        return rc;
    f = sov_mem_array(n, sizeof(*f));
    if (f == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++) {
        /* in float, as the published models were trained and converted */
        float power = (float)(2 * i) / (float)s->head_dim;
        float freq = 1.0f / (float)sov_pow(s->rope_base, power);
        float wave = (float)(2 * PI) / freq;

        if (wave < (float)((double)old_ctx / high)) {
            f[i] = 1.0f;
        } else if (wave > (float)((double)old_ctx / low)) {
            f[i] = (float)factor;
        } else {
            float smooth =
                ((float)old_ctx / wave - (float)low) / (float)(high - low);

            f[i] = 1.0f / ((1.0f - smooth) / (float)factor + smooth);
        }
    }
    rc = sov_import_vector(im, "rope_freqs.weight", f, n, err);
    free(f);
    return rc;
}

static int
scaled(struct sov_import *im, const struct sov_shape *s, struct sov_err *err)
{
    char buf[KEY_MAX];
    double factor = 0;
    uint64_t old_ctx = 0;
    bool yarn = strcmp(s->rope_type, "yarn") == 0;
    int rc = sov_config_positive(s->rope, "factor", true, &factor, err);

    if (rc == 0 && yarn)
        rc = sov_config_u64(s->rope, "original_max_position_embeddings", 1,
                            SOV_CTX_MAX, true, &old_ctx, err);
    if (rc == 0)
        rc = sov_meta_set_str(im->meta, key_of(buf, s, "rope.scaling.type"),
                              s->rope_type, err);
    if (rc == 0)
        rc = sov_shape_put_real(im, s, "rope.scaling.factor", factor, err);
    if (rc == 0 && yarn)
        rc = sov_shape_put(im, s, "rope.scaling.original_context_length",
                           old_ctx, err);
    return rc;
}

int
sov_shape_rope(struct sov_import *im, const struct sov_shape *s,
               struct sov_err *err)
{
    const char *type = s->rope_type;

    if (type == NULL || strcmp(type, "default") == 0)
        return 0;
    if (strcmp(type, "linear") == 0 || strcmp(type, "yarn") == 0)
        return scaled(im, s, err);
    if (strcmp(type, "llama3") == 0)
        return llama3_factors(im, s, err);
    return sov_fail(err, SOV_EUNSUP,
                    "config.json: rope_type %s is not supported", type);
}

/* A model without tensors is refused for that later. */
int
sov_shape_file_type(const struct sov_import *im, const char *name,
                    struct sov_err *err)
{
    int64_t at = sov_model_find(im->model, name);
    const struct sov_tensor *t =
        sov_model_at(im->model, at < 0 ? 0 : (size_t)at);
    uint32_t v = 0;

    if (t != NULL && t->type != SOV_TYPE_F32)
        v = t->type == SOV_TYPE_F16 ? 1 : 32;
    return sov_meta_set_u32(im->meta, "general.file_type", v, err);
}
