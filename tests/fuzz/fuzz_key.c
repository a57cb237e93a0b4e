/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_key.c - any bytes as a key file, a signature file or a list of keys
 *
 * What is read as a key is written and read again: it must be the same one.
 */
#include "sov/key.h"
#include "trust/keys.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
public_key(const uint8_t *data, size_t size)
{
    struct sov_pubkey key;
    struct sov_pubkey again;
    char *text = NULL;
    size_t len = 0;

    if (sov_pubkey_parse(&key, data, size, NULL) < 0)
        return;
    if (sov_pubkey_text(&key, &text, &len, NULL) < 0 ||
        sov_pubkey_parse(&again, text, len, NULL) < 0 ||
        strcmp(key.id, again.id) != 0 || memcmp(key.num, again.num, 8) != 0)
        abort();
    free(text);
}

/* Nobody knows the password: what tries one takes a second. */
static int
ask(void *arg, const char *path, int attempt, char *buf, size_t size,
    struct sov_err *err)
{
    (void)arg;
    (void)path;
    (void)attempt;
    memset(buf, 'x', size);
    return sov_fail(err, SOV_EDENY, "nobody knows");
}

static void
secret_key(const uint8_t *data, size_t size)
{
    sov_seckey *key = NULL;
    sov_seckey *again = NULL;
    unsigned char sig[SOV_SIG_LEN];
    char *text = NULL;
    size_t len = 0;

    if (sov_seckey_parse(&key, data, size, "key", ask, NULL, NULL) < 0)
        return;
    if (sov_seckey_text(key, NULL, &text, &len, NULL) < 0 ||
        sov_seckey_parse(&again, text, len, "key", NULL, NULL, NULL) < 0 ||
        sov_sign(again, data, size, sig, NULL) < 0 ||
        !sov_sig_ok(sov_seckey_public(key), data, size, sig))
        abort();
    sov_secret_free(text);
    sov_seckey_free(key);
    sov_seckey_free(again);
}

/* Nobody's signature: it may not hold, whatever it looks like. */
static void
signature(const uint8_t *data, size_t size)
{
    static const char bare[] =
        "RWQ0Ch5oB0KbGCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";
    /* of secret-minisign in the corpus, with which made-* are signed */
    static const char other[] =
        "RWRAI7FiKjx+wotCdSeG+3wNXI16vC6umIuwCQsojvMlLf+pBXXk3+0v";
    static struct sov_pubkey key, signer;
    struct sov_minisig sig;

    if (key.id[0] == '\0' && (sov_pubkey_load(&key, bare, NULL) < 0 ||
                              sov_pubkey_load(&signer, other, NULL) < 0))
        abort();
    if ((sov_minisig_parse(&sig, data, size, NULL) == 0 ||
         sov_signify_parse(&sig, data, size, NULL) == 0) &&
        (sov_minisig_check(&sig, &key, "never signed", 12, NULL) == 0 ||
         sov_minisig_check(&sig, &signer, "never signed", 12, NULL) == 0))
        abort();
    if (sov_minisig_parse(&sig, data, size, NULL) == 0)
        (void)!sov_minisig_check(&sig, &signer, "signed", 6, NULL);
}

static void
keyring(const uint8_t *data, size_t size)
{
    /* of the keys in the corpus */
    static const unsigned char num[] = { 0x34, 0x0a, 0x1e, 0x68,
                                         0x07, 0x42, 0x9b, 0x18 };
    static const char id[] =
        "824c89aa8efb95ef93629b4519599129cace4adac9a6180daba31ceed41ecee6";
    sov_keyring *ring = NULL;
    const struct sov_pubkey *key;

    if (sov_keyring_new(&ring, NULL) < 0)
        return;
    if (sov_keyring_parse(ring, data, size, NULL) == 0) {
        sov_keyring_set_time(ring, 1767323045); /* 2026-01-02 */
        key = sov_keyring_find_num(ring, num, NULL);
        if (key != NULL && sov_keyring_find(ring, key->id, NULL) == NULL)
            abort();
        (void)sov_keyring_find(ring, id, NULL);
    } else if (sov_keyring_count(ring) != 0) {
        abort();
    }
    sov_keyring_free(ring);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    public_key(data, size);
    secret_key(data, size);
    signature(data, size);
    keyring(data, size);
    return 0;
}
