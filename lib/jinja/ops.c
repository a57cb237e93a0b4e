/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.c - what values can be asked: truth, order, length, parts
 */
#include "base/limits.h"
#include "base/text.h"
#include "jinja/method.h"
#include "jinja/value.h"

#include <math.h>
#include <string.h>

const char *
sov_jval_kind(struct sov_jval v)
{
    static const char *const names[] = {
        [J_UNDEF] = "undefined", [J_NONE] = "None",     [J_BOOL] = "bool",
        [J_INT] = "int",         [J_FLOAT] = "float",   [J_STR] = "str",
        [J_LIST] = "list",       [J_TUPLE] = "tuple",   [J_DICT] = "dict",
        [J_SPACE] = "namespace", [J_RANGE] = "range",   [J_MACRO] = "macro",
        [J_LOOP] = "loop",       [J_FUNC] = "function", [J_METHOD] = "method",
        [J_CYCLE] = "cycler",
    };

    return names[v.type];
}

bool
sov_jval_true(struct sov_jval v)
{
    switch (v.type) {
    case J_UNDEF:
    case J_NONE:
        return false;
    case J_BOOL:
    case J_INT:
        return v.u.i != 0;
    case J_FLOAT:
        return v.u.f != 0;
    case J_STR:
        return v.u.str->len > 0;
    case J_LIST:
    case J_TUPLE:
        return v.u.list->n > 0;
    case J_DICT:
        return v.u.dict->n > 0;
    case J_RANGE:
        return v.u.range->n > 0;
    default:
        return true;
    }
}

bool
sov_jval_defined(struct sov_jrun *r, struct sov_jval v)
{
    const struct sov_jstr *name = v.u.str;

    if (v.type != J_UNDEF)
        return true;
    if (name == NULL)
        sov_jrun_fail(r, SOV_EFORMAT, "a value is undefined");
    else if (v.sub)
        sov_jrun_fail(r, SOV_EFORMAT, "there is no '%.*s' in the value",
                      (int)(name->len < 100 ? name->len : 100), name->p);
    else
        sov_jrun_fail(r, SOV_EFORMAT, "'%.*s' is undefined",
                      (int)(name->len < 100 ? name->len : 100), name->p);
    return false;
}

/* ---- equal, order */

static bool
equal_scalar(struct sov_jrun *r, struct sov_jval a, struct sov_jval b)
{
    if (sov_jval_is_num(a) && sov_jval_is_num(b)) {
        if (a.type != J_FLOAT && b.type != J_FLOAT)
            return a.u.i == b.u.i;
        return sov_jval_num(a) == sov_jval_num(b);
    }
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case J_UNDEF:
    case J_NONE:
        return true;
    case J_STR:
        return sov_jstr_same(r, a.u.str, b.u.str);
    case J_RANGE:
        return a.u.range->n == b.u.range->n &&
               (a.u.range->n == 0 ||
                (a.u.range->start == b.u.range->start &&
                 (a.u.range->n == 1 || a.u.range->step == b.u.range->step)));
    default:
        return a.u.list == b.u.list; /* the same object */
    }
}

struct both {
    struct sov_jval a;
    struct sov_jval b;
    size_t at;
};

/* Are both of one kind that has elements, and as many? */
static bool
same_shape(struct sov_jval a, struct sov_jval b)
{
    if (a.type != b.type)
        return false;
    if (sov_jval_is_list(a))
        return a.u.list->n == b.u.list->n;
    return a.type == J_DICT && a.u.dict->n == b.u.dict->n;
}

/* The next pair of elements: 1, none left: 0, they differ already: -1. */
static int
next_both(struct sov_jrun *r, struct both *l, struct both *next)
{
    struct sov_jpair *p;

    if (sov_jval_is_list(l->a)) {
        if (l->at == l->a.u.list->n || l->at >= l->b.u.list->n)
            return 0;
        next->a = l->a.u.list->v[l->at];
        next->b = l->b.u.list->v[l->at++];
        return 1;
    }
    if (l->at == l->a.u.dict->n)
        return 0;
    p = &l->a.u.dict->v[l->at++];
    if (sov_jval_is_list(p->key)) {
        sov_jrun_fail(r, SOV_EUNSUP, "dicts with tuples as keys are compared");
        return -1;
    }
    next->a = p->val;
    p = sov_jdict_get(r, l->b.u.dict, p->key);
    if (p == NULL)
        return -1;
    next->b = p->val;
    return 1;
}

bool
sov_jval_equal(struct sov_jrun *r, struct sov_jval a, struct sov_jval b)
{
    struct both level[SOV_CHAT_DEPTH];
    struct both now = { a, b, 0 };
    size_t n = 0;
    int more;

    for (;;) {
        if (!sov_jrun_charge(r, n > 0))
            return false;
        if (same_shape(now.a, now.b) && n < SOV_CHAT_DEPTH) {
            now.at = 0;
            level[n++] = now;
        } else if (!equal_scalar(r, now.a, now.b)) {
            return false;
        }
        for (more = 0; n > 0; n--) {
            more = next_both(r, &level[n - 1], &now);
            if (more != 0)
                break;
        }
        if (more <= 0)
            return more == 0;
    }
}

static int
order_scalar(struct sov_jrun *r, struct sov_jval a, struct sov_jval b)
{
    if (sov_jval_is_num(a) && sov_jval_is_num(b)) {
        double x = sov_jval_num(a), y = sov_jval_num(b);

        if (a.type != J_FLOAT && b.type != J_FLOAT)
            return (a.u.i > b.u.i) - (a.u.i < b.u.i);
        return (x > y) - (x < y);
    }
    if (a.type == J_STR && b.type == J_STR) {
        size_t n = a.u.str->len < b.u.str->len ? a.u.str->len : b.u.str->len;
        int c = memcmp(a.u.str->p, b.u.str->p, n);

        sov_jrun_charge(r, n / 64);
        return c != 0 ? c
                      : (a.u.str->len > b.u.str->len) -
                            (a.u.str->len < b.u.str->len);
    }
    if (sov_jval_defined(r, a) && sov_jval_defined(r, b))
        sov_jrun_fail(r, SOV_EFORMAT, "a %s and a %s have no order",
                      sov_jval_kind(a), sov_jval_kind(b));
    return 0;
}

/* The first elements that are not equal have the order of their lists. */
int
sov_jval_order(struct sov_jrun *r, struct sov_jval a, struct sov_jval b)
{
    while (sov_jval_is_list(a) && a.type == b.type) {
        const struct sov_jlist *x = a.u.list, *y = b.u.list;
        size_t n = x->n < y->n ? x->n : y->n, i = 0;

        while (i < n && sov_jrun_charge(r, 1) &&
               sov_jval_equal(r, x->v[i], y->v[i]))
            i++;
        if (i == n || r->rc < 0)
            return (x->n > y->n) - (x->n < y->n);
        a = x->v[i];
        b = y->v[i];
    }
    return order_scalar(r, a, b);
}

static bool
in_range(const struct sov_jrange *range, struct sov_jval x)
{
    uint64_t step;
    int64_t off;
    bool over;

    if (!sov_jval_is_num(x))
        return false;
    if (x.type == J_FLOAT) {
        if (!(fabs(x.u.f) < 1e15) || x.u.f != floor(x.u.f))
            return false;
        x = sov_jval_int((int64_t)x.u.f);
    }
    step = range->step > 0 ? (uint64_t)range->step : 0 - (uint64_t)range->step;
    over = range->step > 0 ? __builtin_sub_overflow(x.u.i, range->start, &off)
                           : __builtin_sub_overflow(range->start, x.u.i, &off);
    return !over && off >= 0 && (uint64_t)off % step == 0 &&
           (uint64_t)off / step < (uint64_t)range->n;
}

bool
sov_jval_in(struct sov_jrun *r, struct sov_jval x, struct sov_jval in)
{
    switch (in.type) {
    case J_UNDEF:
        return false;
    case J_STR:
        if (x.type == J_STR)
            return sov_jstr_find(r, in.u.str, x.u.str, 0) != SIZE_MAX;
        if (sov_jval_defined(r, x))
            sov_jrun_fail(r, SOV_EFORMAT, "a %s is looked for in a str",
                          sov_jval_kind(x));
        return false;
    case J_LIST:
    case J_TUPLE:
        for (size_t i = 0; i < in.u.list->n && sov_jrun_charge(r, 1); i++)
            if (sov_jval_equal(r, in.u.list->v[i], x))
                return true;
        return false;
    case J_DICT:
    case J_SPACE:
        return sov_jdict_get(r, in.u.dict, x) != NULL;
    case J_RANGE:
        return in_range(in.u.range, x);
    default:
        sov_jrun_fail(r, SOV_EFORMAT, "nothing can be in a %s",
                      sov_jval_kind(in));
        return false;
    }
}

/* ---- items and length */

bool
sov_jval_iterable(struct sov_jval v)
{
    return v.type == J_UNDEF || (v.type >= J_STR && v.type <= J_DICT) ||
           v.type == J_RANGE;
}

int64_t
sov_jval_len(struct sov_jrun *r, struct sov_jval v)
{
    switch (v.type) {
    case J_UNDEF:
        return 0;
    case J_STR:
        sov_jrun_charge(r, v.u.str->len / 32);
        return (int64_t)sov_jstr_chars(v.u.str);
    case J_LIST:
    case J_TUPLE:
        return (int64_t)v.u.list->n;
    case J_DICT:
        return (int64_t)v.u.dict->n;
    case J_RANGE:
        return v.u.range->n;
    default:
        return -1;
    }
}

static void
add_chars(struct sov_jrun *r, struct sov_jlist *l, const struct sov_jstr *s)
{
    for (size_t i = 0; i < s->len && r->rc == 0;) {
        size_t n = sov_utf8_len((unsigned char)s->p[i]);

        sov_jlist_add(r, l, sov_jval_part(r, s, i, n));
        i += n;
    }
}

struct sov_jlist *
sov_jval_items(struct sov_jrun *r, struct sov_jval v)
{
    struct sov_jval out;

    if (sov_jval_is_list(v))
        return v.u.list;
    out = sov_jval_list(r, J_LIST);
    if (out.type != J_LIST)
        return NULL;
    switch (v.type) {
    case J_UNDEF:
        break;
    case J_STR:
        add_chars(r, out.u.list, v.u.str);
        break;
    case J_DICT:
        for (size_t i = 0; i < v.u.dict->n; i++)
            sov_jlist_add(r, out.u.list, v.u.dict->v[i].key);
        break;
    case J_RANGE:
        for (int64_t i = 0; i < v.u.range->n && r->rc == 0; i++)
            sov_jlist_add(r, out.u.list,
                          sov_jval_int(v.u.range->start + i * v.u.range->step));
        break;
    default:
        sov_jrun_fail(r, SOV_EFORMAT, "a %s has no items to go through",
                      sov_jval_kind(v));
    }
    return r->rc == 0 ? out.u.list : NULL;
}

/* ---- parts */

static struct sov_jval
no_such(struct sov_jrun *r, const struct sov_jstr *name)
{
    struct sov_jval v = sov_jval_part(r, name, 0, name->len);

    v.type = J_UNDEF;
    v.sub = 1;
    return v;
}

static struct sov_jval
loop_attr(const struct sov_jloop *l, const struct sov_jstr *name)
{
    int64_t at = (int64_t)l->at, n = (int64_t)l->items->n;
    const struct {
        const char *name;
        struct sov_jval v;
    } attrs[] = {
        { "index", sov_jval_int(at + 1) },
        { "index0", sov_jval_int(at) },
        { "first", sov_jval_bool(at == 0) },
        { "last", sov_jval_bool(at + 1 == n) },
        { "length", sov_jval_int(n) },
        { "revindex", sov_jval_int(n - at) },
        { "revindex0", sov_jval_int(n - at - 1) },
        { "depth", sov_jval_int((int64_t)l->depth0 + 1) },
        { "depth0", sov_jval_int(l->depth0) },
        { "previtem", at > 0 ? l->items->v[at - 1] : J_VAL_UNDEF },
        { "nextitem", at + 1 < n ? l->items->v[at + 1] : J_VAL_UNDEF },
    };

    for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
        if (sov_jstr_is(name, attrs[i].name))
            return attrs[i].v;
    return J_VAL_UNDEF;
}

/* As Python: a method goes before a key of the same name. */
struct sov_jval
sov_jval_attr(struct sov_jrun *r, struct sov_jval v,
              const struct sov_jstr *name)
{
    struct sov_jval key = { .type = J_STR, .u.str = name };
    const struct sov_jfn *fn;
    struct sov_jpair *p;

    if (!sov_jval_defined(r, v))
        return J_VAL_UNDEF;
    fn = sov_jmethod_find(v.type, name);
    if (fn != NULL)
        return (struct sov_jval){ .type = J_METHOD, .u.fn = fn };
    if (v.type == J_DICT || v.type == J_SPACE) {
        p = sov_jdict_get(r, v.u.dict, key);
        if (p != NULL)
            return p->val;
    } else if (v.type == J_LOOP) {
        v = loop_attr(v.u.loop, name);
        if (v.type != J_UNDEF)
            return v;
    } else if (v.type == J_TUPLE && v.sub) { /* a group of groupby */
        if (sov_jstr_is(name, "grouper"))
            return v.u.list->v[0];
        if (sov_jstr_is(name, "list"))
            return v.u.list->v[1];
    } else if (v.type == J_CYCLE && sov_jstr_is(name, "current") &&
               v.u.cycle->items->n > 0) {
        return v.u.cycle->items->v[v.u.cycle->at % v.u.cycle->items->n];
    }
    return no_such(r, name);
}

static struct sov_jval
element(struct sov_jrun *r, struct sov_jval v, int64_t i)
{
    int64_t n = sov_jval_len(r, v);
    size_t at;

    if (i < 0)
        i += n;
    if (i < 0 || i >= n)
        return J_VAL_UNDEF;
    if (v.type == J_RANGE)
        return sov_jval_int(v.u.range->start + i * v.u.range->step);
    if (v.type != J_STR)
        return v.u.list->v[i];
    at = sov_jstr_byte(v.u.str, (size_t)i);
    return sov_jval_part(r, v.u.str, at,
                         sov_utf8_len((unsigned char)v.u.str->p[at]));
}

struct sov_jval
sov_jval_at(struct sov_jrun *r, struct sov_jval v, struct sov_jval key)
{
    struct sov_jpair *p;

    if (!sov_jval_defined(r, v))
        return J_VAL_UNDEF;
    if (v.type == J_DICT) {
        p = sov_jdict_get(r, v.u.dict, key);
        if (p != NULL)
            return p->val;
    }
    if (key.type == J_STR)
        return sov_jval_attr(r, v, key.u.str);
    if ((key.type == J_INT || key.type == J_BOOL) && v.type != J_DICT &&
        sov_jval_iterable(v))
        return element(r, v, key.u.i);
    return J_VAL_UNDEF;
}

/* ---- slices */

/* Bounds of a slice as Python has them; false if they are not integers. */
static bool
bounds(struct sov_jrun *r, const struct sov_jval part[3], int64_t n,
       int64_t *start, int64_t *stop, int64_t *step)
{
    for (int i = 0; i < 3; i++)
        if (part[i].type != J_NONE && part[i].type != J_INT &&
            part[i].type != J_BOOL) {
            if (sov_jval_defined(r, part[i]))
                sov_jrun_fail(r, SOV_EFORMAT, "a slice from or to a %s",
                              sov_jval_kind(part[i]));
            return false;
        }
    *step = part[2].type == J_NONE ? 1 : part[2].u.i;
    if (*step == 0 || *step < -INT32_MAX || *step > INT32_MAX) {
        sov_jrun_fail(r, SOV_EFORMAT, "a slice with a step of %lld",
                      (long long)*step);
        return false;
    }
    for (int i = 0; i < 2; i++) {
        int64_t *to = i == 0 ? start : stop;
        int64_t low = *step > 0 ? 0 : -1;
        int64_t high = *step > 0 ? n : n - 1;

        if (part[i].type == J_NONE) {
            *to = (i == 0) == (*step > 0) ? low : high;
            continue;
        }
        *to = part[i].u.i < 0 ? part[i].u.i + n : part[i].u.i;
        *to = *to < low ? low : *to > high ? high : *to;
    }
    return true;
}

/* Numbers start to stop of a range are a range. */
static struct sov_jval
slice_range(struct sov_jrun *r, const struct sov_jrange *of, int64_t start,
            int64_t stop, int64_t step)
{
    struct sov_jrange *part = sov_jrun_take(r, 1, sizeof(*part));
    int64_t n = step > 0 ? (stop - start + step - 1) / step
                         : (start - stop - step - 1) / -step;

    if (part == NULL)
        return J_VAL_UNDEF;
    *part = (struct sov_jrange){ of->start + start * of->step,
                                 of->start + stop * of->step, of->step * step,
                                 n > 0 ? n : 0 };
    return (struct sov_jval){ .type = J_RANGE, .u.range = part };
}

struct sov_jval
sov_jval_slice(struct sov_jrun *r, struct sov_jval v,
               const struct sov_jval part[3])
{
    int64_t n = sov_jval_len(r, v);
    int64_t start, stop, step;
    struct sov_jval out;
    struct sov_jtext t = { .r = r };

    if (!sov_jval_defined(r, v))
        return J_VAL_UNDEF;
    if (n < 0 || v.type == J_DICT) {
        sov_jrun_fail(r, SOV_EFORMAT, "a %s has no slices", sov_jval_kind(v));
        return J_VAL_UNDEF;
    }
    if (!bounds(r, part, n, &start, &stop, &step))
        return J_VAL_UNDEF;
    if (v.type == J_STR && step == 1) {
        size_t at = sov_jstr_byte(v.u.str, (size_t)start);
        size_t end = stop > start ? sov_jstr_byte(v.u.str, (size_t)stop) : at;

        return sov_jval_part(r, v.u.str, at, end - at);
    }
    if (v.type == J_RANGE)
        return slice_range(r, v.u.range, start, stop, step);
    out = sov_jval_list(r, v.type == J_TUPLE ? J_TUPLE : J_LIST);
    for (int64_t i = start; step > 0 ? i < stop : i > stop; i += step) {
        struct sov_jval e = element(r, v, i);

        if (r->rc < 0 || !sov_jrun_charge(r, 1))
            return J_VAL_UNDEF;
        if (v.type == J_STR)
            sov_jtext_str(&t, e.u.str);
        else
            sov_jlist_add(r, out.u.list, e);
    }
    return v.type == J_STR ? sov_jtext_end(&t) : out;
}
