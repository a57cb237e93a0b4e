/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.h - one policy and one model, while the rules are gone through
 */
#ifndef SOV_TRUST_JUDGE_H
#define SOV_TRUST_JUDGE_H

#include "trust/claims.h"
#include "trust/policy.h"

struct sov_judging {
    const struct sov_policy_file *f;
    const sov_claims *set; /* with every signature checked */
    const struct sov_claim_file *file;
    size_t n;
    int64_t now;
    struct sov_verdict *v;
    struct sov_err *err;
    const struct sov_claim *leaf;
    const struct sov_walk *walk; /* the histories of the leaf, or of all */
    const char **id;             /* [set->n], for signers */
};

/* SOV_EDENY: by this rule, about claim at (or NULL); what is refused, and
 * behind "; " what would help. */
SOV_PRINTF(4, 5)
int sov_judge_no(struct sov_judging *j, const struct sov_rule *rule,
                 const struct sov_claim *at, const char *fmt, ...);

/* Claim i of the walk, the line of it that is believed most. */
const struct sov_claim *sov_judge_node(const struct sov_judging *j, size_t i);

/* "quantize" of urn:sov:buildtype:quantize:v1, "facts", "bench"; or a URI */
const char *sov_claim_what(const struct sov_claim *c, char *buf, size_t size);

/* "claim 0123456789abcdef (quantize of m.gguf)", for messages */
#define SOV_CLAIM_WORDS 400
const char *sov_claim_words(const struct sov_claim *c, char *buf, size_t size);

/* May those who signed it say so?  Believed is not enough where the policy
 * has rules about that. */
bool sov_judge_allowed(const struct sov_judging *j, const struct sov_claim *c);

/* The group agrees with the claim. */
bool sov_judge_signed(const struct sov_judging *j, const struct sov_claim *c,
                      const struct sov_group *group);

bool sov_judge_is_revoked(const struct sov_judging *j,
                          const struct sov_claim *c);

/* The first rule of that kind, or NULL; has any of them the word? */
const struct sov_rule *sov_judge_first(const struct sov_judging *j,
                                       enum sov_directive what);
bool sov_judge_word(const struct sov_judging *j, enum sov_directive what,
                    const char *word);

/* ---- the rules (judge_line.c, judge_receipt.c, judge_said.c) ---- */

/* Of the leaf and its history: who, from where, how. */
int sov_judge_lineage(struct sov_judging *j) SOV_MUST_CHECK;
/* ... one of them, by a rule: has it been done once more? */
int sov_judge_recomputed(struct sov_judging *j, const struct sov_rule *rule,
                         const struct sov_claim *c) SOV_MUST_CHECK;
/* Of all histories that believed claims give it: what may not be there. */
int sov_judge_taint(struct sov_judging *j) SOV_MUST_CHECK;
/* Of what else was said about the model. */
int sov_judge_said(struct sov_judging *j) SOV_MUST_CHECK;

#endif
