/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sieve.c - which documents are worth learning from
 *
 * A document passes the rules, then it is compared with those before it, and
 * then lines are cut out.  One that comes in parts is judged by its first.
 *
 * Equal are documents whose SHA-256 begins with the same 64 bits, blanks around
 * the text left aside.
 */
#include "distill/sieve_in.h"

#include "base/le.h"
#include "base/mem.h"
#include "base/text.h"
#include "sov/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY (UINT64_C(1) << 30)
#define ENTRY  48 /* bytes of a crowd for each entry, while it grows */

/* ---- rules ---- */

static double
share(uint64_t part, uint64_t all)
{
    return all > 0 ? (double)part / (double)all : 0;
}

#define ALWAYS SOV_RULE_ALWAYS
#define TASTE  SOV_RULE_TASTE
#define LEAST  SOV_RULE_LEAST
#define MOST   SOV_RULE_MOST

/* A value is a function that is named after its line. */
#define NAME_AT(line)  value_##line
#define VALUE_AT(line) NAME_AT(line)

#define RULE(name, when, bound, limit, value, what)              \
    static double VALUE_AT(__LINE__)(const struct sov_traits *t) \
    {                                                            \
        return value;                                            \
    }
#include "distill/rules.def"
#undef RULE

static const struct sov_rule rules[] = {
#define RULE(name, when, bound, limit, value, what) \
    { name, when, bound, limit, VALUE_AT(__LINE__), what },
#include "distill/rules.def"
#undef RULE
    { "equal", SOV_RULE_OTHER, MOST, 0, NULL, "equal to an earlier one" },
    { "alike", SOV_RULE_OTHER, MOST, 0, NULL, "like an earlier one" },
    { "lines", SOV_RULE_OTHER, MOST, 0, NULL,
      "nothing but lines that came often enough" },
};

#define N_ALL   (sizeof(rules) / sizeof(rules[0]))
#define N_RULES (N_ALL - 3)
#define EQUAL   N_RULES
#define ALIKE   (N_RULES + 1)
#define EMPTIED (N_RULES + 2)

_Static_assert(N_ALL <= SOV_SIEVE_REASONS, "too many rules");

static int
say_rules(const char *at, size_t len, struct sov_err *err)
{
    char names[300];
    size_t n = 0;

    for (size_t i = 0; i < N_RULES && n < sizeof(names) - 40; i++)
        n += (size_t)snprintf(names + n, sizeof(names) - n, " %s",
                              rules[i].name);
    return sov_fail(err, SOV_EARG, "%.*s: not NAME=NUMBER or NAME=off with%s",
                    (int)(len < 60 ? len : 60), at, names);
}

/* "words=50" or "words=off" */
static int
set_limit(struct sov_sieve *s, const char *at, size_t len, struct sov_err *err)
{
    const char *is = memchr(at, '=', len);
    char number[32], *end;
    size_t n;

    if (is == NULL || (n = len - (size_t)(is + 1 - at)) == 0 ||
        n >= sizeof(number))
        return say_rules(at, len, err);
    memcpy(number, is + 1, n);
    number[n] = '\0';
    for (size_t i = 0; i < N_RULES; i++) {
        struct sov_sieve_reason *r = &s->reason[i];

        if (strlen(rules[i].name) != (size_t)(is - at) ||
            memcmp(rules[i].name, at, (size_t)(is - at)) != 0)
            continue;
        r->off = strcmp(number, "off") == 0;
        if (r->off)
            return 0;
        r->limit = strtod(number, &end);
        return *end == '\0' && r->limit >= 0 ? 0 : say_rules(at, len, err);
    }
    return say_rules(at, len, err);
}

static int
set_limits(struct sov_sieve *s, const char *text, struct sov_err *err)
{
    int rc = 0;

    while (rc == 0 && text != NULL && *text != '\0') {
        size_t n = strcspn(text, ",");

        rc = set_limit(s, text, n, err);
        text += n + (text[n] == ',');
    }
    return rc;
}

/* ---- the whole ---- */

static int
make(struct sov_sieve *s, struct sov_err *err)
{
    uint64_t memory = s->o.max_memory > 0 ? s->o.max_memory : MEMORY;
    int rc;

    for (size_t i = 0; i < N_ALL; i++) {
        s->reason[i].rule = &rules[i];
        s->reason[i].limit = rules[i].limit;
        s->reason[i].off = rules[i].when == SOV_RULE_TASTE && !s->o.filter;
    }
    s->reason[ALIKE].limit = s->o.near;
    s->n_rules = N_RULES;
    s->docs.most = (size_t)(memory / 4 / ENTRY);
    s->lines.most = (size_t)(memory / 4 / ENTRY);
    if (!(s->o.near >= 0 && s->o.near <= 1))
        return sov_fail(err, SOV_EARG,
                        "documents alike to the degree %g: "
                        "it is from 0 to 1",
                        s->o.near);
    rc = set_limits(s, s->o.limits, err);
    if (rc == 0 && s->o.near > 0)
        rc = sov_near_new(&s->near, s->o.near, memory / 2, err);
    return rc;
}

int
sov_sieve_new(sov_sieve **sieve, const struct sov_sieve_opts *opts,
              struct sov_err *err)
{
    sov_sieve *s = sov_mem_array(1, sizeof(*s));
    int rc;

    *sieve = NULL;
    if (s == NULL)
        return sov_mem_fail(err);
    if (opts != NULL)
        s->o = *opts;
    rc = make(s, err);
    if (rc < 0) {
        sov_sieve_free(s);
        return rc;
    }
    *sieve = s;
    return 0;
}

static void
free_examples(struct sov_sieve_reason *r)
{
    for (size_t i = 0; i < r->n_examples; i++)
        free(r->example[i].name);
}

void
sov_sieve_free(sov_sieve *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < N_ALL; i++)
        free_examples(&s->reason[i]);
    free_examples(&s->cut);
    sov_reader_free(&s->reader);
    sov_crowd_free(&s->docs);
    sov_crowd_free(&s->lines);
    sov_near_free(s->near);
    sov_buf_free(&s->text);
    free(s);
}

void
sov_sieve_count(const sov_sieve *s, struct sov_sieve_counts *counts)
{
    *counts = s->counts;
    if (s->near != NULL && sov_near_forgotten(s->near) > counts->forgotten)
        counts->forgotten = sov_near_forgotten(s->near);
}

const char *
sov_sieve_blame(const sov_sieve *s)
{
    const struct sov_sieve_reason *most = NULL;

    for (size_t i = 0; i < s->n_rules; i++)
        if (s->reason[i].docs > (most != NULL ? most->docs : 0))
            most = &s->reason[i];
    return most != NULL ? most->rule->name : NULL;
}

/* ---- judging ---- */

static bool
is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* How it begins, on one line. */
static void
put_excerpt(struct sov_sieve_example *e, struct sov_span text)
{
    char head[2 * SOV_SIEVE_EXCERPT];
    size_t n;

    while (text.len > 0 && is_space(text.p[0])) {
        text.p++;
        text.len--;
    }
    n = text.len < sizeof(head) ? text.len : sizeof(head);
    for (size_t i = 0; i < n; i++)
        head[i] = is_space(text.p[i]) ? ' ' : (char)text.p[i];
    sov_text_safe(head, n, e->text, sizeof(e->text));
}

static int
note(struct sov_sieve_reason *r, const struct sov_doc *doc,
     struct sov_span text, double value, struct sov_err *err)
{
    struct sov_sieve_example *e = &r->example[r->n_examples];

    r->docs++;
    r->bytes += text.len;
    if (r->n_examples == SOV_SIEVE_EXAMPLES)
        return 0;
    e->name = sov_mem_dup(doc->name, strlen(doc->name));
    if (e->name == NULL)
        return sov_mem_fail(err);
    e->line = doc->line;
    e->value = value;
    put_excerpt(e, text);
    r->n_examples++;
    return 0;
}

/* The rule that the document breaks, or N_RULES. */
static size_t
broken_rule(const sov_sieve *s, double *value)
{
    for (size_t i = 0; i < N_RULES; i++) {
        const struct sov_sieve_reason *r = &s->reason[i];

        if (r->off)
            continue;
        *value = rules[i].value(&s->reader.traits);
        if (rules[i].bound == LEAST ? *value < r->limit : *value > r->limit)
            return i;
    }
    return N_RULES;
}

/* Was there one that is equal?  1, 0. */
static int
look_equal(sov_sieve *s, struct sov_span text, struct sov_err *err)
{
    unsigned char sha[SOV_SHA256_LEN];
    uint32_t before;
    int rc;

    while (text.len > 0 && is_space(text.p[text.len - 1]))
        text.len--;
    while (text.len > 0 && is_space(text.p[0])) {
        text.p++;
        text.len--;
    }
    sov_sha256(text.p, text.len, sha);
    rc = sov_crowd_add(&s->docs, sov_le64(sha), &before, err);
    if (rc < 0)
        return rc;
    s->counts.forgotten += rc > 0;
    return before > 0;
}

/* The reason why a document is dropped, or N_ALL: it is kept. */
static int
judge(sov_sieve *s, const struct sov_doc *doc, size_t *reason, double *value,
      struct sov_err *err)
{
    int rc = sov_reader_read(&s->reader, doc, err);

    if (rc == 0 && (s->o.filter || s->o.limits != NULL))
        rc = sov_reader_phrases(&s->reader, err);
    if (rc < 0)
        return rc;
    *reason = broken_rule(s, value);
    if (*reason < N_RULES)
        return 0;
    *reason = N_ALL;
    if (s->o.exact) {
        rc = look_equal(s, doc->text, err);
        if (rc > 0) {
            *reason = EQUAL;
            *value = 1;
        }
    }
    if (rc == 0 && s->near != NULL) {
        rc = sov_near_look(s->near, s->reader.word, s->reader.n, value, err);
        if (rc > 0)
            *reason = ALIKE;
    }
    return rc < 0 ? rc : 0;
}

/* ---- lines ---- */

/* Is this line there often enough?  1, 0. */
static int
is_enough(sov_sieve *s, struct sov_span line, struct sov_err *err)
{
    uint32_t before;
    int rc;

    if (line.len < SOV_LINE_LONG)
        return 0;
    rc = sov_crowd_add(&s->lines, sov_line_hash(line), &before, err);
    if (rc < 0)
        return rc;
    s->counts.lines_forgotten += rc > 0;
    return before >= s->o.lines;
}

/* The text without them; it borrows what it can. */
static int
cut_lines(sov_sieve *s, const struct sov_doc *doc, struct sov_span *text,
          struct sov_err *err)
{
    struct sov_span left = doc->text, line;
    bool cut = false; /* text is being put together in s->text */
    size_t n;

    s->text.len = 0;
    while ((n = sov_line_next(left, &line)) > 0) {
        struct sov_span all = { left.p, n };
        int rc = is_enough(s, line, err);

        if (rc > 0) {
            if (!cut)
                sov_buf_add(&s->text, doc->text.p,
                            (size_t)(left.p - doc->text.p));
            cut = true;
            s->counts.lines++;
            s->counts.lines_bytes += n;
            rc = note(&s->cut, doc, all, 0, err);
        } else if (rc == 0 && cut) {
            sov_buf_add(&s->text, left.p, n);
        }
        if (rc < 0)
            return rc;
        left.p += n;
        left.len -= n;
    }
    if (s->text.bad)
        return sov_mem_fail(err);
    if (cut)
        *text = (struct sov_span){ s->text.p, s->text.len };
    return 0;
}

static bool
is_all_blank(struct sov_span text)
{
    while (text.len > 0 && is_space(text.p[text.len - 1]))
        text.len--;
    return text.len == 0;
}

/* Cut lines out; where nothing is left, they were not, and it is dropped. */
static int
thin_out(sov_sieve *s, const struct sov_doc *doc, struct sov_span *text,
         size_t *reason, struct sov_err *err)
{
    uint64_t lines = s->counts.lines;
    uint64_t bytes = s->counts.lines_bytes;
    int rc = cut_lines(s, doc, text, err);

    if (rc == 0 && doc->begins && doc->ends && lines < s->counts.lines &&
        is_all_blank(*text)) {
        *reason = EMPTIED;
        s->counts.lines = lines;
        s->counts.lines_bytes = bytes;
    }
    return rc;
}

int
sov_sieve_take(sov_sieve *s, const struct sov_doc *doc, struct sov_span *text,
               struct sov_err *err)
{
    size_t reason = N_ALL;
    double value = 0;
    int rc = 0;

    *text = doc->text;
    s->counts.docs += doc->begins;
    s->counts.bytes += doc->text.len;
    if (doc->begins) {
        s->dropping = false;
        rc = judge(s, doc, &reason, &value, err);
    }
    if (rc == 0 && reason == N_ALL && s->o.lines > 0 && !s->dropping)
        rc = thin_out(s, doc, text, &reason, err);
    if (rc < 0)
        return rc;
    if (reason < N_ALL) {
        s->dropping = true;
        return note(&s->reason[reason], doc, doc->text, value, err);
    }
    if (s->dropping)
        return 0;
    s->counts.kept += doc->begins;
    s->counts.kept_bytes += text->len;
    s->counts.repaired += doc->begins && doc->broken > 0;
    return 1;
}
