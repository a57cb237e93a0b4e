/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_teacher.c - a teacher says the same however it is asked, and no teacher
 * that means something else by its tokens is believed
 */
#include "tinytok.h"

#include "distill/teacher.h"
#include "distill/vocab.h"
#include "sov/base.h"

#include <math.h>

#define N_SEQ  9
#define STRIDE 104

static size_t first[N_SEQ + 1];
static int32_t ids[N_SEQ * TINY_CTX];
static float alone[N_SEQ * TINY_CTX * TINY_VOCAB];

static void
make_unit(void)
{
    static const size_t lens[N_SEQ] = { 5, 1, 120, 128, 64, 3, 2, 100, 30 };

    for (size_t s = 0; s < N_SEQ; s++)
        first[s + 1] = first[s] + lens[s];
    for (size_t i = 0; i < first[N_SEQ]; i++)
        ids[i] = (int32_t)((i * 31 + i / 11) % TINY_VOCAB);
}

/* What a session says of each sequence by itself. */
static void
ask_alone(const sov_model *model)
{
    struct sov_session_opts opts = { .n_ctx = TINY_CTX, .n_logits = TINY_CTX };
    sov_session *s;

    ck_assert_int_eq(sov_session_open(&s, model, &opts, NULL), 0);
    for (size_t q = 0; q < N_SEQ; q++) {
        size_t n = first[q + 1] - first[q];

        sov_session_truncate(s, 0);
        ck_assert_int_eq(
            sov_session_eval(s, ids + first[q], n, SOV_LOGITS_ALL, NULL), 0);
        for (size_t i = 0; i < n; i++)
            memcpy(alone + (first[q] + i) * TINY_VOCAB,
                   sov_session_logits(s, i), TINY_VOCAB * sizeof(float));
    }
    sov_session_close(s);
}

static void
check_rows(sov_teacher *t, size_t from, size_t n, size_t n_vocab)
{
    static float z[SOV_SLAB * STRIDE];
    struct sov_err err = { 0 };

    for (size_t i = 0; i < n * STRIDE; i++)
        z[i] = 7777;
    ck_assert_msg(sov_teacher_logits(t, from, n, z, STRIDE, &err) == 0, "%s",
                  err.msg);
    for (size_t i = 0; i < n; i++) {
        size_t both = n_vocab < TINY_VOCAB ? n_vocab : TINY_VOCAB;

        ck_assert_msg(memcmp(z + i * STRIDE, alone + (from + i) * TINY_VOCAB,
                             both * sizeof(float)) == 0,
                      "token %zu of %zu from %zu", i, n, from);
        for (size_t j = both; j < n_vocab; j++)
            ck_assert(z[i * STRIDE + j] == -INFINITY);
        for (size_t j = n_vocab; j < STRIDE; j++)
            ck_assert(z[i * STRIDE + j] == 7777);
    }
}

static sov_model *
open_model(enum sov_type type)
{
    struct tiny t = { .type = type, .change = tiny_tokenizer };

    return tiny_open(&t);
}

static void
check_teacher(enum sov_type type, size_t n_vocab)
{
    sov_model *model = open_model(type);
    struct sov_teacher_opts opts = {
        .n_ctx = TINY_CTX,
        .n_vocab = n_vocab,
        .student = sov_model_meta(model),
    };
    struct sov_unit unit = { .n_seq = N_SEQ, .first = first, .ids = ids };
    struct sov_err err = { 0 };
    sov_teacher *t;
    uint64_t bytes = 0;

    ask_alone(model);
    ck_assert_int_eq(sov_teacher_measure(model, &opts, &bytes, &err), 0);
    ck_assert_uint_gt(bytes, 0);
    ck_assert_msg(sov_teacher_open(&t, model, &opts, &err) == 0, "%s", err.msg);
    for (unsigned threads = 1; threads < 4; threads++) {
        sov_set_threads(threads);
        ck_assert_int_eq(sov_teacher_for(t, &unit, &err), 0);
        for (size_t at = 0; at < first[N_SEQ]; at += SOV_SLAB)
            check_rows(t, at,
                       first[N_SEQ] - at < SOV_SLAB ? first[N_SEQ] - at
                                                    : SOV_SLAB,
                       n_vocab);
        for (size_t at = 0, n; at < first[N_SEQ]; at += n) {
            n = 1 + at * 7 % 40;
            n = first[N_SEQ] - at < n ? first[N_SEQ] - at : n;
            check_rows(t, at, n, n_vocab);
        }
        for (size_t i = 0; i < 6; i++) /* in any order */
            check_rows(t, (i * 173) % (first[N_SEQ] - 20), 20, n_vocab);
    }
    ck_assert_int_eq(
        unit.teach(unit.arg, first[N_SEQ] - 1, 2, alone, STRIDE, &err),
        SOV_EARG);
    sov_teacher_close(t);
    sov_model_close(model);
}

START_TEST(any_cut_gives_what_a_session_gives)
{
    make_unit();
    check_teacher(SOV_TYPE_F32, TINY_VOCAB);
    check_teacher(SOV_TYPE_Q4_K, TINY_VOCAB);
}
END_TEST

START_TEST(vocabularies_may_be_padded)
{
    make_unit();
    check_teacher(SOV_TYPE_F32, TINY_VOCAB + 5);
    check_teacher(SOV_TYPE_F32, TINY_VOCAB - 2);
}
END_TEST

START_TEST(sequences_that_are_too_long)
{
    sov_model *model = open_model(SOV_TYPE_F32);
    struct sov_teacher_opts opts = { .n_ctx = 100,
                                     .n_vocab = TINY_VOCAB,
                                     .student = sov_model_meta(model) };
    unsigned char one[SOV_SHA256_LEN], other[SOV_SHA256_LEN];
    struct sov_err err = { 0 };
    sov_teacher *t;

    make_unit();
    ck_assert_int_eq(sov_teacher_open(&t, model, &opts, &err), 0);
    ck_assert_int_eq(sov_teacher_unit(t, N_SEQ, first, ids, &err), SOV_EARG);
    ck_assert_ptr_nonnull(strstr(err.msg, "120 tokens"));
    ck_assert_int_eq(sov_teacher_identity(t, one, &err), 0);
    sov_teacher_close(t);
    sov_model_close(model);
    model = open_model(SOV_TYPE_Q8_0);
    opts.student = sov_model_meta(model);
    ck_assert_int_eq(sov_teacher_open(&t, model, &opts, &err), 0);
    ck_assert_int_eq(sov_teacher_identity(t, other, &err), 0);
    ck_assert(memcmp(one, other, sizeof(one)) != 0);
    sov_teacher_close(t);
    sov_model_close(model);
    opts.n_ctx = 0;
    ck_assert_int_eq(sov_teacher_open(&t, NULL, &opts, &err), SOV_EARG);
    ck_assert_ptr_null(t);
}
END_TEST

/* ---- tokenizers */

static sov_meta *
new_meta(void)
{
    sov_meta *m;

    ck_assert_int_eq(sov_meta_new(&m, NULL), 0);
    tiny_tokenizer(m);
    return m;
}

/* Tokens of tiny.h's tokenizer, of which one is changed, and some more. */
static void
set_tokens(sov_meta *m, int changed, const char *text, int n_more,
           const char *more)
{
    struct sov_buf b = { 0 };
    char name[32];
    struct sov_kv kv = { .key = "tokenizer.ggml.tokens",
                         .type = SOV_V_ARR,
                         .elem = SOV_V_STR,
                         .n = (uint64_t)(TINY_VOCAB + n_more) };

    for (int i = 0; i < TINY_VOCAB + n_more; i++) {
        snprintf(name, sizeof(name), i < 3 ? "<%c>" : "%c", 32 + i);
        if (i >= TINY_VOCAB)
            snprintf(name, sizeof(name), more, i);
        if (i == changed)
            snprintf(name, sizeof(name), "%s", text);
        sov_buf_str(&b, name, strlen(name));
    }
    kv.val = (struct sov_span){ b.p, b.len };
    ck_assert_int_eq(sov_meta_set(m, &kv, NULL), 0);
    sov_meta_unset(m, "tokenizer.ggml.token_type");
    sov_meta_unset(m, "tokenizer.ggml.scores");
    sov_buf_free(&b);
}

static void
refused(const sov_meta *a, const sov_meta *b, const char *words)
{
    unsigned char one[SOV_SHA256_LEN], other[SOV_SHA256_LEN];
    struct sov_err err = { 0 };

    ck_assert_int_eq(sov_vocab_same(a, b, NULL, &err), SOV_EUNSUP);
    ck_assert_msg(strstr(err.msg, words) != NULL, "%s", err.msg);
    ck_assert_int_eq(sov_vocab_same(b, a, NULL, &err), SOV_EUNSUP);
    ck_assert_int_eq(sov_vocab_digest(a, one, &err), 0);
    ck_assert_int_eq(sov_vocab_digest(b, other, &err), 0);
    ck_assert_msg(memcmp(one, other, sizeof(one)) != 0, "%s", words);
}

static void
accepted(const sov_meta *a, const sov_meta *b, size_t n)
{
    unsigned char one[SOV_SHA256_LEN], other[SOV_SHA256_LEN];
    struct sov_err err = { 0 };
    size_t common = 0;

    ck_assert_msg(sov_vocab_same(a, b, &common, &err) == 0, "%s", err.msg);
    ck_assert_uint_eq(common, n);
    ck_assert_int_eq(sov_vocab_same(b, a, &common, &err), 0);
    ck_assert_int_eq(sov_vocab_digest(a, one, &err), 0);
    ck_assert_int_eq(sov_vocab_digest(b, other, &err), 0);
    ck_assert_mem_eq(one, other, sizeof(one));
}

static void
set_str(sov_meta *m, const char *key, const char *v)
{
    ck_assert_int_eq(sov_meta_set_str(m, key, v, NULL), 0);
}

static void
set_u32(sov_meta *m, const char *key, uint32_t v)
{
    ck_assert_int_eq(sov_meta_set_u32(m, key, v, NULL), 0);
}

static void
set_merges(sov_meta *m, const char *json)
{
    ck_assert_int_eq(sov_meta_set_text(m, "tokenizer.ggml.merges", "str[]",
                                       json, strlen(json), NULL),
                     0);
}

START_TEST(what_differs_is_said)
{
    sov_meta *a = new_meta(), *b = new_meta();

    accepted(a, b, TINY_VOCAB);
    set_tokens(b, 40, "xy", 0, NULL);
    refused(a, b, "token 40 is 'H' there and 'xy' here");
    set_tokens(b, -1, NULL, 2, "new%d");
    refused(a, b, "only the student has token 96, 'new96'");
    set_tokens(b, -1, NULL, 0, NULL);
    accepted(a, b, TINY_VOCAB);
    set_str(b, "tokenizer.ggml.model", "gpt2");
    refused(a, b, "tokenizer.ggml.model is 'llama' there and 'gpt2' here");
    set_str(b, "tokenizer.ggml.model", "llama");
    set_str(b, "tokenizer.ggml.pre", "qwen2");
    refused(a, b, "tokenizer.ggml.pre is '' there and 'qwen2' here");
    sov_meta_unset(b, "tokenizer.ggml.pre");
    set_u32(b, "tokenizer.ggml.bos_token_id", 2);
    refused(a, b, "texts begin with token 1 there and 2 here");
    set_u32(b, "tokenizer.ggml.bos_token_id", 1);
    set_merges(b, "[\"a b\", \"c d\"]");
    refused(a, b, "0 rules of merging, and not 2");
    set_merges(a, "[\"a b\", \"c e\"]");
    refused(a, b, "rule of merging 1 is 'c e' there and 'c d' here");
    set_merges(a, "[\"a b\", \"c d\"]");
    set_u32(b, "tokenizer.ggml.eos_token_id", 7);
    accepted(a, b, TINY_VOCAB);
    sov_meta_free(a);
    sov_meta_free(b);
}
END_TEST

START_TEST(padding_makes_no_difference)
{
    sov_meta *a = new_meta(), *b = new_meta();
    struct sov_err err = { 0 };

    set_tokens(b, -1, NULL, 7, "[PAD%d]");
    accepted(a, b, TINY_VOCAB);
    set_tokens(b, TINY_VOCAB + 1, "", 3, "[PAD%d]");
    accepted(a, b, TINY_VOCAB);
    set_tokens(a, -1, NULL, 2, "[PAD%d]");
    accepted(a, b, TINY_VOCAB + 2);
    sov_meta_unset(b, "tokenizer.ggml.tokens");
    ck_assert_int_eq(sov_vocab_same(a, b, NULL, &err), SOV_EUNSUP);
    ck_assert_str_eq(err.msg, "the student has no tokenizer");
    sov_meta_free(a);
    sov_meta_free(b);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("teacher");

    tcase_add_test(tc, any_cut_gives_what_a_session_gives);
    tcase_add_test(tc, vocabularies_may_be_padded);
    tcase_add_test(tc, sequences_that_are_too_long);
    tcase_add_test(tc, what_differs_is_said);
    tcase_add_test(tc, padding_makes_no_difference);
    return unit_main("teacher", tc);
}
