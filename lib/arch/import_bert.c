/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_bert.c - BERT and its kind as published: encoders of texts
 *
 *   embeddings.word_embeddings.weight                  token_embd.weight
 *   embeddings.position_embeddings.weight              position_embd.weight
 *   embeddings.token_type_embeddings.weight            token_types.weight
 *   embeddings.LayerNorm.*                             token_embd_norm.*
 *   encoder.layer.N.attention.self.{query,key,value}.* blk.N.attn_{q,k,v}.*
 *   encoder.layer.N.attention.output.dense.*           blk.N.attn_output.*
 *   encoder.layer.N.attention.output.LayerNorm.*       blk.N.attn_output_norm.*
 *   encoder.layer.N.intermediate.dense.*               blk.N.ffn_up.*
 *   encoder.layer.N.output.dense.*                     blk.N.ffn_down.*
 *   encoder.layer.N.output.LayerNorm.*                 blk.N.layer_output_norm.*
 *
 * all of them behind "bert." or behind nothing.  The pooler and what predicts
 * words are no part of an embedding.  How the tokens' states become one is
 * what 1_Pooling/config.json says, as sentence-transformers write it.
 */
#include "arch/import_shape.h"

#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct encoder {
    struct sov_shape s;
    uint64_t kinds;     /* of tokens */
    const char *prefix; /* "bert." or "" */
};

/* ---- keys */

/* llama.cpp's numbers: 1 mean, 2 the first token, 3 the last. */
static int
pooling(const json_t *c, uint32_t *pool, struct sov_err *err)
{
    static const struct {
        const char *name;
        uint32_t pool;
    } ways[] = {
        { "pooling_mode_mean_tokens", 1 },
        { "pooling_mode_cls_token", 2 },
        { "pooling_mode_lasttoken", 3 },
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways) && rc == 0; i++) {
        bool yes = false;

        rc = sov_config_bool(c, ways[i].name, &yes, err);
        if (yes)
            *pool = ways[i].pool;
    }
    return rc;
}

static int
put_pooling(struct sov_import *im, const struct encoder *e,
            struct sov_err *err)
{
    static const char file[] = "1_Pooling/config.json";
    json_t *json = NULL;
    uint32_t pool = 0;
    char *text;
    size_t len;
    int rc = sov_model_side_file(im->model, file, SOV_JSON_MAX, &text, &len,
                                 err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = sov_json_parse(text, len, &json, err);
    free(text);
    if (rc == 0 && !json_is_object(json))
        rc = sov_fail(err, SOV_EFORMAT, "not a JSON object");
    if (rc == 0)
        rc = pooling(json, &pool, err);
    json_decref(json);
    if (rc < 0)
        return sov_err_wrap(err, "%s", file);
    return pool > 0 ? sov_shape_put(im, &e->s, "pooling_type", pool, err) : 0;
}

static int
put_keys(struct sov_import *im, const struct encoder *e, struct sov_err *err)
{
    const struct {
        const char *key;
        uint64_t v;
    } counts[] = {
        { "context_length", e->s.ctx },
        { "embedding_length", e->s.width },
        { "block_count", e->s.layers },
        { "feed_forward_length", e->s.ffn },
        { "attention.head_count", e->s.heads },
        { "vocab_size", e->s.vocab },
    };
    int rc = sov_meta_set_str(im->meta, "general.architecture", e->s.arch, err);

    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts) && rc == 0; i++)
        rc = sov_shape_put(im, &e->s, counts[i].key, counts[i].v, err);
    if (rc == 0)
        rc = sov_shape_put_real(im, &e->s, "attention.layer_norm_epsilon",
                                e->s.eps, err);
    if (rc == 0)
        rc = sov_meta_set_bool(im->meta, "bert.attention.causal", false, err);
    if (rc == 0)
        rc = sov_meta_set_u32(im->meta, "tokenizer.ggml.token_type_count",
                              (uint32_t)e->kinds, err);
    return rc < 0 ? rc : put_pooling(im, e, err);
}

/* ---- tensors */

/* A matrix and its bias, or with rows 0 the two of a norm. */
static int
put_both(struct sov_import *im, const char *to, const char *from,
         uint64_t rows, uint64_t cols, struct sov_err *err)
{
    char is[96], was[160];
    int rc;

    snprintf(is, sizeof(is), "%s.weight", to);
    snprintf(was, sizeof(was), "%s.weight", from);
    rc = sov_import_tensor(im, is, was, rows, cols, 0, true, err);
    snprintf(is, sizeof(is), "%s.bias", to);
    snprintf(was, sizeof(was), "%s.bias", from);
    if (rc == 0)
        rc = sov_import_tensor(im, is, was, 0, rows > 0 ? rows : cols, 0, true,
                               err);
    return rc;
}

static int
put_layer(struct sov_import *im, const struct encoder *e, unsigned layer,
          struct sov_err *err)
{
    const uint64_t w = e->s.width, f = e->s.ffn;
    const struct {
        const char *to;
        const char *from;
        uint64_t rows, cols;
    } parts[] = {
        { "attn_q", "attention.self.query", w, w },
        { "attn_k", "attention.self.key", w, w },
        { "attn_v", "attention.self.value", w, w },
        { "attn_output", "attention.output.dense", w, w },
        { "attn_output_norm", "attention.output.LayerNorm", 0, w },
        { "ffn_up", "intermediate.dense", f, w },
        { "ffn_down", "output.dense", w, f },
        { "layer_output_norm", "output.LayerNorm", 0, w },
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && rc == 0; i++) {
        char to[64], from[96];

        snprintf(to, sizeof(to), "blk.%u.%s", layer, parts[i].to);
        snprintf(from, sizeof(from), "%sencoder.layer.%u.%s", e->prefix, layer,
                 parts[i].from);
        rc = put_both(im, to, from, parts[i].rows, parts[i].cols, err);
    }
    return rc;
}

/* Tensors that are no part of an embedding. */
static void
leave_out(struct sov_import *im, const struct encoder *e)
{
    static const char *const rest[] = { "pooler.", "embeddings.position_ids" };
    size_t n = strlen(e->prefix);

    for (size_t i = 0; i < sov_model_count(im->model); i++) {
        const char *name = sov_model_at(im->model, i)->name;

        if (strncmp(name, "cls.", 4) == 0)
            im->used[i] = true;
        for (size_t k = 0; k < 2 && strncmp(name, e->prefix, n) == 0; k++)
            if (strncmp(name + n, rest[k], strlen(rest[k])) == 0)
                im->used[i] = true;
    }
}

static int
put_tensors(struct sov_import *im, const struct encoder *e,
            struct sov_err *err)
{
    const struct {
        const char *to;
        const char *from;
        uint64_t rows;
    } ends[] = {
        { "token_embd.weight", "word_embeddings.weight", e->s.vocab },
        { "position_embd.weight", "position_embeddings.weight", e->s.ctx },
        { "token_types.weight", "token_type_embeddings.weight", e->kinds },
    };
    char from[96];
    int rc = 0;

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends) && rc == 0; i++) {
        snprintf(from, sizeof(from), "%sembeddings.%s", e->prefix,
                 ends[i].from);
        rc = sov_import_tensor(im, ends[i].to, from, ends[i].rows, e->s.width,
                               0, true, err);
    }
    snprintf(from, sizeof(from), "%sembeddings.LayerNorm", e->prefix);
    if (rc == 0)
        rc = put_both(im, "token_embd_norm", from, 0, e->s.width, err);
    for (uint64_t i = 0; i < e->s.layers && rc == 0; i++)
        rc = put_layer(im, e, (unsigned)i, err);
    leave_out(im, e);
    return rc;
}

int
sov_import_bert(struct sov_import *im, struct sov_err *err)
{
    static const char *const act[] = { "gelu", "gelu_new",
                                       "gelu_pytorch_tanh", NULL };
    static const char prefixed[] = "bert.embeddings.word_embeddings.weight";
    const char *kind = NULL;
    struct encoder e = { .kinds = 2, .prefix = "" };
    int rc = sov_shape_read(&e.s, im->config, "bert", "layer_norm_eps", act,
                            err);

    if (rc == 0)
        rc = sov_config_u64(im->config, "type_vocab_size", 1, SOV_VOCAB_MAX,
                            false, &e.kinds, err);
    if (rc == 0)
        rc = sov_config_str(im->config, "position_embedding_type", &kind, err);
    if (rc == 0 && kind != NULL && strcmp(kind, "absolute") != 0)
        rc = sov_fail(err, SOV_EUNSUP,
                      "config.json: position_embedding_type %s is not "
                      "supported", kind);
    if (sov_model_find(im->model, prefixed) >= 0)
        e.prefix = "bert.";
    if (rc == 0)
        rc = put_keys(im, &e, err);
    if (rc == 0)
        rc = sov_shape_file_type(im, *e.prefix != '\0' ? prefixed
                                                      : prefixed + 5, err);
    if (rc == 0)
        rc = put_tensors(im, &e, err);
    if (rc == 0)
        rc = sov_import_vocab(im, e.s.vocab, err);
    return rc;
}
