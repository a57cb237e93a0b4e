/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.c - loops, and which of their items are chosen
 */
#include "jinja/machine.h"

void
sov_jvm_iter(struct sov_jvm *m)
{
    struct sov_jval v = sov_jvm_pop(m);
    struct sov_jlist *l = sov_jval_items(&m->r, v);
    struct sov_jval out = sov_jval_list(&m->r, J_LIST);

    if (l == NULL || m->r.rc < 0)
        return;
    /* what is appended while the loop runs is not seen by it */
    *out.u.list = *l;
    if (sov_jrun_charge(&m->r, 1 + l->n / 8))
        sov_jvm_push(m, out);
}

void
sov_jvm_loop(struct sov_jvm *m, const struct sov_jinstr *in)
{
    struct sov_jlist *items = sov_jvm_pop(m).u.list;
    struct sov_jloop *loop;
    struct sov_jframe *f;

    if (items->n == 0) {
        m->at += (uint32_t)in->c;
        return;
    }
    loop = sov_jrun_take(&m->r, 1, sizeof(*loop));
    f = sov_jvm_enter(m, F_LOOP);
    if (loop == NULL || f == NULL)
        return;
    loop->items = items;
    loop->at = SIZE_MAX;
    f->loop = loop;
    if (in->a) { /* the round of a recursive loop is right around it */
        loop->entry = f[-1].entry;
        loop->depth0 = f[-1].depth0;
        loop->scope = f[-1].around;
    }
}

void
sov_jvm_next(struct sov_jvm *m, const struct sov_jinstr *in, uint32_t loop_name)
{
    struct sov_jframe *f;
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
    m->scope = sov_jvm_scope(m, f->scope);
    if (m->scope == NULL)
        return;
    if (loop_name != UINT32_MAX)
        sov_jvm_store(m, loop_name,
                      (struct sov_jval){ .type = J_LOOP, .u.loop = loop });
    sov_jvm_push(m, loop->items->v[loop->at]);
}

void
sov_jvm_round(struct sov_jvm *m)
{
    m->frame[m->n_frame - 1].loop->round = true;
}

void
sov_jvm_end_loop(struct sov_jvm *m, const struct sov_jinstr *in)
{
    const struct sov_jframe *f;

    while (m->frame[m->n_frame - 1].kind != F_LOOP)
        m->n_frame--;
    f = &m->frame[--m->n_frame];
    m->scope = f->scope;
    m->at += in->a && !f->loop->round;
}

void
sov_jvm_sieve(struct sov_jvm *m)
{
    struct sov_jlist *items = sov_jvm_pop(m).u.list;
    struct sov_jval out = sov_jval_list(&m->r, J_LIST);
    struct sov_jloop *loop = sov_jrun_take(&m->r, 1, sizeof(*loop));
    struct sov_jframe *f = sov_jvm_enter(m, F_SIEVE);

    if (loop == NULL || f == NULL)
        return;
    loop->items = items;
    loop->at = SIZE_MAX;
    f->loop = loop;
    f->chosen = out.u.list;
}

void
sov_jvm_try(struct sov_jvm *m, const struct sov_jinstr *in)
{
    struct sov_jframe *f = &m->frame[m->n_frame - 1];

    if (++f->loop->at == f->loop->items->n) {
        m->scope = f->scope;
        m->n_frame--;
        sov_jvm_push(m,
                     (struct sov_jval){ .type = J_LIST, .u.list = f->chosen });
        m->at += (uint32_t)in->c;
        return;
    }
    m->scope = sov_jvm_scope(m, f->scope);
    sov_jvm_push(m, f->loop->items->v[f->loop->at]);
}

void
sov_jvm_choose(struct sov_jvm *m)
{
    struct sov_jframe *f = &m->frame[m->n_frame - 1];

    if (sov_jval_true(sov_jvm_pop(m)))
        sov_jlist_add(&m->r, f->chosen, f->loop->items->v[f->loop->at]);
}
