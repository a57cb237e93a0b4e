/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.c - macros, functions, methods, filters and tests are called
 */
#include "jinja/machine.h"

#include <string.h>

/* Names of the parameters. */
static const uint32_t *
params_of(const struct sov_jvm *m, const struct sov_jproto *proto)
{
    return proto->n_param > 0 ? m->r.t->param + proto->param : NULL;
}

static void
bind_args(struct sov_jvm *m, const struct sov_jproto *proto,
          const struct sov_jargs *a, struct sov_jval *given)
{
    const uint32_t *param = params_of(m, proto);
    struct sov_jval more = sov_jval_list(&m->r, J_TUPLE);
    struct sov_jval named = sov_jval_dict(&m->r, J_DICT);
    struct sov_jval caller = { .type = J_UNDEF, .sub = J_NOT_SET };

    if (m->r.rc < 0)
        return;
    for (size_t i = 0; i < a->n; i++) {
        if (i < proto->n_param)
            given[i] = a->pos[i];
        else
            sov_jlist_add(&m->r, more.u.list, a->pos[i]);
    }
    for (size_t k = 0; k < a->n_kw; k++) {
        const struct sov_jstr *name = a->kw[2 * k].u.str;
        size_t i = 0;

        sov_jrun_charge(&m->r, proto->n_param / 2);
        while (i < proto->n_param &&
               !sov_jval_equal(&m->r, m->r.t->name[param[i]], a->kw[2 * k]))
            i++;
        if (i < proto->n_param)
            given[i] = a->kw[2 * k + 1];
        else if (sov_jstr_is(name, "caller"))
            caller = a->kw[2 * k + 1];
        else
            sov_jdict_set(&m->r, named.u.dict, a->kw[2 * k], a->kw[2 * k + 1]);
    }
    if (m->r.rc == 0 && !proto->wants_more &&
        more.u.list->n + named.u.dict->n > 0) {
        const struct sov_jstr *name = m->r.t->name[proto->name].u.str;

        sov_jrun_fail(&m->r, SOV_EFORMAT,
                      "macro '%.*s' takes %u arguments, and gets others",
                      (int)(name->len < 100 ? name->len : 100), name->p,
                      (unsigned)proto->n_param);
        return;
    }
    if (proto->wants_more) {
        sov_jvm_store(m, proto->varargs, more);
        sov_jvm_store(m, proto->kwargs, named);
    }
    if (caller.sub == J_NOT_SET)
        caller.sub = 0;
    sov_jvm_store(m, proto->caller, caller);
}

/* Begin a macro; its value comes with OP_RETURN. */
static void
call_macro(struct sov_jvm *m, const struct sov_jmacro *macro,
           const struct sov_jargs *a)
{
    const struct sov_jproto *proto = &m->r.t->proto[macro->proto];
    const uint32_t *param = params_of(m, proto);
    struct sov_jval *given =
        sov_jrun_take(&m->r, proto->n_param + 1, sizeof(*given));
    struct sov_jframe *f = sov_jvm_enter(m, F_MACRO);

    if (given == NULL || f == NULL)
        return;
    f->back = m->at;
    f->arg = given;
    m->scope = sov_jvm_scope(m, macro->scope);
    if (m->scope == NULL)
        return;
    for (size_t i = 0; i < proto->n_param; i++)
        given[i].sub = J_NOT_SET;
    bind_args(m, proto, a, given);
    for (size_t i = 0; i < proto->n_param && m->r.rc == 0; i++) {
        struct sov_jval v = given[i];

        if (v.type == J_UNDEF && v.sub == J_NOT_SET)
            v = (struct sov_jval){ .type = J_UNDEF,
                                   .u.str = m->r.t->name[param[i]].u.str };
        sov_jvm_store(m, param[i], v);
    }
    m->at = macro->entry;
}

/* What is called is below its arguments on the stack. */
static struct sov_jargs
args_of(const struct sov_jvm *m, const struct sov_jinstr *in)
{
    size_t n = in->a + m->more, n_kw = in->b + m->more_kw;
    const struct sov_jval *first = m->stack + m->n - n - 2 * n_kw;

    return (struct sov_jargs){ first[-1], first, n, first + n, n_kw };
}

/* Take what is called, and its arguments, from the stack. */
static void
drop(struct sov_jvm *m, const struct sov_jargs *a)
{
    m->n -= a->n + 2 * a->n_kw + 1;
    m->more = m->more_kw = 0;
}

static void
finish(struct sov_jvm *m, const struct sov_jargs *a, struct sov_jval v)
{
    drop(m, a);
    sov_jvm_push(m, v);
}

void
sov_jvm_spread(struct sov_jvm *m, const struct sov_jinstr *in)
{
    struct sov_jval dict = in->c & 2 ? sov_jvm_pop(m) : J_VAL_NONE;
    size_t n = 2u * in->b;
    struct sov_jval *kw = sov_jrun_take(&m->r, n + 1, sizeof(*kw));
    struct sov_jlist *list = NULL;

    if (kw == NULL)
        return;
    memcpy(kw, m->stack + m->n - n, n * sizeof(*kw));
    m->n -= n;
    if (in->c & 1)
        list = sov_jval_items(&m->r, sov_jvm_pop(m));
    m->more = list != NULL ? list->n : 0;
    for (size_t i = 0; i < m->more && sov_jrun_charge(&m->r, 1); i++)
        sov_jvm_push(m, list->v[i]);
    for (size_t i = 0; i < n && m->r.rc == 0; i++)
        sov_jvm_push(m, kw[i]);
    if (!(in->c & 2))
        return;
    if (dict.type != J_DICT) {
        sov_jrun_fail(&m->r, SOV_EFORMAT, "named arguments from a %s",
                      sov_jval_kind(dict));
        return;
    }
    m->more_kw = dict.u.dict->n;
    for (size_t i = 0; i < m->more_kw && sov_jrun_charge(&m->r, 1); i++) {
        if (dict.u.dict->v[i].key.type != J_STR)
            sov_jrun_fail(&m->r, SOV_EFORMAT, "a name that is a %s",
                          sov_jval_kind(dict.u.dict->v[i].key));
        sov_jvm_push(m, dict.u.dict->v[i].key);
        sov_jvm_push(m, dict.u.dict->v[i].val);
    }
}

static struct sov_jval
turn_cycle(struct sov_jcycle *c)
{
    size_t at = c->at++;

    if (c->joiner)
        return c->items->v[at > 0 ? 1 : 0];
    return c->items->n > 0 ? c->items->v[at % c->items->n] : J_VAL_UNDEF;
}

/* ---- recursive loops */

/* One round, with v to go through; its text is a value at the end of it. */
static void
enter_loop(struct sov_jvm *m, struct sov_jval v, uint32_t entry, uint32_t back,
           uint32_t depth0, struct sov_jscope *around)
{
    struct sov_jframe *f = sov_jvm_enter(m, F_MACRO);

    if (f == NULL)
        return;
    f->back = back;
    f->entry = entry;
    f->depth0 = depth0;
    f->around = around;
    m->scope = sov_jvm_scope(m, around);
    sov_jvm_push(m, v);
    m->at = entry;
}

void
sov_jvm_recur(struct sov_jvm *m, const struct sov_jinstr *in)
{
    enter_loop(m, sov_jvm_pop(m), m->at, m->at + (uint32_t)in->c, 0, m->scope);
}

static void
call_loop(struct sov_jvm *m, const struct sov_jloop *loop,
          const struct sov_jargs *a)
{
    struct sov_jval v = a->n > 0 ? a->pos[0] : J_VAL_UNDEF;

    if (loop->entry == 0)
        sov_jrun_fail(&m->r, SOV_EFORMAT,
                      "a loop that is not recursive is called");
    else if (a->n != 1 || a->n_kw > 0)
        sov_jrun_fail(&m->r, SOV_EFORMAT,
                      "a loop takes one argument, what to go through");
    if (m->r.rc < 0)
        return;
    drop(m, a);
    enter_loop(m, v, loop->entry, m->at, loop->depth0 + 1, loop->scope);
}

/* ---- calls of all kinds */

static void
call(struct sov_jvm *m, const struct sov_jargs *a, struct sov_jval callee)
{
    if (callee.type == J_MACRO) {
        call_macro(m, callee.u.macro, a);
        drop(m, a);
    } else if (callee.type == J_LOOP) {
        call_loop(m, callee.u.loop, a);
    } else if (callee.type == J_FUNC) {
        finish(m, a, callee.u.fn->call(&m->r, a));
    } else if (callee.type == J_CYCLE) {
        finish(m, a, turn_cycle(callee.u.cycle));
    } else if (sov_jval_defined(&m->r, callee)) {
        sov_jrun_fail(&m->r, SOV_EFORMAT, "a %s cannot be called",
                      sov_jval_kind(callee));
    }
}

void
sov_jvm_call(struct sov_jvm *m, const struct sov_jinstr *in)
{
    struct sov_jargs a = args_of(m, in);

    call(m, &a, a.self);
}

void
sov_jvm_call_method(struct sov_jvm *m, const struct sov_jinstr *in)
{
    struct sov_jargs a = args_of(m, in);
    const struct sov_jstr *name = m->r.t->konst[in->c].u.str;
    const struct sov_jfn *fn;
    struct sov_jval v;

    if (!sov_jval_defined(&m->r, a.self))
        return;
    fn = sov_jmethod_find(a.self.type, name);
    if (fn != NULL) {
        finish(m, &a, fn->call(&m->r, &a));
        return;
    }
    v = sov_jval_attr(&m->r, a.self, name);
    if (v.type == J_UNDEF)
        sov_jrun_fail(&m->r, SOV_EFORMAT, "a %s has no method '%.*s'",
                      sov_jval_kind(a.self),
                      (int)(name->len < 60 ? name->len : 60), name->p);
    else
        call(m, &a, v);
}

void
sov_jvm_call_named(struct sov_jvm *m, const struct sov_jinstr *in, bool test)
{
    struct sov_jargs a = args_of(m, in);
    const struct sov_jstr *name = m->r.t->konst[in->c].u.str;
    const struct sov_jfn *fn =
        test ? sov_jtest_find(name) : sov_jfilter_find(name);

    if (fn != NULL)
        finish(m, &a, fn->call(&m->r, &a));
    else
        sov_jrun_fail(&m->r, SOV_EUNSUP, "there is no %s '%.*s'",
                      test ? "test" : "filter",
                      (int)(name->len < 60 ? name->len : 60), name->p);
}

void
sov_jvm_return(struct sov_jvm *m)
{
    struct sov_jframe f = m->frame[--m->n_frame];

    m->scope = f.scope;
    m->at = f.back;
    sov_jvm_push(m, sov_jvm_take_text(m, f.text));
}
