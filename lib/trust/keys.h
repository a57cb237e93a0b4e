/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.h - what the files about keys share
 *
 * minisign and signify put a public key on one line of base64:
 *
 *     "Ed" | number 8 | public key 32                     42 bytes
 *
 * The number tells keys apart; it proves nothing.
 */
#ifndef SOV_TRUST_KEYS_H
#define SOV_TRUST_KEYS_H

#include "sov/base.h"
#include "sov/key.h"

#include <stdbool.h>
#include <stddef.h>

#define SOV_NUM_LEN    8
#define SOV_PUB_LEN    32
#define SOV_SEED_LEN   32
#define SOV_PUB_BLOB   42
#define SOV_NUM_FORMAT "%016" PRIX64 /* of sov_le64(num) */

/* libsodium made ready; cheap after the first time. */
int sov_trust_init(struct sov_err *err) SOV_MUST_CHECK;

/* Bytes that nobody can guess; after sov_trust_init(). */
void sov_trust_random(void *buf, size_t len);

/* On the curve, in the main subgroup, canonical, not zero. */
bool sov_point_ok(const unsigned char pub[SOV_PUB_LEN]);

/* The number our own keys have: BLAKE2b-64 of the public key. */
void sov_key_number(const unsigned char pub[SOV_PUB_LEN],
                    unsigned char num[SOV_NUM_LEN]);

/* Fill key, whose name becomes ""; num NULL: sov_key_number().  SOV_EDENY
 * for a weak key. */
int sov_pubkey_make(struct sov_pubkey *key,
                    const unsigned char pub[SOV_PUB_LEN],
                    const unsigned char *num,
                    struct sov_err *err) SOV_MUST_CHECK;

/* The base64 of one key, as a policy has it: kind is "ed25519" (32 bytes),
 * "minisign" or "ssh". */
int sov_pubkey_word(struct sov_pubkey *key, struct sov_span kind,
                    struct sov_span text, struct sov_err *err) SOV_MUST_CHECK;

/* ---- secret.c ---- */

/* How often the cost of scrypt may be halved until it fits into memory. */
#define SOV_HALVINGS_MAX 6

/* The secret key that grows from seed (RFC 8032). */
int sov_seckey_seed(sov_seckey **key, const unsigned char seed[SOV_SEED_LEN],
                    struct sov_err *err) SOV_MUST_CHECK;

/* sov_seckey_load() out of memory; path is for messages and the question. */
int sov_seckey_parse(sov_seckey **key, const void *text, size_t len,
                     const char *path, sov_password_fn ask, void *arg,
                     struct sov_err *err) SOV_MUST_CHECK;

/* sov_seckey_text() with the cost of scrypt halved at least so often. */
int sov_seckey_text_at(const sov_seckey *key, const char *password,
                       unsigned halvings, char **text, size_t *len,
                       struct sov_err *err) SOV_MUST_CHECK;

/* The 64 bytes, seed and public key, in guarded memory. */
const unsigned char *sov_seckey_bytes(const sov_seckey *key);

#endif
