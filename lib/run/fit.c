/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit.c - messages in the form that a template understands
 *
 * Programs write messages in several ways, and a template knows some of them.
 * They are rendered as they were given.  Only where that fails, or shows that
 * something was not understood, the same is said in another form, and that is
 * taken if it comes out whole:
 *
 *   role developer     system, if the template has no such word
 *   content            a list of texts as one text, one text as a list
 *   arguments          of calls: an object as its text, a text as its object
 *   content null       ""
 *   role system        refused: at the beginning of what the user says first
 *
 * Whether something was understood is seen in the text: what a user says is
 * in it, and nothing in it looks as Python shows a list or a dict.
 */
#include "run/dialog.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct attempt {
    json_t *messages; /* owned */
    struct sov_jinja_text text;
    struct sov_err err;
    int rc;
};

struct fit {
    uint64_t steps; /* of all attempts together */
    const sov_chat *chat;
    const sov_dialog *dialog;
    const struct sov_chat_opts *opts;
    struct attempt best;
};

/* Takes messages; NULL: out of memory. */
static struct attempt
attempt(struct fit *f, json_t *messages)
{
    struct attempt a = { .messages = messages };

    if (messages == NULL)
        a.rc = sov_mem_fail(&a.err);
    else
        a.rc = sov_chat_try(f->chat, f->dialog, messages, f->opts, &f->steps,
                            &a.text, &a.err);
    return a;
}

static void
drop(struct attempt *a)
{
    sov_jinja_text_free(&a->text);
    json_decref(a->messages);
}

/* The better one of both stays. */
static void
settle(struct fit *f, struct attempt *a, bool better)
{
    if (better) {
        drop(&f->best);
        f->best = *a;
    } else {
        drop(a);
    }
}

/* ---- what is in a text */

static bool
has(const struct attempt *a, const char *p, size_t len)
{
    return a->rc == 0 && memmem(a->text.p, a->text.len, p, len) != NULL;
}

static bool
has_str(const struct attempt *a, const char *text)
{
    return has(a, text, strlen(text));
}

/* How often the template itself says None, which is how it shows null. */
static size_t
count_none(const struct attempt *a)
{
    size_t n = 0;

    for (size_t i = 0; a->rc == 0 && i + 4 <= a->text.len; i++)
        n += !a->text.mark[i] && memcmp(a->text.p + i, "None", 4) == 0;
    return n;
}

/* A piece of text that no filter changes: the beginning of its first word. */
static size_t
find_word(const char **text)
{
    const char *p = *text + strspn(*text, " \t\r\n\"'\\<>&");
    size_t n = strcspn(p, " \t\r\n\"'\\<>&");

    *text = p;
    return n < 24 ? n : 24;
}

/* ---- content: one text or a list of texts */

static const char *
part_text(const json_t *part)
{
    const char *type = json_string_value(json_object_get(part, "type"));

    if (type == NULL || strcmp(type, "text") != 0)
        return NULL;
    return json_string_value(json_object_get(part, "text"));
}

/* Is it a list of texts, with one at least? */
static bool
is_parts(const json_t *content)
{
    for (size_t i = 0; i < json_array_size(content); i++)
        if (part_text(json_array_get(content, i)) == NULL)
            return false;
    return json_array_size(content) > 0;
}

static json_t *
join_parts(const json_t *content)
{
    size_t n = json_array_size(content), len = 0, at = 0;
    json_t *out;
    char *all;

    for (size_t i = 0; i < n; i++)
        len += strlen(part_text(json_array_get(content, i))) + 1;
    all = sov_mem_array(len, 1);
    if (all == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const char *text = part_text(json_array_get(content, i));

        if (i > 0)
            all[at++] = '\n';
        memcpy(all + at, text, strlen(text));
        at += strlen(text);
    }
    out = json_stringn(all, at);
    free(all);
    return out;
}

static json_t *
other_content(const json_t *content)
{
    if (is_parts(content))
        return join_parts(content);
    return json_pack("[{s:s,s:O}]", "type", "text", "text", content);
}

/* A copy in which the content of all messages that are so has the other form;
 * NULL if there are none. */
static json_t *
change_content(const json_t *messages, bool parts)
{
    json_t *out = json_copy((json_t *)messages);
    bool any = false;
    size_t i;
    json_t *m;

    json_array_foreach(messages, i, m)
    {
        const json_t *content = json_object_get(m, "content");
        json_t *copy;

        if (parts ? !is_parts(content) : !json_is_string(content))
            continue;
        any = true;
        copy = json_copy(m);
        if (copy == NULL ||
            json_object_set_new(copy, "content", other_content(content)) < 0 ||
            json_array_set_new(out, i, json_incref(copy)) < 0) {
            json_decref(copy);
            json_decref(out);
            return NULL;
        }
        json_decref(copy);
    }
    if (any)
        return out;
    json_decref(out);
    return NULL;
}

/* What a user said last, as a text. */
static const char *
last_words(const json_t *messages)
{
    for (size_t i = json_array_size(messages); i > 0; i--) {
        const json_t *m = json_array_get(messages, i - 1);
        const char *role = json_string_value(json_object_get(m, "role"));
        const json_t *content = json_object_get(m, "content");

        if (role == NULL || strcmp(role, "user") != 0)
            continue;
        if (is_parts(content))
            return part_text(json_array_get(content, 0));
        return json_string_value(content);
    }
    return NULL;
}

static bool
any_parts(const json_t *messages)
{
    for (size_t i = 0; i < json_array_size(messages); i++)
        if (is_parts(json_object_get(json_array_get(messages, i), "content")))
            return true;
    return false;
}

/* Is what the user said there, and no list that Python or JSON shows? */
static bool
understood(const struct attempt *a)
{
    const char *word = last_words(a->messages);
    size_t n = word != NULL ? find_word(&word) : 0;

    return a->rc == 0 && (n == 0 || has(a, word, n)) &&
           !has_str(a, "'type': 'text'") && !has_str(a, "\"type\": \"text\"") &&
           !has_str(a, "\"type\":\"text\"");
}

static void
fit_content(struct fit *f)
{
    struct attempt a;
    json_t *other;

    if (understood(&f->best))
        return;
    other = change_content(f->best.messages, any_parts(f->best.messages));
    if (other == NULL)
        return;
    a = attempt(f, other);
    settle(f, &a,
           understood(&a) ||
               (f->best.rc < 0 && !f->best.text.refused && a.text.refused));
}

/* ---- arguments of calls: an object or its text */

static json_t *
call_args(const json_t *call, json_t **holder)
{
    json_t *function = json_object_get(call, "function");

    *holder = function != NULL ? function : (json_t *)call;
    return json_object_get(*holder, "arguments");
}

/* The other form of arguments, or NULL if they have none. */
static json_t *
other_args(const json_t *args, bool to_object)
{
    json_t *out = NULL;
    char *text;

    if (to_object && json_is_string(args)) {
        if (sov_json_parse(json_string_value(args), json_string_length(args),
                           &out, NULL) < 0 ||
            !json_is_object(out)) {
            json_decref(out);
            return NULL;
        }
        return out;
    }
    if (to_object || !json_is_object(args))
        return NULL;
    text = json_dumps(args, 0);
    out = text != NULL ? json_string(text) : NULL;
    free(text);
    return out;
}

/* Change the arguments of all calls of m, a copy that is nobody else's. */
static bool
change_calls(json_t *m, bool to_object)
{
    const json_t *calls = json_object_get(m, "tool_calls");
    bool any = false;

    for (size_t i = 0; i < json_array_size(calls); i++) {
        json_t *holder;
        json_t *args = call_args(json_array_get(calls, i), &holder);
        json_t *other = other_args(args, to_object);

        if (other != NULL &&
            json_object_set_new(holder, "arguments", other) == 0)
            any = true;
    }
    return any;
}

static json_t *
change_args(const json_t *messages, bool to_object)
{
    json_t *out = json_deep_copy(messages);
    bool any = false;

    for (size_t i = 0; i < json_array_size(out); i++)
        any |= change_calls(json_array_get(out, i), to_object);
    if (any)
        return out;
    json_decref(out);
    return NULL;
}

/* The arguments of the first call that has some with a name in them. */
static json_t *
first_args(const json_t *messages)
{
    for (size_t i = 0; i < json_array_size(messages); i++) {
        const json_t *calls =
            json_object_get(json_array_get(messages, i), "tool_calls");

        for (size_t k = 0; k < json_array_size(calls); k++) {
            json_t *holder;
            json_t *args = call_args(json_array_get(calls, k), &holder);

            if (json_is_string(args) || json_object_size(args) > 0)
                return args;
        }
    }
    return NULL;
}

static size_t
count(const struct attempt *a, const char *before, const char *key,
      const char *after)
{
    char what[64];
    size_t len, n = 0;

    snprintf(what, sizeof(what), "%s%s%s", before, key, after);
    len = strlen(what);
    for (size_t at = 0; at + len <= a->text.len; n++) {
        const char *p = memmem(a->text.p + at, a->text.len - at, what, len);

        if (p == NULL)
            break;
        at = (size_t)(p - a->text.p) + len;
    }
    return n;
}

/*
 * Does a say the arguments better than b?  It shows them less often as Python
 * shows a dict, or as JSON shows a text that is in another; or it has them
 * where b has not.
 */
static bool
says_better(const struct attempt *a, const struct attempt *b, const char *key)
{
    size_t x = count(a, "{'", key, "'") + count(a, "\\\"", key, "\\\"");
    size_t y = count(b, "{'", key, "'") + count(b, "\\\"", key, "\\\"");

    if (a->rc < 0 || b->rc < 0)
        return a->rc == 0;
    if (x != y)
        return x < y;
    return count(a, "", key, "") > count(b, "", key, "");
}

static void
fit_args(struct fit *f)
{
    json_t *args = first_args(f->best.messages);
    bool to_object = json_is_string(args);
    json_t *object, *other;
    char key[48] = "";
    struct attempt a;

    if (args == NULL)
        return;
    object = to_object ? other_args(args, true) : json_incref(args);
    if (json_object_size(object) > 0)
        snprintf(key, sizeof(key), "%s",
                 json_object_iter_key(json_object_iter(object)));
    json_decref(object);
    other = key[0] != '\0' ? change_args(f->best.messages, to_object) : NULL;
    if (other == NULL)
        return;
    a = attempt(f, other);
    settle(f, &a, says_better(&a, &f->best, key));
}

/* ---- content that is not there */

/* Messages without content, or with null, say "". */
static json_t *
fill_content(const json_t *messages)
{
    json_t *out = json_deep_copy(messages);
    bool any = false;

    for (size_t i = 0; i < json_array_size(out); i++) {
        json_t *m = json_array_get(out, i);
        const json_t *content = json_object_get(m, "content");

        if ((content == NULL || json_is_null(content)) &&
            json_object_set_new(m, "content", json_string("")) == 0)
            any = true;
    }
    if (any)
        return out;
    json_decref(out);
    return NULL;
}

static void
fit_nothing(struct fit *f)
{
    bool fails = f->best.rc < 0;
    size_t n = count_none(&f->best);
    struct attempt a;
    json_t *other;

    other = fails || n > 0 ? fill_content(f->best.messages) : NULL;
    if (other == NULL)
        return;
    a = attempt(f, other);
    settle(f, &a, a.rc == 0 && (fails || count_none(&a) < n));
}

/* ---- roles that a template does not know */

static json_t *
rename_developer(const json_t *messages)
{
    json_t *out = json_deep_copy(messages);

    for (size_t i = 0; i < json_array_size(out); i++) {
        json_t *m = json_array_get(out, i);
        const char *role = json_string_value(json_object_get(m, "role"));

        if (role != NULL && strcmp(role, "developer") == 0 &&
            json_object_set_new(m, "role", json_string("system")) < 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

static bool
has_developer(const json_t *messages)
{
    for (size_t i = 0; i < json_array_size(messages); i++) {
        const char *role = json_string_value(
            json_object_get(json_array_get(messages, i), "role"));

        if (role != NULL && strcmp(role, "developer") == 0)
            return true;
    }
    return false;
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

static void
fit_system(struct fit *f, bool *merged)
{
    struct attempt a;
    json_t *other = NULL;

    if (f->best.rc < 0 && f->best.text.refused)
        other = merge_system(f->best.messages);
    if (other == NULL)
        return;
    a = attempt(f, other);
    *merged = a.rc == 0;
    /* what it says about the messages as they were given counts */
    settle(f, &a, a.rc == 0);
}

int
sov_chat_render(const sov_chat *chat, const sov_dialog *d,
                const struct sov_chat_opts *opts, struct sov_chat_text *text,
                struct sov_err *err)
{
    struct fit f = { .chat = chat, .dialog = d, .opts = opts };
    bool rename = has_developer(d->messages) &&
                  !sov_jinja_mentions(chat->jinja, "developer");
    bool merged = false;
    int rc;

    *text = (struct sov_chat_text){ 0 };
    f.best = attempt(&f, rename ? rename_developer(d->messages)
                                : json_incref(d->messages));
    fit_content(&f);
    fit_args(&f);
    fit_nothing(&f);
    fit_system(&f, &merged);
    rc = f.best.rc;
    if (rc < 0 && err != NULL)
        *err = f.best.err;
    if (rc == 0)
        *text = (struct sov_chat_text){ f.best.text.p, f.best.text.mark,
                                        f.best.text.len, merged };
    json_decref(f.best.messages);
    return rc;
}
