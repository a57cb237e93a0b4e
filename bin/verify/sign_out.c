/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign_out.c - what is written when a model is signed
 *
 * Index, claims and the signature that freezes them appear together, or none
 * of them does.
 */
#include "verify/sign.h"

#include "cli/claims.h"
#include "cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
sov_sign_name_outputs(struct sign_job *j, struct sov_err *err)
{
    const char *out = sov_verify.claims_out;

    j->out[SIGN_INDEX] =
        sov_fileset_beside(j->path, j->set.dir, SOV_INDEX_SUFFIX);
    j->out[SIGN_CLAIMS] = out != NULL ? strdup(out)
                                      : sov_fileset_beside(j->path, j->set.dir,
                                                           SOV_CLAIMS_SUFFIX);
    if (j->out[SIGN_INDEX] == NULL || j->out[SIGN_CLAIMS] == NULL ||
        asprintf(&j->out[SIGN_FREEZE], "%s.minisig", j->out[SIGN_CLAIMS]) < 0) {
        j->out[SIGN_FREEZE] = NULL;
        return sov_fail(err, SOV_EMEM, "out of memory");
    }
    if (!sov_verify.freeze && access(j->out[SIGN_FREEZE], F_OK) == 0)
        return sov_fail(err, SOV_EARG,
                        "%s freezes the claims; --freeze makes it anew",
                        j->out[SIGN_FREEZE]);
    return 0;
}

int
sov_sign_open(struct sign_job *j, int which, bool replace, struct sov_err *err)
{
    struct sov_sink_opts o = {
        .force = sov_common.force || replace,
        .lock = SOV_LOCK_WAIT,
        .inputs = (const char *const *)j->set.paths,
        .n_inputs = j->set.n,
    };

    if (sov_tool_same_file(j->out[which], sov_verify.sign_key)) {
        sov_fail(err, SOV_EIO, "%s: is also the key; name another output",
                 j->out[which]);
        err->where = SOV_WHERE_OUTPUT;
        return SOV_EIO;
    }
    return sov_sink_open(&j->sink[which], j->out[which], &o, err);
}

/* An index may be replaced by another one. */
static int
open_index(struct sign_job *j, struct sov_err *err)
{
    sov_index *old = NULL;
    char *path = NULL;
    bool index =
        sov_verify_index(&old, &path, j->path, j->set.dir, NULL) == 0 &&
        old != NULL;

    sov_index_free(old);
    free(path);
    return sov_sign_open(j, SIGN_INDEX, index, err);
}

static int
write_frozen(struct sign_job *j, const char *text, size_t len,
             struct sov_err *err)
{
    char comment[200];
    char *sig = NULL;
    unsigned char sum[SOV_SHA256_LEN];
    size_t sig_len, at, lines = 0;
    int rc;

    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    sov_sha256(text, len, sum);
    at = (size_t)snprintf(comment, sizeof(comment),
                          "sov-claims v1\tlines:%zu\tsha256:", lines);
    for (int i = 0; i < SOV_SHA256_LEN; i++, at += 2)
        snprintf(comment + at, sizeof(comment) - at, "%02x", sum[i]);
    rc = sov_minisig_make(j->key, text, len, comment, &sig, &sig_len, err);
    if (rc == 0)
        rc = sov_sign_open(j, SIGN_FREEZE, true, err);
    if (rc == 0)
        rc = sov_sink_write(j->sink[SIGN_FREEZE], sig, sig_len, err);
    free(sig);
    return rc;
}

static int
write_claims(struct sign_job *j, struct sov_err *err)
{
    char *text = NULL;
    char *all;
    size_t len = 0;
    int rc = sov_claims_text(j->claims, &text, &len, err);

    if (rc < 0)
        return rc;
    all = realloc(text, len + j->line_len + 1);
    if (all == NULL) {
        free(text);
        return sov_fail(err, SOV_EMEM, "out of memory");
    }
    if (j->line_len > 0)
        memcpy(all + len, j->line, j->line_len);
    len += j->line_len;
    rc = sov_sink_write(j->sink[SIGN_CLAIMS], all, len, err);
    if (rc == 0 && sov_verify.freeze)
        rc = write_frozen(j, all, len, err);
    free(all);
    return rc;
}

int
sov_sign_commit(struct sign_job *j, struct sov_err *err)
{
    int rc = 0;

    if (j->index != NULL) {
        rc = open_index(j, err);
        if (rc == 0)
            rc = sov_sink_write(j->sink[SIGN_INDEX], j->index, j->index_len,
                                err);
    }
    if (rc == 0)
        rc = write_claims(j, err);
    for (int i = 0; i < SIGN_OUTPUTS && rc == 0; i++)
        if (j->sink[i] != NULL)
            rc = sov_sink_commit(&j->sink[i], err);
    if (rc == 0)
        rc = sov_tool_depfile((const char *const *)j->set.paths, j->set.n, err);
    return rc;
}
