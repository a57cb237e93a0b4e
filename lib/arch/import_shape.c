/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_shape.c - what config.json says of a model, whoever made it
 */
#include "arch/import_family.h"

#include "base/limits.h"

#include <stdio.h>
#include <string.h>

static int
read_heads(const json_t *c, struct sov_shape *s, struct sov_err *err)
{
    uint64_t groups = s->kv_heads, head_dim = s->head_dim;
    int rc = sov_config_u64(c, "num_attention_heads", 1, SOV_HEADS_MAX,
                            s->heads == 0, &s->heads, err);

    s->kv_heads = groups > 0 ? groups : s->heads;
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
    if (sov_config_get(c, "head_dim") == NULL && head_dim == 0 &&
        s->width % s->heads != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: hidden_size (%llu) is not a multiple "
                        "of num_attention_heads (%llu)",
                        (unsigned long long)s->width,
                        (unsigned long long)s->heads);
    s->head_dim = head_dim > 0 ? head_dim : s->width / s->heads;
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
read_rotary(const json_t *c, const struct sov_family *family,
            struct sov_shape *s, struct sov_err *err)
{
    double part = 1;
    int rc = sov_config_positive(c, "partial_rotary_factor", false, &part, err);

    if (rc == 0 && s->rope != NULL)
        rc = sov_config_positive(s->rope, "partial_rotary_factor", false, &part,
                                 err);
    if (rc < 0)
        return rc;
    if (part < 1 && !family->partial)
        return sov_fail(err, SOV_EUNSUP,
                        "config.json: partial_rotary_factor %g is not "
                        "supported here",
                        part);
    s->rotary = part < 1 ? (uint64_t)((double)s->head_dim * part) : s->head_dim;
    if (part > 1 || s->rotary < 2 || s->rotary % 2 != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: partial_rotary_factor is %g for heads "
                        "of %llu",
                        part, (unsigned long long)s->head_dim);
    return 0;
}

static int
check_act(const json_t *c, const struct sov_family *family, struct sov_err *err)
{
    const char *member =
        family->act_name != NULL ? family->act_name : "hidden_act";
    const char *name = NULL;
    int rc = sov_config_str(c, member, &name, err);

    if (rc == 0 && name == NULL)
        rc = sov_config_str(c, "hidden_act", &name, err);
    if (rc < 0 || name == NULL)
        return rc;
    for (size_t i = 0; family->act[i] != NULL; i++)
        if (strcmp(family->act[i], name) == 0)
            return 0;
    return sov_fail(err, SOV_EUNSUP,
                    "config.json: %s %.40s is not supported, only %s", member,
                    name, family->act[0]);
}

/* A count that must be there unless it has a preset. */
static int
read_count(const json_t *c, const char *name, uint64_t max, uint64_t *v,
           struct sov_err *err)
{
    return sov_config_u64(c, name, 1, max, *v == 0, v, err);
}

static int
read_sizes(const json_t *c, const struct sov_family *family,
           struct sov_shape *s, struct sov_err *err)
{
    int rc = read_count(c, "hidden_size", SOV_WIDTH_MAX, &s->width, err);

    if (rc == 0 && family->ffn_times > 0)
        s->ffn = s->width * family->ffn_times;
    if (rc == 0)
        rc = read_count(c, "intermediate_size", SOV_WIDTH_MAX, &s->ffn, err);
    if (rc == 0)
        rc =
            read_count(c, "num_hidden_layers", SOV_LAYERS_MAX, &s->layers, err);
    if (rc == 0)
        rc = read_count(c, "vocab_size", SOV_VOCAB_MAX, &s->vocab, err);
    if (rc == 0)
        rc =
            read_count(c, "max_position_embeddings", SOV_CTX_MAX, &s->ctx, err);
    if (rc == 0 && family->encoder)
        rc = read_count(c, "type_vocab_size", SOV_VOCAB_MAX, &s->kinds, err);
    return rc;
}

static int
read_experts(const json_t *c, const struct sov_family *family,
             struct sov_shape *s, struct sov_err *err)
{
    int rc = read_count(c, "num_local_experts", SOV_EXPERTS_MAX, &s->experts,
                        err);

    if (rc == 0)
        rc = read_count(c, "num_experts_per_tok", s->experts, &s->experts_used,
                        err);
    s->expert_ffn = s->ffn;
    if (rc == 0 && family->expert_ffn != NULL)
        rc = sov_config_u64(c, family->expert_ffn, 1, SOV_WIDTH_MAX, true,
                            &s->expert_ffn, err);
    return rc;
}

int
sov_shape_read(struct sov_shape *s, const json_t *c,
               const struct sov_family *family, struct sov_err *err)
{
    int rc;

    *s = family->preset;
    s->arch = family->arch;
    s->ctx = s->ctx > 0 ? s->ctx : 2048;
    s->kinds = s->kinds > 0 ? s->kinds : 2;
    s->eps = s->eps > 0 ? s->eps : 1e-6;
    s->rope_base = s->rope_base > 0 ? s->rope_base : 10000;
    s->says_tied = sov_config_get(c, "tie_word_embeddings") != NULL;
    rc = read_sizes(c, family, s, err);
    if (rc == 0 && family->experts)
        rc = read_experts(c, family, s, err);
    if (rc == 0)
        rc = sov_config_positive(c, family->eps, false, &s->eps, err);
    if (rc == 0)
        rc = sov_config_positive(c, "rope_theta", false, &s->rope_base, err);
    if (rc == 0)
        rc = sov_config_bool(c, "tie_word_embeddings", &s->tied, err);
    if (rc == 0)
        rc = check_act(c, family, err);
    if (rc == 0)
        rc = read_heads(c, s, err);
    if (rc == 0 && !family->no_turns)
        rc = sov_rope_read(s, c, err);
    return rc < 0 ? rc : read_rotary(c, family, s, err);
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
sov_shape_put_str(const struct sov_import *im, const struct sov_shape *s,
                  const char *key, const char *v, struct sov_err *err)
{
    char buf[KEY_MAX];

    return sov_meta_set_str(im->meta, key_of(buf, s, key), v, err);
}

int
sov_shape_keys(const struct sov_import *im, const struct sov_shape *s,
               const struct sov_family *family, struct sov_err *err)
{
    const struct {
        const char *key;
        uint64_t v;
        bool without;
    } counts[] = {
        { "context_length", s->ctx, false },
        { "embedding_length", s->width, false },
        { "block_count", s->layers, false },
        { "feed_forward_length", s->ffn, false },
        { "attention.head_count", s->heads, false },
        { "attention.head_count_kv", s->kv_heads, family->no_groups },
        { "rope.dimension_count", s->rotary,
          family->no_turns || family->encoder },
        { "expert_count", s->experts, !family->experts },
        { "expert_used_count", s->experts_used, !family->experts },
        { "expert_feed_forward_length", s->expert_ffn,
          family->expert_ffn == NULL },
    };
    bool lengths = family->lengths || s->head_dim * s->heads != s->width;
    int rc = sov_meta_set_str(im->meta, "general.architecture", s->arch, err);

    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts) && rc == 0; i++)
        if (!counts[i].without)
            rc = sov_shape_put(im, s, counts[i].key, counts[i].v, err);
    if (rc == 0 && !family->no_turns)
        rc = sov_shape_put_real(im, s, "rope.freq_base", s->rope_base, err);
    if (rc == 0)
        rc = sov_shape_put_real(im, s, family->eps_key, s->eps, err);
    if (rc == 0)
        rc = sov_shape_put(im, s, "vocab_size", s->vocab, err);
    if (rc < 0 || !lengths)
        return rc;
    rc = sov_shape_put(im, s, "attention.key_length", s->head_dim, err);
    if (rc == 0)
        rc = sov_shape_put(im, s, "attention.value_length", s->head_dim, err);
    return rc;
}
