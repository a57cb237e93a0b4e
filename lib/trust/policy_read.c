/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_read.c - the lines of a policy
 *
 * Every line is cut into words, found in policy.def, and handed to the
 * take_...() of its row (policy_take.c), which looks at the words that follow.
 * What is kept of it is a rule: its words, copied, and the number of its line,
 * so that whoever refuses a model can say by which.
 *
 * Keys go into a ring of this file alone, which is merged when all is well.
 */
#include "trust/policy_in.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "trust/armor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "sov-policy v1"

enum { ONCE = 1, KEYS = 2 };

struct row {
    enum sov_directive id;
    const char *first, *second;
    size_t min, max;
    int flags;
    const char *form;
};

static const struct row rows[] = {
#define DIRECTIVE(id, first, second, min, max, flags, form) \
    { SOV_RULE_##id, first, second, min, max, flags, form },
#include "trust/policy.def"
#undef DIRECTIVE
};

static const struct row *
find_row(const struct sov_policy_reader *r)
{
    const struct sov_words *w = &r->w;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (sov_word_is(w->word[0], rows[i].first) &&
            (rows[i].second == NULL ||
             (w->n > 1 && sov_word_is(w->word[1], rows[i].second))) &&
            (!r->only_keys || (rows[i].flags & KEYS) != 0))
            return &rows[i];
    return NULL;
}

/* "lineage", of which nothing more is known. */
static int
no_row(const struct sov_policy_reader *r, struct sov_err *err)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (sov_word_is(r->w.word[0], rows[i].first) &&
            rows[i].second != NULL &&
            (!r->only_keys || (rows[i].flags & KEYS) != 0))
            return sov_fail(err, SOV_EDENY, "not of the form \"%s\"",
                            rows[i].form);
    return sov_word_quote(err, "an unknown directive", r->w.word[0]);
}

/* Copies of the words behind those that the row begins with. */
static int
copy_words(struct sov_policy_reader *r, const struct row *row,
           struct sov_rule *rule, struct sov_err *err)
{
    size_t from = row->second != NULL ? 2 : 1;
    size_t bytes = 0;
    const char **word;
    char *text;
    int rc;

    rule->n = r->w.n - from;
    for (size_t i = from; i < r->w.n; i++)
        bytes += r->w.word[i].len + 1;
    rc = sov_pool_array(&r->file->pool, rule->n, sizeof(*word), &word, err);
    if (rc == 0)
        rc = sov_pool_array(&r->file->pool, bytes, 1, &text, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < rule->n; i++) {
        struct sov_span w = r->w.word[from + i];

        memcpy(text, w.p, w.len);
        word[i] = text;
        text += w.len + 1; /* the pool is zeroed */
    }
    rule->word = word;
    return 0;
}

static int
add_rule(struct sov_policy_reader *r, const struct row *row,
         struct sov_err *err)
{
    struct sov_policy_file *f = r->file;
    struct sov_rule rule = { .what = row->id, .line = r->line };
    size_t words = r->w.n - (row->second != NULL ? 2 : 1);
    int rc;

    if (words < row->min || words > row->max || r->w.more ||
        ((row->flags & ONCE) != 0 && sov_policy_has(f, row->id)))
        return sov_fail(err, SOV_EDENY, "\"%s\"%s", row->form,
                        (row->flags & ONCE) != 0 ? " once" : "");
    if (f->n_rules >= SOV_POLICY_RULES)
        return sov_fail(err, SOV_EDENY, "more than %d lines of rules",
                        SOV_POLICY_RULES);
    rc = copy_words(r, row, &rule, err);
    if (rc == 0)
        rc = sov_policy_take[row->id](r, &rule, err);
    if (rc == 0)
        rc = sov_mem_grow((void **)&f->rule, f->n_rules, &f->rules_cap,
                          sizeof(*f->rule), err);
    if (rc == 0)
        f->rule[f->n_rules++] = rule;
    return rc;
}

static int
one_line(struct sov_policy_reader *r, struct sov_span line, struct sov_err *err)
{
    const struct sov_words *w = &r->w;
    const struct row *row;

    if (!sov_span_printable(line))
        return sov_fail(err, SOV_EDENY,
                        "control characters or bad UTF-8 in the line");
    sov_words_split(&r->w, line);
    if (w->n == 0)
        return 0;
    if (r->begun) {
        row = find_row(r);
        return row != NULL ? add_rule(r, row, err) : no_row(r, err);
    }
    r->begun = true;
    if (w->n != 2 || !sov_word_is(w->word[0], "sov-policy") ||
        !sov_word_is(w->word[1], "v1"))
        return sov_fail(err, SOV_EDENY, "does not begin with \"" HEAD "\"");
    return 0;
}

static int
read_lines(struct sov_policy_reader *r, struct sov_span left,
           struct sov_err *err)
{
    while (left.len > 0) {
        struct sov_span line;
        int rc;

        r->line++;
        rc = sov_line_take(&left, &line)
                 ? one_line(r, line, err)
                 : sov_fail(err, SOV_EDENY,
                            "cut short: the last newline is missing");
        if (rc < 0)
            return sov_err_wrap(err, "line %u", r->line);
    }
    if (!r->begun)
        return sov_fail(err, SOV_EDENY, "does not begin with \"" HEAD "\"");
    return 0;
}

int
sov_policy_file_read(struct sov_policy_file **file, sov_keyring *ring,
                     struct sov_span text, bool only_keys, struct sov_err *err)
{
    struct sov_policy_file *f;
    struct sov_policy_reader *r;
    int rc;

    if (text.len > SOV_RING_FILE_MAX)
        return sov_fail(err, SOV_EDENY,
                        "longer than the limit of %" PRIu64 " bytes",
                        SOV_RING_FILE_MAX);
    r = sov_mem_array(1, sizeof(*r));
    f = sov_mem_array(1, sizeof(*f));
    if (r == NULL || f == NULL) {
        free(r);
        free(f);
        return sov_mem_fail(err);
    }
    r->file = f;
    r->only_keys = only_keys;
    f->version = -1;
    f->expires = SOV_FOREVER;
    f->group = sov_mem_array(SOV_POLICY_GROUPS + 1, sizeof(*f->group));
    rc = f->group == NULL ? sov_mem_fail(err) : sov_keyring_new(&r->ring, err);
    if (rc == 0)
        rc = read_lines(r, text, err);
    if (rc == 0)
        rc = sov_ring_merge(ring, r->ring, f->expires, f->time, err);
    sov_keyring_free(r->ring);
    free(r);
    if (rc < 0)
        sov_policy_file_free(f);
    else
        *file = f;
    return rc;
}

void
sov_policy_file_free(struct sov_policy_file *f)
{
    if (f == NULL)
        return;
    free(f->key);
    free(f->group);
    free(f->rule);
    sov_pool_free(&f->pool);
    free(f);
}

void
sov_rule_text(const struct sov_rule *rule, char *out, size_t size)
{
    const struct row *row = &rows[rule->what];
    size_t at = (size_t)snprintf(out, size, "%s%s%s", row->first,
                                 row->second != NULL ? " " : "",
                                 row->second != NULL ? row->second : "");

    for (size_t i = 0; i < rule->n && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, " %s", rule->word[i]);
    if (at >= size && size > 4)
        strcpy(out + size - 4, "...");
}

bool
sov_policy_has(const struct sov_policy_file *file, enum sov_directive what)
{
    for (size_t i = 0; i < file->n_rules; i++)
        if (file->rule[i].what == what)
            return true;
    return false;
}
