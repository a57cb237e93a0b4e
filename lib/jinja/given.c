/* SPDX-License-Identifier: Apache-2.0 */
/*
 * given.c - JSON as values of a template
 *
 * Strings are borrowed from the JSON, which outlives the render.
 */
#include "jinja/given.h"

#include "base/json.h"

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
scalar(struct sov_jrun *r, const json_t *j, bool given)
{
    switch (json_typeof(j)) {
    case JSON_STRING:
        return sov_jval_borrow(r, json_string_value(j), json_string_length(j),
                               given);
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
add(struct sov_jrun *r, struct level *l, struct sov_jval v, bool own)
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
        (struct sov_jpair){ sov_jval_borrow(r, l->key, strlen(l->key), !own),
                            v };
}

static struct sov_jval
open_level(struct sov_jrun *r, struct level *l, const json_t *j)
{
    *l = (struct level){ .json = j };
    l->v =
        json_is_array(j) ? sov_jval_list(r, J_LIST) : sov_jval_dict(r, J_DICT);
    return l->v;
}

struct sov_jval
sov_jgiven(struct sov_jrun *r, const struct sov_jinja_var *var,
           const struct sov_jinja_opts *opts)
{
    struct level level[DEEPER];
    const json_t *j = var->json;
    size_t n = 1;
    struct sov_jval out;

    if (!json_is_array(j) && !json_is_object(j))
        return scalar(r, j, !var->own);
    out = open_level(r, &level[0], j);
    while (n > 0 && r->rc == 0) {
        struct level *l = &level[n - 1];
        const char *key;

        j = next(l);
        key = json_is_object(l->json) ? l->key : NULL;
        if (j == NULL) {
            n--;
        } else if (!json_is_array(j) && !json_is_object(j)) {
            bool own = var->own || (json_is_string(j) && is_word(opts, key, j));

            add(r, l, scalar(r, j, !own), var->own);
        } else if (n == DEEPER) {
            sov_jrun_fail(r, SOV_EFORMAT, "'%s' is nested too deep", var->name);
        } else {
            add(r, l, open_level(r, &level[n], j), var->own);
            n++;
        }
    }
    return out;
}
