/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge_said.c - rules about what else was said of a model
 *
 * Facts, reviews, benchmarks: claims about exactly its files, beside those
 * that say where it comes from.
 */
#include "trust/judge.h"

#include "sov/facts.h"
#include "trust/words.h"

#include <stdio.h>
#include <string.h>

#define DAY 86400

static bool
is_of_kind(const struct sov_judging *j, const struct sov_claim *c,
           const struct sov_said_kind *kind)
{
    return strcmp(c->statement.predicate_type, kind->predicate) == 0 &&
           (kind->role == NULL ||
            sov_statement_has_role(&c->statement, kind->role)) &&
           sov_claim_is_of(c, j->file, j->n);
}

/* What speaks against it, in order of how near it came; NULL: nothing. */
static const char *
objection(const struct sov_judging *j, const struct sov_rule *r,
          const struct sov_claim *c, int *near)
{
    const struct sov_statement *st = &c->statement;
    bool fact = sov_statement_is_facts(st);

    *near = 1;
    if (c->trust != SOV_TRUST_GOOD)
        return "one is there, by a key that does not count; ask them to sign";
    *near = 2;
    if (sov_judge_is_revoked(j, c))
        return "one is there, and was revoked";
    *near = 3;
    if (!fact && st->result != SOV_TEST_PASSED)
        return "one is there, and was not passed";
    *near = 4;
    if (r->number > 0 && (st->finished > j->now + DAY ||
                          st->finished < j->now - r->number * DAY))
        return "one is there, and not of that time; make it again";
    *near = 5;
    if (!sov_judge_signed(j, c, r->group))
        return "one is there, not signed by enough of them; ask them to";
    return NULL;
}

static int
check_required(struct sov_judging *j, const struct sov_rule *r)
{
    const char *told = "ask them for it";
    int best = 0;

    for (size_t i = 0; i < j->set->n; i++) {
        const struct sov_claim *c = &j->set->line[i]->claim;
        const char *no;
        int near;

        if (!is_of_kind(j, c, r->kind))
            continue;
        no = objection(j, r, c, &near);
        if (no == NULL)
            return 0;
        if (near > best) {
            best = near;
            told = no;
        }
    }
    return sov_judge_no(j, r, NULL, "it needs %s by %.40s; %s", r->kind->words,
                        r->group->name, told);
}

/* ---- numbers of benchmarks */

static const char *
member(const struct sov_param *map, const char *key)
{
    for (size_t i = 0; map->kind == SOV_PARAM_MAP && i < map->n; i++)
        if (strcmp(map->item[i].key, key) == 0 &&
            map->item[i].kind == SOV_PARAM_STR)
            return map->item[i].str;
    return "";
}

static const struct sov_param *
measurements(const struct sov_claim *c)
{
    for (size_t i = 0; i < c->statement.n_extra; i++)
        if (strcmp(c->statement.extra[i].key, "sov_measurements") == 0 &&
            c->statement.extra[i].kind == SOV_PARAM_LIST)
            return &c->statement.extra[i];
    return NULL;
}

static bool
is_metric(const struct sov_param *m, const char *what)
{
    return strcmp(member(m, "metric"), what) == 0 ||
           strcmp(member(m, "name"), what) == 0;
}

static bool
measures(const struct sov_claim *c, const char *what)
{
    const struct sov_param *list = measurements(c);

    for (size_t i = 0; list != NULL && i < list->n; i++)
        if (is_metric(&list->item[i], what))
            return true;
    return false;
}

/* The last time that somebody who may has measured it. */
static const struct sov_claim *
last_measured(const struct sov_judging *j, const char *what)
{
    const struct sov_claim *last = NULL;

    for (size_t i = 0; i < j->set->n; i++) {
        const struct sov_claim *c = &j->set->line[i]->claim;

        if (sov_statement_is_test(&c->statement) && sov_judge_allowed(j, c) &&
            sov_claim_is_of(c, j->file, j->n) && measures(c, what) &&
            (last == NULL || c->statement.finished >= last->statement.finished))
            last = c;
    }
    return last;
}

static int
check_bench(struct sov_judging *j, const struct sov_rule *r)
{
    const struct sov_claim *c = last_measured(j, r->word[0]);
    const struct sov_param *list = c != NULL ? measurements(c) : NULL;
    bool max = strcmp(r->word[1], "max") == 0;

    if (c == NULL)
        return sov_judge_no(j, r, NULL,
                            "nobody who may has measured %.60s of it; "
                            "sov-bench --sign-key does",
                            r->word[0]);
    for (size_t i = 0; i < list->n; i++) {
        const char *text = member(&list->item[i], "value");
        struct sov_span w = { (const unsigned char *)text, strlen(text) };
        double x;

        if (!is_metric(&list->item[i], r->word[0]))
            continue;
        if (!sov_word_real(w, &x) || (max ? x > r->real : x < r->real))
            return sov_judge_no(j, r, c,
                                "claim %.16s measured %.60s; use a model that "
                                "is good enough",
                                c->id, text[0] != '\0' ? text : "no number");
    }
    return 0;
}

/* ---- releases */

static int
check_epoch(struct sov_judging *j, const struct sov_rule *r)
{
    uint64_t best = 0;
    bool any = false;

    for (size_t i = 0; i < j->set->n; i++) {
        const struct sov_claim *c = &j->set->line[i]->claim;
        const struct sov_param *fact =
            sov_statement_fact(&c->statement, "epoch");
        struct sov_span w;
        uint64_t n;

        if (fact == NULL || !sov_judge_allowed(j, c) ||
            !sov_claim_is_of(c, j->file, j->n))
            continue;
        w.p = (const unsigned char *)fact->item[0].str;
        w.len = strlen(fact->item[0].str);
        if (!sov_word_number(w, (UINT64_C(1) << 53) - 1, &n))
            continue;
        any = true;
        best = n > best ? n : best;
    }
    if (!any)
        return sov_judge_no(j, r, NULL,
                            "nobody who may says of which epoch it is; "
                            "declare it with sov-verify --facts");
    if (best < (uint64_t)r->number)
        return sov_judge_no(j, r, NULL,
                            "it is of epoch %llu; use a newer release",
                            (unsigned long long)best);
    return 0;
}

int
sov_judge_said(struct sov_judging *j)
{
    int rc = 0;

    for (size_t i = 0; i < j->f->n_rules && rc == 0; i++) {
        const struct sov_rule *r = &j->f->rule[i];

        if (r->what == SOV_RULE_require)
            rc = check_required(j, r);
        else if (r->what == SOV_RULE_bench)
            rc = check_bench(j, r);
        else if (r->what == SOV_RULE_min_epoch)
            rc = check_epoch(j, r);
    }
    return rc;
}
