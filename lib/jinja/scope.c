/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.c - names and their values, and what is around what is being run
 */
#include "jinja/machine.h"

struct sov_jval
sov_jvm_load(struct sov_jvm *m, uint32_t name)
{
    struct sov_jval v = { .type = J_UNDEF };
    uint64_t seen = 0;

    for (struct sov_jscope *s = m->scope; s != NULL; s = s->around, seen++)
        for (struct sov_jbind *b = s->bind; b != NULL; b = b->next, seen++)
            if (b->name == name) {
                sov_jrun_charge(&m->r, seen / 8);
                return b->v;
            }
    sov_jrun_charge(&m->r, seen / 8);
    if (m->root[name].type != J_UNDEF || m->root[name].sub != J_NOT_SET)
        return m->root[name];
    v.u.str = m->r.t->name[name].u.str;
    return v;
}

void
sov_jvm_store(struct sov_jvm *m, uint32_t name, struct sov_jval v)
{
    struct sov_jbind *b;
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
        *b = (struct sov_jbind){ m->scope->bind, name, v };
        m->scope->bind = b;
    }
    b->v = v;
}

struct sov_jscope *
sov_jvm_scope(struct sov_jvm *m, struct sov_jscope *around)
{
    struct sov_jscope *s = sov_jrun_take(&m->r, 1, sizeof(*s));

    if (s != NULL)
        s->around = around;
    return s;
}

struct sov_jframe *
sov_jvm_enter(struct sov_jvm *m, enum sov_jframe_kind kind)
{
    struct sov_jframe *f;

    if (m->n_frame == SOV_CHAT_CALLS) {
        sov_jrun_fail(&m->r, SOV_EFORMAT,
                      "macros and loops nested deeper than %d levels, which "
                      "is the limit",
                      SOV_CHAT_CALLS);
        return NULL;
    }
    f = &m->frame[m->n_frame++];
    *f = (struct sov_jframe){ .kind = kind,
                              .scope = m->scope,
                              .text = m->text_len };
    return f;
}

void
sov_jvm_leave(struct sov_jvm *m, bool capture)
{
    struct sov_jframe f = m->frame[--m->n_frame];

    m->scope = f.scope;
    if (capture)
        sov_jvm_push(m, sov_jvm_take_text(m, f.text));
}
