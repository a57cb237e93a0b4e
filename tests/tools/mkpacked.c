/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkpacked.c - a tiny model as its maker would have published it, with experts or
 * in few bits
 *
 *     mkpacked [OPTION]... MODEL.gguf DIR
 *
 *     fp8=ROWSxCOLS  matrices of layers in 8 bits, with a scale for each so many
 *     fp8=row        ... for each row
 *     fp8=all        ... for all
 *     plain=1        ... but as the f32 that these are
 *     leave=NAME     without that tensor
 *     nan=NAME       whose second scale is no number
 *     sparse=1       no numbers are written, the file is a hole
 *
 * MODEL is one of mkmodel form=..., f32 but for experts of gpt-oss in MXFP4;
 * DIR must be there.  config.json, model.safetensors and a tokenizer.model are
 * written to it.  The names and
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
#include <unistd.h>

/* blk.N.is is model.layers.N.was; how: 'q' and 'k' regrouped heads, '1' less
 * one, 'x' one for each expert, whose number is in place of the *, 't' exchanged
 * rows and columns, 'g' likewise, with the up projection's row behind each, 'b'
 * its bias, '-' nothing of its own. */
struct name {
    const char *arch; /* what it begins with, or "" */
    const char *is;
    const char *was;
    char how;
};

/* clang-format off */
static const struct name names[] = {
    { "phi3",    "attn_qkv.weight",            "self_attn.qkv_proj.weight", 0 },
    { "phi3",    "ffn_up.weight",              "mlp.gate_up_proj.weight", 0 },
    { "llama",   "ffn_gate_inp.weight",        "block_sparse_moe.gate.weight", 0 },
    { "llama",   "ffn_gate_exps.weight",       "block_sparse_moe.experts.*.w1.weight", 'x' },
    { "llama",   "ffn_up_exps.weight",         "block_sparse_moe.experts.*.w3.weight", 'x' },
    { "llama",   "ffn_down_exps.weight",       "block_sparse_moe.experts.*.w2.weight", 'x' },
    { "qwen3moe", "ffn_gate_inp.weight",       "mlp.gate.weight", 0 },
    { "qwen3moe", "ffn_gate_exps.weight",      "mlp.experts.*.gate_proj.weight", 'x' },
    { "qwen3moe", "ffn_up_exps.weight",        "mlp.experts.*.up_proj.weight", 'x' },
    { "qwen3moe", "ffn_down_exps.weight",      "mlp.experts.*.down_proj.weight", 'x' },
    { "gpt-oss", "attn_sinks.weight",          "self_attn.sinks", 0 },
    { "gpt-oss", "post_attention_norm.weight", "post_attention_layernorm.weight", 0 },
    { "gpt-oss", "ffn_gate_inp.weight",        "mlp.router.weight", 0 },
    { "gpt-oss", "ffn_gate_inp.bias",          "mlp.router.bias", 0 },
    { "gpt-oss", "ffn_gate_exps.weight",       "mlp.experts.gate_up_proj", 'g' },
    { "gpt-oss", "ffn_gate_exps.bias",         "mlp.experts.gate_up_proj_bias", 'b' },
    { "gpt-oss", "ffn_up_exps.weight",         "", '-' },
    { "gpt-oss", "ffn_up_exps.bias",           "", '-' },
    { "gpt-oss", "ffn_down_exps.weight",       "mlp.experts.down_proj", 't' },
    { "gpt-oss", "ffn_down_exps.bias",         "mlp.experts.down_proj_bias", 0 },
    { "llama",   "attn_q.weight",              "self_attn.q_proj.weight", 'q' },
    { "llama",   "attn_k.weight",              "self_attn.k_proj.weight", 'k' },
    { "llama",   "attn_q.bias",                "self_attn.q_proj.bias", 'q' },
    { "llama",   "attn_k.bias",                "self_attn.k_proj.bias", 'k' },
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
    { "",        "hidden_size",             "embedding_length", false },
    { "",        "intermediate_size",       "feed_forward_length", false },
    { "",        "num_hidden_layers",       "block_count", false },
    { "",        "num_attention_heads",     "attention.head_count", false },
    { "",        "num_key_value_heads",     "attention.head_count_kv", false },
    { "",        "max_position_embeddings", "context_length", false },
    { "",        "vocab_size",              "vocab_size", false },
    { "",        "head_dim",                "attention.key_length", false },
    { "",        "rms_norm_eps",            "attention.layer_norm_rms_epsilon", true },
    { "",        "rope_theta",              "rope.freq_base", true },
    { "llama",   "num_local_experts",       "expert_count", false },
    { "gpt-oss", "num_local_experts",       "expert_count", false },
    { "gpt-oss", "sliding_window",          "attention.sliding_window", false },
    { "qwen3moe", "num_experts",            "expert_count", false },
    { "qwen3moe", "moe_intermediate_size",  "expert_feed_forward_length", false },
    { "",        "num_experts_per_tok",     "expert_used_count", false },
    { "phi3",    "original_max_position_embeddings",
      "rope.scaling.original_context_length", false },
};

static const struct {
    const char *arch;
    const char *class;
    const char *act;
} classes[] = {
    { "llama",      "LlamaForCausalLM",      "silu" },
    { "mixtral",    "MixtralForCausalLM",    "silu" },
    { "qwen3moe",   "Qwen3MoeForCausalLM",   "silu" },
    { "gpt-oss",    "GptOssForCausalLM",     "silu" },
    { "qwen3",      "Qwen3ForCausalLM",      "silu" },
    { "phi3",       "Phi3ForCausalLM",       "silu" },
};
/* clang-format on */

static sov_model *model;
static char arch[32];
static const char *dir;
static const char *leave; /* a published name, or NULL */
static const char *nan_in; /* likewise */
static bool sparse;

/* 8 bits: NULL, "row", "all", or "ROWSxCOLS". */
static const char *fp8;
static bool plain;
static uint64_t tall, wide;

static void
die(const char *what)
{
    fprintf(stderr, "mkpacked: %s\n", what);
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

static void
put_packing(FILE *f)
{
    int64_t exps = sov_model_find(model, "blk.0.ffn_gate_exps.weight");

    if (exps >= 0 && sov_model_at(model, (size_t)exps)->type == SOV_TYPE_MXFP4)
        fprintf(f, " \"quantization_config\": {\"quant_method\": "
                   "\"mxfp4\"},\n");
    if (fp8 == NULL || plain)
        return;
    fprintf(f, " \"quantization_config\": {\"quant_method\": ");
    if (strcmp(fp8, "row") == 0)
        fprintf(f, "\"fbgemm_fp8\"},\n");
    else if (strcmp(fp8, "all") == 0)
        fprintf(f, "\"compressed-tensors\", \"format\": \"float-quantized\","
                   " \"config_groups\": {\"group_0\": {\"weights\": "
                   "{\"num_bits\": 8, \"type\": \"float\", \"strategy\": "
                   "\"tensor\", \"symmetric\": true}}}},\n");
    else
        fprintf(f, "\"fp8\", \"weight_block_size\": [%llu, %llu]},\n",
                (unsigned long long)tall, (unsigned long long)wide);
}

static void
put_config(void)
{
    FILE *f = create("config.json");
    size_t n = sizeof(classes) / sizeof(*classes), i = 0;
    double v;

    while (i < n && strcmp(classes[i].arch, is_for("llama") && number("expert_count", &v) ? "mixtral" : arch) != 0)
        i++;
    if (i == n)
        die("no class of this architecture");
    fprintf(f, "{\"architectures\": [\"%s\"],\n", classes[i].class);
    for (size_t k = 0; k < sizeof(members) / sizeof(*members); k++)
        if (is_for(members[k].arch) && number(members[k].key, &v))
            fprintf(f, members[k].real ? " \"%s\": %.9g,\n" : " \"%s\": %.0f,\n",
                    members[k].member, v);
    put_rope(f);
    put_packing(f);
    if (is_for("qwen3moe"))
        fprintf(f, " \"norm_topk_prob\": true,\n");
    fprintf(f, " \"hidden_act\": \"%s\", \"tie_word_embeddings\": %s}\n",
            classes[i].act,
            sov_model_find(model, "output.weight") < 0 ? "true" : "false");
    fclose(f);
}

/* ---- model.safetensors */

/* One tensor of it, and what it is made of. */
struct out {
    char name[192];
    const char *dtype;
    unsigned ndim;
    uint64_t dim[4]; /* as its maker counts them */
    uint64_t size;
    const struct name *how;
    const struct sov_tensor *t;
    const struct sov_tensor *up; /* of 'g' and 'b' */
    uint64_t expert;             /* of 'x' */
    char part;                   /* 'c' codes, 's' scales; 0: numbers */
};

static struct out outs[4096];
static size_t n_outs;

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
            snprintf(buf, 128, "%s.%lu.%s",
                     "model.layers", layer, names[i].was);
            return &names[i];
        }
    die("a tensor without a published name");
    return NULL;
}

static struct out *
add(const char *name, const char *dtype, const struct name *how,
    const struct sov_tensor *t, unsigned ndim, const uint64_t *dim)
{
    struct out *o = &outs[n_outs];

    if (n_outs == sizeof(outs) / sizeof(*outs))
        die("too many tensors");
    *o = (struct out){ .dtype = dtype, .ndim = ndim, .how = how, .t = t };
    snprintf(o->name, sizeof(o->name), "%s", name);
    o->size = strcmp(dtype, "F32") == 0 ? 4 : 1;
    for (unsigned i = 0; i < ndim; i++) {
        o->dim[i] = dim[i];
        o->size *= dim[i];
    }
    if (leave == NULL || strcmp(leave, name) != 0)
        n_outs++;
    return o;
}

/* A matrix of a layer, in 8 bits and with scales if that is asked for. */
static void
add_matrix(const char *name, const struct name *how, const struct sov_tensor *t,
           uint64_t expert)
{
    const uint64_t dim[] = { t->dim[1], t->dim[0] };
    bool small = fp8 != NULL && !plain && strncmp(t->name, "blk.", 4) == 0 &&
                 strstr(t->name, "ffn_gate_inp") == NULL;
    uint64_t grid[2] = { dim[0], 1 };
    char side[160];

    add(name, small ? "F8_E4M3" : "F32", how, t, 2, dim)->expert = expert;
    if (!small)
        return;
    if (tall > 0) {
        grid[0] = (dim[0] + tall - 1) / tall;
        grid[1] = (dim[1] + wide - 1) / wide;
    }
    snprintf(side, sizeof(side), "%s_scale%s", name, tall > 0 ? "_inv" : "");
    add(side, "F32", how, t, strcmp(fp8, "all") == 0 ? 0 : 2, grid)->part = 's';
    outs[n_outs - 1].expert = expert;
}

static void
add_experts(const char *name, const struct name *how,
            const struct sov_tensor *t)
{
    const char *star = strchr(name, '*');

    for (uint64_t i = 0; i < t->dim[2]; i++) {
        char full[160];

        snprintf(full, sizeof(full), "%.*s%llu%s", (int)(star - name), name,
                 (unsigned long long)i, star + 1);
        add_matrix(full, how, t, i);
    }
}

/* gpt-oss: all experts, maybe of gate and up together. */
static void
add_fused(const char *name, const struct name *how, const struct sov_tensor *t)
{
    uint64_t n = how->how == 't' ? 1 : 2;
    const uint64_t bias[] = { t->dim[1], n * t->dim[0] };
    const uint64_t turned[] = { t->dim[2], t->dim[0], n * t->dim[1] };
    const uint64_t codes[] = { t->dim[2], n * t->dim[1], t->dim[0] / 32, 16 };
    const struct sov_tensor *up = NULL;
    size_t first = n_outs;
    char other[128], *gate;

    snprintf(other, sizeof(other), "%s", t->name);
    gate = strstr(other, "gate_exps");
    if (gate != NULL) {
        char rest[32];

        snprintf(rest, sizeof(rest), "%s", gate + 4);
        snprintf(gate, 64, "up%s", rest);
        up = sov_model_at(model, (size_t)sov_model_find(model, other));
    }
    if (how->how == 'b') {
        add(name, "F32", how, t, 2, bias);
    } else if (t->type != SOV_TYPE_MXFP4) {
        add(name, "F32", how, t, 3, turned);
    } else {
        char full[160];

        snprintf(full, sizeof(full), "%s_blocks", name);
        add(full, "U8", how, t, 4, codes)->part = 'c';
        snprintf(full, sizeof(full), "%s_scales", name);
        add(full, "U8", how, t, 3, codes)->part = 's';
    }
    while (first < n_outs)
        outs[first++].up = up;
}

static void
plan_tensors(void)
{
    for (size_t i = 0; i < sov_model_count(model); i++) {
        const struct sov_tensor *t = sov_model_at(model, i);
        char name[128];
        const struct name *how = published(t->name, name);

        if (how == NULL || how->how == '-')
            continue;
        if (how->how == 'g' || how->how == 't' || how->how == 'b')
            add_fused(name, how, t);
        else if (t->type != SOV_TYPE_F32)
            die("a tensor that is not f32");
        else if (how->how == 'x')
            add_experts(name, how, t);
        else if (t->ndim == 2 && strstr(name, "_bias") == NULL)
            add_matrix(name, how, t, 0);
        else
            add(name, "F32", how, t, t->ndim,
                t->ndim == 1 ? t->dim : (const uint64_t[]){ t->dim[1],
                                                            t->dim[0] });
    }
}

/* Row i of what is published is row ... of the tensor. */
static uint64_t
row_of(const struct name *how, uint64_t i, uint64_t n_rows)
{
    double heads = 1;
    uint64_t len, in;

    if (how->how != 'q' && how->how != 'k')
        return i;
    if (!number(how->how == 'q' ? "attention.head_count"
                                : "attention.head_count_kv", &heads))
        die("no heads");
    len = n_rows / (uint64_t)heads;
    in = i % len;
    return i - in + (in < len / 2 ? 2 * in : 2 * (in - len / 2) + 1);
}

/* A weight in f32, as it is published. */
static float
weight(const struct out *o, uint64_t row, uint64_t col)
{
    const struct sov_tensor *t = o->t;
    bool vector = t->ndim == 1;
    uint64_t rows = vector ? t->dim[0] : t->dim[1];
    uint64_t cols = vector ? 1 : t->dim[0];
    float v;

    memcpy(&v,
           (const char *)t->data +
               4 * ((o->expert * rows + row_of(o->how, row, rows)) * cols +
                    col),
           4);
    return v - (o->how->how == '1' ? 1.0f : 0.0f);
}

/* ---- 8 bits: sign, 4 of exponent, 3 of mantissa; no infinity */

static float
number_of(unsigned code)
{
    unsigned e = code >> 3 & 15, m = code & 7;
    float v = e == 0 ? (float)m / 512 : (float)(8 + m) / 8;

    for (unsigned i = 7; i < e; i++)
        v *= 2;
    for (unsigned i = e; e > 0 && i < 7; i++)
        v /= 2;
    return code & 128 ? -v : v;
}

static unsigned
nearest(float v)
{
    unsigned best = 0;
    float least = 1e30f;

    for (unsigned i = 0; i < 256; i++) {
        float d = number_of(i) - v;

        d = d < 0 ? -d : d;
        if (d < least && (i & 127) != 127) {
            least = d;
            best = i;
        }
    }
    return best;
}

/* The scale of what has one in common with the weight. */
static float
scale_of(const struct out *o, uint64_t row, uint64_t col)
{
    uint64_t rows = o->t->dim[1], cols = o->t->dim[0];
    uint64_t h = tall > 0 ? tall : strcmp(fp8, "row") == 0 ? 1 : rows;
    uint64_t w = tall > 0 ? wide : cols;
    float most = 0;

    for (uint64_t i = row / h * h; i < rows && i < (row / h + 1) * h; i++)
        for (uint64_t k = col / w * w; k < cols && k < (col / w + 1) * w; k++) {
            float v = weight(o, i, k);

            v = v < 0 ? -v : v;
            most = v > most ? v : most;
        }
    return most / 448;
}

static void
put_float(FILE *f, float v)
{
    fwrite(&v, 4, 1, f);
}

static bool
spoilt(const struct out *o, uint64_t i)
{
    return i == 1 && nan_in != NULL && strcmp(nan_in, o->name) == 0;
}

static void
put_scales(FILE *f, const struct out *o)
{
    uint64_t rows = o->ndim > 0 ? o->dim[0] : 1;
    uint64_t cols = o->ndim > 0 ? o->dim[1] : 1;

    for (uint64_t i = 0; i < rows; i++)
        for (uint64_t k = 0; k < cols; k++)
            put_float(f, spoilt(o, i * cols + k)
                             ? 0.0f / 0.0f
                             : scale_of(o, i * (tall > 0 ? tall : 1),
                                        k * (tall > 0 ? wide : 1)));
}

static void
put_matrix(FILE *f, const struct out *o)
{
    bool small = strcmp(o->dtype, "F32") != 0;
    bool round = fp8 != NULL && plain && strncmp(o->t->name, "blk.", 4) == 0 &&
                 strstr(o->t->name, "ffn_gate_inp") == NULL && o->ndim == 2 &&
                 strstr(o->name, "_bias") == NULL;
    uint64_t rows = o->dim[0];
    uint64_t cols = o->ndim == 1 ? 1 : o->dim[1];

    for (uint64_t i = 0; i < rows; i++)
        for (uint64_t k = 0; k < cols; k++) {
            float v = weight(o, i, k);
            float scale = small || round ? scale_of(o, i, k) : 1;
            unsigned code = small || round ? nearest(v / scale) : 0;

            if (small)
                fputc((int)code, f);
            else
                put_float(f, round ? number_of(code) * scale : v);
        }
}

/* ---- gpt-oss */

/* A row of the pair: gate and up in turn. */
static const struct sov_tensor *
of_pair(const struct out *o, uint64_t *row)
{
    const struct sov_tensor *t = o->up != NULL && *row % 2 == 1 ? o->up : o->t;

    *row = o->up != NULL ? *row / 2 : *row;
    return t;
}

static void
put_turned(FILE *f, const struct out *o)
{
    bool bias = o->how->how == 'b';
    uint64_t cols = bias ? 1 : o->dim[1], rows = o->dim[bias ? 1 : 2];

    for (uint64_t e = 0; e < o->dim[0]; e++)
        for (uint64_t k = 0; k < cols; k++)
            for (uint64_t i = 0; i < rows; i++) {
                uint64_t row = i;
                const struct sov_tensor *t = of_pair(o, &row);
                uint64_t n = o->up != NULL ? rows / 2 : rows;

                fwrite((const char *)t->data + 4 * ((e * n + row) * cols + k),
                       4, 1, f);
            }
}

/* MXFP4 of GGUF: u8 exponent, then 16 bytes with weight i in the low half of
 * byte i and weight 16 + i in the high half. */
static void
put_codes(FILE *f, const struct out *o)
{
    uint64_t n = o->dim[0] * o->dim[1], blocks = o->dim[2];
    uint64_t each = o->up != NULL ? o->dim[1] / 2 : o->dim[1];

    for (uint64_t i = 0; i < n; i++) {
        uint64_t row = i % o->dim[1];
        const struct sov_tensor *t = of_pair(o, &row);
        const unsigned char *p = (const unsigned char *)t->data +
                                 (i / o->dim[1] * each + row) * blocks * 17;

        for (uint64_t b = 0; b < blocks; b++, p += 17) {
            unsigned char w[32];

            for (unsigned k = 0; k < 16; k++) {
                w[k] = p[1 + k] & 15;
                w[16 + k] = p[1 + k] >> 4;
            }
            if (o->part == 's')
                fputc(spoilt(o, i * blocks + b) ? 255 : p[0], f);
            for (unsigned k = 0; k < 16 && o->part == 'c'; k++)
                fputc(w[2 * k] + 16 * w[2 * k + 1], f);
        }
    }
}

static void
put_data(FILE *f, const struct out *o)
{
    char how = o->how->how;

    if (o->t->type == SOV_TYPE_MXFP4)
        put_codes(f, o);
    else if (how == 'g' || how == 't' || how == 'b')
        put_turned(f, o);
    else if (o->part == 's')
        put_scales(f, o);
    else
        put_matrix(f, o);
}

static void
put_tensors(void)
{
    static char head[1 << 20];
    size_t len = 0;
    uint64_t off = 0, size;
    FILE *f = create("model.safetensors");

    plan_tensors();
    for (size_t i = 0; i < n_outs; i++) {
        const struct out *o = &outs[i];

        if (len > sizeof(head) - 512)
            die("too many tensors");
        len += (size_t)snprintf(head + len, sizeof(head) - len,
                                "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[",
                                len == 0 ? "{" : ",", o->name, o->dtype);
        for (unsigned k = 0; k < o->ndim; k++)
            len += (size_t)snprintf(head + len, sizeof(head) - len, "%s%llu",
                                    k > 0 ? "," : "",
                                    (unsigned long long)o->dim[k]);
        len += (size_t)snprintf(
            head + len, sizeof(head) - len,
            "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)off,
            (unsigned long long)(off + o->size));
        off += o->size;
    }
    head[len++] = '}';
    while (len % 8 != 0)
        head[len++] = ' ';
    size = len; /* of a little-endian machine, as the numbers are */
    fwrite(&size, 8, 1, f);
    fwrite(head, 1, len, f);
    for (size_t i = 0; i < n_outs && !sparse; i++)
        put_data(f, &outs[i]);
    if (fflush(f) != 0 ||
        (sparse && ftruncate(fileno(f), (off_t)(8 + len + off)) != 0))
        die("cannot write");
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

static void
set(const char *arg)
{
    unsigned long long a = 0, b = 0;

    if (strncmp(arg, "fp8=", 4) == 0) {
        fp8 = arg + 4;
        if (sscanf(fp8, "%llux%llu", &a, &b) == 2) {
            tall = a;
            wide = b;
        }
    } else if (strcmp(arg, "plain=1") == 0) {
        plain = true;
    } else if (strncmp(arg, "leave=", 6) == 0) {
        leave = arg + 6;
    } else if (strncmp(arg, "nan=", 4) == 0) {
        nan_in = arg + 4;
    } else if (strcmp(arg, "sparse=1") == 0) {
        sparse = true;
    } else {
        die("no such option");
    }
}

int
main(int argc, char **argv)
{
    struct sov_span name = { 0 };
    struct sov_err err = { 0 };

    if (argc < 3)
        die("usage: mkpacked [OPTION]... MODEL.gguf DIR");
    for (int i = 1; i < argc - 2; i++)
        set(argv[i]);
    dir = argv[argc - 1];
    if (sov_model_open(&model, argv[argc - 2], SOV_ACCESS_MAP, &err) < 0)
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
