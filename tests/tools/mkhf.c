/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkhf.c - a tiny model as its maker would have published it
 *
 *     mkhf MODEL.gguf DIR [OLD NEW]...
 *
 * MODEL is one of mkmodel form=...; DIR must be there.  config.json,
 * model.safetensors and a tokenizer.model are written to it; names that begin
 * with OLD begin with NEW there.  The names and
 * habits are from the published models' own descriptions, and nothing is
 * shared with the import, which is judged by it: what it makes of DIR must
 * answer as MODEL does.
 */
#include "tinyspm.h"

#include "sov/model.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* blk.N.is is the layer's was; how: 'q' and 'k' regrouped heads, '1' less one,
 * 'g' queries with the key and value of each group, 't' columns are rows. */
struct name {
    const char *arch; /* what it begins with, or "" */
    const char *is;
    const char *was;
    char how;
};

/* clang-format off */
static const struct name names[] = {
    { "gemma",   "attn_norm.weight",           "input_layernorm.weight", '1' },
    { "gemma",   "post_attention_norm.weight", "post_attention_layernorm.weight", '1' },
    { "gemma",   "ffn_norm.weight",            "pre_feedforward_layernorm.weight", '1' },
    { "gemma",   "post_ffw_norm.weight",       "post_feedforward_layernorm.weight", '1' },
    { "gemma",   "attn_q_norm.weight",         "self_attn.q_norm.weight", '1' },
    { "gemma",   "attn_k_norm.weight",         "self_attn.k_norm.weight", '1' },
    { "phi3",    "attn_qkv.weight",            "self_attn.qkv_proj.weight", 0 },
    { "phi3",    "ffn_up.weight",              "mlp.gate_up_proj.weight", 0 },
    { "starcod", "ffn_up.weight",              "mlp.c_fc.weight", 0 },
    { "starcod", "ffn_up.bias",                "mlp.c_fc.bias", 0 },
    { "starcod", "ffn_down.weight",            "mlp.c_proj.weight", 0 },
    { "starcod", "ffn_down.bias",              "mlp.c_proj.bias", 0 },
    { "llama",   "attn_q.weight",              "self_attn.q_proj.weight", 'q' },
    { "llama",   "attn_k.weight",              "self_attn.k_proj.weight", 'k' },
    { "llama",   "attn_q.bias",                "self_attn.q_proj.bias", 'q' },
    { "llama",   "attn_k.bias",                "self_attn.k_proj.bias", 'k' },
    { "granite", "attn_q.weight",              "self_attn.q_proj.weight", 'q' },
    { "granite", "attn_k.weight",              "self_attn.k_proj.weight", 'k' },
    { "falcon",  "attn_qkv.weight",            "self_attention.query_key_value.weight", 'g' },
    { "falcon",  "attn_output.weight",         "self_attention.dense.weight", 0 },
    { "falcon",  "ffn_up.weight",              "mlp.dense_h_to_4h.weight", 0 },
    { "falcon",  "ffn_down.weight",            "mlp.dense_4h_to_h.weight", 0 },
    { "falcon",  "attn_norm_2.weight",         "ln_attn.weight", 0 },
    { "falcon",  "attn_norm_2.bias",           "ln_attn.bias", 0 },
    { "gpt2",    "attn_norm.weight",           "ln_1.weight", 0 },
    { "gpt2",    "attn_norm.bias",             "ln_1.bias", 0 },
    { "gpt2",    "attn_qkv.weight",            "attn.c_attn.weight", 't' },
    { "gpt2",    "attn_qkv.bias",              "attn.c_attn.bias", 0 },
    { "gpt2",    "attn_output.weight",         "attn.c_proj.weight", 't' },
    { "gpt2",    "attn_output.bias",           "attn.c_proj.bias", 0 },
    { "gpt2",    "ffn_norm.weight",            "ln_2.weight", 0 },
    { "gpt2",    "ffn_norm.bias",              "ln_2.bias", 0 },
    { "gpt2",    "ffn_up.weight",              "mlp.c_fc.weight", 't' },
    { "gpt2",    "ffn_up.bias",                "mlp.c_fc.bias", 0 },
    { "gpt2",    "ffn_down.weight",            "mlp.c_proj.weight", 't' },
    { "gpt2",    "ffn_down.bias",              "mlp.c_proj.bias", 0 },
    { "nomic",   "attn_qkv.weight",            "attn.Wqkv.weight", 0 },
    { "nomic",   "attn_output.weight",         "attn.out_proj.weight", 0 },
    { "nomic",   "attn_output_norm.weight",    "norm1.weight", 0 },
    { "nomic",   "attn_output_norm.bias",      "norm1.bias", 0 },
    { "nomic",   "ffn_up.weight",              "mlp.fc11.weight", 0 },
    { "nomic",   "ffn_gate.weight",            "mlp.fc12.weight", 0 },
    { "nomic",   "ffn_down.weight",            "mlp.fc2.weight", 0 },
    { "nomic",   "layer_output_norm.weight",   "norm2.weight", 0 },
    { "nomic",   "layer_output_norm.bias",     "norm2.bias", 0 },
    { "bert",    "attn_q.weight",              "attention.self.query.weight", 0 },
    { "bert",    "attn_q.bias",                "attention.self.query.bias", 0 },
    { "bert",    "attn_k.weight",              "attention.self.key.weight", 0 },
    { "bert",    "attn_k.bias",                "attention.self.key.bias", 0 },
    { "bert",    "attn_v.weight",              "attention.self.value.weight", 0 },
    { "bert",    "attn_v.bias",                "attention.self.value.bias", 0 },
    { "bert",    "attn_output.weight",         "attention.output.dense.weight", 0 },
    { "bert",    "attn_output.bias",           "attention.output.dense.bias", 0 },
    { "bert",    "attn_output_norm.weight",    "attention.output.LayerNorm.weight", 0 },
    { "bert",    "attn_output_norm.bias",      "attention.output.LayerNorm.bias", 0 },
    { "bert",    "ffn_up.weight",              "intermediate.dense.weight", 0 },
    { "bert",    "ffn_up.bias",                "intermediate.dense.bias", 0 },
    { "bert",    "ffn_down.weight",            "output.dense.weight", 0 },
    { "bert",    "ffn_down.bias",              "output.dense.bias", 0 },
    { "bert",    "layer_output_norm.weight",   "output.LayerNorm.weight", 0 },
    { "bert",    "layer_output_norm.bias",     "output.LayerNorm.bias", 0 },
    { "",        "attn_norm.weight",           "input_layernorm.weight", 0 },
    { "",        "attn_norm.bias",             "input_layernorm.bias", 0 },
    { "",        "ffn_norm.weight",            "post_attention_layernorm.weight", 0 },
    { "",        "ffn_norm.bias",              "post_attention_layernorm.bias", 0 },
    { "",        "post_attention_norm.weight", "post_attention_layernorm.weight", 0 },
    { "",        "post_ffw_norm.weight",       "post_feedforward_layernorm.weight", 0 },
    { "",        "attn_q.weight",              "self_attn.q_proj.weight", 0 },
    { "",        "attn_k.weight",              "self_attn.k_proj.weight", 0 },
    { "",        "attn_v.weight",              "self_attn.v_proj.weight", 0 },
    { "",        "attn_output.weight",         "self_attn.o_proj.weight", 0 },
    { "",        "attn_q.bias",                "self_attn.q_proj.bias", 0 },
    { "",        "attn_k.bias",                "self_attn.k_proj.bias", 0 },
    { "",        "attn_v.bias",                "self_attn.v_proj.bias", 0 },
    { "",        "attn_output.bias",           "self_attn.o_proj.bias", 0 },
    { "",        "attn_q_norm.weight",         "self_attn.q_norm.weight", 0 },
    { "",        "attn_k_norm.weight",         "self_attn.k_norm.weight", 0 },
    { "",        "ffn_gate.weight",            "mlp.gate_proj.weight", 0 },
    { "",        "ffn_up.weight",              "mlp.up_proj.weight", 0 },
    { "",        "ffn_down.weight",            "mlp.down_proj.weight", 0 },
};

/* The same of tensors outside layers, whole names. */
static const struct name ends[] = {
    { "bert",  "token_embd.weight",  "bert.embeddings.word_embeddings.weight", 0 },
    { "bert",  "position_embd.weight",
      "bert.embeddings.position_embeddings.weight", 0 },
    { "bert",  "token_types.weight",
      "bert.embeddings.token_type_embeddings.weight", 0 },
    { "bert",  "token_embd_norm.weight", "bert.embeddings.LayerNorm.weight", 0 },
    { "bert",  "token_embd_norm.bias", "bert.embeddings.LayerNorm.bias", 0 },
    { "nomic", "token_embd.weight",  "embeddings.word_embeddings.weight", 0 },
    { "nomic", "token_types.weight", "embeddings.token_type_embeddings.weight", 0 },
    { "nomic", "token_embd_norm.weight", "emb_ln.weight", 0 },
    { "nomic", "token_embd_norm.bias", "emb_ln.bias", 0 },
    { "falcon", "token_embd.weight", "transformer.word_embeddings.weight", 0 },
    { "falcon", "output_norm.weight", "transformer.ln_f.weight", 0 },
    { "falcon", "output_norm.bias", "transformer.ln_f.bias", 0 },
    { "gpt2",  "token_embd.weight",  "wte.weight", 0 },
    { "gpt2",  "position_embd.weight", "wpe.weight", 0 },
    { "gpt2",  "output_norm.weight", "ln_f.weight", 0 },
    { "gpt2",  "output_norm.bias",   "ln_f.bias", 0 },
    { "gemma", "output_norm.weight", "model.norm.weight", '1' },
    { "",      "output_norm.weight", "model.norm.weight", 0 },
    { "",      "output_norm.bias",   "model.norm.bias", 0 },
    { "",      "token_embd.weight",  "model.embed_tokens.weight", 0 },
    { "",      "output.weight",      "lm_head.weight", 0 },
};

/* Members of config.json: NAME is the key behind the architecture's name. */
static const struct {
    const char *arch;
    const char *member;
    const char *key;
    bool real;
} members[] = {
    { "falcon",  "hidden_size",             "embedding_length", false },
    { "falcon",  "ffn_hidden_size",         "feed_forward_length", false },
    { "falcon",  "num_hidden_layers",       "block_count", false },
    { "falcon",  "num_attention_heads",     "attention.head_count", false },
    { "falcon",  "num_kv_heads",            "attention.head_count_kv", false },
    { "falcon",  "vocab_size",              "vocab_size", false },
    { "falcon",  "layer_norm_epsilon",      "attention.layer_norm_epsilon", true },
    { "gpt2",    "n_embd",                  "embedding_length", false },
    { "gpt2",    "n_inner",                 "feed_forward_length", false },
    { "gpt2",    "n_layer",                 "block_count", false },
    { "gpt2",    "n_head",                  "attention.head_count", false },
    { "gpt2",    "n_positions",             "context_length", false },
    { "gpt2",    "vocab_size",              "vocab_size", false },
    { "gpt2",    "layer_norm_epsilon",      "attention.layer_norm_epsilon", true },
    { "nomic",   "n_embd",                  "embedding_length", false },
    { "nomic",   "n_inner",                 "feed_forward_length", false },
    { "nomic",   "n_layer",                 "block_count", false },
    { "nomic",   "n_head",                  "attention.head_count", false },
    { "nomic",   "n_positions",             "context_length", false },
    { "nomic",   "vocab_size",              "vocab_size", false },
    { "nomic",   "layer_norm_epsilon",      "attention.layer_norm_epsilon", true },
    { "nomic",   "rotary_emb_base",         "rope.freq_base", true },
    { "",        "hidden_size",             "embedding_length", false },
    { "",        "intermediate_size",       "feed_forward_length", false },
    { "",        "num_hidden_layers",       "block_count", false },
    { "",        "num_attention_heads",     "attention.head_count", false },
    { "",        "num_key_value_heads",     "attention.head_count_kv", false },
    { "",        "max_position_embeddings", "context_length", false },
    { "",        "vocab_size",              "vocab_size", false },
    { "",        "head_dim",                "attention.key_length", false },
    { "",        "rms_norm_eps",            "attention.layer_norm_rms_epsilon", true },
    { "starcod", "norm_epsilon",            "attention.layer_norm_epsilon", true },
    { "bert",    "layer_norm_eps",          "attention.layer_norm_epsilon", true },
    { "",        "rope_theta",              "rope.freq_base", true },
    { "gemma",   "sliding_window",          "attention.sliding_window", false },
    { "olmo2",   "sliding_window",          "attention.sliding_window", false },
    { "gemma",   "query_pre_attn_scalar",   "attention.key_length", false },
    { "gemma2",  "attn_logit_softcapping",  "attn_logit_softcapping", true },
    { "gemma2",  "final_logit_softcapping", "final_logit_softcapping", true },
    { "granite", "attention_multiplier",    "attention.scale", true },
    { "granite", "embedding_multiplier",    "embedding_scale", true },
    { "granite", "residual_multiplier",     "residual_scale", true },
    { "granite", "logits_scaling",          "logit_scale", true },
    { "phi3",    "original_max_position_embeddings",
      "rope.scaling.original_context_length", false },
};

/* own: members have names of their own, those of "" are for others. */
static const struct {
    const char *arch;
    const char *class;
    const char *act;
    const char *layers;
    bool own;
} classes[] = {
    { "llama",      "LlamaForCausalLM",      "silu", "model.layers", false },
    { "qwen2",      "Qwen2ForCausalLM",      "silu", "model.layers", false },
    { "qwen3",      "Qwen3ForCausalLM",      "silu", "model.layers", false },
    { "gemma2",     "Gemma2ForCausalLM",     "gelu_pytorch_tanh", "model.layers", false },
    { "gemma3",     "Gemma3ForCausalLM",     "gelu_pytorch_tanh", "model.layers", false },
    { "phi3",       "Phi3ForCausalLM",       "silu", "model.layers", false },
    { "olmo2",      "Olmo2ForCausalLM",      "silu", "model.layers", false },
    { "granite",    "GraniteForCausalLM",    "silu", "model.layers", false },
    { "starcoder2", "Starcoder2ForCausalLM", "gelu_pytorch_tanh", "model.layers", false },
    { "falcon",     "FalconForCausalLM",     "gelu", "transformer.h", true },
    { "gpt2",       "GPT2LMHeadModel",       "gelu_new", "h", true },
    { "bert",       "BertForMaskedLM",       "gelu", "bert.encoder.layer", false },
    { "nomic-bert", "NomicBertModel",        "swiglu", "encoder.layers", true },
};
/* clang-format on */

static sov_model *model;
static char arch[32];
static const char *dir;
static char **renames; /* OLD, NEW, ..., NULL */

static void
die(const char *what)
{
    fprintf(stderr, "mkhf: %s\n", what);
    exit(70);
}

static FILE *
create(const char *name)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "wb");
    if (f == NULL)
        die("cannot create a file");
    return f;
}

static bool
is_for(const char *which)
{
    return strncmp(arch, which, strlen(which)) == 0;
}

static bool
number(const char *name, double *v)
{
    const sov_meta *meta = sov_model_meta(model);
    uint64_t whole;
    char key[128];

    snprintf(key, sizeof(key), "%s.%s", arch, name);
    if (sov_meta_u64(meta, key, &whole, NULL) == 0) {
        *v = (double)whole;
        return true;
    }
    return sov_meta_f64(meta, key, v, NULL) == 0;
}

/* ---- config.json */

static void
put_factors(FILE *f, const char *member, const char *tensor)
{
    int64_t i = sov_model_find(model, tensor);
    const struct sov_tensor *t = i < 0 ? NULL : sov_model_at(model, (size_t)i);
    float v;

    if (t == NULL)
        return;
    fprintf(f, ", \"%s\": [", member);
    for (uint64_t k = 0; k < t->dim[0]; k++) {
        memcpy(&v, (const char *)t->data + 4 * k, 4);
        fprintf(f, "%s%.9g", k > 0 ? ", " : "", (double)v);
    }
    fprintf(f, "]");
}

static void
put_rope(FILE *f)
{
    struct sov_span type = { 0 };
    char key[64];
    double v;

    snprintf(key, sizeof(key), "%s.rope.scaling.type", arch);
    if (sov_meta_str(sov_model_meta(model), key, &type, NULL) != 0)
        return;
    fprintf(f, " \"rope_scaling\": {\"rope_type\": \"%.*s\"", (int)type.len,
            (const char *)type.p);
    if (number("rope.scaling.factor", &v))
        fprintf(f, ", \"factor\": %.9g", v);
    if (number("rope.scaling.original_context_length", &v))
        fprintf(f, ", \"original_max_position_embeddings\": %.0f", v);
    put_factors(f, "long_factor", "rope_factors_long.weight");
    put_factors(f, "short_factor", "rope_factors_short.weight");
    fprintf(f, "},\n");
}

static size_t
class_of(void)
{
    size_t n = sizeof(classes) / sizeof(*classes), i = 0;

    while (i < n && strcmp(classes[i].arch, arch) != 0)
        i++;
    if (i == n)
        die("no class of this architecture");
    return i;
}

/* What the published models of these say beside their sizes. */
static void
put_habits(FILE *f, size_t class)
{
    bool two = sov_model_find(model, "blk.0.attn_norm_2.weight") >= 0;

    if (is_for("falcon"))
        fprintf(f, " \"new_decoder_architecture\": %s, \"multi_query\": true,\n"
                   " \"parallel_attn\": true, \"bias\": false, "
                   "\"alibi\": false,\n",
                two ? "true" : "false");
    fprintf(f, " \"%s\": \"%s\",\n",
            is_for("falcon")                       ? "activation"
            : is_for("gpt2") || is_for("nomic") ? "activation_function"
                                                   : "hidden_act",
            classes[class].act);
}

static void
put_config(void)
{
    FILE *f = create("config.json");
    size_t i = class_of();
    double v;

    fprintf(f, "{\"architectures\": [\"%s\"],\n",
            is_for("olmo2") && number("attention.sliding_window", &v)
                ? "Olmo3ForCausalLM"
                : classes[i].class);
    for (size_t k = 0; k < sizeof(members) / sizeof(*members); k++)
        if (is_for(members[k].arch) && number(members[k].key, &v) &&
            (*members[k].arch != '\0' || !classes[i].own))
            fprintf(f, members[k].real ? " \"%s\": %.9g,\n" : " \"%s\": %.0f,\n",
                    members[k].member, v);
    put_rope(f);
    put_habits(f, i);
    fprintf(f, " \"tie_word_embeddings\": %s}\n",
            sov_model_find(model, "output.weight") < 0 ? "true" : "false");
    fclose(f);
}

/* ---- model.safetensors */

/* What a tensor is called there, in buf; NULL: config.json has it. */
static const struct name *
published(const char *name, char buf[128])
{
    char *rest = NULL;
    unsigned long layer;

    if (strncmp(name, "rope_", 5) == 0)
        return NULL;
    if (strncmp(name, "blk.", 4) != 0) {
        for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
            if (is_for(ends[i].arch) && strcmp(ends[i].is, name) == 0) {
                snprintf(buf, 128, "%s", ends[i].was);
                return &ends[i];
            }
        die("a tensor without a published name");
    }
    layer = strtoul(name + 4, &rest, 10);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (is_for(names[i].arch) && strcmp(names[i].is, rest + 1) == 0) {
            snprintf(buf, 128, "%s.%lu.%s", classes[class_of()].layers, layer,
                     names[i].was);
            if (is_for("falcon") && strncmp(names[i].was, "input_", 6) == 0 &&
                sov_model_find(model, "blk.0.attn_norm_2.weight") >= 0)
                snprintf(buf, 128, "%s.%lu.ln_mlp%s",
                         classes[class_of()].layers, layer,
                         strchr(names[i].was, '.'));
            return &names[i];
        }
    die("a tensor without a published name");
    return NULL;
}

/* The heads of queries, or of keys. */
static uint64_t
heads(const char *key)
{
    double v = 1;

    if (!number(key, &v))
        die("no heads");
    return (uint64_t)v;
}

/* In groups: some queries, the key, the value that they share. */
static uint64_t
grouped_row(uint64_t i, uint64_t n_rows)
{
    uint64_t q = heads("attention.head_count");
    uint64_t kv = heads("attention.head_count_kv");
    uint64_t len = n_rows / (q + 2 * kv), head = i / len, in = i % len;
    uint64_t group = head / (q / kv + 2), at = head % (q / kv + 2);

    if (at < q / kv)
        head = group * (q / kv) + at;
    else
        head = at == q / kv ? q + group : q + kv + group;
    return head * len + in;
}

/* Row i of what is published is row ... of the tensor. */
static uint64_t
row_of(const struct name *how, uint64_t i, uint64_t n_rows)
{
    uint64_t len, in;

    if (how->how == 'g')
        return grouped_row(i, n_rows);
    if (how->how != 'q' && how->how != 'k')
        return i;
    len = n_rows / heads(how->how == 'q' ? "attention.head_count"
                                         : "attention.head_count_kv");
    in = i % len;
    return i - in + (in < len / 2 ? 2 * in : 2 * (in - len / 2) + 1);
}

static void
put_data(FILE *f, const struct sov_tensor *t, const struct name *how)
{
    bool vector = t->ndim == 1, turned = how->how == 't';
    uint64_t rows = vector ? t->dim[0] : t->dim[1];
    uint64_t cols = vector ? 1 : t->dim[0];

    for (uint64_t i = 0; i < (turned ? cols : rows); i++)
        for (uint64_t k = 0; k < (turned ? rows : cols); k++) {
            uint64_t at = turned ? k * cols + i
                                 : row_of(how, i, rows) * cols + k;
            float v;

            memcpy(&v, (const char *)t->data + 4 * at, 4);
            v -= how->how == '1' ? 1.0f : 0.0f;
            fwrite(&v, 4, 1, f);
        }
}

/* With what is asked for in place of its beginning. */
static const char *
renamed(const char *name, char buf[256])
{
    for (char **r = renames; *r != NULL; r += 2)
        if (strncmp(name, r[0], strlen(r[0])) == 0) {
            snprintf(buf, 256, "%s%s", r[1], name + strlen(r[0]));
            return buf;
        }
    return name;
}

static void
put_tensors(void)
{
    static char head[65536];
    size_t len = 0, n = sov_model_count(model);
    uint64_t off = 0, size;
    FILE *f = create("model.safetensors");
    char name[128], other[256];

    for (size_t i = 0; i < n; i++) {
        const struct sov_tensor *t = sov_model_at(model, i);
        const struct name *how = published(t->name, name);
        bool turned = how != NULL && how->how == 't';

        if (t->type != SOV_TYPE_F32)
            die("a tensor that is not f32");
        if (how == NULL)
            continue;
        len += (size_t)snprintf(head + len, sizeof(head) - len,
                                "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[",
                                len == 0 ? "{" : ",", renamed(name, other));
        if (t->ndim == 2)
            len += (size_t)snprintf(head + len, sizeof(head) - len, "%llu,",
                                    (unsigned long long)t->dim[!turned]);
        len += (size_t)snprintf(
            head + len, sizeof(head) - len,
            "%llu],\"data_offsets\":[%llu,%llu]}",
            (unsigned long long)t->dim[turned], (unsigned long long)off,
            (unsigned long long)(off + t->size));
        off += t->size;
        if (len > sizeof(head) - 512)
            die("too many tensors");
    }
    head[len++] = '}';
    while (len % 8 != 0)
        head[len++] = ' ';
    size = len; /* of a little-endian machine, as the numbers are */
    fwrite(&size, 8, 1, f);
    fwrite(head, 1, len, f);
    for (size_t i = 0; i < n; i++) {
        const struct name *how = published(sov_model_at(model, i)->name, name);

        if (how != NULL)
            put_data(f, sov_model_at(model, i), how);
    }
    fclose(f);
}

/* ---- tokenizer.model */

static void
put_vocab(void)
{
    FILE *f = create("tokenizer.model");
    double n = 0;

    if (!number("vocab_size", &n) || !tiny_spm(f, (int)n))
        die("a vocabulary that is not tiny");
    fclose(f);
}

int
main(int argc, char **argv)
{
    struct sov_span name = { 0 };
    struct sov_err err = { 0 };

    if (argc < 3 || argc % 2 == 0)
        die("usage: mkhf MODEL.gguf DIR [OLD NEW]...");
    renames = argv + 3;
    dir = argv[2];
    if (sov_model_open(&model, argv[1], SOV_ACCESS_MAP, &err) < 0)
        die(err.msg);
    if (sov_meta_str(sov_model_meta(model), "general.architecture", &name,
                     &err) != 0 ||
        name.len >= sizeof(arch))
        die("no architecture");
    memcpy(arch, name.p, name.len);
    put_config();
    put_tensors();
    put_vocab();
    sov_model_close(model);
    return 0;
}
