/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper.c - sov-verify --report: a model's papers
 *
 *   1. the files are hashed, and the claims beside the model and in it judged,
 *      as without a mode
 *   2. what is no, stays no: there are no papers about bytes that are not
 *      those that were signed, or with a history that was tampered with.  Who
 *      has no claims, or knows none of the signers, gets papers that say so,
 *      unless a policy asks for more
 *   3. what is known is gathered (paper_gather.c), and one of papers.def writes
 *
 * The paper is made in memory and appears whole or not at all.
 */
#include "verify/paper.h"

#include "cli/claims.h"
#include "cli/tool.h"
#include "sov/io.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    paper_fn write;
} kinds[] = {
#define PAPER(name, function) { name, paper_##function },
#include "verify/papers.def"
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *const sov_verify_papers[] = {
#define PAPER(name, function) name,
#include "verify/papers.def"
    NULL,
};

/* ---- is it what is claimed? */

static int
open_model(struct paper *p, struct sov_err *err)
{
    struct sov_err why = { 0 };
    int rc = sov_model_open(&p->model, p->path, SOV_ACCESS_STREAM, &why);

    if (rc == SOV_EUNSUP && p->set.dir)
        return sov_model_open_plain(&p->model, p->path, SOV_ACCESS_STREAM, err);
    if (rc < 0)
        *err = why;
    return rc;
}

/* 0: a yes; 1: nobody says so, and nobody asks for more; else what it is. */
static int
judge(struct paper *p, struct sov_err *err)
{
    bool strict = sov_verify.policy != NULL || sov_verify.require != NULL;
    int rc = sov_policy_verify(p->claims, p->policy, p->set.file, p->set.n,
                               &p->v, err);

    p->verified = rc == 0 && p->v.answer == SOV_ANSWER_YES;
    if (p->verified)
        return 0;
    if (rc != SOV_ENO)
        return rc < 0 ? rc : sov_fail(err, SOV_ENO, "not verified");
    switch (p->v.answer) {
    case SOV_ANSWER_UNKNOWN:
    case SOV_ANSWER_NO_CLAIM:
        if (!strict)
            return 1;
        return err->rc = SOV_EDENY;
    case SOV_ANSWER_DENIED:
        return err->rc = SOV_EDENY;
    default:
        return SOV_ENO;
    }
}

/* Claims that cannot be read are a no, as without a mode. */
static int
unreadable(int rc, struct sov_err *err)
{
    return rc == SOV_EFORMAT ? (err->rc = SOV_ENO) : rc;
}

/* Nothing of the model is looked at before its bytes were judged; then once
 * more, with the claims that are in it. */
static int
load(struct paper *p, struct sov_err *err)
{
    bool found;
    int rc = sov_fileset_list(&p->set, p->path, err);

    if (rc == 0)
        rc = unreadable(sov_verify_claims(&p->claims, &p->claims_path, &found,
                                          p->path, p->set.dir, err),
                        err);
    if (rc == 0)
        rc = sov_fileset_hash(&p->set, SOV_HASH_SHA256 | SOV_HASH_VERITY, err);
    if (rc == 0)
        rc = judge(p, err);
    if (rc < 0 && !(rc == SOV_ENO && p->v.answer == SOV_ANSWER_CHAIN))
        return rc;
    rc = open_model(p, err);
    if (rc < 0)
        return rc;
    p->meta = sov_model_meta(p->model);
    rc = unreadable(sov_claims_read_meta(p->claims, p->meta, err), err);
    if (rc >= 0)
        rc = judge(p, err);
    if (rc > 0)
        sov_warn("%s: the paper says that it is not verified: %s", p->path,
                 err->msg);
    p->leaf = p->verified ? p->v.leaf
                          : sov_claims_about(p->claims, p->set.file, p->set.n);
    return rc < 0 ? rc : 0;
}

static void
drop(struct paper *p)
{
    for (size_t i = 0; i < PAPER_FACTS; i++)
        free(p->fact[i].text);
    free(p->step);
    free(p->word);
    sov_model_close(p->model);
    sov_fileset_free(&p->set);
    sov_claims_free(p->claims);
    free(p->claims_path);
    sov_policy_free(p->policy);
}

/* ---- the paper */

/* What is read is never written over. */
static int
put(const struct paper *p, const char *text, size_t len, struct sov_err *err)
{
    const char **input = calloc(p->set.n + 2, sizeof(*input));
    sov_sink *sink = NULL;
    size_t n = 0;
    int rc;

    if (input == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < p->set.n; i++)
        input[n++] = p->set.paths[i];
    if (p->claims_path != NULL && sov_fileset_is_regular(p->claims_path))
        input[n++] = p->claims_path;
    rc = sov_tool_sink(&sink, input, n, len, err);
    if (rc == 0)
        rc = sov_sink_write(sink, text, len, err);
    if (rc == 0)
        rc = sov_tool_depfile(input, n, err);
    if (rc == 0)
        rc = sov_sink_commit(&sink, err);
    sov_sink_abort(sink);
    free(input);
    return rc;
}

static int
make(const struct paper *p, paper_fn write, struct sov_err *err)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    int rc;

    if (f == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    rc = write(p, f, err);
    if (fclose(f) != 0 && rc == 0)
        rc = sov_fail(err, SOV_EMEM, "out of memory");
    if (rc == 0)
        rc = put(p, text, len, err);
    free(text);
    return rc;
}

int
sov_verify_report(int argc, char **argv, struct sov_err *err)
{
    struct paper p = { .path = argc > 0 ? argv[0] : NULL };
    const char *slash;
    int rc;

    if (argc != 1)
        return sov_fail(err, SOV_EARG, "--report is about one model");
    if (strcmp(p.path, "-") == 0 || sov_fileset_is_stream(p.path))
        return sov_fail(err, SOV_EARG,
                        "--report: %s: papers need a file or a folder", p.path);
    slash = strrchr(p.path, '/');
    p.name = slash != NULL && slash[1] != '\0' ? slash + 1 : p.path;
    rc = sov_tool_check_output(err);
    if (sov_common.output == NULL)
        sov_common.output = "-";
    if (rc == 0 && sov_common.json)
        rc = sov_fail(err, SOV_EARG,
                      "--json and --report exclude each other; cyclonedx and "
                      "spdx are JSON");
    if (rc == 0)
        rc = sov_verify_policy(&p.policy, err);
    if (rc == 0)
        rc = load(&p, err);
    if (rc == 0)
        rc = paper_gather(&p, err);
    if (rc == 0)
        rc = make(&p, kinds[sov_verify.report].write, err);
    drop(&p);
    return rc;
}
