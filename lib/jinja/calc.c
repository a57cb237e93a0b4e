/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calc.c - operators of two values
 */
#include "jinja/code.h"
#include "jinja/method.h"

#include "base/limits.h"

#include <math.h>

static struct sov_jval
unfit(struct sov_jrun *r, const char *op, struct sov_jval a, struct sov_jval b)
{
    if (sov_jval_defined(r, a) && sov_jval_defined(r, b))
        sov_jrun_fail(r, SOV_EFORMAT, "a %s %s a %s", sov_jval_kind(a), op,
                      sov_jval_kind(b));
    return J_VAL_UNDEF;
}

static struct sov_jval
too_large(struct sov_jrun *r)
{
    sov_jrun_fail(r, SOV_EFORMAT, "an integer of more than 64 bits");
    return J_VAL_UNDEF;
}

static struct sov_jval
by_zero(struct sov_jrun *r)
{
    sov_jrun_fail(r, SOV_EFORMAT, "division by zero");
    return J_VAL_UNDEF;
}

static struct sov_jval
join_lists(struct sov_jrun *r, struct sov_jval a, struct sov_jval b)
{
    struct sov_jval out = sov_jval_list(r, (enum sov_jtype)a.type);

    for (size_t i = 0; i < a.u.list->n && r->rc == 0; i++)
        sov_jlist_add(r, out.u.list, a.u.list->v[i]);
    for (size_t i = 0; i < b.u.list->n && r->rc == 0; i++)
        sov_jlist_add(r, out.u.list, b.u.list->v[i]);
    return out;
}

static struct sov_jval
concat(struct sov_jrun *r, struct sov_jval a, struct sov_jval b)
{
    struct sov_jtext t = { .r = r };

    sov_jtext_val(&t, a);
    sov_jtext_val(&t, b);
    return sov_jtext_end(&t);
}

/* 'ab' * 3 and [1] * 3 */
static struct sov_jval
repeat(struct sov_jrun *r, struct sov_jval a, int64_t n)
{
    struct sov_jtext t = { .r = r };
    struct sov_jval out = sov_jval_list(r, J_LIST);
    bool empty = !sov_jval_true(a);

    for (int64_t i = 0; i < n && !empty && sov_jrun_charge(r, 1); i++) {
        if (a.type == J_STR)
            sov_jtext_str(&t, a.u.str);
        for (size_t k = 0; a.type != J_STR && k < a.u.list->n; k++)
            sov_jlist_add(r, out.u.list, a.u.list->v[k]);
    }
    if (r->rc < 0)
        return J_VAL_UNDEF;
    out.type = a.type;
    return a.type == J_STR ? sov_jtext_end(&t) : out;
}

static struct sov_jval
int_pow(struct sov_jrun *r, int64_t a, int64_t b)
{
    int64_t v = 1;

    if (b < 0)
        return sov_jval_float(pow((double)a, (double)b));
    for (; b > 0 && v != 0; b--) {
        if (__builtin_mul_overflow(v, a, &v))
            return too_large(r);
        if (a == 1 || (a == -1 && b > 2))
            b &= 1;
        if (b == 0)
            break;
    }
    return sov_jval_int(v);
}

/* Rounded down, as Python has it. */
static struct sov_jval
int_divide(struct sov_jrun *r, int op, int64_t a, int64_t b)
{
    int64_t q, m;

    if (b == 0)
        return by_zero(r);
    if (b == -1 && a == INT64_MIN)
        return too_large(r);
    q = a / b;
    m = a % b;
    if (m != 0 && (m < 0) != (b < 0)) {
        q--;
        m += b;
    }
    return sov_jval_int(op == BIN_MOD ? m : q);
}

static struct sov_jval
ints(struct sov_jrun *r, int op, int64_t a, int64_t b)
{
    int64_t v;
    bool over;

    switch (op) {
    case BIN_ADD:
        over = __builtin_add_overflow(a, b, &v);
        break;
    case BIN_SUB:
        over = __builtin_sub_overflow(a, b, &v);
        break;
    case BIN_MUL:
        over = __builtin_mul_overflow(a, b, &v);
        break;
    case BIN_DIV:
        return b == 0 ? by_zero(r) : sov_jval_float((double)a / (double)b);
    case BIN_POW:
        return int_pow(r, a, b);
    default:
        return int_divide(r, op, a, b);
    }
    return over ? too_large(r) : sov_jval_int(v);
}

/* Rounded down as Python does it: from the exact remainder. */
static double
floor_divide(double a, double b)
{
    double m = fmod(a, b);
    double q = (a - m) / b;
    double down;

    if (m != 0 && (m < 0) != (b < 0))
        q -= 1;
    if (q == 0)
        return copysign(0, a / b);
    down = floor(q);
    return q - down > 0.5 ? down + 1 : down;
}

static struct sov_jval
floats(struct sov_jrun *r, int op, double a, double b)
{
    double m;

    if (op >= BIN_DIV && op <= BIN_MOD && b == 0)
        return by_zero(r);
    switch (op) {
    case BIN_ADD:
        return sov_jval_float(a + b);
    case BIN_SUB:
        return sov_jval_float(a - b);
    case BIN_MUL:
        return sov_jval_float(a * b);
    case BIN_DIV:
        return sov_jval_float(a / b);
    case BIN_FDIV:
        return sov_jval_float(floor_divide(a, b));
    case BIN_POW:
        return sov_jval_float(pow(a, b));
    default:
        m = fmod(a, b);
        return sov_jval_float(m != 0 && (m < 0) != (b < 0) ? m + b : m);
    }
}

static struct sov_jval
arithmetic(struct sov_jrun *r, int op, struct sov_jval a, struct sov_jval b)
{
    static const char *const names[] = { "+", "-", "*", "/", "//", "%", "**" };

    if (sov_jval_is_num(a) && sov_jval_is_num(b)) {
        if (a.type != J_FLOAT && b.type != J_FLOAT)
            return ints(r, op, a.u.i, b.u.i);
        return floats(r, op, sov_jval_num(a), sov_jval_num(b));
    }
    if (op == BIN_ADD && a.type == J_STR && b.type == J_STR)
        return concat(r, a, b);
    if (op == BIN_ADD && sov_jval_is_list(a) && a.type == b.type)
        return join_lists(r, a, b);
    if (op == BIN_MUL && (b.type == J_STR || sov_jval_is_list(b))) {
        struct sov_jval swap = a;

        a = b;
        b = swap;
    }
    if (op == BIN_MUL && (a.type == J_STR || sov_jval_is_list(a)) &&
        (b.type == J_INT || b.type == J_BOOL))
        return repeat(r, a, b.u.i);
    if (op == BIN_MOD && a.type == J_STR)
        return sov_jstr_percent(r, a.u.str, b);
    return unfit(r, names[op], a, b);
}

struct sov_jval
sov_jval_binary(struct sov_jrun *r, int op, struct sov_jval a,
                struct sov_jval b)
{
    switch (op) {
    case BIN_CAT:
        return concat(r, a, b);
    case BIN_EQ:
        return sov_jval_bool(sov_jval_equal(r, a, b));
    case BIN_NE:
        return sov_jval_bool(!sov_jval_equal(r, a, b));
    case BIN_LT:
        return sov_jval_bool(sov_jval_order(r, a, b) < 0);
    case BIN_LE:
        return sov_jval_bool(sov_jval_order(r, a, b) <= 0);
    case BIN_GT:
        return sov_jval_bool(sov_jval_order(r, a, b) > 0);
    case BIN_GE:
        return sov_jval_bool(sov_jval_order(r, a, b) >= 0);
    case BIN_IN:
        return sov_jval_bool(sov_jval_in(r, a, b));
    case BIN_NOT_IN:
        return sov_jval_bool(!sov_jval_in(r, a, b));
    default:
        return arithmetic(r, op, a, b);
    }
}
