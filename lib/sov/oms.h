/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oms.h - model.sig: signatures of the OpenSSF Model Signing specification 1.0
 *
 * One file for a folder.  It is a sigstore bundle around a DSSE envelope around
 * an in-toto statement, as a claim is (claim.h), but signed with ECDSA, and it
 * says no more than which files there are:
 *
 *   "subject":[{"name":FOLDER,"digest":{"sha256":ROOT}}],
 *   "predicateType":"https://model_signing/signature/v1.0",
 *   "predicate":{
 *     "resources":[{"name":FILE,"algorithm":"sha256","digest":HEX}, ...],
 *     "serialization":{"method":"files","hash_type":"sha256",
 *                      "allow_symlinks":false,"ignore_paths":[...]}}
 *
 * ROOT is the SHA-256 of the digests, 32 bytes each, in the order of the list.
 * P-256 goes with SHA-256, P-384 with SHA-384 and P-521 with SHA-512.
 *
 * Keys are PEM files.  Others know keys and certificates; here it is keys.  A
 * library that was built without nettle answers SOV_EUNSUP.
 */
#ifndef SOV_OMS_H
#define SOV_OMS_H

#include "sov/err.h"
#include "sov/hash.h"

#include <stdbool.h>
#include <stddef.h>

#define SOV_OMS_NAME "model.sig" /* in the folder */

/* A key of ECDSA, public or secret. */
typedef struct sov_eckey sov_eckey;

/*
 * A PEM file: a public key (SubjectPublicKeyInfo), or, where secret is set, a
 * secret one (PKCS#8 or SEC 1, without a password).  *key NULL and 0: it is no
 * key of ECDSA, and maybe another one.  SOV_EDENY: it is one, and cannot be
 * used.
 */
SOV_API int sov_eckey_parse(sov_eckey **key, const void *text, size_t len,
                            bool secret, struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_eckey_load(sov_eckey **key, const char *path, bool secret,
                           struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_eckey_free(sov_eckey *key);

/* SHA-256 of the public key as PEM, in hex: how bundles name it. */
SOV_API const char *sov_eckey_hint(const sov_eckey *key);
/* "P-384" */
SOV_API const char *sov_eckey_curve(const sov_eckey *key);

/* ---- a signature */

struct sov_oms_file {
    const char *name; /* relative, parts between slashes, none of them ".." */
    unsigned char sha256[SOV_SHA256_LEN];
};

typedef struct sov_oms sov_oms;

/*
 * Read a file that is signed by key: first the signature, then exactly the
 * bytes that were signed.  SOV_EFORMAT: it breaks its own rules.  SOV_EDENY: it
 * names another key.  SOV_ENO: it names this one, or none, and is not by it.  SOV_EUNSUP: a certificate, parts of files ("shards"), or
 * digests other than SHA-256.
 */
SOV_API int sov_oms_open(sov_oms **oms, const void *text, size_t len,
                         const sov_eckey *key,
                         struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_oms_free(sov_oms *oms);

/* The folder's name, as it says. */
SOV_API const char *sov_oms_name(const sov_oms *oms);
SOV_API size_t sov_oms_files(const sov_oms *oms);
SOV_API const struct sov_oms_file *sov_oms_file(const sov_oms *oms, size_t i);

/* Is a file of the folder left out, for it or a folder above it is named in
 * ignore_paths, or belongs to git? */
SOV_API bool sov_oms_ignores(const sov_oms *oms, const char *name);

/*
 * Are these the files?  All that are not ignored must be given.  SOV_ENO names
 * the first that is changed, missing or too many.  A signature of one file is
 * about it under any name.
 */
SOV_API int sov_oms_check(const sov_oms *oms, const struct sov_oms_file *file,
                          size_t n, bool folder,
                          struct sov_err *err) SOV_MUST_CHECK;

/* Sign these files of a folder; ignore[] are paths that are left out.  free()
 * the text.  Two signatures of the same are different. */
SOV_API int sov_oms_make(const sov_eckey *key, const char *name,
                         const struct sov_oms_file *file, size_t n,
                         const char *const *ignore, size_t n_ignore,
                         char **text, size_t *len,
                         struct sov_err *err) SOV_MUST_CHECK;

#endif
