/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_lora.c - any header of a GGUF file as an adapter, and what then fits a
 * tiny model is run and merged
 *
 * The bytes are followed by data enough for the thin matrices of that model.
 */
#include "sov/base.h"
#include "sov/lora.h"
#include "sov/model.h"
#include "sov/quant.h"
#include "sov/run.h"
#include "sov/write.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DATA (64u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const char *name;
    uint64_t dim[3];
} tensors[] = {
    { "token_embd.weight", { 32, 24, 1 } },
    { "output_norm.weight", { 32, 1, 1 } },
    { "blk.0.attn_norm.weight", { 32, 1, 1 } },
    { "blk.0.attn_q.weight", { 32, 32, 1 } },
    { "blk.0.attn_k.weight", { 32, 16, 1 } },
    { "blk.0.attn_v.weight", { 32, 16, 1 } },
    { "blk.0.attn_output.weight", { 32, 32, 1 } },
    { "blk.0.ffn_norm.weight", { 32, 1, 1 } },
    { "blk.0.ffn_gate_inp.weight", { 32, 4, 1 } },
    { "blk.0.ffn_gate_exps.weight", { 32, 48, 4 } },
    { "blk.0.ffn_up_exps.weight", { 32, 48, 4 } },
    { "blk.0.ffn_down_exps.weight", { 48, 32, 4 } },
};

#define N_TENSORS (sizeof(tensors) / sizeof(tensors[0]))

static void
must(int rc)
{
    if (rc < 0)
        abort();
}

static void
set_keys(sov_meta *m)
{
    static const struct {
        const char *key;
        uint32_t value;
    } keys[] = {
        { "llama.block_count", 1 },
        { "llama.context_length", 64 },
        { "llama.embedding_length", 32 },
        { "llama.feed_forward_length", 48 },
        { "llama.attention.head_count", 4 },
        { "llama.attention.head_count_kv", 2 },
        { "llama.expert_count", 4 },
        { "llama.expert_used_count", 2 },
    };

    must(sov_meta_set_str(m, "general.architecture", "llama", NULL));
    must(sov_meta_set_f32(m, "llama.attention.layer_norm_rms_epsilon", 1e-5f,
                          NULL));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        must(sov_meta_set_u32(m, keys[i].key, keys[i].value, NULL));
}

static int
to_file(void *arg, const void *buf, size_t len, struct sov_err *err)
{
    (void)err;
    return write(*(int *)arg, buf, len) == (ssize_t)len ? 0 : SOV_EIO;
}

/* Numbers up to a half behind what is there. */
static void
put_numbers(int fd)
{
    static float numbers[DATA / sizeof(float)];

    for (size_t i = 0; i < DATA / sizeof(float); i++)
        numbers[i] = (float)(i * 7919 % 401) / 400 - 0.5f;
    if (write(fd, numbers, DATA) != (ssize_t)DATA)
        abort();
}

static sov_model *
open_fd(int fd, struct sov_err *err)
{
    sov_model *m = NULL;
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (sov_model_open(&m, path, SOV_ACCESS_MAP, err) < 0)
        return NULL;
    return m;
}

/* The model that adapters are for: all numbers, made once. */
static sov_model *
the_model(void)
{
    int fd = memfd_create("model", MFD_CLOEXEC);
    struct sov_err err = { 0 };
    sov_plan *plan = NULL;
    sov_sink *sink = NULL;
    sov_writer *w = NULL;
    sov_model *m;

    must(sov_plan_new(&plan, NULL, &err));
    set_keys(sov_plan_meta(plan));
    for (size_t i = 0; i < N_TENSORS; i++)
        must(sov_plan_add(plan, tensors[i].name, SOV_TYPE_F32,
                          tensors[i].dim[2] > 1   ? 3
                          : tensors[i].dim[1] > 1 ? 2
                                                  : 1,
                          tensors[i].dim, &err));
    must(sov_plan_freeze(plan, 32, &err));
    must(sov_sink_call(&sink, "model", to_file, &fd, &err));
    must(sov_writer_begin(&w, plan, &sink, &err));
    for (size_t i = 0; i < N_TENSORS; i++) {
        const uint64_t *d = tensors[i].dim;
        size_t n = (size_t)(d[0] * d[1] * d[2]);
        float *x = malloc(n * sizeof(*x));

        for (size_t k = 0; x != NULL && k < n; k++)
            x[k] = (float)(k * 104729 % 301) / 300 - 0.5f;
        must(x == NULL ? -1 : sov_writer_data(w, x, n * sizeof(*x), &err));
        free(x);
    }
    must(sov_writer_end(&w, &err));
    must(sov_sink_commit(&sink, &err));
    sov_plan_free(plan);
    m = open_fd(fd, &err);
    if (m == NULL)
        abort();
    return m;
}

static int
drop(void *arg, const void *buf, size_t len, struct sov_err *err)
{
    (void)arg;
    (void)buf;
    (void)len;
    (void)err;
    return 0;
}

static void
merge(sov_model *model, const struct sov_lora_use *use, size_t n)
{
    const struct sov_quant_opts opts = {
        .type = "copy", .lora = use, .n_lora = n, .layout = { .name = "x" }
    };
    struct sov_err err = { 0 };
    sov_quant *job = NULL;
    sov_sink *sink = NULL;

    must(sov_sink_call(&sink, "merged", drop, NULL, &err));
    if (sov_quant_new(&job, model, &opts, &err) < 0 ||
        sov_quant_run(job, &sink, &err) < 0)
        if (err.rc == SOV_OK || strchr(err.msg, '\n') != NULL)
            abort();
    sov_quant_free(job);
    sov_sink_abort(sink);
}

static void
run(const sov_model *model, const struct sov_lora_use *use, size_t n,
    bool precise)
{
    static const int32_t ids[] = { 3, 17, 5, 0, 11 };
    const struct sov_session_opts opts = {
        .n_ctx = 16, .n_batch = 4, .precise = precise, .lora = use, .n_lora = n
    };
    struct sov_err err = { 0 };
    sov_session *s = NULL;

    if (sov_session_open(&s, model, &opts, &err) < 0) {
        if (err.rc == SOV_OK || strchr(err.msg, '\n') != NULL)
            abort();
        return;
    }
    must(sov_session_eval(s, ids, 5, SOV_LOGITS_LAST, &err));
    must(sov_session_eval(s, ids, 1, SOV_LOGITS_LAST, &err));
    sov_session_close(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sov_model *model;
    struct sov_err err = { 0 };
    struct sov_lora_use use[2];
    sov_lora *lora = NULL;
    sov_model *file;
    int fd;

    sov_set_threads(1);
    if (model == NULL)
        model = the_model();
    fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    put_numbers(fd);
    file = open_fd(fd, &err);
    if (file != NULL && sov_lora_new(&lora, file, &err) == 0) {
        for (size_t i = 0; sov_lora_name(lora, i) != NULL; i++)
            if (sov_lora_name(lora, i)[0] == '\0')
                abort();
        (void)sov_lora_unused(lora, size);
        use[0] = (struct sov_lora_use){ lora, 0.5f };
        use[1] = (struct sov_lora_use){ lora, -1.0f };
        run(model, use, 1, size % 2 == 0);
        run(model, use, 2, size % 2 != 0);
        merge(model, use, 2);
    } else if (err.rc == SOV_OK || strchr(err.msg, '\n') != NULL) {
        abort();
    }
    sov_lora_free(lora);
    sov_model_close(file);
    close(fd);
    return 0;
}
