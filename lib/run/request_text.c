/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_text.c - members of requests for text
 */
#include "run/request.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static int
check_number(const struct sov_member *m, const json_t *value, bool whole,
             bool above, struct sov_err *err)
{
    double x = json_number_value(value);

    if (whole ? !json_is_integer(value) : !json_is_number(value))
        return sov_fail(err, SOV_EFORMAT, "\"%s\" is not a %snumber", m->name,
                        whole ? "whole " : "");
    if (x < m->least || (above && !((float)x > (float)m->least)) || x > m->most)
        return sov_fail(err, SOV_EFORMAT, "\"%s\" is %g; it is %s %g%s %g",
                        m->name, x, above ? "above" : "from", m->least,
                        above ? ", at most" : " to", m->most);
    return 0;
}

static void
put_number(const struct sov_member *m, const json_t *value,
           struct sov_request_text *t)
{
    uint64_t n = (uint64_t)json_integer_value(value);
    float x = (float)json_number_value(value);

    switch ((enum sov_field)m->to) {
    case SOV_FIELD_TOKENS:
        t->n_tokens = n;
        t->n_tokens_given = true;
        break;
    case SOV_FIELD_SEED:
        t->sampler.seed = n;
        t->seed_given = true;
        break;
    case SOV_FIELD_TOP:
        t->logprobs = true;
        t->n_top = (uint32_t)n;
        break;
    case SOV_FIELD_TOP_K:
        t->sampler.top_k = (uint32_t)n;
        break;
    case SOV_FIELD_TOP_P:
        t->sampler.top_p = x;
        break;
    case SOV_FIELD_MIN_P:
        t->sampler.min_p = x;
        break;
    case SOV_FIELD_PENALTY:
        t->sampler.repeat_penalty = x;
        break;
    case SOV_FIELD_TEMP:
        t->sampler.temp = x;
        break;
    }
}

int
sov_take_whole(sov_request *r, const struct sov_member *m, const json_t *value,
               struct sov_request_text *t, struct sov_err *err)
{
    int rc = check_number(m, value, true, false, err);

    (void)r;
    if (rc == 0)
        put_number(m, value, t);
    return rc;
}

int
sov_take_real(sov_request *r, const struct sov_member *m, const json_t *value,
              struct sov_request_text *t, struct sov_err *err)
{
    int rc = check_number(m, value, false, false, err);

    (void)r;
    if (rc == 0)
        put_number(m, value, t);
    return rc;
}

int
sov_take_above(sov_request *r, const struct sov_member *m, const json_t *value,
               struct sov_request_text *t, struct sov_err *err)
{
    int rc = check_number(m, value, false, true, err);

    (void)r;
    if (rc == 0)
        put_number(m, value, t);
    return rc;
}

int
sov_take_nothing(sov_request *r, const struct sov_member *m,
                 const json_t *value, struct sov_request_text *t,
                 struct sov_err *err)
{
    (void)r;
    (void)m;
    (void)value;
    (void)t;
    (void)err;
    return 0;
}

int
sov_take_array(sov_request *r, const struct sov_member *m, const json_t *value,
               struct sov_request_text *t, struct sov_err *err)
{
    (void)r;
    (void)t;
    return json_is_array(value)
               ? 0
               : sov_fail(err, SOV_EFORMAT, "\"%s\" is not an array", m->name);
}

int
sov_take_prompt(sov_request *r, const struct sov_member *m, const json_t *value,
                struct sov_request_text *t, struct sov_err *err)
{
    if (sov_request_is_ids(value))
        return sov_request_ids(r, m->name, value, &t->ids, &t->n_ids, err);
    return sov_request_string(m->name, value, &t->prompt, err);
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

int
sov_take_stops(sov_request *r, const struct sov_member *m, const json_t *value,
               struct sov_request_text *t, struct sov_err *err)
{
    bool one = !json_is_array(value);
    size_t n = one ? 1 : json_array_size(value);
    int rc = 0;

    (void)m;
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

int
sov_take_tenant(sov_request *r, const struct sov_member *m, const json_t *value,
                struct sov_request_text *t, struct sov_err *err)
{
    (void)r;
    (void)m;
    if (!json_is_string(value))
        return sov_fail(err, SOV_EFORMAT, "\"tenant\" is not a string");
    if (json_string_length(value) > SOV_TENANT_MAX)
        return sov_fail(
            err, SOV_EFORMAT, "a tenant's name of %zu bytes, the limit is %llu",
            json_string_length(value), (unsigned long long)SOV_TENANT_MAX);
    t->tenant = json_string_value(value);
    return 0;
}

int
sov_take_reviewer(sov_request *r, const struct sov_member *m,
                  const json_t *value, struct sov_request_text *t,
                  struct sov_err *err)
{
    (void)r;
    (void)m;
    if (!json_is_string(value))
        return sov_fail(err, SOV_EFORMAT, "\"reviewer\" is not a string");
    if (json_string_length(value) > SOV_TENANT_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "a reviewer's name of %zu bytes, the limit is %llu",
                        json_string_length(value),
                        (unsigned long long)SOV_TENANT_MAX);
    t->reviewer = json_string_value(value);
    return 0;
}

/* The row of a member, or NULL. */
static const struct sov_member *
find_member(const struct sov_member *const *tables, const char *name)
{
    const struct sov_member *m;

    for (; *tables != NULL; tables++)
        for (m = *tables; m->name != NULL; m++)
            if (strcmp(m->name, name) == 0)
                return m;
    return NULL;
}

int
sov_request_members(sov_request *r, json_t *object,
                    const struct sov_member *const *tables, bool nulls,
                    struct sov_request_text *t, struct sov_err *err)
{
    const char *name;
    json_t *value;
    int rc = 0;

    json_object_foreach(object, name, value)
    {
        const struct sov_member *m = find_member(tables, name);

        if (m == NULL)
            return sov_request_unknown(name, err);
        if (!nulls || !json_is_null(value))
            rc = m->take(r, m, value, t, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* As the text of an object of all that a template may ask for. */
static int
dump_messages(sov_request *r, const json_t *object, struct sov_request_text *t,
              struct sov_err *err)
{
    json_t *messages = json_object_get(object, "messages");
    json_t *tools = json_object_get(object, "tools");
    json_t *both;

    if (json_is_null(tools))
        tools = NULL;
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

int
sov_request_messages(sov_request *r, const json_t *object,
                     struct sov_request_text *t, struct sov_err *err)
{
    bool messages = json_is_array(json_object_get(object, "messages"));
    bool prompt = t->prompt.p != NULL || t->ids != NULL;

    if (json_is_array(json_object_get(object, "tools")) && !messages)
        return sov_fail(err, SOV_EFORMAT, "\"tools\" without \"messages\"");
    if (messages && prompt)
        return sov_fail(err, SOV_EFORMAT, "both \"prompt\" and \"messages\"");
    if (!messages && !prompt)
        return sov_fail(err, SOV_EFORMAT,
                        "there is no \"prompt\" and there are no "
                        "\"messages\"");
    return messages ? dump_messages(r, object, t, err) : 0;
}

int
sov_request_text(sov_request *r, struct sov_request_text *text,
                 struct sov_err *err)
{
    struct sov_request_text t = *text;
    int rc;

    t.prompt = t.messages = (struct sov_span){ NULL, 0 };
    t.ids = NULL;
    t.n_ids = 0;
    rc = r->dialect->text(r, &t, err);
    if (rc == 0)
        *text = t;
    return rc;
}
