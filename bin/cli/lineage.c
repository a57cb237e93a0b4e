/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lineage.c - is what a tool reads what was claimed?
 *
 * What it makes is in lineage_out.c.
 */
#include "cli/lineage.h"

#include "cli/claims.h"
#include "cli/names.h"
#include "cli/progress.h"
#include "cli/tool.h"
#include "cli/trust.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct sov_lineage_options sov_lineage_options;

const char *
sov_lineage_source(const struct sov_lineage *l)
{
    return sov_name_in(l->source);
}

static bool
is_fifo(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

static bool
is_folder(const char *path)
{
    struct stat st;

    return strcmp(path, "-") != 0 && stat(path, &st) == 0 &&
           S_ISDIR(st.st_mode);
}

/* Under --require-claims whatever is wrong with claims is a refusal. */
static int
refuse(const struct sov_lineage *l, int rc, struct sov_err *err)
{
    if (l->policy == NULL || (rc != SOV_ENO && rc != SOV_EFORMAT))
        return rc;
    return err->rc = SOV_EDENY;
}

int
sov_lineage_refuse(const struct sov_lineage *l, int rc, struct sov_err *err)
{
    if (l->policy == NULL || rc != SOV_ENO)
        return rc;
    sov_err_wrap(err, "%s: refused", sov_lineage_source(l));
    return err->rc = SOV_EDENY;
}

void
sov_lineage_opts(struct sov_lineage *l, struct sov_model_opts *opts)
{
    opts->hash |= l->hash;
    if (l->policy != NULL) {
        l->early.ring = sov_policy_ring(l->policy);
        opts->begin = sov_early_begin;
        opts->arg = &l->early;
    }
}

/* ---- before the model is opened ---- */

size_t
sov_lineage_inputs(struct sov_lineage *l, const char **input)
{
    const struct sov_lineage_options *o = &sov_lineage_options;
    size_t n = 0;

    if (o->claims != NULL && sov_fileset_is_regular(o->claims))
        input[n++] = o->claims;
    if (o->claims == NULL && l->hash != 0 && strcmp(l->source, "-") != 0)
        l->beside = sov_fileset_beside(l->source, is_folder(l->source),
                                       SOV_CLAIMS_SUFFIX);
    if (l->beside != NULL && sov_fileset_is_regular(l->beside))
        input[n++] = l->beside;
    if (o->require != NULL)
        input[n++] = o->require;
    if (o->sign_key != NULL)
        input[n++] = o->sign_key;
    return n;
}

static int
check_options(bool packed, struct sov_err *err)
{
    const struct sov_lineage_options *o = &sov_lineage_options;
    const char *out = sov_common.output;

    if (o->claims_out != NULL && o->sign_key == NULL)
        return sov_fail(err, SOV_EARG,
                        "--claims-out: there are none without --sign-key");
    if (o->claims != NULL && o->sign_key == NULL && o->require == NULL)
        return sov_fail(err, SOV_EARG,
                        "--claims is read with --require-claims, or to sign");
    if (o->sign_key == NULL)
        return 0;
    if (o->claims_out == NULL && out != NULL && !packed && sov_tool_to_stdout())
        return sov_fail(err, SOV_EARG,
                        "--claims-out FILE is missing: the model goes to "
                        "standard output, and its claims not");
    if (o->claims_out != NULL && strcmp(o->claims_out, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--claims-out: standard output is for the model; name "
                        "a file, a fifo or /dev/fd/N");
    return 0;
}

/*
 * A fifo has this end from the start, without waiting for the other one: who
 * opens it there does not wait for our model, and learns it if we die.
 */
static int
open_fifos(struct sov_lineage *l, struct sov_err *err)
{
    const struct sov_lineage_options *o = &sov_lineage_options;

    if (o->claims != NULL && l->hash != 0 && is_fifo(o->claims)) {
        l->claims_fd = open(o->claims, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (l->claims_fd < 0)
            return sov_fail_sys(err, SOV_WHERE_INPUT, "%s", o->claims);
    }
    if (o->claims_out != NULL && l->key != NULL && is_fifo(o->claims_out)) {
        l->fifo = open(o->claims_out, O_RDWR | O_CLOEXEC);
        if (l->fifo < 0)
            return sov_fail_sys(err, SOV_WHERE_OUTPUT, "%s", o->claims_out);
    }
    return 0;
}

/* Whom --require-claims trusts, if it is given. */
static int
load_policy(struct sov_lineage *l, struct sov_err *err)
{
    const char *require = sov_lineage_options.require;
    int rc = 0;

    if (require == NULL)
        return 0;
    rc = sov_trust_policy(&l->policy, NULL, &require, 1, err);
    if (rc == 0 && sov_keyring_count(sov_policy_ring(l->policy)) == 0)
        rc = sov_fail(err, SOV_EDENY, "%s names no key to be trusted", require);
    return rc;
}

/*
 * Of what is only verified, the digests that its claims and the policy need:
 * the tree is computed on all cores, a plain SHA-256 on one.  What is not at
 * hand yet may need any.
 */
static unsigned
digests_of(const struct sov_lineage *l)
{
    unsigned what = SOV_HASH_SHA256 | SOV_HASH_VERITY;
    sov_claims *set = NULL;
    struct sov_err ignored;
    char *path;

    if (strcmp(l->source, "-") == 0 ||
        !(is_folder(l->source) || sov_fileset_is_regular(l->source)) ||
        sov_fileset_is_stream(l->source))
        return what;
    path = l->claims != NULL
               ? strdup(l->claims)
               : sov_fileset_beside(l->source, is_folder(l->source),
                                    SOV_CLAIMS_SUFFIX);
    if (path != NULL && sov_fileset_is_regular(path) &&
        sov_claims_new(&set, &ignored) == 0 &&
        sov_claims_load(set, path, -1, &ignored) == 0 &&
        sov_claims_count(set) > 0)
        what = sov_claims_digests(set) | sov_policy_digests(l->policy);
    sov_claims_free(set);
    free(path);
    return what;
}

int
sov_lineage_begin_beside(struct sov_lineage *l, const char *source,
                         struct sov_err *err)
{
    int rc;

    *l = (struct sov_lineage){
        .source = source,
        .started = sov_claims_now(),
        .claims_fd = -1,
        .fifo = -1,
    };
    rc = load_policy(l, err);
    if (l->policy != NULL)
        l->hash = digests_of(l);
    return rc;
}

int
sov_lineage_begin(struct sov_lineage *l, const char *source, bool packed,
                  struct sov_err *err)
{
    const struct sov_lineage_options *o = &sov_lineage_options;
    int rc = check_options(packed, err);

    *l = (struct sov_lineage){
        .source = source,
        .claims = o->claims,
        .started = sov_claims_now(),
        .claims_fd = -1,
        .fifo = -1,
    };
    if (rc == 0 && o->sign_key != NULL && !sov_common.dry_run)
        rc = sov_claims_key(&l->key, o->sign_key, err);
    if (rc == 0)
        rc = load_policy(l, err);
    if (l->key != NULL)
        l->hash = SOV_HASH_SHA256 | SOV_HASH_VERITY;
    else if (l->policy != NULL)
        l->hash = digests_of(l);
    return rc == 0 ? open_fifos(l, err) : rc;
}

/* ---- the input ---- */

/* What lies beside the model or in its archive; twice does no harm. */
static int
read_sides(struct sov_lineage *l, struct sov_err *err)
{
    const char *name, *text;
    size_t len;
    int rc = 0;

    for (size_t i = 0; rc == 0; i++) {
        rc = sov_model_side(l->model, SOV_SIDE_CLAIMS, i, &name, &text, &len,
                            err);
        if (rc == 0)
            rc = sov_claims_read(l->set, text, len, name, err);
    }
    return rc > 0 ? 0 : rc;
}

int
sov_lineage_input(struct sov_lineage *l, sov_model *model, struct sov_err *err)
{
    const char *claims = l->claims;
    int rc;

    l->model = model;
    if (l->hash == 0)
        return 0;
    rc = sov_claims_new(&l->set, err);
    if (rc == 0)
        rc = sov_claims_read_meta(l->set, sov_model_meta(model), err);
    if (rc >= 0 && claims != NULL) {
        l->late = !sov_fileset_is_regular(claims);
        rc = l->late ? 0 : sov_claims_load(l->set, claims, -1, err);
    } else if (rc >= 0) {
        rc = read_sides(l, err);
    }
    if (rc >= 0)
        rc = sov_claims_not_forged(l->set, l->key, sov_lineage_source(l), err);
    return rc < 0 ? refuse(l, rc, err) : 0;
}

int
sov_lineage_also(struct sov_lineage *l, const char *path, struct sov_err *err)
{
    char *claims;
    int rc = 0;

    if (l->key == NULL || l->set == NULL || path == NULL ||
        strcmp(path, "-") == 0)
        return 0;
    claims = sov_fileset_beside(path, is_folder(path), SOV_CLAIMS_SUFFIX);
    if (claims == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    if (sov_fileset_is_regular(claims))
        rc = sov_claims_load(l->set, claims, -1, err);
    if (rc == 0)
        rc = sov_claims_not_forged(l->set, l->key, path, err);
    free(claims);
    return rc < 0 ? refuse(l, rc, err) : 0;
}

/* ---- is the input what is claimed? ---- */

static bool
was_read(const struct sov_lineage *l, const char *name)
{
    const char *read;

    for (size_t i = 0; (read = sov_model_file_name(l->model, i)) != NULL; i++)
        if (strcmp(read, name) == 0)
            return true;
    return false;
}

/* A claim about a folder is about all that is in it. */
static int
hash_rest(struct sov_lineage *l, struct sov_err *err)
{
    struct sov_fileset *set = &l->rest;
    size_t n = 0;
    int rc = sov_fileset_list(set, l->source, err);

    for (size_t i = 0; i < set->n && rc == 0; i++) {
        if (was_read(l, set->file[i].name)) {
            sov_fileset_drop(set, i--);
            continue;
        }
        n++;
    }
    return rc == 0 && n > 0 ? sov_fileset_hash(set, l->hash, err) : rc;
}

/* The digests of all files of the input. */
static int
list_files(struct sov_lineage *l, struct sov_err *err)
{
    bool folder = is_folder(l->source);
    size_t n = 0;
    int rc = sov_model_finish(l->model, err);

    if (rc == 0 && folder)
        rc = hash_rest(l, err);
    if (rc < 0)
        return rc;
    while (sov_model_file_name(l->model, n) != NULL)
        n++;
    l->file = calloc(n + l->rest.n + 1, sizeof(*l->file));
    if (l->file == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const struct sov_digest *d = sov_model_digest(l->model, i);
        const char *name = sov_model_file_name(l->model, i);

        if (sov_fileset_is_side(name))
            continue;
        if (d == NULL)
            return sov_fail(err, SOV_EIO, "%s: %s was not hashed",
                            sov_lineage_source(l), name);
        l->file[l->n_files].name = strcmp(name, "-") != 0 ? name : NULL;
        l->file[l->n_files++].digest = *d;
    }
    for (size_t i = 0; i < l->rest.n; i++)
        l->file[l->n_files++] = l->rest.file[i];
    if (l->n_files == 1 && !folder)
        l->file[0].any_name = true;
    return 0;
}

/* What people declare of the input, who may: what is made of it inherits. */
static int
find_facts(struct sov_lineage *l, const sov_policy *policy, struct sov_err *err)
{
    l->also = calloc(sov_claims_count(l->set) + 1, sizeof(*l->also));
    if (l->also == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < sov_claims_count(l->set); i++) {
        const struct sov_claim *c = sov_claims_at(l->set, i);

        if (sov_statement_is_facts(&c->statement) &&
            sov_claim_is_of(c, l->file, l->n_files) &&
            sov_policy_allows(policy, l->set, c) &&
            sov_claims_find(l->set, c->id) == c)
            l->also[l->n_also++] = c;
    }
    return 0;
}

static int
judge(struct sov_lineage *l, sov_policy *policy, struct sov_err *err)
{
    struct sov_verdict v;
    int rc;

    rc = sov_policy_verify(l->set, policy, l->file, l->n_files, &v, err);
    l->verified = rc == 0 && v.answer == SOV_ANSWER_YES;
    if (l->verified)
        l->parent = v.leaf;
    if (rc == 0)
        rc = find_facts(l, policy, err);
    if (rc == SOV_EMEM)
        return rc;
    else if (rc == SOV_ENO && v.answer == SOV_ANSWER_UNKNOWN && v.leaf != NULL)
        sov_fail(err, SOV_ENO,
                 "signed by key %s, which the policy does not "
                 "name",
                 v.leaf->key_id);
    return rc;
}

/* Only a word in the claim hangs on it: may this user believe the input? */
static int
judge_quietly(struct sov_lineage *l, struct sov_err *err)
{
    struct sov_err why = { 0 };
    sov_policy *policy = NULL;
    int rc = sov_trust_policy(&policy, NULL, NULL, 0, &why);

    if (rc == 0 && l->key != NULL) /* who signs believes himself */
        rc = sov_keyring_add(sov_policy_ring(policy), sov_seckey_public(l->key),
                             &why);
    if (rc == 0 && sov_claims_count(l->set) > 0)
        rc = judge(l, policy, &why);
    sov_policy_free(policy);
    if (rc == SOV_EMEM) {
        *err = why;
        return rc;
    }
    return 0;
}

int
sov_lineage_check_first(struct sov_lineage *l, struct sov_err *err)
{
    bool plain = strcmp(l->source, "-") != 0 &&
                 (is_folder(l->source) || sov_fileset_is_regular(l->source)) &&
                 !sov_fileset_is_stream(l->source);

    return l->policy != NULL && plain && !l->late ? sov_lineage_check(l, err)
                                                  : 0;
}

int
sov_lineage_check(struct sov_lineage *l, struct sov_err *err)
{
    int rc;

    if (l->hash == 0)
        return 0;
    if (l->checked) /* is it still what it was? */
        return sov_model_finish(l->model, err);
    sov_progress_begin("B");
    rc = list_files(l, err);
    sov_progress_end();
    if (rc < 0)
        return sov_lineage_refuse(l, rc, err);
    if (l->late)
        rc = sov_claims_load(l->set, l->claims, l->claims_fd, err);
    else if (l->claims == NULL)
        rc = read_sides(l, err);
    if (rc == 0 && l->policy != NULL && sov_claims_count(l->set) == 0)
        rc = sov_fail(err, SOV_ENO, "there are no claims about it");
    if (rc == 0)
        rc = sov_claims_not_forged(l->set, l->key, sov_lineage_source(l), err);
    if (rc == 0)
        rc = l->policy != NULL ? judge(l, l->policy, err)
                               : judge_quietly(l, err);
    if (rc == 0 && l->policy != NULL && !l->verified)
        rc = sov_fail(err, SOV_ENO, "not verified");
    if (rc < 0) {
        rc = refuse(l, rc, err);
        if (rc == SOV_EDENY)
            sov_err_wrap(err, "%s: refused", sov_lineage_source(l));
        return rc;
    }
    if (l->parent == NULL) /* nobody who is trusted says so */
        l->parent = sov_claims_about(l->set, l->file, l->n_files);
    l->checked = true;
    /* there may have been time, while the claims were waited for */
    return sov_model_finish(l->model, err);
}
