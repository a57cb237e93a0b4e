/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pretok.c - pre-tokenizers: rows, stages, and PCRE2 for the rare ones
 *
 * Expressions are compiled for UTF-8 with Unicode properties and run under
 * limits; only rows of patterns.def are ever compiled, never an expression
 * out of a file.  \s is written out before, as the characters that Unicode
 * calls white space: PCRE2 counts U+180E among them.
 */
#include "tok/pretok.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "tok/uclass.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS "\\p{Z}\\x{9}-\\x{d}\\x{85}"

static const struct sov_pre rows[] = {
#define STAGE(sym)                   &sov_pat_##sym,
#define PRETOK(names, flags, stages) { names, flags, { stages NULL } },
#include "tok/pretoks.def"
#undef PRETOK
#undef STAGE
};

#define N_ROWS (sizeof(rows) / sizeof(*rows))

struct stage {
    sov_scan_fn *scan;
    sov_digit_fn *digit;
    enum sov_threes how;
    pcre2_code *code;
};

struct sov_pretok {
    struct stage stage[SOV_STAGES];
    size_t n;
    bool match; /* a stage is PCRE2's */
};

/* What a stage has before it. */
struct level {
    size_t begin; /* the piece of the stage before */
    size_t at;
    size_t end;
    size_t match_at; /* a match that was found already, if end > begin */
    size_t match_end;
    size_t left; /* digits at at, up to the last one of their run */
};

struct sov_pieces {
    const struct sov_pretok *pt;
    const unsigned char *p;
    struct level level[SOV_STAGES];
    pcre2_match_data *data;
    pcre2_match_context *context;
};

/* ---- rows */

const struct sov_pre *
sov_pre_find(const void *name, size_t len)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        const char *s = rows[i].names;

        while (*s != '\0') {
            size_t n = strcspn(s, " ");

            if (n == len && memcmp(s, name, n) == 0)
                return &rows[i];
            s += n;
            s += strspn(s, " ");
        }
    }
    return NULL;
}

const struct sov_pre *
sov_pre_at(size_t i)
{
    return i < N_ROWS ? &rows[i] : NULL;
}

/* ---- expressions */

/* The expression with white space written out; free() it. */
static char *
spell_out(const char *s)
{
    const size_t most = sizeof("[^" BLANKS "]");
    char *text = sov_mem_array(strlen(s) + 1, most);
    char *out = text;
    bool set = false;

    for (; text != NULL && *s != '\0'; s++) {
        if (*s == '\\' && s[1] == 's') {
            out += sprintf(out, set ? BLANKS : "[" BLANKS "]");
            s++;
        } else if (*s == '\\' && s[1] == 'S') {
            out += sprintf(out, "[^" BLANKS "]");
            s++;
        } else {
            if (*s == '\\')
                *out++ = *s++;
            else if (*s == '[' || *s == ']')
                set = *s == '[';
            *out++ = *s;
        }
    }
    return text;
}

static int
compile(struct stage *st, const char *pattern, struct sov_err *err)
{
    char *text = spell_out(pattern);
    PCRE2_SIZE at;
    int code;

    if (text == NULL)
        return sov_mem_fail(err);
    st->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                             PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY |
                                 PCRE2_NEVER_BACKSLASH_C,
                             &code, &at, NULL);
    free(text);
    if (st->code == NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "PCRE2 does not take a pre-tokenizer's expression "
                        "(error %d at %zu)",
                        code, (size_t)at);
    return 0;
}

static struct sov_pretok *
fresh(struct sov_err *err)
{
    struct sov_pretok *pt = sov_mem_array(1, sizeof(*pt));

    if (pt == NULL)
        sov_mem_fail(err);
    return pt;
}

int
sov_pretok_new(struct sov_pretok **out, const struct sov_pre *pre,
               struct sov_err *err)
{
    struct sov_pretok *pt = fresh(err);
    int rc = pt == NULL ? SOV_EMEM : 0;

    *out = NULL;
    for (size_t i = 0; rc == 0 && pre->stage[i] != NULL; i++) {
        struct stage *st = &pt->stage[pt->n++];

        st->scan = pre->stage[i]->scan;
        st->digit = pre->stage[i]->digit;
        st->how = pre->stage[i]->how;
        if (st->scan == NULL && st->digit == NULL) {
            pt->match = true;
            rc = compile(st, pre->stage[i]->text, err);
        }
    }
    if (rc < 0) {
        sov_pretok_free(pt);
        return rc;
    }
    *out = pt;
    return 0;
}

int
sov_pretok_plain(struct sov_pretok **out, const struct sov_pattern *pat,
                 struct sov_err *err)
{
    const struct sov_pattern bare = { .text = pat->text };
    const struct sov_pre pre = { "", 0, { &bare } };

    return sov_pretok_new(out, &pre, err);
}

void
sov_pretok_free(struct sov_pretok *pt)
{
    if (pt == NULL)
        return;
    for (size_t i = 0; i < pt->n; i++)
        pcre2_code_free(pt->stage[i].code);
    free(pt);
}

sov_scan_fn *
sov_pretok_scan(const struct sov_pretok *pt)
{
    return pt->n == 1 ? pt->stage[0].scan : NULL;
}

int
sov_pretok_clean(const unsigned char *text, size_t len, unsigned char **copy,
                 struct sov_err *err)
{
    size_t at = 0;

    *copy = NULL;
    while (at < len) {
        uint32_t cp;
        size_t n =
            text[at] < 0x80 ? 1 : sov_utf8_step(text + at, len - at, &cp);

        if (n == 0 && *copy == NULL) {
            *copy = sov_mem_array(len, 1);
            if (*copy == NULL)
                return sov_mem_fail(err);
            memcpy(*copy, text, len);
        }
        if (n == 0)
            (*copy)[at++] = 0x1a;
        at += n;
    }
    return 0;
}

/* ---- pieces */

int
sov_pieces_new(struct sov_pieces **out, const struct sov_pretok *pt,
               struct sov_err *err)
{
    struct sov_pieces *ps = sov_mem_array(1, sizeof(*ps));

    *out = NULL;
    if (ps == NULL)
        return sov_mem_fail(err);
    ps->pt = pt;
    if (pt->match) {
        ps->data = pcre2_match_data_create(1, NULL);
        ps->context = pcre2_match_context_create(NULL);
        if (ps->data == NULL || ps->context == NULL) {
            sov_pieces_free(ps);
            return sov_mem_fail(err);
        }
        pcre2_set_match_limit(ps->context, SOV_REGEX_STEPS);
        pcre2_set_depth_limit(ps->context, SOV_REGEX_STEPS);
        pcre2_set_heap_limit(ps->context, SOV_REGEX_HEAP >> 10);
    }
    *out = ps;
    return 0;
}

void
sov_pieces_free(struct sov_pieces *ps)
{
    if (ps == NULL)
        return;
    pcre2_match_data_free(ps->data);
    pcre2_match_context_free(ps->context);
    free(ps);
}

static void
enter(struct level *l, size_t begin, size_t end)
{
    *l = (struct level){ .begin = begin, .at = begin, .end = end };
}

void
sov_pieces_begin(struct sov_pieces *ps, const unsigned char *p, size_t len)
{
    ps->p = p;
    for (size_t i = 0; i < ps->pt->n; i++)
        enter(&ps->level[i], 0, 0);
    enter(&ps->level[0], 0, len);
}

/* The end of the next piece of a stage that PCRE2 runs, in *end. */
static int
match(struct sov_pieces *ps, const struct stage *st, struct level *l,
      size_t *end, struct sov_err *err)
{
    const PCRE2_SIZE *found;
    int rc;

    if (l->match_end > l->at && l->match_at == l->at) {
        *end = l->match_end;
        return 0;
    }
    rc = pcre2_match(
        st->code, ps->p + l->begin, l->end - l->begin, l->at - l->begin,
        PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY_ATSTART, ps->data, ps->context);
    if (rc == PCRE2_ERROR_NOMATCH) {
        *end = l->end;
        return 0;
    }
    if (rc < 0)
        return sov_fail(err, SOV_EFORMAT,
                        "the pre-tokenizer gives up at byte %zu of a text "
                        "(PCRE2 error %d; the limits are %llu steps and %llu "
                        "bytes)",
                        l->at, rc, (unsigned long long)SOV_REGEX_STEPS,
                        (unsigned long long)SOV_REGEX_HEAP);
    found = pcre2_get_ovector_pointer(ps->data);
    l->match_at = l->begin + found[0];
    l->match_end = l->begin + found[1];
    *end = l->match_at > l->at ? l->match_at : l->match_end;
    return 0;
}

/* ---- digits in threes */

static bool
is_word(const unsigned char *p)
{
    size_t n;

    return p[0] == '_' ||
           (sov_uclass_at(p, &n) & (SOV_UC_L | SOV_UC_M | SOV_UC_N)) != 0;
}

/*
 * The next run of digits at or after at that counts, and their number in
 * *left.  "\\b" of a published expression asks what follows.
 */
static size_t
find_run(const struct stage *st, const unsigned char *p, size_t at, size_t end,
         size_t *left)
{
    size_t n;

    while (at < end) {
        size_t i = at;

        for (*left = 0; i < end && st->digit(p + i, &n); i += n)
            ++*left;
        if (*left > 0 &&
            (st->how != SOV_THREES_BOUNDED || i == end || !is_word(p + i)))
            return at;
        at = *left > 0 ? i : at + n;
    }
    *left = 0;
    return end;
}

/* Behind so many digits at p[at]. */
static size_t
skip_digits(const struct stage *st, const unsigned char *p, size_t at, size_t n)
{
    for (size_t len; n > 0; n--, at += len)
        (void)st->digit(p + at, &len);
    return at;
}

/* The end of the piece at l->at, where l->left digits are to come in threes. */
static size_t
threes(const struct stage *st, const unsigned char *p, struct level *l)
{
    size_t i = l->at;
    size_t n;

    if (l->left == 0) {
        i = find_run(st, p, i, l->end, &l->left);
        if (i > l->at)
            return i;
    }
    n = l->left % 3 > 0 ? l->left % 3 : 3;
    l->left -= n;
    return skip_digits(st, p, i, n);
}

/* The same where a piece ends only before three. */
static size_t
joined_threes(const struct stage *st, const unsigned char *p, struct level *l)
{
    size_t i = l->at;

    while (i < l->end || l->left > 0) {
        size_t n = 3;

        if (l->left > 0 && i > l->at)
            break;
        if (l->left == 0) {
            i = find_run(st, p, i, l->end, &l->left);
            n = l->left % 3;
        }
        l->left -= n;
        i = skip_digits(st, p, i, n);
    }
    return i;
}

int
sov_pieces_next(struct sov_pieces *ps, size_t *at, size_t *end,
                struct sov_err *err)
{
    const struct sov_pretok *pt = ps->pt;
    size_t k = pt->n;

    while (k > 0 && ps->level[k - 1].at == ps->level[k - 1].end)
        k--;
    if (k == 0)
        return 0;
    for (k--; k < pt->n; k++) {
        struct level *l = &ps->level[k];

        if (k > 0 && l->at == l->end)
            enter(l, *at, *end);
        *at = l->at;
        if (pt->stage[k].scan != NULL) {
            *end = pt->stage[k].scan(ps->p, l->at, l->end);
        } else if (pt->stage[k].digit != NULL) {
            *end = pt->stage[k].how == SOV_THREES_JOINED
                       ? joined_threes(&pt->stage[k], ps->p, l)
                       : threes(&pt->stage[k], ps->p, l);
        } else {
            int rc = match(ps, &pt->stage[k], l, end, err);

            if (rc < 0)
                return rc;
        }
        l->at = *end;
    }
    return 1;
}
