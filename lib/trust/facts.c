/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts.c - what people declare of a model
 *
 * A file of facts is read line by line; a fact is kept when the line after it
 * has shown that it does not go on.  What facts there are stands in facts.def,
 * and nowhere else.
 */
#include "sov/facts.h"

#include "base/limits.h"
#include "base/mem.h"
#include "trust/armor.h"
#include "trust/policy.h"
#include "trust/pool.h"
#include "trust/words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "sov-facts v1"

static const struct sov_fact_info facts[] = {
#define FACT(name, kind, role, many, help) \
    { #name, SOV_FACT_##kind, #role, many, help },
#include "trust/facts.def"
#undef FACT
};

#define N_FACTS (sizeof(facts) / sizeof(facts[0]))

struct value {
    size_t fact; /* row */
    unsigned line;
    char *text; /* of the pool */
};

struct sov_facts {
    struct sov_pool pool; /* owned; texts and items */
    struct sov_param param[N_FACTS];
    size_t n;
};

const struct sov_fact_info *
sov_fact_at(size_t i)
{
    return i < N_FACTS ? &facts[i] : NULL;
}

const struct sov_fact_info *
sov_fact_named(const char *name)
{
    for (size_t i = 0; i < N_FACTS; i++)
        if (strcmp(facts[i].name, name) == 0)
            return &facts[i];
    return NULL;
}

/* ---- what a text may be */

static bool
all_of(const char *s, const char *allowed)
{
    return s[0] != '\0' && s[strspn(s, allowed)] == '\0';
}

static bool
is_license(const char *s)
{
    return all_of(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                     "0123456789.-+:");
}

static bool
is_place(const char *s)
{
    size_t len = strlen(s);

    return all_of(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") &&
           (len == 2 || strcmp(s, "EEA") == 0);
}

const char *
sov_fact_wrong(const struct sov_fact_info *fact, const char *text)
{
    struct sov_span w = { (const unsigned char *)text, strlen(text) };
    uint64_t n;
    int64_t t;
    double x;

    switch (fact->kind) {
    case SOV_FACT_TEXT:
        return NULL;
    case SOV_FACT_DATE:
        return w.len == 10 && sov_word_date(w, false, &t)
                   ? NULL
                   : "no date like 2026-11-21";
    case SOV_FACT_NUMBER:
        return sov_word_real(w, &x) && x >= 0 ? NULL : "not a number";
    case SOV_FACT_WHOLE:
        return sov_word_number(w, (UINT64_C(1) << 53) - 1, &n)
                   ? NULL
                   : "not a whole number";
    case SOV_FACT_YESNO:
        return strcmp(text, "yes") == 0 || strcmp(text, "no") == 0
                   ? NULL
                   : "neither yes nor no";
    case SOV_FACT_LICENSE:
        return is_license(text) ? NULL : "not the name of one licence";
    case SOV_FACT_PLACE:
        return is_place(text) ? NULL : "neither two capitals nor EEA";
    }
    return "of no kind";
}

/* ---- a file */

struct parser {
    struct sov_facts *out;
    struct value *value; /* owned */
    size_t n;
    size_t cap;
    bool begun;
    unsigned line;
    bool open;                   /* a fact that may go on */
    size_t fact;                 /* its row */
    unsigned from;               /* its line */
    char text[SOV_FACT_MAX + 1]; /* and its text so far */
    size_t len;
};

static bool
is_space(unsigned char c)
{
    return c == ' ' || c == '\t';
}

static struct sov_span
trim(struct sov_span s)
{
    while (s.len > 0 && is_space(s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.p[s.len - 1]))
        s.len--;
    return s;
}

static int
add_text(struct parser *p, struct sov_span s, struct sov_err *err)
{
    size_t space = p->len > 0 && s.len > 0;

    if (s.len > SOV_FACT_MAX - p->len - space || p->len == SOV_FACT_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "longer than the limit of %" PRIu64 " bytes",
                        SOV_FACT_MAX);
    if (space)
        p->text[p->len++] = ' ';
    for (size_t i = 0; i < s.len; i++)
        p->text[p->len++] = s.p[i] == '\t' ? ' ' : (char)s.p[i];
    p->text[p->len] = '\0';
    return 0;
}

static bool
was_said(const struct parser *p, size_t fact, const char *text)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->value[i].fact == fact &&
            (text == NULL || strcmp(p->value[i].text, text) == 0))
            return true;
    return false;
}

/* The fact that is open is complete. */
static int
close_fact(struct parser *p, struct sov_err *err)
{
    const struct sov_fact_info *f = &facts[p->fact];
    const char *no;
    char *text;
    int rc;

    if (!p->open)
        return 0;
    p->open = false;
    if (p->len == 0)
        return sov_fail(err, SOV_EFORMAT, "%s: nothing is said", f->name);
    no = sov_fact_wrong(f, p->text);
    if (no != NULL)
        return sov_fail(err, SOV_EFORMAT, "%s: %s: %.60s", f->name, no,
                        p->text);
    if (was_said(p, p->fact, f->many ? p->text : NULL))
        return sov_fail(err, SOV_EFORMAT, "%s is said twice", f->name);
    if (p->n >= SOV_FACTS_VALUES)
        return sov_fail(err, SOV_EFORMAT,
                        "more than the limit of %" PRIu64 " facts",
                        SOV_FACTS_VALUES);
    rc = sov_pool_array(&p->out->pool, p->len + 1, 1, &text, err);
    if (rc == 0)
        rc = sov_mem_grow((void **)&p->value, p->n, &p->cap, sizeof(*p->value),
                          err);
    if (rc < 0)
        return rc;
    memcpy(text, p->text, p->len + 1);
    p->value[p->n++] = (struct value){ p->fact, p->from, text };
    return 0;
}

/* NAME: TEXT */
static int
open_fact(struct parser *p, struct sov_span line, struct sov_err *err)
{
    const unsigned char *colon = memchr(line.p, ':', line.len);
    struct sov_span text;
    size_t len, i = 0;

    if (colon == NULL)
        return sov_fail(err, SOV_EFORMAT, "not of the form NAME: TEXT");
    len = (size_t)(colon - line.p);
    while (i < N_FACTS && (strlen(facts[i].name) != len ||
                           memcmp(facts[i].name, line.p, len) != 0))
        i++;
    if (i == N_FACTS)
        return sov_fail(err, SOV_EFORMAT, "there is no fact of the name %.*s",
                        (int)(len < 60 ? len : 60), (const char *)line.p);
    p->open = true;
    p->fact = i;
    p->from = p->line;
    p->len = 0;
    text.p = colon + 1;
    text.len = line.len - len - 1;
    return add_text(p, trim(text), err);
}

static int
one_line(struct parser *p, struct sov_span line, struct sov_err *err)
{
    struct sov_span text = trim(line);
    int rc;

    if (!sov_span_printable(line))
        return sov_fail(err, SOV_EFORMAT,
                        "control characters or bad UTF-8 in the line");
    if (line.len > 0 && line.p[0] == '#')
        return 0;
    if (!p->begun && text.len > 0) {
        p->begun = true;
        return sov_word_is(text, HEAD) ? 0
                                       : sov_fail(err, SOV_EFORMAT,
                                                  "does not begin with "
                                                  "\"" HEAD "\"");
    }
    if (text.len > 0 && is_space(line.p[0])) {
        if (!p->open)
            return sov_fail(err, SOV_EFORMAT, "goes on with nothing");
        return add_text(p, text, err);
    }
    rc = close_fact(p, err);
    return rc < 0 || text.len == 0 ? rc : open_fact(p, text, err);
}

static int
read_lines(struct parser *p, struct sov_span left, struct sov_err *err)
{
    struct sov_span line;
    int rc = 0;

    while (left.len > 0 && rc == 0) {
        p->line++;
        rc = sov_line_take(&left, &line)
                 ? one_line(p, line, err)
                 : sov_fail(err, SOV_EFORMAT,
                            "cut short: the last newline is missing");
    }
    if (rc == 0)
        rc = close_fact(p, err);
    if (rc < 0)
        return sov_err_wrap(err, "line %u", p->open ? p->from : p->line);
    if (!p->begun)
        return sov_fail(err, SOV_EFORMAT, "does not begin with \"" HEAD "\"");
    return p->n > 0 ? 0 : sov_fail(err, SOV_EFORMAT, "there is no fact in it");
}

/* Values in order of facts.def, those of one fact in the order they came. */
static int
gather(struct parser *p, struct sov_err *err)
{
    struct sov_facts *out = p->out;
    struct sov_param *item;
    int rc = sov_pool_array(&out->pool, p->n, sizeof(*item), &item, err);

    for (size_t f = 0; f < N_FACTS && rc == 0; f++) {
        struct sov_param *list = &out->param[out->n];

        *list = (struct sov_param){ .key = facts[f].name,
                                    .kind = SOV_PARAM_LIST,
                                    .item = item };
        for (size_t i = 0; i < p->n; i++)
            if (p->value[i].fact == f) {
                *item++ = (struct sov_param){ .kind = SOV_PARAM_STR,
                                              .str = p->value[i].text };
                list->n++;
            }
        out->n += list->n > 0;
    }
    return rc;
}

int
sov_facts_parse(sov_facts **out, const void *text, size_t len,
                struct sov_err *err)
{
    struct sov_span all = { .p = text, .len = len };
    struct parser *p;
    int rc;

    if (len > SOV_FACTS_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "longer than the limit of %" PRIu64 " bytes",
                        SOV_FACTS_MAX);
    p = sov_mem_array(1, sizeof(*p));
    if (p == NULL)
        return sov_mem_fail(err);
    p->out = sov_mem_array(1, sizeof(*p->out));
    rc = p->out == NULL ? sov_mem_fail(err) : read_lines(p, all, err);
    if (rc == 0)
        rc = gather(p, err);
    if (rc == 0)
        *out = p->out;
    else
        sov_facts_free(p->out);
    free(p->value);
    free(p);
    return rc;
}

void
sov_facts_free(sov_facts *f)
{
    if (f == NULL)
        return;
    sov_pool_free(&f->pool);
    free(f);
}

const struct sov_param *
sov_facts_params(const sov_facts *f, size_t *n)
{
    *n = f->n;
    return f->param;
}

/* ---- facts of a claim */

const struct sov_param *
sov_statement_fact(const struct sov_statement *st, const char *name)
{
    for (size_t i = 0; i < st->n_facts; i++)
        if (strcmp(st->fact[i].key, name) == 0 && st->fact[i].n > 0)
            return &st->fact[i];
    return NULL;
}

bool
sov_statement_declares(const struct sov_statement *st, const char *role)
{
    for (size_t i = 0; i < st->n_facts; i++) {
        const struct sov_fact_info *f = sov_fact_named(st->fact[i].key);

        if (f != NULL && strcmp(f->role, role) == 0 && st->fact[i].n > 0)
            return true;
    }
    return false;
}

bool
sov_statement_has_role(const struct sov_statement *st, const char *role)
{
    return strcmp(role, "facts") == 0 ? st->n_facts > 0
                                      : sov_statement_declares(st, role);
}
