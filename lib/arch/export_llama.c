/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_llama.c - the Llama family as published: see import_llama.c
 */
#include "arch/export.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY "llama."

struct shape {
    uint64_t width;
    uint64_t ffn;
    uint64_t layers;
    uint64_t heads;
    uint64_t kv_heads;
    uint64_t head_dim;
    uint64_t vocab;
    uint64_t ctx;
};

/* ---- numbers */

static int
read_shape(const struct sov_export *x, struct shape *s, struct sov_err *err)
{
    const struct {
        const char *key;
        uint64_t *v;
        uint64_t max;
    } counts[] = {
        { KEY "context_length", &s->ctx, SOV_CTX_MAX },
        { KEY "embedding_length", &s->width, SOV_WIDTH_MAX },
        { KEY "block_count", &s->layers, SOV_LAYERS_MAX },
        { KEY "feed_forward_length", &s->ffn, SOV_WIDTH_MAX },
        { KEY "attention.head_count", &s->heads, SOV_HEADS_MAX },
    };
    int64_t embd = sov_model_find(x->model, "token_embd.weight");
    int rc = 0;

    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts) && rc == 0; i++) {
        rc = sov_export_u64(x, counts[i].key, true, counts[i].v, err);
        if (rc == 0 && (*counts[i].v < 1 || *counts[i].v > counts[i].max))
            rc = sov_fail(err, SOV_EFORMAT, "the key %s is %llu", counts[i].key,
                          (unsigned long long)*counts[i].v);
    }
    if (rc < 0)
        return rc;
    if (embd < 0)
        return sov_fail(err, SOV_EUNSUP, "there is no token_embd.weight");
    s->vocab = sov_model_at(x->model, (size_t)embd)->dim[1];
    s->kv_heads = s->heads;
    s->head_dim = s->width / s->heads;
    rc = sov_export_u64(x, KEY "attention.head_count_kv", false, &s->kv_heads,
                        err);
    if (rc == 0)
        rc = sov_export_u64(x, KEY "attention.key_length", false, &s->head_dim,
                            err);
    if (rc == 0 && (s->kv_heads < 1 || s->kv_heads > s->heads ||
                    s->head_dim < 2 || s->head_dim > SOV_WIDTH_MAX / s->heads))
        rc = sov_fail(err, SOV_EFORMAT, "the numbers of heads make no sense");
    return rc;
}

/* ---- tensors */

struct part {
    const char *was;
    const char *name;
    uint64_t heads;
};

static int
export_part(struct sov_export *x, size_t i, unsigned layer, const char *rest,
            const struct part *part, size_t n, struct sov_err *err)
{
    char name[96];

    for (size_t k = 0; k < n; k++) {
        if (strcmp(rest, part[k].was) != 0)
            continue;
        snprintf(name, sizeof(name), "model.layers.%u.%s", layer, part[k].name);
        return sov_export_tensor(x, i, name, (uint32_t)part[k].heads, err);
    }
    return sov_fail(err, SOV_EUNSUP,
                    "tensor %.80s has no place in a Hugging Face folder",
                    sov_model_at(x->model, i)->name);
}

/* "blk.3.attn_q.weight": 3, and where the rest is; NULL: none. */
static const char *
layer_of(const char *name, unsigned *layer)
{
    unsigned long v;
    char *end;

    if (strncmp(name, "blk.", 4) != 0 || name[4] < '0' || name[4] > '9')
        return NULL;
    v = strtoul(name + 4, &end, 10);
    if (*end != '.' || v >= SOV_LAYERS_MAX)
        return NULL;
    *layer = (unsigned)v;
    return end + 1;
}

static int
export_tensors(struct sov_export *x, const struct shape *s, struct sov_err *err)
{
    const struct part parts[] = {
#define PART(to, from, rows, cols, heads, must) { to, from, heads },
#include "arch/llama_parts.def"
#undef PART
    };
    static const struct part whole[] = {
        { "token_embd.weight", "model.embed_tokens.weight", 0 },
        { "output_norm.weight", "model.norm.weight", 0 },
        { "output.weight", "lm_head.weight", 0 },
    };
    int rc = 0;

    for (size_t i = 0; i < x->n && rc == 0; i++) {
        const char *name = sov_model_at(x->model, i)->name;
        unsigned layer = 0;
        const char *rest = layer_of(name, &layer);
        size_t k = 0;

        while (k < 3 && strcmp(name, whole[k].was) != 0)
            k++;
        if (k < 3)
            rc = sov_export_tensor(x, i, whole[k].name, 0, err);
        else
            rc = export_part(x, i, layer, rest != NULL ? rest : "", parts,
                             sizeof(parts) / sizeof(*parts), err);
    }
    return rc;
}

/* ---- config.json */

/* Short, and the same float again. */
static json_t *
real(double v)
{
    char text[40];

    snprintf(text, sizeof(text), "%.9g", v);
    for (int digits = 1; digits < 9; digits++) {
        char fewer[40];

        snprintf(fewer, sizeof(fewer), "%.*g", digits, v);
        if (strtof(fewer, NULL) == (float)v)
            return json_real(strtod(fewer, NULL));
    }
    return json_real(strtod(text, NULL));
}

static int
put_rope(struct sov_export *x, struct sov_err *err)
{
    struct sov_span type = { 0 };
    double base = 10000, factor = 1;
    uint64_t old_ctx = 0;
    json_t *rope = json_null();
    int rc = sov_export_f64(x, KEY "rope.freq_base", false, &base, err);

    if (rc == 0)
        rc = sov_export_set(x, "rope_theta", real(base), err);
    if (rc == 0 &&
        sov_meta_str(x->meta, KEY "rope.scaling.type", &type, err) < 0)
        rc = SOV_EFORMAT;
    if (rc == 0)
        rc = sov_export_f64(x, KEY "rope.scaling.factor", false, &factor, err);
    if (rc == 0)
        rc = sov_export_u64(x, KEY "rope.scaling.original_context_length",
                            false, &old_ctx, err);
    if (rc < 0)
        return rc;
    if (type.len > 0)
        rope = json_pack("{s:s%, s:o}", "rope_type", (const char *)type.p,
                         type.len, "factor", real(factor));
    if (type.len > 0 && old_ctx > 0)
        json_object_set_new(rope, "original_max_position_embeddings",
                            json_integer((json_int_t)old_ctx));
    return sov_export_set(x, "rope_scaling", rope, err);
}

static int
put_counts(struct sov_export *x, const struct shape *s, struct sov_err *err)
{
    const struct {
        const char *name;
        uint64_t v;
    } counts[] = {
        { "hidden_size", s->width },
        { "intermediate_size", s->ffn },
        { "num_hidden_layers", s->layers },
        { "num_attention_heads", s->heads },
        { "num_key_value_heads", s->kv_heads },
        { "head_dim", s->head_dim },
        { "vocab_size", s->vocab },
        { "max_position_embeddings", s->ctx },
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts) && rc == 0; i++)
        rc = sov_export_set(x, counts[i].name,
                            json_integer((json_int_t)counts[i].v), err);
    return rc;
}

static bool
has(const struct sov_export *x, const char *name)
{
    return sov_model_find(x->model, name) >= 0;
}

static const char *
dtype(enum sov_type type)
{
    if (type == SOV_TYPE_F16)
        return "float16";
    return type == SOV_TYPE_BF16 ? "bfloat16" : "float32";
}

static int
put_config(struct sov_export *x, const struct shape *s, struct sov_err *err)
{
    double eps = 1e-6;
    int rc = sov_export_f64(x, KEY "attention.layer_norm_rms_epsilon", false,
                            &eps, err);

    if (rc == 0)
        rc = put_counts(x, s, err);
    if (rc == 0)
        rc = sov_export_set(x, "architectures",
                            json_pack("[s]", "LlamaForCausalLM"), err);
    if (rc == 0)
        rc = sov_export_set(x, "model_type", json_string("llama"), err);
    if (rc == 0)
        rc = sov_export_set(x, "hidden_act", json_string("silu"), err);
    if (rc == 0)
        rc = sov_export_set(x, "rms_norm_eps", real(eps), err);
    if (rc == 0)
        rc = sov_export_set(x, "tie_word_embeddings",
                            json_boolean(!has(x, "output.weight")), err);
    if (rc == 0)
        rc = sov_export_set(x, "attention_bias",
                            json_boolean(has(x, "blk.0.attn_q.bias")), err);
    if (rc == 0)
        rc = sov_export_set(x, "mlp_bias",
                            json_boolean(has(x, "blk.0.ffn_up.bias")), err);
    if (rc == 0)
        rc = sov_export_set(x, "torch_dtype", json_string(dtype(x->type)), err);
    if (rc == 0)
        rc = sov_export_set(x, "use_cache", json_true(), err);
    return rc < 0 ? rc : put_rope(x, err);
}

int
sov_export_llama(struct sov_export *x, struct sov_err *err)
{
    struct shape s = { 0 };
    int rc = read_shape(x, &s, err);

    if (rc == 0)
        rc = put_config(x, &s, err);
    if (rc == 0)
        rc = sov_export_vocab(x, err);
    return rc < 0 ? rc : export_tensors(x, &s, err);
}
