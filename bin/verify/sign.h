/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign.h - putting a signature under a model
 */
#ifndef SOV_VERIFY_SIGN_H
#define SOV_VERIFY_SIGN_H

#include "cli/parts.h"
#include "sov/io.h"
#include "verify/verify.h"

enum { SIGN_INDEX, SIGN_FREEZE, SIGN_CLAIMS, SIGN_OUTPUTS };

struct sign_job {
    const char *path;
    bool adopt;
    bool facts;
    sov_seckey *key;
    struct sov_fileset set;
    sov_claims *claims; /* that are there already */
    char *claims_in;    /* where these are */
    bool found;

    struct sov_parts parts; /* if a new claim is made */
    bool has_root;
    unsigned char root[SOV_SHA256_LEN];
    void *index;
    size_t index_len;

    char *line; /* the new one */
    size_t line_len;
    char id[65];
    bool again; /* there is nothing to add */

    char *out[SIGN_OUTPUTS]; /* paths */
    sov_sink *sink[SIGN_OUTPUTS];
};

/* ---- sign_out.c */

/* Where the index, the claims and their signature go; free() each. */
int sov_sign_name_outputs(struct sign_job *j,
                          struct sov_err *err) SOV_MUST_CHECK;

/* One of them; may it be replaced?  Else --force, or its kind, decides. */
int sov_sign_open(struct sign_job *j, int which, bool replace,
                  struct sov_err *err) SOV_MUST_CHECK;

/* Write what there is to be written, and let all of it appear. */
int sov_sign_commit(struct sign_job *j, struct sov_err *err) SOV_MUST_CHECK;

#endif
