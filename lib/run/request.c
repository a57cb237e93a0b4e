/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - what a line of a pipe asks for
 */
#include "sov/request.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

struct sov_request {
    json_t *json; /* an object */
    char *id;     /* owned, or NULL */
    int32_t *ids; /* likewise */
};

/* A name that a stranger chose, for a message. */
static const char *
shown(const char *name, char buf[48])
{
    return sov_text_safe(name, strlen(name), buf, 48);
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
    char buf[48];

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
    return sov_fail(err, SOV_EFORMAT, "\"%s\" is not a member that is known",
                    shown(name, buf));
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
