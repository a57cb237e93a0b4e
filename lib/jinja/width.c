/* SPDX-License-Identifier: Apache-2.0 */
/*
 * width.c - text to a width: made longer, or cut
 */
#include "jinja/method.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WIDTH_MAX 100000

/* A width that somebody asks for; 0 below 0. */
static size_t
width_arg(struct sov_jrun *r, const struct sov_jargs *a, int64_t preset)
{
    int64_t width = sov_jarg_int(r, a, 0, "width", preset);

    if (width > WIDTH_MAX)
        sov_jrun_fail(r, SOV_EFORMAT, "a width of %lld; the limit is %d",
                      (long long)width, WIDTH_MAX);
    return r->rc < 0 || width < 0 ? 0 : (size_t)width;
}

/* fill, of one character, n times. */
static void
pad(struct sov_jtext *t, size_t n, const struct sov_jstr *fill)
{
    static const struct sov_jstr blank = { " ", NULL, 1, false };

    for (size_t i = 0; i < n && t->r->rc == 0; i++)
        sov_jtext_str(t, fill != NULL ? fill : &blank);
}

/* Of what is to be added, left/right parts; the rest stays as it is. */
static struct sov_jval
justify(struct sov_jrun *r, const struct sov_jargs *a, const struct sov_jstr *s,
        size_t width, int side)
{
    struct sov_jval fill = sov_jarg(a, 1, "fillchar");
    size_t n = sov_jstr_chars(s);
    size_t more = width > n ? width - n : 0;
    size_t left = side < 0 ? 0 : side > 0 ? more : more / 2;
    struct sov_jtext t = { .r = r };

    if (side == 0)
        left += more & width & 1;
    if (fill.type != J_UNDEF &&
        (fill.type != J_STR || sov_jstr_chars(fill.u.str) != 1))
        sov_jrun_fail(r, SOV_EFORMAT, "a text is filled with one character");
    if (r->rc < 0)
        return J_VAL_UNDEF;
    pad(&t, left, fill.type == J_STR ? fill.u.str : NULL);
    sov_jtext_str(&t, s);
    pad(&t, more - left, fill.type == J_STR ? fill.u.str : NULL);
    return sov_jtext_end(&t);
}

struct sov_jval
sov_jmethod_ljust(struct sov_jrun *r, const struct sov_jargs *a)
{
    return justify(r, a, a->self.u.str, width_arg(r, a, 0), -1);
}

struct sov_jval
sov_jmethod_rjust(struct sov_jrun *r, const struct sov_jargs *a)
{
    return justify(r, a, a->self.u.str, width_arg(r, a, 0), 1);
}

struct sov_jval
sov_jmethod_center(struct sov_jrun *r, const struct sov_jargs *a)
{
    return justify(r, a, a->self.u.str, width_arg(r, a, 0), 0);
}

struct sov_jval
sov_jmethod_zfill(struct sov_jrun *r, const struct sov_jargs *a)
{
    static const struct sov_jstr zero = { "0", NULL, 1, false };
    const struct sov_jstr *s = a->self.u.str;
    size_t width = width_arg(r, a, 0), n = sov_jstr_chars(s);
    size_t sign = s->len > 0 && (s->p[0] == '-' || s->p[0] == '+');
    struct sov_jtext t = { .r = r };

    sov_jtext_part(&t, s, 0, sign);
    pad(&t, width > n ? width - n : 0, &zero);
    sov_jtext_part(&t, s, sign, s->len - sign);
    return sov_jtext_end(&t);
}

/* ---- filters */

struct sov_jval
sov_jfilter_center(struct sov_jrun *r, const struct sov_jargs *a)
{
    return justify(r, &(struct sov_jargs){ .self = a->self },
                   sov_jself_str(r, a), width_arg(r, a, 80), 0);
}

struct sov_jval
sov_jfilter_truncate(struct sov_jrun *r, const struct sov_jargs *a)
{
    static const struct sov_jstr dots = { "...", NULL, 3, false };
    const struct sov_jstr *s = sov_jself_str(r, a);
    int64_t length = sov_jarg_int(r, a, 0, "length", 255);
    int64_t leeway = sov_jarg_int(r, a, 3, "leeway", 5);
    bool kill = sov_jarg_bool(a, 1, "killwords", false);
    struct sov_jval given = sov_jarg(a, 2, "end");
    const struct sov_jstr *end = given.type == J_STR ? given.u.str : &dots;
    int64_t n_end = (int64_t)sov_jstr_chars(end);
    struct sov_jtext t = { .r = r };
    size_t at;

    if (length < n_end || leeway < 0 || length > INT32_MAX ||
        leeway > INT32_MAX)
        sov_jrun_fail(r, SOV_EFORMAT,
                      "truncate to %lld characters, with a leeway of %lld",
                      (long long)length, (long long)leeway);
    sov_jrun_charge(r, s->len / 32);
    if (r->rc < 0 || (int64_t)sov_jstr_chars(s) <= length + leeway)
        return sov_jval_part(r, s, 0, s->len);
    at = sov_jstr_byte(s, (size_t)(length - n_end));
    if (!kill) {
        size_t blank = at;

        while (blank > 0 && s->p[blank - 1] != ' ')
            blank--;
        at = blank > 0 ? blank - 1 : at;
    }
    sov_jtext_part(&t, s, 0, at);
    sov_jtext_str(&t, end);
    return sov_jtext_end(&t);
}

struct sov_jval
sov_jfilter_filesize(struct sov_jrun *r, const struct sov_jargs *a)
{
    static const char *const names[] = { "kB", "MB", "GB", "TB",
                                         "PB", "EB", "ZB", "YB" };
    bool binary = sov_jarg_bool(a, 0, "binary", false);
    double base = binary ? 1024 : 1000;
    double n = sov_jval_num(a->self), unit = base;
    struct sov_jtext t = { .r = r };
    char buf[400];
    size_t i = 0;

    if (!sov_jval_is_num(a->self)) {
        if (sov_jval_defined(r, a->self))
            sov_jrun_fail(r, SOV_EFORMAT, "the size of a file is no %s",
                          sov_jval_kind(a->self));
        return J_VAL_UNDEF;
    }
    if (n == 1) {
        snprintf(buf, sizeof(buf), "1 Byte");
    } else if (n < base) {
        snprintf(buf, sizeof(buf), "%.0f Bytes", trunc(n));
    } else {
        while (i + 1 < sizeof(names) / sizeof(names[0]) && n >= unit * base) {
            unit *= base;
            i++;
        }
        snprintf(buf, sizeof(buf), "%.1f %c%s", n / unit,
                 binary ? names[i][0] - (i == 0 ? 'k' - 'K' : 0) : names[i][0],
                 binary ? "iB" : "B");
    }
    sov_jtext_lit(&t, buf);
    return sov_jtext_end(&t);
}
