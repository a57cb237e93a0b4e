/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_tell.c - what sov-verify says of a model without a mode
 */
#include "verify/check.h"

#include "cli/names.h"
#include "cli/text.h"
#include "cli/tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_TESTS 4 /* results of tests, unless -v */

/* All bytes that were hashed. */
static uint64_t
bytes_of(const struct check *c)
{
    uint64_t n = 0;

    for (size_t i = 0; i < c->set.n; i++)
        n += c->set.file[i].digest.size;
    return n;
}

static const char *
signer_of(const struct sov_claim *claim)
{
    return claim->signer[0] != '\0' ? claim->signer : "a trusted key";
}

/* Is it what somebody trusted says of testing just these bytes? */
static bool
is_test(const struct check *c, const struct sov_claim *claim)
{
    return claim->trust == SOV_TRUST_GOOD &&
           sov_statement_is_test(&claim->statement) &&
           sov_claim_is_of(claim, c->set.file, c->set.n);
}

static void
say_test(const struct sov_claim *claim)
{
    char line[240], text[600], who[600], when[32];

    sov_verify_test(&claim->statement, line, sizeof(line));
    sov_text_escape(who, sizeof(who), signer_of(claim));
    printf("    %-10s %s, %s, by %s (key %.16s)\n", "tested", line,
           sov_verify_time(claim->statement.finished, when, sizeof(when)), who,
           claim->key_id);
    for (size_t i = 0;
         sov_common.verbose > 0 &&
         sov_verify_measured(&claim->statement, i, line, sizeof(line));
         i++)
        printf("    %-10s   %s\n", "",
               sov_text_escape(text, sizeof(text), line));
}

/* The newest results of tests, in the order in which they were added. */
static void
say_tests(const struct check *c)
{
    size_t n = 0;

    for (size_t i = 0; i < sov_claims_count(c->claims); i++)
        n += is_test(c, sov_claims_at(c->claims, i));
    if (n > MAX_TESTS && sov_common.verbose == 0)
        printf("    %-10s %zu times; these are the last\n", "tested", n);
    for (size_t i = 0; i < sov_claims_count(c->claims); i++) {
        const struct sov_claim *claim = sov_claims_at(c->claims, i);

        if (!is_test(c, claim))
            continue;
        if (n-- <= MAX_TESTS || sov_common.verbose > 0)
            say_test(claim);
    }
}

/* Verbose, what else is known. */
static void
say_claim(const struct check *c)
{
    const struct sov_claim *leaf = c->v.leaf;
    char deed[240], who[600], when[32];

    sov_verify_deed(leaf, deed, sizeof(deed));
    sov_text_escape(who, sizeof(who), deed);
    printf("    %-10s %.16s, %s %s\n", "claim", leaf->id, who,
           sov_verify_time(leaf->statement.finished, when, sizeof(when)));
    printf("    %-10s %zu, %" PRIu64 " bytes\n", "files", c->set.n,
           bytes_of(c));
    printf("    %-10s %zu\n", "signers", c->v.n_signers);
    printf("    %-10s %zu claim%s, %zu signed by trusted keys, %zu deep\n",
           "history", c->v.n_chain, c->v.n_chain == 1 ? "" : "s",
           c->v.n_vouched, c->v.depth);
    if (c->frozen)
        printf("    %-10s no line was taken away\n", "frozen");
}

/* The line for people. */
void
sov_check_say(const struct check *c)
{
    const struct sov_claim *leaf = c->v.leaf;
    char name[1000], who[600];

    sov_text_escape(name, sizeof(name), sov_name_in(c->path));
    sov_text_escape(who, sizeof(who), signer_of(leaf));
    printf("%s: verified, signed by %s (key %.16s)\n", name, who, leaf->key_id);
    if (sov_common.verbose > 0)
        say_claim(c);
    say_tests(c);
}

static const char *
answer_word(const struct check *c)
{
    static const char *const words[] = {
        [SOV_ANSWER_NONE] = "error",
        [SOV_ANSWER_YES] = "verified",
        [SOV_ANSWER_BAD_SIG] = "bad-signature",
        [SOV_ANSWER_NO_CLAIM] = "no-claim",
        [SOV_ANSWER_BYTES] = "bytes",
        [SOV_ANSWER_FILES] = "files",
        [SOV_ANSWER_UNKNOWN] = "not-trusted",
        [SOV_ANSWER_DENIED] = "denied",
        [SOV_ANSWER_CHAIN] = "chain",
        [SOV_ANSWER_LABELS] = "labels",
        [SOV_ANSWER_POLICY] = "policy",
    };

    if (c->malformed)
        return "malformed-claims";
    if (c->v.answer == SOV_ANSWER_YES && !c->verified)
        return "frozen";
    return words[c->v.answer];
}

/* What testing said last, if anybody trusted has tested these bytes. */
static void
report_tests(struct sov_report *r, const struct check *c)
{
    const struct sov_claim *last = NULL;
    size_t n = 0;

    for (size_t i = 0; i < sov_claims_count(c->claims); i++)
        if (is_test(c, sov_claims_at(c->claims, i))) {
            last = sov_claims_at(c->claims, i);
            n++;
        }
    sov_report_uint(r, "tests", NULL, n);
    if (last == NULL)
        return;
    sov_report_text(r, "tested", NULL, sov_test_word(last->statement.result));
    sov_report_text(r, "test_claim", NULL, last->id);
    sov_report_uint(r, "failed_tests", NULL,
                    last->statement.test[SOV_TEST_FAILED].n);
}

void
sov_check_report(struct sov_report *r, const struct check *c)
{
    const struct sov_claim *leaf = c->v.leaf;

    sov_report_row(r);
    sov_report_text(r, "model", NULL, c->path);
    sov_report_bool(r, "verified", NULL, c->verified);
    sov_report_text(r, "answer", NULL, answer_word(c));
    if (!c->verified)
        sov_report_text(r, "message", NULL, c->err.msg);
    sov_report_uint(r, "files", NULL, c->set.n);
    sov_report_uint(r, "bytes", NULL, bytes_of(c));
    if (c->v.answer == SOV_ANSWER_NONE)
        return;
    if (c->claims_path != NULL)
        sov_report_text(r, "claims", NULL, c->claims_path);
    if (leaf != NULL) {
        sov_report_text(r, "claim", NULL, leaf->id);
        sov_report_text(r, "key_id", NULL, leaf->key_id);
        if (leaf->trust == SOV_TRUST_GOOD)
            sov_report_text(r, "signer", NULL, leaf->signer);
    }
    if (c->v.policy != NULL) {
        sov_report_text(r, "policy", NULL, c->v.policy);
        sov_report_uint(r, "policy_line", NULL, c->v.policy_line);
    }
    if (c->v.file != NULL)
        sov_report_text(r, "file", NULL, c->v.file);
    sov_report_uint(r, "signers", NULL, c->v.n_signers);
    sov_report_uint(r, "chain", NULL, c->v.n_chain);
    sov_report_uint(r, "vouched", NULL, c->v.n_vouched);
    sov_report_uint(r, "depth", NULL, c->v.depth);
    sov_report_uint(r, "lines", NULL, c->v.n_lines);
    sov_report_uint(r, "unknown_lines", NULL, c->v.n_unknown);
    sov_report_uint(r, "denied_lines", NULL, c->v.n_denied);
    sov_report_bool(r, "frozen", NULL, c->frozen);
    report_tests(r, c);
}
