/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record-answers.c - what stock llama.cpp makes of a tiny model
 *
 *     cc -I LLAMA/include -I LLAMA/ggml/include record-answers.c \
 *         -L LLAMA/build/bin -lllama -lggml -lggml-base -o record-answers
 *     record-answers [-e | -p mean|cls|last|rank] [-l ADAPTER:SCALE]...
 *         MODEL ID...
 *
 * Prints the logits after each token, or with -e the states of an encoder, a
 * line for each token; or with -p one line for the whole text; computed by one
 * thread with keys and values in f32.
 * scripts/record-answers makes tests/data/arch.txt with it, which is what
 * our own answers are judged by, and scripts/record-lora tests/data/lora.txt.
 * It is not built with the rest.
 */
#include "llama.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
say_errors(enum ggml_log_level level, const char *text, void *arg)
{
    (void)arg;
    if (level == GGML_LOG_LEVEL_ERROR)
        fputs(text, stderr);
}

/* -1: nothing is pooled. */
static int
pooling_of(const char *name)
{
    static const char *const names[] = { "none", "mean", "cls", "last",
                                         "rank" };

    for (int i = 0; i < 5; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static struct llama_context *
open_context(struct llama_model *model, bool states, int pooling)
{
    struct llama_context_params p = llama_context_default_params();

    p.n_ctx = (uint32_t)llama_model_n_ctx_train(model);
    p.n_batch = p.n_ubatch = p.n_ctx;
    p.type_k = p.type_v = GGML_TYPE_F32;
    p.n_threads = p.n_threads_batch = 1;
    p.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    if (states) {
        p.embeddings = true;
        p.pooling_type = (enum llama_pooling_type)pooling;
    }
    return llama_init_from_model(model, p);
}

/* Adapters and their scales, all at once. */
static int
use_adapters(struct llama_model *model, struct llama_context *ctx,
             char **args, size_t n)
{
    struct llama_adapter_lora *adapter[16];
    float scale[16];

    for (size_t i = 0; i < n; i++) {
        char *colon = strrchr(args[i], ':');

        if (colon == NULL)
            return -1;
        *colon = '\0';
        scale[i] = strtof(colon + 1, NULL);
        adapter[i] = llama_adapter_lora_init(model, args[i]);
        if (adapter[i] == NULL)
            return -1;
    }
    return n > 0 ? llama_set_adapters_lora(ctx, adapter, n, scale) : 0;
}

static void
print_row(const float *row, int width)
{
    for (int j = 0; j < width; j++)
        printf("%.8g%c", (double)row[j], j + 1 < width ? ' ' : '\n');
}

static int
print_answers(struct llama_model *model, struct llama_context *ctx, int n,
              char **ids, bool states, int pooling)
{
    struct llama_batch b = llama_batch_init(n, 0, 1);
    int width = states
                    ? llama_model_n_embd(model)
                    : llama_vocab_n_tokens(llama_model_get_vocab(model));

    b.n_tokens = n;
    for (int i = 0; i < n; i++) {
        b.token[i] = atoi(ids[i]);
        b.pos[i] = i;
        b.n_seq_id[i] = 1;
        b.seq_id[i][0] = 0;
        b.logits[i] = 1;
    }
    if ((llama_get_memory(ctx) == NULL ? llama_encode(ctx, b)
                                       : llama_decode(ctx, b)) != 0)
        return 1;
    if (pooling == LLAMA_POOLING_TYPE_RANK)
        width = (int)llama_model_n_cls_out(model);
    if (pooling > 0)
        print_row(llama_get_embeddings_seq(ctx, 0), width);
    for (int i = 0; i < n && pooling <= 0; i++)
        print_row(states ? llama_get_embeddings_ith(ctx, i)
                         : llama_get_logits_ith(ctx, i),
                  width);
    return 0;
}

int
main(int argc, char **argv)
{
    bool pooled = argc > 2 && strcmp(argv[1], "-p") == 0;
    bool states = pooled || (argc > 1 && strcmp(argv[1], "-e") == 0);
    int pooling = pooled ? pooling_of(argv[2]) : 0;
    int at = pooled ? 3 : states ? 2 : 1;
    size_t n_lora = 0;
    char *lora[16];
    struct llama_model_params p = llama_model_default_params();
    struct llama_model *model;
    struct llama_context *ctx;

    for (; at + 1 < argc && strcmp(argv[at], "-l") == 0 && n_lora < 16; at += 2)
        lora[n_lora++] = argv[at + 1];
    if (argc - at < 2 || pooling < 0)
        return 64;
    llama_log_set(say_errors, NULL);
    llama_backend_init();
    p.use_extra_bufts = false;
    model = llama_model_load_from_file(argv[at], p);
    if (model == NULL)
        return 65;
    ctx = open_context(model, states, pooling);
    if (ctx == NULL || use_adapters(model, ctx, lora, n_lora) != 0)
        return 70;
    return print_answers(model, ctx, argc - at - 1, argv + at + 1, states,
                         pooling);
}
