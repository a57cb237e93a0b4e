/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format.c - '%s' % x, '{}'.format(x), dates, and upper and lower case
 */
#include "base/text.h"
#include "jinja/method.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- one value by a specification: [0][width][.precision][kind] */

#define WIDTH_END 1000

struct spec {
    bool zero;
    int width;     /* up to WIDTH_END, which is too wide */
    int precision; /* -1: none */
    char kind;     /* of sdifgex; 0: by the value */
};

static size_t
number(const char *p, size_t len, size_t at, int *n)
{
    *n = 0;
    for (; at < len && p[at] >= '0' && p[at] <= '9'; at++)
        *n = *n < WIDTH_END ? *n * 10 + (p[at] - '0') : *n;
    return at;
}

/* Behind the specification, of which only kind is not read. */
static size_t
read_spec(const char *p, size_t len, size_t at, struct spec *s)
{
    *s = (struct spec){ .precision = -1 };
    if (at < len && p[at] == '0') {
        s->zero = true;
        at++;
    }
    at = number(p, len, at, &s->width);
    if (at < len && p[at] == '.')
        at = number(p, len, at + 1, &s->precision);
    return at;
}

static void
pad(struct sov_jtext *t, int n, char c)
{
    for (int i = 0; i < n && t->r->rc == 0; i++)
        sov_jtext_add(t, &c, 1, false);
}

static void
add_number(struct sov_jtext *t, const struct spec *s, struct sov_jval v)
{
    double f = sov_jval_num(v);
    int digits = s->precision < 0 ? 6 : s->precision > 99 ? 99 : s->precision;
    char buf[512];
    int n, sign;

    if (!sov_jval_is_num(v)) {
        if (sov_jval_defined(t->r, v))
            sov_jrun_fail(t->r, SOV_EFORMAT, "a %s is formatted as a number",
                          sov_jval_kind(v));
        return;
    }
    if (s->kind == 'x' && v.type != J_FLOAT)
        n = snprintf(buf, sizeof(buf), "%s%" PRIx64, v.u.i < 0 ? "-" : "",
                     v.u.i < 0 ? 0 - (uint64_t)v.u.i : (uint64_t)v.u.i);
    else if ((s->kind == 'd' || s->kind == 'i') && v.type != J_FLOAT)
        n = snprintf(buf, sizeof(buf), "%" PRId64, v.u.i);
    else if (s->kind == 'd' || s->kind == 'i')
        n = snprintf(buf, sizeof(buf), "%.0f", trunc(f));
    else if (s->kind == 'e')
        n = snprintf(buf, sizeof(buf), "%.*e", digits, f);
    else if (s->kind == 'g')
        n = snprintf(buf, sizeof(buf), "%.*g", digits, f);
    else
        n = snprintf(buf, sizeof(buf), "%.*f", digits, f);
    sign = buf[0] == '-';
    if (!s->zero)
        pad(t, s->width - n, ' ');
    sov_jtext_add(t, buf, (size_t)sign, false);
    if (s->zero)
        pad(t, s->width - n, '0');
    sov_jtext_add(t, buf + sign, (size_t)(n - sign), false);
}

static void
add_spec(struct sov_jtext *t, const struct spec *s, struct sov_jval v,
         bool left)
{
    struct sov_jval str;
    size_t len, n;

    if (s->width >= WIDTH_END)
        sov_jrun_fail(t->r, SOV_EFORMAT, "a width of %d or more", WIDTH_END);
    if (s->kind != 's' && s->kind != 'r' && s->kind != '\0') {
        add_number(t, s, v);
        return;
    }
    if (s->kind == 'r') {
        struct sov_jtext repr = { .r = t->r };

        sov_jtext_repr(&repr, v);
        str = sov_jtext_end(&repr);
    } else {
        str = sov_jval_str(t->r, v);
    }
    if (t->r->rc < 0)
        return;
    len = str.u.str->len;
    if (s->precision >= 0)
        len = sov_jstr_byte(str.u.str, (size_t)s->precision);
    n = sov_jstr_chars(&(struct sov_jstr){ str.u.str->p, NULL, len, false });
    if (!left && n < 1000)
        pad(t, s->width - (int)n, ' ');
    sov_jtext_part(t, str.u.str, 0, len);
    if (left && n < 1000)
        pad(t, s->width - (int)n, ' ');
}

/* ---- % */

struct given {
    struct sov_jval args;
    size_t next; /* of a tuple */
};

static struct sov_jval
next_given(struct sov_jrun *r, struct given *g)
{
    if (g->args.type != J_TUPLE && g->next++ == 0)
        return g->args;
    if (g->args.type == J_TUPLE && g->next < g->args.u.list->n)
        return g->args.u.list->v[g->next++];
    sov_jrun_fail(r, SOV_EFORMAT, "not enough values for the format");
    return J_VAL_NONE;
}

/* One conversion, at behind its %; behind it. */
static size_t
percent(struct sov_jtext *t, const struct sov_jstr *s, size_t at,
        struct given *g)
{
    struct sov_jrun *r = t->r;
    struct sov_jval v = J_VAL_UNDEF;
    struct spec spec;
    bool named = at < s->len && s->p[at] == '(';
    size_t name = at + 1;

    if (named) {
        struct sov_jpair *p;
        struct sov_jval key;
        size_t end = name;

        while (end < s->len && s->p[end] != ')')
            end++;
        key = sov_jval_part(r, s, name, end - name);
        at = end < s->len ? end + 1 : end;
        p = r->rc == 0 && g->args.type == J_DICT
                ? sov_jdict_get(r, g->args.u.dict, key)
                : NULL;
        if (p == NULL)
            sov_jrun_fail(r, SOV_EFORMAT, "no such value for the format");
        else
            v = p->val;
    }
    at = read_spec(s->p, s->len, at, &spec);
    if (at >= s->len || memchr("sdifgexr%", s->p[at], 9) == NULL) {
        sov_jrun_fail(r, SOV_EUNSUP, "a format with %%%c",
                      at < s->len ? s->p[at] : ' ');
        return s->len;
    }
    spec.kind = s->p[at];
    if (spec.kind == '%')
        sov_jtext_lit(t, "%");
    else
        add_spec(t, &spec, named ? v : next_given(r, g), false);
    return at + 1;
}

struct sov_jval
sov_jstr_percent(struct sov_jrun *r, const struct sov_jstr *s,
                 struct sov_jval args)
{
    struct sov_jtext t = { .r = r };
    struct given g = { args, 0 };
    size_t at = 0;

    while (at < s->len && r->rc == 0) {
        const char *p = memchr(s->p + at, '%', s->len - at);
        size_t end = p != NULL ? (size_t)(p - s->p) : s->len;

        sov_jtext_part(&t, s, at, end - at);
        at = end < s->len ? percent(&t, s, end + 1, &g) : end;
    }
    if (args.type == J_TUPLE && g.next < args.u.list->n)
        sov_jrun_fail(r, SOV_EFORMAT, "more values than the format has");
    return sov_jtext_end(&t);
}

/* ---- {} */

static struct sov_jval
field_value(struct sov_jrun *r, const struct sov_jargs *a,
            const struct sov_jstr *s, size_t at, size_t end, size_t *next)
{
    struct sov_jstr name = { s->p + at, NULL, end - at, false };
    int i;

    if (name.len == 0) {
        if (*next < a->n)
            return a->pos[(*next)++];
    } else if (number(name.p, name.len, 0, &i) == name.len) {
        if ((size_t)i < a->n)
            return a->pos[i];
    } else {
        for (size_t k = 0; k < a->n_kw; k++)
            if (a->kw[2 * k].u.str->len == name.len &&
                memcmp(a->kw[2 * k].u.str->p, name.p, name.len) == 0)
                return a->kw[2 * k + 1];
    }
    sov_jrun_fail(r, SOV_EFORMAT, "no value for '{%.*s}'",
                  (int)(name.len < 40 ? name.len : 40), name.p);
    return J_VAL_NONE;
}

/* One {field}, at behind its bracket; behind the other one. */
static size_t
field(struct sov_jtext *t, const struct sov_jargs *a, const struct sov_jstr *s,
      size_t at, size_t *next)
{
    size_t end = at, spec_at;
    struct spec spec = { .precision = -1 };
    struct sov_jval v;
    bool left = true;

    while (end < s->len && s->p[end] != '}' && s->p[end] != ':')
        end++;
    v = field_value(t->r, a, s, at, end, next);
    if (end < s->len && s->p[end] == ':') {
        end++;
        if (end < s->len && (s->p[end] == '<' || s->p[end] == '>'))
            left = s->p[end++] == '<';
        else
            left = !sov_jval_is_num(v);
        spec_at = read_spec(s->p, s->len, end, &spec);
        end = spec_at;
        if (end < s->len && memchr("sdfgex", s->p[end], 6) != NULL)
            spec.kind = s->p[end++];
        else if (v.type == J_FLOAT && spec.precision >= 0)
            spec.kind = 'g';
        else if (spec.zero && v.type == J_INT)
            spec.kind = 'd';
    }
    if (end >= s->len || s->p[end] != '}') {
        sov_jrun_fail(t->r, SOV_EUNSUP, "a format of that kind");
        return s->len;
    }
    add_spec(t, &spec, v, left);
    return end + 1;
}

struct sov_jval
sov_jmethod_format(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jstr *s = a->self.u.str;
    struct sov_jtext t = { .r = r };
    size_t at = 0, next = 0;

    while (at < s->len && r->rc == 0) {
        size_t end = at;

        while (end < s->len && s->p[end] != '{' && s->p[end] != '}')
            end++;
        sov_jtext_part(&t, s, at, end - at);
        at = end;
        if (end == s->len)
            break;
        if (end + 1 < s->len && s->p[end + 1] == s->p[end]) {
            sov_jtext_part(&t, s, end, 1);
            at = end + 2;
        } else if (s->p[end] == '{') {
            at = field(&t, a, s, end + 1, &next);
        } else {
            sov_jrun_fail(r, SOV_EFORMAT, "a single '}' in a format");
        }
    }
    return sov_jtext_end(&t);
}

/* ---- dates */

/* What a format says is for strftime to know, and it writes no further than
 * it may. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
struct sov_jval
sov_jfunc_now(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jstr *fmt = sov_jarg_str(r, a, 0, NULL);
    struct sov_jtext t = { .r = r };
    char with[260], buf[1024];
    size_t n;

    if (fmt->len >= sizeof(with) - 1 || memchr(fmt->p, 0, fmt->len) != NULL) {
        sov_jrun_fail(r, SOV_EFORMAT,
                      "a date format of %zu bytes; the limit "
                      "is %zu",
                      fmt->len, sizeof(with) - 2);
        return J_VAL_UNDEF;
    }
    /* one character more, since nothing written means no room */
    snprintf(with, sizeof(with), "x%.*s", (int)fmt->len, fmt->p);
    n = strftime(buf, sizeof(buf), with, r->now);
    if (n == 0)
        sov_jrun_fail(r, SOV_EFORMAT, "a date of more than %zu bytes",
                      sizeof(buf));
    else
        sov_jtext_add(&t, buf + 1, n - 1, false);
    return sov_jtext_end(&t);
}
#pragma GCC diagnostic pop

/* ---- case */

/* From an upper to its lower letter: first and last of a run, and how far; a
 * step of 2 for runs where they alternate. */
static const struct {
    uint32_t first, last, step;
    int32_t far;
} pairs[] = {
    { 'A', 'Z', 1, 32 },      { 0xc0, 0xd6, 1, 32 },
    { 0xd8, 0xde, 1, 32 },    { 0x100, 0x12e, 2, 1 },
    { 0x132, 0x136, 2, 1 },   { 0x139, 0x147, 2, 1 },
    { 0x14a, 0x176, 2, 1 },   { 0x178, 0x178, 1, -121 },
    { 0x179, 0x17d, 2, 1 },   { 0x386, 0x386, 1, 38 },
    { 0x388, 0x38a, 1, 37 },  { 0x38c, 0x38c, 1, 64 },
    { 0x38e, 0x38f, 1, 63 },  { 0x391, 0x3a1, 1, 32 },
    { 0x3a3, 0x3ab, 1, 32 },  { 0x400, 0x40f, 1, 80 },
    { 0x410, 0x42f, 1, 32 },  { 0x460, 0x480, 2, 1 },
    { 0x48a, 0x4be, 2, 1 },   { 0x4d0, 0x52e, 2, 1 },
    { 0x531, 0x556, 1, 48 },  { 0x1e00, 0x1e94, 2, 1 },
    { 0x1ea0, 0x1efe, 2, 1 }, { 0xff21, 0xff3a, 1, 32 },
};

static uint32_t
shift(uint32_t cp, bool upper)
{
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        uint32_t c = upper ? cp - (uint32_t)pairs[i].far : cp;

        if (c >= pairs[i].first && c <= pairs[i].last &&
            (c - pairs[i].first) % pairs[i].step == 0)
            return upper ? c : cp + (uint32_t)pairs[i].far;
    }
    return cp;
}

/* What is beyond ASCII counts as letters, but for marks and pictures. */
bool
sov_jchar_letter(uint32_t cp)
{
    static const uint32_t no[][2] = {
        { 0xd7, 0xd7 },     { 0xf7, 0xf7 },       { 0x2000, 0x206f },
        { 0x20a0, 0x20ff }, { 0x2190, 0x2bff },   { 0x3000, 0x3003 },
        { 0x3008, 0x3020 }, { 0xfe00, 0xfe6f },   { 0xff00, 0xff0f },
        { 0xfff0, 0xffff }, { 0x1f000, 0x1faff },
    };

    if (cp < 0xc0)
        return (cp >= 'A' && cp <= 'Z') || (cp >= 'a' && cp <= 'z') ||
               cp == 0xaa || cp == 0xb5 || cp == 0xba;
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        if (cp >= no[i][0] && cp <= no[i][1])
            return false;
    return !sov_jchar_space(cp);
}

bool
sov_jchar_lower(uint32_t cp)
{
    return cp == 0xdf || shift(cp, true) != cp;
}

bool
sov_jchar_upper(uint32_t cp)
{
    return shift(cp, false) != cp;
}

static bool
begins_word(uint32_t before)
{
    return sov_jchar_space(before) ||
           (before < 128 && strchr("-({[<", (int)before) != NULL);
}

struct sov_jval
sov_jstr_case(struct sov_jrun *r, const struct sov_jstr *s, enum sov_jcase how)
{
    struct sov_jtext t = { .r = r };
    uint32_t cp, before = ' ';

    for (size_t i = 0; i < s->len && r->rc == 0;) {
        size_t n = sov_utf8_step(s->p + i, s->len - i, &cp);
        bool given = s->mark != NULL ? s->mark[i] : s->given;
        bool upper = how == CASE_UPPER || (how == CASE_CAPITAL && i == 0) ||
                     (how == CASE_TITLE && !sov_jchar_letter(before)) ||
                     (how == CASE_WORDS && begins_word(before)) ||
                     (how == CASE_SWAP && sov_jchar_lower(cp));
        unsigned char out[4];

        if (upper && cp == 0xdf)
            sov_jtext_add(&t,
                          how == CASE_UPPER || how == CASE_SWAP ? "SS" : "Ss",
                          2, given);
        else
            sov_jtext_add(&t, out, sov_utf8_put(shift(cp, upper), out), given);
        before = cp;
        i += n;
    }
    return sov_jtext_end(&t);
}
