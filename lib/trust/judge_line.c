/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge_line.c - rules about how a model came to be
 */
#include "trust/judge.h"

#include "sov/facts.h"
#include "trust/form.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Claims in messages. */
#define CLAIM  "%s"
#define SAY(c) sov_claim_words(c, (char[SOV_CLAIM_WORDS]){ 0 }, SOV_CLAIM_WORDS)

static const char *
name_of(const struct sov_resource *r)
{
    return r->name != NULL ? r->name : r->uri != NULL ? r->uri : "something";
}

static const char *
role_of(const struct sov_resource *r)
{
    return r->role != NULL ? r->role : "input";
}

static const char *
who_signed(const struct sov_claim *c)
{
    return c->signer[0] != '\0'           ? c->signer
           : c->trust == SOV_TRUST_DENIED ? "a key that ended"
                                          : "a stranger";
}

/* ---- who, from where */

/* Signed by who may: the leaf always, all of them in a complete history. */
static int
check_allowed(struct sov_judging *j, const struct sov_claim *c)
{
    const struct sov_rule *r = sov_judge_first(j, SOV_RULE_allow);
    char buf[240];
    const char *what = sov_claim_what(c, buf, sizeof(buf));

    if (sov_judge_allowed(j, c))
        return 0;
    if (r == NULL) /* nobody known has signed it */
        return sov_judge_no(j, sov_judge_first(j, SOV_RULE_lineage_complete), c,
                            CLAIM
                            " is signed by key %.16s, which the "
                            "policy does not name; name it, or ask somebody "
                            "it names to sign the claim",
                            SAY(c), c->key_id);
    if (!sov_judge_word(j, SOV_RULE_allow, what))
        return sov_judge_no(j, r, c,
                            CLAIM ": nobody may %.30s here; allow it to those "
                                  "who may, or use a model made in another way",
                            SAY(c), what);
    return sov_judge_no(j, r, c,
                        CLAIM
                        " is signed by %.30s (key %.16s), but not by "
                        "enough of those who may %.30s; ask them to sign it",
                        SAY(c), who_signed(c), c->key_id, what);
}

/* What weights come from, and what stands in their place. */
static bool
is_model(const struct sov_resource *dep)
{
    static const char *const roles[] = { "parent",  "teacher", "student",
                                         "adapter", "base",    "tokenizer",
                                         "draft" };

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (strcmp(role_of(dep), roles[i]) == 0)
            return true;
    return false;
}

static bool
is_root(const struct sov_claim *c)
{
    for (size_t i = 0; i < c->statement.n_dependencies; i++)
        if (is_model(&c->statement.dependency[i]))
            return false;
    return true;
}

static int
check_inputs(struct sov_judging *j, const struct sov_rule *complete,
             const struct sov_claim *c)
{
    const struct sov_rule *claimed =
        sov_judge_first(j, SOV_RULE_lineage_claimed);

    for (size_t i = 0; i < c->statement.n_dependencies; i++) {
        const struct sov_resource *dep = &c->statement.dependency[i];
        const struct sov_rule *r = NULL;

        if (dep->claim != NULL)
            continue;
        if (complete != NULL && is_model(dep))
            r = complete;
        else if (sov_judge_word(j, SOV_RULE_lineage_claimed, role_of(dep)))
            r = claimed;
        if (r != NULL)
            return sov_judge_no(
                j, r, c,
                CLAIM ": no claim is named for its %.20s %.60s; ask for a "
                      "model made with the claims at hand",
                SAY(c), role_of(dep), name_of(dep));
    }
    return 0;
}

/* Where a history may begin. */
static int
check_root(struct sov_judging *j, const struct sov_claim *c)
{
    const struct sov_rule *r = sov_judge_first(j, SOV_RULE_lineage_roots);
    char buf[240];
    const char *what = sov_claim_what(c, buf, sizeof(buf));

    if (!is_root(c))
        return 0;
    if (r == NULL && strcmp(what, "import") == 0)
        return 0;
    if (r != NULL && sov_judge_word(j, SOV_RULE_lineage_roots, what))
        return 0;
    if (r == NULL)
        r = sov_judge_first(j, SOV_RULE_lineage_complete);
    return sov_judge_no(
        j, r, c,
        CLAIM " is where its history begins, and that may "
              "begin with %s here; somebody has to adopt what it "
              "was made from",
        SAY(c), r->what == SOV_RULE_lineage_roots ? r->word[0] : "import");
}

static int
check_history(struct sov_judging *j)
{
    const struct sov_rule *complete =
        sov_judge_first(j, SOV_RULE_lineage_complete);
    bool roots =
        complete != NULL || sov_judge_first(j, SOV_RULE_lineage_roots) != NULL;
    int rc = 0;

    for (size_t i = 0; i < j->walk->n && rc == 0; i++) {
        const struct sov_claim *c = sov_judge_node(j, i);

        if (complete != NULL)
            rc = check_allowed(j, c);
        if (!sov_statement_is_provenance(&c->statement))
            continue;
        if (rc == 0)
            rc = check_inputs(j, complete, c);
        if (rc == 0 && roots)
            rc = check_root(j, c);
    }
    return rc;
}

static int
check_depth(struct sov_judging *j)
{
    const struct sov_rule *r = sov_judge_first(j, SOV_RULE_lineage_max_depth);
    size_t depth = j->walk->depth[j->walk->n - 1]; /* the leaf comes last */

    if (r == NULL || depth <= (uint64_t)r->number)
        return 0;
    return sov_judge_no(j, r, j->leaf,
                        CLAIM " has a history of %zu steps; use a model that "
                              "is nearer to what was adopted",
                        SAY(j->leaf), depth);
}

/* ---- how */

static bool
value_allowed(const struct sov_rule *r, const struct sov_param *p)
{
    char number[24];
    const char *text = p->str;

    if (p->kind == SOV_PARAM_LIST) {
        for (size_t i = 0; i < p->n; i++)
            if (!value_allowed(r, &p->item[i]))
                return false;
        return true;
    }
    if (p->kind == SOV_PARAM_INT) {
        snprintf(number, sizeof(number), "%lld", (long long)p->num);
        text = number;
    } else if (p->kind == SOV_PARAM_BOOL) {
        text = p->num != 0 ? "true" : "false";
    } else if (p->kind != SOV_PARAM_STR) {
        return false;
    }
    for (size_t i = 2; i < r->n; i++) /* behind WHAT.NAME allow */
        if (strcasecmp(r->word[i], text) == 0)
            return true;
    return false;
}

/* Lines about one parameter add up; each value must be in one of them. */
static int
check_param(struct sov_judging *j, const struct sov_rule *r,
            const struct sov_claim *c)
{
    const struct sov_statement *st = &c->statement;
    const char *dot = strchr(r->word[0], '.');
    size_t len = (size_t)(dot - r->word[0]);
    const struct sov_param *p = NULL;
    char buf[240];
    const char *what = sov_claim_what(c, buf, sizeof(buf));

    if (strlen(what) != len || strncmp(what, r->word[0], len) != 0)
        return 0;
    for (size_t i = 0; i < st->n_external; i++)
        if (strcmp(st->external[i].key, dot + 1) == 0)
            p = &st->external[i];
    for (size_t i = 0; p != NULL && i < j->f->n_rules; i++) {
        const struct sov_rule *other = &j->f->rule[i];

        if (other->what == SOV_RULE_param &&
            strcmp(other->word[0], r->word[0]) == 0 && value_allowed(other, p))
            return 0;
    }
    return sov_judge_no(j, r, c,
                        CLAIM " was made with %.30s %.60s; make it again with "
                              "what is allowed",
                        SAY(c), dot + 1,
                        p == NULL                  ? "not said"
                        : p->kind == SOV_PARAM_STR ? p->str
                                                   : "of another value");
}

static int
check_digests(struct sov_judging *j, const struct sov_rule *r,
              const struct sov_claim *c)
{
    for (size_t w = 0; w < r->n; w++) {
        unsigned want = strcmp(r->word[w], "sha256") == 0 ? SOV_HASH_SHA256
                                                          : SOV_HASH_VERITY;

        for (size_t i = 0; i < c->statement.n_subjects; i++)
            if ((c->statement.subject[i].digest.has & want) == 0)
                return sov_judge_no(
                    j, r, c, CLAIM " has no %s of %.60s; sign it anew", SAY(c),
                    r->word[w], name_of(&c->statement.subject[i]));
        for (size_t i = 0; i < j->n && c == j->leaf; i++)
            if ((j->file[i].digest.has & want) == 0)
                return sov_judge_no(
                    j, r, c, "the %s of %.60s was not computed", r->word[w],
                    j->file[i].name != NULL ? j->file[i].name : "the model");
    }
    return 0;
}

int
sov_judge_lineage(struct sov_judging *j)
{
    int rc = check_allowed(j, j->leaf);

    if (rc == 0)
        rc = check_history(j);
    if (rc == 0)
        rc = check_depth(j);
    for (size_t i = 0; i < j->f->n_rules && rc == 0; i++) {
        const struct sov_rule *r = &j->f->rule[i];

        for (size_t k = 0; k < j->walk->n && rc == 0; k++) {
            const struct sov_claim *c = sov_judge_node(j, k);

            if (r->what == SOV_RULE_param)
                rc = check_param(j, r, c);
            else if (r->what == SOV_RULE_digest)
                rc = check_digests(j, r, c);
            else if (r->what == SOV_RULE_recomputed)
                rc = sov_judge_recomputed(j, r, c);
        }
    }
    return rc;
}

/* ---- what may not be in it */

static int
check_revoked(struct sov_judging *j, const struct sov_rule *r)
{
    for (size_t i = 0; i < j->walk->n; i++) {
        const struct sov_claim *c = sov_judge_node(j, i);

        if (strcmp(r->word[0], c->id) == 0)
            return sov_judge_no(j, r, c,
                                CLAIM " was revoked; use a model made without "
                                      "it",
                                SAY(c));
    }
    return 0;
}

static bool
is_recalled(const struct sov_rule *r, const struct sov_digest *d)
{
    const char *colon = strchr(r->word[0], ':');
    bool sha = r->word[0][0] == 's';
    unsigned char want[SOV_SHA256_LEN];

    if (!sov_hex_parse(colon + 1, want))
        return false;
    return (d->has & (sha ? SOV_HASH_SHA256 : SOV_HASH_VERITY)) != 0 &&
           memcmp(sha ? d->sha256 : d->verity, want, SOV_SHA256_LEN) == 0;
}

static int
recalled(struct sov_judging *j, const struct sov_rule *r,
         const struct sov_claim *c, const char *what, const char *name)
{
    return sov_judge_no(j, r, c,
                        CLAIM ": its %.20s %.60s was recalled; so is all that "
                              "was made from it",
                        SAY(c), what, name);
}

static int
check_recalled(struct sov_judging *j, const struct sov_rule *r)
{
    for (size_t i = 0; i < j->walk->n; i++) {
        const struct sov_claim *c = sov_judge_node(j, i);
        const struct sov_statement *st = &c->statement;

        for (size_t k = 0; k < st->n_subjects; k++)
            if (is_recalled(r, &st->subject[k].digest))
                return recalled(j, r, c, "file", name_of(&st->subject[k]));
        for (size_t k = 0; k < st->n_dependencies; k++)
            if (is_recalled(r, &st->dependency[k].digest))
                return recalled(j, r, c, role_of(&st->dependency[k]),
                                name_of(&st->dependency[k]));
    }
    for (size_t i = 0; i < j->n; i++)
        if (is_recalled(r, &j->file[i].digest))
            return recalled(j, r, j->v->leaf, "file",
                            j->file[i].name != NULL ? j->file[i].name : "-");
    return 0;
}

/* Is what it declares about the files of the other? */
static bool
is_about(const struct sov_claim *facts, const struct sov_claim *c)
{
    const struct sov_statement *a = &facts->statement, *b = &c->statement;

    for (size_t i = 0; i < a->n_subjects; i++) {
        size_t k = 0;

        while (k < b->n_subjects &&
               !sov_digests_fit(&a->subject[i], &b->subject[k]))
            k++;
        if (k == b->n_subjects)
            return false;
    }
    return true;
}

static const struct sov_param *
label_of(const struct sov_claim *c, const char *key)
{
    for (size_t i = 0; i < c->statement.n_labels; i++)
        if (strcmp(c->statement.label[i].key, key) == 0 &&
            c->statement.label[i].n > 0)
            return &c->statement.label[i];
    return NULL;
}

/* What one claim says is all allowed. */
static int
check_values(struct sov_judging *j, enum sov_directive allow,
             const struct sov_claim *c, const char *key)
{
    const struct sov_param *l = label_of(c, key);
    const struct sov_rule *r = sov_judge_first(j, allow);

    for (size_t i = 0; r != NULL && l != NULL && i < l->n; i++)
        if (!sov_judge_word(j, allow, l->item[i].str))
            return sov_judge_no(j, r, c,
                                CLAIM " has the %s %.60s; allow it, or use a "
                                      "model without it in its history",
                                SAY(c), key, l->item[i].str);
    return 0;
}

/* Who may say so says what it is of this root. */
static bool
is_known(const struct sov_judging *j, const struct sov_claim *root,
         const char *key)
{
    if (label_of(root, key) != NULL)
        return true;
    for (size_t i = 0; i < j->set->n; i++) {
        const struct sov_claim *c = &j->set->line[i]->claim;

        if (sov_statement_is_facts(&c->statement) && label_of(c, key) != NULL &&
            sov_judge_allowed(j, c) && is_about(c, root))
            return true;
    }
    return false;
}

static int
check_labels(struct sov_judging *j, enum sov_directive allow,
             enum sov_directive unknown, const char *key)
{
    const struct sov_rule *r = sov_judge_first(j, unknown);
    bool must_know = r != NULL && strcmp(r->word[0], "deny") == 0;
    int rc = 0;

    for (size_t i = 0; i < j->walk->n && rc == 0; i++) {
        const struct sov_claim *c = sov_judge_node(j, i);

        rc = check_values(j, allow, c, key);
        for (size_t k = 0; k < j->set->n && rc == 0; k++) {
            const struct sov_claim *said = &j->set->line[k]->claim;

            if (said->trust == SOV_TRUST_GOOD &&
                sov_statement_is_facts(&said->statement) && is_about(said, c))
                rc = check_values(j, allow, said, key);
        }
        if (rc == 0 && must_know &&
            sov_statement_is_provenance(&c->statement) && is_root(c) &&
            !is_known(j, c, key))
            rc = sov_judge_no(j, r, c,
                              CLAIM ": nobody who may says which %s it has; "
                                    "declare it with sov-verify --facts",
                              SAY(c), key);
    }
    return rc;
}

int
sov_judge_taint(struct sov_judging *j)
{
    int rc = 0;

    for (size_t i = 0; i < j->f->n_rules && rc == 0; i++) {
        const struct sov_rule *r = &j->f->rule[i];

        if (r->what == SOV_RULE_recall)
            rc = check_recalled(j, r);
        else if (r->what == SOV_RULE_revoke_claim)
            rc = check_revoked(j, r);
    }
    if (rc == 0)
        rc = check_labels(j, SOV_RULE_license_allow, SOV_RULE_license_unknown,
                          "license");
    if (rc == 0)
        rc = check_labels(j, SOV_RULE_jurisdiction_allow,
                          SOV_RULE_jurisdiction_unknown, "jurisdiction");
    return rc;
}
