/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - values as text, and strings taken apart
 */
#include "base/limits.h"
#include "base/text.h"
#include "jinja/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers */

/* The fewest digits that are read back as f, and their exponent. */
static int
shortest(double f, char digits[24], int *n)
{
    char buf[40];
    int exponent;

    for (int precision = 0; precision <= 16; precision++) {
        snprintf(buf, sizeof(buf), "%.*e", precision, f);
        if (precision == 16 || strtod(buf, NULL) == f)
            break;
    }
    exponent = atoi(strchr(buf, 'e') + 1);
    *n = 0;
    for (const char *p = buf; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            digits[(*n)++] = *p;
    while (*n > 1 && digits[*n - 1] == '0')
        --*n;
    return exponent;
}

void
sov_jtext_float(struct sov_jtext *t, double f)
{
    char digits[24] = "";
    char buf[64];
    size_t at = 0;
    int n, e;

    if (signbit(f) && !isnan(f))
        sov_jtext_lit(t, "-");
    f = fabs(f);
    e = shortest(f, digits, &n);
    if (e < -4 || e >= 16) {
        buf[at++] = digits[0];
        if (n > 1)
            buf[at++] = '.';
        for (int i = 1; i < n; i++)
            buf[at++] = digits[i];
        at += (size_t)snprintf(buf + at, sizeof(buf) - at, "e%c%02d",
                               e < 0 ? '-' : '+', abs(e));
        sov_jtext_add(t, buf, at, false);
        return;
    }
    for (int i = e < 0 ? e : 0; i < n || i <= e + 1; i++) {
        if (i == e + 1)
            buf[at++] = '.';
        buf[at++] = i >= 0 && i < n ? digits[i] : '0';
    }
    sov_jtext_add(t, buf, at, false);
}

static void
add_float(struct sov_jtext *t, double f)
{
    if (isnan(f))
        sov_jtext_lit(t, "nan");
    else if (isinf(f))
        sov_jtext_lit(t, f < 0 ? "-inf" : "inf");
    else
        sov_jtext_float(t, f);
}

/* ---- str() and repr() */

static void
quote(struct sov_jtext *t, const struct sov_jstr *s)
{
    bool twice =
        memchr(s->p, '\'', s->len) != NULL && memchr(s->p, '"', s->len) == NULL;
    const char *mark = twice ? "\"" : "'";

    sov_jtext_lit(t, mark);
    for (size_t i = 0, from = 0; i <= s->len; i++) {
        unsigned char c = i < s->len ? (unsigned char)s->p[i] : 0;
        char esc[8] = "";

        if (c == '\\' || c == (unsigned char)mark[0])
            snprintf(esc, sizeof(esc), "\\%c", c);
        else if (c == '\n' || c == '\r' || c == '\t')
            snprintf(esc, sizeof(esc), "\\%c",
                     c == '\n'   ? 'n'
                     : c == '\r' ? 'r'
                                 : 't');
        else if (c < 0x20 || c == 0x7f)
            snprintf(esc, sizeof(esc), "\\x%02x", c);
        if (i < s->len && esc[0] == '\0')
            continue;
        sov_jtext_part(t, s, from, i - from);
        if (i < s->len)
            sov_jtext_lit(t, esc);
        from = i + 1;
    }
    sov_jtext_lit(t, mark);
}

static void
add_range(struct sov_jtext *t, const struct sov_jrange *r)
{
    char buf[80];

    snprintf(buf, sizeof(buf), "range(%" PRId64 ", %" PRId64, r->start,
             r->stop);
    sov_jtext_lit(t, buf);
    snprintf(buf, sizeof(buf), ", %" PRId64, r->step);
    sov_jtext_lit(t, r->step == 1 ? ")" : buf);
    sov_jtext_lit(t, r->step == 1 ? "" : ")");
}

/* What is no list and no dict. */
static void
scalar(struct sov_jtext *t, struct sov_jval v, bool quoted)
{
    char buf[64];

    switch (v.type) {
    case J_UNDEF:
        if (quoted)
            sov_jtext_lit(t, "Undefined");
        break;
    case J_NONE:
        sov_jtext_lit(t, "None");
        break;
    case J_BOOL:
        sov_jtext_lit(t, v.u.i ? "True" : "False");
        break;
    case J_INT:
        snprintf(buf, sizeof(buf), "%" PRId64, v.u.i);
        sov_jtext_lit(t, buf);
        break;
    case J_FLOAT:
        add_float(t, v.u.f);
        break;
    case J_STR:
        if (quoted)
            quote(t, v.u.str);
        else
            sov_jtext_str(t, v.u.str);
        break;
    case J_RANGE:
        add_range(t, v.u.range);
        break;
    default:
        snprintf(buf, sizeof(buf), "<%s>", sov_jval_kind(v));
        sov_jtext_lit(t, buf);
        break;
    }
}

struct level {
    struct sov_jval v;
    size_t at;
};

static void
open_level(struct sov_jtext *t, struct level *l, struct sov_jval v)
{
    *l = (struct level){ v, 0 };
    if (v.type == J_SPACE)
        sov_jtext_lit(t, "<Namespace ");
    sov_jtext_lit(t, v.type == J_LIST ? "[" : v.type == J_TUPLE ? "(" : "{");
}

static void
close_level(struct sov_jtext *t, const struct level *l)
{
    if (l->v.type == J_TUPLE && l->v.u.list->n == 1)
        sov_jtext_lit(t, ",");
    sov_jtext_lit(t, l->v.type == J_LIST    ? "]"
                     : l->v.type == J_TUPLE ? ")"
                     : l->v.type == J_DICT  ? "}"
                                            : "}>");
}

/* The next element of a level, its key written; false at the end. */
static bool
next_element(struct sov_jtext *t, struct level *l, struct sov_jval *v)
{
    bool list = sov_jval_is_list(l->v);
    size_t n = list ? l->v.u.list->n : l->v.u.dict->n;

    if (l->at == n)
        return false;
    if (l->at > 0)
        sov_jtext_lit(t, ", ");
    if (list) {
        *v = l->v.u.list->v[l->at];
    } else {
        /* a key that is a tuple is named, not shown */
        scalar(t, l->v.u.dict->v[l->at].key, true);
        sov_jtext_lit(t, ": ");
        *v = l->v.u.dict->v[l->at].val;
    }
    l->at++;
    return true;
}

static void
write_val(struct sov_jtext *t, struct sov_jval v, bool quoted)
{
    struct level level[SOV_CHAT_DEPTH];
    size_t n = 0;

    for (;;) {
        bool deeper =
            sov_jval_is_list(v) || v.type == J_DICT || v.type == J_SPACE;

        if (deeper && n == SOV_CHAT_DEPTH) {
            sov_jrun_fail(t->r, SOV_EFORMAT,
                          "values nested deeper than %d levels, which is the "
                          "limit",
                          SOV_CHAT_DEPTH);
            return;
        }
        if (deeper)
            open_level(t, &level[n++], v);
        else
            scalar(t, v, quoted || n > 0);
        while (n > 0 && !next_element(t, &level[n - 1], &v))
            close_level(t, &level[--n]);
        if (n == 0 || !sov_jrun_charge(t->r, 1))
            return;
    }
}

void
sov_jtext_val(struct sov_jtext *t, struct sov_jval v)
{
    write_val(t, v, false);
}

void
sov_jtext_repr(struct sov_jtext *t, struct sov_jval v)
{
    write_val(t, v, true);
}

/* ---- strings taken apart */

bool
sov_jstr_is(const struct sov_jstr *s, const char *text)
{
    return s->len == strlen(text) && memcmp(s->p, text, s->len) == 0;
}

bool
sov_jstr_same(struct sov_jrun *r, const struct sov_jstr *a,
              const struct sov_jstr *b)
{
    if (a->len != b->len ||
        (a->len >= 256 && !sov_jrun_charge(r, a->len / 256)))
        return false;
    return a->p == b->p || memcmp(a->p, b->p, a->len) == 0;
}

size_t
sov_jstr_chars(const struct sov_jstr *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->len; i++)
        n += ((unsigned char)s->p[i] & 0xc0) != 0x80;
    return n;
}

size_t
sov_jstr_byte(const struct sov_jstr *s, size_t n)
{
    size_t i = 0;

    while (i < s->len && n > 0) {
        i += sov_utf8_len((unsigned char)s->p[i]);
        n--;
    }
    return i;
}

size_t
sov_jstr_find(struct sov_jrun *r, const struct sov_jstr *s,
              const struct sov_jstr *part, size_t from)
{
    const void *p;

    if (from > s->len || !sov_jrun_charge(r, 1 + (s->len - from) / 64))
        return SIZE_MAX;
    p = memmem(s->p + from, s->len - from, part->p, part->len);
    return p != NULL ? (size_t)((const char *)p - s->p) : SIZE_MAX;
}

bool
sov_jchar_space(uint32_t cp)
{
    return (cp >= 9 && cp <= 13) || (cp >= 0x1c && cp <= 0x20) || cp == 0x85 ||
           cp == 0xa0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) ||
           cp == 0x2028 || cp == 0x2029 || cp == 0x202f || cp == 0x205f ||
           cp == 0x3000;
}

/* What ends a line: \n \r \v \f, 0x1c to 0x1e, 0x85, 0x2028 and 0x2029. */
size_t
sov_jstr_line(const struct sov_jstr *s, size_t at, size_t *next)
{
    uint32_t cp;

    for (size_t n; at < s->len; at += n) {
        n = sov_utf8_step(s->p + at, s->len - at, &cp);
        if ((cp < 10 || cp > 13) && (cp < 0x1c || cp > 0x1e) && cp != 0x85 &&
            cp != 0x2028 && cp != 0x2029)
            continue;
        *next = at + n;
        if (cp == '\r' && *next < s->len && s->p[*next] == '\n')
            ++*next;
        return at;
    }
    *next = at;
    return at;
}

/* Is the character at p, of n bytes, one to strip? */
static bool
stripped(const char *p, size_t n, const struct sov_jstr *set)
{
    uint32_t cp;

    if (set != NULL)
        return n <= set->len && memmem(set->p, set->len, p, n) != NULL;
    return sov_utf8_step(p, n, &cp) > 0 && sov_jchar_space(cp);
}

struct sov_jval
sov_jstr_strip(struct sov_jrun *r, const struct sov_jstr *s,
               const struct sov_jstr *set, bool left, bool right)
{
    size_t at = 0;
    size_t end = s->len;

    while (left && at < end) {
        size_t n = sov_utf8_len((unsigned char)s->p[at]);

        if (!stripped(s->p + at, n, set))
            break;
        at += n;
    }
    while (right && end > at) {
        size_t n = 1;

        while (((unsigned char)s->p[end - n] & 0xc0) == 0x80)
            n++;
        if (!stripped(s->p + end - n, n, set))
            break;
        end -= n;
    }
    sov_jrun_charge(r, (s->len - (end - at)) / 16 *
                           (set != NULL ? 1 + set->len / 16 : 1));
    return sov_jval_part(r, s, at, end - at);
}
