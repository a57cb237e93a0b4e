/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_request.c - what a line of a pipe asks for, and the ids of it
 */
#include "unit.h"

#include "sov/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNK = 1, CLS, SEP, A, B, C, D, RELATED };

static sov_meta *meta;
static sov_tok *tok;

static void
set(const char *key, const char *type, const char *text)
{
    struct sov_err err = { 0 };

    ck_assert_msg(
        sov_meta_set_text(meta, key, type, text, strlen(text), &err) == 0, "%s",
        err.msg);
}

/* A few words, as BERT has them. */
static void
set_up(void)
{
    struct sov_err err = { 0 };

    ck_assert_int_eq(sov_meta_new(&meta, &err), 0);
    set("tokenizer.ggml.model", "str", "bert");
    set("tokenizer.ggml.tokens", "str[]",
        "[\"[PAD]\", \"[UNK]\", \"[CLS]\", \"[SEP]\", \"\\u2581a\", "
        "\"\\u2581b\", \"\\u2581c\", \"\\u2581d\", \"\\u2581related\"]");
    set("tokenizer.ggml.token_type", "i32[]", "[3, 3, 3, 3, 1, 1, 1, 1, 1]");
    set("tokenizer.ggml.bos_token_id", "u32", "2");
    set("tokenizer.ggml.seperator_token_id", "u32", "3");
    set("tokenizer.ggml.unknown_token_id", "u32", "1");
    ck_assert_msg(sov_tok_load(&tok, meta, &err) == 0, "%s", err.msg);
}

static void
tear_down(void)
{
    sov_tok_free(tok);
    sov_meta_free(meta);
}

/* What a line asks for, as ids; opts: how. */
static void
check_ids(const char *line, struct sov_embed_opts opts, const int32_t *want,
          size_t n_want, bool want_cut)
{
    struct sov_request_embed e;
    struct sov_err err = { 0 };
    sov_request *r;
    int32_t *ids;
    size_t n;
    bool cut;

    ck_assert_msg(sov_request_parse(&r, line, strlen(line), &err) == 0, "%s",
                  err.msg);
    ck_assert_msg(sov_request_embed(r, &e, &err) == 0, "%s", err.msg);
    ck_assert_msg(
        sov_embed_encode(tok, meta, &e, &opts, &ids, &n, &cut, &err) == 0,
        "%s: %s", line, err.msg);
    ck_assert_uint_eq(n, n_want);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(ids[i] == want[i], "%s: id %zu is %d", line, i, ids[i]);
    ck_assert_int_eq(cut, want_cut);
    free(ids);
    sov_request_free(r);
}

#define CHECK(line, opts, cut, ...)                         \
    check_ids(line, opts, (const int32_t[]){ __VA_ARGS__ }, \
              sizeof((const int32_t[]){ __VA_ARGS__ }) / sizeof(int32_t), cut)

static const struct sov_embed_opts whole = { .most = 100 };

static struct sov_embed_opts
at_most(size_t n)
{
    return (struct sov_embed_opts){ .most = n, .cut = true };
}

START_TEST(texts_have_what_the_model_puts_around)
{
    CHECK("{\"text\": \"a b\"}", whole, false, CLS, A, B, SEP);
    CHECK("{\"input\": \"\"}", whole, false, CLS, SEP);
    CHECK("{\"prompt\": \"a b c d\"}", at_most(6), false, CLS, A, B, C, D, SEP);
    CHECK("{\"text\": \"a b c d\"}", at_most(4), true, CLS, A, B, SEP);
    CHECK("{\"text\": \"a [SEP] b\"}",
          ((struct sov_embed_opts){ .most = 100, .special = true }), false, CLS,
          A, SEP, B, SEP);
    CHECK("{\"ids\": [5, 4]}", whole, false, 5, 4);
    CHECK("{\"ids\": [5, 4, 3]}", at_most(2), true, 5, 4);
}
END_TEST

START_TEST(pairs_have_a_separator)
{
    CHECK("{\"query\": \"a\", \"document\": \"b c\"}", whole, false, CLS, A,
          SEP, B, C, SEP);
    CHECK("{\"query\": \"a\", \"document\": \"b c d\"}", at_most(5), true, CLS,
          A, SEP, B, SEP);
    CHECK("{\"document\": \"\", \"query\": \"\"}", whole, false, CLS, SEP, SEP);
}
END_TEST

START_TEST(pairs_follow_a_template)
{
    struct sov_embed_opts special = { .most = 100, .special = true };

    set("tokenizer.chat_template.rerank", "str",
        "[CLS]{document} related {query} {document}[SEP]");
    CHECK("{\"query\": \"a\", \"document\": \"b c\"}", whole, false, CLS, B, C,
          RELATED, A, B, C, SEP);
    /* what stands in a text is no part of the template */
    CHECK("{\"query\": \"a {document}\", \"document\": \"b\"}", whole, false,
          CLS, B, RELATED, A, UNK, UNK, UNK, B, SEP);
    CHECK("{\"query\": \"a\", \"document\": \"b [SEP]\"}", special, false, CLS,
          B, SEP, RELATED, A, B, SEP, SEP);
    /* the document is cut, the end stays */
    CHECK("{\"query\": \"a\", \"document\": \"b c d\"}", at_most(6), true, CLS,
          B, RELATED, A, B, SEP);
    CHECK("{\"text\": \"a\"}", whole, false, CLS, A, SEP);
}
END_TEST

static void
check_refused(const char *line, struct sov_embed_opts opts, const char *why)
{
    struct sov_request_embed e;
    struct sov_err err = { 0 };
    sov_request *r = NULL;
    int32_t *ids = NULL;
    size_t n;
    bool cut;
    int rc = sov_request_parse(&r, line, strlen(line), &err);

    if (rc == 0)
        rc = sov_request_embed(r, &e, &err);
    if (rc == 0)
        rc = sov_embed_encode(tok, meta, &e, &opts, &ids, &n, &cut, &err);
    ck_assert_int_eq(rc, SOV_EFORMAT);
    ck_assert_msg(strstr(err.msg, why) != NULL, "%s: %s", line, err.msg);
    ck_assert_ptr_null(ids);
    sov_request_free(r);
}

START_TEST(what_will_not_do_is_refused)
{
    const struct sov_embed_opts three = { .most = 3 };
    char id[1100];

    check_refused("{\"text\": \"a b\"}", three, "room for 3");
    check_refused("{\"ids\": []}", whole, "no tokens");
    check_refused("{\"ids\": [1, 2, 3, 4]}", three, "room for 3");
    check_refused("{\"query\": \"a b\", \"document\": \"c\"}", at_most(4),
                  "room for 4");
    check_refused("{\"text\": 3}", whole, "not a string");
    check_refused("{}", whole, "no \"text\"");
    check_refused("[]", whole, "not a JSON object");
    check_refused("{\"text\": \"a\", \"ids\": [1]}", whole, "more than one");
    check_refused("{\"ids\": [1, 2147483648]}", whole, "number 1");
    check_refused("{\"ids\": 7}", whole, "not an array");
    check_refused("{\"text\": \"a\", \"temp\": 1}", whole, "\"temp\"");
    snprintf(id, sizeof(id), "{\"id\": \"%01025d\", \"text\": \"a\"}", 0);
    check_refused(id, whole, "the limit is 1024");
    snprintf(id, sizeof(id), "{\"id\": \"%01024d\", \"text\": \"a\"}", 0);
    CHECK(id, whole, false, CLS, A, SEP);
}
END_TEST

START_TEST(ids_come_back)
{
    static const char *const ids[] = { "7", "-7", "\"a\\\"\"" };
    struct sov_err err;
    sov_request *r;
    char line[64];

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        snprintf(line, sizeof(line), "{\"text\": \"\", \"id\": %s}", ids[i]);
        ck_assert_int_eq(sov_request_parse(&r, line, strlen(line), &err), 0);
        ck_assert_str_eq(sov_request_id(r), ids[i]);
        sov_request_free(r);
    }
    ck_assert_int_eq(sov_request_parse(&r, "{}", 2, &err), 0);
    ck_assert_ptr_null(sov_request_id(r));
    sov_request_free(r);
    ck_assert_int_eq(sov_request_check_text("a\xc3\xa4\0b", 5, &err), 0);
    ck_assert_int_eq(sov_request_check_text("a\xc3", 2, &err), SOV_EFORMAT);
}
END_TEST

/* What a line says into *t, or why it is refused; NULL: it is not. */
static sov_request *
ask(const char *line, struct sov_request_text *t, const char *why)
{
    struct sov_err err = { 0 };
    sov_request *r = NULL;
    int rc = sov_request_parse(&r, line, strlen(line), &err);

    if (rc == 0)
        rc = sov_request_text(r, t, &err);
    ck_assert_msg(rc == (why != NULL ? SOV_EFORMAT : 0), "%s: %s", line,
                  err.msg);
    ck_assert_msg(why == NULL || strstr(err.msg, why) != NULL, "%s: %s", line,
                  err.msg);
    return r;
}

START_TEST(requests_say_what_defaults_do_not)
{
    static const char *const stop[] = { "." };
    struct sov_request_text t = { .n_tokens = 9, .stops = stop, .n_stops = 1 };
    sov_request *r;

    sov_sampler_defaults(&t.sampler);
    r = ask("{\"prompt\": \"a\"}", &t, NULL);
    ck_assert_uint_eq(t.n_tokens, 9);
    ck_assert(!t.n_tokens_given && !t.seed_given && t.tenant == NULL &&
              t.reviewer == NULL);
    ck_assert_ptr_eq(t.stops, stop);
    ck_assert(t.sampler.temp == 0.8f && t.messages.p == NULL);
    sov_request_free(r);
    r = ask("{\"prompt\": \"a\", \"max_tokens\": 0, \"temperature\": 0, "
            "\"top_k\": 4294967295, \"top_p\": 1, \"min_p\": 0.5, "
            "\"repeat_penalty\": 2, \"seed\": 9223372036854775807, "
            "\"stop\": [], \"tenant\": \"\", \"reviewer\": \"A\"}",
            &t, NULL);
    ck_assert(t.n_tokens_given && t.n_tokens == 0 && t.seed_given);
    ck_assert_uint_eq(t.sampler.seed, INT64_MAX);
    ck_assert_uint_eq(t.sampler.top_k, UINT32_MAX);
    ck_assert(t.sampler.temp == 0 && t.sampler.top_p == 1);
    ck_assert(t.sampler.min_p == 0.5f && t.sampler.repeat_penalty == 2);
    ck_assert_uint_eq(t.n_stops, 0);
    ck_assert_str_eq(t.tenant, "");
    ck_assert_str_eq(t.reviewer, "A");
    sov_request_free(r);
    r = ask("{\"messages\": [1], \"tools\": [2]}", &t, NULL);
    ck_assert_uint_eq(t.messages.len,
                      strlen("{\"messages\":[1],\"tools\":[2]}"));
    ck_assert(t.tools && t.prompt.p == NULL);
    sov_request_free(r);
}
END_TEST

/* A prompt with one member more, n times x in it. */
static void
check_length(const char *form, int n, const char *why)
{
    char x[5000], line[6000];
    struct sov_request_text t = { 0 };

    sov_sampler_defaults(&t.sampler);
    memset(x, 'x', sizeof(x));
    snprintf(line, sizeof(line), form, n, x);
    sov_request_free(ask(line, &t, why));
}

START_TEST(requests_have_limits)
{
    static const struct {
        const char *member;
        const char *why;
    } bad[] = {
        { "\"max_tokens\": -1", "from 0" },
        { "\"max_tokens\": 1.0", "whole" },
        { "\"temperature\": \"1\"", "not a number" },
        { "\"temperature\": 1000.5", "to 1000" },
        { "\"top_k\": 4294967296", "from 0" },
        { "\"top_p\": 0", "above 0" },
        { "\"top_p\": 1e-60", "above 0" },
        { "\"top_p\": 1.01", "at most 1" },
        { "\"min_p\": -0.1", "from 0" },
        { "\"repeat_penalty\": 0", "above 0" },
        { "\"seed\": 9223372036854775808", "JSON" },
        { "\"stop\": null", "neither" },
        { "\"stop\": [[]]", "neither" },
        { "\"tenant\": 1", "not a string" },
        { "\"reviewer\": {}", "not a string" },
        { "\"messages\": {}", "not an array" },
        { "\"tools\": []", "without" },
        { "\"messages\": []", "both" },
        { "\"text\": \"\"", "not a member" },
    };
    struct sov_request_text t = { 0 };
    char line[400];
    size_t n;

    sov_sampler_defaults(&t.sampler);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(line, sizeof(line), "{\"prompt\": \"\", %s}", bad[i].member);
        sov_request_free(ask(line, &t, bad[i].why));
    }
    sov_request_free(ask("{}", &t, "no \"prompt\""));
    check_length("{\"prompt\":\"\",\"tenant\":\"%.*s\"}", 256, NULL);
    check_length("{\"prompt\":\"\",\"tenant\":\"%.*s\"}", 257, "is 256");
    check_length("{\"prompt\":\"\",\"reviewer\":\"%.*s\"}", 256, NULL);
    check_length("{\"prompt\":\"\",\"reviewer\":\"%.*s\"}", 257, "is 256");
    check_length("{\"prompt\":\"\",\"stop\":\"%.*s\"}", 4096, NULL);
    check_length("{\"prompt\":\"\",\"stop\":\"%.*s\"}", 4097, "to 4096");
    check_length("{\"prompt\":\"\",\"stop\":\"%.*s\"}", 0, "from 1");
    for (int k = 64; k <= 65; k++) {
        n = (size_t)snprintf(line, sizeof(line),
                             "{\"prompt\": \"\", \"stop\": [\"a\"");
        for (int i = 1; i < k; i++)
            n += (size_t)snprintf(line + n, sizeof(line) - n, ",\"a\"");
        snprintf(line + n, sizeof(line) - n, "]}");
        sov_request_free(ask(line, &t, k == 64 ? NULL : "is 64"));
    }
}
END_TEST

START_TEST(lines_have_seeds_of_their_own)
{
    ck_assert_uint_eq(sov_request_seed(1, 2), sov_request_seed(1, 2));
    ck_assert_uint_ne(sov_request_seed(1, 2), sov_request_seed(1, 3));
    ck_assert_uint_ne(sov_request_seed(1, 2), sov_request_seed(2, 2));
    for (uint64_t i = 0; i < 100; i++)
        ck_assert_uint_lt(sov_request_seed(UINT64_MAX, i), UINT64_C(1) << 53);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("request");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, texts_have_what_the_model_puts_around);
    tcase_add_test(tc, pairs_have_a_separator);
    tcase_add_test(tc, pairs_follow_a_template);
    tcase_add_test(tc, what_will_not_do_is_refused);
    tcase_add_test(tc, ids_come_back);
    tcase_add_test(tc, requests_say_what_defaults_do_not);
    tcase_add_test(tc, requests_have_limits);
    tcase_add_test(tc, lines_have_seeds_of_their_own);
    return unit_main("request", tc);
}
