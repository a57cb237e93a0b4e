/* SPDX-License-Identifier: Apache-2.0 */
/*
 * given.c - JSON as values of a template
 *
 * Strings are borrowed from the JSON, which outlives the render; those of
 * JSON that a template reads itself (from_json) are copied.
 */
#include "jinja/given.h"

#include "base/json.h"
#include "base/mem.h"
#include "jinja/method.h"

#include <stdlib.h>
#include <string.h>

#define DEEPER (SOV_JSON_DEPTH + 4)

struct level {
    const json_t *json;
    struct sov_jval v;
    size_t at;
    void *iter;
    const char *key; /* of the element that is being made */
};

static bool
is_word(const struct sov_jinja_opts *opts, const char *key, const json_t *j)
{
    const char *const *w = opts->words;

    if (w == NULL || key == NULL || strcmp(key, opts->key) != 0)
        return false;
    while (*w != NULL && strcmp(*w, json_string_value(j)) != 0)
        w++;
    return *w != NULL;
}

static struct sov_jval
string(struct sov_jrun *r, const char *p, size_t len, bool given, bool copy)
{
    struct sov_jtext t = { .r = r };

    if (!copy)
        return sov_jval_borrow(r, p, len, given);
    sov_jtext_add(&t, p, len, given);
    return sov_jtext_end(&t);
}

static struct sov_jval
scalar(struct sov_jrun *r, const json_t *j, bool given, bool copy)
{
    switch (json_typeof(j)) {
    case JSON_STRING:
        return string(r, json_string_value(j), json_string_length(j), given,
                      copy);
    case JSON_INTEGER:
        return sov_jval_int(json_integer_value(j));
    case JSON_REAL:
        return sov_jval_float(json_real_value(j));
    case JSON_TRUE:
    case JSON_FALSE:
        return sov_jval_bool(json_is_true(j));
    default:
        return J_VAL_NONE;
    }
}

/* The next element of a level, or NULL. */
static const json_t *
next(struct level *l)
{
    if (json_is_array(l->json))
        return json_array_get(l->json, l->at++);
    l->iter = l->at++ == 0 ? json_object_iter((json_t *)l->json)
                           : json_object_iter_next((json_t *)l->json, l->iter);
    if (l->iter == NULL)
        return NULL;
    l->key = json_object_iter_key(l->iter);
    return json_object_iter_value(l->iter);
}

/* JSON has no key twice, so there is nothing to look for. */
static void
add(struct sov_jrun *r, struct level *l, struct sov_jval v, bool given,
    bool copy)
{
    struct sov_jdict *d = l->v.u.dict;

    if (r->rc < 0)
        return;
    if (json_is_array(l->json)) {
        sov_jlist_add(r, l->v.u.list, v);
        return;
    }
    if (d->n == d->cap) {
        size_t cap = json_object_size(l->json);
        struct sov_jpair *p = sov_jrun_take(r, cap, sizeof(*p));

        if (p == NULL)
            return;
        d->v = p;
        d->cap = cap;
    }
    d->v[d->n++] =
        (struct sov_jpair){ string(r, l->key, strlen(l->key), given, copy), v };
}

static struct sov_jval
open_level(struct sov_jrun *r, struct level *l, const json_t *j)
{
    *l = (struct level){ .json = j };
    l->v =
        json_is_array(j) ? sov_jval_list(r, J_LIST) : sov_jval_dict(r, J_DICT);
    return l->v;
}

/* opts say which strings are the template's own, if not NULL. */
static struct sov_jval
convert(struct sov_jrun *r, const json_t *j, bool given, bool copy,
        const struct sov_jinja_opts *opts)
{
    struct level level[DEEPER];
    size_t n = 1;
    struct sov_jval out;

    if (!json_is_array(j) && !json_is_object(j))
        return scalar(r, j, given, copy);
    out = open_level(r, &level[0], j);
    while (n > 0 && r->rc == 0) {
        struct level *l = &level[n - 1];
        const char *key;

        j = next(l);
        key = json_is_object(l->json) ? l->key : NULL;
        if (j == NULL) {
            n--;
        } else if (!json_is_array(j) && !json_is_object(j)) {
            bool word =
                opts != NULL && json_is_string(j) && is_word(opts, key, j);

            add(r, l, scalar(r, j, given && !word, copy), given, copy);
        } else if (n == DEEPER) {
            sov_jrun_fail(r, SOV_EFORMAT, "values nested deeper than %d levels",
                          DEEPER);
        } else {
            add(r, l, open_level(r, &level[n], j), given, copy);
            n++;
        }
    }
    return out;
}

struct sov_jval
sov_jgiven(struct sov_jrun *r, const struct sov_jinja_var *var,
           const struct sov_jinja_opts *opts)
{
    return convert(r, var->json, !var->own, false, opts);
}

/* The parser wants an array or an object, so the text gets brackets. */
struct sov_jval
sov_jfilter_from_json(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jstr *s = sov_jself_str(r, a);
    struct sov_jval v = J_VAL_UNDEF;
    struct sov_err err = { 0 };
    json_t *json = NULL;
    char *text;

    if (!sov_jrun_charge(r, 1 + s->len / 8))
        return v;
    text = sov_mem_array(s->len + 2, 1);
    if (text == NULL) {
        r->rc = sov_mem_fail(r->err);
        return v;
    }
    text[0] = '[';
    memcpy(text + 1, s->p, s->len);
    text[s->len + 1] = ']';
    if (sov_json_parse(text, s->len + 2, &json, &err) < 0)
        sov_jrun_fail(r, SOV_EFORMAT, "from_json: %s", err.msg);
    else if (json_array_size(json) != 1)
        sov_jrun_fail(r, SOV_EFORMAT, "from_json: not one value");
    else
        v = convert(r, json_array_get(json, 0), s->given, true, NULL);
    json_decref(json);
    free(text);
    return v;
}
