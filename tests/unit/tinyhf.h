/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tinyhf.h - a model directory of a few kilobytes, for tests of the import
 *
 * A Llama of width 8 with one layer, 2 heads of 4 (1 for keys and values),
 * feed-forward 6 and 12 tokens; the value of each weight says where it stands.
 * Its matrices are f32, of its vectors one is f16 and one bf16.  A caller changes one thing and looks what becomes of it.
 */
#ifndef SOV_TESTS_UNIT_TINYHF_H
#define SOV_TESTS_UNIT_TINYHF_H

#include "base/buf.h"
#include "tensor/half.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TINY_VOCAB 12

/* clang-format off */
#define TINY_CONFIG                                                          \
    "{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": 8,\n"      \
    " \"intermediate_size\": 6, \"num_hidden_layers\": 1,\n"                 \
    " \"num_attention_heads\": 2, \"num_key_value_heads\": 1,\n"             \
    " \"vocab_size\": 12, \"max_position_embeddings\": 64,\n"                \
    " \"rms_norm_eps\": 1e-05, \"rope_theta\": 10000.0,\n"                   \
    " \"hidden_act\": \"silu\", \"tie_word_embeddings\": true}\n"
/* clang-format on */

struct tiny_tensor {
    const char *name;
    unsigned rows; /* 0: a vector */
    unsigned cols;
    int bits; /* 16: bf16, -16: f16, else f32 */
};

static const struct tiny_tensor tiny_tensors[] = {
    { "model.embed_tokens.weight", TINY_VOCAB, 8 },
    { "model.layers.0.input_layernorm.weight", 0, 8 },
    { "model.layers.0.mlp.down_proj.weight", 8, 6 },
    { "model.layers.0.mlp.gate_proj.weight", 6, 8 },
    { "model.layers.0.mlp.up_proj.weight", 6, 8 },
    { "model.layers.0.post_attention_layernorm.weight", 0, 8, -16 },
    { "model.layers.0.self_attn.k_proj.weight", 4, 8 },
    { "model.layers.0.self_attn.o_proj.weight", 8, 8 },
    { "model.layers.0.self_attn.q_proj.bias", 0, 8 },
    { "model.layers.0.self_attn.q_proj.weight", 8, 8 },
    { "model.layers.0.self_attn.v_proj.weight", 4, 8 },
    { "model.layers.0.self_attn.rotary_emb.inv_freq", 0, 2 },
    { "model.norm.weight", 0, 8, 16 },
};

#define N_TINY (sizeof(tiny_tensors) / sizeof(*tiny_tensors))

static inline void
tiny_write(const char *dir, const char *name, const void *p, size_t len)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    (void)remove(path); /* some file systems sync what is written over */
    f = fopen(path, "wb");
    if (f == NULL || fwrite(p, 1, len, f) != len || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

/* model.safetensors; extra (or NULL) comes last. */
static inline void
tiny_write_tensors(const char *dir, const struct tiny_tensor *extra)
{
    struct sov_buf head = { 0 };
    struct sov_buf file = { 0 };
    struct sov_buf data = { 0 };
    size_t n = N_TINY + (extra != NULL);

    for (size_t i = 0; i < n; i++) {
        const struct tiny_tensor *t = i < N_TINY ? &tiny_tensors[i] : extra;
        unsigned count = (t->rows > 0 ? t->rows : 1) * t->cols;
        size_t start = data.len;
        char shape[32], line[256];

        for (unsigned k = 0; k < count; k++) {
            float v = (float)(k / t->cols) + (float)(k % t->cols) / 16;

            if (t->bits == 16)
                sov_buf_u16(&data, sov_f32_to_bf16(v));
            else if (t->bits == -16)
                sov_buf_u16(&data, sov_f32_to_f16(v));
            else
                sov_buf_f32(&data, v);
        }
        if (t->rows > 0)
            snprintf(shape, sizeof(shape), "%u,%u", t->rows, t->cols);
        else
            snprintf(shape, sizeof(shape), "%u", t->cols);
        snprintf(line, sizeof(line),
                 "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],"
                 "\"data_offsets\":[%zu,%zu]}",
                 i == 0 ? "{" : ",", t->name,
                 t->bits == 16    ? "BF16"
                 : t->bits == -16 ? "F16"
                                  : "F32",
                 shape, start, data.len);
        sov_buf_add(&head, line, strlen(line));
    }
    sov_buf_add(&head, "}", 1);
    while (head.len % 8 != 0)
        sov_buf_add(&head, " ", 1);
    sov_buf_u64(&file, head.len);
    sov_buf_add(&file, head.p, head.len);
    sov_buf_add(&file, data.p, data.len);
    tiny_write(dir, "model.safetensors", file.p, file.len);
    sov_buf_free(&head);
    sov_buf_free(&data);
    sov_buf_free(&file);
}

static inline void
tiny_add_piece(struct sov_buf *b, const char *text, float score, int type)
{
    size_t len = strlen(text);

    sov_buf_u8(b, 0x0a); /* a token of so many bytes */
    sov_buf_u8(b, (uint8_t)(len + 9));
    sov_buf_u8(b, 0x0a); /* its text */
    sov_buf_u8(b, (uint8_t)len);
    sov_buf_add(b, text, len);
    sov_buf_u8(b, 0x15); /* its score */
    sov_buf_f32(b, score);
    sov_buf_u8(b, 0x18); /* its type */
    sov_buf_u8(b, (uint8_t)type);
}

/* tokenizer.model with 9 tokens; kind 2 is byte-pair encoding. */
static inline void
tiny_write_vocab(const char *dir, int kind)
{
    struct sov_buf b = { 0 };

    tiny_add_piece(&b, "<unk>", 0, 2);
    tiny_add_piece(&b, "<s>", 0, 3);
    tiny_add_piece(&b, "</s>", 0, 3);
    tiny_add_piece(&b, "<0x0A>", 0, 6);
    tiny_add_piece(&b, "\xe2\x96\x81", -1, 1);
    tiny_add_piece(&b, "a", -2, 1);
    tiny_add_piece(&b, "b", -3, 1);
    tiny_add_piece(&b, "ab", -4, 1);
    tiny_add_piece(&b, "keep", 0, 4);
    sov_buf_add(&b, "\x12\x02\x18", 3); /* trainer { kind } */
    sov_buf_u8(&b, (uint8_t)kind);
    sov_buf_add(&b, "\x1a\x0c\x0a\x08identity\x20", 13);
    sov_buf_u8(&b, 0); /* normalizer { name, do not squeeze spaces } */
    tiny_write(dir, "tokenizer.model", b.p, b.len);
    sov_buf_free(&b);
}

/* All of it, good, in a new folder; remove it with tiny_remove(). */
static inline void
tiny_make(char dir[64])
{
    snprintf(dir, 64, "/tmp/sov-tiny.XXXXXX");
    if (mkdtemp(dir) == NULL) {
        perror(dir);
        exit(1);
    }
    tiny_write(dir, "config.json", TINY_CONFIG, strlen(TINY_CONFIG));
    tiny_write_tensors(dir, NULL);
    tiny_write_vocab(dir, 2);
}

static inline void
tiny_remove(const char *dir)
{
    static const char *const names[] = {
        "config.json",           "model.safetensors", "tokenizer.model",
        "tokenizer_config.json", "added_tokens.json", "tokenizer.json",
        "chat_template.jinja",
    };
    char path[4096];

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)remove(path);
    }
    (void)remove(dir);
}

#endif
