/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_embed.c - requests for vectors, alone and among others
 */
#include "run/request.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---- a line of --embed */

int
sov_request_string(const char *name, const json_t *value, struct sov_span *to,
                   struct sov_err *err)
{
    if (!json_is_string(value))
        return sov_fail(err, SOV_EFORMAT, "\"%s\" is not a string", name);
    to->p = (const unsigned char *)json_string_value(value);
    to->len = json_string_length(value);
    return 0;
}

/* The numbers of an array, as token ids, into ids. */
static int
read_ids(const char *name, const json_t *array, int32_t *ids,
         struct sov_err *err)
{
    size_t i;

    for (i = 0; i < json_array_size(array); i++) {
        const json_t *one = json_array_get(array, i);
        json_int_t id = json_is_integer(one) ? json_integer_value(one) : -1;

        if (id < 0 || id > INT32_MAX)
            return sov_fail(err, SOV_EFORMAT,
                            "\"%s\": number %zu is no token id", name, i);
        ids[i] = (int32_t)id;
    }
    return 0;
}

/* Room for so many, in place of what there was. */
static int
make_ids(sov_request *r, size_t n, struct sov_err *err)
{
    free(r->ids);
    r->ids = sov_mem_array(n, sizeof(*r->ids));
    return r->ids != NULL ? 0 : sov_mem_fail(err);
}

int
sov_request_ids(sov_request *r, const char *name, const json_t *value,
                const int32_t **ids, size_t *n, struct sov_err *err)
{
    int rc;

    if (!json_is_array(value))
        return sov_fail(err, SOV_EFORMAT, "\"%s\" is not an array", name);
    rc = make_ids(r, json_array_size(value), err);
    if (rc == 0)
        rc = read_ids(name, value, r->ids, err);
    if (rc < 0)
        return rc;
    *ids = r->ids;
    *n = json_array_size(value);
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
        return sov_request_string(name, value, texts[i].to, err);
    }
    if (strcmp(name, "ids") == 0)
        return sov_request_ids(r, name, value, &e->ids, &e->n_ids, err);
    if (strcmp(name, "id") == 0)
        return 0;
    return sov_request_unknown(name, err);
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

/* ---- several of them, among other requests */

/* Is it an array of numbers, the ids of one text? */
bool
sov_request_is_ids(const json_t *value)
{
    return json_is_array(value) && json_array_size(value) > 0 &&
           json_is_number(json_array_get(value, 0));
}

/* Ids in all texts of a list, or of a text. */
static size_t
count_ids(const json_t *value, bool list)
{
    size_t n = 0;
    size_t i;

    if (!list)
        return json_array_size(value);
    for (i = 0; i < json_array_size(value); i++)
        n += json_array_size(json_array_get(value, i));
    return n;
}

static int
take_one(const char *name, const json_t *value, struct sov_request_embed *e,
         int32_t **ids, struct sov_err *err)
{
    size_t n = json_array_size(value);
    int rc;

    if (!sov_request_is_ids(value) && !json_is_string(value))
        return sov_fail(err, SOV_EFORMAT,
                        "\"%s\" is no text, no token ids and no list of "
                        "these",
                        name);
    if (json_is_string(value))
        return sov_request_string(name, value, &e->text, err);
    rc = read_ids(name, value, *ids, err);
    e->ids = *ids;
    e->n_ids = n;
    *ids += n;
    return rc;
}

int
sov_take_texts(sov_request *r, const char *name, const json_t *value,
               struct sov_request_vectors *v, struct sov_err *err)
{
    bool list = json_is_array(value) && !sov_request_is_ids(value);
    size_t n = list ? json_array_size(value) : 1;
    int32_t *ids;
    int rc;

    if (n == 0)
        return sov_fail(err, SOV_EFORMAT, "\"%s\" is an empty list", name);
    if (n > SOV_INPUTS_MAX)
        return sov_fail(err, SOV_EFORMAT, "%zu texts, the limit is %llu", n,
                        (unsigned long long)SOV_INPUTS_MAX);
    rc = make_ids(r, count_ids(value, list), err);
    free(r->texts);
    r->texts = sov_mem_array(n, sizeof(*r->texts));
    if (rc == 0 && r->texts == NULL)
        rc = sov_mem_fail(err);
    ids = r->ids;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = take_one(name, list ? json_array_get(value, i) : value,
                      &r->texts[i], &ids, err);
    r->list = list;
    v->texts = r->texts;
    v->n = n;
    return rc;
}

int
sov_request_vectors(sov_request *r, struct sov_request_vectors *vectors,
                    struct sov_err *err)
{
    struct sov_request_vectors v = { 0 };
    int rc = r->dialect->vectors(r, &v, err);

    if (rc == 0)
        *vectors = v;
    return rc;
}
