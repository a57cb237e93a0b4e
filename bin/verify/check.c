/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - sov-verify without a mode: is this what somebody trusted signed?
 *
 * In this order, and nothing of a model is looked at before it has been
 * hashed and a claim by a trusted key has said that these are its bytes:
 *
 *   1. whom to believe: --key, --policy, or the user's own file
 *   2. the claims beside the model, or of --claims
 *   3. the digests of all files
 *   4. the answer (sov_policy_verify)
 *   5. ancestors out of a GGUF file, where the claims point to some that are
 *      missing; then 4. once more
 *   6. the signature that freezes the claims, if there is one
 *   7. if bytes differ and the index is bound by the claim: where
 *
 * A model that is not verified does not keep the next one from its turn.
 */
#include "cli/claims.h"
#include "cli/early.h"
#include "cli/names.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/tool.h"
#include "cli/trust.h"
#include "sov/model.h"
#include "verify/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_NAMED  8 /* places that are told */
#define MAX_TESTS  4 /* results of tests, unless -v */
#define MAX_CLAIMS ((size_t)64 << 20)

/* One model under examination. */
struct check {
    const char *path;
    struct sov_fileset set;
    sov_model *model; /* of a stream, which is read as a model at once */
    sov_claims *claims;
    char *claims_path;
    bool from_file; /* the claims are those of claims_path */
    bool found;     /* there is a file of claims */
    bool frozen;    /* and a trusted signature of all of it */
    bool malformed; /* the claims, not the model */
    bool verified;  /* set in one place alone */
    struct sov_verdict v;
    struct sov_err err;
};

/* All bytes that were hashed. */
static uint64_t
bytes_of(const struct check *c)
{
    uint64_t n = 0;

    for (size_t i = 0; i < c->set.n; i++)
        n += c->set.file[i].digest.size;
    return n;
}

/* ---- where the bytes differ ---- */

struct places {
    char text[300];
    size_t n;
    char last[200]; /* a tensor has many parts, and one name */
};

static void
put_place(void *arg, const struct sov_index_diff *d)
{
    struct places *p = arg;
    size_t at = strlen(p->text);
    const char *comma = at > 0 ? ", " : "";

    if (d->tensor != NULL && strcmp(d->tensor, p->last) == 0)
        return;
    snprintf(p->last, sizeof(p->last), "%s",
             d->tensor != NULL ? d->tensor : "");
    if (p->n++ >= MAX_NAMED)
        return;
    if (d->tensor != NULL)
        snprintf(p->text + at, sizeof(p->text) - at, "%stensor %s", comma,
                 d->tensor);
    else
        snprintf(p->text + at, sizeof(p->text) - at,
                 "%sbytes %" PRIu64 " to %" PRIu64, comma, d->off,
                 d->off + d->len - 1);
}

/* The index's number of a file, or SIZE_MAX. */
static size_t
find_file(const sov_index *idx, const struct sov_fileset *set, size_t i)
{
    if (set->n == 1 && sov_index_files(idx) == 1)
        return 0;
    for (size_t k = 0; k < sov_index_files(idx); k++)
        if (strcmp(sov_index_file(idx, k)->name, set->file[i].name) == 0)
            return k;
    return SIZE_MAX;
}

/* Hash a file once more, in parts, and compare these. */
static int
compare_parts(struct check *c, const sov_index *idx, size_t i, struct places *p,
              struct sov_err *err)
{
    size_t k = find_file(idx, &c->set, i);
    struct sov_hash_range *range = NULL;
    sov_hasher *h = NULL;
    struct sov_digest all;
    size_t n = 0;
    int rc;

    if (k == SIZE_MAX)
        return 0;
    rc = sov_hasher_new(&h, SOV_HASH_VERITY | SOV_HASH_GROUPS, err);
    if (rc == 0 &&
        c->set.file[i].digest.size == sov_index_file(idx, k)->digest.size) {
        rc = sov_index_ranges(idx, k, &range, &n, err);
        if (rc == 0)
            rc = sov_hasher_ranges(h, range, n, err);
    }
    if (rc == 0)
        rc = sov_fileset_feed(&c->set, i, h, err);
    if (rc == 0)
        rc = sov_hasher_final(h, &all, err);
    if (rc == 0) {
        size_t n_groups;
        const unsigned char *group = sov_hasher_groups(h, &n_groups);

        sov_index_diff(idx, k, group, n_groups, range, n, put_place, p);
    }
    sov_hasher_free(h);
    free(range);
    return rc;
}

/*
 * Say where, if an index tells that the claim names.  Whatever fails here
 * leaves the answer as it is: no.
 */
static void
name_places(struct check *c)
{
    struct places p = { .n = 0 };
    sov_index *idx = NULL;
    char *path = NULL;

    if (c->v.leaf == NULL || c->v.file_index >= c->set.n || c->model != NULL ||
        strcmp(c->path, "-") == 0)
        return;
    if (sov_verify_index(&idx, &path, c->path, c->set.dir, NULL) == 0 &&
        idx != NULL &&
        sov_claim_names(c->v.leaf, "index", sov_index_sha256(idx)) &&
        compare_parts(c, idx, c->v.file_index, &p, NULL) == 0 && p.n > 0) {
        size_t at = strlen(c->err.msg);

        snprintf(c->err.msg + at, sizeof(c->err.msg) - at,
                 "; they differ in %s%s", p.text,
                 p.n > MAX_NAMED ? ", and more" : "");
    }
    sov_index_free(idx);
    free(path);
}

/* ---- the answer ---- */

/* The ancestors that a model carries; its bytes are known to be right. */
static int
read_embedded(struct check *c, struct sov_err *err)
{
    sov_model *model = NULL;
    int rc;

    if (c->model != NULL)
        return sov_claims_read_meta(c->claims, sov_model_meta(c->model), err);
    if (strcmp(c->path, "-") == 0)
        return 1;
    rc = sov_model_open(&model, c->path, SOV_ACCESS_STREAM, err);
    if (rc == 0)
        rc = sov_claims_read_meta(c->claims, sov_model_meta(model), err);
    sov_model_close(model);
    return rc;
}

static int
verify(struct check *c, sov_policy *policy, struct sov_err *err)
{
    int rc =
        sov_policy_verify(c->claims, policy, c->set.file, c->set.n, &c->v, err);

    if (rc == SOV_ENO && c->v.answer == SOV_ANSWER_CHAIN) {
        struct sov_err first = *err;
        int more = read_embedded(c, err);

        if (more > 0)
            *err = first;
        else if (more < 0)
            rc = more;
        else
            rc = sov_policy_verify(c->claims, policy, c->set.file, c->set.n,
                                   &c->v, err);
    }
    return rc;
}

/* Is it a signature of the claims, and are they those that were looked at? */
static int
check_all_lines(struct check *c, const struct sov_minisig *sig,
                const struct sov_pubkey *key, struct sov_err *err)
{
    size_t n = sov_claims_count(c->claims);
    char *text;
    size_t len;
    int rc = sov_read_whole(c->claims_path, MAX_CLAIMS, &text, &len, err);

    if (rc < 0)
        return rc;
    rc = sov_minisig_check(sig, key, text, len, err);
    if (rc == SOV_ENO)
        rc = sov_fail(err, SOV_ENO,
                      "%s is not what was frozen: lines were added, taken away "
                      "or changed",
                      c->claims_path);
    if (rc == 0) /* lines that are there already are no second ones */
        rc = sov_claims_read(c->claims, text, len, c->claims_path, err);
    if (rc == 0 && sov_claims_count(c->claims) != n)
        rc = sov_fail(err, SOV_EIO, "%s: changed while it was read",
                      c->claims_path);
    c->frozen = rc == 0;
    free(text);
    return rc;
}

/* MODEL.claims.jsonl.minisig, by a trusted key: no line was taken away. */
static int
check_frozen(struct check *c, const sov_keyring *ring, struct sov_err *err)
{
    struct sov_minisig sig;
    const struct sov_pubkey *key;
    char *path, *text;
    size_t len;
    bool there;
    int rc;

    if (c->claims_path == NULL || !c->from_file)
        return 0;
    if (asprintf(&path, "%s.minisig", c->claims_path) < 0)
        return sov_fail(err, SOV_EMEM, "out of memory");
    rc = sov_verify_beside(path, &there, err);
    if (rc < 0 || !there) {
        free(path);
        return rc;
    }
    rc = sov_read_whole(path, (size_t)1 << 16, &text, &len, err);
    if (rc == 0) {
        rc = sov_minisig_parse(&sig, text, len, err);
        free(text);
        if (rc < 0)
            sov_err_wrap(err, "%s", path);
    }
    if (rc == 0) {
        key = sov_keyring_find_num(ring, sig.num, err);
        if (key == NULL) {
            rc = 0; /* says nothing to this user */
            sov_note(1, "%s: by a key that is not trusted", path);
        } else {
            rc = check_all_lines(c, &sig, key, err);
            if (rc < 0)
                sov_err_wrap(err, "%s", path);
        }
    }
    free(path);
    return rc;
}

/* How to make a yes out of a signature by a stranger, for who knows him. */
static int
not_trusted(const struct check *c, struct sov_err *err)
{
    const char *id = c->v.leaf != NULL ? c->v.leaf->key_id : "";
    const char *where = sov_trust_file();

    if (sov_verify.require != NULL)
        where = sov_verify.require;
    else if (sov_verify.policy != NULL)
        where = sov_verify.policy;
    else if (where[0] == '\0' || sov_verify.keys.n > 0)
        where = "a policy"; /* with --key the user's own file is not read */
    return sov_fail(err, SOV_EDENY,
                    "%s: signed by key %s, which is not trusted here; if you "
                    "know whose it is, name its public key with --key or in "
                    "%s",
                    sov_name_in(c->path), id[0] != '\0' ? id : "without an id",
                    where);
}

/* Revoked, expired, not yet valid: the ring knows. */
static int
denied(const struct check *c, const sov_keyring *ring, struct sov_err *err)
{
    const struct sov_claim *by = c->v.at != NULL ? c->v.at : c->v.leaf;
    struct sov_err why = { 0 };

    if (by == NULL || sov_keyring_find(ring, by->key_id, &why) != NULL)
        return err->rc = SOV_EDENY;
    return sov_fail(err, SOV_EDENY, "%s: signed by key %.16s: %s",
                    sov_name_in(c->path), by->key_id, why.msg);
}

static int
no_claims(const struct check *c, struct sov_err *err)
{
    if (sov_verify.require != NULL)
        return sov_fail(err, SOV_EDENY, "%s: has no claims, and %s wants some",
                        sov_name_in(c->path), sov_verify.require);
    if (c->claims_path != NULL)
        sov_fail(err, SOV_EIO, "%s: has no claims: there is no %s%s", c->path,
                 c->claims_path, sov_verify_hint(c->path));
    else
        sov_fail(err, SOV_EIO, "%s: has no claims; name them with --claims",
                 sov_name_in(c->path));
    err->where = SOV_WHERE_INPUT;
    return SOV_EIO;
}

/*
 * Claims that cannot be read are no trouble with an input: what is damaged or
 * forged in them is what was looked for, and the answer is no.
 */
static int
unreadable(struct check *c, int rc, struct sov_err *err)
{
    if (rc != SOV_EFORMAT)
        return rc;
    c->malformed = true;
    return err->rc = SOV_ENO;
}

/* Files: listed, and hashed before anything is made of them. */
static int
take_files(struct check *c, const sov_policy *policy, struct sov_err *err)
{
    int rc = sov_fileset_list(&c->set, c->path, err);

    if (rc == 0)
        rc = unreadable(c,
                        sov_verify_claims(&c->claims, &c->claims_path,
                                          &c->found, c->path, c->set.dir, err),
                        err);
    c->from_file = c->found;
    if (rc == 0 && !c->found)
        rc = no_claims(c, err);
    if (rc == 0)
        rc = sov_fileset_hash(
            &c->set, sov_claims_digests(c->claims) | sov_policy_digests(policy),
            err);
    return rc;
}

/* A stream: hashed while it is read; in an archive are its claims, too. */
static int
take_stream(struct check *c, const sov_keyring *ring, struct sov_err *err)
{
    struct sov_early early = { .ring = ring };
    const struct sov_model_opts o = {
        .access = SOV_ACCESS_STREAM,
        .hash = SOV_HASH_SHA256 | SOV_HASH_VERITY,
        .begin = sov_early_begin,
        .arg = &early,
        .progress = sov_progress_update,
    };
    int rc;

    sov_progress_begin("B");
    rc = sov_model_open_with(&c->model, c->path, &o, err);
    if (rc == 0)
        rc = sov_model_finish(c->model, err);
    sov_early_end(&early);
    sov_progress_end();
    if (rc == 0)
        rc = sov_fileset_of_model(&c->set, c->path, c->model, err);
    if (rc == 0)
        rc = unreadable(c,
                        sov_verify_claims(&c->claims, &c->claims_path,
                                          &c->found, c->path, false, err),
                        err);
    c->from_file = c->found;
    if (rc == 0 && !c->found)
        rc = unreadable(
            c, sov_verify_sides(c->claims, c->model, &c->found, err), err);
    if (rc == 0 && !c->found)
        rc = no_claims(c, err);
    return rc;
}

static int
examine(struct check *c, sov_policy *policy, struct sov_err *err)
{
    const sov_keyring *ring = sov_policy_ring(policy);
    int rc = sov_fileset_is_stream(c->path) ? take_stream(c, ring, err)
                                            : take_files(c, policy, err);

    if (rc < 0)
        return rc;
    rc = verify(c, policy, err);
    if (rc == SOV_ENO && c->v.answer == SOV_ANSWER_UNKNOWN)
        return not_trusted(c, err);
    if (rc == SOV_ENO && c->v.answer == SOV_ANSWER_DENIED)
        return denied(c, ring, err);
    if (rc == 0)
        rc = check_frozen(c, ring, err);
    if (rc < 0 && strncmp(err->msg, c->path, strlen(c->path)) != 0)
        sov_err_wrap(err, "%s", sov_name_in(c->path));
    if (rc == 0 && c->v.answer == SOV_ANSWER_YES)
        c->verified = true;
    else if (rc == 0)
        rc = sov_fail(err, SOV_ENO, "%s: not verified", sov_name_in(c->path));
    return rc;
}

/* ---- telling ---- */

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
static void
say_verified(const struct check *c)
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

static void
report_one(struct sov_report *r, const struct check *c)
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

/* ---- all of them ---- */

static int
check_one(struct check *c, sov_policy *policy)
{
    int rc = examine(c, policy, &c->err);

    if (rc == SOV_ENO && c->v.answer == SOV_ANSWER_BYTES)
        name_places(c);
    return rc;
}

/*
 * Trouble weighs more than a refusal, and that more than a no; of equals the
 * first one is the status.
 */
static int
weight(int rc)
{
    return rc == 0 ? 0 : rc == SOV_ENO ? 1 : rc == SOV_EDENY ? 2 : 3;
}

static int
check_all(int argc, char **argv, sov_policy *policy, struct sov_report *report,
          struct sov_err *err)
{
    struct sov_err last = { 0 };
    bool failed = false;
    int worst = 0;

    for (int i = 0; i < argc; i++) {
        struct check c = { .path = argv[i] };
        int rc = check_one(&c, policy);

        if (rc == 0 && c.verified && !sov_common.json && !sov_common.quiet)
            say_verified(&c);
        if (report != NULL)
            report_one(report, &c);
        if (failed && rc < 0)
            sov_tool_complain(last.rc, &last);
        if (rc < 0) {
            failed = true;
            last = c.err;
            last.rc = rc;
        }
        if (weight(rc) > weight(worst)) {
            worst = rc;
            *err = c.err;
        }
        sov_fileset_free(&c.set);
        sov_model_close(c.model);
        sov_claims_free(c.claims);
        free(c.claims_path);
    }
    if (worst < 0) { /* the status is the worst's, the words are the last's */
        enum sov_where where = err->where;

        *err = last;
        err->where = where;
    }
    return worst;
}

int
sov_verify_check(int argc, char **argv, struct sov_err *err)
{
    struct sov_report *report = NULL;
    sov_policy *policy = NULL;
    struct sov_err end = { 0 };
    int rc;

    if (argc == 0)
        return sov_fail(err, SOV_EARG, "no model is named");
    if (argc > 1 && sov_verify.claims != NULL)
        return sov_fail(err, SOV_EARG, "--claims is of one model; %d are named",
                        argc);
    rc = sov_tool_check_output(err); /* there is none for a make rule */
    if (rc == 0)
        rc = sov_verify_policy(&policy, err);
    if (rc < 0)
        return rc;
    if (sov_common.json) {
        report = sov_report_new("sov.verify/1");
        sov_report_text(report, "mode", NULL, "verify");
        sov_report_table(report, "models");
    }
    rc = check_all(argc, argv, policy, report, err);
    if (report != NULL) {
        sov_report_table_end(report);
        sov_report_bool(report, "verified", NULL, rc == 0);
        if (sov_report_end(report, &end) < 0 && rc == 0) {
            *err = end;
            rc = end.rc;
        }
    }
    sov_policy_free(policy);
    return rc;
}
