/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test.c - tests (x is y), and the functions of every template
 */
#include "jinja/code.h"
#include "jinja/method.h"

#include "base/limits.h"

#include <string.h>

/* ---- tests */

#define TEST(name, what)                                       \
    static struct sov_jval t_##name(struct sov_jrun *r,        \
                                    const struct sov_jargs *a) \
    {                                                          \
        struct sov_jval v = a->self;                           \
                                                               \
        (void)r;                                               \
        return sov_jval_bool(what);                            \
    }

/* clang-format off */
TEST(defined, v.type != J_UNDEF)
TEST(undefined, v.type == J_UNDEF)
TEST(none, v.type == J_NONE)
TEST(boolean, v.type == J_BOOL)
TEST(true, v.type == J_BOOL && v.u.i)
TEST(false, v.type == J_BOOL && !v.u.i)
TEST(integer, v.type == J_INT)
TEST(float, v.type == J_FLOAT)
TEST(number, sov_jval_is_num(v))
TEST(string, v.type == J_STR)
TEST(mapping, v.type == J_DICT)
TEST(iterable, sov_jval_iterable(v))
TEST(sequence, sov_jval_iterable(v))
TEST(callable, v.type == J_UNDEF || (v.type >= J_MACRO && v.type <= J_CYCLE))
TEST(odd, sov_jval_is_num(v) && v.type != J_FLOAT && v.u.i % 2 != 0)
TEST(even, sov_jval_is_num(v) && v.type != J_FLOAT && v.u.i % 2 == 0)
TEST(escaped, v.type > J_CYCLE)
TEST(in, sov_jval_in(r, v, sov_jarg(a, 0, "seq")))
TEST(eq, sov_jval_equal(r, v, sov_jarg(a, 0, "other")))
TEST(ne, !sov_jval_equal(r, v, sov_jarg(a, 0, "other")))
TEST(lt, sov_jval_order(r, v, sov_jarg(a, 0, "other")) < 0)
TEST(le, sov_jval_order(r, v, sov_jarg(a, 0, "other")) <= 0)
TEST(gt, sov_jval_order(r, v, sov_jarg(a, 0, "other")) > 0)
TEST(ge, sov_jval_order(r, v, sov_jarg(a, 0, "other")) >= 0)
/* clang-format on */

static struct sov_jval
t_sameas(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval b = sov_jarg(a, 0, "other");

    if (a->self.type != b.type)
        return sov_jval_bool(false);
    if (a->self.type > J_STR)
        return sov_jval_bool(a->self.u.list == b.u.list);
    return sov_jval_bool(sov_jval_equal(r, a->self, b));
}

static struct sov_jval
t_divisibleby(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval m =
        sov_jval_binary(r, BIN_MOD, a->self, sov_jarg(a, 0, "num"));

    return sov_jval_bool(sov_jval_equal(r, m, sov_jval_int(0)));
}

static struct sov_jval
of_case(struct sov_jrun *r, const struct sov_jargs *a, const char *method)
{
    struct sov_jstr name = { method, NULL, strlen(method), false };
    struct sov_jargs with = { .self = sov_jval_str(r, a->self) };

    if (r->rc < 0)
        return J_VAL_UNDEF;
    return sov_jmethod_find(J_STR, &name)->call(r, &with);
}

static struct sov_jval
t_lower(struct sov_jrun *r, const struct sov_jargs *a)
{
    return of_case(r, a, "islower");
}

static struct sov_jval
t_upper(struct sov_jrun *r, const struct sov_jargs *a)
{
    return of_case(r, a, "isupper");
}

static struct sov_jval
t_filter(struct sov_jrun *r, const struct sov_jargs *a)
{
    (void)r;
    return sov_jval_bool(a->self.type == J_STR &&
                         sov_jfilter_find(a->self.u.str) != NULL);
}

static struct sov_jval t_test(struct sov_jrun *r, const struct sov_jargs *a);

static const struct sov_jfn tests[] = {
    J_FN("defined", t_defined),
    J_FN("undefined", t_undefined),
    J_FN("none", t_none),
    J_FN("string", t_string),
    J_FN("mapping", t_mapping),
    J_FN("iterable", t_iterable),
    J_FN("sequence", t_sequence),
    J_FN("boolean", t_boolean),
    J_FN("true", t_true),
    J_FN("false", t_false),
    J_FN("integer", t_integer),
    J_FN("float", t_float),
    J_FN("number", t_number),
    J_FN("callable", t_callable),
    J_FN("odd", t_odd),
    J_FN("even", t_even),
    J_FN("divisibleby", t_divisibleby),
    J_FN("sameas", t_sameas),
    J_FN("in", t_in),
    J_FN("eq", t_eq),
    J_FN("equalto", t_eq),
    J_FN("==", t_eq),
    J_FN("ne", t_ne),
    J_FN("!=", t_ne),
    J_FN("lt", t_lt),
    J_FN("lessthan", t_lt),
    J_FN("<", t_lt),
    J_FN("le", t_le),
    J_FN("<=", t_le),
    J_FN("gt", t_gt),
    J_FN("greaterthan", t_gt),
    J_FN(">", t_gt),
    J_FN("ge", t_ge),
    J_FN(">=", t_ge),
    J_FN("lower", t_lower),
    J_FN("upper", t_upper),
    J_FN("escaped", t_escaped),
    J_FN("filter", t_filter),
    J_FN("test", t_test),
};

const struct sov_jfn *
sov_jtest_find(const struct sov_jstr *name)
{
    return sov_jfn_find(tests, sizeof(tests) / sizeof(tests[0]), name);
}

static struct sov_jval
t_test(struct sov_jrun *r, const struct sov_jargs *a)
{
    (void)r;
    return sov_jval_bool(a->self.type == J_STR &&
                         sov_jtest_find(a->self.u.str) != NULL);
}

/* ---- functions */

static struct sov_jval
g_raise(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jstr *s = sov_jarg_str(r, a, 0, "message");

    if (r->rc == 0)
        r->refused = true;
    sov_jrun_fail(r, SOV_EFORMAT, "the template refuses: %.*s",
                  (int)(s->len < 200 ? s->len : 200), s->p);
    return J_VAL_UNDEF;
}

static struct sov_jval
g_namespace(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval out = sov_jval_dict(r, J_SPACE);
    struct sov_jval from = sov_jarg(a, 0, NULL);

    for (size_t i = 0; from.type == J_DICT && i < from.u.dict->n; i++)
        sov_jdict_set(r, out.u.dict, from.u.dict->v[i].key,
                      from.u.dict->v[i].val);
    for (size_t k = 0; k < a->n_kw; k++)
        sov_jdict_set(r, out.u.dict, a->kw[2 * k], a->kw[2 * k + 1]);
    return out;
}

static struct sov_jval
g_dict(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval out = g_namespace(r, a);

    if (out.type == J_SPACE)
        out.type = J_DICT;
    return out;
}

static struct sov_jval
g_range(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jrange *range = sov_jrun_take(r, 1, sizeof(*range));
    int64_t start = sov_jarg_int(r, a, 0, NULL, 0);
    int64_t stop = sov_jarg_int(r, a, 1, NULL, 0);
    int64_t step = sov_jarg_int(r, a, 2, NULL, 1);
    uint64_t span, by;

    if (a->n < 2) {
        stop = start;
        start = 0;
    }
    if (a->n == 0 || step == 0)
        sov_jrun_fail(r, SOV_EFORMAT, "a range without an end");
    if (r->rc < 0)
        return J_VAL_UNDEF;
    by = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    span = step > 0 ? (uint64_t)stop - (uint64_t)start
                    : (uint64_t)start - (uint64_t)stop;
    if (step > 0 ? stop <= start : stop >= start)
        span = 0;
    span = span / by + (span % by != 0);
    if (span > SOV_CHAT_RANGE) {
        sov_jrun_fail(r, SOV_EFORMAT,
                      "a range of %llu numbers; the limit is %d",
                      (unsigned long long)span, SOV_CHAT_RANGE);
        return J_VAL_UNDEF;
    }
    *range = (struct sov_jrange){ start, stop, step, (int64_t)span };
    return (struct sov_jval){ .type = J_RANGE, .u.range = range };
}

static struct sov_jval
new_cycle(struct sov_jrun *r, bool joiner)
{
    struct sov_jcycle *c = sov_jrun_take(r, 1, sizeof(*c));
    struct sov_jval list = sov_jval_list(r, J_LIST);

    if (c == NULL || r->rc < 0)
        return J_VAL_UNDEF;
    *c = (struct sov_jcycle){ list.u.list, 0, joiner };
    return (struct sov_jval){ .type = J_CYCLE, .u.cycle = c };
}

static struct sov_jval
g_cycler(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval out = new_cycle(r, false);

    for (size_t i = 0; i < a->n && r->rc == 0; i++)
        sov_jlist_add(r, out.u.cycle->items, a->pos[i]);
    return out;
}

static struct sov_jval
g_joiner(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval out = new_cycle(r, true);
    struct sov_jval sep = sov_jarg(a, 0, "sep");

    if (r->rc < 0)
        return out;
    sov_jlist_add(r, out.u.cycle->items, sov_jval_lit(r, ""));
    sov_jlist_add(r, out.u.cycle->items,
                  sep.type == J_UNDEF ? sov_jval_lit(r, ", ") : sep);
    return r->rc < 0 ? J_VAL_UNDEF : out;
}

static const struct sov_jfn funcs[] = {
    J_FN("raise_exception", g_raise),
    J_FN("strftime_now", sov_jfunc_now),
    J_FN("namespace", g_namespace),
    J_FN("range", g_range),
    J_FN("dict", g_dict),
    J_FN("cycler", g_cycler),
    J_FN("joiner", g_joiner),
};

const struct sov_jfn *
sov_jfunc_at(size_t i)
{
    return i < sizeof(funcs) / sizeof(funcs[0]) ? &funcs[i] : NULL;
}
