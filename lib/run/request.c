/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - what a line of a pipe asks for
 */
#include "sov/request.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

struct sov_request {
    json_t *json;       /* an object */
    char *id;           /* owned, or NULL */
    int32_t *ids;       /* likewise */
    char *messages;     /* likewise */
    const char **stops; /* likewise; what is in it is json's */
};

/* A name that a stranger chose, for a message. */
static const char *
shown(const char *name, char buf[48])
{
    return sov_text_safe(name, strlen(name), buf, 48);
}

static int
unknown(const char *name, struct sov_err *err)
{
    char buf[48];

    return sov_fail(err, SOV_EFORMAT, "\"%s\" is not a member that is known",
                    shown(name, buf));
}

static int
take_id(sov_request *r, struct sov_err *err)
{
    const json_t *id = json_object_get(r->json, "id");

    if (id == NULL)
        return 0;
    if (!json_is_string(id) && !json_is_integer(id))
        return sov_fail(err, SOV_EFORMAT,
                        "\"id\" is neither a string nor a whole number");
    if (json_string_length(id) > SOV_REQUEST_ID_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "\"id\" has %zu bytes, the limit is "
                        "%llu",
                        json_string_length(id),
                        (unsigned long long)SOV_REQUEST_ID_MAX);
    r->id = json_dumps(id, JSON_ENCODE_ANY);
    return r->id != NULL ? 0 : sov_mem_fail(err);
}

int
sov_request_parse(sov_request **request, const char *line, size_t len,
                  struct sov_err *err)
{
    sov_request *r;
    int rc = 0;

    *request = NULL;
    if (len > SOV_REQUEST_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "a line of %zu bytes, the limit is %zu", len,
                        SOV_REQUEST_MAX);
    r = sov_mem_array(1, sizeof(*r));
    if (r == NULL)
        return sov_mem_fail(err);
    rc = sov_json_parse(line, len, &r->json, err);
    if (rc == 0 && !json_is_object(r->json))
        rc = sov_fail(err, SOV_EFORMAT, "not a JSON object");
    if (rc == 0)
        rc = take_id(r, err);
    if (rc < 0) {
        sov_request_free(r);
        return rc;
    }
    *request = r;
    return 0;
}

void
sov_request_free(sov_request *r)
{
    if (r == NULL)
        return;
    json_decref(r->json);
    free(r->id);
    free(r->ids);
    free(r->messages);
    free(r->stops);
    free(r);
}

const char *
sov_request_id(const sov_request *r)
{
    return r->id;
}

static int
take_text(const char *name, const json_t *value, struct sov_span *to,
          struct sov_err *err)
{
    if (!json_is_string(value))
        return sov_fail(err, SOV_EFORMAT, "\"%s\" is not a string", name);
    to->p = (const unsigned char *)json_string_value(value);
    to->len = json_string_length(value);
    return 0;
}

static int
take_ids(sov_request *r, const json_t *value, struct sov_request_embed *e,
         struct sov_err *err)
{
    size_t n = json_array_size(value);
    size_t i;

    if (!json_is_array(value))
        return sov_fail(err, SOV_EFORMAT, "\"ids\" is not an array");
    free(r->ids);
    r->ids = sov_mem_array(n, sizeof(*r->ids));
    if (r->ids == NULL)
        return sov_mem_fail(err);
    for (i = 0; i < n; i++) {
        const json_t *one = json_array_get(value, i);
        json_int_t id = json_is_integer(one) ? json_integer_value(one) : -1;

        if (id < 0 || id > INT32_MAX)
            return sov_fail(err, SOV_EFORMAT,
                            "\"ids\": number %zu is no token id", i);
        r->ids[i] = (int32_t)id;
    }
    e->ids = r->ids;
    e->n_ids = n;
    return 0;
}

/* What members are called, and where they belong. */
static int
take_member(sov_request *r, const char *name, const json_t *value,
            struct sov_request_embed *e, struct sov_err *err)
{
    const struct {
        const char *name;
        struct sov_span *to;
    } texts[] = {
        { "text", &e->text },         { "input", &e->text },
        { "prompt", &e->text },       { "query", &e->query },
        { "document", &e->document },
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(texts[i].name, name) != 0)
            continue;
        if (texts[i].to->p != NULL)
            return sov_fail(err, SOV_EFORMAT,
                            "two of \"text\", \"input\" and \"prompt\"");
        return take_text(name, value, texts[i].to, err);
    }
    if (strcmp(name, "ids") == 0)
        return take_ids(r, value, e, err);
    if (strcmp(name, "id") == 0)
        return 0;
    return unknown(name, err);
}

int
sov_request_embed(sov_request *r, struct sov_request_embed *embed,
                  struct sov_err *err)
{
    struct sov_request_embed e = { 0 };
    const char *name;
    json_t *value;
    int kinds;
    int rc = 0;

    json_object_foreach(r->json, name, value)
    {
        rc = take_member(r, name, value, &e, err);
        if (rc < 0)
            return rc;
    }
    if ((e.query.p == NULL) != (e.document.p == NULL))
        return sov_fail(err, SOV_EFORMAT, "a \"%s\" without a \"%s\"",
                        e.query.p != NULL ? "query" : "document",
                        e.query.p != NULL ? "document" : "query");
    kinds = (e.text.p != NULL) + (e.ids != NULL) + (e.query.p != NULL);
    if (kinds != 1)
        return sov_fail(err, SOV_EFORMAT,
                        kinds == 0 ? "there is no \"text\""
                                   : "there is more than one thing to embed");
    *embed = e;
    return 0;
}

/* ---- a text that goes on */

/* What a member may be. */
enum kind {
    ID,
    PROMPT,
    MESSAGES,
    TOOLS,
    WHOLE, /* a number without a fraction, from least to most */
    REAL,  /* from least to most */
    ABOVE, /* above least, up to most */
    STOP,
    TENANT,
};

static const struct member {
    const char *name;
    enum kind kind;
    double least;
    double most;
} members[] = {
    { "id", ID, 0, 0 },
    { "prompt", PROMPT, 0, 0 },
    { "messages", MESSAGES, 0, 0 },
    { "tools", TOOLS, 0, 0 },
    { "max_tokens", WHOLE, 0, (double)INT64_MAX },
    { "temperature", REAL, 0, 1000 },
    { "top_k", WHOLE, 0, UINT32_MAX },
    { "top_p", ABOVE, 0, 1 },
    { "min_p", REAL, 0, 1 },
    { "repeat_penalty", ABOVE, 0, 1000 },
    { "seed", WHOLE, 0, (double)INT64_MAX },
    { "stop", STOP, 0, 0 },
    { "tenant", TENANT, 0, 0 },
};

static const struct member *
find_member(const char *name)
{
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    return NULL;
}

static int
check_number(const struct member *m, const json_t *value, struct sov_err *err)
{
    bool whole = m->kind == WHOLE;
    double x = json_number_value(value);

    if (whole ? !json_is_integer(value) : !json_is_number(value))
        return sov_fail(err, SOV_EFORMAT, "\"%s\" is not a %snumber", m->name,
                        whole ? "whole " : "");
    if (x < m->least || (m->kind == ABOVE && !((float)x > (float)m->least)) ||
        x > m->most)
        return sov_fail(err, SOV_EFORMAT, "\"%s\" is %g; it is %s %g%s %g",
                        m->name, x, m->kind == ABOVE ? "above" : "from",
                        m->least, m->kind == ABOVE ? ", at most" : " to",
                        m->most);
    return 0;
}

static void
take_number(const struct member *m, const json_t *value,
            struct sov_request_text *t)
{
    uint64_t n = (uint64_t)json_integer_value(value);
    float x = (float)json_number_value(value);

    if (strcmp(m->name, "max_tokens") == 0) {
        t->n_tokens = n;
        t->n_tokens_given = true;
    } else if (strcmp(m->name, "seed") == 0) {
        t->sampler.seed = n;
        t->seed_given = true;
    } else if (strcmp(m->name, "top_k") == 0) {
        t->sampler.top_k = (uint32_t)n;
    } else if (strcmp(m->name, "top_p") == 0) {
        t->sampler.top_p = x;
    } else if (strcmp(m->name, "min_p") == 0) {
        t->sampler.min_p = x;
    } else if (strcmp(m->name, "repeat_penalty") == 0) {
        t->sampler.repeat_penalty = x;
    } else {
        t->sampler.temp = x;
    }
}

static int
take_stop(sov_request *r, size_t i, const json_t *value, struct sov_err *err)
{
    size_t len = json_string_length(value);

    if (!json_is_string(value))
        return sov_fail(err, SOV_EFORMAT,
                        "\"stop\" is neither a string nor an array of them");
    if (len == 0 || len > SOV_STOP_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "a stop string of %zu bytes; it has from 1 to %llu",
                        len, (unsigned long long)SOV_STOP_MAX);
    r->stops[i] = json_string_value(value);
    return 0;
}

static int
take_stops(sov_request *r, const json_t *value, struct sov_request_text *t,
           struct sov_err *err)
{
    bool one = !json_is_array(value);
    size_t n = one ? 1 : json_array_size(value);
    int rc = 0;

    if (n > SOV_STOPS_MAX)
        return sov_fail(err, SOV_EFORMAT, "%zu stop strings, the limit is %llu",
                        n, (unsigned long long)SOV_STOPS_MAX);
    free(r->stops);
    r->stops = sov_mem_array(n, sizeof(*r->stops));
    if (r->stops == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = take_stop(r, i, one ? value : json_array_get(value, i), err);
    t->stops = r->stops;
    t->n_stops = n;
    return rc;
}

static int
take_tenant(const json_t *value, struct sov_request_text *t,
            struct sov_err *err)
{
    if (!json_is_string(value))
        return sov_fail(err, SOV_EFORMAT, "\"tenant\" is not a string");
    if (json_string_length(value) > SOV_TENANT_MAX)
        return sov_fail(
            err, SOV_EFORMAT, "a tenant's name of %zu bytes, the limit is %llu",
            json_string_length(value), (unsigned long long)SOV_TENANT_MAX);
    t->tenant = json_string_value(value);
    return 0;
}

/* As the text of an object of both. */
static int
take_messages(sov_request *r, struct sov_request_text *t, struct sov_err *err)
{
    json_t *messages = json_object_get(r->json, "messages");
    json_t *tools = json_object_get(r->json, "tools");
    json_t *both;

    if (tools != NULL && messages == NULL)
        return sov_fail(err, SOV_EFORMAT, "\"tools\" without \"messages\"");
    if (messages == NULL)
        return 0;
    if (t->prompt.p != NULL)
        return sov_fail(err, SOV_EFORMAT, "both \"prompt\" and \"messages\"");
    free(r->messages);
    both = json_pack("{s:O, s:O*}", "messages", messages, "tools", tools);
    r->messages = json_dumps(both, JSON_COMPACT);
    json_decref(both);
    if (r->messages == NULL)
        return sov_mem_fail(err);
    t->messages.p = (const unsigned char *)r->messages;
    t->messages.len = strlen(r->messages);
    t->tools = tools != NULL;
    return 0;
}

static int
take_text_member(sov_request *r, const char *name, const json_t *value,
                 struct sov_request_text *t, struct sov_err *err)
{
    const struct member *m = find_member(name);
    int rc;

    if (m == NULL)
        return unknown(name, err);
    switch (m->kind) {
    case PROMPT:
        return take_text(name, value, &t->prompt, err);
    case MESSAGES:
    case TOOLS:
        if (!json_is_array(value))
            return sov_fail(err, SOV_EFORMAT, "\"%s\" is not an array", name);
        return 0;
    case STOP:
        return take_stops(r, value, t, err);
    case TENANT:
        return take_tenant(value, t, err);
    case ID:
        return 0;
    default:
        rc = check_number(m, value, err);
        if (rc == 0)
            take_number(m, value, t);
        return rc;
    }
}

int
sov_request_text(sov_request *r, struct sov_request_text *text,
                 struct sov_err *err)
{
    struct sov_request_text t = *text;
    const char *name;
    json_t *value;
    int rc = 0;

    t.prompt = t.messages = (struct sov_span){ NULL, 0 };
    json_object_foreach(r->json, name, value)
    {
        rc = take_text_member(r, name, value, &t, err);
        if (rc < 0)
            return rc;
    }
    rc = take_messages(r, &t, err);
    if (rc == 0 && t.prompt.p == NULL && t.messages.p == NULL)
        rc = sov_fail(err, SOV_EFORMAT,
                      "there is no \"prompt\" and there are no "
                      "\"messages\"");
    if (rc == 0)
        *text = t;
    return rc;
}

uint64_t
sov_request_seed(uint64_t seed, uint64_t line)
{
    uint32_t out[4];

    sov_rng_block(seed, 1, line, out); /* 0 is the stream of sampling */
    return (((uint64_t)out[0] << 32) | out[1]) >> 11;
}

int
sov_request_check_text(const char *line, size_t len, struct sov_err *err)
{
    uint32_t cp;
    size_t at, n;

    for (at = 0; at < len; at += n) {
        n = sov_utf8_step(line + at, len - at, &cp);
        if (n == 0)
            return sov_fail(err, SOV_EFORMAT, "byte %zu is not UTF-8", at);
    }
    return 0;
}
