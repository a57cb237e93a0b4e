/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recompute.h - what the files of --recompute share
 */
#ifndef SOV_VERIFY_RECOMPUTE_H
#define SOV_VERIFY_RECOMPUTE_H

#include "sov/io.h"
#include "sov/prove.h"
#include "verify/verify.h"

/* A model and its claim. */
struct work {
    const char *path;
    struct sov_fileset set;
    sov_model *model;
    sov_claims *claims;
    char *claims_path;
    bool beside; /* what the model was made with: keys count, rules do not */
    struct sov_verdict v;
    bool altered;       /* other bytes than were signed */
    struct sov_err why; /* then: where */
    sov_prove *prove;
    struct sov_prove_facts facts;
    double seconds;
};

/* All of it. */
struct recompute {
    struct work of;
    struct work stats;      /* of a file of statistics, if path is set */
    const char *stats_word; /* what became of them; or NULL */
    const char **source;    /* --source, then --stats */
    size_t n_sources;
    sov_policy *policy; /* of the model; its keys count for statistics, too */
    sov_seckey *key;    /* of the receipt, or NULL */
    sov_sink *receipt;
};

/* recompute_tell.c: the report, which says a yes (rc 0) or a no; the receipt,
 * opened before the work and written behind it. */
int sov_recompute_report(const struct recompute *all, int rc,
                         struct sov_err *err) SOV_MUST_CHECK;
int sov_recompute_receipt_open(struct recompute *r,
                               struct sov_err *err) SOV_MUST_CHECK;
int sov_recompute_receipt(struct recompute *r, bool same,
                          struct sov_err *err) SOV_MUST_CHECK;

#endif
