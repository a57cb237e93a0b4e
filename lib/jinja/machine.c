/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.c - the code of a template, run: the stack, the text, instructions
 */
#include "jinja/machine.h"

#include "base/mem.h"
#include "jinja/given.h"
#include "jinja/jinja.h"

#include <stdlib.h>
#include <string.h>

/* ---- the stack */

void
sov_jvm_push(struct sov_jvm *m, struct sov_jval v)
{
    if (m->n == m->cap) {
        size_t cap = m->cap * 2 + 64;
        struct sov_jval *bigger;

        if (cap > SOV_CHAT_STACK && m->cap == SOV_CHAT_STACK) {
            sov_jrun_fail(&m->r, SOV_EFORMAT,
                          "more than %d values at once, which is the limit",
                          SOV_CHAT_STACK);
            return;
        }
        if (cap > SOV_CHAT_STACK)
            cap = SOV_CHAT_STACK;
        bigger = sov_mem_move(m->stack, m->cap * sizeof(*bigger),
                              cap * sizeof(*bigger));
        if (bigger == NULL) {
            m->r.rc = sov_mem_fail(m->r.err);
            return;
        }
        m->stack = bigger;
        m->cap = cap;
    }
    m->stack[m->n++] = v;
}

/* ---- text */

static void
print(struct sov_jvm *m, const char *p, const unsigned char *mark, bool given,
      size_t len)
{
    if (len > SOV_CHAT_TEXT - m->text_len) {
        sov_jrun_fail(&m->r, SOV_EFORMAT,
                      "more than %llu bytes of text, which is the limit",
                      (unsigned long long)SOV_CHAT_TEXT);
        return;
    }
    if (!sov_jrun_charge(&m->r, len / 64))
        return;
    if (len >= m->text_cap - m->text_len) {
        size_t cap = m->text_cap * 2 + len + 4096;
        char *text = sov_mem_move(m->text, m->text_len, cap);
        unsigned char *marks =
            text != NULL ? sov_mem_move(m->mark, m->text_len, cap) : NULL;

        m->text = text != NULL ? text : m->text;
        if (marks == NULL) {
            m->r.rc = sov_mem_fail(m->r.err);
            return;
        }
        m->mark = marks;
        m->text_cap = cap;
    }
    if (len > 0)
        memcpy(m->text + m->text_len, p, len);
    if (mark != NULL)
        memcpy(m->mark + m->text_len, mark, len);
    else
        memset(m->mark + m->text_len, given, len);
    m->text_len += len;
}

static void
print_val(struct sov_jvm *m, struct sov_jval v)
{
    const struct sov_jstr *s;

    v = sov_jval_str(&m->r, v);
    if (m->r.rc < 0)
        return;
    s = v.u.str;
    print(m, s->p, s->mark, s->given, s->len);
}

struct sov_jval
sov_jvm_take_text(struct sov_jvm *m, size_t at)
{
    struct sov_jtext t = { .r = &m->r };
    struct sov_jstr s = { m->text + at, m->mark + at, m->text_len - at, false };

    m->text_len = at;
    if (s.len > 0)
        sov_jtext_str(&t, &s);
    return sov_jtext_end(&t);
}

/* ---- making values */

static void
make_list(struct sov_jvm *m, enum sov_jtype type, size_t n)
{
    struct sov_jval v = sov_jval_list(&m->r, type);

    for (size_t i = 0; i < n && m->r.rc == 0; i++)
        sov_jlist_add(&m->r, v.u.list, m->stack[m->n - n + i]);
    m->n -= n;
    sov_jvm_push(m, v);
}

static void
make_dict(struct sov_jvm *m, size_t n)
{
    struct sov_jval v = sov_jval_dict(&m->r, J_DICT);
    const struct sov_jval *first = m->stack + m->n - 2 * n;

    for (size_t i = 0; i < n && m->r.rc == 0; i++)
        sov_jdict_set(&m->r, v.u.dict, first[2 * i], first[2 * i + 1]);
    m->n -= 2 * n;
    sov_jvm_push(m, v);
}

static void
make_macro(struct sov_jvm *m, uint32_t proto)
{
    struct sov_jmacro *macro = sov_jrun_take(&m->r, 1, sizeof(*macro));

    if (macro == NULL)
        return;
    *macro = (struct sov_jmacro){ proto, m->at + 1, m->scope };
    sov_jvm_push(m, (struct sov_jval){ .type = J_MACRO, .u.macro = macro });
}

static void
negate(struct sov_jvm *m)
{
    struct sov_jval v = sov_jvm_pop(m);

    if (v.type == J_FLOAT)
        v.u.f = -v.u.f;
    else if (v.type <= J_FLOAT && v.type >= J_BOOL && v.u.i != INT64_MIN)
        v = sov_jval_int(-v.u.i);
    else if (sov_jval_defined(&m->r, v))
        sov_jrun_fail(&m->r, SOV_EFORMAT, "minus a %s", sov_jval_kind(v));
    sov_jvm_push(m, v);
}

static void
chain(struct sov_jvm *m, const struct sov_jinstr *in)
{
    struct sov_jval b = sov_jvm_pop(m), a = sov_jvm_pop(m);
    struct sov_jval v = sov_jval_binary(&m->r, in->a, a, b);

    if (sov_jval_true(v)) {
        sov_jvm_push(m, b);
        return;
    }
    sov_jvm_push(m, v);
    m->at += (uint32_t)in->c;
}

static void
set_attr(struct sov_jvm *m, const struct sov_jinstr *in)
{
    struct sov_jval space = sov_jvm_pop(m), v = sov_jvm_pop(m);

    if (space.type == J_SPACE)
        sov_jdict_set(&m->r, space.u.dict, m->r.t->konst[in->c], v);
    else if (sov_jval_defined(&m->r, space))
        sov_jrun_fail(&m->r, SOV_EFORMAT,
                      "attributes are set of namespaces alone, not of a %s",
                      sov_jval_kind(space));
}

static void
unpack(struct sov_jvm *m, size_t n)
{
    struct sov_jlist *l = sov_jval_items(&m->r, sov_jvm_pop(m));

    if (l == NULL)
        return;
    if (l->n != n) {
        sov_jrun_fail(&m->r, SOV_EFORMAT, "%zu values for %zu names", l->n, n);
        return;
    }
    for (size_t i = n; i > 0; i--)
        sov_jvm_push(m, l->v[i - 1]);
}

/* ---- instructions */

/* Jumps and names; false if it is none of them. */
static bool
step_flow(struct sov_jvm *m, const struct sov_jinstr *in)
{
    switch ((enum sov_jop)in->op) {
    case OP_JUMP:
        m->at += (uint32_t)in->c;
        break;
    case OP_UNLESS:
        if (!sov_jval_true(sov_jvm_pop(m)))
            m->at += (uint32_t)in->c;
        break;
    case OP_AND:
    case OP_OR:
        if (sov_jval_true(m->stack[m->n - 1]) == (in->op == OP_OR))
            m->at += (uint32_t)in->c;
        else
            m->n--;
        break;
    case OP_CHAIN:
        chain(m, in);
        break;
    case OP_DEFAULT: {
        struct sov_jval v = m->frame[m->n_frame - 1].arg[in->a];

        if (v.type != J_UNDEF || v.sub != J_NOT_SET)
            m->at += (uint32_t)in->c;
        break;
    }
    case OP_RECUR:
        sov_jvm_recur(m, in);
        break;
    case OP_RETURN:
        sov_jvm_return(m);
        break;
    case OP_SCOPE:
    case OP_CAPTURE:
        if (sov_jvm_enter(m, in->op == OP_SCOPE ? F_SCOPE : F_CAPTURE) != NULL)
            m->scope = sov_jvm_scope(m, m->scope);
        break;
    case OP_UNSCOPE:
    case OP_TAKE:
        sov_jvm_leave(m, in->op == OP_TAKE);
        break;
    default:
        return false;
    }
    return true;
}

static bool
step_loop(struct sov_jvm *m, const struct sov_jinstr *in, uint32_t loop_name)
{
    switch ((enum sov_jop)in->op) {
    case OP_ITER:
        sov_jvm_iter(m);
        break;
    case OP_SIEVE:
        sov_jvm_sieve(m);
        break;
    case OP_TRY:
        sov_jvm_try(m, in);
        break;
    case OP_CHOOSE:
        sov_jvm_choose(m);
        break;
    case OP_FOR:
        sov_jvm_loop(m, in);
        break;
    case OP_NEXT:
        sov_jvm_next(m, in, loop_name);
        break;
    case OP_ROUND:
        sov_jvm_round(m);
        break;
    case OP_ENDFOR:
        sov_jvm_end_loop(m, in);
        break;
    default:
        return false;
    }
    return true;
}

static bool
step_value(struct sov_jvm *m, const struct sov_jinstr *in)
{
    struct sov_jval *top = m->stack + m->n - 1;
    struct sov_jval v;

    switch ((enum sov_jop)in->op) {
    case OP_UNDEF:
        sov_jvm_push(m, J_VAL_UNDEF);
        break;
    case OP_ITEM:
        v = sov_jval_at(&m->r, top[-1], top[0]);
        m->n -= 2;
        sov_jvm_push(m, v);
        break;
    case OP_SLICE:
        v = sov_jval_slice(&m->r, top[-3], top - 2);
        m->n -= 4;
        sov_jvm_push(m, v);
        break;
    case OP_LIST:
        make_list(m, J_LIST, (size_t)in->c);
        break;
    case OP_TUPLE:
        make_list(m, J_TUPLE, (size_t)in->c);
        break;
    case OP_DICT:
        make_dict(m, (size_t)in->c);
        break;
    case OP_MACRO:
        make_macro(m, (uint32_t)in->c);
        break;
    case OP_NEG:
        negate(m);
        break;
    case OP_POS:
        if (!sov_jval_is_num(*top) && sov_jval_defined(&m->r, *top))
            sov_jrun_fail(&m->r, SOV_EFORMAT, "plus a %s", sov_jval_kind(*top));
        break;
    case OP_NOT:
        *top = sov_jval_bool(!sov_jval_true(*top));
        break;
    default:
        return false;
    }
    return true;
}

static void
step(struct sov_jvm *m, const struct sov_jinstr *in, uint32_t loop_name)
{
    const struct sov_jval *konst = m->r.t->konst;
    struct sov_jval v;

    switch ((enum sov_jop)in->op) {
    case OP_CONST:
        sov_jvm_push(m, konst[in->c]);
        break;
    case OP_NAME:
        sov_jvm_push(m, sov_jvm_load(m, (uint32_t)in->c));
        break;
    case OP_ATTR:
        v = sov_jval_attr(&m->r, sov_jvm_pop(m), konst[in->c].u.str);
        sov_jvm_push(m, v);
        break;
    case OP_BINARY:
        v = sov_jval_binary(&m->r, in->a, m->stack[m->n - 2],
                            m->stack[m->n - 1]);
        m->n -= 2;
        sov_jvm_push(m, v);
        break;
    case OP_TEXT:
        v = konst[in->c];
        print(m, v.u.str->p, NULL, false, v.u.str->len);
        break;
    case OP_PRINT:
        print_val(m, sov_jvm_pop(m));
        break;
    case OP_STORE:
        sov_jvm_store(m, (uint32_t)in->c, sov_jvm_pop(m));
        break;
    case OP_SETATTR:
        set_attr(m, in);
        break;
    case OP_UNPACK:
        unpack(m, (size_t)in->c);
        break;
    case OP_POP:
        m->n--;
        break;
    case OP_CALL:
        sov_jvm_call(m, in);
        break;
    case OP_SPREAD:
        sov_jvm_spread(m, in);
        break;
    case OP_METHOD:
        sov_jvm_call_method(m, in);
        break;
    case OP_FILTER:
    case OP_TEST:
        sov_jvm_call_named(m, in, in->op == OP_TEST);
        break;
    default:
        if (!step_flow(m, in) && !step_loop(m, in, loop_name))
            (void)step_value(m, in);
        break;
    }
}

/* ---- a render */

static uint32_t
find_name(const struct sov_jinja *t, const char *name)
{
    for (size_t i = 0; i < t->n_name; i++)
        if (sov_jstr_is(t->name[i].u.str, name))
            return (uint32_t)i;
    return UINT32_MAX;
}

/* What is set before the first instruction: functions, and what is given. */
static void
set_names(struct sov_jvm *m, const struct sov_jinja_opts *opts)
{
    const struct sov_jinja *t = m->r.t;
    const struct sov_jfn *fn;

    m->root = sov_jrun_take(&m->r, t->n_name + 1, sizeof(*m->root));
    if (m->root == NULL)
        return;
    for (size_t i = 0; i < t->n_name; i++)
        m->root[i].sub = J_NOT_SET;
    for (size_t i = 0; (fn = sov_jfunc_at(i)) != NULL; i++) {
        uint32_t name = find_name(t, fn->name);

        if (name != UINT32_MAX)
            m->root[name] = (struct sov_jval){ .type = J_FUNC, .u.fn = fn };
    }
    for (size_t i = 0; i < opts->n_var && m->r.rc == 0; i++) {
        uint32_t name = find_name(t, opts->var[i].name);

        if (name != UINT32_MAX)
            m->root[name] = sov_jgiven(&m->r, &opts->var[i], opts);
    }
}

int
sov_jinja_render(const struct sov_jinja *t, const struct sov_jinja_opts *opts,
                 struct sov_jinja_text *text, struct sov_err *err)
{
    struct sov_jvm *m = sov_mem_array(1, sizeof(*m));
    uint32_t loop_name = find_name(t, "loop");
    int rc;

    *text = (struct sov_jinja_text){ 0 };
    if (m == NULL)
        return sov_mem_fail(err);
    m->r = (struct sov_jrun){
        .t = t,
        .err = err,
        .now = &opts->now,
        .steps = opts->steps,
        .mem.limit = SOV_CHAT_MEMORY,
    };
    set_names(m, opts);
    sov_jvm_push(m, J_VAL_NONE); /* so that there is a stack */
    print(m, "", NULL, false, 0);
    while (m->r.rc == 0 && m->at < t->n_code) {
        const struct sov_jinstr *in = &t->code[m->at++];

        m->r.pos = in->pos;
        if (sov_jrun_charge(&m->r, 1))
            step(m, in, loop_name);
    }
    rc = m->r.rc;
    text->refused = m->r.refused;
    text->steps = m->r.steps;
    if (rc == 0) {
        text->p = m->text;
        text->mark = m->mark;
        text->len = m->text_len;
        text->p[text->len] = '\0';
    } else {
        sov_mem_forget(m->text);
        free(m->mark);
    }
    sov_jmem_free(&m->r.mem);
    free(m->stack);
    free(m);
    return rc;
}

void
sov_jinja_text_free(struct sov_jinja_text *text)
{
    sov_mem_forget(text->p);
    free(text->mark);
    *text = (struct sov_jinja_text){ 0 };
}
