/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dialog.c - messages, and what else a template may ask for
 */
#include "run/dialog.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

int
sov_dialog_new(sov_dialog **dialog, struct sov_err *err)
{
    sov_dialog *d = sov_mem_array(1, sizeof(*d));

    *dialog = NULL;
    if (d == NULL)
        return sov_mem_fail(err);
    d->messages = json_array();
    d->vars = json_object();
    d->gone = json_object();
    if (d->messages == NULL || d->vars == NULL || d->gone == NULL) {
        sov_dialog_free(d);
        return sov_mem_fail(err);
    }
    *dialog = d;
    return 0;
}

void
sov_dialog_free(sov_dialog *d)
{
    if (d == NULL)
        return;
    json_decref(d->messages);
    json_decref(d->vars);
    json_decref(d->gone);
    free(d);
}

/* Kinds of parts of a message that are no text. */
static bool
is_media(const char *type)
{
    static const char *const kinds[] = { "image", "audio", "video" };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strstr(type, kinds[i]) != NULL)
            return true;
    return strcmp(type, "file") == 0 || strcmp(type, "input_file") == 0;
}

static int
check_parts(const json_t *content, size_t at, struct sov_err *err)
{
    size_t i;
    json_t *part;

    json_array_foreach(content, i, part)
    {
        const char *type = json_string_value(json_object_get(part, "type"));

        if (type != NULL && is_media(type))
            return sov_fail(err, SOV_EUNSUP,
                            "message %zu has a part of type '%.32s'; only text "
                            "is understood",
                            at, type);
    }
    return 0;
}

static int
check_messages(const json_t *messages, struct sov_err *err)
{
    int rc = 0;
    size_t i;
    json_t *m;

    if (!json_is_array(messages))
        return sov_fail(err, SOV_EFORMAT, "the messages are not a JSON array");
    json_array_foreach(messages, i, m)
    {
        if (!json_is_string(json_object_get(m, "role")))
            return sov_fail(err, SOV_EFORMAT,
                            "message %zu is no object with a \"role\"", i + 1);
        rc = check_parts(json_object_get(m, "content"), i + 1, err);
        if (rc < 0)
            break;
    }
    return rc;
}

static int
set_vars(sov_dialog *d, json_t *vars, struct sov_err *err)
{
    const char *name;
    json_t *v;

    json_object_foreach(vars, name, v)
    {
        bool null = json_is_null(v);

        if (strcmp(name, "messages") == 0)
            continue;
        json_object_del(null ? d->vars : d->gone, name);
        if (json_object_set(null ? d->gone : d->vars, name, v) < 0)
            return sov_mem_fail(err);
    }
    return 0;
}

static int
parse(const char *text, size_t len, json_t **json, struct sov_err *err)
{
    if (len > SOV_CHAT_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "JSON of %zu bytes; the limit is %llu", len,
                        (unsigned long long)SOV_CHAT_MAX);
    return sov_json_parse(text, len, json, err);
}

int
sov_dialog_parse(sov_dialog *d, const char *text, size_t len,
                 struct sov_err *err)
{
    json_t *json, *messages;
    int rc = parse(text, len, &json, err);

    if (rc < 0)
        return rc;
    messages = json_is_object(json) ? json_object_get(json, "messages") : json;
    rc = check_messages(messages, err);
    if (rc == 0 && json_is_object(json))
        rc = set_vars(d, json, err);
    if (rc == 0) {
        json_decref(d->messages);
        d->messages = json_incref(messages);
    }
    json_decref(json);
    return rc;
}

int
sov_dialog_set(sov_dialog *d, const char *text, size_t len, struct sov_err *err)
{
    json_t *json;
    int rc = parse(text, len, &json, err);

    if (rc < 0)
        return rc;
    if (!json_is_object(json))
        rc = sov_fail(err, SOV_EFORMAT, "the variables are not a JSON object");
    else
        rc = set_vars(d, json, err);
    json_decref(json);
    return rc;
}

bool
sov_dialog_has(const sov_dialog *d, const char *name)
{
    return json_object_get(d->vars, name) != NULL;
}

/* A JSON string; what is no UTF-8, and NUL, which no JSON of ours may hold,
 * becomes U+FFFD. */
static json_t *
json_text(const char *text, size_t len)
{
    char *clean = sov_mem_array(len + 1, 3);
    size_t at = 0, out = 0;
    json_t *json;
    uint32_t cp;

    if (clean == NULL)
        return NULL;
    while (at < len) {
        size_t n = text[at] != '\0' ? sov_utf8_step(text + at, len - at, &cp)
                                    : 0;

        memcpy(clean + out, n > 0 ? text + at : "\xef\xbf\xbd", n > 0 ? n : 3);
        out += n > 0 ? n : 3;
        at += n > 0 ? n : 1;
    }
    json = json_stringn(clean, out);
    sov_mem_forget(clean);
    return json;
}

static int
add_at(sov_dialog *d, size_t i, const char *role, const char *text, size_t len,
       struct sov_err *err)
{
    json_t *m = json_object();

    if (len > SOV_CHAT_MAX) {
        json_decref(m);
        return sov_fail(err, SOV_EFORMAT,
                        "a message of %zu bytes; the limit is %llu", len,
                        (unsigned long long)SOV_CHAT_MAX);
    }
    if (m == NULL || json_object_set_new(m, "role", json_string(role)) < 0 ||
        json_object_set_new(m, "content", json_text(text, len)) < 0 ||
        json_array_insert(d->messages, i, m) < 0) {
        json_decref(m);
        return sov_mem_fail(err);
    }
    json_decref(m);
    return 0;
}

int
sov_dialog_add(sov_dialog *d, const char *role, const char *text, size_t len,
               struct sov_err *err)
{
    return add_at(d, json_array_size(d->messages), role, text, len, err);
}

int
sov_dialog_begin(sov_dialog *d, const char *role, const char *text, size_t len,
                 struct sov_err *err)
{
    return add_at(d, 0, role, text, len, err);
}

size_t
sov_dialog_count(const sov_dialog *d)
{
    return json_array_size(d->messages);
}

const char *
sov_dialog_role(const sov_dialog *d, size_t i)
{
    return json_string_value(
        json_object_get(json_array_get(d->messages, i), "role"));
}

const char *
sov_dialog_text(const sov_dialog *d, size_t i)
{
    return json_string_value(
        json_object_get(json_array_get(d->messages, i), "content"));
}

int
sov_dialog_json(const sov_dialog *d, char **text, size_t *len,
                struct sov_err *err)
{
    char *all = json_dumps(d->messages, JSON_COMPACT);

    *text = NULL;
    if (all == NULL)
        return sov_mem_fail(err);
    *len = strlen(all);
    if (*len > SOV_CHAT_MAX) {
        sov_mem_forget(all);
        return sov_fail(err, SOV_EFORMAT,
                        "messages of %zu bytes; the limit is %llu", *len,
                        (unsigned long long)SOV_CHAT_MAX);
    }
    *text = all;
    return 0;
}

void
sov_dialog_cut(sov_dialog *d, size_t n)
{
    while (json_array_size(d->messages) > n)
        json_array_remove(d->messages, json_array_size(d->messages) - 1);
}

void
sov_dialog_forget(sov_dialog *d, size_t i, size_t n)
{
    while (n-- > 0 && i < json_array_size(d->messages))
        json_array_remove(d->messages, i);
}
