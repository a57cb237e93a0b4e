/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dialect_openai.c - requests and answers as OpenAI's batch files have them
 *
 *     {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions",
 *      "body": {"model": "...", "messages": [...], "max_tokens": 9}}
 *     {"id":"batch_req_1","custom_id":"a","response":{"status_code":200,
 *      "request_id":"req_1","body":{"object":"chat.completion",...}},
 *      "error":null}
 *
 * What of a body would change the answer and cannot be done is refused; what
 * would not is passed over.
 */
#include "run/openai.h"

#include "base/limits.h"
#include "base/mem.h"

#include <string.h>

static const struct {
    const char *url;
    enum sov_openai_form form;
} urls[] = {
    { "/v1/chat/completions", SOV_OPENAI_CHAT },
    { "/v1/completions", SOV_OPENAI_TEXT },
    { "/v1/embeddings", SOV_OPENAI_EMBED },
};

static bool
is_batch_line(const json_t *line)
{
    return json_object_get(line, "custom_id") != NULL ||
           json_object_get(line, "body") != NULL;
}

static bool
looks_like_batch_line(const char *line, size_t len)
{
    static const char mark[] = "\"custom_id\"";

    return len > 0 && memmem(line, len, mark, sizeof(mark) - 1) != NULL;
}

/* ---- the line */

static int
take_url(struct sov_request *r, struct sov_err *err)
{
    const json_t *url = json_object_get(r->json, "url");
    char buf[48];

    if (url == NULL)
        return sov_fail(err, SOV_EFORMAT, "there is no \"url\"");
    if (!json_is_string(url))
        return sov_fail(err, SOV_EFORMAT, "\"url\" is not a string");
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        if (strcmp(json_string_value(url), urls[i].url) == 0)
            r->form = urls[i].form;
    if (r->form == SOV_OPENAI_EMBED)
        r->kind = SOV_REQUEST_VECTORS;
    if (r->form == SOV_OPENAI_NONE)
        return sov_fail(err, SOV_EUNSUP,
                        "\"url\" is %s; it is /v1/chat/completions, "
                        "/v1/completions or /v1/embeddings",
                        sov_request_shown(json_string_value(url), buf));
    return 0;
}

static int
take_method(const struct sov_request *r, struct sov_err *err)
{
    const json_t *method = json_object_get(r->json, "method");

    if (method == NULL || (json_is_string(method) &&
                           strcmp(json_string_value(method), "POST") == 0))
        return 0;
    return sov_fail(err, SOV_EFORMAT, "\"method\" is not \"POST\"");
}

static int
check_line(const struct sov_request *r, struct sov_err *err)
{
    static const char *const known[] = { "custom_id", "method", "url", "body" };
    const char *name;
    json_t *value;
    size_t i;

    json_object_foreach(r->json, name, value)
    {
        for (i = 0; i < 4 && strcmp(known[i], name) != 0; i++)
            ;
        if (i == 4)
            return sov_request_unknown(name, err);
    }
    if (r->name == NULL)
        return sov_fail(err, SOV_EFORMAT, "there is no \"custom_id\"");
    if (!json_is_object(json_object_get(r->json, "body")))
        return sov_fail(err, SOV_EFORMAT, "there is no object \"body\"");
    return 0;
}

/* Any name will do: there is one model, and it answers under this one. */
static int
take_model(struct sov_request *r, struct sov_err *err)
{
    const json_t *model =
        json_object_get(json_object_get(r->json, "body"), "model");
    size_t len = json_string_length(model);

    if (model == NULL || json_is_null(model))
        return 0;
    if (!json_is_string(model))
        return sov_fail(err, SOV_EFORMAT, "\"model\" is not a string");
    if (len > SOV_MODEL_NAME_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "\"model\" has %zu bytes, the limit is %llu", len,
                        (unsigned long long)SOV_MODEL_NAME_MAX);
    r->model = sov_mem_dup(json_string_value(model), len);
    return r->model != NULL ? 0 : sov_mem_fail(err);
}

static int
open_line(struct sov_request *r, struct sov_err *err)
{
    int rc = sov_request_take_id(r, "custom_id", err);

    if (rc == 0)
        rc = take_url(r, err);
    if (rc == 0)
        rc = take_method(r, err);
    if (rc == 0)
        rc = check_line(r, err);
    return rc == 0 ? take_model(r, err) : rc;
}

/* ---- members of a body that say one thing only */

static int
take_one(struct sov_request *r, const struct sov_member *m, const json_t *value,
         struct sov_request_text *t, struct sov_err *err)
{
    (void)r;
    (void)t;
    if (json_is_integer(value) && json_integer_value(value) == 1)
        return 0;
    if (!json_is_integer(value))
        return sov_fail(err, SOV_EFORMAT, "\"%s\" is not a whole number",
                        m->name);
    return sov_fail(err, SOV_EUNSUP,
                    "\"%s\" is %lld; a request gets one answer", m->name,
                    (long long)json_integer_value(value));
}

static int
take_zero(struct sov_request *r, const struct sov_member *m,
          const json_t *value, struct sov_request_text *t, struct sov_err *err)
{
    (void)r;
    (void)t;
    if (json_is_number(value) && json_number_value(value) == 0)
        return 0;
    return sov_fail(err, SOV_EUNSUP, "\"%s\" is not 0, and there is none here",
                    m->name);
}

static int
take_false(struct sov_request *r, const struct sov_member *m,
           const json_t *value, struct sov_request_text *t, struct sov_err *err)
{
    (void)r;
    (void)t;
    if (json_is_false(value))
        return 0;
    if (!json_is_true(value))
        return sov_fail(err, SOV_EFORMAT, "\"%s\" is not true or false",
                        m->name);
    return sov_fail(err, SOV_EUNSUP,
                    "\"%s\" is true; the answer is one whole line, and "
                    "nothing but the answer",
                    m->name);
}

static int
take_empty(struct sov_request *r, const struct sov_member *m,
           const json_t *value, struct sov_request_text *t, struct sov_err *err)
{
    (void)r;
    (void)t;
    if (json_object_size(value) + json_array_size(value) +
                json_string_length(value) ==
            0 &&
        !json_is_number(value) && !json_is_true(value))
        return 0;
    return sov_fail(err, SOV_EUNSUP, "\"%s\" is not supported", m->name);
}

/* {"type": "text"} */
static int
take_format(struct sov_request *r, const struct sov_member *m,
            const json_t *value, struct sov_request_text *t,
            struct sov_err *err)
{
    const char *type = json_string_value(json_object_get(value, "type"));

    (void)r;
    (void)t;
    if (type != NULL && strcmp(type, "text") == 0)
        return 0;
    return sov_fail(err, SOV_EUNSUP,
                    "\"%s\": only the type \"text\" is "
                    "supported",
                    m->name);
}

/* "auto" */
static int
take_choice(struct sov_request *r, const struct sov_member *m,
            const json_t *value, struct sov_request_text *t,
            struct sov_err *err)
{
    const char *choice = json_string_value(value);

    (void)r;
    (void)t;
    if (choice != NULL && strcmp(choice, "auto") == 0)
        return 0;
    return sov_fail(err, SOV_EUNSUP, "\"%s\": only \"auto\" is supported",
                    m->name);
}

/* ---- of all bodies, and of those with text */

/* Two to the 64th of them, which may be written as numbers below zero too. */
static int
take_seed(struct sov_request *r, const struct sov_member *m,
          const json_t *value, struct sov_request_text *t, struct sov_err *err)
{
    (void)r;
    if (!json_is_integer(value))
        return sov_fail(err, SOV_EFORMAT, "\"%s\" is not a whole number",
                        m->name);
    t->sampler.seed = (uint64_t)json_integer_value(value);
    t->seed_given = true;
    return 0;
}

/* Of chats: whether at all; how many of the best is told by another member. */
static int
take_whether(struct sov_request *r, const struct sov_member *m,
             const json_t *value, struct sov_request_text *t,
             struct sov_err *err)
{
    (void)r;
    if (!json_is_boolean(value))
        return sov_fail(err, SOV_EFORMAT, "\"%s\" is not true or false",
                        m->name);
    t->logprobs = json_is_true(value);
    return 0;
}

static int
take_how_many(struct sov_request *r, const struct sov_member *m,
              const json_t *value, struct sov_request_text *t,
              struct sov_err *err)
{
    bool whether = t->logprobs; /* may be said before or after */
    int rc = sov_take_whole(r, m, value, t, err);

    t->logprobs = whether;
    return rc;
}

static const struct sov_member of_all[] = {
    { "model", sov_take_nothing, 0, 0, 0 },
    { "user", sov_take_nothing, 0, 0, 0 },
    { "metadata", sov_take_nothing, 0, 0, 0 },
    { "safety_identifier", sov_take_nothing, 0, 0, 0 },
    { "service_tier", sov_take_nothing, 0, 0, 0 },
    { "prompt_cache_key", sov_take_nothing, 0, 0, 0 },
    { 0 },
};

static const struct sov_member of_texts[] = {
    { "max_tokens", sov_take_whole, SOV_FIELD_TOKENS, 0, (double)INT64_MAX },
    { "temperature", sov_take_real, SOV_FIELD_TEMP, 0, 1000 },
    { "top_p", sov_take_above, SOV_FIELD_TOP_P, 0, 1 },
    { "top_k", sov_take_whole, SOV_FIELD_TOP_K, 0, UINT32_MAX },
    { "min_p", sov_take_real, SOV_FIELD_MIN_P, 0, 1 },
    { "repetition_penalty", sov_take_above, SOV_FIELD_PENALTY, 0, 1000 },
    { "seed", take_seed, 0, 0, 0 },
    { "stop", sov_take_stops, 0, 0, 0 },
    { "n", take_one, 0, 0, 0 },
    { "stream", take_false, 0, 0, 0 },
    { "stream_options", sov_take_nothing, 0, 0, 0 },
    { "frequency_penalty", take_zero, 0, 0, 0 },
    { "presence_penalty", take_zero, 0, 0, 0 },
    { "logit_bias", take_empty, 0, 0, 0 },
    { 0 },
};

static const struct sov_member of_chats[] = {
    { "messages", sov_take_array, 0, 0, 0 },
    { "tools", sov_take_array, 0, 0, 0 },
    { "tool_choice", take_choice, 0, 0, 0 },
    { "parallel_tool_calls", sov_take_nothing, 0, 0, 0 },
    { "max_completion_tokens", sov_take_whole, SOV_FIELD_TOKENS, 0,
      (double)INT64_MAX },
    { "logprobs", take_whether, 0, 0, 0 },
    { "top_logprobs", take_how_many, SOV_FIELD_TOP, 0, SOV_TOP_MAX },
    { "response_format", take_format, 0, 0, 0 },
    { "store", take_false, 0, 0, 0 },
    { 0 },
};

static const struct sov_member of_completions[] = {
    { "prompt", sov_take_prompt, 0, 0, 0 },
    { "logprobs", sov_take_whole, SOV_FIELD_TOP, 0, SOV_TOP_MAX },
    { "best_of", take_one, 0, 0, 0 },
    { "echo", take_false, 0, 0, 0 },
    { "suffix", take_empty, 0, 0, 0 },
    { 0 },
};

static const struct sov_member *const chat[] = { of_all, of_texts, of_chats,
                                                 NULL };
static const struct sov_member *const completions[] = { of_all, of_texts,
                                                        of_completions, NULL };

static int
check_chat(const json_t *body, const struct sov_request_text *t,
           struct sov_err *err)
{
    const json_t *a = json_object_get(body, "max_tokens");
    const json_t *b = json_object_get(body, "max_completion_tokens");

    if (!json_is_array(json_object_get(body, "messages")))
        return sov_fail(err, SOV_EFORMAT, "there are no \"messages\"");
    if (json_is_integer(a) && json_is_integer(b) && !json_equal(a, b))
        return sov_fail(err, SOV_EFORMAT,
                        "\"max_tokens\" and \"max_completion_tokens\" differ");
    if (t->n_top > 0 && !t->logprobs)
        return sov_fail(err, SOV_EFORMAT,
                        "\"top_logprobs\" without \"logprobs\": true");
    return 0;
}

/* A list of one prompt is that prompt. */
static int
open_prompts(json_t *body, struct sov_err *err)
{
    json_t *prompt = json_object_get(body, "prompt");
    json_t *first = json_array_get(prompt, 0);

    if (!json_is_string(first) && !json_is_array(first))
        return 0;
    if (json_array_size(prompt) > 1)
        return sov_fail(err, SOV_EUNSUP,
                        "\"prompt\" has %zu prompts; write a request for each",
                        json_array_size(prompt));
    return json_object_set(body, "prompt", first) == 0 ? 0 : sov_mem_fail(err);
}

static int
take_request(struct sov_request *r, struct sov_request_text *t,
             struct sov_err *err)
{
    json_t *body = json_object_get(r->json, "body");
    int rc;

    if (r->form == SOV_OPENAI_CHAT) {
        rc = sov_request_members(r, body, chat, true, t, err);
        if (rc == 0)
            rc = check_chat(body, t, err);
    } else {
        rc = open_prompts(body, err);
        if (rc == 0)
            rc = sov_request_members(r, body, completions, true, t, err);
    }
    return rc == 0 ? sov_request_messages(r, body, t, err) : rc;
}

/* ---- vectors */

static int
take_encoding(struct sov_request *r, const struct sov_member *m,
              const json_t *value, struct sov_request_text *t,
              struct sov_err *err)
{
    const char *name = json_string_value(value);

    (void)t;
    r->base64 = name != NULL && strcmp(name, "base64") == 0;
    if (r->base64 || (name != NULL && strcmp(name, "float") == 0))
        return 0;
    return sov_fail(err, SOV_EFORMAT, "\"%s\" is not \"float\" or \"base64\"",
                    m->name);
}

static const struct sov_member of_embeddings[] = {
    { "input", sov_take_nothing, 0, 0, 0 },
    { "encoding_format", take_encoding, 0, 0, 0 },
    { "dimensions", take_empty, 0, 0, 0 },
    { 0 },
};

static const struct sov_member *const embeddings[] = { of_all, of_embeddings,
                                                       NULL };

static int
take_inputs(struct sov_request *r, struct sov_request_vectors *v,
            struct sov_err *err)
{
    json_t *body = json_object_get(r->json, "body");
    json_t *input = json_object_get(body, "input");
    struct sov_request_text t = { 0 };
    int rc = sov_request_members(r, body, embeddings, true, &t, err);

    if (rc < 0)
        return rc;
    if (input == NULL)
        return sov_fail(err, SOV_EFORMAT, "there is no \"input\"");
    return sov_take_texts(r, "input", input, v, err);
}

const struct sov_dialect sov_dialect_openai = {
    .name = "openai",
    .is = is_batch_line,
    .looks = looks_like_batch_line,
    .open = open_line,
    .text = take_request,
    .vectors = take_inputs,
    .answer = sov_openai_answer,
    .read = sov_openai_read,
};
