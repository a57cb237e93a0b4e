/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_oms.c - any bytes as a key of ECDSA, as a model.sig, and as what was
 * signed in one
 *
 * A model.sig can hold only if it is the one of the corpus that this key has
 * signed; what its payload says is looked at without a signature, too.
 */
#include "sov/oms.h"
#include "trust/oms.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of the example in the reference implementation of OMS, v1.1.0. */
static const char pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEsu6rZGBTjxtvRWPMixT+3HyndV0J0Ybt\n"
    "aHZUcO4DEK+OJHO/4e32bb/fbJKSpRgcBsIpKLcVijUomyFOERbd7u+BTPSUjGZD\n"
    "Qq6J7lTvp/EAXQGOKxW9RP0MGX3qAkvi\n"
    "-----END PUBLIC KEY-----\n";

static void
look(const sov_oms *oms)
{
    size_t n = sov_oms_files(oms);
    struct sov_oms_file *file = calloc(n, sizeof(*file));

    if (file == NULL)
        return;
    if (n == 0 || strlen(sov_oms_name(oms)) > (1 << 24))
        abort();
    for (size_t i = 0; i < n; i++) {
        file[i] = *sov_oms_file(oms, i);
        if (strstr(file[i].name, "../") == file[i].name)
            abort();
        (void)sov_oms_ignores(oms, file[i].name);
    }
    (void)!sov_oms_check(oms, file, n, false, NULL);
    (void)!sov_oms_check(oms, file, n, true, NULL);
    file[0].sha256[0] ^= 1;
    if (!sov_oms_ignores(oms, file[0].name) &&
        sov_oms_check(oms, file, n, true, NULL) == 0)
        abort();
    free(file);
}

static void
keys(const uint8_t *data, size_t size)
{
    for (int secret = 0; secret < 2; secret++) {
        sov_eckey *key = NULL;

        if (sov_eckey_parse(&key, data, size, secret != 0, NULL) == 0 &&
            key != NULL &&
            (strlen(sov_eckey_hint(key)) != 64 ||
             strncmp(sov_eckey_curve(key), "P-", 2) != 0))
            abort();
        if (key != NULL && secret) {
            static const struct sov_oms_file one = { .name = "a" };
            sov_oms *oms = NULL;
            char *text = NULL;
            size_t len;

            if (sov_oms_make(key, "m", &one, 1, NULL, 0, &text, &len, NULL) <
                    0 ||
                sov_oms_open(&oms, text, len, key, NULL) < 0 ||
                sov_oms_check(oms, &one, 1, true, NULL) < 0)
                abort();
            sov_oms_free(oms);
            free(text);
        }
        sov_eckey_free(key);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sov_eckey *key;
    sov_oms *oms = NULL;

    if (key == NULL &&
        sov_eckey_parse(&key, pem, sizeof(pem) - 1, false, NULL) < 0)
        return 0; /* a build without nettle */
    keys(data, size);
    if (sov_oms_open(&oms, data, size, key, NULL) == 0)
        look(oms);
    sov_oms_free(oms);
    oms = NULL;
    if (sov_oms_read(&oms, data, size, NULL) == 0)
        look(oms);
    sov_oms_free(oms);
    return 0;
}
