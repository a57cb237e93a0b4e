/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recompute.c - --recompute: is the story true?
 *
 *   1. the claims, as they are verified without a mode: a key that is trusted
 *      says how the model was made
 *   2. the files of --source and --stats, found by the digests in the claim
 *   3. statistics that a claim beside them is about, out of their text
 *   4. the tensors, out of the source
 *   5. what is told, and the receipt
 *
 * Where the bytes of the model are not those that were signed, the answer is no
 * already; 4. says then which weights were changed, if it can.
 */
#include "verify/recompute.h"

#include "cli/claims.h"
#include "cli/progress.h"
#include "cli/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLE 64 /* tensors, if nobody says how many */

/* ---- the option ---- */

int
sov_verify_sample(void *dest, const char *value, struct sov_err *err)
{
    uint64_t *n = dest;
    char *end;

    *n = SAMPLE;
    if (value == NULL)
        return 0;
    if (strcmp(value, "all") == 0) {
        *n = 0;
        return 0;
    }
    errno = 0;
    *n = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 ||
        *n == 0)
        return sov_fail(err, SOV_EARG,
                        "--recompute: '%s' is no number of tensors, and not "
                        "all",
                        value);
    return 0;
}

static int
check_options(int argc, struct sov_err *err)
{
    if (argc != 1)
        return sov_fail(err, SOV_EARG, "--recompute is of one model");
    if (sov_verify.freeze || sov_verify.revision != NULL ||
        sov_verify.licenses.n > 0 || sov_verify.claims_out != NULL)
        return sov_fail(err, SOV_EARG,
                        "--recompute signs nothing but its receipt");
    if (sov_verify.sign_key != NULL && sov_verify.receipt == NULL)
        return sov_fail(err, SOV_EARG,
                        "--sign-key signs the receipt: --receipt FILE is "
                        "missing");
    return sov_tool_check_output(err);
}

/* ---- is it what somebody trusted signed? ---- */

/* The digests that its claims and the receipt want. */
static unsigned
digests_of(const struct work *w, bool stream)
{
    unsigned what = SOV_HASH_SHA256 | SOV_HASH_VERITY;

    if (stream || w->beside)
        return what; /* claims may come with it; it was named by either */
    what = sov_claims_digests(w->claims);
    if (sov_verify.receipt != NULL)
        what |= SOV_HASH_SHA256; /* others know no other digest */
    return what;
}

/*
 * The claims first, which say what to ask for, and then the model, once: its
 * digests are of what was opened and will be compared, and never of what has
 * its name later.
 */
static int
open_made(struct work *w, struct sov_err *err)
{
    bool stream = sov_fileset_is_stream(w->path), found = false;
    struct sov_model_opts o = {
        .access = SOV_ACCESS_MAP,
        .progress = sov_progress_update,
    };
    int rc = 0;

    if (!stream)
        rc = sov_fileset_list(&w->set, w->path, err);
    if (rc == 0)
        rc = sov_verify_claims(&w->claims, &w->claims_path, &found, w->path,
                               w->set.dir, err);
    if (rc == 0 && (found || stream))
        o.hash = digests_of(w, stream);
    if (rc == 0)
        rc = sov_model_open_with(&w->model, w->path, &o, err);
    if (rc == 0 && stream && !found)
        rc = sov_model_finish(w->model, err);
    if (rc == 0 && !found)
        rc = sov_claims_sides(w->claims, w->model, &found, err);
    if (rc == 0 && !found) {
        rc = sov_fail(err, SOV_EIO, "has no claims%s%s",
                      w->claims_path != NULL ? ": there is no " : "",
                      w->claims_path != NULL ? w->claims_path : "");
        if (err != NULL)
            err->where = SOV_WHERE_INPUT;
    }
    if (rc == 0)
        rc = sov_model_finish(w->model, err);
    if (rc == 0)
        rc = stream ? sov_fileset_of_model(&w->set, w->path, w->model, err)
                    : sov_fileset_hash_opened(&w->set, w->model, o.hash, err);
    return rc;
}

static int
ask_once(struct work *w, sov_policy *policy, struct sov_err *err)
{
    return w->beside ? sov_claims_verify(w->claims, sov_policy_ring(policy),
                                         w->set.file, w->set.n, &w->v, err)
                     : sov_policy_verify(w->claims, policy, w->set.file,
                                         w->set.n, &w->v, err);
}

static int
ask(struct work *w, sov_policy *policy, struct sov_err *err)
{
    int rc = ask_once(w, policy, err);

    if (rc == SOV_ENO && w->v.answer == SOV_ANSWER_CHAIN &&
        sov_claims_read_meta(w->claims, sov_model_meta(w->model), NULL) == 0)
        rc = ask_once(w, policy, err);
    return rc;
}

/* A no is an answer only where it is about bytes: then we can say which. */
static int
verify(struct work *w, sov_policy *policy, struct sov_err *err)
{
    int rc = ask(w, policy, err);

    if (rc != SOV_ENO)
        return rc;
    if (w->v.answer == SOV_ANSWER_BYTES && w->v.leaf != NULL &&
        w->v.leaf->trust == SOV_TRUST_GOOD) {
        w->altered = true;
        w->why = *err;
        return 0;
    }
    if (w->v.answer == SOV_ANSWER_UNKNOWN)
        return sov_fail(err, SOV_EDENY,
                        "signed by key %s, which is not trusted here: name its "
                        "public key with --key; what nobody trusted has said "
                        "is not worth re-computing",
                        w->v.leaf != NULL ? w->v.leaf->key_id : "");
    return w->v.answer == SOV_ANSWER_DENIED ? (err->rc = SOV_EDENY) : rc;
}

/* Everything up to what the claim says. */
static int
begin(struct work *w, sov_policy *policy, struct sov_err *err)
{
    struct sov_prove_opts o = {
        .max_memory = sov_common.max_memory,
        .progress = sov_progress_update,
    };
    int rc;

    sov_progress_begin("B");
    rc = open_made(w, err);
    sov_progress_end();
    if (rc == 0)
        rc = verify(w, policy, err);
    if (rc < 0)
        return rc;
    o.claim = &w->v.leaf->statement;
    o.made = w->model;
    rc = sov_prove_new(&w->prove, &o, err);
    return rc < 0 ? sov_err_wrap(err, "cannot be re-computed") : 0;
}

/* ---- what it was made from ---- */

static int
give(struct recompute *r, struct work *w, struct sov_err *err)
{
    int rc = 0;

    sov_progress_begin("B");
    for (size_t i = 0; i < r->n_sources && rc >= 0; i++)
        rc = sov_prove_give(w->prove, r->source[i], err);
    sov_progress_end();
    return rc < 0 ? rc : 0;
}

static bool
is_used(const sov_prove *p, const char *path)
{
    struct sov_prove_input input;

    for (size_t i = 0; p != NULL && sov_prove_input(p, i, &input); i++)
        if (input.path != NULL && strcmp(input.path, path) == 0)
            return true;
    return false;
}

/* Whoever names a file wants it used. */
static int
check_used(const struct recompute *r, struct sov_err *err)
{
    const struct sov_resource *m = sov_prove_missing(r->of.prove, 0);
    char missing[400] = "";

    if (m != NULL)
        snprintf(missing, sizeof(missing), "; %s (%s) is missing",
                 m->name != NULL ? m->name : "something",
                 m->role != NULL ? m->role : "?");
    for (size_t i = 0; i < r->n_sources; i++)
        if (!is_used(r->of.prove, r->source[i]) &&
            !is_used(r->stats.prove, r->source[i]))
            return sov_fail(err, SOV_EUNSUP,
                            "cannot be re-computed: %s is nothing that it was "
                            "made from, by its digest%s",
                            r->source[i], missing);
    return 0;
}

/* ---- doing it ---- */

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int
run(struct work *w, uint64_t sample, struct sov_err *err)
{
    double start = now();
    int rc;

    sov_progress_begin("");
    rc = sov_prove_ready(w->prove, err);
    if (rc == 0)
        rc = sov_prove_choose(w->prove, sample, sov_common.seed, err);
    if (rc == 0)
        rc = sov_prove_run(w->prove, err);
    sov_progress_end();
    if (rc == 0 && !sov_fileset_is_stream(w->path))
        rc = sov_model_finish(w->model, err);
    if (rc == SOV_EUNSUP)
        sov_err_wrap(err, "cannot be re-computed");
    sov_prove_facts(w->prove, &w->facts);
    w->seconds = now() - start;
    return rc;
}

/* The file of statistics that was used; false: none was. */
static bool
stats_of(const struct work *w, struct sov_prove_input *in)
{
    for (size_t i = 0; sov_prove_input(w->prove, i, in); i++)
        if (in->what->role != NULL && strcmp(in->what->role, "imatrix") == 0 &&
            in->path != NULL)
            return true;
    return false;
}

/* Is what was opened now what was used, and not another file of its name? */
static bool
is_that(const struct work *w, const struct sov_resource *used)
{
    const struct sov_digest *d = &w->set.file[0].digest;
    unsigned both = used->digest.has & d->has;

    return w->set.n == 1 && both != 0 &&
           ((both & SOV_HASH_SHA256) == 0 ||
            memcmp(used->digest.sha256, d->sha256, SOV_SHA256_LEN) == 0) &&
           ((both & SOV_HASH_VERITY) == 0 ||
            memcmp(used->digest.verity, d->verity, SOV_SHA256_LEN) == 0);
}

/* From a text to the statistics, where they have a claim and the text is
 * there; else they are what was signed, by their digest, and no more. */
static int
run_stats(struct recompute *r, struct sov_err *err)
{
    struct sov_prove_input in;
    struct work *w = &r->stats;
    struct sov_err why = { 0 };
    char *claims;
    bool there;
    int rc;

    if (!stats_of(&r->of, &in))
        return 0;
    r->stats_word = "as signed: they have no claim of their own";
    claims = sov_fileset_beside(in.path, false, SOV_CLAIMS_SUFFIX);
    there = claims != NULL && sov_fileset_is_regular(claims);
    free(claims);
    if (!there || sov_verify.claims != NULL)
        return 0;
    w->path = in.path;
    w->beside = true;
    rc = begin(w, r->policy, &why);
    if (rc == 0 && !is_that(w, in.what))
        return sov_fail(err, SOV_EIO, "%s: changed while it was read", in.path);
    if (rc == 0 && w->altered)
        rc = SOV_EDENY;
    if (rc == 0)
        rc = give(r, w, &why);
    if (rc < 0 || sov_prove_missing(w->prove, 0) != NULL) {
        r->stats_word = rc < 0 ? "as signed: their claim is not usable"
                               : "as signed: the text is not there";
        if (rc < 0)
            sov_warn("%s: %s", in.path, why.msg);
        return 0;
    }
    rc = run(w, 0, err);
    r->stats_word = rc == 0 ? "re-computed from the text: the same"
                            : "re-computed from the text: not the same";
    return rc < 0 ? sov_err_wrap(err, "%s", in.path) : 0;
}

/* ---- all of it ---- */

static int
list_sources(struct recompute *r, struct sov_err *err)
{
    const struct sov_opt_list *list = &sov_verify.source;

    r->source = calloc(list->n + 1, sizeof(*r->source));
    if (r->source == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < list->n; i++)
        r->source[r->n_sources++] = list->items[i];
    if (sov_verify.stats != NULL)
        r->source[r->n_sources++] = sov_verify.stats;
    return 0;
}

/* The model is what was signed, or its weights tell what was changed. */
static int
judge(struct recompute *r, int rc, struct sov_err *err)
{
    if (rc == 0 && r->of.altered) {
        *err = r->of.why;
        return SOV_ENO;
    }
    return rc;
}

static int
recompute(struct recompute *r, struct sov_err *err)
{
    struct sov_err told = { 0 };
    int rc = begin(&r->of, r->policy, err), said;

    if (rc == 0)
        rc = give(r, &r->of, err);
    if (rc == 0 && sov_prove_missing(r->of.prove, 0) == NULL)
        rc = run_stats(r, err);
    if (rc == 0)
        rc = check_used(r, err);
    if (rc == 0)
        rc = run(&r->of, sov_verify.sample, err);
    rc = judge(r, rc, err);
    if (rc < 0)
        sov_verify_name(err, r->of.path);
    if ((rc != 0 && rc != SOV_ENO) || r->of.facts.tensors == 0)
        return rc;
    said = sov_recompute_receipt(r, rc == 0, &told);
    if (said == 0)
        said = sov_recompute_report(r, rc, &told);
    if (said < 0)
        *err = told;
    return said < 0 ? said : rc;
}

static void
free_work(struct work *w)
{
    sov_prove_free(w->prove);
    sov_fileset_free(&w->set);
    sov_model_close(w->model);
    sov_claims_free(w->claims);
    free(w->claims_path);
}

int
sov_verify_recompute(int argc, char **argv, struct sov_err *err)
{
    struct recompute r = { .of = { .path = argc > 0 ? argv[0] : "" } };
    int rc = check_options(argc, err);

    if (rc == 0)
        rc = sov_verify_policy(&r.policy, err);
    if (rc == 0)
        rc = list_sources(&r, err);
    if (rc == 0)
        rc = sov_recompute_receipt_open(&r, err);
    if (rc == 0)
        rc = recompute(&r, err);
    free_work(&r.stats);
    free_work(&r.of);
    sov_sink_abort(r.receipt);
    sov_seckey_free(r.key);
    sov_policy_free(r.policy);
    free(r.source);
    return rc;
}
