/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.c - is this model allowed here?
 *
 * sov_claims_verify() says whether it is what somebody believed says it is,
 * with a whole history.  Only then rules are asked, of each policy by itself:
 *
 *   1. taint    over the histories of all believed claims about the model:
 *               what was recalled or revoked, licences, jurisdictions
 *   2. lineage  of one such claim that all of these allow: who signed each
 *               step, where it began, how it was made
 *   3. said     facts, reviews, benchmarks that have to be there
 *
 * The first rule that refuses is the answer.  What was said by people without
 * the role for it counts against a model, and never for it.
 */
#include "trust/judge.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
sov_judge_no(struct sov_judging *j, const struct sov_rule *rule,
             const struct sov_claim *at, const char *fmt, ...)
{
    char text[300], line[64];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    sov_rule_text(rule, line, sizeof(line));
    j->v->answer = SOV_ANSWER_POLICY;
    j->v->at = at;
    j->v->policy = j->f->name;
    j->v->policy_line = rule->line;
    return sov_fail(j->err, SOV_EDENY, "policy %.40s, line %u (%s): %s",
                    j->f->name, rule->line, line, text);
}

const struct sov_claim *
sov_judge_node(const struct sov_judging *j, size_t i)
{
    const char *id = j->set->line[j->walk->order[i]]->claim.id;

    return sov_claims_find(j->set, id);
}

const char *
sov_claim_what(const struct sov_claim *c, char *buf, size_t size)
{
    static const char head[] = "urn:sov:buildtype:";
    const struct sov_statement *st = &c->statement;
    const char *type = st->build_type;
    const char *end;

    if (type == NULL)
        for (size_t i = 0; i < sov_n_said_kinds; i++)
            if (strcmp(sov_said_kinds[i].predicate, st->predicate_type) == 0)
                return sov_said_kinds[i].name;
    if (type == NULL)
        type = st->predicate_type;
    end = strstr(type, ":v1");
    if (strncmp(type, head, sizeof(head) - 1) != 0 || end == NULL ||
        end[3] != '\0')
        return type;
    type += sizeof(head) - 1;
    snprintf(buf, size, "%.*s", end > type ? (int)(end - type) : 0, type);
    return buf;
}

const char *
sov_claim_words(const struct sov_claim *c, char *buf, size_t size)
{
    const char *name = c->statement.subject[0].name;
    char what[240];

    snprintf(buf, size, "claim %.16s (%.30s of %.60s)", c->id,
             sov_claim_what(c, what, sizeof(what)),
             name != NULL ? name : "(no name)");
    return buf;
}

/* ---- who has signed */

bool
sov_judge_signed(const struct sov_judging *j, const struct sov_claim *c,
                 const struct sov_group *group)
{
    size_t n = 0;

    for (size_t i = 0; i < j->set->n; i++) {
        const struct sov_claim *line = &j->set->line[i]->claim;

        if (line->trust == SOV_TRUST_GOOD && strcmp(line->id, c->id) == 0)
            j->id[n++] = line->key_id;
    }
    return sov_group_agrees(j->f, group, j->id, n);
}

static bool
allowed_as(const struct sov_judging *j, const struct sov_claim *c,
           const char *what)
{
    for (size_t i = 0; i < j->f->n_rules; i++) {
        const struct sov_rule *r = &j->f->rule[i];

        if (r->what == SOV_RULE_allow && strcmp(r->word[0], what) == 0 &&
            sov_judge_signed(j, c, r->group))
            return true;
    }
    return false;
}

/* Every role that its facts have must be one of its signers. */
static bool
facts_allowed(const struct sov_judging *j, const struct sov_claim *c)
{
    const struct sov_statement *st = &c->statement;

    for (size_t i = 0; i < sov_n_said_kinds; i++) {
        const struct sov_said_kind *k = &sov_said_kinds[i];

        if (k->role != NULL && sov_statement_declares(st, k->role) &&
            !allowed_as(j, c, k->name))
            return false;
    }
    return st->n_facts > 0;
}

bool
sov_judge_allowed(const struct sov_judging *j, const struct sov_claim *c)
{
    char buf[240];

    if (c->trust != SOV_TRUST_GOOD || sov_judge_is_revoked(j, c))
        return false;
    if (!sov_policy_has(j->f, SOV_RULE_allow))
        return true;
    if (sov_statement_is_facts(&c->statement))
        return facts_allowed(j, c);
    return allowed_as(j, c, sov_claim_what(c, buf, sizeof(buf)));
}

bool
sov_judge_is_revoked(const struct sov_judging *j, const struct sov_claim *c)
{
    return sov_judge_word(j, SOV_RULE_revoke_claim, c->id);
}

/* ---- rules by their kind */

const struct sov_rule *
sov_judge_first(const struct sov_judging *j, enum sov_directive what)
{
    for (size_t i = 0; i < j->f->n_rules; i++)
        if (j->f->rule[i].what == what)
            return &j->f->rule[i];
    return NULL;
}

bool
sov_judge_word(const struct sov_judging *j, enum sov_directive what,
               const char *word)
{
    for (size_t i = 0; i < j->f->n_rules; i++)
        for (size_t k = 0; j->f->rule[i].what == what && k < j->f->rule[i].n;
             k++)
            if (strcmp(j->f->rule[i].word[k], word) == 0)
                return true;
    return false;
}

/* ---- one policy */

/* The claims that say where these files come from, and are believed. */
static size_t
find_leaves(const struct sov_judging *j, size_t *leaf)
{
    size_t n = 0;

    for (size_t i = 0; i < j->set->n; i++) {
        const struct sov_claim *c = &j->set->line[i]->claim;
        size_t first = sov_claims_index(j->set, c->id);
        bool known = false;

        for (size_t k = 0; k < n; k++)
            known = known || leaf[k] == first;
        if (!known && c->trust == SOV_TRUST_GOOD &&
            sov_statement_is_provenance(&c->statement) &&
            sov_claim_is_of(c, j->file, j->n))
            leaf[n++] = first;
    }
    return n;
}

/* Ask rules of the histories of some leaves. */
static int
ask(struct sov_judging *j, const size_t *leaf, size_t n,
    int (*rules)(struct sov_judging *j))
{
    struct sov_walk walk;
    int rc = sov_claims_walk(j->set, leaf, n, &walk, j->err);

    j->walk = &walk;
    if (rc == 0)
        rc = rules(j);
    j->walk = NULL;
    sov_walk_free(&walk);
    return rc;
}

/* One claim about the model that the policy allows is enough; of several that
 * it does not, what is wrong with the one that is shown is told. */
static int
any_lineage(struct sov_judging *j, const size_t *leaf, size_t n)
{
    struct sov_err *err = j->err, why = { 0 }, told = { 0 };
    struct sov_verdict v = *j->v;
    const struct sov_claim *shown = v.leaf;
    int rc = SOV_ENO;

    j->err = &why;
    for (size_t i = 0; i < n && rc != 0 && rc != SOV_EMEM; i++) {
        j->leaf = sov_claims_find(j->set, j->set->line[leaf[i]]->claim.id);
        rc = ask(j, &leaf[i], 1, sov_judge_lineage);
        if (rc < 0 && (told.rc == 0 || strcmp(j->leaf->id, shown->id) == 0)) {
            told = why;
            v = *j->v;
        }
    }
    j->err = err;
    if (rc < 0) {
        *j->v = v;
        *err = told;
        return told.rc;
    }
    *j->v = v;
    j->v->answer = SOV_ANSWER_YES;
    j->v->leaf = j->leaf;
    return 0;
}

/* Keys that another policy names do not make up for the end of this one. */
static int
check_end(struct sov_judging *j)
{
    if (j->now <= j->f->expires)
        return 0;
    return sov_judge_no(j, sov_judge_first(j, SOV_RULE_expires), NULL,
                        "the policy has expired; get the new one");
}

static int
judge(struct sov_judging *j)
{
    size_t *leaf = sov_mem_array(j->set->n, sizeof(*leaf));
    size_t n;
    int rc = leaf == NULL ? sov_mem_fail(j->err) : check_end(j);

    if (rc < 0) {
        free(leaf);
        return rc;
    }
    n = find_leaves(j, leaf);
    rc = ask(j, leaf, n, sov_judge_taint);
    if (rc == 0)
        rc = any_lineage(j, leaf, n);
    if (rc == 0)
        rc = sov_judge_said(j);
    free(leaf);
    return rc;
}

int
sov_policy_verify(sov_claims *set, sov_policy *policy,
                  const struct sov_claim_file *file, size_t n,
                  struct sov_verdict *v, struct sov_err *err)
{
    struct sov_judging j = { .set = set, .file = file, .n = n, .v = v };
    struct sov_err ignored;
    int rc = sov_claims_verify(set, policy->ring, file, n, v, err);

    if (rc < 0 || !sov_policy_has_rules(policy))
        return rc;
    j.now = sov_ring_now(policy->ring);
    j.err = err != NULL ? err : &ignored;
    j.id = sov_mem_array(set->n, sizeof(*j.id));
    if (j.id == NULL)
        rc = sov_mem_fail(j.err);
    for (size_t i = 0; i < policy->n && rc == 0; i++) {
        j.f = policy->file[i];
        rc = judge(&j);
    }
    free(j.id);
    if (rc < 0 && v->answer == SOV_ANSWER_YES)
        v->answer = SOV_ANSWER_NONE;
    return rc;
}

bool
sov_policy_allows(const sov_policy *policy, const sov_claims *set,
                  const struct sov_claim *claim)
{
    struct sov_judging j = { .set = set };
    bool yes = claim->trust == SOV_TRUST_GOOD;

    j.id = sov_mem_array(set->n, sizeof(*j.id));
    yes = yes && j.id != NULL;
    for (size_t i = 0; i < policy->n && yes; i++) {
        j.f = policy->file[i];
        yes = sov_judge_allowed(&j, claim);
    }
    free(j.id);
    return yes;
}
