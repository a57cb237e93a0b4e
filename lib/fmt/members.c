/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members.c - walking the members of a JSON object one by one
 *
 *   { "NAME" : { ... } , "NAME" : { ... } }
 *
 * Found here are the strings and the braces, no more.  What lies between the
 * braces of a value, and a name with a backslash in it, is for the parser to
 * judge.
 */
#include "fmt/members.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct sov_members
sov_members_of(struct sov_span text)
{
    struct sov_members ms = { { text.p + 1, text.len - 1 }, text.p, true };

    return ms;
}

static int
not_json(const struct sov_members *ms, const char *want, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT, "JSON, byte %zu: %s wanted",
                    (size_t)(ms->left.p - ms->start), want);
}

static void
step(struct sov_members *ms, size_t n)
{
    ms->left.p += n;
    ms->left.len -= n;
}

/* The next byte that is no white space; 0 at the end. */
static unsigned char
peek(struct sov_members *ms)
{
    while (ms->left.len > 0 && memchr(" \t\n\r", ms->left.p[0], 4) != NULL)
        step(ms, 1);
    return ms->left.len > 0 ? ms->left.p[0] : 0;
}

/* Bytes of the string at p, its quotes included; 0 if it does not end. */
static size_t
string_len(const unsigned char *p, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        if (p[i] == '\\')
            i++;
        else if (p[i] == '"')
            return i + 1;
    }
    return 0;
}

/* Bytes of the object at p; 0 if it does not end.  How deep it is, the parser
 * will say. */
static size_t
object_len(const unsigned char *p, size_t len)
{
    size_t depth = 0, n;

    for (size_t i = 0; i < len; i++) {
        if (p[i] == '"') {
            n = string_len(p + i, len - i);
            if (n == 0)
                return 0;
            i += n - 1;
        } else if (p[i] == '{' || p[i] == '[') {
            depth++;
        } else if ((p[i] == '}' || p[i] == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* A string as it stands in the text, in quotes, to the bytes it means. */
static int
decode_name(struct sov_span text, char **name, struct sov_err *err)
{
    json_t *list;
    char *wrapped;
    int rc;

    if (memchr(text.p, '\\', text.len) == NULL &&
        memchr(text.p, '\0', text.len) == NULL) {
        *name = sov_mem_dup(text.p + 1, text.len - 2);
        return *name == NULL ? sov_mem_fail(err) : 0;
    }
    wrapped = sov_mem_dup(text.p - 1, text.len + 2);
    if (wrapped == NULL)
        return sov_mem_fail(err);
    wrapped[0] = '[';
    wrapped[text.len + 1] = ']';
    rc = sov_json_parse(wrapped, text.len + 2, &list, err);
    free(wrapped);
    if (rc < 0)
        return rc;
    *name = sov_mem_dup(json_string_value(json_array_get(list, 0)),
                        json_string_length(json_array_get(list, 0)));
    json_decref(list);
    return *name == NULL ? sov_mem_fail(err) : 0;
}

static int
read_member(struct sov_members *ms, char **name, json_t **value,
            struct sov_err *err)
{
    size_t n;
    int rc;

    n = peek(ms) == '"' ? string_len(ms->left.p, ms->left.len) : 0;
    if (n == 0)
        return not_json(ms, "a name", err);
    rc = decode_name((struct sov_span){ ms->left.p, n }, name, err);
    if (rc < 0)
        return rc;
    step(ms, n);
    if (peek(ms) != ':')
        return not_json(ms, "a colon", err);
    step(ms, 1);
    n = peek(ms) == '{' ? object_len(ms->left.p, ms->left.len) : 0;
    if (n == 0)
        return not_json(ms, "a whole object", err);
    if (n > SOV_ST_ENTRY_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "has %zu bytes, the limit is %d", n,
                        (int)SOV_ST_ENTRY_MAX);
    rc = sov_json_parse(ms->left.p, n, value, err);
    if (rc < 0)
        return rc;
    step(ms, n);
    return 0;
}

int
sov_members_next(struct sov_members *ms, char **name, json_t **value,
                 struct sov_err *err)
{
    unsigned char next = peek(ms);
    int rc;

    *name = NULL;
    *value = NULL;
    if (next == '}' && ms->left.len == 1)
        return 1;
    if (!ms->first) {
        if (next != ',')
            return not_json(ms, "a comma or the end", err);
        step(ms, 1);
    }
    ms->first = false;
    rc = read_member(ms, name, value, err);
    if (rc < 0 && *name != NULL) {
        sov_err_wrap(err, "%.80s", *name);
        free(*name);
        *name = NULL;
    }
    return rc;
}
