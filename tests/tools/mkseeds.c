/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkseeds.c - seeds of fuzz corpora that follow from other tests
 *
 *     mkseeds DIR
 *
 * DIR/chat: the templates of t_jinja.c, each with its variables.  DIR/net:
 * headers of a tiny model, each with something in it that is wrong or rare.  See
 * tests/fuzz/mkseeds for the rest.
 */
#include "sov/base.h"
#include "sov/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *dir;

static void
put(const char *target, const char *name, const void *p, size_t len)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, target);
    (void)mkdir(path, 0777);
    snprintf(path, sizeof(path), "%s/%s/%s", dir, target, name);
    f = fopen(path, "wb");
    if (f == NULL || fwrite(p, 1, len, f) != len || fclose(f) != 0) {
        perror(path);
        exit(70);
    }
}

/* ---- templates */

#define CASE_VARS(json) static const char vars[] = json;
#include "../unit/jinja_cases.def"
#undef CASE_VARS

static const char *const cases[] = {
#define CASE(template, want) template,
#include "../unit/jinja_cases.def"
#undef CASE
};

static const char *const wrong[] = {
#define WRONG(template, words) template,
#include "../unit/jinja_wrong.def"
#undef WRONG
};

/* A template, byte 1, and messages with the variables of the tests. */
static void
put_templates(const char *kind, const char *const *text, size_t n)
{
    static const char messages[] =
        "{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}], ";
    static char buf[65536];

    for (size_t i = 0; i < n; i++) {
        char name[32];
        int len = snprintf(buf, sizeof(buf), "%s\001%s%s", text[i], messages,
                           vars + 1);

        if (len < 0 || (size_t)len >= sizeof(buf))
            abort();
        snprintf(name, sizeof(name), "%s-%03zu", kind, i);
        put("chat", name, buf, (size_t)len);
    }
}

/* ---- headers of models */

/* TYPE:NAME=VALUE, with a list of numbers as U32 or of floats as F32; -NAME: no
 * such key.  Later words go before earlier ones. */
#define LLAMA                                                           \
    "str:general.architecture=llama u32:llama.context_length=64 "       \
    "u32:llama.embedding_length=8 u32:llama.block_count=1 "             \
    "u32:llama.feed_forward_length=8 u32:llama.attention.head_count=2 " \
    "f32:llama.attention.layer_norm_rms_epsilon=1e-5 "

/* A tensor is NAME:TYPE:DIMS; those of LLAMA, or in place of one of them. */
static const char *const tensors[] = {
    "token_embd.weight:0:8x12",       "output_norm.weight:0:8",
    "blk.0.attn_norm.weight:0:8",     "blk.0.attn_q.weight:0:8x8",
    "blk.0.attn_k.weight:0:8x8",      "blk.0.attn_v.weight:0:8x8",
    "blk.0.attn_output.weight:0:8x8", "blk.0.ffn_norm.weight:0:8",
    "blk.0.ffn_gate.weight:0:8x8",    "blk.0.ffn_up.weight:0:8x8",
    "blk.0.ffn_down.weight:0:8x8",
};

/* clang-format off */
static const struct {
    const char *name;
    const char *keys;
    const char *tensor; /* or NULL */
} nets[] = {
    { "made-good", LLAMA, NULL },
    { "made-no-arch", LLAMA "-general.architecture", NULL },
    { "made-arch-number", LLAMA "u32:general.architecture=3", NULL },
    { "made-arch-other", LLAMA "str:general.architecture=other", NULL },
    { "made-adapter", LLAMA "str:general.type=adapter", NULL },
    { "made-no-blocks", LLAMA "-llama.block_count", NULL },
    { "made-blocks-text", LLAMA "str:llama.block_count=x", NULL },
    { "made-blocks-0", LLAMA "u32:llama.block_count=0", NULL },
    { "made-blocks-2", LLAMA "u32:llama.block_count=2", NULL },
    { "made-width-large", LLAMA "u32:llama.embedding_length=4000000000", NULL },
    { "made-width-below", LLAMA "i32:llama.embedding_length=-8", NULL },
    { "made-no-eps", LLAMA "-llama.attention.layer_norm_rms_epsilon", NULL },
    { "made-eps-text", LLAMA "str:llama.attention.layer_norm_rms_epsilon=x", NULL },
    { "made-eps-below", LLAMA "f32:llama.attention.layer_norm_rms_epsilon=-1", NULL },
    { "made-heads-list", LLAMA "U32:llama.attention.head_count=2", NULL },
    { "made-heads-two", LLAMA "U32:llama.attention.head_count=2,2", NULL },
    { "made-heads-floats", LLAMA "F32:llama.attention.head_count=2", NULL },
    { "made-heads-list-0", LLAMA "U32:llama.attention.head_count=0", NULL },
    { "made-heads-text", LLAMA "str:llama.attention.head_count=x", NULL },
    { "made-heads-3", LLAMA "u32:llama.attention.head_count=3", NULL },
    { "made-heads-uneven", LLAMA "u32:llama.attention.head_count=4 u32:llama.attention.head_count_kv=3", NULL },
    { "made-heads-wide", LLAMA "u32:llama.attention.head_count=512 u32:llama.attention.key_length=1000000", NULL },
    { "made-turns-odd", LLAMA "u32:llama.rope.dimension_count=3", NULL },
    { "made-scaling-other", LLAMA "str:llama.rope.scaling.type=other", NULL },
    { "made-scaling-number", LLAMA "u32:llama.rope.scaling.type=1", NULL },
    { "made-scaling-none", LLAMA "str:llama.rope.scaling.type=none f32:llama.rope.scaling.factor=4", NULL },
    { "made-scale-linear", LLAMA "f32:llama.rope.scale_linear=2 f32:llama.attention.scale=0.5", NULL },
    { "made-context-large", LLAMA "u32:llama.context_length=4000000000", NULL },
    { "made-not-causal", LLAMA "bool:llama.attention.causal=0", NULL },
    { "made-causal-text", LLAMA "str:llama.attention.causal=x", NULL },
    { "made-experts", LLAMA "u32:llama.expert_count=4", NULL },
    { "made-experts-none", "str:general.architecture=qwen2 u32:qwen2.context_length=64 u32:qwen2.embedding_length=8 u32:qwen2.block_count=1 u32:qwen2.feed_forward_length=8 u32:qwen2.attention.head_count=2 f32:qwen2.attention.layer_norm_rms_epsilon=1e-5 u32:qwen2.expert_count=4", NULL },
    { "made-pooling-9", LLAMA "u32:llama.pooling_type=9", NULL },
    { "made-pooling-text", LLAMA "str:llama.pooling_type=x", NULL },
    { "made-pattern-two", "str:general.architecture=gemma2 u32:gemma2.context_length=64 u32:gemma2.embedding_length=8 u32:gemma2.block_count=1 u32:gemma2.feed_forward_length=8 u32:gemma2.attention.head_count=2 f32:gemma2.attention.layer_norm_rms_epsilon=1e-5 u32:gemma2.attention.sliding_window=4 U32:gemma2.attention.sliding_window_pattern=1,0", NULL },
    { "made-layers-27b", "str:general.architecture=gemma2 u32:gemma2.context_length=64 u32:gemma2.embedding_length=8 u32:gemma2.block_count=46 u32:gemma2.feed_forward_length=8 u32:gemma2.attention.head_count=2 f32:gemma2.attention.layer_norm_rms_epsilon=1e-5 U32:gemma2.attention.sliding_window_pattern=1", NULL },
    { "made-fn-gelu", "str:general.architecture=modern-bert u32:modern-bert.context_length=64 u32:modern-bert.embedding_length=8 u32:modern-bert.block_count=1 u32:modern-bert.feed_forward_length=8 u32:modern-bert.attention.head_count=2 f32:modern-bert.attention.layer_norm_epsilon=1e-5 str:modern-bert.hidden_activation=geglu bool:modern-bert.attention.causal=1", NULL },
    { "made-fn-other", "str:general.architecture=modern-bert u32:modern-bert.context_length=64 u32:modern-bert.embedding_length=8 u32:modern-bert.block_count=1 u32:modern-bert.feed_forward_length=8 u32:modern-bert.attention.head_count=2 f32:modern-bert.attention.layer_norm_epsilon=1e-5 str:modern-bert.hidden_activation=relu", NULL },
    { "made-fn-number", "str:general.architecture=modern-bert u32:modern-bert.context_length=64 u32:modern-bert.embedding_length=8 u32:modern-bert.block_count=1 u32:modern-bert.feed_forward_length=8 u32:modern-bert.attention.head_count=2 f32:modern-bert.attention.layer_norm_epsilon=1e-5 u32:modern-bert.hidden_activation=1", NULL },
    { "made-tokens-numbers", LLAMA "U32:tokenizer.ggml.tokens=1,2", NULL },
    { "made-scores-alone", LLAMA "F32:tokenizer.ggml.scores=1,2", NULL },
    { "made-types-floats", LLAMA "F32:tokenizer.ggml.token_type=1,2", NULL },
    { "made-norm-half", LLAMA, "blk.0.attn_norm.weight:1:8" },
    { "made-norm-int", LLAMA, "blk.0.attn_norm.weight:24:8" },
    { "made-norm-9", LLAMA, "blk.0.attn_norm.weight:0:9" },
    { "made-norm-gone", LLAMA, "blk.0.attn_norm.weight" },
    { "made-q-gone", LLAMA, "blk.0.attn_q.weight" },
    { "made-q-int", LLAMA, "blk.0.attn_q.weight:26:8x8" },
    { "made-q-high", LLAMA, "blk.0.attn_q.weight:0:8x9" },
    { "made-embd-int", LLAMA, "token_embd.weight:26:8x12" },
    { "made-embd-wide", LLAMA, "token_embd.weight:0:9x12" },
    { "made-embd-half", LLAMA, "token_embd.weight:1:8x12" },
};
/* clang-format on */

static void
must(int rc, const struct sov_err *err)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "mkseeds: %s\n", err->msg);
    exit(70);
}

/* Numbers between commas. */
static void
set_list(sov_meta *meta, const char *name, bool floats, const char *value)
{
    struct sov_kv kv = { .key = name, .type = SOV_V_ARR };
    unsigned char bytes[64];
    struct sov_err err;

    kv.elem = floats ? SOV_V_F32 : SOV_V_U32;
    for (kv.n = 0; value != NULL; kv.n++) {
        float f = strtof(value, NULL);
        uint32_t u = (uint32_t)strtoul(value, NULL, 10);

        memcpy(bytes + 4 * kv.n, floats ? (void *)&f : (void *)&u, 4);
        value = strchr(value, ',');
        value = value != NULL ? value + 1 : NULL;
    }
    kv.val.p = bytes;
    kv.val.len = 4 * kv.n;
    must(sov_meta_set(meta, &kv, &err), &err);
}

static void
set_key(sov_meta *meta, char *word)
{
    char *name = strchr(word, ':'), *value = strchr(word, '=');
    struct sov_err err;
    int rc;

    if (word[0] == '-') {
        sov_meta_unset(meta, word + 1);
        return;
    }
    if (name == NULL || value == NULL)
        abort();
    *name++ = *value++ = '\0';
    if (word[0] == 'U' || word[0] == 'F') {
        set_list(meta, name, word[0] == 'F', value);
        return;
    }
    if (word[0] == 's')
        rc = sov_meta_set_str(meta, name, value, &err);
    else if (word[0] == 'b')
        rc = sov_meta_set_bool(meta, name, *value != '0', &err);
    else if (strcmp(word, "f32") == 0)
        rc = sov_meta_set_f32(meta, name, strtof(value, NULL), &err);
    else if (strcmp(word, "u32") != 0)
        rc = sov_meta_set_text(meta, name, word, value, strlen(value), &err);
    else
        rc = sov_meta_set_u32(meta, name, (uint32_t)strtoul(value, NULL, 10),
                              &err);
    must(rc, &err);
}

static void
add_tensor(sov_plan *plan, const char *text)
{
    uint64_t dim[4] = { 1, 1, 1, 1 };
    const char *colon = strchr(text, ':');
    uint32_t ndim = 0;
    char name[64], *end;
    struct sov_err err;
    int type;

    if (colon == NULL) /* it is not there */
        return;
    snprintf(name, sizeof(name), "%.*s", (int)(colon - text), text);
    type = (int)strtol(colon + 1, &end, 10);
    do
        dim[ndim++] = strtoull(end + 1, &end, 10);
    while (*end == 'x');
    must(sov_plan_add(plan, name, (enum sov_type)type, ndim, dim, &err), &err);
}

struct header {
    unsigned char p[8192];
    size_t len;
};

static int
keep(void *arg, const void *buf, size_t len, struct sov_err *err)
{
    struct header *h = arg;

    (void)err;
    if (len > sizeof(h->p) - h->len)
        abort();
    memcpy(h->p + h->len, buf, len);
    h->len += len;
    return 0;
}

/* A header with these keys, and with tensors[] if other is not "". */
static void
put_header(const char *target, const char *name, const char *text,
           const char *other)
{
    static struct header head;
    char keys[2048], *word, *rest = keys;
    sov_plan *plan = NULL;
    sov_sink *sink = NULL;
    sov_writer *w = NULL;
    struct sov_err err;

    head.len = 0;
    snprintf(keys, sizeof(keys), "%s", text);
    must(sov_plan_new(&plan, NULL, &err), &err);
    while ((word = strsep(&rest, " ")) != NULL)
        if (word[0] != '\0')
            set_key(sov_plan_meta(plan), word);
    for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++) {
        size_t len = strcspn(tensors[i], ":");
        bool same = other != NULL && strncmp(other, tensors[i], len) == 0;

        if (other == NULL || other[0] != '\0')
            add_tensor(plan, same ? other : tensors[i]);
    }
    must(sov_plan_freeze(plan, 32, &err), &err);
    must(sov_sink_call(&sink, "header", keep, &head, &err), &err);
    must(sov_writer_begin(&w, plan, &sink, &err), &err);
    put(target, name, head.p, head.len);
    sov_writer_abort(w);
    sov_plan_free(plan);
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: mkseeds DIR\n");
        return 64;
    }
    dir = argv[1];
    put_templates("case", cases, sizeof(cases) / sizeof(cases[0]));
    put_templates("wrong", wrong, sizeof(wrong) / sizeof(wrong[0]));
    for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
        put_header("net", nets[i].name, nets[i].keys, nets[i].tensor);
    put_header("gguf", "made-numbers",
               "i8:a=-1 i16:b=-300 i64:c=5 f64:d=1e300 f64:e=-1e300 f32:f=nan "
               "u8:g=7 u16:h=300 u64:i=18446744073709551615 bool:j=1",
               "");
    return 0;
}
