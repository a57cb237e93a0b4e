/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mask.c - numbers that only their sum tells
 */
#include "trust/mask.h"

#include "base/le.h"
#include "base/mem.h"
#include "trust/keys.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 512 /* numbers at once: a multiple of 8, a block of ChaCha20 */
#define BLOCK 8
#define LABEL "sov-mask-1"

_Static_assert(crypto_stream_chacha20_KEYBYTES == 32, "a key");

struct sov_mask {
    size_t n, which;
    unsigned char (*key)[32]; /* [n], in guarded memory; its own is unused */
};

int
sov_mask_silos(const struct sov_pubkey *silos, size_t n,
               unsigned char digest[32], struct sov_err *err)
{
    crypto_hash_sha256_state state;
    int rc = sov_trust_init(err);

    if (rc < 0)
        return rc;
    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < n; i++)
        crypto_hash_sha256_update(&state, silos[i].key, SOV_PUB_LEN);
    crypto_hash_sha256_final(&state, digest);
    return 0;
}

static int
find(const sov_seckey *key, const struct sov_pubkey *silos, size_t n,
     size_t *which, struct sov_err *err)
{
    const unsigned char *own = sov_seckey_public(key)->key;

    if (n < 2 || n > SOV_MASK_SILOS)
        return sov_fail(err, SOV_EARG, "%zu silos, not 2 to %d", n,
                        SOV_MASK_SILOS);
    *which = n;
    for (size_t i = 0; i < n; i++) {
        if (memcmp(silos[i].key, own, SOV_PUB_LEN) == 0)
            *which = i;
        for (size_t k = 0; k < i; k++)
            if (memcmp(silos[i].key, silos[k].key, SOV_PUB_LEN) == 0)
                return sov_fail(err, SOV_EARG,
                                "silos %zu and %zu have the same key", k + 1,
                                i + 1);
    }
    return *which < n
               ? 0
               : sov_fail(err, SOV_EARG, "the secret key is that of no silo");
}

/* The key of the stream that this one shares with silo i. */
static int
share(sov_mask *m, const unsigned char secret[32],
      const struct sov_pubkey *silos, size_t i, const unsigned char *salt,
      struct sov_err *err)
{
    const unsigned char *low = silos[i < m->which ? i : m->which].key;
    const unsigned char *high = silos[i < m->which ? m->which : i].key;
    unsigned char other[32], shared[32];
    crypto_generichash_blake2b_state state;

    if (crypto_sign_ed25519_pk_to_curve25519(other, silos[i].key) != 0 ||
        crypto_scalarmult_curve25519(shared, secret, other) != 0)
        return sov_fail(err, SOV_EDENY, "the key of silo %zu is weak", i + 1);
    crypto_generichash_blake2b_init(&state, NULL, 0, 32);
    crypto_generichash_blake2b_update(&state, (const unsigned char *)LABEL,
                                      strlen(LABEL));
    crypto_generichash_blake2b_update(&state, shared, sizeof(shared));
    crypto_generichash_blake2b_update(&state, low, SOV_PUB_LEN);
    crypto_generichash_blake2b_update(&state, high, SOV_PUB_LEN);
    crypto_generichash_blake2b_update(&state, salt, SOV_MASK_SALT);
    crypto_generichash_blake2b_final(&state, m->key[i], 32);
    sodium_memzero(shared, sizeof(shared));
    sodium_memzero(&state, sizeof(state));
    return 0;
}

int
sov_mask_new(sov_mask **mask, const sov_seckey *key,
             const struct sov_pubkey *silos, size_t n,
             const unsigned char salt[SOV_MASK_SALT], size_t *which,
             struct sov_err *err)
{
    sov_mask *m = sov_mem_array(1, sizeof(*m));
    unsigned char *secret;
    int rc = m != NULL ? sov_trust_init(err) : sov_mem_fail(err);

    *mask = NULL;
    if (rc == 0)
        rc = find(key, silos, n, &m->which, err);
    if (rc < 0) {
        free(m);
        return rc;
    }
    m->n = n;
    m->key = sodium_allocarray(n, sizeof(*m->key));
    secret = sodium_malloc(32);
    if (m->key == NULL || secret == NULL ||
        crypto_sign_ed25519_sk_to_curve25519(secret, sov_seckey_bytes(key)))
        rc = sov_mem_fail(err);
    for (size_t i = 0; i < n && rc == 0; i++)
        if (i != m->which)
            rc = share(m, secret, silos, i, salt, err);
    sodium_free(secret);
    if (rc < 0) {
        sov_mask_free(m);
        return rc;
    }
    *which = m->which;
    *mask = m;
    return 0;
}

void
sov_mask_free(sov_mask *m)
{
    if (m == NULL)
        return;
    sodium_free(m->key);
    free(m);
}

/* The stream that is shared with silo i, PIECE numbers of it or fewer. */
static void
add_stream(const sov_mask *m, size_t i, uint64_t at, uint64_t *x, size_t n)
{
    static const unsigned char nonce[crypto_stream_chacha20_NONCEBYTES];
    unsigned char stream[8 * PIECE] = { 0 };

    crypto_stream_chacha20_xor_ic(stream, stream, 8 * n, nonce, at / BLOCK,
                                  m->key[i]);
    for (size_t k = 0; k < n; k++)
        x[k] +=
            m->which < i ? sov_le64(stream + 8 * k) : -sov_le64(stream + 8 * k);
    sodium_memzero(stream, sizeof(stream));
}

void
sov_mask_add(const sov_mask *m, uint64_t at, uint64_t *x, size_t n)
{
    for (size_t k = 0; k < n; k += PIECE) {
        size_t of = n - k < PIECE ? n - k : PIECE;

        for (size_t i = 0; i < m->n; i++)
            if (i != m->which)
                add_stream(m, i, at + k, x + k, of);
    }
}
