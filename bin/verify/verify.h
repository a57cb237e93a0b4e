/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.h - the modes of sov-verify, and what the command line said to them
 */
#ifndef SOV_VERIFY_H
#define SOV_VERIFY_H

#include "cli/fileset.h"
#include "cli/opt.h"
#include "sov/claim.h"
#include "sov/err.h"
#include "sov/index.h"
#include "sov/key.h"
#include "sov/model.h"
#include "sov/policy.h"

#include <stdbool.h>

/* The options, all modes together. */
struct sov_verify {
    struct sov_opt_list keys; /* --key PUB */
    const char *policy;       /* --policy FILE */
    const char *require;      /* --require-claims POLICY */
    const char *claims;       /* --claims FILE */
    struct sov_opt_list more; /* --more-claims FILE */
    const char *claims_out;   /* --claims-out FILE */
    const char *keygen;       /* --keygen NAME */
    const char *audit_log;    /* --audit-log FILE */
    int report;               /* --report KIND: a row of papers.def */
    int format;               /* --format: 0 claims, 1 OMS */
    bool no_password;
    const char *sign_key;       /* --sign-key FILE */
    const char *facts;          /* --facts FILE */
    const char *sign_policy;    /* --sign-policy FILE */
    struct sov_opt_list source; /* --source URI, or files */
    const char *revision;       /* --revision R */
    struct sov_opt_list licenses;
    bool freeze;
    uint64_t sample;     /* --recompute; 0: all */
    const char *stats;   /* --stats FILE */
    const char *receipt; /* --receipt FILE */
};

extern struct sov_verify sov_verify;

/* A mode is a run() of the frame. */
int sov_verify_check(int argc, char **argv, struct sov_err *err);
int sov_verify_keygen(int argc, char **argv, struct sov_err *err);
int sov_verify_adopt(int argc, char **argv, struct sov_err *err);
int sov_verify_sign(int argc, char **argv, struct sov_err *err);
int sov_verify_facts(int argc, char **argv, struct sov_err *err);
int sov_verify_sign_policy(int argc, char **argv, struct sov_err *err);
int sov_verify_show(int argc, char **argv, struct sov_err *err);
int sov_verify_scrub(int argc, char **argv, struct sov_err *err);
int sov_verify_report(int argc, char **argv, struct sov_err *err);
int sov_verify_audit(int argc, char **argv, struct sov_err *err);
int sov_verify_recompute(int argc, char **argv, struct sov_err *err);

/* The value of --recompute: a number of tensors, "all", or NULL. */
int sov_verify_sample(void *dest, const char *value, struct sov_err *err);

/* ---- model.sig (oms.c) */

/* Are the keys of --key those of ECDSA?  Loaded, and so checked, too. */
int sov_verify_is_oms(bool *is, struct sov_err *err) SOV_MUST_CHECK;
int sov_verify_oms_check(int argc, char **argv, struct sov_err *err);
int sov_verify_oms_sign(int argc, char **argv, struct sov_err *err);

/* The KINDs of --report, NULL at the end. */
extern const char *const sov_verify_papers[];

/* ---- what modes share (common.c) ---- */

/* The keys of --key, --policy and --require-claims, or the user's own; a ring
 * without keys if there are none. */
int sov_verify_ring(sov_keyring **ring, struct sov_err *err) SOV_MUST_CHECK;

/* The same with all that the policies say. */
int sov_verify_policy(sov_policy **policy, struct sov_err *err) SOV_MUST_CHECK;

/*
 * The claims of a model: of --claims, or beside it, and those of --more-claims.
 * path is the file's name, to be freed; *found says whether there is one.
 */
int sov_verify_claims(sov_claims **set, char **path, bool *found,
                      const char *model, bool dir,
                      struct sov_err *err) SOV_MUST_CHECK;

/* The model's name before a message, unless that begins with it. */
void sov_verify_name(struct sov_err *err, const char *path);

/* Is there such a file beside the model?  An error if it is no file. */
int sov_verify_beside(const char *path, bool *found,
                      struct sov_err *err) SOV_MUST_CHECK;

/* The index beside a model; *idx NULL if there is none. */
int sov_verify_index(sov_index **idx, char **path, const char *model, bool dir,
                     struct sov_err *err) SOV_MUST_CHECK;

/* Name of what a claim did: "quantize" of urn:sov:buildtype:quantize:v1. */
const char *sov_verify_deed(const struct sov_claim *claim, char *buf,
                            size_t size);

/* ---- what people declare (declare.c) */

/* A line that says what --facts names about these files, which are hashed; 1 if
 * the key has said so among the claims before. */
int sov_verify_declare(const struct sov_fileset *set, const sov_claims *claims,
                       const sov_seckey *key, char **line, size_t *len,
                       char id[65], struct sov_err *err) SOV_MUST_CHECK;

/* ---- results of tests (test.c) */

/* "PASSED, 12 passed, 1 warned" */
char *sov_verify_test(const struct sov_statement *st, char *buf, size_t size);

/* What it says was measured, entry i: "decode 64: 57.1 tok/s (56.3 to 57.3)";
 * false behind the last one. */
bool sov_verify_measured(const struct sov_statement *st, size_t i, char *buf,
                         size_t size);

/* The name of what it is about: of several files the first with weights. */
const char *sov_verify_file_of(const struct sov_statement *st);

/* "trusted", "not trusted", ... */
const char *sov_verify_trust_word(enum sov_trust trust);

/* Why there may be no claims beside path: for the end of a message, or "". */
const char *sov_verify_hint(const char *path);

/* 2026-11-20 14:02:11 in UTC; "" for 0.  buf has 32 bytes or more. */
const char *sov_verify_time(int64_t when, char *buf, size_t size);

#endif
