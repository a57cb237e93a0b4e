/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_list.c - filters of lists, and of all that has items
 */
#include "jinja/method.h"

#include <string.h>

/* ---- parts of items: attribute='a.b' or attribute=0 */

static struct sov_jval
attribute(struct sov_jrun *r, struct sov_jval v, struct sov_jval path)
{
    const struct sov_jstr *s = path.u.str;

    if (path.type == J_INT)
        return sov_jval_at(r, v, path);
    if (path.type != J_STR)
        return v;
    for (size_t at = 0; at <= s->len && r->rc == 0;) {
        const char *dot = memchr(s->p + at, '.', s->len - at);
        size_t end = dot != NULL ? (size_t)(dot - s->p) : s->len;
        struct sov_jval key = sov_jval_part(r, s, at, end - at);

        if (end - at == 1 && s->p[at] >= '0' && s->p[at] <= '9')
            key = sov_jval_int(s->p[at] - '0');
        if (r->rc == 0)
            v = sov_jval_at(r, v, key);
        at = end + 1;
    }
    return v;
}

/* The value an item is sorted by. */
static struct sov_jval
sort_key(struct sov_jrun *r, struct sov_jval v, struct sov_jval path,
         bool exact)
{
    v = attribute(r, v, path);
    return v.type == J_STR && !exact ? sov_jstr_case(r, v.u.str, CASE_LOWER)
                                     : v;
}

/* ---- sorting */

struct item {
    struct sov_jval key;
    struct sov_jval v;
};

/* By merging; equal items stay in order, backwards too. */
static void
sort_items(struct sov_jrun *r, struct item *v, size_t n, bool backwards)
{
    struct item *to = sov_jrun_take(r, n + 1, sizeof(*to));

    for (size_t width = 1; width < n && r->rc == 0; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            size_t mid = at + width < n ? at + width : n;
            size_t end = at + 2 * width < n ? at + 2 * width : n;
            size_t i = at, k = mid;

            for (size_t o = at; o < end && sov_jrun_charge(r, 1); o++) {
                bool second = i == mid;

                if (i < mid && k < end) {
                    int c = sov_jval_order(r, v[i].key, v[k].key);

                    second = backwards ? c < 0 : c > 0;
                }
                to[o] = second ? v[k++] : v[i++];
            }
        }
        if (r->rc == 0)
            memcpy(v, to, n * sizeof(*v));
    }
}

static struct sov_jval
sorted(struct sov_jrun *r, const struct sov_jlist *l, struct sov_jval path,
       struct sov_jval preset, bool backwards, bool exact)
{
    struct sov_jval out = sov_jval_list(r, J_LIST);
    size_t n = l != NULL ? l->n : 0;
    struct item *v = sov_jrun_take(r, n + 1, sizeof(*v));

    for (size_t i = 0; i < n && r->rc == 0; i++) {
        struct sov_jval key = sort_key(r, l->v[i], path, exact);

        v[i] = (struct item){ key.type == J_UNDEF ? preset : key, l->v[i] };
    }
    if (r->rc == 0)
        sort_items(r, v, n, backwards);
    for (size_t i = 0; i < n && r->rc == 0; i++)
        sov_jlist_add(r, out.u.list, v[i].v);
    return out;
}

static struct sov_jval
f_sort(struct sov_jrun *r, const struct sov_jargs *a)
{
    return sorted(r, sov_jval_items(r, a->self), sov_jarg(a, 2, "attribute"),
                  J_VAL_UNDEF, sov_jarg_bool(a, 0, "reverse", false),
                  sov_jarg_bool(a, 1, "case_sensitive", false));
}

static struct sov_jval
f_dictsort(struct sov_jrun *r, const struct sov_jargs *a)
{
    static const struct sov_jstr name = { "items", NULL, 5, false };
    struct sov_jval by = sov_jarg(a, 1, "by");
    bool value = by.type == J_STR && sov_jstr_is(by.u.str, "value");
    struct sov_jval items;

    if (a->self.type != J_DICT) {
        if (sov_jval_defined(r, a->self))
            sov_jrun_fail(r, SOV_EFORMAT, "dictsort of a %s",
                          sov_jval_kind(a->self));
        return J_VAL_UNDEF;
    }
    items = sov_jmethod_find(J_DICT, &name)->call(r, a);
    if (r->rc < 0)
        return items;
    return sorted(r, items.u.list, sov_jval_int(value), J_VAL_UNDEF,
                  sov_jarg_bool(a, 2, "reverse", false),
                  sov_jarg_bool(a, 0, "case_sensitive", false));
}

static struct sov_jval
extreme(struct sov_jrun *r, const struct sov_jargs *a, int sign)
{
    struct sov_jlist *l = sov_jval_items(r, a->self);
    bool exact = sov_jarg_bool(a, 0, "case_sensitive", false);
    struct sov_jval path = sov_jarg(a, 1, "attribute");
    struct sov_jval best = J_VAL_UNDEF, best_key = J_VAL_UNDEF;

    for (size_t i = 0; l != NULL && i < l->n && sov_jrun_charge(r, 1); i++) {
        struct sov_jval key = sort_key(r, l->v[i], path, exact);

        if (i == 0 || sov_jval_order(r, key, best_key) * sign > 0) {
            best = l->v[i];
            best_key = key;
        }
    }
    return best;
}

static struct sov_jval
f_min(struct sov_jrun *r, const struct sov_jargs *a)
{
    return extreme(r, a, -1);
}

static struct sov_jval
f_max(struct sov_jrun *r, const struct sov_jargs *a)
{
    return extreme(r, a, 1);
}

static struct sov_jval
f_unique(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jlist *l = sov_jval_items(r, a->self);
    bool exact = sov_jarg_bool(a, 0, "case_sensitive", false);
    struct sov_jval path = sov_jarg(a, 1, "attribute");
    struct sov_jval out = sov_jval_list(r, J_LIST);
    struct sov_jval seen = sov_jval_list(r, J_LIST);

    for (size_t i = 0; l != NULL && i < l->n && r->rc == 0; i++) {
        struct sov_jval key = sort_key(r, l->v[i], path, exact);

        if (sov_jval_in(r, key, seen))
            continue;
        sov_jlist_add(r, seen.u.list, key);
        sov_jlist_add(r, out.u.list, l->v[i]);
    }
    return out;
}

/* ---- choosing and changing items */

/* What is false has no items to choose from, whatever it is. */
static struct sov_jlist *
items_of(struct sov_jrun *r, struct sov_jval v)
{
    return sov_jval_true(v) ? sov_jval_items(r, v) : NULL;
}

/* A test by the name in argument i, with the arguments behind it. */
static bool
passes(struct sov_jrun *r, struct sov_jval v, const struct sov_jargs *a,
       size_t i)
{
    const struct sov_jstr *name;
    const struct sov_jfn *fn;
    struct sov_jargs with = { .self = v };

    if (i >= a->n)
        return sov_jval_true(v);
    name = sov_jarg_str(r, a, i, NULL);
    fn = sov_jtest_find(name);
    with.pos = a->pos + i + 1;
    with.n = a->n - i - 1;
    with.kw = a->kw;
    with.n_kw = a->n_kw;
    if (fn == NULL) {
        sov_jrun_fail(r, SOV_EUNSUP, "there is no test '%.*s'",
                      (int)(name->len < 60 ? name->len : 60), name->p);
        return false;
    }
    return sov_jval_true(fn->call(r, &with));
}

static struct sov_jval
choose(struct sov_jrun *r, const struct sov_jargs *a, bool by_attr, bool want)
{
    struct sov_jlist *l = items_of(r, a->self);
    struct sov_jval path = by_attr ? sov_jarg(a, 0, NULL) : J_VAL_UNDEF;
    struct sov_jval out = sov_jval_list(r, J_LIST);

    for (size_t i = 0; l != NULL && i < l->n && sov_jrun_charge(r, 2); i++)
        if (passes(r, attribute(r, l->v[i], path), a, by_attr) == want)
            sov_jlist_add(r, out.u.list, l->v[i]);
    return out;
}

static struct sov_jval
f_select(struct sov_jrun *r, const struct sov_jargs *a)
{
    return choose(r, a, false, true);
}

static struct sov_jval
f_reject(struct sov_jrun *r, const struct sov_jargs *a)
{
    return choose(r, a, false, false);
}

static struct sov_jval
f_selectattr(struct sov_jrun *r, const struct sov_jargs *a)
{
    return choose(r, a, true, true);
}

static struct sov_jval
f_rejectattr(struct sov_jrun *r, const struct sov_jargs *a)
{
    return choose(r, a, true, false);
}

/* A filter by the name in argument 0, to one item. */
static struct sov_jval
filtered(struct sov_jrun *r, struct sov_jval v, const struct sov_jargs *a)
{
    const struct sov_jstr *name = sov_jarg_str(r, a, 0, NULL);
    const struct sov_jfn *fn = sov_jfilter_find(name);
    struct sov_jargs with = { v, a->pos + 1, a->n - 1, a->kw, a->n_kw };

    if (fn == NULL || r->nested > 4) {
        sov_jrun_fail(r, SOV_EUNSUP, "there is no filter '%.*s' here",
                      (int)(name->len < 60 ? name->len : 60), name->p);
        return J_VAL_UNDEF;
    }
    r->nested++;
    v = fn->call(r, &with);
    r->nested--;
    return v;
}

static struct sov_jval
f_map(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jlist *l = items_of(r, a->self);
    struct sov_jval path = sov_jarg(a, SIZE_MAX, "attribute");
    struct sov_jval preset = sov_jarg(a, SIZE_MAX, "default");
    struct sov_jval out = sov_jval_list(r, J_LIST);

    if (a->n == 0 && path.type == J_UNDEF)
        sov_jrun_fail(r, SOV_EFORMAT, "map without a filter");
    for (size_t i = 0; l != NULL && i < l->n && sov_jrun_charge(r, 2); i++) {
        struct sov_jval v;

        if (a->n > 0) {
            v = filtered(r, l->v[i], a);
        } else {
            v = attribute(r, l->v[i], path);
            if (v.type == J_UNDEF)
                v = preset.type == J_UNDEF ? v : preset;
        }
        sov_jlist_add(r, out.u.list, v);
    }
    return out;
}

/* ---- lists as a whole */

static struct sov_jval
f_join(struct sov_jrun *r, const struct sov_jargs *a)
{
    static const struct sov_jstr nothing = { "", NULL, 0, false };
    struct sov_jval sep = sov_jarg(a, 0, "d");
    struct sov_jval path = sov_jarg(a, 1, "attribute");
    struct sov_jlist *l = sov_jval_items(r, a->self);
    struct sov_jval part = sov_jval_list(r, J_LIST);

    if (path.type == J_UNDEF)
        return sov_jstr_join(r, sep.type == J_STR ? sep.u.str : &nothing, l);
    for (size_t i = 0; l != NULL && i < l->n && r->rc == 0; i++)
        sov_jlist_add(r, part.u.list, attribute(r, l->v[i], path));
    return sov_jstr_join(r, sep.type == J_STR ? sep.u.str : &nothing,
                         r->rc == 0 ? part.u.list : NULL);
}

static struct sov_jval
f_list(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jlist *l = sov_jval_items(r, a->self);
    struct sov_jval out = sov_jval_list(r, J_LIST);

    for (size_t i = 0; l != NULL && i < l->n && r->rc == 0; i++)
        sov_jlist_add(r, out.u.list, l->v[i]);
    return out;
}

static struct sov_jval
f_first(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jlist *l = sov_jval_items(r, a->self);

    return l != NULL && l->n > 0 ? l->v[0] : J_VAL_UNDEF;
}

static struct sov_jval
f_last(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jlist *l = sov_jval_items(r, a->self);

    return l != NULL && l->n > 0 ? l->v[l->n - 1] : J_VAL_UNDEF;
}

static struct sov_jval
f_reverse(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jlist *l = sov_jval_items(r, a->self);
    struct sov_jval out = sov_jval_list(r, J_LIST);
    static const struct sov_jstr nothing = { "", NULL, 0, false };

    for (size_t i = l != NULL ? l->n : 0; i > 0 && r->rc == 0; i--)
        sov_jlist_add(r, out.u.list, l->v[i - 1]);
    if (a->self.type == J_STR && r->rc == 0)
        return sov_jstr_join(r, &nothing, out.u.list);
    return out;
}

static struct sov_jval
f_sum(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jlist *l = sov_jval_items(r, a->self);
    struct sov_jval path = sov_jarg(a, 0, "attribute");
    struct sov_jval sum = sov_jarg(a, 1, "start");

    if (sum.type == J_UNDEF)
        sum = sov_jval_int(0);
    for (size_t i = 0; l != NULL && i < l->n && sov_jrun_charge(r, 1); i++)
        sum = sov_jval_binary(r, 0, sum, attribute(r, l->v[i], path));
    return sum;
}

/* [1, 2, 3] to [[1, 2], [3]] */
static struct sov_jval
f_batch(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jlist *l = sov_jval_items(r, a->self);
    int64_t size = sov_jarg_int(r, a, 0, "linecount", 0);
    struct sov_jval fill = sov_jarg(a, 1, "fill_with");
    struct sov_jval out = sov_jval_list(r, J_LIST);
    struct sov_jval row = J_VAL_UNDEF;

    if (size < 1 || size > INT32_MAX)
        sov_jrun_fail(r, SOV_EFORMAT, "batches of %lld", (long long)size);
    for (size_t i = 0; l != NULL && i < l->n && r->rc == 0; i++) {
        if (i % (size_t)size == 0) {
            row = sov_jval_list(r, J_LIST);
            sov_jlist_add(r, out.u.list, row);
        }
        sov_jlist_add(r, row.u.list, l->v[i]);
    }
    while (row.type == J_LIST && fill.type > J_NONE && r->rc == 0 &&
           row.u.list->n < (size_t)size)
        sov_jlist_add(r, row.u.list, fill);
    return out;
}

/* [1, 2, 3] to two lists, as even as can be: [[1, 2], [3]] */
static struct sov_jval
f_slice(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jlist *l = sov_jval_items(r, a->self);
    int64_t slices = sov_jarg_int(r, a, 0, "slices", 0);
    struct sov_jval fill = sov_jarg(a, 1, "fill_with");
    struct sov_jval out = sov_jval_list(r, J_LIST);
    size_t at = 0;

    if (slices < 1 || slices > INT32_MAX)
        sov_jrun_fail(r, SOV_EFORMAT, "%lld slices", (long long)slices);
    for (int64_t i = 0; l != NULL && i < slices && r->rc == 0; i++) {
        struct sov_jval row = sov_jval_list(r, J_LIST);
        bool extra = (size_t)i < l->n % (size_t)slices;
        size_t n = l->n / (size_t)slices + extra;

        for (; n > 0 && r->rc == 0; n--)
            sov_jlist_add(r, row.u.list, l->v[at++]);
        if (!extra && fill.type > J_NONE && r->rc == 0)
            sov_jlist_add(r, row.u.list, fill);
        sov_jlist_add(r, out.u.list, row);
    }
    return out;
}

/* Pairs of a value and the list of all items that have it, in order. */
static struct sov_jval
f_groupby(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval path = sov_jarg(a, 0, "attribute");
    struct sov_jval preset = sov_jarg(a, 1, "default");
    struct sov_jval all =
        sorted(r, sov_jval_items(r, a->self), path, preset, false, false);
    struct sov_jval out = sov_jval_list(r, J_LIST);
    struct sov_jval group = J_VAL_UNDEF, key = J_VAL_UNDEF;

    for (size_t i = 0; r->rc == 0 && i < all.u.list->n; i++) {
        struct sov_jval v = attribute(r, all.u.list->v[i], path);

        if (v.type == J_UNDEF && preset.type != J_UNDEF)
            v = preset;
        if (i == 0 || !sov_jval_equal(r, key, v)) {
            key = v;
            group = sov_jval_list(r, J_LIST);
            v = sov_jval_pair(r, v, group);
            v.sub = 1; /* .grouper and .list */
            sov_jlist_add(r, out.u.list, v);
        }
        sov_jlist_add(r, group.u.list, all.u.list->v[i]);
    }
    return out;
}

static const struct sov_jfn filters[] = {
    J_FN("join", f_join),
    J_FN("list", f_list),
    J_FN("first", f_first),
    J_FN("last", f_last),
    J_FN("map", f_map),
    J_FN("select", f_select),
    J_FN("reject", f_reject),
    J_FN("selectattr", f_selectattr),
    J_FN("rejectattr", f_rejectattr),
    J_FN("sort", f_sort),
    J_FN("dictsort", f_dictsort),
    J_FN("unique", f_unique),
    J_FN("reverse", f_reverse),
    J_FN("min", f_min),
    J_FN("max", f_max),
    J_FN("sum", f_sum),
    J_FN("batch", f_batch),
    J_FN("slice", f_slice),
    J_FN("groupby", f_groupby),
};

const struct sov_jfn *
sov_jfilter_list_find(const struct sov_jstr *name)
{
    return sov_jfn_find(filters, sizeof(filters) / sizeof(filters[0]), name);
}
