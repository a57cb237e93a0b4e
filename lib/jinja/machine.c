/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.c - the code of a template, run
 *
 * One stack of values, one of calls and loops; what is printed goes to one
 * buffer, and a block whose text becomes a value takes it from the buffer's
 * end again.  Names that are set live in scopes, which know the one around
 * them; a macro remembers the scope it was defined in.  The outermost scope is
 * an array over all names of the template.
 */
#include "base/limits.h"
#include "base/mem.h"
#include "jinja/code.h"
#include "jinja/given.h"
#include "jinja/jinja.h"
#include "jinja/method.h"

#include <stdlib.h>
#include <string.h>

struct bind {
    struct bind *next;
    uint32_t name;
    struct sov_jval v;
};

struct sov_jscope {
    struct sov_jscope *around; /* NULL: the outermost */
    struct bind *bind;
};

enum frame_kind { F_MACRO, F_LOOP, F_SIEVE, F_SCOPE, F_CAPTURE };

struct frame {
    enum frame_kind kind;
    struct sov_jscope *scope;   /* to go back to */
    size_t text;                /* F_MACRO, F_CAPTURE: where its text begins */
    uint32_t back;              /* F_MACRO: where to go on */
    uint32_t n_given;           /* F_MACRO: how many parameters have values */
    const struct sov_jval *arg; /* F_MACRO: NULL-less copy of them */
    struct sov_jloop *loop;
    struct sov_jlist *chosen; /* F_SIEVE */
};

struct machine {
    struct sov_jrun r;
    uint32_t at;           /* the next instruction */
    struct sov_jval *root; /* [n_name]; .sub 2: not set */
    struct sov_jscope *scope;
    struct sov_jval *stack;
    size_t n;
    size_t cap;
    struct frame frame[SOV_CHAT_CALLS];
    size_t n_frame;
    char *text;
    unsigned char *mark;
    size_t text_len;
    size_t text_cap;
};

#define NOT_SET 2

/* ---- the stack */

static void
push(struct machine *m, struct sov_jval v)
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
        bigger = realloc(m->stack, cap * sizeof(*bigger));
        if (bigger == NULL) {
            m->r.rc = sov_mem_fail(m->r.err);
            return;
        }
        m->stack = bigger;
        m->cap = cap;
    }
    m->stack[m->n++] = v;
}

/* The code never takes more than it has put there. */
static struct sov_jval
pop(struct machine *m)
{
    return m->stack[--m->n];
}

/* ---- text */

static void
print(struct machine *m, const char *p, const unsigned char *mark, bool given,
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
        char *text = realloc(m->text, cap);
        unsigned char *marks = text != NULL ? realloc(m->mark, cap) : NULL;

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
print_val(struct machine *m, struct sov_jval v)
{
    const struct sov_jstr *s;

    v = sov_jval_str(&m->r, v);
    if (m->r.rc < 0)
        return;
    s = v.u.str;
    print(m, s->p, s->mark, s->given, s->len);
}

/* What was printed since the buffer had at bytes, as a value. */
static struct sov_jval
take_text(struct machine *m, size_t at)
{
    struct sov_jtext t = { .r = &m->r };
    struct sov_jstr s = { m->text + at, m->mark + at, m->text_len - at, false };

    m->text_len = at;
    if (s.len > 0)
        sov_jtext_str(&t, &s);
    return sov_jtext_end(&t);
}

/* ---- names */

static struct sov_jval
load(struct machine *m, uint32_t name)
{
    struct sov_jval v = { .type = J_UNDEF };
    uint64_t seen = 0;

    for (struct sov_jscope *s = m->scope; s != NULL; s = s->around)
        for (struct bind *b = s->bind; b != NULL; b = b->next, seen++)
            if (b->name == name)
                return b->v;
    sov_jrun_charge(&m->r, seen / 8);
    if (m->root[name].type != J_UNDEF || m->root[name].sub != NOT_SET)
        return m->root[name];
    v.u.str = m->r.t->name[name].u.str;
    return v;
}

static void
store(struct machine *m, uint32_t name, struct sov_jval v)
{
    struct bind *b;
    uint64_t seen = 0;

    if (m->scope == NULL) {
        m->root[name] = v;
        return;
    }
    for (b = m->scope->bind; b != NULL && b->name != name; b = b->next)
        seen++;
    sov_jrun_charge(&m->r, seen / 8);
    if (b == NULL) {
        b = sov_jrun_take(&m->r, 1, sizeof(*b));
        if (b == NULL)
            return;
        *b = (struct bind){ m->scope->bind, name, v };
        m->scope->bind = b;
    }
    b->v = v;
}

static struct sov_jscope *
inner_scope(struct machine *m, struct sov_jscope *around)
{
    struct sov_jscope *s = sov_jrun_take(&m->r, 1, sizeof(*s));

    if (s != NULL)
        s->around = around;
    return s;
}

static struct frame *
enter(struct machine *m, enum frame_kind kind)
{
    struct frame *f;

    if (m->n_frame == SOV_CHAT_CALLS) {
        sov_jrun_fail(&m->r, SOV_EFORMAT,
                      "macros and loops nested deeper than %d levels, which "
                      "is the limit",
                      SOV_CHAT_CALLS);
        return NULL;
    }
    f = &m->frame[m->n_frame++];
    *f = (struct frame){ .kind = kind, .scope = m->scope, .text = m->text_len };
    return f;
}

/* ---- calls */

static void
bind_args(struct machine *m, const struct sov_jproto *proto,
          const struct sov_jargs *a, struct sov_jval *given)
{
    const uint32_t *param = m->r.t->param + proto->param;
    struct sov_jval more = sov_jval_list(&m->r, J_TUPLE);
    struct sov_jval named = sov_jval_dict(&m->r, J_DICT);
    struct sov_jval caller = { .type = J_UNDEF, .sub = NOT_SET };

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
        store(m, proto->varargs, more);
        store(m, proto->kwargs, named);
    }
    store(m, proto->caller,
          caller.sub == NOT_SET ? (struct sov_jval){ .type = J_UNDEF }
                                : caller);
}

/* Begin a macro; its value comes with OP_RETURN. */
static void
call_macro(struct machine *m, const struct sov_jmacro *macro,
           const struct sov_jargs *a)
{
    const struct sov_jproto *proto = &m->r.t->proto[macro->proto];
    const uint32_t *param = m->r.t->param + proto->param;
    struct sov_jval *given =
        sov_jrun_take(&m->r, proto->n_param + 1, sizeof(*given));
    struct frame *f = enter(m, F_MACRO);

    if (given == NULL || f == NULL)
        return;
    f->back = m->at;
    f->arg = given;
    m->scope = inner_scope(m, macro->scope);
    if (m->scope == NULL)
        return;
    for (size_t i = 0; i < proto->n_param; i++)
        given[i].sub = NOT_SET;
    bind_args(m, proto, a, given);
    for (size_t i = 0; i < proto->n_param && m->r.rc == 0; i++) {
        struct sov_jval v = given[i];

        if (v.type == J_UNDEF && v.sub == NOT_SET)
            v = (struct sov_jval){ .type = J_UNDEF,
                                   .u.str = m->r.t->name[param[i]].u.str };
        store(m, param[i], v);
    }
    m->at = macro->entry;
}

/* What is called is below its arguments on the stack. */
static struct sov_jargs
args_of(struct machine *m, const struct sov_jinstr *in)
{
    struct sov_jval *first = m->stack + m->n - in->a - 2u * in->b;

    return (struct sov_jargs){ first[-1], first, in->a, first + in->a, in->b };
}

/* Take the arguments from the stack, and put the value there. */
static void
finish_call(struct machine *m, const struct sov_jinstr *in, struct sov_jval v)
{
    m->n -= in->a + 2u * in->b + 1u;
    push(m, v);
}

static struct sov_jval
turn_cycle(struct sov_jcycle *c)
{
    size_t at = c->at++;

    if (c->joiner)
        return c->items->v[at > 0 ? 1 : 0];
    return c->items->n > 0 ? c->items->v[at % c->items->n] : J_VAL_UNDEF;
}

static void
call(struct machine *m, const struct sov_jinstr *in, struct sov_jval callee)
{
    struct sov_jargs a = args_of(m, in);

    if (callee.type == J_MACRO) {
        call_macro(m, callee.u.macro, &a);
        m->n -= in->a + 2u * in->b + 1u;
    } else if (callee.type == J_FUNC) {
        finish_call(m, in, callee.u.fn->call(&m->r, &a));
    } else if (callee.type == J_CYCLE) {
        finish_call(m, in, turn_cycle(callee.u.cycle));
    } else if (sov_jval_defined(&m->r, callee)) {
        sov_jrun_fail(&m->r, SOV_EFORMAT, "a %s cannot be called",
                      sov_jval_kind(callee));
    }
}

/* object.name(args): a method, or a value that can be called. */
static void
call_method(struct machine *m, const struct sov_jinstr *in)
{
    struct sov_jargs a = args_of(m, in);
    const struct sov_jstr *name = m->r.t->konst[in->c].u.str;
    const struct sov_jfn *fn;
    struct sov_jval v;

    if (!sov_jval_defined(&m->r, a.self))
        return;
    fn = sov_jmethod_find(a.self.type, name);
    if (fn != NULL) {
        finish_call(m, in, fn->call(&m->r, &a));
        return;
    }
    v = sov_jval_attr(&m->r, a.self, name);
    if (v.type == J_UNDEF)
        sov_jrun_fail(&m->r, SOV_EFORMAT, "a %s has no method '%.*s'",
                      sov_jval_kind(a.self),
                      (int)(name->len < 60 ? name->len : 60), name->p);
    else
        call(m, in, v);
}

static void
call_named(struct machine *m, const struct sov_jinstr *in, bool test)
{
    struct sov_jargs a = args_of(m, in);
    const struct sov_jstr *name = m->r.t->konst[in->c].u.str;
    const struct sov_jfn *fn =
        test ? sov_jtest_find(name) : sov_jfilter_find(name);

    if (fn != NULL)
        finish_call(m, in, fn->call(&m->r, &a));
    else
        sov_jrun_fail(&m->r, SOV_EUNSUP, "there is no %s '%.*s'",
                      test ? "test" : "filter",
                      (int)(name->len < 60 ? name->len : 60), name->p);
}

static void
return_macro(struct machine *m)
{
    struct frame f = m->frame[--m->n_frame];

    m->scope = f.scope;
    m->at = f.back;
    push(m, take_text(m, f.text));
}

/* ---- making values */

static void
make_list(struct machine *m, enum sov_jtype type, size_t n)
{
    struct sov_jval v = sov_jval_list(&m->r, type);

    for (size_t i = 0; i < n && m->r.rc == 0; i++)
        sov_jlist_add(&m->r, v.u.list, m->stack[m->n - n + i]);
    m->n -= n;
    push(m, v);
}

static void
make_dict(struct machine *m, size_t n)
{
    struct sov_jval v = sov_jval_dict(&m->r, J_DICT);
    const struct sov_jval *first = m->stack + m->n - 2 * n;

    for (size_t i = 0; i < n && m->r.rc == 0; i++)
        sov_jdict_set(&m->r, v.u.dict, first[2 * i], first[2 * i + 1]);
    m->n -= 2 * n;
    push(m, v);
}

static void
make_macro(struct machine *m, uint32_t proto)
{
    struct sov_jmacro *macro = sov_jrun_take(&m->r, 1, sizeof(*macro));

    if (macro == NULL)
        return;
    *macro = (struct sov_jmacro){ proto, m->at + 1, m->scope };
    push(m, (struct sov_jval){ .type = J_MACRO, .u.macro = macro });
}

static void
negate(struct machine *m)
{
    struct sov_jval v = pop(m);

    if (v.type == J_FLOAT)
        v.u.f = -v.u.f;
    else if (v.type <= J_FLOAT && v.type >= J_BOOL && v.u.i != INT64_MIN)
        v = sov_jval_int(-v.u.i);
    else if (sov_jval_defined(&m->r, v))
        sov_jrun_fail(&m->r, SOV_EFORMAT, "minus a %s", sov_jval_kind(v));
    push(m, v);
}

static void
chain(struct machine *m, const struct sov_jinstr *in)
{
    struct sov_jval b = pop(m), a = pop(m);
    struct sov_jval v = sov_jval_binary(&m->r, in->a, a, b);

    if (sov_jval_true(v)) {
        push(m, b);
        return;
    }
    push(m, v);
    m->at += (uint32_t)in->c;
}

static void
set_attr(struct machine *m, const struct sov_jinstr *in)
{
    struct sov_jval space = pop(m), v = pop(m);

    if (space.type == J_SPACE)
        sov_jdict_set(&m->r, space.u.dict, m->r.t->konst[in->c], v);
    else if (sov_jval_defined(&m->r, space))
        sov_jrun_fail(&m->r, SOV_EFORMAT,
                      "attributes are set of namespaces alone, not of a %s",
                      sov_jval_kind(space));
}

static void
unpack(struct machine *m, size_t n)
{
    struct sov_jlist *l = sov_jval_items(&m->r, pop(m));

    if (l == NULL)
        return;
    if (l->n != n) {
        sov_jrun_fail(&m->r, SOV_EFORMAT, "%zu values for %zu names", l->n, n);
        return;
    }
    for (size_t i = n; i > 0; i--)
        push(m, l->v[i - 1]);
}

/* ---- loops */

static void
push_items(struct machine *m)
{
    struct sov_jval v = pop(m);
    struct sov_jlist *l = sov_jval_items(&m->r, v);
    struct sov_jval out = sov_jval_list(&m->r, J_LIST);

    if (l == NULL || m->r.rc < 0)
        return;
    /* what is appended while the loop runs is not seen by it */
    *out.u.list = *l;
    if (sov_jrun_charge(&m->r, 1 + l->n / 8))
        push(m, out);
}

static void
begin_loop(struct machine *m, const struct sov_jinstr *in)
{
    struct sov_jlist *items = pop(m).u.list;
    struct sov_jloop *loop;
    struct frame *f;

    if (items->n == 0) {
        m->at += (uint32_t)in->c;
        return;
    }
    loop = sov_jrun_take(&m->r, 1, sizeof(*loop));
    f = enter(m, F_LOOP);
    if (loop == NULL || f == NULL)
        return;
    loop->items = items;
    loop->at = SIZE_MAX;
    f->loop = loop;
}

static void
next_item(struct machine *m, const struct sov_jinstr *in, uint32_t loop_name)
{
    struct frame *f;
    struct sov_jloop *loop;

    /* a continue may lead out of scopes */
    while (m->frame[m->n_frame - 1].kind != F_LOOP)
        m->n_frame--;
    f = &m->frame[m->n_frame - 1];
    loop = f->loop;
    if (loop->at + 1 == loop->items->n) {
        m->at += (uint32_t)in->c;
        return;
    }
    loop->at++;
    m->scope = inner_scope(m, f->scope);
    if (m->scope == NULL)
        return;
    if (loop_name != UINT32_MAX)
        store(m, loop_name,
              (struct sov_jval){ .type = J_LOOP, .u.loop = loop });
    push(m, loop->items->v[loop->at]);
}

static void
end_loop(struct machine *m)
{
    while (m->frame[m->n_frame - 1].kind != F_LOOP)
        m->n_frame--;
    m->scope = m->frame[--m->n_frame].scope;
}

static void
begin_sieve(struct machine *m)
{
    struct sov_jlist *items = pop(m).u.list;
    struct sov_jval out = sov_jval_list(&m->r, J_LIST);
    struct sov_jloop *loop = sov_jrun_take(&m->r, 1, sizeof(*loop));
    struct frame *f = enter(m, F_SIEVE);

    if (loop == NULL || f == NULL)
        return;
    loop->items = items;
    loop->at = SIZE_MAX;
    f->loop = loop;
    f->chosen = out.u.list;
}

static void
try_item(struct machine *m, const struct sov_jinstr *in)
{
    struct frame *f = &m->frame[m->n_frame - 1];

    if (++f->loop->at == f->loop->items->n) {
        m->scope = f->scope;
        m->n_frame--;
        push(m, (struct sov_jval){ .type = J_LIST, .u.list = f->chosen });
        m->at += (uint32_t)in->c;
        return;
    }
    m->scope = inner_scope(m, f->scope);
    push(m, f->loop->items->v[f->loop->at]);
}

static void
choose(struct machine *m)
{
    struct frame *f = &m->frame[m->n_frame - 1];

    if (sov_jval_true(pop(m)))
        sov_jlist_add(&m->r, f->chosen, f->loop->items->v[f->loop->at]);
}

static void
leave_scope(struct machine *m, bool capture)
{
    struct frame f = m->frame[--m->n_frame];

    m->scope = f.scope;
    if (capture)
        push(m, take_text(m, f.text));
}

/* ---- instructions */

/* Jumps and names; false if it is none of them. */
static bool
step_flow(struct machine *m, const struct sov_jinstr *in)
{
    switch ((enum sov_jop)in->op) {
    case OP_JUMP:
        m->at += (uint32_t)in->c;
        break;
    case OP_UNLESS:
        if (!sov_jval_true(pop(m)))
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

        if (v.type != J_UNDEF || v.sub != NOT_SET)
            m->at += (uint32_t)in->c;
        break;
    }
    case OP_RETURN:
        return_macro(m);
        break;
    case OP_SCOPE:
    case OP_CAPTURE:
        if (enter(m, in->op == OP_SCOPE ? F_SCOPE : F_CAPTURE) != NULL)
            m->scope = inner_scope(m, m->scope);
        break;
    case OP_UNSCOPE:
    case OP_TAKE:
        leave_scope(m, in->op == OP_TAKE);
        break;
    default:
        return false;
    }
    return true;
}

static bool
step_loop(struct machine *m, const struct sov_jinstr *in, uint32_t loop_name)
{
    switch ((enum sov_jop)in->op) {
    case OP_ITER:
        push_items(m);
        break;
    case OP_SIEVE:
        begin_sieve(m);
        break;
    case OP_TRY:
        try_item(m, in);
        break;
    case OP_CHOOSE:
        choose(m);
        break;
    case OP_FOR:
        begin_loop(m, in);
        break;
    case OP_NEXT:
        next_item(m, in, loop_name);
        break;
    case OP_ENDFOR:
        end_loop(m);
        break;
    default:
        return false;
    }
    return true;
}

static bool
step_value(struct machine *m, const struct sov_jinstr *in)
{
    struct sov_jval *top = m->stack + m->n - 1;
    struct sov_jval v;

    switch ((enum sov_jop)in->op) {
    case OP_UNDEF:
        push(m, J_VAL_UNDEF);
        break;
    case OP_ITEM:
        v = sov_jval_at(&m->r, top[-1], top[0]);
        m->n -= 2;
        push(m, v);
        break;
    case OP_SLICE:
        v = sov_jval_slice(&m->r, top[-3], top - 2);
        m->n -= 4;
        push(m, v);
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
step(struct machine *m, const struct sov_jinstr *in, uint32_t loop_name)
{
    const struct sov_jval *konst = m->r.t->konst;
    struct sov_jval v;

    switch ((enum sov_jop)in->op) {
    case OP_CONST:
        push(m, konst[in->c]);
        break;
    case OP_NAME:
        push(m, load(m, (uint32_t)in->c));
        break;
    case OP_ATTR:
        v = sov_jval_attr(&m->r, pop(m), konst[in->c].u.str);
        push(m, v);
        break;
    case OP_BINARY:
        v = sov_jval_binary(&m->r, in->a, m->stack[m->n - 2],
                            m->stack[m->n - 1]);
        m->n -= 2;
        push(m, v);
        break;
    case OP_TEXT:
        v = konst[in->c];
        print(m, v.u.str->p, NULL, false, v.u.str->len);
        break;
    case OP_PRINT:
        print_val(m, pop(m));
        break;
    case OP_STORE:
        store(m, (uint32_t)in->c, pop(m));
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
        call(m, in, args_of(m, in).self);
        break;
    case OP_METHOD:
        call_method(m, in);
        break;
    case OP_FILTER:
    case OP_TEST:
        call_named(m, in, in->op == OP_TEST);
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
set_names(struct machine *m, const struct sov_jinja_opts *opts)
{
    const struct sov_jinja *t = m->r.t;
    const struct sov_jfn *fn;

    m->root = sov_jrun_take(&m->r, t->n_name + 1, sizeof(*m->root));
    if (m->root == NULL)
        return;
    for (size_t i = 0; i < t->n_name; i++)
        m->root[i].sub = NOT_SET;
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
    struct machine *m = sov_mem_array(1, sizeof(*m));
    uint32_t loop_name = find_name(t, "loop");
    int rc;

    *text = (struct sov_jinja_text){ 0 };
    if (m == NULL)
        return sov_mem_fail(err);
    m->r = (struct sov_jrun){
        .t = t, .err = err, .now = &opts->now, .mem.limit = SOV_CHAT_MEMORY
    };
    set_names(m, opts);
    push(m, J_VAL_NONE); /* so that there is a stack */
    print(m, "", NULL, false, 0);
    while (m->r.rc == 0 && m->at < t->n_code) {
        const struct sov_jinstr *in = &t->code[m->at++];

        m->r.pos = in->pos;
        if (sov_jrun_charge(&m->r, 1))
            step(m, in, loop_name);
    }
    rc = m->r.rc;
    text->refused = m->r.refused;
    if (rc == 0) {
        text->p = m->text;
        text->mark = m->mark;
        text->len = m->text_len;
        text->p[text->len] = '\0';
    } else {
        free(m->text);
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
    free(text->p);
    free(text->mark);
    *text = (struct sov_jinja_text){ 0 };
}
