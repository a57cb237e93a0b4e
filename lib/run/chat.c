/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chat.c - messages as the text that a model was trained on
 *
 * What a template finds, besides what the dialog has:
 *
 *   messages, bos_token, eos_token, add_generation_prompt
 *   enable_thinking   true: models that think do
 *   date_string       "20 Nov 2026", for templates that cannot ask
 *
 * The words that say who speaks are the template's own wherever they stand
 * under "role": many templates make a control token of them.
 */
#include "sov/chat.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "jinja/jinja.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY "tokenizer.chat_template"

struct sov_chat {
    struct sov_jinja *jinja;
};

struct sov_dialog {
    json_t *messages;
    json_t *vars;
    json_t *gone; /* variables that must not be there */
};

static const char *const roles[] = {
    "system",    "user",          "assistant", "developer",   "tool",
    "function",  "ipython",       "model",     "observation", "root",
    "documents", "tool_response", NULL,
};

/* ---- templates */

int
sov_chat_new(sov_chat **chat, const char *text, size_t len, struct sov_err *err)
{
    sov_chat *new = sov_mem_array(1, sizeof(*new));
    int rc;

    *chat = NULL;
    if (new == NULL)
        return sov_mem_fail(err);
    rc = sov_jinja_parse(&new->jinja, text, len, err);
    if (rc < 0) {
        free(new);
        return rc;
    }
    *chat = new;
    return 0;
}

void
sov_chat_free(sov_chat *chat)
{
    if (chat == NULL)
        return;
    sov_jinja_free(chat->jinja);
    free(chat);
}

int
sov_chat_find(const sov_meta *meta, const char *name, struct sov_span *text,
              struct sov_err *err)
{
    char key[160];
    int n, rc = 1;

    if (name != NULL) {
        n = snprintf(key, sizeof(key), KEY ".%s", name);
        if (n > 0 && (size_t)n < sizeof(key))
            rc = sov_meta_str(meta, key, text, err);
    }
    if (rc == 1)
        rc = sov_meta_str(meta, KEY, text, err);
    if (rc == 1)
        return sov_fail(err, SOV_EUNSUP,
                        "the model has no chat template (" KEY " is missing)");
    return rc;
}

/* ---- dialogs */

static int
no_memory(struct sov_err *err)
{
    return sov_mem_fail(err);
}

int
sov_dialog_new(sov_dialog **dialog, struct sov_err *err)
{
    sov_dialog *d = sov_mem_array(1, sizeof(*d));

    *dialog = NULL;
    if (d == NULL)
        return no_memory(err);
    d->messages = json_array();
    d->vars = json_object();
    d->gone = json_object();
    if (d->messages == NULL || d->vars == NULL || d->gone == NULL) {
        sov_dialog_free(d);
        return no_memory(err);
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

static int
check_messages(const json_t *messages, struct sov_err *err)
{
    size_t i;
    json_t *m;

    if (!json_is_array(messages))
        return sov_fail(err, SOV_EFORMAT, "the messages are not a JSON array");
    json_array_foreach(messages, i, m) if (
        !json_is_object(m) ||
        !json_is_string(json_object_get(
            m,
            "role"))) return sov_fail(err, SOV_EFORMAT,
                                      "message %zu is no object with a \"role\"",
                                      i + 1);
    return 0;
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
            return no_memory(err);
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

/* A JSON string; what is no UTF-8 becomes U+FFFD. */
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
        size_t n = sov_utf8_step(text + at, len - at, &cp);

        memcpy(clean + out, n > 0 ? text + at : "\xef\xbf\xbd", n > 0 ? n : 3);
        out += n > 0 ? n : 3;
        at += n > 0 ? n : 1;
    }
    json = json_stringn(clean, out);
    free(clean);
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
        return no_memory(err);
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

void
sov_dialog_cut(sov_dialog *d, size_t n)
{
    while (json_array_size(d->messages) > n)
        json_array_remove(d->messages, json_array_size(d->messages) - 1);
}

/* ---- rendering */

#define PRESETS 6

struct render {
    struct sov_jinja_var *var;
    json_t *own[PRESETS]; /* to be freed */
    size_t n_own;
    struct sov_jinja_opts opts;
};

static void
preset(struct render *r, const sov_dialog *d, const char *name, json_t *v)
{
    r->own[r->n_own++] = v;
    if (v != NULL && json_object_get(d->gone, name) == NULL)
        r->var[r->opts.n_var++] =
            (struct sov_jinja_var){ name, v, r->n_own > 1 };
}

static int
begin_render(struct render *r, const sov_dialog *d, json_t *messages,
             const struct sov_chat_opts *opts, struct sov_err *err)
{
    size_t n = json_object_size(d->vars) + PRESETS;
    char date[32];
    const char *name;
    json_t *v;

    *r = (struct render){
        .opts = { .key = "role", .words = roles, .now = opts->now }
    };
    r->var = sov_mem_array(n, sizeof(*r->var));
    if (r->var == NULL)
        return no_memory(err);
    r->opts.var = r->var;
    if (strftime(date, sizeof(date), "%d %b %Y", &opts->now) == 0)
        date[0] = '\0';
    preset(r, d, "messages", json_incref(messages));
    preset(r, d, "bos_token",
           json_string(opts->bos != NULL ? opts->bos : "<s>"));
    preset(r, d, "eos_token",
           json_string(opts->eos != NULL ? opts->eos : "</s>"));
    preset(r, d, "add_generation_prompt", json_boolean(opts->answer));
    preset(r, d, "enable_thinking", json_true());
    preset(r, d, "date_string", json_string(date));
    for (size_t i = 0; i < PRESETS; i++)
        if (r->own[i] == NULL)
            return no_memory(err);
    json_object_foreach(d->vars, name, v) r->var[r->opts.n_var++] =
        (struct sov_jinja_var){ name, v, false };
    return 0;
}

static int
render(const sov_chat *chat, const sov_dialog *d, json_t *messages,
       const struct sov_chat_opts *opts, struct sov_jinja_text *text,
       struct sov_err *err)
{
    struct render r;
    int rc = begin_render(&r, d, messages, opts, err);

    *text = (struct sov_jinja_text){ 0 };
    if (rc == 0)
        rc = sov_jinja_render(chat->jinja, &r.opts, text, err);
    for (size_t i = 0; i < PRESETS; i++)
        json_decref(r.own[i]);
    free(r.var);
    return rc;
}

/* a, a new line, and b */
static json_t *
two_lines(const json_t *a, const json_t *b)
{
    size_t n = json_string_length(a), m = json_string_length(b);
    char *both = sov_mem_array(n + m + 1, 1);
    json_t *out;

    if (both == NULL)
        return NULL;
    memcpy(both, json_string_value(a), n);
    both[n] = '\n';
    memcpy(both + n + 1, json_string_value(b), m);
    out = json_stringn(both, n + m + 1);
    free(both);
    return out;
}

/* The messages with that of the system, the first, at the beginning of that of
 * the user, the second; NULL if they are not so. */
static json_t *
merge_system(const json_t *messages)
{
    json_t *first = json_array_get(messages, 0);
    json_t *second = json_array_get(messages, 1);
    const char *role = json_string_value(json_object_get(first, "role"));
    const char *next = json_string_value(json_object_get(second, "role"));
    json_t *a = json_object_get(first, "content");
    json_t *b = json_object_get(second, "content");
    json_t *out, *m;

    if (role == NULL || strcmp(role, "system") != 0 || next == NULL ||
        strcmp(next, "user") != 0 || !json_is_string(a) || !json_is_string(b))
        return NULL;
    out = json_copy((json_t *)messages);
    m = json_copy(second);
    if (out == NULL || m == NULL ||
        json_object_set_new(m, "content", two_lines(a, b)) < 0 ||
        json_array_set(out, 1, m) < 0 || json_array_remove(out, 0) < 0) {
        json_decref(out);
        out = NULL;
    }
    json_decref(m);
    return out;
}

int
sov_chat_render(const sov_chat *chat, const sov_dialog *d,
                const struct sov_chat_opts *opts, struct sov_chat_text *text,
                struct sov_err *err)
{
    struct sov_jinja_text out;
    json_t *merged = NULL;
    int rc = render(chat, d, d->messages, opts, &out, err);

    *text = (struct sov_chat_text){ 0 };
    if (rc < 0 && out.refused)
        merged = merge_system(d->messages);
    if (merged != NULL) {
        struct sov_err again;

        /* what it says about the messages as they were given counts */
        if (render(chat, d, merged, opts, &out, &again) == 0)
            rc = 0;
        text->merged = rc == 0;
        json_decref(merged);
    }
    if (rc < 0)
        return rc;
    text->p = out.p;
    text->mark = out.mark;
    text->len = out.len;
    return 0;
}

void
sov_chat_text_free(struct sov_chat_text *text)
{
    free(text->p);
    free(text->mark);
    *text = (struct sov_chat_text){ 0 };
}
