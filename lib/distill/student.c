/* SPDX-License-Identifier: Apache-2.0 */
/*
 * student.c - what is to be trained, from a line of text
 *
 * An architecture is a row of kinds[], a word of the line one of words[].
 */
#include "distill/student.h"

#include "base/limits.h"
#include "base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kind {
    const char *name;
    const char *arch; /* as GGUF calls it */
    bool qkv_bias, qk_norm;
    double eps;
} kinds[] = {
    { "llama", "llama", false, false, 1e-5 },
    { "mistral", "llama", false, false, 1e-5 },
    { "qwen2", "qwen2", true, false, 1e-6 },
    { "qwen3", "qwen3", false, true, 1e-6 },
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* What a word is about. */
static const struct word {
    const char *name;
    size_t at; /* of a size_t in the shape */
    uint64_t max;
} words[] = {
    { "width", offsetof(struct sov_shape, n_embd), SOV_WIDTH_MAX },
    { "layers", offsetof(struct sov_shape, n_layer), SOV_LAYERS_MAX },
    { "heads", offsetof(struct sov_shape, n_head), SOV_HEADS_MAX },
    { "kv-heads", offsetof(struct sov_shape, n_head_kv), SOV_HEADS_MAX },
    { "head", offsetof(struct sov_shape, k_len), SOV_WIDTH_MAX },
    { "ffn", offsetof(struct sov_shape, n_ff), SOV_WIDTH_MAX },
    { "ctx", offsetof(struct sov_shape, n_ctx), SOV_CTX_MAX },
};

#define N_WORDS (sizeof(words) / sizeof(words[0]))
#define KNOWN                                                             \
    "width=, layers=, heads=, kv-heads=, head=, ffn=, ctx=, rope-base=, " \
    "eps=, tied"

static bool
is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

static int
parse_count(const char *text, size_t len, uint64_t max, size_t *out,
            struct sov_err *err)
{
    uint64_t n = 0;

    for (size_t i = 0; i < len && n <= max; i++) {
        if (text[i] < '0' || text[i] > '9')
            return sov_fail(err, SOV_EARG, "'%.*s' is no number", (int)len,
                            text);
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    if (len == 0 || n < 1 || n > max)
        return sov_fail(err, SOV_EARG, "'%.*s' is not 1 to %" PRIu64, (int)len,
                        text, max);
    *out = (size_t)n;
    return 0;
}

static int
parse_real(const char *text, size_t len, double min, double max, double *out,
           struct sov_err *err)
{
    char copy[40], *end;

    if (len == 0 || len >= sizeof(copy))
        return sov_fail(err, SOV_EARG, "a number is missing");
    memcpy(copy, text, len);
    copy[len] = '\0';
    *out = strtod(copy, &end);
    if (*end != '\0' || !(*out > 0 && *out <= max))
        return sov_fail(err, SOV_EARG, "'%s' is no number above 0", copy);
    if (*out < min)
        return sov_fail(err, SOV_EARG, "%s is below %g", copy, min);
    return 0;
}

/* One word: "NAME=VALUE", or "tied". */
static int
parse_word(struct sov_shape *s, const char *text, size_t len,
           struct sov_err *err)
{
    const char *sign = memchr(text, '=', len);
    size_t name = sign != NULL ? (size_t)(sign - text) : len;
    const char *value = text + name + 1;
    size_t n = sign != NULL ? len - name - 1 : 0;
    int rc = 1;

    if (sign == NULL && is_word(text, len, "tied")) {
        s->tied = true;
        return 0;
    }
    for (size_t i = 0; i < N_WORDS && sign != NULL && rc == 1; i++)
        if (is_word(text, name, words[i].name))
            rc = parse_count(value, n, words[i].max,
                             (size_t *)((char *)s + words[i].at), err);
    if (rc == 1 && sign != NULL && is_word(text, name, "rope-base"))
        rc = parse_real(value, n, 1, 1e12, &s->rope_base, err);
    if (rc == 1 && sign != NULL && is_word(text, name, "eps"))
        rc = parse_real(value, n, 1e-30, 1, &s->eps, err);
    if (rc == 1)
        return sov_fail(err, SOV_EARG, "'%.*s' is not known; known are " KNOWN,
                        (int)len, text);
    return rc < 0 ? sov_err_wrap(err, "%.*s", (int)name, text) : 0;
}

/* Is the word before this one's name, which is at text[len]? */
static int
check_once(const char *spec, const char *text, size_t len, struct sov_err *err)
{
    for (const char *at = spec; at < text; at += strcspn(at, ",") + 1)
        if (strcspn(at, "=,") == len && memcmp(at, text, len) == 0)
            return sov_fail(err, SOV_EARG, "%.*s is there twice", (int)len,
                            text);
    return 0;
}

static int
parse_kind(struct sov_shape *s, const char *text, size_t len,
           struct sov_err *err)
{
    for (size_t i = 0; i < N_KINDS; i++)
        if (is_word(text, len, kinds[i].name)) {
            s->arch = kinds[i].arch;
            s->qkv_bias = kinds[i].qkv_bias;
            s->qk_norm = kinds[i].qk_norm;
            s->eps = kinds[i].eps;
            return 0;
        }
    return sov_fail(err, SOV_EARG,
                    "no architecture '%.*s' can be trained; llama, mistral, "
                    "qwen2 and qwen3 can",
                    (int)len, text);
}

/* What was not said, and do the numbers go together? */
static int
settle(struct sov_shape *s, struct sov_err *err)
{
    const char *missing = s->n_embd == 0    ? "width"
                          : s->n_layer == 0 ? "layers"
                          : s->n_head == 0  ? "heads"
                                            : NULL;

    if (missing != NULL)
        return sov_fail(err, SOV_EARG, "%s= is missing", missing);
    if (s->n_head_kv == 0)
        s->n_head_kv = s->n_head;
    if (s->n_ff == 0) /* as many numbers as four widths have without a gate */
        s->n_ff = (s->n_embd * 8 / 3 + 31) / 32 * 32;
    if (s->n_ctx == 0)
        s->n_ctx = 256;
    if (s->k_len == 0 && s->n_embd % s->n_head != 0)
        return sov_fail(err, SOV_EARG,
                        "width=%zu is no multiple of heads=%zu; or say head=",
                        s->n_embd, s->n_head);
    if (s->k_len == 0)
        s->k_len = s->n_embd / s->n_head;
    if (s->k_len % 2 != 0)
        return sov_fail(err, SOV_EARG,
                        "a head has %zu numbers, and they are turned in pairs",
                        s->k_len);
    if (s->n_head % s->n_head_kv != 0)
        return sov_fail(err, SOV_EARG,
                        "heads=%zu is no multiple of kv-heads=%zu", s->n_head,
                        s->n_head_kv);
    return 0;
}

int
sov_student_shape(struct sov_shape *shape, const char *spec,
                  struct sov_err *err)
{
    struct sov_shape s = { .rope_base = 10000, .n_vocab = shape->n_vocab };
    const char *at = spec;
    size_t len = strcspn(at, ",");
    int rc = parse_kind(&s, at, len, err);

    while (rc == 0 && at[len] == ',') {
        at += len + 1;
        len = strcspn(at, ",");
        rc = check_once(spec, at, strcspn(at, "=,"), err);
        if (rc == 0)
            rc = parse_word(&s, at, len, err);
    }
    if (rc == 0)
        rc = settle(&s, err);
    if (rc == 0)
        rc = sov_shape_check(&s, err);
    if (rc < 0)
        return rc;
    *shape = s;
    return 0;
}

/* ---- adapters ---- */

static int
parse_targets(struct sov_student_lora *l, const char *text, size_t len,
              struct sov_err *err)
{
    if (len == 0 || len >= sizeof(l->targets))
        return sov_fail(err, SOV_EARG, "'%.*s' names no matrices", (int)len,
                        text);
    memcpy(l->targets, text, len);
    l->targets[len] = '\0';
    for (char *p = l->targets; *p != '\0'; p++)
        if (*p == '+')
            *p = ',';
    return 0;
}

int
sov_student_lora(struct sov_student_lora *lora, const char *spec,
                 struct sov_err *err)
{
    struct sov_student_lora l = { .rank = 0 };
    const char *at = spec;
    int rc = 0;

    while (rc == 0 && *at != '\0') {
        size_t len = strcspn(at, ","), name = strcspn(at, "=,");
        const char *value = at + name + 1;
        size_t n = name < len ? len - name - 1 : 0;

        rc = check_once(spec, at, name, err);
        if (rc < 0)
            return rc;
        if (is_word(at, name, "r"))
            rc = parse_count(value, n, SOV_LORA_RANK_MAX, &l.rank, err);
        else if (is_word(at, name, "alpha"))
            rc = parse_real(value, n, 0, 1e6, &l.alpha, err);
        else if (is_word(at, name, "targets"))
            rc = parse_targets(&l, value, n, err);
        else
            rc = sov_fail(err, SOV_EARG,
                          "'%.*s' is not known; known are r=, alpha=, "
                          "targets=q+k+v+o+gate+up+down",
                          (int)len, at);
        at += len + (at[len] == ',');
    }
    if (rc == 0 && l.rank == 0)
        rc = sov_fail(err, SOV_EARG, "r= is missing");
    if (rc < 0)
        return rc;
    if (l.alpha == 0)
        l.alpha = (double)l.rank;
    *lora = l;
    return 0;
}

/* ---- metadata ---- */

int
sov_student_vocab(const sov_meta *tokenizer, size_t *n, struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(tokenizer, "tokenizer.ggml.tokens");

    if (kv == NULL || kv->type != SOV_V_ARR || kv->elem != SOV_V_STR)
        return sov_fail(err, SOV_EFORMAT, "the model has no tokenizer");
    if (kv->n < 2 || kv->n > SOV_VOCAB_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "the vocabulary has %" PRIu64
                        " tokens, not 2 to %" PRIu64,
                        kv->n, SOV_VOCAB_MAX);
    *n = (size_t)kv->n;
    return 0;
}

/* A writer of keys "ARCH.NAME". */
struct keys {
    sov_meta *meta;
    const char *arch;
    struct sov_err *err;
    int rc; /* sticky */
};

static void
put_u32(struct keys *k, const char *name, size_t value)
{
    char key[100];

    snprintf(key, sizeof(key), "%s.%s", k->arch, name);
    if (k->rc == 0)
        k->rc = sov_meta_set_u32(k->meta, key, (uint32_t)value, k->err);
}

static void
put_f32(struct keys *k, const char *name, double value)
{
    char key[100];

    snprintf(key, sizeof(key), "%s.%s", k->arch, name);
    if (k->rc == 0)
        k->rc = sov_meta_set_f32(k->meta, key, (float)value, k->err);
}

static void
put_shape(struct keys *k, const struct sov_shape *s)
{
    put_u32(k, "vocab_size", s->n_vocab);
    put_u32(k, "context_length", s->n_ctx);
    put_u32(k, "embedding_length", s->n_embd);
    put_u32(k, "block_count", s->n_layer);
    put_u32(k, "feed_forward_length", s->n_ff);
    put_u32(k, "attention.head_count", s->n_head);
    put_u32(k, "attention.head_count_kv", s->n_head_kv);
    put_f32(k, "attention.layer_norm_rms_epsilon", s->eps);
    put_u32(k, "attention.key_length", s->k_len);
    put_u32(k, "attention.value_length", s->k_len);
    put_u32(k, "rope.dimension_count", s->k_len);
    put_f32(k, "rope.freq_base", s->rope_base);
}

static int
copy_tokenizer(sov_meta *to, const sov_meta *from, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < sov_meta_count(from) && rc == 0; i++) {
        const struct sov_kv *kv = sov_meta_at(from, i);

        if (strncmp(kv->key, "tokenizer.", 10) == 0)
            rc = sov_meta_set(to, kv, err);
    }
    return rc;
}

int
sov_student_meta(sov_meta **meta, const struct sov_shape *shape,
                 const sov_meta *tokenizer, uint64_t count, struct sov_err *err)
{
    struct keys k = { .arch = shape->arch, .err = err };
    char name[80];
    int rc = sov_meta_new(&k.meta, err);

    *meta = NULL;
    if (rc < 0)
        return rc;
    snprintf(name, sizeof(name), "%s %.*f%s", shape->arch,
             count < 9950000 ? 1 : 0,
             (double)count / (count < 999500 ? 1e3 : 1e6),
             count < 999500 ? "K" : "M");
    rc = sov_meta_set_str(k.meta, "general.architecture", shape->arch, err);
    if (rc == 0)
        rc = sov_meta_set_str(k.meta, "general.type", "model", err);
    if (rc == 0)
        rc = sov_meta_set_str(k.meta, "general.name", name, err);
    k.rc = rc;
    put_shape(&k, shape);
    rc = k.rc;
    if (rc == 0)
        rc = copy_tokenizer(k.meta, tokenizer, err);
    if (rc < 0) {
        sov_meta_free(k.meta);
        return rc;
    }
    *meta = k.meta;
    return 0;
}

int
sov_student_keep(sov_meta **meta, const sov_meta *old, struct sov_err *err)
{
    sov_meta *m = NULL;
    int rc = sov_meta_new(&m, err);

    *meta = NULL;
    for (size_t i = 0; i < sov_meta_count(old) && rc == 0; i++)
        rc = sov_meta_set(m, sov_meta_at(old, i), err);
    if (rc < 0) {
        sov_meta_free(m);
        return rc;
    }
    sov_meta_unset_like(m, "quantize.*");
    sov_meta_unset_like(m, "split.*");
    *meta = m;
    return 0;
}
