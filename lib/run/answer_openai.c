/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer_openai.c - answers as OpenAI's batch files have them
 *
 * Numbers in ids of answers are those of lines, and times are 0, so that the
 * same requests give the same bytes.
 */
#include "run/openai.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "batch_req_" /* of the line's number */

static json_t *
name_of(const char *prefix, const struct sov_response *a)
{
    char text[48];

    snprintf(text, sizeof(text), "%s%" PRIu64, prefix, a->line);
    return json_string(text);
}

/* 0, or -1 as jansson says it. */
static int
put(json_t *o, const char *key, json_t *value)
{
    return json_object_set_new(o, key, value);
}

static json_t *
usage(const struct sov_reply *reply, bool texts)
{
    json_t *o = json_object();
    size_t all = reply->n_prompt + reply->n_made;
    int bad =
        put(o, "prompt_tokens", json_integer((json_int_t)reply->n_prompt));

    if (texts)
        bad |= put(o, "completion_tokens",
                   json_integer((json_int_t)reply->n_made));
    bad |= put(o, "total_tokens", json_integer((json_int_t)all));
    if (!bad)
        return o;
    json_decref(o);
    return NULL;
}

static const char *
finish_of(enum sov_why why)
{
    return why == SOV_WHY_LENGTH || why == SOV_WHY_CONTEXT ? "length" : "stop";
}

static json_t *
bytes_of(struct sov_span piece)
{
    json_t *array = json_array();

    for (size_t i = 0; i < piece.len && array != NULL; i++)
        if (json_array_append_new(array, json_integer(piece.p[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

static json_t *
chance(const struct sov_response *a, const struct sov_chance *c)
{
    struct sov_span piece = sov_answer_piece(a, c->id);

    return json_pack("{s:o, s:o, s:o}", "token",
                     sov_answer_text(piece.p, piece.len), "logprob",
                     sov_answer_real((double)c->logprob), "bytes",
                     bytes_of(piece));
}

/* {"content":[{"token":..,"logprob":..,"bytes":[..],"top_logprobs":[..]}]} */
static json_t *
chat_logprobs(const struct sov_response *a)
{
    const struct sov_reply *reply = a->reply;
    json_t *all;
    size_t i, k;
    int bad = 0;

    if (!reply->logprobs)
        return json_null();
    all = json_array();
    for (i = 0; i < reply->n_made; i++) {
        const struct sov_chance *top = reply->top + i * reply->n_top;
        json_t *one, *best;

        if (!reply->made[i].said)
            continue;
        one = chance(a, &reply->made[i].it);
        best = json_array();
        for (k = 0; k < reply->n_top && top[k].id >= 0; k++)
            bad |= json_array_append_new(best, chance(a, &top[k]));
        bad |= put(one, "top_logprobs", best);
        bad |= json_array_append_new(all, one);
    }
    if (!bad)
        return json_pack("{s:o, s:n}", "content", all, "refusal");
    json_decref(all);
    return NULL;
}

/* {" the":-0.25,...}; two tokens may be the same text, and the better stays. */
static json_t *
best_of(const struct sov_response *a, const struct sov_chance *top)
{
    json_t *o = json_object();
    size_t k;
    int bad = 0;

    for (k = 0; k < a->reply->n_top && top[k].id >= 0; k++) {
        struct sov_span piece = sov_answer_piece(a, top[k].id);
        json_t *name = sov_answer_text(piece.p, piece.len);

        if (name == NULL)
            bad = -1;
        else if (json_object_get(o, json_string_value(name)) == NULL)
            bad |= put(o, json_string_value(name),
                       sov_answer_real((double)top[k].logprob));
        json_decref(name);
    }
    if (!bad)
        return o;
    json_decref(o);
    return NULL;
}

static size_t
count_chars(const json_t *text)
{
    const char *p = json_string_value(text);
    size_t n = 0;

    for (; p != NULL && *p != '\0'; p++)
        n += ((unsigned char)*p & 0xc0) != 0x80;
    return n;
}

/* Lists beside each other, one element a token. */
static json_t *
text_logprobs(const struct sov_response *a)
{
    const struct sov_reply *reply = a->reply;
    json_t *tokens, *chances, *top, *offsets;
    size_t i, at = 0;
    int bad = 0;

    if (!reply->logprobs)
        return json_null();
    tokens = json_array();
    chances = json_array();
    top = json_array();
    offsets = json_array();
    for (i = 0; i < reply->n_made; i++) {
        const struct sov_made *m = &reply->made[i];
        struct sov_span piece = sov_answer_piece(a, m->it.id);
        json_t *text = sov_answer_text(piece.p, piece.len);
        size_t n = count_chars(text);

        bad |= json_array_append_new(tokens, text);
        bad |= json_array_append_new(chances,
                                     sov_answer_real((double)m->it.logprob));
        bad |= json_array_append_new(top,
                                     best_of(a, reply->top + i * reply->n_top));
        bad |= json_array_append_new(offsets, json_integer((json_int_t)at));
        at += n;
    }
    if (!bad)
        return json_pack("{s:o, s:o, s:o, s:o}", "tokens", tokens,
                         "token_logprobs", chances, "top_logprobs", top,
                         "text_offset", offsets);
    json_decref(tokens);
    json_decref(chances);
    json_decref(top);
    json_decref(offsets);
    return NULL;
}

static json_t *
message_of(const struct sov_reply *reply)
{
    json_t *o = json_object();
    int bad = put(o, "role", json_string("assistant"));

    bad |= put(o, "content", sov_answer_text(reply->text, reply->n_text));
    if (reply->n_thought > 0)
        bad |= put(o, "reasoning_content",
                   sov_answer_text(reply->thought, reply->n_thought));
    bad |= put(o, "refusal", json_null());
    if (!bad)
        return o;
    json_decref(o);
    return NULL;
}

static json_t *
text_body(const struct sov_request *r, const struct sov_response *a)
{
    const struct sov_reply *reply = a->reply;
    const char *model = r->model != NULL ? r->model : a->model;
    const char *finish = finish_of(reply->why);
    json_t *choice;

    if (r->form == SOV_OPENAI_CHAT)
        choice = json_pack("{s:i, s:o, s:o, s:s}", "index", 0, "message",
                           message_of(reply), "logprobs", chat_logprobs(a),
                           "finish_reason", finish);
    else
        choice =
            json_pack("{s:o, s:i, s:o, s:s}", "text",
                      sov_answer_text(reply->text, reply->n_text), "index", 0,
                      "logprobs", text_logprobs(a), "finish_reason", finish);
    return json_pack(
        "{s:o, s:s, s:i, s:s, s:[o], s:o}", "id",
        name_of(r->form == SOV_OPENAI_CHAT ? "chatcmpl-" : "cmpl-", a),
        "object",
        r->form == SOV_OPENAI_CHAT ? "chat.completion" : "text_completion",
        "created", 0, "model", model, "choices", choice, "usage",
        usage(reply, true));
}

static json_t *
vectors_body(const struct sov_request *r, const struct sov_response *a)
{
    const char *model = r->model != NULL ? r->model : a->model;
    json_t *data = json_array();
    int bad = 0;

    for (size_t i = 0; i < a->reply->n_texts; i++)
        bad |= json_array_append_new(
            data, json_pack("{s:s, s:i, s:o}", "object", "embedding", "index",
                            (int)i, "embedding", sov_answer_vector(r, a, i)));
    if (!bad)
        return json_pack("{s:s, s:o, s:s, s:o}", "object", "list", "data", data,
                         "model", model, "usage", usage(a->reply, false));
    json_decref(data);
    return NULL;
}

/* A request that its endpoint would refuse; both places say so, since readers
 * look into either. */
static json_t *
error_body(const struct sov_reply *reply)
{
    return json_pack("{s:{s:o, s:s, s:n, s:n}}", "error", "message",
                     sov_answer_text(reply->err.msg, strlen(reply->err.msg)),
                     "type", "invalid_request_error", "param", "code");
}

json_t *
sov_openai_answer(const struct sov_request *r, const struct sov_response *a)
{
    const struct sov_reply *reply = a->reply;
    bool failed = reply->rc < 0;
    json_t *o = json_object();
    json_t *body = failed             ? error_body(reply)
                   : reply->x != NULL ? vectors_body(r, a)
                                      : text_body(r, a);
    int bad = put(o, "id", name_of(PREFIX, a));

    bad |= json_object_set(o, "custom_id",
                           r->name != NULL ? r->name : json_null());
    bad |= put(o, "response",
               json_pack("{s:i, s:o, s:o}", "status_code", failed ? 400 : 200,
                         "request_id", name_of("req_", a), "body", body));
    bad |= put(o, "error",
               failed ? json_pack("{s:s, s:o}", "code",
                                  reply->rc == SOV_EUNSUP ? "unsupported"
                                                          : "invalid_request",
                                  "message",
                                  sov_answer_text(reply->err.msg,
                                                  strlen(reply->err.msg)))
                      : json_null());
    if (!bad)
        return o;
    json_decref(o);
    return NULL;
}

/* ---- and back again */

/* "batch_req_17" */
static bool
read_name(const char *name, uint64_t *line)
{
    size_t n = strlen(PREFIX);

    if (name == NULL || strncmp(name, PREFIX, n) != 0)
        return false;
    *line = 0;
    for (name += n; *name >= '0' && *name <= '9' && *line < UINT64_C(1) << 56;
         name++)
        *line = *line * 10 + (uint64_t)(*name - '0');
    return *name == '\0' && *line > 0;
}

bool
sov_openai_read(const json_t *answer, struct sov_answered *to,
                const json_t **id)
{
    to->failed = !json_is_null(json_object_get(answer, "error"));
    *id = json_object_get(answer, "custom_id");
    return *id != NULL && json_object_get(answer, "error") != NULL &&
           json_is_object(json_object_get(answer, "response")) &&
           read_name(json_string_value(json_object_get(answer, "id")),
                     &to->line);
}
