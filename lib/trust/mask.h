/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mask.h - numbers that only their sum tells
 *
 * Each of n silos adds a mask to its numbers, modulo 2^64, before it gives
 * them away.  The masks of all cancel exactly in the sum, so that who has all
 * learns that, and of a single silo's numbers nothing (K. Bonawitz and others,
 * "Practical Secure Aggregation", 2017, without what makes up for silos that
 * do not come).  Two silos i < j share a secret, and
 *
 *     mask of i = sum over j > i of stream(i, j) - sum over j < i of it
 *     stream    = ChaCha20, little-endian u64, nonce 0, of the key
 *                 BLAKE2b-256("sov-mask-1" | X25519(i, j) | key i | key j |
 *                 salt)
 *
 * The X25519 keys are those of the Ed25519 keys that silos sign with, i and j
 * their places in a list that all have in the same order.  A salt is for one
 * set of numbers: of two with the same, their difference can be told.
 *
 * What the sum tells is not hidden, nor is a silo from all others together.
 */
#ifndef SOV_TRUST_MASK_H
#define SOV_TRUST_MASK_H

#include "sov/err.h"
#include "sov/key.h"

#include <stddef.h>
#include <stdint.h>

#define SOV_MASK_SALT  32
#define SOV_MASK_SILOS 256 /* at most */

typedef struct sov_mask sov_mask;

/* All silos are different, 2 or more, and key is that of one of them, *which
 * from 0.  What is borrowed is not needed behind this. */
int sov_mask_new(sov_mask **m, const sov_seckey *key,
                 const struct sov_pubkey *silos, size_t n,
                 const unsigned char salt[SOV_MASK_SALT], size_t *which,
                 struct sov_err *err) SOV_MUST_CHECK;
void sov_mask_free(sov_mask *m);

/* x[n], numbers at .. at + n - 1 of all, += the mask, modulo 2^64.  at is a
 * multiple of 8. */
void sov_mask_add(const sov_mask *m, uint64_t at, uint64_t *x, size_t n);

/* Which silos, in which order: a digest of the list. */
int sov_mask_silos(const struct sov_pubkey *silos, size_t n,
                   unsigned char digest[32],
                   struct sov_err *err) SOV_MUST_CHECK;

#endif
