/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hf_pre.c - which row of pretoks.def a tokenizer.json asks for
 *
 * "pre_tokenizer" is an object or a Sequence of them:
 *
 *   Split        pattern { Regex }, behavior Isolated (or Removed, inverted)
 *   ByteLevel    use_regex: GPT-2's expression
 *   Digits       individual_digits: \p{N}, else \p{N}+
 *   Punctuation  behavior Contiguous: falcon's expression
 *
 * Its expressions, one after the other, must be those of a row.  They are
 * compared as texts in one spelling, so a new tokenizer is a row, or a line of
 * the table of spellings below.
 */
#include "tok/hf.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define ENGLISH "(?i:'s|'t|'re|'ve|'m|'ll|'d)"

/* Other ways to write the same. */
static const char *const spellings[][2] = {
    { "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])", ENGLISH },
    { "(?i:'s|'t|'re|'ve|'m|'ll|'d|)", ENGLISH },
    { "[\\x{4E00}-\\x{9FA5}\\x{800}-\\x{4E00}\\x{AC00}-\\x{D7FF}]+",
      "(?:(?!\\s)[\\x{4E00}-\\x{9FA5}\\x{800}-\\x{4E00}\\x{AC00}-\\x{D7FF}])"
      "+" },
    { " ?[^(\\s|[.,!?\\x{2026}\\x{3002}\\x{FF0C}\\x{3001}\\x{964}\\x{6D4}"
      "\\x{60C}])]+",
      " ?[^(\\s|.,!?\\x{2026}\\x{3002}\\x{FF0C}\\x{3001}\\x{964}\\x{6D4}"
      "\\x{60C})]+" },
};

#define N_SPELLINGS (sizeof(spellings) / sizeof(*spellings))

/* ---- one spelling */

/* The character of \x{...} at s, its length in *n; or 0. */
static uint32_t
escaped(const char *s, size_t *n)
{
    char *end;
    unsigned long cp;

    if (strncmp(s, "\\x{", 3) == 0) {
        cp = strtoul(s + 3, &end, 16);
        *n = (size_t)(end - s) + 1;
        return *end == '}' && cp < 0x110000 ? (uint32_t)cp : 0;
    }
    return 0;
}

/* Line ends as escapes, characters as themselves. */
static void
spell(struct sov_buf *b, const char *s)
{
    while (*s != '\0') {
        unsigned char utf8[4];
        size_t n;
        uint32_t cp = escaped(s, &n);

        if (cp > 0) {
            sov_buf_add(b, utf8, sov_utf8_put(cp, utf8));
            s += n;
        } else if (*s == '\r' || *s == '\n') {
            sov_buf_add(b, *s == '\r' ? "\\r" : "\\n", 2);
            s++;
        } else {
            n = *s == '\\' && s[1] != '\0' ? 2 : 1;
            sov_buf_add(b, s, n);
            s += n;
        }
    }
    sov_buf_u8(b, 0);
}

/* Put "to" in the place of each "from" in *b. */
static void
replace(struct sov_buf *b, const char *from, const char *to)
{
    struct sov_buf out = { 0 };
    const char *s = (const char *)b->p;
    const char *hit;

    while ((hit = strstr(s, from)) != NULL) {
        sov_buf_add(&out, s, (size_t)(hit - s));
        sov_buf_add(&out, to, strlen(to));
        s = hit + strlen(from);
    }
    sov_buf_add(&out, s, strlen(s) + 1);
    sov_buf_free(b);
    *b = out;
}

/* The one spelling of an expression, NUL-terminated; false: no memory. */
static bool
canonical(const char *text, struct sov_buf *b)
{
    *b = (struct sov_buf){ 0 };
    spell(b, text);
    for (size_t i = 0; i < N_SPELLINGS && !b->bad; i++) {
        struct sov_buf from = { 0 };
        struct sov_buf to = { 0 };

        spell(&from, spellings[i][0]);
        spell(&to, spellings[i][1]);
        if (from.bad || to.bad)
            b->bad = true;
        else if (strcmp((char *)b->p, (char *)from.p) == 0 ||
                 strstr(spellings[i][1], ENGLISH) == spellings[i][1])
            replace(b, (char *)from.p, (char *)to.p);
        sov_buf_free(&from);
        sov_buf_free(&to);
    }
    return !b->bad;
}

/* ---- what a file has */

struct stages {
    struct sov_buf text[SOV_STAGES]; /* canonical */
    size_t n;
    char unknown[64]; /* a part that is not known, or nothing */
};

static void
not_known(struct stages *st, const char *what)
{
    if (st->unknown[0] == '\0')
        sov_text_safe(what, strlen(what), st->unknown, sizeof(st->unknown));
}

static int
add_stage(struct stages *st, const char *text, struct sov_err *err)
{
    if (st->n == SOV_STAGES) {
        not_known(st, "too many stages");
        return 0;
    }
    if (!canonical(text, &st->text[st->n++]))
        return sov_mem_fail(err);
    return 0;
}

static const char *
member(const json_t *obj, const char *name)
{
    const char *s = json_string_value(json_object_get(obj, name));

    return s != NULL ? s : "";
}

static int
add_split(struct stages *st, const json_t *obj, struct sov_err *err)
{
    const json_t *pattern = json_object_get(obj, "pattern");
    const char *regex = json_string_value(json_object_get(pattern, "Regex"));
    const char *how = member(obj, "behavior");
    bool invert = json_is_true(json_object_get(obj, "invert"));

    if (regex == NULL || !((strcmp(how, "Isolated") == 0 && !invert) ||
                           (strcmp(how, "Removed") == 0 && invert))) {
        not_known(st, regex == NULL ? "Split by a string" : how);
        return 0;
    }
    return add_stage(st, regex, err);
}

static int
add_part(struct stages *st, const json_t *obj, struct sov_err *err)
{
    const char *type = member(obj, "type");

    if (strcmp(type, "Split") == 0)
        return add_split(st, obj, err);
    if (strcmp(type, "ByteLevel") == 0)
        return json_is_false(json_object_get(obj, "use_regex"))
                   ? 0
                   : add_stage(st, sov_pat_gpt2.text, err);
    if (strcmp(type, "Digits") == 0)
        return add_stage(st,
                         json_is_true(json_object_get(obj, "individual_digits"))
                             ? sov_pat_digit.text
                             : sov_pat_digits.text,
                         err);
    if (strcmp(type, "Punctuation") == 0 &&
        strcmp(member(obj, "behavior"), "Contiguous") == 0)
        return add_stage(st, sov_pat_falcon.text, err);
    not_known(st, *type != '\0' ? type : "nothing");
    return 0;
}

static int
collect(struct stages *st, const json_t *obj, struct sov_err *err)
{
    const json_t *list = json_object_get(obj, "pretokenizers");
    size_t i;
    json_t *part;
    int rc = 0;

    if (strcmp(member(obj, "type"), "Sequence") != 0)
        return add_part(st, obj, err);
    json_array_foreach((json_t *)list, i, part)
    {
        rc = add_part(st, part, err);
        if (rc < 0)
            break;
    }
    return rc;
}

/* ---- rows */

/* 1: the row has these stages; 0: it does not. */
static int
is_row(const struct sov_pre *row, const struct stages *st, struct sov_err *err)
{
    size_t i;
    int same = 1;

    for (i = 0; i < st->n && row->stage[i] != NULL && same == 1; i++) {
        struct sov_buf b;

        if (!canonical(row->stage[i]->text, &b))
            same = sov_mem_fail(err);
        else
            same = strcmp((char *)b.p, (char *)st->text[i].p) == 0;
        sov_buf_free(&b);
    }
    if (same < 0)
        return same;
    return same && i == st->n && row->stage[i] == NULL;
}

/* The first row that fits, rather one that takes whole pieces as the file. */
static int
find_row(struct sov_hf *hf, const struct stages *st, struct sov_err *err)
{
    const struct sov_pre *row;

    for (size_t i = 0; (row = sov_pre_at(i)) != NULL; i++) {
        int rc = row->flags & SOV_PRE_RAW ? 0 : is_row(row, st, err);

        if (rc < 0)
            return rc;
        if (rc == 1 && ((row->flags & SOV_PRE_WHOLE) != 0) == hf->whole) {
            hf->pre = row;
            return 0;
        }
        if (rc == 1 && hf->pre == NULL)
            hf->pre = row;
    }
    return 0;
}

static int
no_row(const struct stages *st, struct sov_err *err)
{
    char text[120];
    const char *what = st->n > 0 ? (const char *)st->text[0].p : "nothing";

    if (st->unknown[0] != '\0')
        return sov_fail(err, SOV_EUNSUP,
                        "the pre-tokenizer has a part that is not known: %s",
                        st->unknown);
    return sov_fail(err, SOV_EUNSUP,
                    "the pre-tokenizer is not known: %zu expressions, the "
                    "first is %s",
                    st->n,
                    sov_text_safe(what, strlen(what), text, sizeof(text)));
}

int
sov_hf_pre(struct sov_hf *hf, struct sov_err *err)
{
    struct stages st = { 0 };
    int rc = collect(&st, json_object_get(hf->json, "pre_tokenizer"), err);

    if (rc == 0 && st.unknown[0] == '\0')
        rc = find_row(hf, &st, err);
    if (rc == 0 && hf->pre == NULL)
        rc = no_row(&st, err);
    for (size_t i = 0; i < st.n; i++)
        sov_buf_free(&st.text[i]);
    return rc;
}
