/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.c - memory, and how values are made
 */
#include "jinja/value.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK ((size_t)32 << 10)

/* ---- memory */

struct sov_jblock {
    struct sov_jblock *next;
    size_t used;
    size_t size;
    max_align_t data[];
};

static struct sov_jblock *
new_block(size_t size)
{
    struct sov_jblock *b =
        sov_mem_array(1, offsetof(struct sov_jblock, data) + size);

    if (b != NULL)
        b->size = size;
    return b;
}

void *
sov_jmem_take(struct sov_jmem *m, uint64_t size)
{
    struct sov_jblock *b = m->block;
    void *p;

    if (size > m->limit)
        return NULL;
    size = (size + 15) & ~UINT64_C(15);
    if (size > m->limit - m->used)
        return NULL;
    if (b == NULL || size > b->size - b->used) {
        b = new_block(size > BLOCK / 4 ? (size_t)size : BLOCK);
        if (b == NULL)
            return NULL;
        /* what is large has a block of its own, behind the open one */
        if (size > BLOCK / 4 && m->block != NULL) {
            b->next = m->block->next;
            m->block->next = b;
        } else {
            b->next = m->block;
            m->block = b;
        }
    }
    p = (char *)b->data + b->used;
    b->used += (size_t)size;
    m->used += size;
    return p;
}

void
sov_jmem_free(struct sov_jmem *m)
{
    while (m->block != NULL) {
        struct sov_jblock *next = m->block->next;

        sov_mem_forget(m->block);
        m->block = next;
    }
}

bool
sov_jrun_charge(struct sov_jrun *r, uint64_t n)
{
    if (n > SOV_CHAT_STEPS - r->steps) {
        r->steps = SOV_CHAT_STEPS;
        sov_jrun_fail(r, SOV_EFORMAT,
                      "more work than %llu steps, which is the limit",
                      (unsigned long long)SOV_CHAT_STEPS);
        return false;
    }
    r->steps += n;
    return true;
}

void *
sov_jrun_take(struct sov_jrun *r, size_t n, size_t size)
{
    uint64_t all;
    void *p = NULL;

    if (!__builtin_mul_overflow((uint64_t)n, (uint64_t)size, &all) &&
        sov_jrun_charge(r, all / 256))
        p = sov_jmem_take(&r->mem, all);
    if (p == NULL)
        sov_jrun_fail(r, SOV_EFORMAT,
                      "more values than %llu bytes of memory hold, which is "
                      "the limit",
                      (unsigned long long)SOV_CHAT_MEMORY);
    return p;
}

/* ---- strings */

static struct sov_jval
string(struct sov_jrun *r, const char *p, const unsigned char *mark, size_t len,
       bool given)
{
    struct sov_jstr *s = sov_jrun_take(r, 1, sizeof(*s));

    if (s == NULL)
        return J_VAL_UNDEF;
    *s = (struct sov_jstr){ p, mark, len, given };
    return (struct sov_jval){ .type = J_STR, .u.str = s };
}

struct sov_jval
sov_jval_borrow(struct sov_jrun *r, const char *p, size_t len, bool given)
{
    return string(r, p, NULL, len, given);
}

struct sov_jval
sov_jval_lit(struct sov_jrun *r, const char *text)
{
    return string(r, text, NULL, strlen(text), false);
}

struct sov_jval
sov_jval_part(struct sov_jrun *r, const struct sov_jstr *s, size_t at,
              size_t len)
{
    return string(r, s->p + at, s->mark != NULL ? s->mark + at : NULL, len,
                  s->given);
}

/* ---- text that is being put together */

static bool
make_room(struct sov_jtext *t, size_t len)
{
    size_t cap = t->cap * 2 > t->len + len ? t->cap * 2 : t->len + len + 32;
    char *p;
    unsigned char *mark;

    if (t->r->rc < 0)
        return false;
    if (len <= t->cap - t->len)
        return true;
    p = sov_jrun_take(t->r, cap, 1);
    mark = p != NULL ? sov_jrun_take(t->r, cap, 1) : NULL;
    if (mark == NULL)
        return false;
    if (t->len > 0) {
        memcpy(p, t->p, t->len);
        memcpy(mark, t->mark, t->len);
    }
    t->p = p;
    t->mark = mark;
    t->cap = cap;
    return true;
}

void
sov_jtext_add(struct sov_jtext *t, const void *p, size_t len, bool given)
{
    if (len == 0 || !sov_jrun_charge(t->r, 1 + len / 64) || !make_room(t, len))
        return;
    memcpy(t->p + t->len, p, len);
    memset(t->mark + t->len, given, len);
    t->len += len;
    t->n_given += given ? len : 0;
}

void
sov_jtext_lit(struct sov_jtext *t, const char *text)
{
    sov_jtext_add(t, text, strlen(text), false);
}

void
sov_jtext_part(struct sov_jtext *t, const struct sov_jstr *s, size_t at,
               size_t len)
{
    if (s->mark == NULL) {
        sov_jtext_add(t, s->p + at, len, s->given);
        return;
    }
    if (len == 0 || !sov_jrun_charge(t->r, 1 + len / 32) || !make_room(t, len))
        return;
    memcpy(t->p + t->len, s->p + at, len);
    memcpy(t->mark + t->len, s->mark + at, len);
    for (size_t i = 0; i < len; i++)
        t->n_given += s->mark[at + i];
    t->len += len;
}

void
sov_jtext_str(struct sov_jtext *t, const struct sov_jstr *s)
{
    sov_jtext_part(t, s, 0, s->len);
}

struct sov_jval
sov_jtext_end(struct sov_jtext *t)
{
    bool mixed = t->n_given > 0 && t->n_given < t->len;

    if (t->r->rc < 0)
        return J_VAL_UNDEF;
    return string(t->r, t->p != NULL ? t->p : "", mixed ? t->mark : NULL,
                  t->len, t->n_given > 0);
}

struct sov_jval
sov_jval_str(struct sov_jrun *r, struct sov_jval v)
{
    struct sov_jtext t = { .r = r };

    if (v.type == J_STR)
        return v;
    sov_jtext_val(&t, v);
    return sov_jtext_end(&t);
}

/* ---- lists and dicts */

struct sov_jval
sov_jval_list(struct sov_jrun *r, enum sov_jtype type)
{
    struct sov_jlist *l = sov_jrun_take(r, 1, sizeof(*l));

    if (l == NULL)
        return J_VAL_UNDEF;
    return (struct sov_jval){ .type = (uint8_t)type, .u.list = l };
}

struct sov_jval
sov_jval_dict(struct sov_jrun *r, enum sov_jtype type)
{
    struct sov_jdict *d = sov_jrun_take(r, 1, sizeof(*d));

    if (d == NULL)
        return J_VAL_UNDEF;
    return (struct sov_jval){ .type = (uint8_t)type, .u.dict = d };
}

struct sov_jval
sov_jval_pair(struct sov_jrun *r, struct sov_jval a, struct sov_jval b)
{
    struct sov_jval v = sov_jval_list(r, J_TUPLE);

    if (v.type != J_TUPLE)
        return v;
    sov_jlist_add(r, v.u.list, a);
    sov_jlist_add(r, v.u.list, b);
    return v;
}

/* Room for one more element, by half more at a time. */
static void *
grow(struct sov_jrun *r, void *p, size_t n, size_t *cap, size_t size)
{
    size_t more = *cap + *cap / 2 + 4;
    void *bigger;

    if (r->rc < 0)
        return NULL;
    if (n < *cap)
        return p;
    bigger = sov_jrun_take(r, more, size);
    if (bigger == NULL)
        return NULL;
    if (n > 0)
        memcpy(bigger, p, n * size);
    *cap = more;
    return bigger;
}

void
sov_jlist_add(struct sov_jrun *r, struct sov_jlist *l, struct sov_jval v)
{
    struct sov_jval *p;

    if (r->rc < 0)
        return;
    p = grow(r, l->v, l->n, &l->cap, sizeof(*p));
    if (p == NULL)
        return;
    l->v = p;
    l->v[l->n++] = v;
}

struct sov_jpair *
sov_jdict_get(struct sov_jrun *r, const struct sov_jdict *d,
              struct sov_jval key)
{
    sov_jrun_charge(r, d->n / 8);
    if (key.type == J_STR) {
        for (size_t i = 0; i < d->n; i++) {
            struct sov_jval k = d->v[i].key;

            if (k.type == J_STR && sov_jstr_same(r, k.u.str, key.u.str))
                return &d->v[i];
        }
        return NULL;
    }
    for (size_t i = 0; i < d->n && r->rc == 0; i++)
        if (sov_jval_equal(r, d->v[i].key, key))
            return &d->v[i];
    return NULL;
}

struct sov_jpair *
sov_jdict_find(struct sov_jrun *r, const struct sov_jdict *d, const char *key)
{
    struct sov_jstr s = { key, NULL, strlen(key), false };
    struct sov_jval v = { .type = J_STR, .u.str = &s };

    return sov_jdict_get(r, d, v);
}

void
sov_jdict_set(struct sov_jrun *r, struct sov_jdict *d, struct sov_jval key,
              struct sov_jval val)
{
    struct sov_jpair *p;

    if (r->rc < 0)
        return;
    if (key.type > J_STR && key.type != J_TUPLE) {
        sov_jrun_fail(r, SOV_EFORMAT, "a %s cannot be the key of a dict",
                      sov_jval_kind(key));
        return;
    }
    p = sov_jdict_get(r, d, key);
    if (p != NULL) {
        p->val = val;
        return;
    }
    p = grow(r, d->v, d->n, &d->cap, sizeof(*p));
    if (p == NULL)
        return;
    d->v = p;
    d->v[d->n++] = (struct sov_jpair){ key, val };
}
