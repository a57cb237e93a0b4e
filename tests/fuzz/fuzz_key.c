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

static void
secret_key(const uint8_t *data, size_t size)
{
    sov_seckey *key = NULL;
    sov_seckey *again = NULL;
    unsigned char sig[SOV_SIG_LEN];
    char *text = NULL;
    size_t len = 0;

    if (sov_seckey_parse(&key, data, size, "key", NULL, NULL, NULL) < 0)
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
    static struct sov_pubkey key;
    struct sov_minisig sig;

    if (key.id[0] == '\0' && sov_pubkey_load(&key, bare, NULL) < 0)
        abort();
    if ((sov_minisig_parse(&sig, data, size, NULL) == 0 ||
         sov_signify_parse(&sig, data, size, NULL) == 0) &&
        sov_minisig_check(&sig, &key, "never signed", 12, NULL) == 0)
        abort();
}

static void
keyring(const uint8_t *data, size_t size)
{
    sov_keyring *ring = NULL;
    const struct sov_pubkey *key;

    if (sov_keyring_new(&ring, NULL) < 0)
        return;
    if (sov_keyring_parse(ring, data, size, NULL) == 0) {
        key = sov_keyring_find_num(ring, (const unsigned char *)"12345678",
                                   NULL);
        if (key != NULL && sov_keyring_find(ring, key->id, NULL) == NULL)
            abort();
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
