/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claims.h - claims of what a tool reads and writes
 */
#ifndef SOV_CLI_CLAIMS_H
#define SOV_CLI_CLAIMS_H

#include "cli/parts.h"
#include "sov/claim.h"
#include "sov/err.h"
#include "sov/key.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Read a file of claims into the set.  fd is -1, or a fifo that was opened
 * without waiting: then a writer is waited for.
 */
int sov_claims_load(sov_claims *set, const char *path, int fd,
                    struct sov_err *err) SOV_MUST_CHECK;

/* Those that came with a model so far; *found (or NULL) is set if there
 * are any. */
int sov_claims_sides(sov_claims *set, sov_model *model, bool *found,
                     struct sov_err *err) SOV_MUST_CHECK;

/* Load the secret key of --sign-key; the password is asked for. */
int sov_claims_key(sov_seckey **key, const char *path,
                   struct sov_err *err) SOV_MUST_CHECK;

/*
 * Before key (NULL: nothing) signs what has this history.  A bad signature by
 * somebody who is known makes it hold for nobody who knows him, and so that of
 * all that is made from it: SOV_EFORMAT.
 */
int sov_claims_not_forged(sov_claims *set, const sov_seckey *key,
                          const char *name, struct sov_err *err) SOV_MUST_CHECK;

/* The digests that tell whether claims hold: of those that each subject has the
 * one that is computed fastest. */
unsigned sov_claims_digests(const sov_claims *set);

/* Every line of the set, as it was read; free() it. */
int sov_claims_text(const sov_claims *set, char **text, size_t *len,
                    struct sov_err *err) SOV_MUST_CHECK;

/*
 * The files of a model as the subjects of a claim: names and digests of parts,
 * the content root (NULL: none) with the first.  One block, free() it.
 */
int sov_claims_subjects(const struct sov_parts *parts,
                        const unsigned char *root,
                        struct sov_resource **subject,
                        struct sov_err *err) SOV_MUST_CHECK;

/* Now, in seconds since 1970; what SOURCE_DATE_EPOCH says if it is set. */
int64_t sov_claims_now(void);

#endif
