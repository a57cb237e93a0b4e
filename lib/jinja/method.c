/* SPDX-License-Identifier: Apache-2.0 */
/*
 * method.c - arguments, and methods of lists, dicts and loops, as Python has
 * them
 */
#include "jinja/method.h"

#include <string.h>

/* ---- arguments */

struct sov_jval
sov_jarg(const struct sov_jargs *a, size_t i, const char *name)
{
    if (i < a->n)
        return a->pos[i];
    for (size_t k = 0; k < a->n_kw && name != NULL; k++)
        if (sov_jstr_is(a->kw[2 * k].u.str, name))
            return a->kw[2 * k + 1];
    return J_VAL_UNDEF;
}

const struct sov_jstr *
sov_jarg_str(struct sov_jrun *r, const struct sov_jargs *a, size_t i,
             const char *name)
{
    static const struct sov_jstr nothing = { "", NULL, 0, false };
    struct sov_jval v = sov_jarg(a, i, name);

    if (v.type == J_STR)
        return v.u.str;
    if (v.type == J_UNDEF && v.u.str == NULL)
        sov_jrun_fail(r, SOV_EFORMAT, "argument %zu is missing", i + 1);
    else if (sov_jval_defined(r, v))
        sov_jrun_fail(r, SOV_EFORMAT, "argument %zu is a %s, not a str", i + 1,
                      sov_jval_kind(v));
    return &nothing;
}

int64_t
sov_jarg_int(struct sov_jrun *r, const struct sov_jargs *a, size_t i,
             const char *name, int64_t preset)
{
    struct sov_jval v = sov_jarg(a, i, name);

    if (v.type == J_INT || v.type == J_BOOL)
        return v.u.i;
    if (v.type != J_UNDEF && v.type != J_NONE)
        sov_jrun_fail(r, SOV_EFORMAT, "argument %zu is a %s, not an int", i + 1,
                      sov_jval_kind(v));
    return preset;
}

bool
sov_jarg_bool(const struct sov_jargs *a, size_t i, const char *name,
              bool preset)
{
    struct sov_jval v = sov_jarg(a, i, name);

    return v.type == J_UNDEF ? preset : sov_jval_true(v);
}

const struct sov_jstr *
sov_jself_str(struct sov_jrun *r, const struct sov_jargs *a)
{
    static const struct sov_jstr nothing = { "", NULL, 0, false };
    struct sov_jval v = sov_jval_str(r, a->self);

    return v.type == J_STR ? v.u.str : &nothing;
}

/* ---- lists */

static struct sov_jval
list_append(struct sov_jrun *r, const struct sov_jargs *a)
{
    sov_jlist_add(r, a->self.u.list, sov_jarg(a, 0, NULL));
    return J_VAL_NONE;
}

static struct sov_jval
list_insert(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jlist *l = a->self.u.list;
    int64_t at = sov_jarg_int(r, a, 0, NULL, 0);
    int64_t n = (int64_t)l->n;

    at = at < 0 ? at + n : at;
    at = at < 0 ? 0 : at > n ? n : at;
    sov_jlist_add(r, l, J_VAL_NONE);
    if (r->rc < 0 || !sov_jrun_charge(r, (uint64_t)(n - at) / 8))
        return J_VAL_NONE;
    memmove(l->v + at + 1, l->v + at, (size_t)(n - at) * sizeof(*l->v));
    l->v[at] = sov_jarg(a, 1, NULL);
    return J_VAL_NONE;
}

static struct sov_jval
list_extend(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jlist *more = sov_jval_items(r, sov_jarg(a, 0, NULL));
    size_t n = more != NULL ? more->n : 0;

    for (size_t i = 0; i < n && r->rc == 0; i++)
        sov_jlist_add(r, a->self.u.list, more->v[i]);
    return J_VAL_NONE;
}

static struct sov_jval
list_pop(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jlist *l = a->self.u.list;
    int64_t at = sov_jarg_int(r, a, 0, NULL, -1);
    struct sov_jval v;

    at = at < 0 ? at + (int64_t)l->n : at;
    if (at < 0 || at >= (int64_t)l->n) {
        sov_jrun_fail(r, SOV_EFORMAT, "pop of what is not in the list");
        return J_VAL_UNDEF;
    }
    sov_jrun_charge(r, (l->n - (size_t)at) / 8);
    v = l->v[at];
    l->n--;
    memmove(l->v + at, l->v + at + 1, (l->n - (size_t)at) * sizeof(*l->v));
    return v;
}

static struct sov_jval
list_clear(struct sov_jrun *r, const struct sov_jargs *a)
{
    (void)r;
    a->self.u.list->n = 0;
    return J_VAL_NONE;
}

static struct sov_jval
list_copy(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval out = sov_jval_list(r, J_LIST);
    struct sov_jargs to = { .self = out, .pos = &a->self, .n = 1 };

    if (r->rc == 0)
        list_extend(r, &to);
    return out;
}

static struct sov_jval
list_reverse(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jlist *l = a->self.u.list;

    sov_jrun_charge(r, l->n / 8);
    for (size_t i = 0; i < l->n / 2; i++) {
        struct sov_jval x = l->v[i];

        l->v[i] = l->v[l->n - 1 - i];
        l->v[l->n - 1 - i] = x;
    }
    return J_VAL_NONE;
}

static struct sov_jval
list_index(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jlist *l = a->self.u.list;

    for (size_t i = 0; i < l->n && sov_jrun_charge(r, 1); i++)
        if (sov_jval_equal(r, l->v[i], sov_jarg(a, 0, NULL)))
            return sov_jval_int((int64_t)i);
    sov_jrun_fail(r, SOV_EFORMAT, "the value is not in the list");
    return J_VAL_UNDEF;
}

static struct sov_jval
list_count(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jlist *l = a->self.u.list;
    int64_t n = 0;

    for (size_t i = 0; i < l->n && sov_jrun_charge(r, 1); i++)
        n += sov_jval_equal(r, l->v[i], sov_jarg(a, 0, NULL));
    return sov_jval_int(n);
}

static struct sov_jval
list_remove(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval at = list_index(r, a);
    struct sov_jargs with = { .self = a->self, .pos = &at, .n = 1 };

    if (r->rc == 0)
        list_pop(r, &with);
    return J_VAL_NONE;
}

/* ---- dicts */

static struct sov_jval
dict_get(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jpair *p =
        sov_jdict_get(r, a->self.u.dict, sov_jarg(a, 0, NULL));
    struct sov_jval preset = sov_jarg(a, 1, "default");

    if (p != NULL)
        return p->val;
    return preset.type == J_UNDEF && a->n < 2 && a->n_kw == 0 ? J_VAL_NONE
                                                              : preset;
}

static struct sov_jval
dict_items(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jdict *d = a->self.u.dict;
    struct sov_jval out = sov_jval_list(r, J_LIST);

    for (size_t i = 0; i < d->n && r->rc == 0; i++)
        sov_jlist_add(r, out.u.list,
                      sov_jval_pair(r, d->v[i].key, d->v[i].val));
    return out;
}

static struct sov_jval
dict_keys(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jdict *d = a->self.u.dict;
    struct sov_jval out = sov_jval_list(r, J_LIST);

    for (size_t i = 0; i < d->n && r->rc == 0; i++)
        sov_jlist_add(r, out.u.list, d->v[i].key);
    return out;
}

static struct sov_jval
dict_values(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jdict *d = a->self.u.dict;
    struct sov_jval out = sov_jval_list(r, J_LIST);

    for (size_t i = 0; i < d->n && r->rc == 0; i++)
        sov_jlist_add(r, out.u.list, d->v[i].val);
    return out;
}

static struct sov_jval
dict_pop(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jdict *d = a->self.u.dict;
    struct sov_jpair *p = sov_jdict_get(r, d, sov_jarg(a, 0, NULL));
    struct sov_jval v;
    size_t at;

    if (p == NULL) {
        if (a->n < 2)
            sov_jrun_fail(r, SOV_EFORMAT, "pop of what is not in the dict");
        return sov_jarg(a, 1, NULL);
    }
    v = p->val;
    at = (size_t)(p - d->v);
    d->n--;
    memmove(p, p + 1, (d->n - at) * sizeof(*p));
    return v;
}

static struct sov_jval
dict_clear(struct sov_jrun *r, const struct sov_jargs *a)
{
    (void)r;
    a->self.u.dict->n = 0;
    return J_VAL_NONE;
}

static struct sov_jval
dict_update(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval v = sov_jarg(a, 0, NULL);
    size_t n = v.type == J_DICT ? v.u.dict->n : 0;

    if (v.type != J_DICT && v.type != J_UNDEF)
        sov_jrun_fail(r, SOV_EFORMAT, "a dict is updated with a %s",
                      sov_jval_kind(v));
    for (size_t i = 0; i < n && r->rc == 0; i++)
        sov_jdict_set(r, a->self.u.dict, v.u.dict->v[i].key,
                      v.u.dict->v[i].val);
    for (size_t k = 0; k < a->n_kw && r->rc == 0; k++)
        sov_jdict_set(r, a->self.u.dict, a->kw[2 * k], a->kw[2 * k + 1]);
    return J_VAL_NONE;
}

static struct sov_jval
dict_setdefault(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval key = sov_jarg(a, 0, NULL);
    struct sov_jpair *p = sov_jdict_get(r, a->self.u.dict, key);
    struct sov_jval v = a->n < 2 ? J_VAL_NONE : a->pos[1];

    if (p != NULL)
        return p->val;
    sov_jdict_set(r, a->self.u.dict, key, v);
    return v;
}

static struct sov_jval
dict_copy(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval out = sov_jval_dict(r, J_DICT);
    struct sov_jargs to = { .self = out, .pos = &a->self, .n = 1 };

    if (r->rc == 0)
        dict_update(r, &to);
    return out;
}

/* ---- loops and cyclers */

static struct sov_jval
loop_cycle(struct sov_jrun *r, const struct sov_jargs *a)
{
    if (a->n == 0) {
        sov_jrun_fail(r, SOV_EFORMAT, "nothing to cycle through");
        return J_VAL_UNDEF;
    }
    return a->pos[a->self.u.loop->at % a->n];
}

static struct sov_jval
loop_changed(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jloop *l = a->self.u.loop;
    struct sov_jval now = sov_jval_list(r, J_TUPLE);
    bool same;

    for (size_t i = 0; i < a->n && r->rc == 0; i++)
        sov_jlist_add(r, now.u.list, a->pos[i]);
    same = l->seen && sov_jval_equal(r, l->last, now);
    l->last = now;
    l->seen = true;
    return sov_jval_bool(!same);
}

static struct sov_jval
cycle_next(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jcycle *c = a->self.u.cycle;

    (void)r;
    return c->items->n > 0 ? c->items->v[c->at++ % c->items->n] : J_VAL_UNDEF;
}

static struct sov_jval
cycle_reset(struct sov_jrun *r, const struct sov_jargs *a)
{
    (void)r;
    a->self.u.cycle->at = 0;
    return J_VAL_NONE;
}

/* ---- by name */

static const struct sov_jfn of_list[] = {
    J_FN("append", list_append),   J_FN("pop", list_pop),
    J_FN("insert", list_insert),   J_FN("extend", list_extend),
    J_FN("index", list_index),     J_FN("count", list_count),
    J_FN("copy", list_copy),       J_FN("clear", list_clear),
    J_FN("reverse", list_reverse), J_FN("remove", list_remove),
};

static const struct sov_jfn of_tuple[] = {
    J_FN("index", list_index),
    J_FN("count", list_count),
};

static const struct sov_jfn of_dict[] = {
    J_FN("get", dict_get),     J_FN("items", dict_items),
    J_FN("keys", dict_keys),   J_FN("values", dict_values),
    J_FN("pop", dict_pop),     J_FN("update", dict_update),
    J_FN("copy", dict_copy),   J_FN("setdefault", dict_setdefault),
    J_FN("clear", dict_clear),
};

static const struct sov_jfn of_loop[] = {
    J_FN("cycle", loop_cycle),
    J_FN("changed", loop_changed),
};

static const struct sov_jfn of_cycle[] = {
    J_FN("next", cycle_next),
    J_FN("reset", cycle_reset),
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct sov_jfn *
sov_jfn_find(const struct sov_jfn *fn, size_t n, const struct sov_jstr *name)
{
    for (size_t i = 0; i < n; i++)
        if (fn[i].len == name->len &&
            memcmp(fn[i].name, name->p, name->len) == 0)
            return &fn[i];
    return NULL;
}

const struct sov_jfn *
sov_jmethod_find(int type, const struct sov_jstr *name)
{
    switch (type) {
    case J_STR:
        return sov_jmethod_str_find(name);
    case J_LIST:
        return sov_jfn_find(of_list, COUNT(of_list), name);
    case J_TUPLE:
        return sov_jfn_find(of_tuple, COUNT(of_tuple), name);
    case J_DICT:
        return sov_jfn_find(of_dict, COUNT(of_dict), name);
    case J_LOOP:
        return sov_jfn_find(of_loop, COUNT(of_loop), name);
    case J_CYCLE:
        return sov_jfn_find(of_cycle, COUNT(of_cycle), name);
    default:
        return NULL;
    }
}
