/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_llama.c - the Llama family as published: Llama 1 to 3, Mistral
 *
 *   model.embed_tokens.weight                          token_embd.weight
 *   model.norm.weight                                  output_norm.weight
 *   lm_head.weight (unless tied)                       output.weight
 *   model.layers.N.input_layernorm.weight              blk.N.attn_norm.weight
 *   model.layers.N.post_attention_layernorm.weight     blk.N.ffn_norm.weight
 *   model.layers.N.self_attn.{q,k,v,o}_proj.*          blk.N.attn_{q,k,v,output}.*
 *   model.layers.N.mlp.{gate,up,down}_proj.*           blk.N.ffn_{gate,up,down}.*
 *
 * GGUF files of this family hold the rotary pairs of queries and keys side by
 * side, published ones hold the two halves of a head one after the other; so
 * the rows of q and k are regrouped.
 *
 * Llama 3.1 stretches the rotary frequencies by a rule (rope_type "llama3");
 * GGUF carries the factor of each pair in rope_freqs.weight.
 */
#include "arch/import.h"

#include "base/fmath.h"
#include "base/limits.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

struct shape {
    uint64_t width;
    uint64_t ffn;
    uint64_t layers;
    uint64_t heads;
    uint64_t kv_heads;
    uint64_t head_dim;
    uint64_t vocab;
    uint64_t ctx;
    double eps;
    double rope_base;
    bool tied;
};

static int
read_heads(const json_t *c, struct shape *s, struct sov_err *err)
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

static int
read_shape(const json_t *c, struct shape *s, struct sov_err *err)
{
    const char *act;
    int rc;

    *s = (struct shape){ .ctx = 2048, .eps = 1e-6, .rope_base = 10000 };
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
        rc = sov_config_positive(c, "rms_norm_eps", false, &s->eps, err);
    if (rc == 0)
        rc = sov_config_positive(c, "rope_theta", false, &s->rope_base, err);
    if (rc == 0)
        rc = sov_config_bool(c, "tie_word_embeddings", &s->tied, err);
    if (rc == 0)
        rc = sov_config_str(c, "hidden_act", &act, err);
    if (rc == 0 && act != NULL && strcmp(act, "silu") != 0)
        rc = sov_fail(err, SOV_EUNSUP,
                      "config.json: hidden_act %s is not supported, only silu",
                      act);
    if (rc == 0)
        rc = read_heads(c, s, err);
    return rc;
}

/* ---- rotary positions */

/* Transformers 4 has rope_scaling and rope_theta, 5 has rope_parameters. */
static int
find_rope(const json_t *c, struct shape *s, const json_t **rope,
          const char **type, struct sov_err *err)
{
    int rc;

    *rope = sov_config_get(c, "rope_parameters");
    if (*rope == NULL)
        *rope = sov_config_get(c, "rope_scaling");
    *type = NULL;
    if (*rope == NULL)
        return 0;
    if (!json_is_object(*rope))
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: rope_scaling is not an object");
    rc = sov_config_positive(*rope, "rope_theta", false, &s->rope_base, err);
    if (rc == 0)
        rc = sov_config_str(*rope, "rope_type", type, err);
    if (rc == 0 && *type == NULL)
        rc = sov_config_str(*rope, "type", type, err);
    return rc;
}

/*
 * The factors of "llama3": long waves are stretched by factor, short ones not
 * at all, those between by something between.
 */
static int
llama3_factors(struct sov_import *im, const json_t *rope, const struct shape *s,
               struct sov_err *err)
{
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
scaled(struct sov_import *im, const json_t *rope, const char *type,
       struct sov_err *err)
{
    double factor = 0;
    uint64_t old_ctx = 0;
    bool yarn = strcmp(type, "yarn") == 0;
    int rc = sov_config_positive(rope, "factor", true, &factor, err);

    if (rc == 0 && yarn)
        rc = sov_config_u64(rope, "original_max_position_embeddings", 1,
                            SOV_CTX_MAX, true, &old_ctx, err);
    if (rc == 0)
        rc = sov_meta_set_str(im->meta, "llama.rope.scaling.type", type, err);
    if (rc == 0)
        rc = sov_meta_set_f32(im->meta, "llama.rope.scaling.factor",
                              (float)factor, err);
    if (rc == 0 && yarn)
        rc = sov_meta_set_u32(im->meta,
                              "llama.rope.scaling.original_context_length",
                              (uint32_t)old_ctx, err);
    return rc;
}

static int
put_rope(struct sov_import *im, const struct shape *s, const json_t *rope,
         const char *type, struct sov_err *err)
{
    if (type == NULL || strcmp(type, "default") == 0)
        return 0;
    if (strcmp(type, "linear") == 0 || strcmp(type, "yarn") == 0)
        return scaled(im, rope, type, err);
    if (strcmp(type, "llama3") == 0)
        return llama3_factors(im, rope, s, err);
    return sov_fail(err, SOV_EUNSUP,
                    "config.json: rope_type %s is not supported", type);
}

/* ---- keys */

static int
put_keys(sov_meta *meta, const struct shape *s, struct sov_err *err)
{
    const struct {
        const char *key;
        uint64_t v;
    } counts[] = {
        { "llama.context_length", s->ctx },
        { "llama.embedding_length", s->width },
        { "llama.block_count", s->layers },
        { "llama.feed_forward_length", s->ffn },
        { "llama.attention.head_count", s->heads },
        { "llama.attention.head_count_kv", s->kv_heads },
        { "llama.rope.dimension_count", s->head_dim },
    };
    int rc = sov_meta_set_str(meta, "general.architecture", "llama", err);

    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts) && rc == 0; i++)
        rc = sov_meta_set_u32(meta, counts[i].key, (uint32_t)counts[i].v, err);
    if (rc == 0)
        rc = sov_meta_set_f32(meta, "llama.rope.freq_base", (float)s->rope_base,
                              err);
    if (rc == 0)
        rc = sov_meta_set_f32(meta, "llama.attention.layer_norm_rms_epsilon",
                              (float)s->eps, err);
    if (rc == 0)
        rc =
            sov_meta_set_u32(meta, "llama.vocab_size", (uint32_t)s->vocab, err);
    if (rc == 0 && s->head_dim * s->heads != s->width) {
        rc = sov_meta_set_u32(meta, "llama.attention.key_length",
                              (uint32_t)s->head_dim, err);
        if (rc == 0)
            rc = sov_meta_set_u32(meta, "llama.attention.value_length",
                                  (uint32_t)s->head_dim, err);
    }
    return rc;
}

/* What the file as a whole is stored in, by its largest tensor; a model
 * without tensors is refused for that later. */
static int
put_file_type(struct sov_import *im, struct sov_err *err)
{
    int64_t at = sov_model_find(im->model, "model.embed_tokens.weight");
    const struct sov_tensor *t =
        sov_model_at(im->model, at < 0 ? 0 : (size_t)at);
    uint32_t v = 0;

    if (t != NULL && t->type != SOV_TYPE_F32)
        v = t->type == SOV_TYPE_F16 ? 1 : 32;
    return sov_meta_set_u32(im->meta, "general.file_type", v, err);
}

/* ---- tensors */

static int
put_layer(struct sov_import *im, const struct shape *s, unsigned layer,
          struct sov_err *err)
{
    const uint64_t q = s->heads * s->head_dim;
    const uint64_t kv = s->kv_heads * s->head_dim;
    const struct {
        const char *to;
        const char *from;
        uint64_t rows;
        uint64_t cols;
        uint64_t heads;
        bool must;
    } parts[] = {
#define PART(to, from, rows, cols, heads, must) \
    { to, from, rows, cols, heads, must },
#include "arch/llama_parts.def"
#undef PART
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && rc == 0; i++) {
        char to[64], from[96];

        snprintf(to, sizeof(to), "blk.%u.%s", layer, parts[i].to);
        snprintf(from, sizeof(from), "model.layers.%u.%s", layer,
                 parts[i].from);
        rc = sov_import_tensor(im, to, from, parts[i].rows, parts[i].cols,
                               (uint32_t)parts[i].heads, parts[i].must, err);
    }
    return rc;
}

static int
put_tensors(struct sov_import *im, const struct shape *s, struct sov_err *err)
{
    int64_t head = sov_model_find(im->model, "lm_head.weight");
    int rc =
        sov_import_tensor(im, "token_embd.weight", "model.embed_tokens.weight",
                          s->vocab, s->width, 0, true, err);

    if (rc == 0)
        rc = sov_import_tensor(im, "output_norm.weight", "model.norm.weight", 0,
                               s->width, 0, true, err);
    if (rc == 0 && !s->tied)
        rc = sov_import_tensor(im, "output.weight", "lm_head.weight", s->vocab,
                               s->width, 0, true, err);
    if (s->tied && head >= 0)
        im->used[head] = true; /* the embedding again */
    for (uint64_t i = 0; i < s->layers && rc == 0; i++)
        rc = put_layer(im, s, (unsigned)i, err);
    return rc;
}

int
sov_import_llama(struct sov_import *im, struct sov_err *err)
{
    const json_t *rope;
    const char *rope_type;
    struct shape s;
    int rc = read_shape(im->config, &s, err);

    if (rc == 0)
        rc = find_rope(im->config, &s, &rope, &rope_type, err);
    if (rc == 0)
        rc = put_keys(im->meta, &s, err);
    if (rc == 0)
        rc = put_rope(im, &s, rope, rope_type, err);
    if (rc == 0)
        rc = put_file_type(im, err);
    if (rc == 0)
        rc = put_tensors(im, &s, err);
    if (rc == 0)
        rc = sov_import_vocab(im, s.vocab, err);
    return rc;
}

/*
 * Mistral is the same network.  Its first version looked back over a window
 * of tokens only; as everybody who reads GGUF files of it, we look at all.
 */
int
sov_import_mistral(struct sov_import *im, struct sov_err *err)
{
    uint64_t window = 0;
    uint64_t ctx = 0;
    int rc = sov_config_u64(im->config, "sliding_window", 0, SOV_CTX_MAX, false,
                            &window, err);

    if (rc == 0)
        rc = sov_config_u64(im->config, "max_position_embeddings", 1,
                            SOV_CTX_MAX, false, &ctx, err);
    if (rc == 0 && window > 0 && window < ctx)
        sov_model_warn(im->model,
                       "the sliding window of %llu tokens is not carried out",
                       (unsigned long long)window);
    return rc < 0 ? rc : sov_import_llama(im, err);
}
