/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge_receipt.c - rules about receipts: was it done once more?
 *
 * A receipt is the summary of a verifier that names a claim by its id and says
 * that what the claim says was done gives just these files.  It lies among the
 * claims of the model, or of one that was made from it; nothing points to it.
 * Like all that has to be said, it counts by who has signed it alone.
 *
 * What is the same was the same yesterday: so one receipt of any of the group
 * that says no is a no, whatever the others say and however old it is, until it
 * is revoked.
 */
#include "trust/judge.h"

#include "trust/form.h"
#include "trust/words.h"

#include <string.h>

#define DAY 86400

/* The files of the claim, and no others. */
static bool
has_files(const struct sov_statement *receipt, const struct sov_statement *st)
{
    if (receipt->n_subjects != st->n_subjects)
        return false;
    for (size_t i = 0; i < st->n_subjects; i++) {
        size_t k = 0;

        while (k < receipt->n_subjects &&
               !sov_digests_fit(&receipt->subject[k], &st->subject[i]))
            k++;
        if (k == receipt->n_subjects)
            return false;
    }
    return true;
}

/* Is it about that claim? */
static bool
is_receipt(const struct sov_statement *receipt, const struct sov_claim *c)
{
    unsigned char id[SOV_SHA256_LEN];

    if (!sov_statement_is_summary(receipt) || receipt->builder == NULL ||
        strcmp(receipt->builder, SOV_RECOMPUTE_VERIFIER) != 0 ||
        !sov_hex_parse(c->id, id))
        return false;
    for (size_t i = 0; i < receipt->n_configuration; i++) {
        const struct sov_digest *d = &receipt->configuration[i].digest;

        if ((d->has & SOV_HASH_SHA256) != 0 &&
            memcmp(d->sha256, id, sizeof(id)) == 0)
            return has_files(receipt, &c->statement);
    }
    return false;
}

static bool
has_level(const struct sov_statement *receipt, const char *level)
{
    const struct sov_param *list = &receipt->test[SOV_TEST_PASSED];

    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->item[i].str, level) == 0)
            return true;
    return false;
}

/* How probable it was that a change of 1 % of the tensors was seen. */
static double
chance_of(const struct sov_statement *receipt)
{
    if (has_level(receipt, SOV_RECOMPUTED_ALL))
        return 1;
    for (size_t i = 0; i < receipt->n_extra; i++) {
        const struct sov_param *map = &receipt->extra[i];

        if (strcmp(map->key, "sov_recompute") != 0 ||
            map->kind != SOV_PARAM_MAP)
            continue;
        for (size_t k = 0; k < map->n; k++) {
            const struct sov_param *p = &map->item[k];
            struct sov_span w = { (const unsigned char *)p->str, 0 };
            double x;

            if (strcmp(p->key, "chance_of_1_percent") != 0 ||
                p->kind != SOV_PARAM_STR)
                continue;
            w.len = strlen(p->str);
            /* all is a level, and nothing that a number may say */
            return sov_word_real(w, &x) && x < 1 ? x : 0;
        }
    }
    return 0;
}

/* Has any of the group found that it is not so? */
static bool
is_denial(const struct sov_judging *j, const struct sov_rule *r,
          const struct sov_claim *receipt)
{
    return receipt->statement.result != SOV_TEST_PASSED &&
           receipt->trust == SOV_TRUST_GOOD &&
           sov_group_has(j->f, r->group, receipt->key_id) &&
           !sov_judge_is_revoked(j, receipt);
}

/* What speaks against it, in order of how near it came; NULL: nothing. */
static const char *
objection(const struct sov_judging *j, const struct sov_rule *r,
          const struct sov_claim *receipt, int *near)
{
    const struct sov_statement *st = &receipt->statement;

    *near = 1;
    if (receipt->trust != SOV_TRUST_GOOD)
        return "a receipt is there, by a key that does not count; ask them to "
               "sign one";
    *near = 2;
    if (sov_judge_is_revoked(j, receipt))
        return "a receipt is there, and was revoked";
    *near = 3;
    if (!sov_judge_signed(j, receipt, r->group))
        return "a receipt is there, not signed by enough of them; ask them to";
    *near = 4;
    if (chance_of(st) < r->real)
        return "their receipt is of too few tensors; ask for --recompute=all";
    *near = 5;
    if (r->number > 0 && (st->finished > j->now + DAY ||
                          st->finished < j->now - r->number * DAY))
        return "their receipt is not of that time; ask for a new one";
    return NULL;
}

/* Under what our tools sign; of a name that is not here nobody knows whether it
 * is one of these in disguise. */
static const char *const ours[] = { "import",    "sign",    "quantize", "prune",
                                    "calibrate", "distill", NULL };

/* Is it one of ours, or does the policy name it? */
static bool
is_known(const struct sov_judging *j, const char *what)
{
    for (size_t i = 0; i < j->f->n_rules; i++) {
        const struct sov_rule *r = &j->f->rule[i];

        if ((r->what == SOV_RULE_allow || r->what == SOV_RULE_recomputed) &&
            strcmp(r->word[0], what) == 0)
            return true;
    }
    for (const char *const *name = ours; *name != NULL; name++)
        if (strcmp(*name, what) == 0)
            return true;
    return false;
}

static int
check_receipts(struct sov_judging *j, const struct sov_rule *r,
               const struct sov_claim *c)
{
    const char *told = "ask them for --recompute --receipt, signed, and add "
                       "it to the claims";
    char words[SOV_CLAIM_WORDS];
    bool passed = false;
    int best = 0;

    for (size_t i = 0; i < j->set->n; i++) {
        const struct sov_claim *receipt = &j->set->line[i]->claim;
        const char *no;
        int near;

        if (!is_receipt(&receipt->statement, c))
            continue;
        if (is_denial(j, r, receipt))
            return sov_judge_no(j, r, c,
                                "%s was re-computed by %.40s, and receipt "
                                "%.16s says that it is not what the claim "
                                "makes; do not use it",
                                sov_claim_words(c, words, sizeof(words)),
                                r->group->name, receipt->id);
        if (receipt->statement.result != SOV_TEST_PASSED)
            continue;
        no = objection(j, r, receipt, &near);
        passed |= no == NULL;
        if (no != NULL && near > best) {
            best = near;
            told = no;
        }
    }
    if (passed)
        return 0;
    return sov_judge_no(j, r, c, "%s has to be re-computed by %.40s; %s",
                        sov_claim_words(c, words, sizeof(words)),
                        r->group->name, told);
}

int
sov_judge_recomputed(struct sov_judging *j, const struct sov_rule *r,
                     const struct sov_claim *c)
{
    char words[SOV_CLAIM_WORDS], buf[240];
    const char *what = sov_claim_what(c, buf, sizeof(buf));

    if (!sov_statement_is_provenance(&c->statement))
        return 0;
    if (strcmp(r->word[0], "model") == 0)
        return strcmp(c->id, j->leaf->id) == 0 ? check_receipts(j, r, c) : 0;
    if (strcmp(r->word[0], what) == 0)
        return check_receipts(j, r, c);
    if (is_known(j, what))
        return 0;
    return sov_judge_no(j, r, c,
                        "%s may be what has to be re-computed, under a name "
                        "that is not known; name it in a line of allow, or "
                        "have it re-computed",
                        sov_claim_words(c, words, sizeof(words)));
}
