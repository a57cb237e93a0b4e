/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecdsa.c - ECDSA on the curves of NIST, by nettle
 *
 * The digest is the one that goes with the curve: SHA-256, SHA-384, SHA-512.
 * nettle keeps secrets in ordinary memory while it works, and wipes nothing:
 * these keys sign model.sig alone, and never a claim.
 */
#include "trust/ecdsa.h"

#include "trust/keys.h"

#include <nettle/bignum.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecc.h>
#include <nettle/ecdsa.h>
#include <nettle/sha2.h>
#include <string.h>

#define DIGEST_MAX 64

static const size_t lengths[SOV_CURVES] = { 32, 48, 66 };

size_t
sov_ec_len(enum sov_curve curve)
{
    return lengths[curve];
}

static const struct ecc_curve *
find(enum sov_curve curve)
{
    switch (curve) {
    case SOV_P256:
        return nettle_get_secp_256r1();
    case SOV_P384:
        return nettle_get_secp_384r1();
    default:
        return nettle_get_secp_521r1();
    }
}

static size_t
digest(enum sov_curve curve, const void *msg, size_t len,
       unsigned char out[DIGEST_MAX])
{
    union {
        struct sha256_ctx a;
        struct sha512_ctx b;
    } h;

    switch (curve) {
    case SOV_P256:
        sha256_init(&h.a);
        sha256_update(&h.a, len, msg);
        sha256_digest(&h.a, 32, out);
        return 32;
    case SOV_P384:
        sha384_init(&h.b);
        sha384_update(&h.b, len, msg);
        sha384_digest(&h.b, 48, out);
        return 48;
    default:
        sha512_init(&h.b);
        sha512_update(&h.b, len, msg);
        sha512_digest(&h.b, 64, out);
        return 64;
    }
}

static bool
set_point(struct ecc_point *p, size_t n, const unsigned char *x,
          const unsigned char *y)
{
    mpz_t a, b;
    bool ok;

    nettle_mpz_init_set_str_256_u(a, n, x);
    nettle_mpz_init_set_str_256_u(b, n, y);
    ok = ecc_point_set(p, a, b) == 1;
    mpz_clear(a);
    mpz_clear(b);
    return ok;
}

int
sov_ec_point(enum sov_curve curve, const unsigned char *x,
             const unsigned char *y, struct sov_err *err)
{
    struct ecc_point p;
    bool ok;

    ecc_point_init(&p, find(curve));
    ok = set_point(&p, lengths[curve], x, y);
    ecc_point_clear(&p);
    return ok ? 0
              : sov_fail(err, SOV_EDENY, "the key is no point of its curve");
}

static bool
set_scalar(struct ecc_scalar *k, size_t n, const unsigned char *secret)
{
    mpz_t z;
    bool ok;

    nettle_mpz_init_set_str_256_u(z, n, secret);
    ok = ecc_scalar_set(k, z) == 1;
    mpz_clear(z);
    return ok;
}

int
sov_ec_public(enum sov_curve curve, const unsigned char *secret,
              unsigned char *x, unsigned char *y, struct sov_err *err)
{
    size_t n = lengths[curve];
    struct ecc_scalar k;
    struct ecc_point p;
    mpz_t a, b;
    bool ok;

    ecc_scalar_init(&k, find(curve));
    ecc_point_init(&p, find(curve));
    mpz_init(a);
    mpz_init(b);
    ok = set_scalar(&k, n, secret);
    if (ok) {
        ecc_point_mul_g(&p, &k);
        ecc_point_get(&p, a, b);
        nettle_mpz_get_str_256(n, x, a);
        nettle_mpz_get_str_256(n, y, b);
    }
    mpz_clear(a);
    mpz_clear(b);
    ecc_point_clear(&p);
    ecc_scalar_clear(&k);
    return ok ? 0
              : sov_fail(err, SOV_EDENY,
                         "the secret key is out of its curve's range");
}

int
sov_ec_verify(enum sov_curve curve, const unsigned char *x,
              const unsigned char *y, const void *msg, size_t len,
              const unsigned char *r, const unsigned char *s,
              struct sov_err *err)
{
    size_t n = lengths[curve];
    unsigned char hash[DIGEST_MAX];
    size_t hash_len = digest(curve, msg, len, hash);
    struct dsa_signature sig;
    struct ecc_point p;
    bool ok;

    ecc_point_init(&p, find(curve));
    dsa_signature_init(&sig);
    nettle_mpz_set_str_256_u(sig.r, n, r);
    nettle_mpz_set_str_256_u(sig.s, n, s);
    ok = set_point(&p, n, x, y) && ecdsa_verify(&p, hash_len, hash, &sig) == 1;
    dsa_signature_clear(&sig);
    ecc_point_clear(&p);
    return ok ? 0 : sov_fail(err, SOV_ENO, "the signature is not by this key");
}

static void
draw(void *ctx, size_t len, uint8_t *out)
{
    (void)ctx;
    sov_trust_random(out, len);
}

int
sov_ec_sign(enum sov_curve curve, const unsigned char *secret, const void *msg,
            size_t len, unsigned char *r, unsigned char *s, struct sov_err *err)
{
    size_t n = lengths[curve];
    unsigned char hash[DIGEST_MAX];
    size_t hash_len = digest(curve, msg, len, hash);
    struct dsa_signature sig;
    struct ecc_scalar k;
    int rc = sov_trust_init(err);

    if (rc < 0)
        return rc;
    ecc_scalar_init(&k, find(curve));
    dsa_signature_init(&sig);
    if (set_scalar(&k, n, secret)) {
        ecdsa_sign(&k, NULL, draw, hash_len, hash, &sig);
        nettle_mpz_get_str_256(n, r, sig.r);
        nettle_mpz_get_str_256(n, s, sig.s);
    } else {
        rc = sov_fail(err, SOV_EDENY,
                      "the secret key is out of its curve's range");
    }
    dsa_signature_clear(&sig);
    ecc_scalar_clear(&k);
    return rc;
}
