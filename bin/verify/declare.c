/* SPDX-License-Identifier: Apache-2.0 */
/*
 * declare.c - what people say: --facts about a model, --sign-policy of a policy
 *
 * A claim of facts is made here and put beside the others by sign.c; who says
 * what somebody said before signs that claim once more, so that two of a group
 * agree.  The
 * signatures of a policy stand in a file of their own beside it; those of an
 * older text go when the first one of a new text comes.
 */
#include "cli/claims.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/tool.h"
#include "sov/facts.h"
#include "sov/io.h"
#include "sov/policy.h"
#include "verify/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FACTS_MAX  ((size_t)1 << 20)
#define POLICY_MAX ((size_t)1 << 20)
#define SIGS_MAX   ((size_t)16 << 20)

/* ---- facts ---- */

static bool
same_list(const struct sov_param *a, const struct sov_param *b)
{
    if (strcmp(a->key, b->key) != 0 || a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->item[i].str, b->item[i].str) != 0)
            return false;
    return true;
}

/* Does the claim say just this? */
static bool
says(const struct sov_claim *c, const struct sov_param *fact, size_t n)
{
    const struct sov_statement *st = &c->statement;

    for (size_t i = 0; i < n; i++) {
        const struct sov_param *has = sov_statement_fact(st, fact[i].key);

        if (has == NULL || !same_list(has, &fact[i]))
            return false;
    }
    return st->n_facts == n;
}

static int
read_facts(sov_facts **facts, const char *path, struct sov_err *err)
{
    char *text = NULL;
    size_t len;
    int rc = sov_read_whole(path, FACTS_MAX, &text, &len, err);

    if (rc == 0)
        rc = sov_facts_parse(facts, text, len, err);
    if (rc < 0 && rc != SOV_EMEM)
        sov_err_wrap(err, "%s",
                     strcmp(path, "-") == 0 ? "standard input" : path);
    free(text);
    return rc;
}

static int
make_facts(const struct sov_fileset *set, const struct sov_param *fact,
           size_t n, const sov_seckey *key, char **line, size_t *len,
           char id[65], struct sov_err *err)
{
    struct sov_resource *subject = calloc(set->n + 1, sizeof(*subject));
    struct sov_statement st = {
        .subject = subject,
        .n_subjects = set->n,
        .predicate_type = SOV_PREDICATE_FACTS,
        .finished = sov_claims_now(),
        .fact = fact,
        .n_facts = n,
    };
    int rc;

    if (subject == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < set->n; i++)
        subject[i] = (struct sov_resource){
            .name = set->file[i].name,
            .digest = set->file[i].digest,
            .has_size = true,
        };
    rc = sov_claim_make(&st, key, line, len, id, err);
    free(subject);
    return rc;
}

int
sov_verify_declare(const struct sov_fileset *set, const sov_claims *claims,
                   const sov_seckey *key, char **line, size_t *len, char id[65],
                   struct sov_err *err)
{
    const struct sov_claim *same = NULL;
    const struct sov_param *fact;
    sov_facts *facts = NULL;
    bool again = false;
    size_t n;
    int rc = read_facts(&facts, sov_verify.facts, err);

    if (rc < 0)
        return rc;
    fact = sov_facts_params(facts, &n);
    for (size_t i = 0; i < sov_claims_count(claims); i++) {
        const struct sov_claim *c = sov_claims_at(claims, i);

        if (!sov_statement_is_facts(&c->statement) ||
            !sov_claim_is_of(c, set->file, set->n) || !says(c, fact, n))
            continue;
        same = c;
        again = again || strcmp(c->key_id, sov_seckey_public(key)->id) == 0;
    }
    if (same != NULL)
        memcpy(id, same->id, sizeof(same->id));
    if (same == NULL)
        rc = make_facts(set, fact, n, key, line, len, id, err);
    else if (!again)
        rc = sov_claim_sign(key, same->payload.p, same->payload.len, line, len,
                            NULL, err);
    sov_facts_free(facts);
    return rc < 0 ? rc : again;
}

/* ---- policies ---- */

struct policy_job {
    const char *path;
    char *sigs_path;
    char *text;
    size_t len;
    char name[SOV_POLICY_NAME + 1];
    sov_seckey *key;
    sov_sink *sink;
    size_t signers;
    bool enough;
    char why[400]; /* or why not */
};

/* The lines that stay, and ours. */
static int
gather_sigs(struct policy_job *j, char **all, size_t *len, struct sov_err *err)
{
    char *old = NULL, *kept = NULL, *line = NULL;
    size_t old_len = 0, kept_len = 0, line_len = 0;
    int rc = 0;

    if (access(j->sigs_path, F_OK) == 0 || errno != ENOENT)
        rc = sov_read_whole(j->sigs_path, SIGS_MAX, &old, &old_len, err);
    if (rc == 0)
        rc = sov_policy_sigs_of(j->text, j->len, old, old_len,
                                sov_seckey_public(j->key)->id, &kept, &kept_len,
                                err);
    if (rc < 0)
        sov_err_wrap(err, "%s", j->sigs_path);
    if (rc == 0)
        rc = sov_policy_sign(j->key, j->text, j->len, &line, &line_len, err);
    if (rc == 0) {
        *all = malloc(kept_len + line_len + 1);
        if (*all == NULL)
            rc = sov_fail(err, SOV_EMEM, "out of memory");
    }
    if (rc == 0) {
        memcpy(*all, kept, kept_len);
        memcpy(*all + kept_len, line, line_len);
        *len = kept_len + line_len;
        for (size_t i = 0; i < *len; i++)
            j->signers += (*all)[i] == '\n';
    }
    free(old);
    free(kept);
    free(line);
    return rc;
}

static int
sign_policy(struct policy_job *j, struct sov_err *err)
{
    struct sov_policy_update u = { .where = j->path };
    const struct sov_sink_opts o = { .force = true, .lock = SOV_LOCK_WAIT };
    struct sov_err why = { 0 };
    char *all = NULL;
    size_t len = 0;
    int rc = sov_read_whole(j->path, POLICY_MAX, &j->text, &j->len, err);

    if (rc == 0)
        rc = sov_policy_root_name(j->text, j->len, j->path, j->name, err);
    if (rc == 1)
        rc = sov_fail(err, SOV_EARG,
                      "%s: has no group root, whose signatures would count",
                      j->path);
    if (rc == 0)
        rc = sov_claims_key(&j->key, sov_verify.sign_key, err);
    if (rc == 0)
        rc = sov_sink_open(&j->sink, j->sigs_path, &o, err);
    if (rc == 0)
        rc = gather_sigs(j, &all, &len, err);
    if (rc == 0)
        rc = sov_sink_write(j->sink, all, len, err);
    if (rc == 0)
        rc = sov_sink_commit(&j->sink, err);
    if (rc == 0) {
        u.text = j->text;
        u.len = j->len;
        u.sigs = all;
        u.sigs_len = len;
        j->enough = sov_policy_accept(&u, &why) >= 0;
        snprintf(j->why, sizeof(j->why), "%s", why.msg);
    }
    free(all);
    return rc;
}

static int
tell_policy(const struct policy_job *j, struct sov_err *err)
{
    const char *id = sov_seckey_public(j->key)->id;
    char path[1000], name[600];
    struct sov_report *r;

    if (sov_common.json) {
        r = sov_report_new("sov.verify/1");
        sov_report_text(r, "mode", NULL, "sign-policy");
        sov_report_text(r, "policy", NULL, j->name);
        sov_report_text(r, "signatures", NULL, j->sigs_path);
        sov_report_text(r, "key_id", NULL, id);
        sov_report_uint(r, "signers", NULL, j->signers);
        sov_report_bool(r, "enough", NULL, j->enough);
        return sov_report_end(r, err);
    }
    if (sov_common.quiet)
        return 0;
    printf("%s: %s signed by key %.16s; %s\n",
           sov_text_escape(path, sizeof(path), j->path),
           sov_text_escape(name, sizeof(name), j->name), id,
           j->enough ? "it counts" : "it does not count yet");
    if (!j->enough)
        sov_note(1, "%s", j->why);
    return 0;
}

int
sov_verify_sign_policy(int argc, char **argv, struct sov_err *err)
{
    struct policy_job j = { .path = sov_verify.sign_policy };
    int rc = 0;

    if (argc > 0)
        return sov_fail(err, SOV_EARG,
                        "--sign-policy names the policy; '%s' is one too many",
                        argv[0]);
    if (sov_verify.sign_key == NULL)
        return sov_fail(err, SOV_EARG,
                        "--sign-policy: --sign-key FILE is missing");
    if (sov_verify.claims_out != NULL || sov_verify.freeze ||
        sov_verify.source.n > 0 || sov_verify.revision != NULL ||
        sov_verify.licenses.n > 0)
        return sov_fail(err, SOV_EARG,
                        "--sign-policy goes with --sign-key alone");
    if (asprintf(&j.sigs_path, "%s" SOV_POLICY_SIG_SUFFIX, j.path) < 0)
        return sov_fail(err, SOV_EMEM, "out of memory");
    rc = sign_policy(&j, err);
    if (rc == 0)
        rc = tell_policy(&j, err);
    sov_sink_abort(j.sink);
    sov_seckey_free(j.key);
    free(j.sigs_path);
    free(j.text);
    return rc;
}
