/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.c - filters, as Jinja has them
 */
#include "jinja/method.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- of any value */

static struct sov_jval
f_default(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval preset = sov_jarg(a, 0, "default_value");
    bool falsy = sov_jarg_bool(a, 1, "boolean", false);

    if (a->self.type != J_UNDEF && !(falsy && !sov_jval_true(a->self)))
        return a->self;
    return preset.type == J_UNDEF && a->n == 0 ? sov_jval_lit(r, "") : preset;
}

static struct sov_jval
f_length(struct sov_jrun *r, const struct sov_jargs *a)
{
    int64_t n = sov_jval_len(r, a->self);

    if (n < 0)
        sov_jrun_fail(r, SOV_EFORMAT, "a %s has no length",
                      sov_jval_kind(a->self));
    return sov_jval_int(n);
}

static struct sov_jval
f_string(struct sov_jrun *r, const struct sov_jargs *a)
{
    return sov_jval_str(r, a->self);
}

static struct sov_jval
f_same(struct sov_jrun *r, const struct sov_jargs *a)
{
    (void)r;
    return a->self;
}

/* Text as a number: what int() and float() of Python read, or false. */
static bool
read_number(struct sov_jrun *r, const struct sov_jstr *s, double *f)
{
    struct sov_jval v = sov_jstr_strip(r, s, NULL, true, true);
    char buf[64];
    char *end;

    if (r->rc < 0 || v.u.str->len == 0 || v.u.str->len >= sizeof(buf))
        return false;
    memcpy(buf, v.u.str->p, v.u.str->len);
    buf[v.u.str->len] = '\0';
    if (strpbrk(buf, "xXpP(") != NULL)
        return false;
    *f = strtod(buf, &end);
    return *end == '\0';
}

static struct sov_jval
f_int(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval preset = sov_jarg(a, 0, "default");
    int64_t base = sov_jarg_int(r, a, 1, "base", 10);
    double f = NAN;

    if (preset.type == J_UNDEF)
        preset = sov_jval_int(0);
    if (a->self.type == J_INT || a->self.type == J_BOOL)
        return sov_jval_int(a->self.u.i);
    if (a->self.type == J_FLOAT)
        f = a->self.u.f;
    if (a->self.type == J_STR && a->self.u.str->len < 64 && base >= 2 &&
        base <= 36) {
        char buf[64];
        char *end;
        long long v;

        memcpy(buf, a->self.u.str->p, a->self.u.str->len);
        buf[a->self.u.str->len] = '\0';
        v = strtoll(buf, &end, (int)base);
        if (end != buf)
            end += strspn(end, " \t\n\r");
        if (*end == '\0' && end != buf && v != INT64_MAX && v != INT64_MIN)
            return sov_jval_int(v);
        if (!read_number(r, a->self.u.str, &f))
            return preset;
    }
    return fabs(f) < 9e18 ? sov_jval_int((int64_t)f) : preset;
}

static struct sov_jval
f_float(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval preset = sov_jarg(a, 0, "default");
    double f;

    if (sov_jval_is_num(a->self))
        return sov_jval_float(sov_jval_num(a->self));
    if (a->self.type == J_STR && read_number(r, a->self.u.str, &f))
        return sov_jval_float(f);
    return preset.type == J_UNDEF ? sov_jval_float(0) : preset;
}

static struct sov_jval
f_abs(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval v = a->self;

    if (v.type == J_FLOAT)
        return sov_jval_float(fabs(v.u.f));
    if (sov_jval_is_num(v) && v.u.i != INT64_MIN)
        return sov_jval_int(v.u.i < 0 ? -v.u.i : v.u.i);
    if (sov_jval_defined(r, v))
        sov_jrun_fail(r, SOV_EFORMAT, "abs of a %s", sov_jval_kind(v));
    return J_VAL_UNDEF;
}

/* To so many digits behind the point, as the number really is: what is halfway
 * in decimal is rarely so in binary. */
static double
round_to(double f, int64_t digits)
{
    char buf[700];
    double scale;

    if (digits > 330 || !isfinite(f))
        return f;
    if (digits >= 0) {
        snprintf(buf, sizeof(buf), "%.*f", (int)digits, f);
        return strtod(buf, NULL);
    }
    if (digits < -308)
        return copysign(0, f);
    scale = pow(10, (double)-digits);
    return nearbyint(f / scale) * scale;
}

static struct sov_jval
f_round(struct sov_jrun *r, const struct sov_jargs *a)
{
    int64_t precision = sov_jarg_int(r, a, 0, "precision", 0);
    struct sov_jval method = sov_jarg(a, 1, "method");
    double scale = pow(10, (double)(precision > 15 ? 15 : precision));
    double f = sov_jval_num(a->self);
    bool down = method.type == J_STR && sov_jstr_is(method.u.str, "floor");
    bool up = method.type == J_STR && sov_jstr_is(method.u.str, "ceil");

    if (a->self.type <= J_INT && a->self.type >= J_BOOL && !down && !up &&
        precision >= 0)
        return sov_jval_int(a->self.u.i);
    if (!sov_jval_is_num(a->self)) {
        if (sov_jval_defined(r, a->self))
            sov_jrun_fail(r, SOV_EFORMAT, "a %s is rounded",
                          sov_jval_kind(a->self));
        return J_VAL_UNDEF;
    }
    if (!down && !up)
        return sov_jval_float(round_to(f, precision));
    if (scale == 0 || !isfinite(f * scale)) /* nothing behind the point */
        return sov_jval_float(scale == 0 ? 0 : f);
    return sov_jval_float((down ? floor(f * scale) : ceil(f * scale)) / scale);
}

/* ---- of strings */

static struct sov_jval
f_trim(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval set = sov_jarg(a, 0, "chars");

    return sov_jstr_strip(r, sov_jself_str(r, a),
                          set.type == J_STR ? set.u.str : NULL, true, true);
}

static struct sov_jval
f_upper(struct sov_jrun *r, const struct sov_jargs *a)
{
    return sov_jstr_case(r, sov_jself_str(r, a), CASE_UPPER);
}

static struct sov_jval
f_lower(struct sov_jrun *r, const struct sov_jargs *a)
{
    return sov_jstr_case(r, sov_jself_str(r, a), CASE_LOWER);
}

static struct sov_jval
f_title(struct sov_jrun *r, const struct sov_jargs *a)
{
    return sov_jstr_case(r, sov_jself_str(r, a), CASE_WORDS);
}

static struct sov_jval
f_capitalize(struct sov_jrun *r, const struct sov_jargs *a)
{
    return sov_jstr_case(r, sov_jself_str(r, a), CASE_CAPITAL);
}

static struct sov_jval
f_replace(struct sov_jrun *r, const struct sov_jargs *a)
{
    return sov_jstr_replace(
        r, sov_jself_str(r, a), sov_jarg_str(r, a, 0, "old"),
        sov_jarg_str(r, a, 1, "new"), sov_jarg_int(r, a, 2, "count", -1));
}

static struct sov_jval
f_format(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval args = sov_jval_list(r, J_TUPLE);

    for (size_t i = 0; i < a->n && r->rc == 0; i++)
        sov_jlist_add(r, args.u.list, a->pos[i]);
    if (r->rc < 0)
        return args;
    return sov_jstr_percent(r, sov_jself_str(r, a), args);
}

static struct sov_jval
f_escape(struct sov_jrun *r, const struct sov_jargs *a)
{
    static const char *const to[] = { "&amp;", "&lt;", "&gt;", "&#39;",
                                      "&#34;" };
    static const char from[] = "&<>'\"";
    const struct sov_jstr *s = sov_jself_str(r, a);
    struct sov_jtext t = { .r = r };
    size_t start = 0;

    for (size_t i = 0; i < s->len && r->rc == 0; i++) {
        const char *p = s->p[i] != '\0' ? strchr(from, s->p[i]) : NULL;

        if (p == NULL)
            continue;
        sov_jtext_part(&t, s, start, i - start);
        sov_jtext_lit(&t, to[p - from]);
        start = i + 1;
    }
    sov_jtext_part(&t, s, start, s->len - start);
    return sov_jtext_end(&t);
}

/* Blanks before each line but the first, unless told otherwise. */
static struct sov_jval
f_indent(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jstr *s = sov_jself_str(r, a);
    struct sov_jval width = sov_jarg(a, 0, "width");
    bool first = sov_jarg_bool(a, 1, "first", false);
    bool blank = sov_jarg_bool(a, 2, "blank", false);
    struct sov_jtext step = { .r = r }, t = { .r = r };
    struct sov_jval by = width;

    sov_jrun_charge(r, s->len / 8);
    if (width.type != J_STR) {
        int64_t n = width.type == J_INT ? width.u.i : 4;

        if (n > 1000)
            sov_jrun_fail(r, SOV_EFORMAT,
                          "an indent of %lld; the limit is 1000", (long long)n);
        for (int64_t i = 0; i < n && r->rc == 0; i++)
            sov_jtext_lit(&step, " ");
        by = sov_jtext_end(&step);
        if (r->rc < 0)
            return by;
    }
    for (size_t at = 0, next; r->rc == 0; at = next) {
        size_t end = sov_jstr_line(s, at, &next);

        if (at > 0)
            sov_jtext_lit(&t, "\n");
        if (at == 0 ? first : end > at || blank)
            sov_jtext_str(&t, by.u.str);
        sov_jtext_part(&t, s, at, end - at);
        if (next == end) /* the last line, which may be empty */
            break;
    }
    return sov_jtext_end(&t);
}

/* Letters, digits and _ together are a word. */
static struct sov_jval
f_wordcount(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jstr *s = sov_jself_str(r, a);
    int64_t n = 0;
    bool in = false;
    uint32_t cp;

    sov_jrun_charge(r, s->len / 4);
    for (size_t i = 0; i < s->len;) {
        bool word;

        i += sov_utf8_step(s->p + i, s->len - i, &cp);
        word = cp == '_' || (cp >= '0' && cp <= '9') || sov_jchar_letter(cp);
        n += word && !in;
        in = word;
    }
    return sov_jval_int(n);
}

static struct sov_jval
f_urlencode(struct sov_jrun *r, const struct sov_jargs *a)
{
    static const char hex[] = "0123456789ABCDEF";
    const struct sov_jstr *s = sov_jself_str(r, a);
    struct sov_jtext t = { .r = r };

    for (size_t i = 0; i < s->len && r->rc == 0; i++) {
        unsigned char c = (unsigned char)s->p[i];
        char out[3] = { '%', hex[c >> 4], hex[c & 15] };
        bool plain = (c >= '0' && c <= '9') ||
                     ((c | 32) >= 'a' && (c | 32) <= 'z') ||
                     (c != 0 && strchr("-._~/", c));

        if (plain)
            sov_jtext_part(&t, s, i, 1);
        else
            sov_jtext_add(&t, out, 3, false);
    }
    return sov_jtext_end(&t);
}

/* ---- of dicts */

static bool
is_attr(const struct sov_jstr *name)
{
    for (size_t i = 0; i < name->len; i++)
        if (memchr(" \t\n\f\r/>=", name->p[i], 8) != NULL)
            return false;
    return true;
}

/* {'a': 1} to  a="1", with a blank in front. */
static struct sov_jval
f_xmlattr(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jdict *d = a->self.u.dict;
    struct sov_jtext t = { .r = r };
    bool space = sov_jarg_bool(a, 0, "autospace", true);

    if (a->self.type != J_DICT) {
        if (sov_jval_defined(r, a->self))
            sov_jrun_fail(r, SOV_EFORMAT, "attributes from a %s",
                          sov_jval_kind(a->self));
        return J_VAL_UNDEF;
    }
    for (size_t i = 0; i < d->n && r->rc == 0; i++) {
        struct sov_jargs key = { .self = d->v[i].key };
        struct sov_jargs val = { .self = d->v[i].val };
        struct sov_jval k, v;

        if (val.self.type == J_NONE || val.self.type == J_UNDEF)
            continue;
        k = f_escape(r, &key);
        v = f_escape(r, &val);
        if (r->rc < 0)
            return J_VAL_UNDEF;
        if (!is_attr(k.u.str))
            sov_jrun_fail(r, SOV_EFORMAT, "a name that no attribute can have");
        if (t.len > 0 || space)
            sov_jtext_lit(&t, " ");
        sov_jtext_str(&t, k.u.str);
        sov_jtext_lit(&t, "=\"");
        sov_jtext_str(&t, v.u.str);
        sov_jtext_lit(&t, "\"");
    }
    return sov_jtext_end(&t);
}

static struct sov_jval
f_items(struct sov_jrun *r, const struct sov_jargs *a)
{
    static const struct sov_jstr name = { "items", NULL, 5, false };

    if (a->self.type == J_UNDEF)
        return sov_jval_list(r, J_LIST);
    if (a->self.type != J_DICT) {
        sov_jrun_fail(r, SOV_EFORMAT, "a %s is no dict that has items",
                      sov_jval_kind(a->self));
        return J_VAL_UNDEF;
    }
    return sov_jmethod_find(J_DICT, &name)->call(r, a);
}

static struct sov_jval
f_attr(struct sov_jrun *r, const struct sov_jargs *a)
{
    return sov_jval_attr(r, a->self, sov_jarg_str(r, a, 0, "name"));
}

static const struct sov_jfn filters[] = {
    J_FN("tojson", sov_jfilter_tojson),
    J_FN("length", f_length),
    J_FN("count", f_length),
    J_FN("trim", f_trim),
    J_FN("string", f_string),
    J_FN("default", f_default),
    J_FN("d", f_default),
    J_FN("items", f_items),
    J_FN("safe", f_same),
    J_FN("lower", f_lower),
    J_FN("upper", f_upper),
    J_FN("title", f_title),
    J_FN("capitalize", f_capitalize),
    J_FN("replace", f_replace),
    J_FN("format", f_format),
    J_FN("indent", f_indent),
    J_FN("int", f_int),
    J_FN("float", f_float),
    J_FN("abs", f_abs),
    J_FN("round", f_round),
    J_FN("escape", f_escape),
    J_FN("e", f_escape),
    J_FN("forceescape", f_escape),
    J_FN("wordcount", f_wordcount),
    J_FN("urlencode", f_urlencode),
    J_FN("attr", f_attr),
    J_FN("xmlattr", f_xmlattr),
    J_FN("center", sov_jfilter_center),
    J_FN("truncate", sov_jfilter_truncate),
    J_FN("filesizeformat", sov_jfilter_filesize),
    J_FN("from_json", sov_jfilter_from_json),
    J_FN("fromjson", sov_jfilter_from_json),
};

const struct sov_jfn *
sov_jfilter_find(const struct sov_jstr *name)
{
    const struct sov_jfn *fn =
        sov_jfn_find(filters, sizeof(filters) / sizeof(filters[0]), name);

    return fn != NULL ? fn : sov_jfilter_list_find(name);
}
