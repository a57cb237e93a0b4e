/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - what a site accepts
 *
 * A policy is a file of lines; sov.policy(5) says what each of them means:
 *
 *     sov-policy v1
 *     name acme-prod
 *     version 7
 *     expires 2027-06-30
 *     key alice ed25519  BASE64 from 2026-01-01 to 2027-12-31
 *     key bob   minisign BASE64
 *     group root     2 alice bob carol
 *     group builders any bob
 *     allow import   root
 *     allow quantize builders
 *     require review root
 *     lineage complete
 *     license allow Apache-2.0 MIT
 *     jurisdiction allow EU CH
 *     recall digest sha256:HEX
 *
 * All of it says no unless something says yes, so that nobody gains by taking
 * a claim away.  Of several policies each must say yes; the keys of all of
 * them are known, and a key that one of them revokes counts nowhere.
 *
 *   sov_policy_new            nothing is trusted
 *   sov_policy_add            a policy; again for another one
 *   sov_policy_verify         is this model what is claimed, and allowed here?
 */
#ifndef SOV_POLICY_H
#define SOV_POLICY_H

#include "sov/claim.h"
#include "sov/err.h"
#include "sov/key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of names of policies, keys and groups. */
#define SOV_POLICY_NAME 127
/* What is behind the name of a policy in the name of its signatures. */
#define SOV_POLICY_SIG_SUFFIX ".sig.jsonl"

typedef struct sov_policy sov_policy;

SOV_API int sov_policy_new(sov_policy **policy,
                           struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_policy_free(sov_policy *policy);

/* Whose signatures count at all; more keys may be added to it, which have no
 * role in any policy then.  Borrowed. */
SOV_API sov_keyring *sov_policy_ring(sov_policy *policy);

/* The ring alone; the rest is freed. */
SOV_API sov_keyring *sov_policy_take_ring(sov_policy *policy);

/*
 * Add a policy; where ("acme.policy") begins the messages, and is its name if
 * it has none of its own.  SOV_EDENY, and nothing was added, for anything but
 * whole lines of directives that are known: one megabyte, 256 words a line,
 * 4,096 keys, 256 groups, 8,192 lines of rules.  Its own signatures are not
 * looked at here: see sov_policy_accept().
 */
SOV_API int sov_policy_add(sov_policy *policy, const void *text, size_t len,
                           const char *where,
                           struct sov_err *err) SOV_MUST_CHECK;

/* ---- policies that are signed themselves ---- */

/*
 * Does a policy have a group "root"?  Then it has to be signed by it, and to
 * have a version and a name of letters, digits, "-", "_" and ".", under which
 * it is remembered: 0.  1 if it has not: who names its file vouches for it, and
 * name is "" unless it could be the name of one that has.
 */
SOV_API int sov_policy_root_name(const void *text, size_t len,
                                 const char *where,
                                 char name[SOV_POLICY_NAME + 1],
                                 struct sov_err *err) SOV_MUST_CHECK;

/* What is known of a policy with a root. */
struct sov_policy_update {
    const char *where; /* for messages */
    const void *text;  /* the policy */
    size_t len;
    const void *sigs; /* WHERE.sig.jsonl; NULL: there is none */
    size_t sigs_len;
    const void *before; /* the policy that was accepted last; NULL: none */
    size_t before_len;
    int64_t now; /* 0: the clock's */
};

/*
 * The rule by which TUF changes its root: a policy counts if enough of its own
 * group "root" have signed it, and, if it is another one than the last, enough
 * of the last one's; its version never goes back, and one version is one text.
 * 0: it is the last one; 1: it counts from now on, and is to be remembered.
 * SOV_EDENY with what is missing.
 */
SOV_API int sov_policy_accept(const struct sov_policy_update *update,
                              struct sov_err *err) SOV_MUST_CHECK;

/* A line for WHERE.sig.jsonl, newline included; free() it. */
SOV_API int sov_policy_sign(const sov_seckey *key, const void *text, size_t len,
                            char **line, size_t *line_len,
                            struct sov_err *err) SOV_MUST_CHECK;

/* Those of the lines that are about just this text, to which another one may
 * be added; key_id: without what this key has signed (NULL: all).  free() it,
 * NUL-terminated. */
SOV_API int sov_policy_sigs_of(const void *text, size_t len, const void *sigs,
                               size_t sigs_len, const char *key_id, char **kept,
                               size_t *kept_len,
                               struct sov_err *err) SOV_MUST_CHECK;

/* ---- asking ---- */

/* Is there more in it than keys? */
SOV_API bool sov_policy_has_rules(const sov_policy *policy);

/* Digests that it wants to see: SOV_HASH_SHA256, SOV_HASH_VERITY, or 0. */
SOV_API unsigned sov_policy_digests(const sov_policy *policy);

/*
 * sov_claims_verify(), and then every rule.  What a rule refuses is
 * SOV_ANSWER_POLICY and SOV_EDENY; err names policy, line and rule, what is
 * refused, and what would help; so does the verdict.
 */
SOV_API int sov_policy_verify(sov_claims *set, sov_policy *policy,
                              const struct sov_claim_file *file, size_t n,
                              struct sov_verdict *v,
                              struct sov_err *err) SOV_MUST_CHECK;

/* May the signers of this claim say what it says, by every policy?  For who
 * shows or prints what is declared; after sov_claims_check(). */
SOV_API bool sov_policy_allows(const sov_policy *policy, const sov_claims *set,
                               const struct sov_claim *claim);

#endif
