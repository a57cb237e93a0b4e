/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - a model that is verified, and what is told of it
 */
#ifndef SOV_VERIFY_CHECK_H
#define SOV_VERIFY_CHECK_H

#include "cli/report.h"
#include "verify/verify.h"

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

/* check_tell.c: the line of a model that is verified, and what was asked for
 * beside it; a row of the report, whatever the answer. */
void sov_check_say(const struct check *c);
void sov_check_report(struct sov_report *r, const struct check *c);

#endif
