/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign.c - Ed25519 signatures (RFC 8032)
 *
 * A signature is valid for one message and one key only if nothing about it
 * could have been written another way: the key and R are canonical points of
 * large order, and S is below the order of the group.  libsodium refuses the
 * rest of RFC 8032's freedom by itself; tests/unit/t_trust_keys.c holds it to
 * that with a vector for each.
 */
#include "trust/keys.h"

#include <sodium.h>

_Static_assert(SOV_SIG_LEN == crypto_sign_BYTES, "a signature");

int
sov_sign(const sov_seckey *key, const void *msg, size_t len,
         unsigned char sig[SOV_SIG_LEN], struct sov_err *err)
{
    int rc = sov_trust_init(err);

    if (rc < 0)
        return rc;
    if (crypto_sign_detached(sig, NULL, msg, len, sov_seckey_bytes(key)) != 0)
        return sov_fail(err, SOV_EUNSUP, "libsodium does not sign");
    return 0;
}

bool
sov_sig_ok(const struct sov_pubkey *key, const void *msg, size_t len,
           const unsigned char sig[SOV_SIG_LEN])
{
    return sov_trust_init(NULL) == 0 && !sodium_is_zero(sig, SOV_SIG_LEN) &&
           crypto_sign_verify_detached(sig, msg, len, key->key) == 0;
}
