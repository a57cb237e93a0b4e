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
#include "verify/check.h"

#include "cli/claims.h"
#include "cli/early.h"
#include "cli/names.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "cli/tool.h"
#include "cli/trust.h"
#include "sov/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_NAMED  8 /* places that are told */
#define MAX_CLAIMS ((size_t)64 << 20)

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
            c, sov_claims_sides(c->claims, c->model, &c->found, err), err);
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
    if (rc < 0)
        sov_verify_name(err, c->path);
    if (rc == 0 && c->v.answer == SOV_ANSWER_YES)
        c->verified = true;
    else if (rc == 0)
        rc = sov_fail(err, SOV_ENO, "%s: not verified", sov_name_in(c->path));
    return rc;
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
            sov_check_say(&c);
        if (report != NULL)
            sov_check_report(report, &c);
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
