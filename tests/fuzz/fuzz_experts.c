/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_experts.c - a small model directory with experts, or in 8 or 4 bits,
 * whose tensors are not what they should be
 *
 * The input is cut at the first byte 1.  Before it: which model (m Mixtral, x
 * with all experts as one tensor, q Qwen 3 with experts, g gpt-oss in 4 bits, h
 * in 32, f Llama in 8 bits), then changes of three bytes each: which tensor,
 * what of it (x it is not there, d its type, e f8_e8m0 for that, 0 to 3 a
 * dimension, v its bytes), and the new value.  Behind it: config.json, or
 * nothing for a good one.
 */
#include "../unit/tinyhf.h"
#include "fuzz_export.h"

#include "sov/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST 64 /* tensors, and bytes of a dimension */

struct tensor {
    char name[120];
    char dtype; /* index of dtypes */
    bool gone;
    unsigned ndim;
    unsigned dim[4];
    int value; /* of all bytes, -1: any */
};

static const struct {
    const char *name;
    unsigned bytes;
} dtypes[] = {
    { "F32", 4 },     { "F16", 2 },     { "BF16", 2 }, { "F8_E4M3", 1 },
    { "F8_E5M2", 1 }, { "U8", 1 },      { "I8", 1 },   { "I32", 4 },
    { "F8_E8M0", 1 },
};

#define N_CHOSEN 8 /* of them by 'd' */

static struct tensor tensors[MOST];
static size_t n_tensors;
static char dir[64];

static void
add(const char *name, char dtype, const char *shape)
{
    struct tensor *t = &tensors[n_tensors++];

    memset(t, 0, sizeof(*t));
    snprintf(t->name, sizeof(t->name), "%s", name);
    t->dtype = dtype;
    t->value = -1;
    while (*shape != '\0') {
        t->dim[t->ndim++] = (unsigned)strtoul(shape, (char **)&shape, 10);
        shape += *shape == ',';
    }
}

static void
add_layer(const char *name, char dtype, const char *shape)
{
    char full[120];

    snprintf(full, sizeof(full), "model.layers.0.%.90s", name);
    add(full, dtype, shape);
}

/* A matrix with a scale for each 3 x 5 weights. */
static void
add_small(const char *name, const char *shape, const char *grid)
{
    char full[120];

    add_layer(name, 3, shape);
    snprintf(full, sizeof(full), "%.90s_scale_inv", name);
    add_layer(full, 0, grid);
}

static void
add_experts(const char *before, const char *gate, const char *up,
            const char *down)
{
    const char *const which[] = { gate, up, down };

    for (unsigned i = 0; i < 6; i++) {
        char name[96];

        snprintf(name, sizeof(name), "%s%u.%s.weight", before, i / 3,
                 which[i % 3]);
        add_layer(name, 0, i % 3 == 2 ? "8,6" : "6,8");
    }
}

static void
add_common(bool wide)
{
    const char *const w = wide ? "32" : "8";

    add("model.embed_tokens.weight", 0, wide ? "12,32" : "12,8");
    add("model.norm.weight", 0, w);
    add("lm_head.weight", 0, wide ? "12,32" : "12,8");
    add_layer("input_layernorm.weight", 0, w);
    add_layer("post_attention_layernorm.weight", 0, w);
}

static void
add_heads(void)
{
    add_layer("self_attn.q_proj.weight", 0, "8,8");
    add_layer("self_attn.k_proj.weight", 0, "4,8");
    add_layer("self_attn.v_proj.weight", 0, "4,8");
    add_layer("self_attn.o_proj.weight", 0, "8,8");
}

static void
add_gpt_oss(bool codes)
{
    static const char *const heads[][3] = { { "q", "8,32", "8" },
                                            { "k", "4,32", "4" },
                                            { "v", "4,32", "4" },
                                            { "o", "32,8", "32" } };

    for (size_t i = 0; i < 4; i++) {
        char name[64];

        snprintf(name, sizeof(name), "self_attn.%s_proj.weight", heads[i][0]);
        add_layer(name, 2, heads[i][1]);
        snprintf(name, sizeof(name), "self_attn.%s_proj.bias", heads[i][0]);
        add_layer(name, 2, heads[i][2]);
    }
    add_layer("self_attn.sinks", 2, "2");
    add_layer("mlp.router.weight", 2, "2,32");
    add_layer("mlp.router.bias", 2, "2");
    add_layer("mlp.experts.gate_up_proj_bias", 2, "2,64");
    add_layer("mlp.experts.down_proj_bias", 2, "2,32");
    if (codes) {
        add_layer("mlp.experts.gate_up_proj_blocks", 5, "2,64,1,16");
        add_layer("mlp.experts.gate_up_proj_scales", 5, "2,64,1");
        add_layer("mlp.experts.down_proj_blocks", 5, "2,32,1,16");
        add_layer("mlp.experts.down_proj_scales", 5, "2,32,1");
    } else {
        add_layer("mlp.experts.gate_up_proj", 0, "2,32,64");
        add_layer("mlp.experts.down_proj", 0, "2,32,32");
    }
}

/* clang-format off */
#define COMMON                                                               \
    " \"num_hidden_layers\": 1, \"num_attention_heads\": 2,"                 \
    " \"num_key_value_heads\": 1, \"vocab_size\": 12, \"head_dim\": 4,"      \
    " \"max_position_embeddings\": 64, \"num_experts_per_tok\": 2,"
#define NARROW COMMON "\"hidden_size\": 8, \"intermediate_size\": 6,"
#define WIDE COMMON "\"hidden_size\": 32, \"intermediate_size\": 32,"        \
    " \"sliding_window\": 8,"
/* clang-format on */

/* The tensors of a model; its config.json. */
static const char *
choose(char which)
{
    n_tensors = 0;
    add_common(which == 'g' || which == 'h');
    switch (which) {
    case 'q':
        add_heads();
        add_layer("self_attn.q_norm.weight", 0, "4");
        add_layer("self_attn.k_norm.weight", 0, "4");
        add_layer("mlp.gate.weight", 2, "2,8");
        add_experts("mlp.experts.", "gate_proj", "up_proj", "down_proj");
        return "{\"architectures\": [\"Qwen3MoeForCausalLM\"]," NARROW
               "\"num_experts\": 2, \"moe_intermediate_size\": 6,"
               "\"norm_topk_prob\": true}";
    case 'g':
        add_gpt_oss(true);
        return "{\"architectures\": [\"GptOssForCausalLM\"]," WIDE
               "\"num_local_experts\": 2, \"quantization_config\":"
               " {\"quant_method\": \"mxfp4\"}}";
    case 'h':
        add_gpt_oss(false);
        return "{\"architectures\": [\"GptOssForCausalLM\"]," WIDE
               "\"num_local_experts\": 2}";
    case 'f':
        add_small("self_attn.q_proj.weight", "8,8", "3,2");
        add_small("self_attn.k_proj.weight", "4,8", "2,2");
        add_small("self_attn.v_proj.weight", "4,8", "2,2");
        add_small("self_attn.o_proj.weight", "8,8", "3,2");
        add_small("mlp.gate_proj.weight", "6,8", "2,2");
        add_small("mlp.up_proj.weight", "6,8", "2,2");
        add_small("mlp.down_proj.weight", "8,6", "3,2");
        return "{\"architectures\": [\"LlamaForCausalLM\"]," NARROW
               "\"quantization_config\": {\"quant_method\": \"fp8\","
               " \"weight_block_size\": [3, 5]}}";
    case 'x':
        add_heads();
        add_layer("mlp.gate.weight", 2, "2,8");
        add_layer("mlp.experts.gate_up_proj", 2, "2,12,8");
        add_layer("mlp.experts.down_proj", 2, "2,8,6");
        return "{\"architectures\": [\"MixtralForCausalLM\"]," NARROW
               "\"num_local_experts\": 2}";
    default:
        add_heads();
        add_layer("block_sparse_moe.gate.weight", 2, "2,8");
        add_experts("block_sparse_moe.experts.", "w1", "w3", "w2");
        return "{\"architectures\": [\"MixtralForCausalLM\"]," NARROW
               "\"num_local_experts\": 2}";
    }
}

static void
change(const uint8_t *p)
{
    struct tensor *t = &tensors[p[0] % n_tensors];

    switch (p[1]) {
    case 'x':
        t->gone = true;
        break;
    case 'd':
        t->dtype = (char)(p[2] % N_CHOSEN);
        break;
    case 'e':
        t->dtype = N_CHOSEN;
        break;
    case 'v':
        t->value = p[2];
        break;
    default:
        if (p[1] >= '0' && p[1] < '4') {
            t->dim[p[1] - '0'] = p[2] % (MOST + 1);
            if (t->ndim < (unsigned)(p[1] - '0' + 1))
                t->ndim = (unsigned)(p[1] - '0' + 1);
        }
    }
}

static void
write_tensors(void)
{
    struct sov_buf head = { 0 }, file = { 0 }, data = { 0 };

    for (size_t i = 0; i < n_tensors; i++) {
        const struct tensor *t = &tensors[i];
        size_t start = data.len, count = dtypes[(int)t->dtype].bytes;
        char text[256];

        for (unsigned k = 0; k < t->ndim; k++)
            count *= t->dim[k];
        if (t->gone || count > 1 << 16)
            continue;
        for (size_t k = 0; k < count; k++)
            sov_buf_u8(&data, (uint8_t)(t->value >= 0 ? (size_t)t->value
                                                      : k * 37 % 64));
        snprintf(text, sizeof(text), "%s\"%.119s\":{\"dtype\":\"%s\",\"shape\":[",
                 head.len == 0 ? "{" : ",", t->name,
                 dtypes[(int)t->dtype].name);
        sov_buf_add(&head, text, strlen(text));
        for (unsigned k = 0; k < t->ndim; k++) {
            snprintf(text, sizeof(text), "%s%u", k > 0 ? "," : "", t->dim[k]);
            sov_buf_add(&head, text, strlen(text));
        }
        snprintf(text, sizeof(text), "],\"data_offsets\":[%zu,%zu]}", start,
                 data.len);
        sov_buf_add(&head, text, strlen(text));
    }
    sov_buf_add(&head, head.len == 0 ? "{}" : "}", head.len == 0 ? 2 : 1);
    while (head.len % 8 != 0)
        sov_buf_add(&head, " ", 1);
    sov_buf_u64(&file, head.len);
    sov_buf_add(&file, head.p, head.len);
    if (data.len > 0)
        sov_buf_add(&file, data.p, data.len);
    tiny_write(dir, "model.safetensors", file.p, file.len);
    sov_buf_free(&head);
    sov_buf_free(&data);
    sov_buf_free(&file);
}

static void
clean(void)
{
    tiny_remove(dir);
}

/* Whole, and row by row: the same bytes or the same refusal. */
static void
use(sov_model *m)
{
    static unsigned char whole[1 << 19], row[1 << 19];

    for (size_t i = 0; i < sov_model_count(m); i++) {
        const struct sov_tensor *t = sov_model_at(m, i);
        size_t step = (size_t)sov_tensor_row_bytes(t);
        int rc;

        if (t->size > sizeof(whole) || t->size == 0 || step == 0)
            continue;
        rc = sov_model_read(m, i, 0, whole, (size_t)t->size, NULL);
        if (rc < 0 && rc != SOV_EFORMAT)
            abort(); /* it was opened, so it is there */
        for (size_t at = 0; at < t->size && rc == 0; at += step)
            if (sov_model_read(m, i, at, row, step, NULL) < 0 ||
                memcmp(whole + at, row, step) != 0)
                abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *cut = size > 0 ? memchr(data, 1, size) : NULL;
    size_t n = cut != NULL ? (size_t)(cut - data) : size;
    const char *config;
    sov_model *m;

    if (dir[0] == '\0') {
        tiny_make(dir);
        atexit(clean);
    }
    config = choose(n > 0 ? (char)data[0] : 'm');
    for (size_t i = 1; i + 3 <= n; i += 3)
        change(data + i);
    write_tensors();
    if (cut != NULL && size - n > 1)
        tiny_write(dir, "config.json", cut + 1, size - n - 1);
    else
        tiny_write(dir, "config.json", config, strlen(config));
    for (int access = 0; access < 2; access++) {
        int rc = sov_model_open(&m, dir,
                                access == 0 ? SOV_ACCESS_STREAM
                                            : SOV_ACCESS_MAP,
                                NULL);

        if (rc < 0)
            continue;
        use(m);
        (void)fuzz_export(m, use);
        sov_model_close(m);
    }
    return 0;
}
