/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tojson.c - values as JSON, to the byte as json.dumps() of Python
 */
#include "base/limits.h"
#include "base/text.h"
#include "jinja/method.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct how {
    bool ascii;
    bool sort;
    bool lines; /* each element on a line of its own */
    const struct sov_jstr *step;
    const struct sov_jstr *item; /* between elements */
    const struct sov_jstr *key;  /* behind a key */
};

struct level {
    struct sov_jval v;
    size_t at;
    size_t *order; /* of sorted keys, or NULL */
};

/* The escape of a character, or "" if it stands for itself. */
static void
escape(char buf[16], uint32_t cp, bool ascii)
{
    static const char from[] = "\"\\\n\r\t\b\f";
    static const char to[] = "\"\\nrtbf";
    const char *known = cp != 0 && cp < 128 ? strchr(from, (int)cp) : NULL;

    buf[0] = '\0';
    if (known != NULL)
        snprintf(buf, 16, "\\%c", to[known - from]);
    else if (cp < 0x20 || (ascii && cp >= 0x7f && cp < 0x10000 && cp != 0x7f))
        snprintf(buf, 16, "\\u%04x", (unsigned)cp);
    else if (ascii && cp >= 0x10000)
        snprintf(buf, 16, "\\u%04x\\u%04x",
                 (unsigned)(0xd800 + ((cp - 0x10000) >> 10)),
                 (unsigned)(0xdc00 + ((cp - 0x10000) & 0x3ff)));
}

static void
add_string(struct sov_jtext *t, const struct sov_jstr *s, bool ascii)
{
    size_t from = 0;
    uint32_t cp;
    char buf[16];

    sov_jtext_lit(t, "\"");
    for (size_t i = 0; i < s->len && t->r->rc == 0;) {
        size_t n = sov_utf8_step(s->p + i, s->len - i, &cp);

        escape(buf, cp, ascii);
        if (buf[0] != '\0') {
            sov_jtext_part(t, s, from, i - from);
            sov_jtext_lit(t, buf);
            from = i + n;
        }
        i += n;
    }
    sov_jtext_part(t, s, from, s->len - from);
    sov_jtext_lit(t, "\"");
}

static void
add_scalar(struct sov_jtext *t, struct sov_jval v, const struct how *how)
{
    char buf[32];

    switch (v.type) {
    case J_NONE:
        sov_jtext_lit(t, "null");
        break;
    case J_BOOL:
        sov_jtext_lit(t, v.u.i ? "true" : "false");
        break;
    case J_INT:
        snprintf(buf, sizeof(buf), "%" PRId64, v.u.i);
        sov_jtext_lit(t, buf);
        break;
    case J_FLOAT:
        if (isfinite(v.u.f))
            sov_jtext_float(t, v.u.f);
        else
            sov_jtext_lit(t, isnan(v.u.f) ? "NaN"
                             : v.u.f < 0  ? "-Infinity"
                                          : "Infinity");
        break;
    case J_STR:
        add_string(t, v.u.str, how->ascii);
        break;
    default:
        if (sov_jval_defined(t->r, v))
            sov_jrun_fail(t->r, SOV_EFORMAT, "a %s is nothing that JSON has",
                          sov_jval_kind(v));
        break;
    }
}

static void
add_key(struct sov_jtext *t, struct sov_jval key, const struct how *how)
{
    if (key.type == J_STR) {
        add_string(t, key.u.str, how->ascii);
        return;
    }
    sov_jtext_lit(t, "\"");
    add_scalar(t, key, how);
    sov_jtext_lit(t, "\"");
}

static void
new_line(struct sov_jtext *t, const struct how *how, size_t depth)
{
    if (!how->lines)
        return;
    sov_jtext_lit(t, "\n");
    for (size_t i = 0; i < depth && t->r->rc == 0; i++)
        sov_jtext_str(t, how->step);
}

/* Indexes of the pairs by their keys; insertion is enough for what has keys. */
static size_t *
sorted(struct sov_jrun *r, const struct sov_jdict *d)
{
    size_t *order = sov_jrun_take(r, d->n + 1, sizeof(*order));

    for (size_t i = 0; i < d->n && order != NULL; i++) {
        size_t k = i;

        while (k > 0 && sov_jrun_charge(r, 1) &&
               sov_jval_order(r, d->v[order[k - 1]].key, d->v[i].key) > 0) {
            order[k] = order[k - 1];
            k--;
        }
        order[k] = i;
    }
    return r->rc == 0 ? order : NULL;
}

static bool
is_dict(struct sov_jval v)
{
    return v.type == J_DICT || v.type == J_SPACE;
}

static size_t
size_of(struct sov_jval v)
{
    return is_dict(v) ? v.u.dict->n : v.u.list->n;
}

static void
open_level(struct sov_jtext *t, struct level *l, struct sov_jval v,
           const struct how *how)
{
    *l = (struct level){ v, 0, NULL };
    sov_jtext_lit(t, is_dict(v) ? "{" : "[");
    if (is_dict(v) && how->sort)
        l->order = sorted(t->r, v.u.dict);
}

/* The next element of a level, with what stands before it. */
static bool
next_element(struct sov_jtext *t, struct level *l, size_t depth,
             struct sov_jval *v, const struct how *how)
{
    size_t at = l->at;

    if (at == size_of(l->v) || t->r->rc < 0) {
        if (at > 0)
            new_line(t, how, depth - 1);
        sov_jtext_lit(t, is_dict(l->v) ? "}" : "]");
        return false;
    }
    if (at > 0)
        sov_jtext_str(t, how->item);
    new_line(t, how, depth);
    l->at++;
    if (!is_dict(l->v)) {
        *v = l->v.u.list->v[at];
        return true;
    }
    at = l->order != NULL ? l->order[at] : at;
    add_key(t, l->v.u.dict->v[at].key, how);
    sov_jtext_str(t, how->key);
    *v = l->v.u.dict->v[at].val;
    return true;
}

static void
write_json(struct sov_jtext *t, struct sov_jval v, const struct how *how)
{
    struct level level[SOV_CHAT_DEPTH];
    size_t n = 0;

    for (;;) {
        bool deeper = sov_jval_is_list(v) || is_dict(v);

        if (deeper && n == SOV_CHAT_DEPTH) {
            sov_jrun_fail(t->r, SOV_EFORMAT,
                          "values nested deeper than %d levels, which is the "
                          "limit",
                          SOV_CHAT_DEPTH);
            return;
        }
        if (deeper)
            open_level(t, &level[n++], v, how);
        else
            add_scalar(t, v, how);
        while (n > 0 && !next_element(t, &level[n - 1], n, &v, how))
            n--;
        if (n == 0 || !sov_jrun_charge(t->r, 1))
            return;
    }
}

/* indent=N, or the text itself */
static const struct sov_jstr *
indent(struct sov_jrun *r, struct sov_jval v)
{
    struct sov_jtext t = { .r = r };
    struct sov_jval s = v;

    if (v.type != J_STR) {
        if (v.u.i > 1000)
            sov_jrun_fail(r, SOV_EFORMAT,
                          "an indent of %lld; the limit is 1000",
                          (long long)v.u.i);
        for (int64_t i = 0; i < v.u.i && r->rc == 0; i++)
            sov_jtext_lit(&t, " ");
        s = sov_jtext_end(&t);
    }
    return r->rc == 0 ? s.u.str : NULL;
}

struct sov_jval
sov_jfilter_tojson(struct sov_jrun *r, const struct sov_jargs *a)
{
    static const struct sov_jstr comma = { ",", NULL, 1, false };
    static const struct sov_jstr comma_space = { ", ", NULL, 2, false };
    static const struct sov_jstr colon_space = { ": ", NULL, 2, false };
    struct sov_jval step = sov_jarg(a, 1, "indent");
    struct sov_jval between = sov_jarg(a, 2, "separators");
    struct sov_jtext t = { .r = r };
    struct how how = {
        .ascii = sov_jarg_bool(a, 0, "ensure_ascii", false),
        .sort = sov_jarg_bool(a, 3, "sort_keys", false),
        .lines = step.type == J_INT || step.type == J_STR,
        .item = &comma_space,
        .key = &colon_space,
    };

    /* Jinja's own has indent first */
    if (a->n == 1 && a->pos[0].type == J_INT) {
        step = a->pos[0];
        how.ascii = false;
        how.lines = true;
    }
    if (how.lines) {
        how.step = indent(r, step);
        how.item = &comma;
    }
    if (sov_jval_is_list(between) && between.u.list->n == 2 &&
        between.u.list->v[0].type == J_STR &&
        between.u.list->v[1].type == J_STR) {
        how.item = between.u.list->v[0].u.str;
        how.key = between.u.list->v[1].u.str;
    }
    if (r->rc == 0)
        write_json(&t, a->self, &how);
    return sov_jtext_end(&t);
}
