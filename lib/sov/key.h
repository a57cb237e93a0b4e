/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key.h - Ed25519 keys in the files that others read and write
 *
 * Secret keys are minisign's files, with a password (scrypt) or without.
 * Public keys are read from minisign, signify, PEM (SubjectPublicKeyInfo) and
 * OpenSSH files, and written as minisign's.  The key id is the SHA-256 of the
 * SubjectPublicKeyInfo, in hex: the same for one key in whatever form.
 *
 * A damaged, weak (small order, not canonical) or unreadable key is SOV_EDENY,
 * exit status 77.
 */
#ifndef SOV_KEY_H
#define SOV_KEY_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOV_SIG_LEN 64

struct sov_pubkey {
    unsigned char key[32];
    unsigned char num[8]; /* minisign's key number; from the key if it has
                             none: BLAKE2b-64 of it */
    char id[65];          /* hex, NUL-terminated */
    char name[128];       /* who, for people: file or policy name; may be "" */
};

/* Secret; lives in locked memory. */
typedef struct sov_seckey sov_seckey;

/* A set of public keys whose signatures are believed. */
typedef struct sov_keyring sov_keyring;

/* ---- public keys ---- */

/* A file of any of the four forms; name becomes the last part of path. */
SOV_API int sov_pubkey_load(struct sov_pubkey *key, const char *path,
                            struct sov_err *err) SOV_MUST_CHECK;
/* The same out of memory. */
SOV_API int sov_pubkey_parse(struct sov_pubkey *key, const void *text,
                             size_t len, struct sov_err *err) SOV_MUST_CHECK;
/* Two lines, as minisign has them; free() it. */
SOV_API int sov_pubkey_text(const struct sov_pubkey *key, char **text,
                            size_t *len, struct sov_err *err) SOV_MUST_CHECK;

/* ---- secret keys ---- */

/*
 * Ask for a password: put it into buf, NUL-terminated.  try counts from 1 for
 * one file.  SOV_EDENY ends the asking.
 */
typedef int (*sov_password_fn)(void *arg, const char *path, int attempt,
                               char *buf, size_t size, struct sov_err *err);

/* ask may be NULL: a key with a password is refused then. */
SOV_API int sov_seckey_load(sov_seckey **key, const char *path,
                            sov_password_fn ask, void *arg,
                            struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_seckey_new(sov_seckey **key, struct sov_err *err)
    SOV_MUST_CHECK;
SOV_API void sov_seckey_free(sov_seckey *key);
SOV_API const struct sov_pubkey *sov_seckey_public(const sov_seckey *key);
/* As a minisign file; password NULL: none.  sov_secret_free() it. */
SOV_API int sov_seckey_text(const sov_seckey *key, const char *password,
                            char **text, size_t *len, struct sov_err *err)
    SOV_MUST_CHECK;
SOV_API void sov_secret_free(char *text);

/* ---- signatures ---- */

/* Pure Ed25519 (RFC 8032) over the message. */
SOV_API int sov_sign(const sov_seckey *key, const void *msg, size_t len,
                     unsigned char sig[SOV_SIG_LEN], struct sov_err *err)
    SOV_MUST_CHECK;
SOV_API bool sov_sig_ok(const struct sov_pubkey *key, const void *msg,
                        size_t len, const unsigned char sig[SOV_SIG_LEN]);

/* ---- whom to believe ---- */

SOV_API int sov_keyring_new(sov_keyring **ring, struct sov_err *err)
    SOV_MUST_CHECK;
SOV_API void sov_keyring_free(sov_keyring *ring);
SOV_API int sov_keyring_add(sov_keyring *ring, const struct sov_pubkey *key,
                            struct sov_err *err) SOV_MUST_CHECK;
/*
 * A file of lines, the head of what a policy is: "sov-policy v1", then
 * "key NAME ed25519|minisign|ssh BASE64 [from DATE] [to DATE]", "name",
 * "version", "expires DATE", "revoke key ID"; "#" begins a comment.  An
 * unknown directive is refused.
 */
SOV_API int sov_keyring_load(sov_keyring *ring, const char *path,
                             struct sov_err *err) SOV_MUST_CHECK;
SOV_API size_t sov_keyring_count(const sov_keyring *ring);
/* NULL where it is not named, or not believed any more (err says why, if
 * not NULL). */
SOV_API const struct sov_pubkey *sov_keyring_find(const sov_keyring *ring,
                                                  const char *id,
                                                  struct sov_err *err);

#endif
