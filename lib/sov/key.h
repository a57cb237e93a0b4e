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

/*
 * A file of any of the four forms; name becomes the last part of path.  Where
 * there is no such file, path may be the second line of a minisign one.
 */
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
 * Ask for a password: put it into buf, NUL-terminated.  attempt counts from 1
 * to 3 for one file.  SOV_EDENY ends the asking.
 */
typedef int (*sov_password_fn)(void *arg, const char *path, int attempt,
                               char *buf, size_t size, struct sov_err *err);

/*
 * A file that only its owner can get at.  ask may be NULL: a key with a
 * password is refused then.
 */
SOV_API int sov_seckey_load(sov_seckey **key, const char *path,
                            sov_password_fn ask, void *arg,
                            struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_seckey_new(sov_seckey **key,
                           struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_seckey_free(sov_seckey *key);
SOV_API const struct sov_pubkey *sov_seckey_public(const sov_seckey *key);
/*
 * As a minisign file; password NULL: none.  sov_secret_free() it.  A password
 * takes 1 GiB of memory for some seconds, less where there is less.
 */
SOV_API int sov_seckey_text(const sov_seckey *key, const char *password,
                            char **text, size_t *len,
                            struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_secret_free(char *text);

/* ---- signatures ---- */

/* Pure Ed25519 (RFC 8032) over the message. */
SOV_API int sov_sign(const sov_seckey *key, const void *msg, size_t len,
                     unsigned char sig[SOV_SIG_LEN],
                     struct sov_err *err) SOV_MUST_CHECK;
SOV_API bool sov_sig_ok(const struct sov_pubkey *key, const void *msg,
                        size_t len, const unsigned char sig[SOV_SIG_LEN]);

/* ---- files that minisign and signify signed ---- */

/* One signature as it was read; nothing of it is believed yet. */
struct sov_minisig {
    unsigned char num[8]; /* of the key, as it says */
    bool hashed;          /* over the BLAKE2b-512 of the file, not the file */
    bool has_comment;     /* minisign's, not signify's */
    unsigned char sig[SOV_SIG_LEN];
    unsigned char global[SOV_SIG_LEN]; /* over sig and comment */
    char comment[8193];                /* NUL-terminated, printable UTF-8 */
};

/*
 * The four lines of a .minisig file, or the two of a signify one.  What is
 * not exactly that is SOV_ENO: no valid signature.
 */
SOV_API int sov_minisig_parse(struct sov_minisig *sig, const void *text,
                              size_t len, struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_signify_parse(struct sov_minisig *sig, const void *text,
                              size_t len, struct sov_err *err) SOV_MUST_CHECK;

/*
 * 0 if key signed these bytes, and the trusted comment where there is one;
 * SOV_ENO if not.  A file is read once, in pieces; one that is signed without
 * hashing (minisign -l, signify) as a whole, up to 1 GiB.
 */
SOV_API int sov_minisig_check(const struct sov_minisig *sig,
                              const struct sov_pubkey *key, const void *msg,
                              size_t len, struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_minisig_check_path(const struct sov_minisig *sig,
                                   const struct sov_pubkey *key,
                                   const char *path,
                                   struct sov_err *err) SOV_MUST_CHECK;

/*
 * A .minisig file of these bytes, or of a file, always hashed; free() the
 * text.  The comment is signed too: one printable line, up to 8,000 bytes.
 */
SOV_API int sov_minisig_make(const sov_seckey *key, const void *msg, size_t len,
                             const char *comment, char **text, size_t *text_len,
                             struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_minisig_make_path(const sov_seckey *key, const char *path,
                                  const char *comment, char **text,
                                  size_t *text_len,
                                  struct sov_err *err) SOV_MUST_CHECK;

/* ---- whom to believe ---- */

SOV_API int sov_keyring_new(sov_keyring **ring,
                            struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_keyring_free(sov_keyring *ring);
SOV_API int sov_keyring_add(sov_keyring *ring, const struct sov_pubkey *key,
                            struct sov_err *err) SOV_MUST_CHECK;
/*
 * A file of lines, the head of what a policy is:
 *
 *     sov-policy v1
 *     name acme-prod
 *     version 7
 *     expires 2027-06-30
 *     key alice ed25519  BASE64 from 2026-01-01 to 2027-12-31
 *     key bob   minisign BASE64
 *     key carol ssh      BASE64
 *     revoke key ID
 *
 * "#" begins a comment; words stand between spaces or tabs.  A DATE is a day,
 * up to its last second in UTC, or 2026-01-02T03:04:05Z.  "expires" ends all
 * keys of its own file; "revoke" ends a key wherever it was named.  An unknown
 * directive is refused, and then nothing of the file is taken.
 */
SOV_API int sov_keyring_load(sov_keyring *ring, const char *path,
                             struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_keyring_parse(sov_keyring *ring, const void *text, size_t len,
                              struct sov_err *err) SOV_MUST_CHECK;
/* What "now" is, in seconds since 1970; the clock if never told. */
SOV_API void sov_keyring_set_time(sov_keyring *ring, int64_t now);
SOV_API size_t sov_keyring_count(const sov_keyring *ring);
/*
 * The key with this id, or NULL: not named (err says so as SOV_ENO), or not
 * believed (revoked, expired, not valid yet: SOV_EDENY).
 */
SOV_API const struct sov_pubkey *
sov_keyring_find(const sov_keyring *ring, const char *id, struct sov_err *err);
/* The same by minisign's key number. */
SOV_API const struct sov_pubkey *
sov_keyring_find_num(const sov_keyring *ring, const unsigned char num[8],
                     struct sov_err *err);

#endif
