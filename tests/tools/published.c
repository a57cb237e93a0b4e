/* SPDX-License-Identifier: Apache-2.0 */
/*
 * published.c - what tools have in common that write a tiny model as its maker
 * would have published it
 */
#include "published.h"

#include "tinyspm.h"

#include <stdlib.h>
#include <string.h>

sov_model *pub_model;
char pub_arch[32];

static const char *tool_name;
static const char *folder;

/* clang-format off */
static const struct pub_name common[] = {
    { "", "attn_norm.weight",           "input_layernorm.weight", 0 },
    { "", "attn_norm.bias",             "input_layernorm.bias", 0 },
    { "", "ffn_norm.weight",            "post_attention_layernorm.weight", 0 },
    { "", "ffn_norm.bias",              "post_attention_layernorm.bias", 0 },
    { "", "post_attention_norm.weight", "post_attention_layernorm.weight", 0 },
    { "", "post_ffw_norm.weight",       "post_feedforward_layernorm.weight", 0 },
    { "", "attn_q.weight",              "self_attn.q_proj.weight", 0 },
    { "", "attn_k.weight",              "self_attn.k_proj.weight", 0 },
    { "", "attn_v.weight",              "self_attn.v_proj.weight", 0 },
    { "", "attn_output.weight",         "self_attn.o_proj.weight", 0 },
    { "", "attn_q.bias",                "self_attn.q_proj.bias", 0 },
    { "", "attn_k.bias",                "self_attn.k_proj.bias", 0 },
    { "", "attn_v.bias",                "self_attn.v_proj.bias", 0 },
    { "", "attn_output.bias",           "self_attn.o_proj.bias", 0 },
    { "", "attn_q_norm.weight",         "self_attn.q_norm.weight", 0 },
    { "", "attn_k_norm.weight",         "self_attn.k_norm.weight", 0 },
    { "", "ffn_gate.weight",            "mlp.gate_proj.weight", 0 },
    { "", "ffn_up.weight",              "mlp.up_proj.weight", 0 },
    { "", "ffn_down.weight",            "mlp.down_proj.weight", 0 },
};

static const struct pub_name common_ends[] = {
    { "", "output_norm.weight", "model.norm.weight", 0 },
    { "", "output_norm.bias",   "model.norm.bias", 0 },
    { "", "token_embd.weight",  "model.embed_tokens.weight", 0 },
    { "", "output.weight",      "lm_head.weight", 0 },
};

static const struct pub_member common_members[] = {
    { "", "hidden_size",             "embedding_length", false },
    { "", "intermediate_size",       "feed_forward_length", false },
    { "", "num_hidden_layers",       "block_count", false },
    { "", "num_attention_heads",     "attention.head_count", false },
    { "", "num_key_value_heads",     "attention.head_count_kv", false },
    { "", "max_position_embeddings", "context_length", false },
    { "", "vocab_size",              "vocab_size", false },
    { "", "head_dim",                "attention.key_length", false },
    { "", "rms_norm_eps",            "attention.layer_norm_rms_epsilon", true },
    { "", "rope_theta",              "rope.freq_base", true },
};
/* clang-format on */

void
pub_die(const char *what)
{
    fprintf(stderr, "%s: %s\n", tool_name != NULL ? tool_name : "?", what);
    exit(70);
}

void
pub_open(const char *tool, const char *model, const char *dir)
{
    struct sov_span name = { 0 };
    struct sov_err err = { 0 };

    tool_name = tool;
    folder = dir;
    if (sov_model_open(&pub_model, model, SOV_ACCESS_MAP, &err) < 0)
        pub_die(err.msg);
    if (sov_meta_str(sov_model_meta(pub_model), "general.architecture", &name,
                     &err) != 0 ||
        name.len >= sizeof(pub_arch))
        pub_die("no architecture");
    memcpy(pub_arch, name.p, name.len);
}

FILE *
pub_create(const char *name)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "wb");
    if (f == NULL)
        pub_die("cannot create a file");
    return f;
}

bool
pub_is_for(const char *which)
{
    return strncmp(pub_arch, which, strlen(which)) == 0;
}

bool
pub_number(const char *name, double *v)
{
    const sov_meta *meta = sov_model_meta(pub_model);
    uint64_t whole;
    char key[128];

    snprintf(key, sizeof(key), "%s.%s", pub_arch, name);
    if (sov_meta_u64(meta, key, &whole, NULL) == 0) {
        *v = (double)whole;
        return true;
    }
    return sov_meta_f64(meta, key, v, NULL) == 0;
}

/* ---- config.json */

void
pub_put_members(FILE *f, const struct pub_member *m, size_t n)
{
    double v;

    for (; n > 0; n--, m++)
        if (pub_is_for(m->arch) && pub_number(m->key, &v))
            fprintf(f, m->real ? " \"%s\": %.9g,\n" : " \"%s\": %.0f,\n",
                    m->member, v);
}

void
pub_put_common(FILE *f)
{
    pub_put_members(f, common_members,
                    sizeof(common_members) / sizeof(*common_members));
}

static void
put_factors(FILE *f, const char *member, const char *tensor)
{
    int64_t i = sov_model_find(pub_model, tensor);
    const struct sov_tensor *t;
    float v;

    if (i < 0)
        return;
    t = sov_model_at(pub_model, (size_t)i);
    fprintf(f, ", \"%s\": [", member);
    for (uint64_t k = 0; k < t->dim[0]; k++) {
        memcpy(&v, (const char *)t->data + 4 * k, 4);
        fprintf(f, "%s%.9g", k > 0 ? ", " : "", (double)v);
    }
    fprintf(f, "]");
}

void
pub_put_rope(FILE *f)
{
    struct sov_span type = { 0 };
    char key[64];
    double v;

    snprintf(key, sizeof(key), "%s.rope.scaling.type", pub_arch);
    if (sov_meta_str(sov_model_meta(pub_model), key, &type, NULL) != 0)
        return;
    fprintf(f, " \"rope_scaling\": {\"rope_type\": \"%.*s\"", (int)type.len,
            (const char *)type.p);
    if (pub_number("rope.scaling.factor", &v))
        fprintf(f, ", \"factor\": %.9g", v);
    if (pub_number("rope.scaling.original_context_length", &v))
        fprintf(f, ", \"original_max_position_embeddings\": %.0f", v);
    put_factors(f, "long_factor", "rope_factors_long.weight");
    put_factors(f, "short_factor", "rope_factors_short.weight");
    fprintf(f, "},\n");
}

/* ---- model.safetensors */

static const struct pub_name *
look(const struct pub_name *names, size_t n, const char *is)
{
    for (; n > 0; n--, names++)
        if (pub_is_for(names->arch) && strcmp(names->is, is) == 0)
            return names;
    return NULL;
}

const struct pub_name *
pub_find(const struct pub_name *names, size_t n, const struct pub_name *ends,
         size_t n_ends, const char *layers, const char *is, char buf[128])
{
    const struct pub_name *found;
    char *rest = NULL;
    unsigned long layer;

    if (strncmp(is, "rope_", 5) == 0)
        return NULL;
    if (strncmp(is, "blk.", 4) != 0) {
        found = look(ends, n_ends, is);
        if (found == NULL)
            found = look(common_ends,
                         sizeof(common_ends) / sizeof(*common_ends), is);
        if (found == NULL)
            pub_die("a tensor without a published name");
        snprintf(buf, 128, "%s", found->was);
        return found;
    }
    layer = strtoul(is + 4, &rest, 10);
    found = look(names, n, rest + 1);
    if (found == NULL)
        found = look(common, sizeof(common) / sizeof(*common), rest + 1);
    if (found == NULL)
        pub_die("a tensor without a published name");
    snprintf(buf, 128, "%s.%lu.%s", layers, layer, found->was);
    return found;
}

uint64_t
pub_row(char how, uint64_t i, uint64_t n_rows)
{
    double heads = 1;
    uint64_t len, in;

    if (how != 'q' && how != 'k')
        return i;
    if (!pub_number(how == 'q' ? "attention.head_count"
                               : "attention.head_count_kv",
                    &heads))
        pub_die("no heads");
    len = n_rows / (uint64_t)heads;
    in = i % len;
    return i - in + (in < len / 2 ? 2 * in : 2 * (in - len / 2) + 1);
}

void
pub_put_header(FILE *f, char *head, size_t *len)
{
    uint64_t size;

    head[(*len)++] = '}';
    while (*len % 8 != 0)
        head[(*len)++] = ' ';
    size = *len; /* of a little-endian machine, as the numbers are */
    fwrite(&size, 8, 1, f);
    fwrite(head, 1, *len, f);
}

/* ---- tokenizer.model */

void
pub_put_vocab(void)
{
    FILE *f = pub_create("tokenizer.model");
    double n = 0;

    if (!pub_number("vocab_size", &n) || !tiny_spm(f, (int)n))
        pub_die("a vocabulary that is not tiny");
    fclose(f);
}
