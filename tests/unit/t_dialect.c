/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_dialect.c - requests for text and vectors in each form, and their answers
 */
#include "unit.h"

#include "sov/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAT  "\"url\": \"/v1/chat/completions\""
#define TEXT  "\"url\": \"/v1/completions\""
#define EMBED "\"url\": \"/v1/embeddings\""

/* A batch line with this URL and body. */
static const char *
batch(const char *url, const char *body)
{
    static char line[2000];

    snprintf(line, sizeof(line),
             "{\"custom_id\": \"c\", \"method\": \"POST\", %s, \"body\": {%s}}",
             url, body);
    return line;
}

static sov_request *
read_line(const char *line, int *rc, struct sov_err *err)
{
    sov_request *r;

    ck_assert_int_eq(sov_request_new(&r, err), 0);
    *rc = sov_request_read(r, line, strlen(line), err);
    return r;
}

/* What it says in *t, or why it is refused with this code. */
static sov_request *
ask(const char *line, struct sov_request_text *t, int want, const char *why)
{
    struct sov_err err = { 0 };
    sov_request *r;
    int rc;

    *t = (struct sov_request_text){ .n_tokens = 9 };
    sov_sampler_defaults(&t->sampler);
    r = read_line(line, &rc, &err);
    if (rc == 0)
        rc = sov_request_text(r, t, &err);
    ck_assert_msg(rc == want, "%s: %s", line, err.msg);
    ck_assert_msg(why == NULL || strstr(err.msg, why) != NULL, "%s: %s", line,
                  err.msg);
    return r;
}

START_TEST(batch_lines_are_known_by_themselves)
{
    struct sov_request_text t;
    sov_request *r;

    r = ask(batch(CHAT, "\"model\": \"m\", \"messages\": [1], \"tools\": [2], "
                        "\"max_completion_tokens\": 7, \"temperature\": null, "
                        "\"top_p\": 0.5, \"seed\": -1, \"stop\": \"x\", "
                        "\"n\": 1, \"stream\": false, \"logprobs\": true, "
                        "\"top_logprobs\": 20, \"user\": \"u\", "
                        "\"frequency_penalty\": 0, \"logit_bias\": {}, "
                        "\"response_format\": {\"type\": \"text\"}"),
            &t, 0, NULL);
    ck_assert_str_eq(sov_request_id(r), "\"c\"");
    ck_assert_int_eq(sov_request_kind(r), SOV_REQUEST_TEXT);
    ck_assert(t.tools && t.prompt.p == NULL && t.messages.len == 28);
    ck_assert(t.n_tokens == 7 && t.n_tokens_given);
    ck_assert(t.sampler.temp == 0.8f && t.sampler.top_p == 0.5f);
    ck_assert(t.seed_given && t.sampler.seed == UINT64_MAX);
    ck_assert(t.n_stops == 1 && strcmp(t.stops[0], "x") == 0);
    ck_assert(t.logprobs && t.n_top == 20);
    sov_request_free(r);

    r = ask(batch(TEXT, "\"prompt\": [\"a b\"], \"logprobs\": 3, "
                        "\"stop\": [\"x\", \"y\"], \"best_of\": 1, "
                        "\"echo\": false, \"suffix\": null, \"top_k\": 4"),
            &t, 0, NULL);
    ck_assert(t.prompt.len == 3 && memcmp(t.prompt.p, "a b", 3) == 0);
    ck_assert(t.logprobs && t.n_top == 3 && t.n_stops == 2);
    ck_assert_uint_eq(t.sampler.top_k, 4);
    ck_assert_uint_eq(t.n_tokens, 9);
    sov_request_free(r);
    r = ask(batch(TEXT, "\"prompt\": [[3, 4]]"), &t, 0, NULL);
    ck_assert(t.n_ids == 2 && t.ids[0] == 3 && t.ids[1] == 4);
    sov_request_free(r);
}
END_TEST

START_TEST(what_of_a_body_cannot_be_done_is_refused)
{
    static const struct {
        const char *url;
        const char *body;
        int rc;
        const char *why;
    } bad[] = {
        { CHAT, "\"messages\": [], \"n\": 2", SOV_EUNSUP, "one answer" },
        { CHAT, "\"messages\": [], \"n\": 1.0", SOV_EFORMAT, "whole" },
        { CHAT, "\"messages\": [], \"stream\": true", SOV_EUNSUP,
          "whole line" },
        { CHAT, "\"messages\": [], \"stream\": 1", SOV_EFORMAT, "true or" },
        { CHAT, "\"messages\": [], \"presence_penalty\": 1", SOV_EUNSUP, "0" },
        { CHAT, "\"messages\": [], \"logit_bias\": {\"1\": 5}", SOV_EUNSUP,
          "not supported" },
        { CHAT, "\"messages\": [], \"top_logprobs\": 2", SOV_EFORMAT,
          "without \"logprobs\"" },
        { CHAT, "\"messages\": [], \"logprobs\": true, \"top_logprobs\": 21",
          SOV_EFORMAT, "to 20" },
        { CHAT, "\"messages\": [], \"logprobs\": 1", SOV_EFORMAT, "true or" },
        { CHAT, "\"messages\": [], \"tool_choice\": \"none\"", SOV_EUNSUP,
          "\"auto\"" },
        { CHAT, "\"messages\": [], \"response_format\": {\"type\": \"json\"}",
          SOV_EUNSUP, "\"text\"" },
        { CHAT,
          "\"messages\": [], \"max_tokens\": 1, "
          "\"max_completion_tokens\": 2",
          SOV_EFORMAT, "differ" },
        { CHAT, "\"messages\": [], \"nonsense\": 1", SOV_EFORMAT,
          "\"nonsense\"" },
        { CHAT, "\"messages\": [], \"prompt\": \"a\"", SOV_EFORMAT, "prompt" },
        { CHAT, "\"messages\": [], \"seed\": 1.5", SOV_EFORMAT, "whole" },
        { CHAT, "\"messages\": [], \"model\": 1", SOV_EFORMAT, "model" },
        { CHAT, "\"model\": \"m\"", SOV_EFORMAT, "no \"messages\"" },
        { TEXT, "\"model\": \"m\"", SOV_EFORMAT, "no \"prompt\"" },
        { TEXT, "\"prompt\": [\"a\", \"b\"]", SOV_EUNSUP, "2 prompts" },
        { TEXT, "\"prompt\": []", SOV_EFORMAT, "not a string" },
        { TEXT, "\"prompt\": [1, \"b\"]", SOV_EFORMAT, "number 1" },
        { TEXT, "\"prompt\": \"a\", \"logprobs\": 21", SOV_EFORMAT, "to 20" },
        { TEXT, "\"prompt\": \"a\", \"echo\": true", SOV_EUNSUP, "echo" },
        { TEXT, "\"prompt\": \"a\", \"suffix\": \"b\"", SOV_EUNSUP, "suffix" },
        { TEXT, "\"prompt\": \"a\", \"best_of\": 3", SOV_EUNSUP, "best_of" },
        { "\"url\": \"/v1/responses\"", "", SOV_EUNSUP, "/v1/responses" },
        { "\"url\": 1", "", SOV_EFORMAT, "not a string" },
        { "\"x\": 1", "", SOV_EFORMAT, "no \"url\"" },
        { TEXT ", \"x\": 1", "\"prompt\": \"a\"", SOV_EFORMAT, "\"x\"" },
    };
    static const struct {
        const char *line;
        const char *why;
    } lines[] = {
        { "{\"body\": {}, " TEXT "}", "no \"custom_id\"" },
        { "{\"custom_id\": \"a\", " TEXT "}", "\"body\"" },
        { "{\"custom_id\": \"a\", " TEXT ", \"body\": 1}", "\"body\"" },
        { "{\"custom_id\": 1.5, " TEXT ", \"body\": {}}", "neither" },
        { "{\"custom_id\": 1, \"method\": \"GET\", " TEXT ", \"body\": {}}",
          "POST" },
    };
    struct sov_request_text t;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        sov_request_free(
            ask(batch(bad[i].url, bad[i].body), &t, bad[i].rc, bad[i].why));
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        sov_request_free(ask(lines[i].line, &t, SOV_EFORMAT, lines[i].why));
}
END_TEST

/* ---- vectors */

static sov_request *
ask_vectors(const char *line, struct sov_request_vectors *v, const char *why)
{
    struct sov_err err = { 0 };
    sov_request *r;
    int rc;

    r = read_line(line, &rc, &err);
    ck_assert_int_eq(sov_request_kind(r), SOV_REQUEST_VECTORS);
    if (rc == 0)
        rc = sov_request_vectors(r, v, &err);
    ck_assert_msg((rc < 0) == (why != NULL), "%s: %s", line, err.msg);
    ck_assert_msg(why == NULL || strstr(err.msg, why) != NULL, "%s: %s", line,
                  err.msg);
    return r;
}

START_TEST(vectors_are_asked_for)
{
    struct sov_request_vectors v = { 0 };
    sov_request *r;

    r = ask_vectors("{\"input\": \"ab\", \"tenant\": \"t\"}", &v, NULL);
    ck_assert(v.n == 1 && v.texts[0].text.len == 2);
    ck_assert_str_eq(v.tenant, "t");
    sov_request_free(r);
    r = ask_vectors("{\"embed\": [[1, 2], \"x\", [3]]}", &v, NULL);
    ck_assert(v.n == 3 && v.texts[0].n_ids == 2 && v.texts[1].text.len == 1);
    ck_assert(v.texts[2].n_ids == 1 && v.texts[2].ids[0] == 3);
    sov_request_free(r);
    r = ask_vectors("{\"input\": [5, 6]}", &v, NULL);
    ck_assert(v.n == 1 && v.texts[0].n_ids == 2 && v.texts[0].ids[1] == 6);
    sov_request_free(r);
    r = ask_vectors("{\"query\": \"a\", \"document\": \"\"}", &v, NULL);
    ck_assert(v.n == 1 && v.texts[0].query.len == 1);
    sov_request_free(r);
    r = ask_vectors(batch(EMBED, "\"input\": [\"a\", \"b\"], \"model\": \"m\", "
                                 "\"encoding_format\": \"base64\""),
                    &v, NULL);
    ck_assert(v.n == 2);
    sov_request_free(r);
    sov_request_free(ask_vectors("{\"input\": []}", &v, "empty list"));
    sov_request_free(ask_vectors("{\"input\": 1}", &v, "no text"));
    sov_request_free(ask_vectors("{\"input\": [[]]}", &v, "no text"));
    sov_request_free(ask_vectors("{\"input\": [1, -1]}", &v, "number 1"));
    sov_request_free(ask_vectors("{\"query\": \"\"}", &v, "without"));
    sov_request_free(
        ask_vectors("{\"input\": \"\", \"embed\": \"\"}", &v, "more than"));
    sov_request_free(
        ask_vectors("{\"input\": \"\", \"prompt\": \"\"}", &v, "\"prompt\""));
    sov_request_free(
        ask_vectors(batch(EMBED, "\"model\": \"m\""), &v, "no \"input\""));
    sov_request_free(ask_vectors(
        batch(EMBED, "\"input\": \"\", \"dimensions\": 8"), &v, "dimensions"));
    sov_request_free(ask_vectors(batch(EMBED, "\"input\": \"\", "
                                              "\"encoding_format\": \"hex\""),
                                 &v, "base64"));
}
END_TEST

/* A list of n texts. */
static char *
list_of(size_t n)
{
    char *line = malloc(4 * n + 20);
    size_t at = (size_t)sprintf(line, "{\"input\":[\"\"");

    for (size_t i = 1; i < n; i++)
        at += (size_t)sprintf(line + at, ",\"\"");
    strcpy(line + at, "]}");
    return line;
}

START_TEST(lists_of_texts_have_a_limit)
{
    struct sov_request_vectors v;
    char *line = list_of(2048);

    sov_request_free(ask_vectors(line, &v, NULL));
    free(line);
    line = list_of(2049);
    sov_request_free(ask_vectors(line, &v, "the limit is 2048"));
    free(line);
}
END_TEST

/* ---- answers */

/* The answer to a line is this, and says of which line it is. */
static void
check_answer(const char *line, struct sov_reply *reply, const char *want)
{
    const struct sov_response a = {
        .line = 17, .seed = 5, .model = "file", .reply = reply
    };
    struct sov_answered back = { 0 };
    struct sov_request_vectors v;
    struct sov_err err = { 0 };
    sov_request *r;
    char *text;
    size_t len;
    int rc;

    r = read_line(line, &rc, &err);
    if (rc == 0 && reply->x != NULL)
        rc = sov_request_vectors(r, &v, &err);
    if (rc < 0) {
        reply->rc = rc;
        reply->err = err;
    }
    sov_request_settle(r);
    ck_assert_int_eq(sov_request_answer(r, &a, &text, &len, &err), 0);
    ck_assert_uint_eq(len, strlen(text));
    ck_assert_str_eq(text, want);
    ck_assert_msg(sov_answer_read(text, len, &back, &err) == 0, "%s", err.msg);
    ck_assert_uint_eq(back.line, 17);
    ck_assert_int_eq(back.failed, reply->rc < 0);
    ck_assert((back.id == NULL) == (sov_request_id(r) == NULL));
    if (back.id != NULL)
        ck_assert_str_eq(back.id, sov_request_id(r));
    free(back.id);
    free(text);
    sov_request_free(r);
}

START_TEST(answers_have_the_form_of_their_requests)
{
    struct sov_reply r = { .text = (char *)"a\"\xff",
                           .n_text = 3,
                           .thought = (char *)"t",
                           .n_thought = 1,
                           .why = SOV_WHY_CONTEXT,
                           .n_prompt = 3,
                           .n_made = 2 };

    check_answer("{\"id\": 1, \"prompt\": \"\"}", &r,
                 "{\"id\":1,\"line\":17,\"text\":\"a\\\"\xef\xbf\xbd\","
                 "\"thought\":\"t\",\"stop\":\"context\",\"prompt_tokens\":3,"
                 "\"generated_tokens\":2,\"seed\":5}\n");
    check_answer(batch(CHAT, "\"messages\": [], \"model\": \"m\""), &r,
                 "{\"id\":\"batch_req_17\",\"custom_id\":\"c\",\"response\":"
                 "{\"status_code\":200,\"request_id\":\"req_17\",\"body\":"
                 "{\"id\":\"chatcmpl-17\",\"object\":\"chat.completion\","
                 "\"created\":0,\"model\":\"m\",\"choices\":[{\"index\":0,"
                 "\"message\":{\"role\":\"assistant\",\"content\":"
                 "\"a\\\"\xef\xbf\xbd\",\"reasoning_content\":\"t\","
                 "\"refusal\":null},\"logprobs\":null,\"finish_reason\":"
                 "\"length\"}],\"usage\":{\"prompt_tokens\":3,"
                 "\"completion_tokens\":2,\"total_tokens\":5}}},"
                 "\"error\":null}\n");
    r.why = SOV_WHY_END;
    check_answer(batch(TEXT, "\"prompt\": \"\""), &r,
                 "{\"id\":\"batch_req_17\",\"custom_id\":\"c\",\"response\":"
                 "{\"status_code\":200,\"request_id\":\"req_17\",\"body\":"
                 "{\"id\":\"cmpl-17\",\"object\":\"text_completion\","
                 "\"created\":0,\"model\":\"file\",\"choices\":[{\"text\":"
                 "\"a\\\"\xef\xbf\xbd\",\"index\":0,\"logprobs\":null,"
                 "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,"
                 "\"completion_tokens\":2,\"total_tokens\":5}}},"
                 "\"error\":null}\n");
}
END_TEST

START_TEST(vectors_have_the_form_of_their_requests)
{
    float x[] = { 0.5f, -0.25f, 1, 3.0e-7f };
    size_t rows[] = { 1, 1 };
    struct sov_reply r = { .n_prompt = 4,
                           .x = x,
                           .rows = rows,
                           .width = 4,
                           .n_texts = 1,
                           .pool = SOV_POOL_MEAN };

    check_answer("{\"input\": \"\"}", &r,
                 "{\"line\":17,\"embedding\":[0.5,-0.25,1.0,"
                 "3.00000011e-7],\"prompt_tokens\":4}\n");
    r.width = 2;
    r.n_texts = 2;
    check_answer("{\"input\": [\"\", \"\"]}", &r,
                 "{\"line\":17,\"embeddings\":[[0.5,-0.25],"
                 "[1.0,3.00000011e-7]],\"prompt_tokens\":4}\n");
    check_answer(batch(EMBED, "\"input\": [\"\", \"\"], \"encoding_format\": "
                              "\"base64\""),
                 &r,
                 "{\"id\":\"batch_req_17\",\"custom_id\":\"c\",\"response\":"
                 "{\"status_code\":200,\"request_id\":\"req_17\",\"body\":"
                 "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\","
                 "\"index\":0,\"embedding\":\"AAAAPwAAgL4=\"},{\"object\":"
                 "\"embedding\",\"index\":1,\"embedding\":\"AACAP7APoTQ=\"}],"
                 "\"model\":\"file\",\"usage\":{\"prompt_tokens\":4,"
                 "\"total_tokens\":4}}},\"error\":null}\n");
    r.pool = SOV_POOL_NONE; /* each token for itself */
    r.n_texts = 1;
    rows[0] = 2;
    check_answer("{\"input\": \"\"}", &r,
                 "{\"line\":17,\"embedding\":[[0.5,-0.25],"
                 "[1.0,3.00000011e-7]],\"prompt_tokens\":4}\n");
    r.pool = SOV_POOL_RANK;
    rows[0] = 1;
    check_answer("{\"query\": \"\", \"document\": \"\"}", &r,
                 "{\"line\":17,\"score\":0.5,\"scores\":[0.5,-0.25],"
                 "\"prompt_tokens\":4}\n");
}
END_TEST

START_TEST(errors_have_the_form_of_their_requests)
{
    struct sov_reply r = { 0 };

    check_answer("{\"prompt\": \"", &r,
                 "{\"line\":17,\"error\":{\"code\":\"invalid_request\","
                 "\"message\":\"JSON, byte 12: premature end of input near "
                 "'\\\"'\"}}\n");
    r = (struct sov_reply){ 0 };
    check_answer("{\"custom_id\": \"x\", ", &r,
                 "{\"id\":\"batch_req_17\",\"custom_id\":null,\"response\":"
                 "{\"status_code\":400,\"request_id\":\"req_17\",\"body\":"
                 "{\"error\":{\"message\":\"JSON, byte 19: string or '}' "
                 "expected near end of file\",\"type\":"
                 "\"invalid_request_error\",\"param\":null,\"code\":null}}},"
                 "\"error\":{\"code\":\"invalid_request\",\"message\":"
                 "\"JSON, byte 19: string or '}' expected near end of "
                 "file\"}}\n");
    r = (struct sov_reply){ 0 };
    check_answer(batch("\"url\": \"/x\"", ""), &r,
                 "{\"id\":\"batch_req_17\",\"custom_id\":\"c\",\"response\":"
                 "{\"status_code\":400,\"request_id\":\"req_17\",\"body\":"
                 "{\"error\":{\"message\":\"\\\"url\\\" is /x; it is "
                 "/v1/chat/completions, /v1/completions or /v1/embeddings\","
                 "\"type\":\"invalid_request_error\",\"param\":null,"
                 "\"code\":null}}},\"error\":{\"code\":\"unsupported\","
                 "\"message\":\"\\\"url\\\" is /x; it is /v1/chat/completions, "
                 "/v1/completions or /v1/embeddings\"}}\n");
}
END_TEST

START_TEST(what_is_no_answer_is_not_taken_for_one)
{
    static const char *const bad[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"line\":1}",
        "{\"line\":0,\"text\":\"\"}",
        "{\"line\":\"1\",\"text\":\"\"}",
        "{\"line\":1.0,\"text\":\"\"}",
        "{\"prompt\":\"\",\"id\":1}",
        "{\"line\":1,\"text\":\"\",\"error\":{}}",
        "{\"id\":\"batch_req_1\",\"custom_id\":\"\",\"error\":null}",
        "{\"id\":\"batch_req_0\",\"custom_id\":\"\",\"response\":{},"
        "\"error\":null}",
        "{\"id\":\"batch_req_1x\",\"custom_id\":\"\",\"response\":{},"
        "\"error\":null}",
        "{\"id\":\"batch_req_99999999999999999999\",\"custom_id\":\"\","
        "\"response\":{},\"error\":null}",
    };
    struct sov_answered a = { .line = 7 };
    struct sov_err err;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(sov_answer_read(bad[i], strlen(bad[i]), &a, &err) ==
                          SOV_EFORMAT,
                      "%s", bad[i]);
    ck_assert(a.line == 7 && a.id == NULL);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("dialect");

    tcase_add_test(tc, batch_lines_are_known_by_themselves);
    tcase_add_test(tc, what_of_a_body_cannot_be_done_is_refused);
    tcase_add_test(tc, vectors_are_asked_for);
    tcase_add_test(tc, lists_of_texts_have_a_limit);
    tcase_add_test(tc, answers_have_the_form_of_their_requests);
    tcase_add_test(tc, vectors_have_the_form_of_their_requests);
    tcase_add_test(tc, errors_have_the_form_of_their_requests);
    tcase_add_test(tc, what_is_no_answer_is_not_taken_for_one);
    return unit_main("dialect", tc);
}
