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
 *     fused=1        the experts of a layer are one tensor, as Transformers 5
 *                    has them in memory
 *     powers=1       scales are powers of two, in a byte
 *
 * MODEL is one of mkmodel form=..., f32 but for experts of gpt-oss in MXFP4;
 * DIR must be there.  config.json, model.safetensors and a tokenizer.model are
 * written to it.  The names and habits are from the published models' own
 * descriptions, and nothing is shared with the import, which is judged by it:
 * what it makes of DIR must answer as MODEL does.
 */
#include "published.h"

#include <string.h>
#include <unistd.h>

/* how: 'q' and 'k' regrouped heads, 'x' one for each expert, whose number is in
 * place of the *, 't' exchanged rows and columns, 'g' likewise, with the up
 * projection's row behind each, 'b' its bias, 'f' all experts as they are, maybe
 * each with its up projection below it, '-' nothing of its own. */

/* clang-format off */
static const struct pub_name names[] = {
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
};

/* With fused=1. */
static const struct pub_name fused_names[] = {
    { "llama",   "attn_q.weight",              "self_attn.q_proj.weight", 'q' },
    { "llama",   "attn_k.weight",              "self_attn.k_proj.weight", 'k' },
    { "",        "ffn_gate_inp.weight",        "mlp.gate.weight", 0 },
    { "",        "ffn_gate_exps.weight",       "mlp.experts.gate_up_proj", 'f' },
    { "",        "ffn_up_exps.weight",         "", '-' },
    { "",        "ffn_down_exps.weight",       "mlp.experts.down_proj", 'f' },
};

static const struct pub_member members[] = {
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

static const char *leave;  /* a published name, or NULL */
static const char *nan_in; /* likewise */
static bool sparse;
static bool fused;  /* experts are one tensor */
static bool powers; /* scales are powers of two */

/* 8 bits: NULL, "row", "all", or "ROWSxCOLS". */
static const char *fp8;
static bool plain;
static uint64_t tall, wide;

/* ---- config.json */

static void
put_packing(FILE *f)
{
    int64_t exps = sov_model_find(pub_model, "blk.0.ffn_gate_exps.weight");

    if (exps >= 0 &&
        sov_model_at(pub_model, (size_t)exps)->type == SOV_TYPE_MXFP4)
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
    FILE *f = pub_create("config.json");
    size_t n = sizeof(classes) / sizeof(*classes), i = 0;
    const char *name = pub_arch;
    double v;

    if (pub_is_for("llama") && pub_number("expert_count", &v))
        name = "mixtral";
    while (i < n && strcmp(classes[i].arch, name) != 0)
        i++;
    if (i == n)
        pub_die("no class of this architecture");
    fprintf(f, "{\"architectures\": [\"%s\"],\n", classes[i].class);
    pub_put_common(f);
    pub_put_members(f, members, sizeof(members) / sizeof(*members));
    pub_put_rope(f);
    put_packing(f);
    if (pub_is_for("qwen3moe"))
        fprintf(f, " \"norm_topk_prob\": true,\n");
    fprintf(f, " \"hidden_act\": \"%s\", \"tie_word_embeddings\": %s}\n",
            classes[i].act,
            sov_model_find(pub_model, "output.weight") < 0 ? "true" : "false");
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
    const struct pub_name *how;
    const struct sov_tensor *t;
    const struct sov_tensor *up; /* of 'g' and 'b' */
    uint64_t expert;             /* of 'x' */
    char part;                   /* 'c' codes, 's' scales; 0: numbers */
};

static struct out outs[4096];
static size_t n_outs;

static struct out *
add(const char *name, const char *dtype, const struct pub_name *how,
    const struct sov_tensor *t, unsigned ndim, const uint64_t *dim)
{
    struct out *o = &outs[n_outs];

    if (n_outs == sizeof(outs) / sizeof(*outs))
        pub_die("too many tensors");
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
add_matrix(const char *name, const struct pub_name *how,
           const struct sov_tensor *t, uint64_t expert)
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
    add(side, powers ? "F8_E8M0" : "F32", how, t,
        strcmp(fp8, "all") == 0 ? 0 : 2, grid)
        ->part = 's';
    outs[n_outs - 1].expert = expert;
}

static void
add_experts(const char *name, const struct pub_name *how,
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

/* All experts, maybe of gate and up together. */
static void
add_fused(const char *name, const struct pub_name *how,
          const struct sov_tensor *t)
{
    uint64_t n = strstr(t->name, "ffn_down") != NULL ? 1 : 2;
    const uint64_t bias[] = { t->dim[1], n * t->dim[0] };
    const uint64_t turned[] = { t->dim[2], t->dim[0], n * t->dim[1] };
    const uint64_t plain_dim[] = { t->dim[2], n * t->dim[1], t->dim[0] };
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
        up = sov_model_at(pub_model, (size_t)sov_model_find(pub_model, other));
    }
    if (how->how == 'b') {
        add(name, "F32", how, t, 2, bias);
    } else if (how->how == 'f') {
        add(name, "F32", how, t, 3, plain_dim);
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
    for (size_t i = 0; i < sov_model_count(pub_model); i++) {
        const struct sov_tensor *t = sov_model_at(pub_model, i);
        char name[128];
        const struct pub_name *how =
            pub_find(fused ? fused_names : names,
                     fused ? sizeof(fused_names) / sizeof(*fused_names)
                           : sizeof(names) / sizeof(*names),
                     NULL, 0, "model.layers", t->name, name);

        if (how == NULL || how->how == '-')
            continue;
        if (how->how != 0 && strchr("gtbf", how->how) != NULL)
            add_fused(name, how, t);
        else if (t->type != SOV_TYPE_F32)
            pub_die("a tensor that is not f32");
        else if (how->how == 'x')
            add_experts(name, how, t);
        else if (t->ndim == 2 && strstr(name, "_bias") == NULL)
            add_matrix(name, how, t, 0);
        else
            add(name, "F32", how, t, t->ndim,
                t->ndim == 1 ? t->dim
                             : (const uint64_t[]){ t->dim[1], t->dim[0] });
    }
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

    row = o->expert * rows + pub_row(o->how->how, row, rows);
    memcpy(&v, (const char *)t->data + 4 * (row * cols + col), 4);
    return v;
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
    float most = 0, scale;

    for (uint64_t i = row / h * h; i < rows && i < (row / h + 1) * h; i++)
        for (uint64_t k = col / w * w; k < cols && k < (col / w + 1) * w; k++) {
            float v = weight(o, i, k);

            v = v < 0 ? -v : v;
            most = v > most ? v : most;
        }
    if (!powers)
        return most / 448;
    for (scale = 0x1p-126f; scale < most / 448; scale *= 2)
        continue;
    return scale;
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

/* The exponent of a power of two, bias 127. */
static int
exponent(float v)
{
    int e = 127;

    for (; v < 1; v *= 2)
        e--;
    return e;
}

static void
put_scale(FILE *f, float v, bool no_number)
{
    if (powers)
        fputc(no_number ? 255 : exponent(v), f);
    else
        put_float(f, no_number ? 0.0f / 0.0f : v);
}

static void
put_scales(FILE *f, const struct out *o)
{
    uint64_t rows = o->ndim > 0 ? o->dim[0] : 1;
    uint64_t cols = o->ndim > 0 ? o->dim[1] : 1;

    for (uint64_t i = 0; i < rows; i++)
        for (uint64_t k = 0; k < cols; k++)
            put_scale(f,
                      scale_of(o, i * (tall > 0 ? tall : 1),
                               k * (tall > 0 ? wide : 1)),
                      spoilt(o, i * cols + k));
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

/* Each expert's matrix, and its up projection behind it. */
static void
put_behind(FILE *f, const struct out *o)
{
    size_t n = (size_t)(o->t->dim[0] * o->t->dim[1]) * 4;

    for (size_t e = 0; e < o->dim[0]; e++) {
        fwrite((const char *)o->t->data + e * n, 1, n, f);
        if (o->up != NULL)
            fwrite((const char *)o->up->data + e * n, 1, n, f);
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
    else if (how == 'f')
        put_behind(f, o);
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
    uint64_t off = 0;
    FILE *f = pub_create("model.safetensors");

    plan_tensors();
    for (size_t i = 0; i < n_outs; i++) {
        const struct out *o = &outs[i];

        if (len > sizeof(head) - 512)
            pub_die("too many tensors");
        len += (size_t)snprintf(head + len, sizeof(head) - len,
                                "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[",
                                len == 0 ? "{" : ",", o->name, o->dtype);
        for (unsigned k = 0; k < o->ndim; k++)
            len += (size_t)snprintf(head + len, sizeof(head) - len, "%s%llu",
                                    k > 0 ? "," : "",
                                    (unsigned long long)o->dim[k]);
        len += (size_t)snprintf(
            head + len, sizeof(head) - len, "],\"data_offsets\":[%llu,%llu]}",
            (unsigned long long)off, (unsigned long long)(off + o->size));
        off += o->size;
    }
    pub_put_header(f, head, &len);
    for (size_t i = 0; i < n_outs && !sparse; i++)
        put_data(f, &outs[i]);
    if (fflush(f) != 0 ||
        (sparse && ftruncate(fileno(f), (off_t)(8 + len + off)) != 0))
        pub_die("cannot write");
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
    } else if (strcmp(arg, "fused=1") == 0) {
        fused = true;
    } else if (strcmp(arg, "powers=1") == 0) {
        powers = true;
    } else {
        pub_die("no such option");
    }
}

int
main(int argc, char **argv)
{
    if (argc < 3)
        pub_die("usage: mkpacked [OPTION]... MODEL.gguf DIR");
    for (int i = 1; i < argc - 2; i++)
        set(argv[i]);
    pub_open("mkpacked", argv[argc - 2], argv[argc - 1]);
    put_config();
    put_tensors();
    pub_put_vocab();
    sov_model_close(pub_model);
    return 0;
}
