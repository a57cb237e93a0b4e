/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sane.c - does a model's metadata contradict itself?
 */
#include "arch/sane.h"

#include "arch/arch.h"
#include "base/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sov_arch *const known[] = {
#define ARCH(sym) &sov_arch_##sym,
#include "arch/archs.def"
#undef ARCH
};

/* Numbers that are at least 1 wherever they stand. */
static const struct {
    const char *key;
    uint64_t max;
} numbers[] = {
    { "block_count", SOV_LAYERS_MAX },
    { "context_length", UINT32_MAX },
    { "embedding_length", SOV_WIDTH_MAX },
    { "attention.head_count", SOV_HEADS_MAX },
    { "attention.head_count_kv", SOV_HEADS_MAX },
};

static int
check_number(const sov_meta *meta, const char *key, uint64_t max,
             struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(meta, key);
    uint64_t v;
    int rc;

    if (kv == NULL || kv->type == SOV_V_ARR) /* one for each layer */
        return 0;
    rc = sov_meta_u64(meta, key, &v, err);
    if (rc == 0 && (v < 1 || v > max))
        rc = sov_fail(err, SOV_EFORMAT,
                      "%s is %" PRIu64 ", not 1 to %" PRIu64, key, v, max);
    return rc;
}

/* The layers that have tensors are those that are counted. */
static int
check_layers(const sov_model *model, const char *arch, struct sov_err *err)
{
    uint64_t counted, seen = 0;
    char key[80];
    int rc;

    snprintf(key, sizeof(key), "%s.block_count", arch);
    rc = sov_meta_u64(sov_model_meta(model), key, &counted, err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    for (size_t i = 0; i < sov_model_count(model); i++) {
        const char *name = sov_model_at(model, i)->name;
        unsigned long long layer;
        char *end;

        if (strncmp(name, "blk.", 4) != 0 || name[4] < '0' || name[4] > '9')
            continue;
        layer = strtoull(name + 4, &end, 10);
        if (*end == '.' && layer < UINT64_MAX && layer + 1 > seen)
            seen = layer + 1;
    }
    if (seen > 0 && seen != counted)
        return sov_fail(err, SOV_EFORMAT,
                        "%s is %" PRIu64 ", but the tensors are those of "
                        "%" PRIu64 " layers",
                        key, counted, seen);
    return 0;
}

static int
check_arch(const sov_model *model, const char *arch, struct sov_err *err)
{
    char key[80];
    int rc = 0;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && rc == 0;
         i++) {
        snprintf(key, sizeof(key), "%s.%s", arch, numbers[i].key);
        rc = check_number(sov_model_meta(model), key, numbers[i].max, err);
    }
    return rc < 0 ? rc : check_layers(model, arch, err);
}

/* An array of a type with an element for each token, if it is there. */
static int
check_vocab(const sov_meta *meta, const char *key, enum sov_vtype elem,
            const struct sov_kv *tokens, struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(meta, key);

    if (kv == NULL)
        return 0;
    if (kv->type != SOV_V_ARR || kv->elem != elem)
        return sov_fail(err, SOV_EFORMAT, "%s is not an array of %s", key,
                        elem == SOV_V_STR ? "strings" : elem == SOV_V_F32
                        ? "f32" : "i32");
    if (tokens != NULL && kv->n != tokens->n)
        return sov_fail(err, SOV_EFORMAT,
                        "%s has %" PRIu64 " elements for %" PRIu64 " tokens",
                        key, kv->n, tokens->n);
    return 0;
}

int
sov_model_sane(const sov_model *model, struct sov_err *err)
{
    const sov_meta *meta = sov_model_meta(model);
    const struct sov_kv *tokens = sov_meta_find(meta, "tokenizer.ggml.tokens");
    struct sov_span arch = { NULL, 0 };
    int rc;

    rc = sov_meta_str(meta, "general.architecture", &arch, err);
    if (rc == 1 && strcmp(sov_model_format(model), "gguf") == 0 &&
        sov_meta_count(meta) > 0)
        return sov_fail(err, SOV_EFORMAT, "general.architecture is missing");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && rc == 0; i++)
        if (strlen(known[i]->name) == arch.len &&
            memcmp(known[i]->name, arch.p, arch.len) == 0)
            rc = check_arch(model, known[i]->name, err);
    if (rc >= 0)
        rc = check_vocab(meta, "tokenizer.ggml.tokens", SOV_V_STR, NULL, err);
    if (rc == 0)
        rc = check_vocab(meta, "tokenizer.ggml.scores", SOV_V_F32, tokens,
                         err);
    if (rc == 0)
        rc = check_vocab(meta, "tokenizer.ggml.token_type", SOV_V_I32, tokens,
                         err);
    return rc;
}
