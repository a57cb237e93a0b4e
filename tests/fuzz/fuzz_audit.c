/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_audit.c - any bytes as an audit log
 *
 * The ring believes key A of the tests, whose logs the corpus has.  Nobody here
 * can sign, so a log that is found intact ends in one of A's seals, and what is
 * before it is a log whose lines fit together: each line that was read begins
 * with its number.
 */
#include "trust/audit.h"
#include "trust/keys.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sov_keyring *
ring_of_one(void)
{
    unsigned char seed[SOV_SEED_LEN];
    sov_keyring *ring;
    sov_seckey *key;

    for (int i = 0; i < SOV_SEED_LEN; i++)
        seed[i] = (unsigned char)i;
    if (sov_keyring_new(&ring, NULL) < 0 ||
        sov_seckey_seed(&key, seed, NULL) < 0 ||
        sov_keyring_add(ring, sov_seckey_public(key), NULL) < 0)
        abort();
    sov_seckey_free(key);
    return ring;
}

static void
check_facts(int rc, const struct sov_audit_facts *f, size_t size)
{
    if (rc == 0 && (f->sealed != f->lines || f->seals == 0))
        abort();
    if (f->lines > size || f->runs > f->lines || f->open > f->runs)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sov_keyring *ring;
    struct sov_audit_facts f;
    struct sov_err err = { 0 };
    int rc;

    if (ring == NULL)
        ring = ring_of_one();
    rc = sov_audit_check_text("log", data, size, ring, &f, &err);
    if (rc != 0 && ((rc != SOV_ENO && rc != SOV_EDENY) || err.msg[0] == '\0' ||
                    strchr(err.msg, '\n') != NULL))
        abort();
    check_facts(rc, &f, size);
    rc = sov_audit_check_text("log", data, size, NULL, &f, NULL);
    if (rc == 0 && size > 0 && data[size - 1] != '\n')
        abort();
    return 0;
}
