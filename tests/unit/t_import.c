/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_import.c - unit tests of the import of model directories
 */
#include "unit.h"
#include "tinyhf.h"

#include "base/le.h"
#include "sov/export.h"
#include "sov/io.h"
#include "sov/model.h"
#include "sov/token.h"
#include "tensor/half.h"

#include <unistd.h>

static char dir[64];

static void
make(void)
{
    tiny_make(dir);
}

static void
drop(void)
{
    tiny_remove(dir);
}

static void
config(const char *text)
{
    tiny_write(dir, "config.json", text, strlen(text));
}

/* TINY_CONFIG with old replaced by new. */
static void
config_with(const char *old, const char *new)
{
    static const char tiny[] = TINY_CONFIG;
    const char *at = strstr(tiny, old);
    char text[2048];

    ck_assert_ptr_nonnull(at);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - tiny), tiny, new,
             at + strlen(old));
    config(text);
}

static sov_model *
must_open(const char *path)
{
    struct sov_err err = { 0 };
    sov_model *m = NULL;
    int rc = sov_model_open(&m, path, SOV_ACCESS_STREAM, &err);

    ck_assert_msg(rc == 0, "%s", err.msg);
    return m;
}

static void
check_refused(int want, const char *word)
{
    struct sov_err err = { 0 };
    sov_model *m = NULL;
    int rc = sov_model_open(&m, dir, SOV_ACCESS_STREAM, &err);

    ck_assert_msg(rc == want, "%d instead of %d: \"%s\"", rc, want, err.msg);
    ck_assert_msg(strstr(err.msg, word) != NULL, "\"%s\" lacks %s", err.msg,
                  word);
    ck_assert_ptr_null(m);
}

static uint64_t
number(const sov_model *m, const char *key)
{
    struct sov_err err = { 0 };
    uint64_t v = 0;
    int rc = sov_meta_u64(sov_model_meta(m), key, &v, &err);

    ck_assert_msg(rc == 0, "%s: %s", key, err.msg);
    return v;
}

static bool
has(const sov_model *m, const char *key)
{
    return sov_meta_find(sov_model_meta(m), key) != NULL;
}

/* All of tensor name as floats; free() it. */
static float *
values(sov_model *m, const char *name, size_t *n)
{
    struct sov_err err = { 0 };
    int64_t at = sov_model_find(m, name);
    const struct sov_tensor *t;
    unsigned char *raw;
    float *v;
    int rc;

    ck_assert_msg(at >= 0, "%s is missing", name);
    t = sov_model_at(m, (size_t)at);
    *n = (size_t)sov_tensor_count(t);
    raw = malloc(t->size);
    v = malloc(*n * sizeof(*v));
    ck_assert(raw != NULL && v != NULL);
    rc = sov_model_read(m, (size_t)at, 0, raw, t->size, &err);
    ck_assert_msg(rc == 0, "%s", err.msg);
    for (size_t i = 0; i < *n; i++)
        v[i] = t->type == SOV_TYPE_F32 ? sov_lef32(raw + 4 * i)
               : t->type == SOV_TYPE_F16
                   ? sov_f16_to_f32(sov_le16(raw + 2 * i))
                   : sov_bf16_to_f32(sov_le16(raw + 2 * i));
    free(raw);
    return v;
}

START_TEST(keys_and_shapes)
{
    sov_model *m = must_open(dir);
    struct sov_span arch;
    struct sov_err err = { 0 };
    const struct sov_tensor *t;

    ck_assert_str_eq(sov_model_format(m), "huggingface");
    ck_assert_int_eq(
        sov_meta_str(sov_model_meta(m), "general.architecture", &arch, &err),
        0);
    ck_assert_uint_eq(arch.len, 5);
    ck_assert_uint_eq(number(m, "llama.context_length"), 64);
    ck_assert_uint_eq(number(m, "llama.embedding_length"), 8);
    ck_assert_uint_eq(number(m, "llama.block_count"), 1);
    ck_assert_uint_eq(number(m, "llama.feed_forward_length"), 6);
    ck_assert_uint_eq(number(m, "llama.attention.head_count"), 2);
    ck_assert_uint_eq(number(m, "llama.attention.head_count_kv"), 1);
    ck_assert_uint_eq(number(m, "llama.rope.dimension_count"), 4);
    ck_assert_uint_eq(number(m, "llama.vocab_size"), 12);
    ck_assert(!has(m, "llama.attention.key_length"));
    ck_assert_uint_eq(sov_model_count(m), 12);
    ck_assert_int_lt(sov_model_find(m, "output.weight"), 0);
    t = sov_model_at(m, (size_t)sov_model_find(m, "blk.0.ffn_down.weight"));
    ck_assert_uint_eq(t->dim[0], 6);
    ck_assert_uint_eq(t->dim[1], 8);
    for (size_t i = 0; i < sov_model_count(m); i++) /* vectors are f32 */
        ck_assert_int_eq(sov_model_at(m, i)->type, SOV_TYPE_F32);
    sov_model_close(m);
}
END_TEST

START_TEST(vectors_become_f32)
{
    static const char *const names[] = { "output_norm.weight",
                                         "blk.0.ffn_norm.weight",
                                         "blk.0.attn_norm.weight" };
    sov_model *m = must_open(dir);

    for (int i = 0; i < 3; i++) {
        size_t n;
        float *v = values(m, names[i], &n);

        ck_assert_uint_eq(n, 8);
        for (int k = 0; k < 8; k++)
            ck_assert(v[k] == (float)k / 16);
        free(v);
    }
    sov_model_close(m);
}
END_TEST

/* Heads of 4: rows 0 1 | 2 3 become 0 2 1 3. */
static void
rotary_pairs(void)
{
    static const int q[8] = { 0, 2, 1, 3, 4, 6, 5, 7 };
    sov_model *m = must_open(dir);
    size_t n;
    float *v = values(m, "blk.0.attn_q.weight", &n);

    ck_assert_uint_eq(n, 64);
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 8; k++)
            ck_assert(v[8 * i + k] == (float)q[i] + (float)k / 16);
    free(v);
    v = values(m, "blk.0.attn_k.weight", &n);
    for (int i = 0; i < 4; i++)
        ck_assert(v[8 * i] == (float)q[i]);
    free(v);
    v = values(m, "blk.0.attn_q.bias", &n);
    ck_assert_uint_eq(n, 8);
    for (int i = 0; i < 8; i++)
        ck_assert(v[i] == (float)q[i] / 16);
    free(v);
    v = values(m, "blk.0.attn_v.weight", &n); /* not these */
    for (int i = 0; i < 4; i++)
        ck_assert(v[8 * i] == (float)i);
    free(v);
    sov_model_close(m);
}

START_TEST(rotary_pairs_stand_side_by_side)
{
    rotary_pairs();
}
END_TEST

START_TEST(vocabulary_is_filled_up)
{
    sov_model *m;
    sov_tok *tok;
    struct sov_err err = { 0 };
    int rc;

    m = must_open(dir);
    rc = sov_tok_load(&tok, sov_model_meta(m), &err);
    ck_assert_msg(rc == 0, "%s", err.msg);
    ck_assert_uint_eq(sov_tok_count(tok), 12);
    ck_assert_int_eq(memcmp(sov_tok_name(tok, 11).p, "[PAD11]", 7), 0);
    ck_assert(!has(m, "tokenizer.ggml.add_eos_token"));
    sov_tok_free(tok);
    sov_model_close(m);
}
END_TEST

static const char tok_config[] =
    "{\"add_bos_token\": false, \"add_eos_token\": true,\n"
    " \"add_prefix_space\": false, \"bos_token\": \"<s>\",\n"
    " \"eos_token\": {\"content\": \"<|done|>\"}, \"pad_token\": null,\n"
    " \"chat_template\": \"{{ x }}\", \"added_tokens_decoder\": {\n"
    "  \"0\": {\"content\": \"<unk>\", \"special\": true},\n"
    "  \"9\": {\"content\": \"<|done|>\", \"special\": false},\n"
    "  \"10\": {\"content\": \"\xe2\x96\x81two\", \"special\": false},\n"
    "  \"99\": {\"content\": \"beyond\", \"special\": false}}}";

START_TEST(added_tokens_and_settings)
{
    static const char added[] = "{\"<first>\": 11, \"lost\": 9}";
    const struct sov_kv *types;
    struct sov_err err = { 0 };
    struct sov_span s;
    sov_model *m;
    sov_tok *tok;
    bool flag;
    int rc;

    tiny_write(dir, "tokenizer_config.json", tok_config, strlen(tok_config));
    tiny_write(dir, "added_tokens.json", added, strlen(added));
    m = must_open(dir);
    ck_assert_uint_eq(number(m, "tokenizer.ggml.bos_token_id"), 1);
    ck_assert_uint_eq(number(m, "tokenizer.ggml.eos_token_id"), 9);
    types = sov_meta_find(sov_model_meta(m), "tokenizer.ggml.token_type");
    ck_assert_ptr_nonnull(types);
    ck_assert_int_eq(sov_kv_int(types, 0), 3); /* said to be special */
    ck_assert_int_eq(sov_kv_int(types, 8), 1);
    ck_assert_int_eq(sov_kv_int(types, 9), 3); /* looks special */
    ck_assert_int_eq(sov_kv_int(types, 10), 4);
    ck_assert_int_eq(sov_kv_int(types, 11), 4);
    rc = sov_meta_bool(sov_model_meta(m), "tokenizer.ggml.add_bos_token", &flag,
                       &err);
    ck_assert(rc == 0 && !flag);
    rc = sov_meta_bool(sov_model_meta(m), "tokenizer.ggml.add_eos_token", &flag,
                       &err);
    ck_assert(rc == 0 && flag);
    rc = sov_meta_bool(sov_model_meta(m), "tokenizer.ggml.add_space_prefix",
                       &flag, &err);
    ck_assert(rc == 0 && !flag);
    rc = sov_meta_str(sov_model_meta(m), "tokenizer.chat_template", &s, &err);
    ck_assert(rc == 0 && s.len == 7);
    ck_assert_ptr_nonnull(strstr(sov_model_warning(m, 0), "99"));
    rc = sov_tok_load(&tok, sov_model_meta(m), &err);
    ck_assert_msg(rc == 0, "%s", err.msg);
    ck_assert_uint_eq(sov_tok_name(tok, 10).len, 4); /* " two" */
    ck_assert(sov_tok_is_end(tok, 9));
    sov_tok_free(tok);
    sov_model_close(m);
}
END_TEST

START_TEST(several_chat_templates)
{
    static const char text[] =
        "{\"chat_template\": [{\"name\": \"default\", \"template\": \"A\"},\n"
        " {\"name\": \"tool use\", \"template\": \"B\"}, {\"name\": \"x\"}]}";
    const struct sov_kv *names;
    sov_model *m;

    tiny_write(dir, "tokenizer_config.json", text, strlen(text));
    m = must_open(dir);
    ck_assert(has(m, "tokenizer.chat_template"));
    ck_assert(has(m, "tokenizer.chat_template.tool_use"));
    names = sov_meta_find(sov_model_meta(m), "tokenizer.chat_templates");
    ck_assert_ptr_nonnull(names);
    ck_assert_uint_eq(names->n, 1);
    sov_model_close(m);

    tiny_write(dir, "tokenizer_config.json", "{}", 2);
    tiny_write(dir, "chat_template.jinja", "{{ y }}", 7);
    m = must_open(dir);
    ck_assert(has(m, "tokenizer.chat_template"));
    sov_model_close(m);
}
END_TEST

START_TEST(rope_scaling)
{
    struct sov_err err = { 0 };
    struct sov_span s;
    sov_model *m;
    size_t n;
    float *v;

    config_with("\"rope_theta\": 10000.0",
                "\"rope_theta\": 10000.0, \"rope_scaling\": "
                "{\"type\": \"linear\", \"factor\": 4.0}");
    m = must_open(dir);
    ck_assert_int_eq(
        sov_meta_str(sov_model_meta(m), "llama.rope.scaling.type", &s, &err),
        0);
    ck_assert_int_eq(memcmp(s.p, "linear", 6), 0);
    ck_assert(has(m, "llama.rope.scaling.factor"));
    sov_model_close(m);

    config_with("\"rope_theta\": 10000.0",
                "\"rope_parameters\": {\"rope_type\": \"default\", "
                "\"rope_theta\": 500000}");
    m = must_open(dir);
    ck_assert(!has(m, "llama.rope.scaling.type"));
    sov_model_close(m);

    /*
     * Waves of 6.3 and 628 tokens, stretched where they are longer than 256,
     * in part where longer than 64.
     */
    config_with("\"rope_theta\": 10000.0",
                "\"rope_theta\": 10000.0, \"rope_scaling\": {\"rope_type\": "
                "\"llama3\", \"factor\": 8.0, \"low_freq_factor\": 1.0, "
                "\"high_freq_factor\": 4.0, "
                "\"original_max_position_embeddings\": 256}");
    m = must_open(dir);
    v = values(m, "rope_freqs.weight", &n);
    ck_assert_uint_eq(n, 2);
    ck_assert(v[0] == 1.0f && v[1] == 8.0f);
    free(v);
    sov_model_close(m);

    /* 628 of 1024: smooth = (1024 / 628.3 - 1) / 3 = 0.2099 */
    config_with("\"rope_theta\": 10000.0",
                "\"rope_theta\": 10000.0, \"rope_scaling\": {\"rope_type\": "
                "\"llama3\", \"factor\": 8.0, \"low_freq_factor\": 1.0, "
                "\"high_freq_factor\": 4.0, "
                "\"original_max_position_embeddings\": 1024}");
    m = must_open(dir);
    v = values(m, "rope_freqs.weight", &n);
    ck_assert(v[0] == 1.0f);
    ck_assert_float_eq_tol(v[1], 3.2396f, 1e-3f);
    free(v);
    sov_model_close(m);

    config_with("\"rope_theta\": 10000.0",
                "\"rope_scaling\": {\"rope_type\": \"longrope\"}");
    check_refused(SOV_EUNSUP, "longrope");
    config_with("\"rope_theta\": 10000.0", "\"rope_scaling\": [1]");
    check_refused(SOV_EFORMAT, "rope_scaling");
    config_with("\"rope_theta\": 10000.0",
                "\"rope_scaling\": {\"type\": \"linear\"}");
    check_refused(SOV_EFORMAT, "factor");
}
END_TEST

START_TEST(hostile_numbers_are_named)
{
    static const struct {
        const char *old;
        const char *new;
        const char *field;
    } cases[] = {
        { "\"hidden_size\": 8", "\"hidden_size\": -8", "hidden_size" },
        { "\"hidden_size\": 8", "\"hidden_size\": 0", "hidden_size" },
        { "\"hidden_size\": 8", "\"hidden_size\": \"8\"", "hidden_size" },
        { "\"hidden_size\": 8", "\"hidden_size\": 8.5", "hidden_size" },
        { "\"hidden_size\": 8", "\"hidden_size\": 9223372036854775807",
          "hidden_size" },
        { "\"hidden_size\": 8", "\"hidden_size\": [8]", "hidden_size" },
        { "\"hidden_size\": 8", "\"other\": 8", "hidden_size" },
        { "\"intermediate_size\": 6", "\"intermediate_size\": 7",
          "mlp.gate_proj" },
        { "\"num_hidden_layers\": 1", "\"num_hidden_layers\": 100000",
          "num_hidden_layers" },
        { "\"num_hidden_layers\": 1", "\"num_hidden_layers\": 2",
          "model.layers.1." },
        { "\"num_attention_heads\": 2", "\"num_attention_heads\": 3",
          "num_attention_heads" },
        { "\"num_attention_heads\": 2", "\"num_attention_heads\": 8", "odd" },
        { "\"num_key_value_heads\": 1", "\"num_key_value_heads\": 0",
          "num_key_value_heads" },
        { "\"num_key_value_heads\": 1", "\"num_key_value_heads\": 2",
          "k_proj" },
        { "\"num_key_value_heads\": 1", "\"head_dim\": 3", "odd" },
        { "\"num_key_value_heads\": 1", "\"head_dim\": 16777216", "head_dim" },
        { "\"vocab_size\": 12", "\"vocab_size\": 13", "embed_tokens" },
        { "\"vocab_size\": 12", "\"vocab_size\": true", "vocab_size" },
        { "\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": -1e-05",
          "rms_norm_eps" },
        { "\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": 0", "rms_norm_eps" },
        { "\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": 1e-300",
          "rms_norm_eps" },
        { "\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": 1e300",
          "rms_norm_eps" },
        { "\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": 1e400", "1e400" },
        { "\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": NaN", "NaN" },
        { "\"rope_theta\": 10000.0", "\"rope_theta\": \"x\"", "rope_theta" },
        { "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": 1",
          "tie_word_embeddings" },
        { "\"hidden_act\": \"silu\"", "\"hidden_act\": 3", "hidden_act" },
        { "[\"LlamaForCausalLM\"]", "[3]", "architectures" },
        { "[\"LlamaForCausalLM\"]", "{}", "architectures" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        config_with(cases[i].old, cases[i].new);
        check_refused(SOV_EFORMAT, cases[i].field);
    }
    config("[]");
    check_refused(SOV_EFORMAT, "config.json");
}
END_TEST

static const char bpe[] =
    "{\"added_tokens\": [{\"id\": 4, \"content\": \"</s>\", \"special\": true}],"
    " \"pre_tokenizer\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\":"
    " \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"c\": 2, \"ab\": 3},"
    " \"merges\": [\"a b\"]}}";

static void
check_tokenizer(const sov_model *m, const char *text, size_t want)
{
    struct sov_err err = { 0 };
    sov_tok *tok;
    int32_t *ids;
    size_t n;

    ck_assert_msg(sov_tok_load(&tok, sov_model_meta(m), &err) == 0, "%s",
                  err.msg);
    ck_assert_int_eq(sov_tok_encode(tok, text, strlen(text), SOV_TOK_PLAIN,
                                    &ids, &n, NULL), 0);
    ck_assert_uint_eq(n, want);
    free(ids);
    sov_tok_free(tok);
}

START_TEST(what_is_not_supported_is_named)
{
    static const struct tiny_tensor experts = { "model.layers.0.experts.1", 2,
                                                2 };
    char path[128];
    sov_model *m;

    config_with("LlamaForCausalLM", "RwkvForCausalLM");
    check_refused(SOV_EUNSUP, "RwkvForCausalLM");
    config_with("\"silu\"", "\"gelu\"");
    check_refused(SOV_EUNSUP, "gelu");
    config_with("\"vocab_size\"",
                "\"quantization_config\": {\"quant_method\": \"gptq\"}, "
                "\"vocab_size\"");
    check_refused(SOV_EUNSUP, "quantiz");
    config_with("true", "false"); /* not tied, and no head */
    check_refused(SOV_EFORMAT, "lm_head.weight");

    config(TINY_CONFIG);
    tiny_write_tensors(dir, &experts);
    check_refused(SOV_EUNSUP, "experts.1");
    tiny_write(dir, "model.safetensors", "\2\0\0\0\0\0\0\0{}", 10);
    check_refused(SOV_EFORMAT, "embed_tokens.weight is missing");
    tiny_write_tensors(dir, NULL);

    tiny_write_vocab(dir, 1);
    check_refused(SOV_EUNSUP, "unigram");
    snprintf(path, sizeof(path), "%s/tokenizer.model", dir);
    ck_assert_int_eq(unlink(path), 0);
    check_refused(SOV_EFORMAT, "tokenizer.model");
    tiny_write(dir, "tokenizer.json", "{\"model\": {\"type\": \"BPE\"}}", 26);
    check_refused(SOV_EUNSUP, "BPE");
    tiny_write(dir, "tokenizer.json", bpe, strlen(bpe));
    m = must_open(dir);
    ck_assert(has(m, "tokenizer.ggml.merges"));
    ck_assert(!has(m, "tokenizer.ggml.scores"));
    check_tokenizer(m, "abc", 2);
    sov_model_close(m);
    tiny_write_vocab(dir, 1); /* not what its name says: the other one */
    m = must_open(dir);
    ck_assert(has(m, "tokenizer.ggml.merges"));
    sov_model_close(m);
    tiny_write_vocab(dir, 2);

    /* Mistral is the same network */
    config_with("LlamaForCausalLM\"]",
                "MistralForCausalLM\"], \"sliding_window\": 32");
    m = must_open(dir);
    ck_assert_ptr_nonnull(strstr(sov_model_warning(m, 0), "window"));
    sov_model_close(m);
}
END_TEST

START_TEST(a_lone_safetensors_file_is_plain_tensors)
{
    char path[128];
    sov_model *m;

    snprintf(path, sizeof(path), "%s/config.json", dir);
    ck_assert_int_eq(unlink(path), 0);
    snprintf(path, sizeof(path), "%s/model.safetensors", dir);
    m = must_open(path);
    ck_assert_uint_eq(sov_model_count(m), N_TINY);
    ck_assert_int_ge(sov_model_find(m, "model.norm.weight"), 0);
    ck_assert_ptr_nonnull(sov_model_warning(m, 0));
    sov_model_close(m);
}
END_TEST

/* ---- against a conversion by somebody else */

static void
check_same_keys(const sov_meta *a, const sov_meta *b)
{
    for (size_t i = 0; i < sov_meta_count(a); i++) {
        const struct sov_kv *x = sov_meta_at(a, i);
        const struct sov_kv *y = sov_meta_find(b, x->key);

        if (strcmp(x->key, "general.file_type") == 0)
            continue; /* bf16 here, f16 there */
        ck_assert_msg(y != NULL, "%s is in one only", x->key);
        ck_assert_msg(x->type == y->type && x->elem == y->elem &&
                          x->n == y->n && x->val.len == y->val.len &&
                          memcmp(x->val.p, y->val.p, x->val.len) == 0,
                      "%s differs", x->key);
    }
}

START_TEST(tale_is_what_others_make_of_it)
{
    const char *top = getenv("top_srcdir");
    char ours[4096], theirs[4096];
    sov_model *a, *b;

    snprintf(ours, sizeof(ours), "%s/models/tale", top != NULL ? top : ".");
    snprintf(theirs, sizeof(theirs), "%s/../shared/data/tale-f16.gguf",
             top != NULL ? top : ".");
    if (access(theirs, R_OK) != 0) {
        printf("not compared with another conversion: %s is missing\n", theirs);
        return;
    }
    a = must_open(ours);
    b = must_open(theirs);
    check_same_keys(sov_model_meta(a), sov_model_meta(b));
    check_same_keys(sov_model_meta(b), sov_model_meta(a));
    ck_assert_uint_eq(sov_model_count(a), sov_model_count(b));
    for (size_t i = 0; i < sov_model_count(a); i++) {
        const char *name = sov_model_at(a, i)->name;
        size_t n, k;
        float *x = values(a, name, &n);
        float *y = values(b, name, &k);

        ck_assert_uint_eq(n, k);
        if (sov_model_at(a, i)->ndim > 1)
            for (size_t j = 0; j < n; j++)
                x[j] = sov_f16_to_f32(sov_f32_to_f16(x[j]));
        ck_assert_msg(memcmp(x, y, n * sizeof(*x)) == 0, "%s differs", name);
        free(x);
        free(y);
    }
    sov_model_close(a);
    sov_model_close(b);
}
END_TEST

/* ---- the way back */

/* Write what an export made into the folder, in place of what was there. */
static void
write_export(sov_model *m, const sov_export *x)
{
    const struct sov_layout layout = { .form = "safetensors",
                                       .name = "model.safetensors" };
    struct sov_err err = { 0 };
    const struct sov_side *side;
    char path[128], to[128];
    size_t n;
    sov_plan *plan;
    sov_sink *sink;
    sov_writer *w;

    ck_assert_int_eq(sov_plan_new(&plan, NULL, &err), 0);
    for (size_t i = 0; i < sov_model_count(m); i++) {
        const struct sov_tensor *t = sov_model_at(m, i);

        ck_assert_int_eq(
            sov_plan_add(plan, t->name, t->type, t->ndim, t->dim, &err), 0);
    }
    ck_assert_int_eq(sov_plan_lay(plan, &layout, &err), 0);
    snprintf(path, sizeof(path), "%s/new.safetensors", dir);
    ck_assert_int_eq(sov_sink_open(&sink, path, NULL, &err), 0);
    ck_assert_int_eq(sov_writer_begin(&w, plan, &sink, &err), 0);
    for (size_t i = 0; i < sov_model_count(m); i++) {
        size_t size = (size_t)sov_model_at(m, i)->size;
        void *bytes = malloc(size);

        ck_assert_int_eq(sov_model_read(m, i, 0, bytes, size, &err), 0);
        ck_assert_int_eq(sov_writer_data(w, bytes, size, &err), 0);
        free(bytes);
    }
    ck_assert_int_eq(sov_writer_end(&w, &err), 0);
    ck_assert_int_eq(sov_sink_commit(&sink, &err), 0);
    sov_plan_free(plan);
    side = sov_export_sides(x, &n);
    tiny_remove(dir); /* all but the folder and new.safetensors */
    for (size_t i = 0; i < n; i++)
        tiny_write(dir, side[i].name, side[i].bytes, side[i].len);
    snprintf(path, sizeof(path), "%s/generation_config.json", dir);
    ck_assert_int_eq(remove(path), 0);
    snprintf(path, sizeof(path), "%s/new.safetensors", dir);
    snprintf(to, sizeof(to), "%s/model.safetensors", dir);
    ck_assert_int_eq(rename(path, to), 0);
}

static sov_meta *
copy_meta(const sov_meta *from)
{
    sov_meta *copy;

    ck_assert_int_eq(sov_meta_new(&copy, NULL), 0);
    for (size_t i = 0; i < sov_meta_count(from); i++)
        ck_assert_int_eq(sov_meta_set(copy, sov_meta_at(from, i), NULL), 0);
    return copy;
}

static sov_export *
must_export(sov_model *m, const sov_meta *meta)
{
    struct sov_err err = { 0 };
    sov_export *x = NULL;
    int rc = sov_export_new(&x, m, meta, SOV_TYPE_NONE, &err);

    ck_assert_msg(rc == 0, "%s", err.msg);
    return x;
}

START_TEST(what_went_out_comes_back)
{
    const char *settings =
        "{\"add_bos_token\": false, \"add_eos_token\": true,"
        " \"add_prefix_space\": false, \"chat_template\": ["
        "{\"name\": \"default\", \"template\": \"a\"},"
        "{\"name\": \"tool_use\", \"template\": \"b\\n\"}],"
        " \"added_tokens_decoder\": {"
        "\"5\": {\"content\": \"user \\u00e9\", \"special\": false},"
        "\"9\": {\"content\": \"<|x|>\", \"special\": true},"
        "\"10\": {\"content\": \"y\", \"special\": false}},"
        " \"bos_token\": \"<|x|>\", \"pad_token\": \"[PAD11]\"}";
    sov_model *a, *b;
    sov_export *x;
    sov_meta *meta;

    tiny_write(dir, "tokenizer_config.json", settings, strlen(settings));
    a = must_open(dir);
    meta = copy_meta(sov_model_meta(a));
    ck_assert_int_eq(sov_meta_set_str(meta, "general.license", "mit", NULL), 0);
    sov_meta_unset(meta, "general.name");
    x = must_export(a, meta);
    ck_assert_int_ge(sov_model_find(a, "model.layers.0.self_attn.q_proj.bias"),
                     0);
    write_export(a, x);
    sov_model_close(a);
    sov_export_free(x);
    b = must_open(dir);
    check_same_keys(meta, sov_model_meta(b));
    check_same_keys(sov_model_meta(b), meta);
    ck_assert_str_eq(sov_meta_at(sov_model_meta(b), 1)->key,
                     sov_meta_at(meta, 1)->key);
    sov_model_close(b);
    sov_meta_free(meta);
    rotary_pairs();
}
END_TEST

START_TEST(tokenizers_of_bytes_go_out_and_come_back)
{
    const char *file =
        "{\"added_tokens\": [{\"id\": 4, \"content\": \"</s>\", \"special\":"
        " true, \"rstrip\": true}, {\"id\": 5, \"content\": \"<t u>\"}],"
        " \"normalizer\": {\"type\": \"NFC\"}, \"pre_tokenizer\": {\"type\":"
        " \"Sequence\", \"pretokenizers\": [{\"type\": \"Digits\","
        " \"individual_digits\": true}, {\"type\": \"ByteLevel\"}]},"
        " \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\":"
        " [{\"SpecialToken\": {\"id\": \"</s>\", \"type_id\": 0}},"
        " {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}]}, \"model\":"
        " {\"type\": \"BPE\", \"ignore_merges\": true, \"vocab\": {\"a\": 0,"
        " \"b\": 1, \"\\u0120\": 2, \"ab\": 3}, \"merges\": [\"a b\"]}}";
    const char *settings = "{\"bos_token\": \"</s>\", \"eos_token\":"
                           " \"</s>\"}";
    char path[128];
    sov_model *a, *b;
    sov_export *x;
    sov_meta *meta;

    snprintf(path, sizeof(path), "%s/tokenizer.model", dir);
    ck_assert_int_eq(unlink(path), 0);
    tiny_write(dir, "tokenizer.json", file, strlen(file));
    tiny_write(dir, "tokenizer_config.json", settings, strlen(settings));
    a = must_open(dir);
    ck_assert(has(a, "sov.tokenizer.nfc"));
    ck_assert(has(a, "sov.tokenizer.rstrip"));
    ck_assert(has(a, "sov.tokenizer.ignore_merges"));
    meta = copy_meta(sov_model_meta(a));
    x = must_export(a, meta);
    write_export(a, x);
    sov_model_close(a);
    sov_export_free(x);
    b = must_open(dir);
    check_same_keys(meta, sov_model_meta(b));
    check_same_keys(sov_model_meta(b), meta);
    check_tokenizer(b, "ab ab</s>", 3); /* others have no token */
    sov_model_close(b);
    sov_meta_free(meta);
}
END_TEST

START_TEST(vocabularies_from_before_tokenizer_json)
{
    static const char words[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nab\n##c\nc\n";
    static const char vocab[] = "{\"a\": 0, \"b\": 1, \"c\": 2, \"ab\": 3,"
                                " \"<|endoftext|>\": 4}";
    static const char rules[] = "#version: 0.2\na b\n";
    static const char map[] = "{\"bos_token\": \"<|endoftext|>\"}";
    static const char added[] = "{\"<x>\": 5}";
    static const char *const names[] = { "vocab.json", "merges.txt",
                                         "vocab.txt", "added_tokens.json",
                                         "special_tokens_map.json" };
    char path[128];
    sov_model *m;

    snprintf(path, sizeof(path), "%s/tokenizer.model", dir);
    ck_assert_int_eq(unlink(path), 0);
    check_refused(SOV_EFORMAT, "vocab.txt");
    tiny_write(dir, "vocab.json", vocab, strlen(vocab));
    check_refused(SOV_EFORMAT, "no merges.txt");
    tiny_write(dir, "vocab.txt", words, strlen(words));
    m = must_open(dir); /* what is whole */
    ck_assert(!has(m, "tokenizer.ggml.merges"));
    ck_assert(!has(m, "tokenizer.ggml.scores"));
    ck_assert_uint_eq(number(m, "tokenizer.ggml.unknown_token_id"), 1);
    ck_assert_uint_eq(number(m, "tokenizer.ggml.bos_token_id"), 2);
    ck_assert_uint_eq(number(m, "tokenizer.ggml.seperator_token_id"), 3);
    check_tokenizer(m, "ABC d", 3);
    sov_model_close(m);
    tiny_write(dir, "merges.txt", rules, strlen(rules));
    tiny_write(dir, "added_tokens.json", added, strlen(added));
    tiny_write(dir, "special_tokens_map.json", map, strlen(map));
    m = must_open(dir);
    ck_assert(has(m, "tokenizer.ggml.merges"));
    check_tokenizer(m, "abc<x>", 3);
    ck_assert_uint_eq(number(m, "tokenizer.ggml.bos_token_id"), 4);
    sov_model_close(m);
    tiny_write(dir, "merges.txt", "a \xff\n", 4);
    check_refused(SOV_EFORMAT, "line 1");
    tiny_write(dir, "special_tokens_map.json", "[]", 2);
    check_refused(SOV_EFORMAT, "special_tokens_map.json");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        ck_assert_int_eq(unlink(path), 0);
    }
}
END_TEST

START_TEST(what_would_be_lost_is_refused)
{
    static const struct {
        const char *key;
        const char *type;
        const char *value;
        const char *word;
    } bad[] = {
        { "llama.rope.scaling.attn_factor", "f32", "2", "attn_factor" },
        { "llama.attention.key_length", "u32", "6", "" },
        { "llama.block_count", "u32", "2", "" },
        { "llama.context_length", "str", "x", "context_length" },
        { "tokenizer.ggml.model", "str", "gpt2", "gpt2" },
        { "tokenizer.ggml.scores", "f32[]", "[1]", "scores" },
        { "tokenizer.ggml.token_type", "i32[]",
          "[4,3,3,6,1,1,1,1,1,5,5,5]", "token" },
        { "general.architecture", "str", "gpt2", "gpt2" },
        { "general.odd", "f32[]", "[1]", NULL },
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sov_model *m = must_open(dir);
        sov_meta *meta = copy_meta(sov_model_meta(m));
        struct sov_err err = { 0 };
        sov_export *x = NULL;
        int rc;

        ck_assert_int_eq(sov_meta_set_text(meta, bad[i].key, bad[i].type,
                                           bad[i].value, strlen(bad[i].value),
                                           &err), 0);
        rc = sov_export_new(&x, m, meta, SOV_TYPE_NONE, &err);
        ck_assert_msg(bad[i].word == NULL ? rc == 0 : rc < 0, "%s: %s",
                      bad[i].key, err.msg);
        if (bad[i].word != NULL)
            ck_assert_msg(strstr(err.msg, bad[i].word) != NULL, "%s", err.msg);
        sov_export_free(x);
        sov_meta_free(meta);
        sov_model_close(m);
    }
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("import");

    tcase_add_checked_fixture(tc, make, drop);
    tcase_add_test(tc, keys_and_shapes);
    tcase_add_test(tc, vectors_become_f32);
    tcase_add_test(tc, rotary_pairs_stand_side_by_side);
    tcase_add_test(tc, vocabulary_is_filled_up);
    tcase_add_test(tc, added_tokens_and_settings);
    tcase_add_test(tc, several_chat_templates);
    tcase_add_test(tc, rope_scaling);
    tcase_add_test(tc, hostile_numbers_are_named);
    tcase_add_test(tc, what_is_not_supported_is_named);
    tcase_add_test(tc, a_lone_safetensors_file_is_plain_tensors);
    tcase_add_test(tc, tale_is_what_others_make_of_it);
    tcase_add_test(tc, what_went_out_comes_back);
    tcase_add_test(tc, tokenizers_of_bytes_go_out_and_come_back);
    tcase_add_test(tc, vocabularies_from_before_tokenizer_json);
    tcase_add_test(tc, what_would_be_lost_is_refused);
    return unit_main("import", tc);
}
