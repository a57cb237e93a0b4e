/* SPDX-License-Identifier: Apache-2.0 */
/*
 * method_str.c - methods of strings, as Python has them
 */
#include "base/text.h"
#include "jinja/method.h"

#include <string.h>

static struct sov_jval
strip(struct sov_jrun *r, const struct sov_jargs *a, bool left, bool right)
{
    struct sov_jval set = sov_jarg(a, 0, "chars");

    if (set.type == J_NONE || set.type == J_UNDEF)
        return sov_jstr_strip(r, a->self.u.str, NULL, left, right);
    return sov_jstr_strip(r, a->self.u.str, sov_jarg_str(r, a, 0, "chars"),
                          left, right);
}

static struct sov_jval
str_strip(struct sov_jrun *r, const struct sov_jargs *a)
{
    return strip(r, a, true, true);
}

static struct sov_jval
str_lstrip(struct sov_jrun *r, const struct sov_jargs *a)
{
    return strip(r, a, true, false);
}

static struct sov_jval
str_rstrip(struct sov_jrun *r, const struct sov_jargs *a)
{
    return strip(r, a, false, true);
}

static size_t
space_at(const struct sov_jstr *s, size_t at)
{
    uint32_t cp;
    size_t n = sov_utf8_step(s->p + at, s->len - at, &cp);

    return n > 0 && sov_jchar_space(cp) ? n : 0;
}

/* At white space, runs of it being one. */
static void
split_words(struct sov_jrun *r, const struct sov_jstr *s, int64_t max,
            struct sov_jlist *out)
{
    size_t at = 0;

    sov_jrun_charge(r, s->len / 4);
    for (int64_t n = 0; r->rc == 0; n++) {
        size_t start, step;

        while (at < s->len && (step = space_at(s, at)) > 0)
            at += step;
        if (at >= s->len)
            return;
        start = at;
        if (n == max) {
            sov_jlist_add(r, out, sov_jval_part(r, s, at, s->len - at));
            return;
        }
        while (at < s->len && space_at(s, at) == 0)
            at += sov_utf8_len((unsigned char)s->p[at]);
        sov_jlist_add(r, out, sov_jval_part(r, s, start, at - start));
    }
}

static struct sov_jval
str_split(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jstr *s = a->self.u.str;
    struct sov_jval sep = sov_jarg(a, 0, "sep");
    int64_t max = sov_jarg_int(r, a, 1, "maxsplit", -1);
    struct sov_jval out = sov_jval_list(r, J_LIST);
    size_t at = 0, hit;

    if (r->rc < 0)
        return out;
    if (sep.type == J_NONE || sep.type == J_UNDEF) {
        split_words(r, s, max, out.u.list);
        return out;
    }
    sep.u.str = sov_jarg_str(r, a, 0, "sep");
    if (sep.u.str->len == 0)
        sov_jrun_fail(r, SOV_EFORMAT, "split by nothing");
    for (int64_t n = 0; n != max && r->rc == 0; n++) {
        hit = sov_jstr_find(r, s, sep.u.str, at);
        if (hit == SIZE_MAX)
            break;
        sov_jlist_add(r, out.u.list, sov_jval_part(r, s, at, hit - at));
        at = hit + sep.u.str->len;
    }
    sov_jlist_add(r, out.u.list, sov_jval_part(r, s, at, s->len - at));
    return out;
}

/* The last place of part in s before end, or SIZE_MAX. */
static size_t
find_last(struct sov_jrun *r, const struct sov_jstr *s,
          const struct sov_jstr *part, size_t end)
{
    /* no better than trying each place */
    if (!sov_jrun_charge(r, (1 + end / 16) * (1 + part->len / 32)))
        return SIZE_MAX;
    for (size_t i = end; i >= part->len && i > 0; i--)
        if (memcmp(s->p + i - part->len, part->p, part->len) == 0)
            return i - part->len;
    return SIZE_MAX;
}

/* Parts from the end on, the last one first. */
static void
rsplit_at(struct sov_jrun *r, const struct sov_jstr *s,
          const struct sov_jstr *sep, int64_t max, struct sov_jlist *out)
{
    size_t end = s->len;

    if (sep->len == 0)
        sov_jrun_fail(r, SOV_EFORMAT, "split by nothing");
    for (int64_t n = 0; n < max && r->rc == 0; n++) {
        size_t hit = find_last(r, s, sep, end);

        if (hit == SIZE_MAX)
            break;
        sov_jlist_add(
            r, out, sov_jval_part(r, s, hit + sep->len, end - hit - sep->len));
        end = hit;
    }
    sov_jlist_add(r, out, sov_jval_part(r, s, 0, end));
}

/* Where the character that ends at end begins. */
static size_t
back(const struct sov_jstr *s, size_t end)
{
    end--;
    while (end > 0 && ((unsigned char)s->p[end] & 0xc0) == 0x80)
        end--;
    return end;
}

static void
rsplit_words(struct sov_jrun *r, const struct sov_jstr *s, int64_t max,
             struct sov_jlist *out)
{
    size_t end = s->len;

    sov_jrun_charge(r, s->len / 4);
    for (int64_t n = 0; r->rc == 0; n++) {
        size_t at;

        while (end > 0 && space_at(s, back(s, end)) > 0)
            end = back(s, end);
        if (end == 0)
            return;
        at = n == max ? 0 : end;
        while (at > 0 && space_at(s, back(s, at)) == 0)
            at = back(s, at);
        sov_jlist_add(r, out, sov_jval_part(r, s, at, end - at));
        end = at;
    }
}

static void
reverse(struct sov_jlist *l)
{
    for (size_t i = 0; i < l->n / 2; i++) {
        struct sov_jval x = l->v[i];

        l->v[i] = l->v[l->n - 1 - i];
        l->v[l->n - 1 - i] = x;
    }
}

static struct sov_jval
str_rsplit(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jstr *s = a->self.u.str;
    struct sov_jval sep = sov_jarg(a, 0, "sep");
    int64_t max = sov_jarg_int(r, a, 1, "maxsplit", -1);
    struct sov_jval out;

    if (max < 0)
        return str_split(r, a);
    out = sov_jval_list(r, J_LIST);
    if (r->rc < 0)
        return out;
    if (sep.type == J_NONE || sep.type == J_UNDEF)
        rsplit_words(r, s, max, out.u.list);
    else
        rsplit_at(r, s, sov_jarg_str(r, a, 0, "sep"), max, out.u.list);
    if (r->rc == 0)
        reverse(out.u.list);
    return out;
}

static struct sov_jval
str_splitlines(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jstr *s = a->self.u.str;
    bool keep = sov_jarg_bool(a, 0, "keepends", false);
    struct sov_jval out = sov_jval_list(r, J_LIST);

    sov_jrun_charge(r, s->len / 8);
    for (size_t at = 0, next; at < s->len && r->rc == 0; at = next) {
        size_t end = sov_jstr_line(s, at, &next);

        sov_jlist_add(r, out.u.list,
                      sov_jval_part(r, s, at, (keep ? next : end) - at));
    }
    return out;
}

static bool
ends_with(struct sov_jrun *r, const struct sov_jstr *s,
          const struct sov_jstr *part, bool start)
{
    if (part->len > s->len || !sov_jrun_charge(r, part->len / 256))
        return false;
    return memcmp(start ? s->p : s->p + s->len - part->len, part->p,
                  part->len) == 0;
}

/* One string, or a tuple of them. */
static struct sov_jval
affix(struct sov_jrun *r, const struct sov_jargs *a, bool start)
{
    struct sov_jval v = sov_jarg(a, 0, NULL);

    if (v.type != J_TUPLE)
        return sov_jval_bool(
            ends_with(r, a->self.u.str, sov_jarg_str(r, a, 0, NULL), start));
    for (size_t i = 0; i < v.u.list->n; i++)
        if (v.u.list->v[i].type == J_STR &&
            ends_with(r, a->self.u.str, v.u.list->v[i].u.str, start))
            return sov_jval_bool(true);
    return sov_jval_bool(false);
}

static struct sov_jval
str_startswith(struct sov_jrun *r, const struct sov_jargs *a)
{
    return affix(r, a, true);
}

static struct sov_jval
str_endswith(struct sov_jrun *r, const struct sov_jargs *a)
{
    return affix(r, a, false);
}

static struct sov_jval
str_removeprefix(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jstr *s = a->self.u.str;
    const struct sov_jstr *part = sov_jarg_str(r, a, 0, NULL);

    if (!ends_with(r, s, part, true))
        return a->self;
    return sov_jval_part(r, s, part->len, s->len - part->len);
}

static struct sov_jval
str_removesuffix(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jstr *s = a->self.u.str;
    const struct sov_jstr *part = sov_jarg_str(r, a, 0, NULL);

    if (!ends_with(r, s, part, false))
        return a->self;
    return sov_jval_part(r, s, 0, s->len - part->len);
}

struct sov_jval
sov_jstr_replace(struct sov_jrun *r, const struct sov_jstr *s,
                 const struct sov_jstr *old, const struct sov_jstr *new,
                 int64_t count)
{
    struct sov_jtext t = { .r = r };
    size_t at = 0;

    for (int64_t n = 0; n != count && r->rc == 0; n++) {
        size_t hit = sov_jstr_find(r, s, old, at);

        if (hit == SIZE_MAX)
            break;
        sov_jtext_part(&t, s, at, hit - at);
        sov_jtext_str(&t, new);
        at = hit + old->len;
        if (old->len == 0) { /* before each character, and at the end */
            size_t step =
                at < s->len ? sov_utf8_len((unsigned char)s->p[at]) : 0;

            if (step == 0)
                break;
            sov_jtext_part(&t, s, at, step);
            at += step;
        }
    }
    sov_jtext_part(&t, s, at, s->len - at);
    return sov_jtext_end(&t);
}

static struct sov_jval
str_replace(struct sov_jrun *r, const struct sov_jargs *a)
{
    return sov_jstr_replace(r, a->self.u.str, sov_jarg_str(r, a, 0, "old"),
                            sov_jarg_str(r, a, 1, "new"),
                            sov_jarg_int(r, a, 2, "count", -1));
}

static struct sov_jval
str_upper(struct sov_jrun *r, const struct sov_jargs *a)
{
    return sov_jstr_case(r, a->self.u.str, CASE_UPPER);
}

static struct sov_jval
str_lower(struct sov_jrun *r, const struct sov_jargs *a)
{
    return sov_jstr_case(r, a->self.u.str, CASE_LOWER);
}

static struct sov_jval
str_title(struct sov_jrun *r, const struct sov_jargs *a)
{
    return sov_jstr_case(r, a->self.u.str, CASE_TITLE);
}

static struct sov_jval
str_capitalize(struct sov_jrun *r, const struct sov_jargs *a)
{
    return sov_jstr_case(r, a->self.u.str, CASE_CAPITAL);
}

static struct sov_jval
str_swapcase(struct sov_jrun *r, const struct sov_jargs *a)
{
    return sov_jstr_case(r, a->self.u.str, CASE_SWAP);
}

static struct sov_jval
place(const struct sov_jstr *s, size_t at)
{
    struct sov_jstr before = { s->p, NULL, at, false };

    return sov_jval_int(at == SIZE_MAX ? -1 : (int64_t)sov_jstr_chars(&before));
}

static struct sov_jval
str_find(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jstr *s = a->self.u.str;
    int64_t from = sov_jarg_int(r, a, 1, "start", 0);
    bool near = sov_jrun_charge(r, s->len / 64);
    size_t at = sov_jstr_byte(s, near && from > 0 ? (size_t)from : 0);

    return place(s, sov_jstr_find(r, s, sov_jarg_str(r, a, 0, "sub"), at));
}

static struct sov_jval
str_rfind(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jstr *s = a->self.u.str;
    const struct sov_jstr *part = sov_jarg_str(r, a, 0, "sub");

    return place(s, part->len == 0 ? s->len : find_last(r, s, part, s->len));
}

static struct sov_jval
str_index(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval v = str_find(r, a);

    if (v.u.i < 0)
        sov_jrun_fail(r, SOV_EFORMAT, "the string is not there");
    return v;
}

static struct sov_jval
str_rindex(struct sov_jrun *r, const struct sov_jargs *a)
{
    struct sov_jval v = str_rfind(r, a);

    if (v.u.i < 0)
        sov_jrun_fail(r, SOV_EFORMAT, "the string is not there");
    return v;
}

/* What is before sep, sep, and what is behind it. */
static struct sov_jval
partition(struct sov_jrun *r, const struct sov_jargs *a, bool last)
{
    const struct sov_jstr *s = a->self.u.str;
    const struct sov_jstr *sep = sov_jarg_str(r, a, 0, "sep");
    struct sov_jval out = sov_jval_list(r, J_TUPLE);
    size_t at, n = sep->len;

    if (n == 0)
        sov_jrun_fail(r, SOV_EFORMAT, "split by nothing");
    at = last ? find_last(r, s, sep, s->len) : sov_jstr_find(r, s, sep, 0);
    if (r->rc < 0)
        return J_VAL_UNDEF;
    if (at == SIZE_MAX) {
        at = last ? 0 : s->len;
        n = 0;
    }
    sov_jlist_add(r, out.u.list, sov_jval_part(r, s, 0, at));
    sov_jlist_add(r, out.u.list, sov_jval_part(r, s, at, n));
    sov_jlist_add(r, out.u.list, sov_jval_part(r, s, at + n, s->len - at - n));
    return out;
}

static struct sov_jval
str_partition(struct sov_jrun *r, const struct sov_jargs *a)
{
    return partition(r, a, false);
}

static struct sov_jval
str_rpartition(struct sov_jrun *r, const struct sov_jargs *a)
{
    return partition(r, a, true);
}

static struct sov_jval
str_count(struct sov_jrun *r, const struct sov_jargs *a)
{
    const struct sov_jstr *s = a->self.u.str;
    const struct sov_jstr *part = sov_jarg_str(r, a, 0, "sub");
    int64_t n = 0;

    sov_jrun_charge(r, s->len / 64);
    if (part->len == 0)
        return sov_jval_int((int64_t)sov_jstr_chars(s) + 1);
    for (size_t at = 0; r->rc == 0; n++) {
        at = sov_jstr_find(r, s, part, at);
        if (at == SIZE_MAX)
            break;
        at += part->len;
    }
    return sov_jval_int(n);
}

struct sov_jval
sov_jstr_join(struct sov_jrun *r, const struct sov_jstr *sep,
              struct sov_jlist *list)
{
    struct sov_jtext t = { .r = r };

    for (size_t i = 0; list != NULL && i < list->n && r->rc == 0; i++) {
        if (i > 0)
            sov_jtext_str(&t, sep);
        sov_jtext_val(&t, list->v[i]);
        sov_jrun_charge(r, 1);
    }
    return sov_jtext_end(&t);
}

static struct sov_jval
str_join(struct sov_jrun *r, const struct sov_jargs *a)
{
    return sov_jstr_join(r, a->self.u.str,
                         sov_jval_items(r, sov_jarg(a, 0, "iterable")));
}

enum class { DIGIT = 1, LETTER = 2, SPACE = 4, UPPER = 8, LOWER = 16 };

static unsigned
class_of(uint32_t cp)
{
    if (cp >= '0' && cp <= '9')
        return DIGIT;
    if (cp >= 'a' && cp <= 'z')
        return LETTER | LOWER;
    if (cp >= 'A' && cp <= 'Z')
        return LETTER | UPPER;
    if (sov_jchar_space(cp))
        return SPACE;
    if (!sov_jchar_letter(cp))
        return 0;
    return LETTER | (sov_jchar_lower(cp)   ? LOWER
                     : sov_jchar_upper(cp) ? UPPER
                                           : 0);
}

/* Is every character of one of the classes (or, of cased ones, no other)? */
static struct sov_jval
all_are(struct sov_jrun *r, const struct sov_jstr *s, unsigned what,
        unsigned never)
{
    unsigned seen = 0;
    uint32_t cp;

    sov_jrun_charge(r, s->len / 8);
    for (size_t i = 0; i < s->len;) {
        unsigned c;

        i += sov_utf8_step(s->p + i, s->len - i, &cp);
        c = class_of(cp);
        if ((c & never) || (never == 0 && !(c & what)))
            return sov_jval_bool(false);
        seen |= c;
    }
    return sov_jval_bool(seen & what);
}

static struct sov_jval
str_isdigit(struct sov_jrun *r, const struct sov_jargs *a)
{
    return all_are(r, a->self.u.str, DIGIT, 0);
}

static struct sov_jval
str_isalpha(struct sov_jrun *r, const struct sov_jargs *a)
{
    return all_are(r, a->self.u.str, LETTER, 0);
}

static struct sov_jval
str_isalnum(struct sov_jrun *r, const struct sov_jargs *a)
{
    return all_are(r, a->self.u.str, LETTER | DIGIT, 0);
}

static struct sov_jval
str_isspace(struct sov_jrun *r, const struct sov_jargs *a)
{
    return all_are(r, a->self.u.str, SPACE, 0);
}

static struct sov_jval
str_isupper(struct sov_jrun *r, const struct sov_jargs *a)
{
    return all_are(r, a->self.u.str, UPPER, LOWER);
}

static struct sov_jval
str_islower(struct sov_jrun *r, const struct sov_jargs *a)
{
    return all_are(r, a->self.u.str, LOWER, UPPER);
}

static const struct sov_jfn methods[] = {
    J_FN("split", str_split),
    J_FN("strip", str_strip),
    J_FN("lstrip", str_lstrip),
    J_FN("rstrip", str_rstrip),
    J_FN("startswith", str_startswith),
    J_FN("endswith", str_endswith),
    J_FN("replace", str_replace),
    J_FN("format", sov_jmethod_format),
    J_FN("upper", str_upper),
    J_FN("lower", str_lower),
    J_FN("title", str_title),
    J_FN("capitalize", str_capitalize),
    J_FN("join", str_join),
    J_FN("find", str_find),
    J_FN("rfind", str_rfind),
    J_FN("index", str_index),
    J_FN("count", str_count),
    J_FN("rsplit", str_rsplit),
    J_FN("splitlines", str_splitlines),
    J_FN("removeprefix", str_removeprefix),
    J_FN("removesuffix", str_removesuffix),
    J_FN("isdigit", str_isdigit),
    J_FN("isalpha", str_isalpha),
    J_FN("isalnum", str_isalnum),
    J_FN("isspace", str_isspace),
    J_FN("isupper", str_isupper),
    J_FN("islower", str_islower),
    J_FN("isdecimal", str_isdigit),
    J_FN("isnumeric", str_isdigit),
    J_FN("swapcase", str_swapcase),
    J_FN("casefold", str_lower),
    J_FN("rindex", str_rindex),
    J_FN("partition", str_partition),
    J_FN("rpartition", str_rpartition),
    J_FN("center", sov_jmethod_center),
    J_FN("ljust", sov_jmethod_ljust),
    J_FN("rjust", sov_jmethod_rjust),
    J_FN("zfill", sov_jmethod_zfill),
};

const struct sov_jfn *
sov_jmethod_str_find(const struct sov_jstr *name)
{
    return sov_jfn_find(methods, sizeof(methods) / sizeof(methods[0]), name);
}
