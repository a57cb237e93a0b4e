/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tiny.h - a Llama of two layers and random weights, made for a test
 *
 * Width 256, four heads of 64 over two key heads, feed-forward 512, 96 tokens,
 * context 128: the smallest that super-blocks of 256 fit into.
 */
#ifndef SOV_TESTS_UNIT_TINY_H
#define SOV_TESTS_UNIT_TINY_H

#include "base/mem.h"
#include "base/rng.h"
#include "quant/codec.h"
#include "sov/model.h"
#include "sov/write.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TINY_EMBD  256
#define TINY_VOCAB 96
#define TINY_CTX   128

struct tiny {
    enum sov_type type;             /* of the matrices */
    bool biases;
    bool fused;                     /* attn_qkv in place of q, k, v */
    bool tied;
    bool rope_freqs;
    const char *leave_out;          /* a tensor */
    const char *misshape;           /* a tensor: one row more */
    float norm_weight;              /* 0: about 1 */
    void (*change)(sov_meta *meta); /* of the metadata, at the end */
};

static uint64_t tiny_counter;

static float
tiny_random(void)
{
    return (float)sov_rng_unit(11, 3, tiny_counter++) * 2.0f - 1.0f;
}

struct tiny_tensor {
    char name[64];
    enum sov_type type;
    uint64_t in;
    uint64_t out; /* 0: a vector */
};

static void
tiny_list_layer(const struct tiny *t, int l, struct tiny_tensor *list,
                size_t *n)
{
    static const struct {
        const char *name;
        uint64_t in, out;
    } parts[] = {
        { "attn_norm.weight", TINY_EMBD, 0 },
        { "attn_q.weight", TINY_EMBD, 256 },
        { "attn_k.weight", TINY_EMBD, 128 },
        { "attn_v.weight", TINY_EMBD, 128 },
        { "attn_qkv.weight", TINY_EMBD, 512 },
        { "attn_output.weight", 256, TINY_EMBD },
        { "ffn_norm.weight", TINY_EMBD, 0 },
        { "ffn_gate.weight", TINY_EMBD, 512 },
        { "ffn_up.weight", TINY_EMBD, 512 },
        { "ffn_down.weight", 512, TINY_EMBD },
        { "attn_q.bias", 256, 0 },
        { "attn_k.bias", 128, 0 },
        { "attn_v.bias", 128, 0 },
        { "attn_output.bias", TINY_EMBD, 0 },
        { "ffn_gate.bias", 512, 0 },
        { "ffn_up.bias", 512, 0 },
        { "ffn_down.bias", TINY_EMBD, 0 },
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        bool split = i >= 1 && i <= 3;

        if ((i >= 10 && !t->biases) || (split && t->fused) ||
            (i == 4 && !t->fused))
            continue;
        snprintf(list[*n].name, sizeof(list[*n].name), "blk.%d.%s", l,
                 parts[i].name);
        list[*n].in = parts[i].in;
        list[*n].out = parts[i].out;
        list[*n].type = parts[i].out > 0 ? t->type : SOV_TYPE_F32;
        ++*n;
    }
}

static size_t
tiny_list(const struct tiny *t, struct tiny_tensor *list)
{
    size_t n = 0;

    list[n++] = (struct tiny_tensor){ "token_embd.weight", t->type, TINY_EMBD,
                                      TINY_VOCAB };
    list[n++] = (struct tiny_tensor){ "output_norm.weight", SOV_TYPE_F32,
                                      TINY_EMBD, 0 };
    if (!t->tied)
        list[n++] = (struct tiny_tensor){ "output.weight", t->type, TINY_EMBD,
                                          TINY_VOCAB };
    if (t->rope_freqs)
        list[n++] = (struct tiny_tensor){ "rope_freqs.weight", SOV_TYPE_F32,
                                          32, 0 };
    for (int l = 0; l < 2; l++)
        tiny_list_layer(t, l, list, &n);
    return n;
}

static void
tiny_meta(const struct tiny *t, sov_meta *m)
{
    ck_assert_int_eq(
        sov_meta_set_str(m, "general.architecture", "llama", NULL), 0);
    ck_assert_int_eq(sov_meta_set_u32(m, "llama.block_count", 2, NULL), 0);
    ck_assert_int_eq(
        sov_meta_set_u32(m, "llama.context_length", TINY_CTX, NULL), 0);
    ck_assert_int_eq(
        sov_meta_set_u32(m, "llama.embedding_length", TINY_EMBD, NULL), 0);
    ck_assert_int_eq(
        sov_meta_set_u32(m, "llama.feed_forward_length", 512, NULL), 0);
    ck_assert_int_eq(
        sov_meta_set_u32(m, "llama.attention.head_count", 4, NULL), 0);
    ck_assert_int_eq(
        sov_meta_set_u32(m, "llama.attention.head_count_kv", 2, NULL), 0);
    ck_assert_int_eq(
        sov_meta_set_f32(m, "llama.attention.layer_norm_rms_epsilon", 1e-5f,
                         NULL), 0);
    if (t->change != NULL)
        t->change(m);
}

/* One row of a tensor, as floats. */
static void
tiny_row(const struct tiny *t, const struct tiny_tensor *x, float *row)
{
    bool norm = strstr(x->name, "norm.weight") != NULL;
    bool freqs = strcmp(x->name, "rope_freqs.weight") == 0;

    for (uint64_t i = 0; i < x->in; i++) {
        if (freqs)
            row[i] = 1.0f + (float)(i / 8);
        else if (norm && t->norm_weight != 0)
            row[i] = t->norm_weight;
        else if (norm)
            row[i] = 1.0f + 0.2f * tiny_random();
        else
            row[i] = 0.12f * tiny_random();
    }
}

static void
tiny_data(const struct tiny *t, sov_writer *w, const struct tiny_tensor *x,
          uint64_t rows)
{
    const struct sov_type_info *info = sov_type_info(x->type);
    size_t bytes = x->in / info->block * info->bytes;
    const struct sov_codec *codec = sov_codec_find(x->type);
    unsigned char block[4096];
    float row[512];
    struct sov_err err;

    for (uint64_t r = 0; r < rows; r++) {
        tiny_row(t, x, row);
        if (codec->encode != NULL) {
            codec->encode(row, NULL, block, x->in, 1);
        } else {
            /* any bits will do where there is no encoder; scales stay small */
            for (size_t i = 0; i < bytes; i++)
                block[i] = (unsigned char)(tiny_random() * 27.0f + 27.0f);
        }
        ck_assert_msg(sov_writer_data(w, block, bytes, &err) == 0, "%s",
                      err.msg);
    }
}

/* Write the model to path. */
static void
tiny_make(const struct tiny *t, const char *path)
{
    struct tiny_tensor list[64];
    size_t n = tiny_list(t, list);
    struct sov_sink_opts opts = { .force = true, .no_sync = true };
    struct sov_err err;
    sov_plan *plan;
    sov_sink *sink;
    sov_writer *w;

    tiny_counter = 0;
    ck_assert_int_eq(sov_plan_new(&plan, NULL, &err), 0);
    tiny_meta(t, sov_plan_meta(plan));
    for (size_t i = 0; i < n; i++) {
        uint64_t dim[2] = { list[i].in, list[i].out };
        bool bad = t->misshape != NULL && !strcmp(t->misshape, list[i].name);

        if (t->leave_out != NULL && strcmp(t->leave_out, list[i].name) == 0)
            continue;
        if (bad && dim[1] == 0)
            dim[0] = list[i].in = 160;
        else if (bad)
            dim[1] = ++list[i].out;
        ck_assert_int_eq(sov_plan_add(plan, list[i].name, list[i].type,
                                      list[i].out > 0 ? 2 : 1, dim, &err), 0);
    }
    ck_assert_int_eq(sov_plan_freeze(plan, 32, &err), 0);
    ck_assert_msg(sov_sink_open(&sink, path, &opts, &err) == 0, "%s",
                  err.msg);
    ck_assert_int_eq(sov_writer_begin(&w, plan, &sink, &err), 0);
    for (size_t i = 0; i < n; i++)
        if (t->leave_out == NULL || strcmp(t->leave_out, list[i].name) != 0)
            tiny_data(t, w, &list[i], list[i].out > 0 ? list[i].out : 1);
    ck_assert_int_eq(sov_writer_end(&w, &err), 0);
    ck_assert_int_eq(sov_sink_commit(&sink, &err), 0);
    sov_plan_free(plan);
}

/* A path that no other test uses; static storage. */
static const char *
tiny_path(void)
{
    static char path[64];

    snprintf(path, sizeof(path), "tiny-%ld.gguf", (long)getpid());
    return path;
}

/* Make and open it; the file is gone again. */
__attribute__((unused)) static sov_model *
tiny_open(const struct tiny *t)
{
    struct sov_err err;
    sov_model *model;

    tiny_make(t, tiny_path());
    ck_assert_msg(
        sov_model_open(&model, tiny_path(), SOV_ACCESS_MAP, &err) == 0, "%s",
        err.msg);
    unlink(tiny_path());
    return model;
}

#endif
