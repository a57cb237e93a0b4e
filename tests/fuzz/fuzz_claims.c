/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_claims.c - any bytes as claims of a model, and as a signed payload
 *
 * The ring believes the keys A and B of the golden vector, and the model is
 * its child.gguf.  Nobody here can sign as they did, so a yes to any bytes is
 * a yes to the one claim they made about it, and anything else is a forgery.
 */
#include "sov/claim.h"
#include "trust/keys.h"
#include "trust/statement.h"

#include <stdlib.h>
#include <string.h>

#define LEAF "0c78840c8890b71ad3b166f9b9edc47ffc7e4d2e2eb732ab80fb7e3d857a361f"
#define SHA  "c14d323266498f0fc10d519240b43e273c5f07ce07da53b68e4bb51d3166d330"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sov_keyring *
ring_of_two(void)
{
    sov_keyring *ring;

    if (sov_keyring_new(&ring, NULL) < 0)
        abort();
    for (int first = 0; first <= 32; first += 32) {
        unsigned char seed[SOV_SEED_LEN];
        sov_seckey *key;

        for (int i = 0; i < SOV_SEED_LEN; i++)
            seed[i] = (unsigned char)(first + i);
        if (sov_seckey_seed(&key, seed, NULL) < 0 ||
            sov_keyring_add(ring, sov_seckey_public(key), NULL) < 0)
            abort();
        sov_seckey_free(key);
    }
    return ring;
}

/* A failure says why, in one line. */
static void
check_err(int rc, const struct sov_err *err)
{
    if (rc < 0 && (err->rc != (enum sov_rc)rc || err->msg[0] == '\0' ||
                   strchr(err->msg, '\n') != NULL))
        abort();
}

static void
try_verify(sov_claims *set, const struct sov_claim_file *file, size_t n)
{
    static sov_keyring *ring;
    struct sov_verdict v;
    struct sov_err err;
    int rc;

    if (ring == NULL)
        ring = ring_of_two();
    rc = sov_claims_verify(set, ring, file, n, &v, &err);
    check_err(rc, &err);
    if ((rc == 0) != (v.answer == SOV_ANSWER_YES))
        abort();
    if (rc == 0 && (n != 1 || strcmp(v.leaf->id, LEAF) != 0 ||
                    v.leaf->trust != SOV_TRUST_GOOD || v.n_chain != 2))
        abort();
}

static void
try_ancestry(const sov_claims *set)
{
    struct sov_param *label;
    struct sov_err err;
    size_t len, n;
    char *text;
    int rc = sov_claims_ancestry(set, NULL, 0, &text, &len, &err);

    check_err(rc, &err);
    if (rc == 0) { /* ancestors first: the same lines, once more */
        sov_claims *again;

        if (sov_claims_new(&again, NULL) < 0 ||
            sov_claims_read(again, text, len, "again", NULL) < 0 ||
            sov_claims_count(again) != sov_claims_count(set))
            abort();
        sov_claims_free(again);
        free(text);
    }
    for (size_t i = 0; i < sov_claims_count(set); i++) {
        const char *id = sov_claims_at(set, i)->id;

        if (sov_claims_labels(set, &id, 1, NULL, 0, &label, &n, NULL) < 0)
            abort();
        free(label);
    }
}

static void
as_claims(const uint8_t *data, size_t size)
{
    struct sov_claim_file file[2] = { { .name = "child.gguf" },
                                      { .name = "parent.gguf" } };
    struct sov_err err;
    sov_claims *set;
    int rc;

    if (sov_claims_new(&set, NULL) < 0)
        abort();
    rc = sov_claims_read(set, data, size, "fuzz", &err);
    check_err(rc, &err);
    if (rc < 0 && sov_claims_count(set) != 0)
        abort();
    file[0].digest.has = file[1].digest.has = SOV_HASH_SHA256;
    file[0].digest.size = 12288;
    if (!sov_hex_parse(SHA, file[0].digest.sha256))
        abort();
    try_verify(set, file, 1);
    try_verify(set, file, 2);
    file[0].any_name = true;
    try_verify(set, file, 1);
    try_ancestry(set);
    sov_claims_free(set);
}

/* What is read can be said, if it is ours; what is said is said once. */
static void
as_payload(const uint8_t *data, size_t size)
{
    struct sov_pool pool[2] = { { 0 }, { 0 } };
    struct sov_span in = { data, size };
    struct sov_statement st[2];
    char *text[2] = { NULL, NULL };
    json_t *json[2] = { NULL, NULL };
    struct sov_err err;
    size_t len[2];
    int rc;

    rc = sov_statement_parse(in, 4096, &pool[0], &json[0], &st[0], &err);
    check_err(rc, &err);
    if (rc == 0 && (st[0].builder != NULL || sov_statement_is_test(&st[0]))) {
        rc = sov_statement_text(&st[0], &text[0], &len[0], &err);
        check_err(rc, &err);
        if (rc == 0) {
            in.p = (const unsigned char *)text[0];
            in.len = len[0];
            if (sov_statement_parse(in, SIZE_MAX, &pool[1], &json[1], &st[1],
                                    NULL) < 0 ||
                sov_statement_text(&st[1], &text[1], &len[1], NULL) < 0 ||
                len[0] != len[1] || memcmp(text[0], text[1], len[0]) != 0)
                abort();
        }
    }
    for (int i = 0; i < 2; i++) {
        free(text[i]);
        json_decref(json[i]);
        sov_pool_free(&pool[i]);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_claims(data, size);
    as_payload(data, size);
    return 0;
}
