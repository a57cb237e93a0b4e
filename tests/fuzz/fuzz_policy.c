/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_policy.c - any bytes as a policy, as its signatures, as facts
 *
 * A policy is asked about the child of the golden vector: two claims by the keys
 * A and B.  Whatever it says, a refusal names a line of it, and a yes is one of
 * the claims without it as well.
 */
#include "sov/facts.h"
#include "sov/policy.h"
#include "trust/form.h"
#include "trust/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHA "c14d323266498f0fc10d519240b43e273c5f07ce07da53b68e4bb51d3166d330"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char root[] =
    "sov-policy v1\nname acme\nversion 7\n"
    "key a ed25519 A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n"
    "group root any a\n";

/* The golden claims, from make check's or the fuzzer's folder; NULL without. */
static sov_claims *
golden(void)
{
    const char *top = getenv("top_srcdir");
    static char text[1 << 16];
    char path[4096];
    sov_claims *set;
    size_t len;
    FILE *f;

    snprintf(path, sizeof(path), "%s/tests/data/child.gguf.claims.jsonl",
             top != NULL ? top : ".");
    f = fopen(path, "rbe");
    if (f == NULL)
        return NULL;
    len = fread(text, 1, sizeof(text), f);
    fclose(f);
    if (sov_claims_new(&set, NULL) < 0 ||
        sov_claims_read(set, text, len, "golden", NULL) < 0)
        abort();
    return set;
}

static void
add_key(sov_keyring *ring, int first)
{
    unsigned char seed[SOV_SEED_LEN];
    sov_seckey *key;

    for (int i = 0; i < SOV_SEED_LEN; i++)
        seed[i] = (unsigned char)(first + i);
    /* a policy may have as many keys as there may be, or revoke this one */
    if (sov_seckey_seed(&key, seed, NULL) < 0)
        abort();
    if (sov_keyring_add(ring, sov_seckey_public(key), NULL) < 0 &&
        sov_keyring_count(ring) == 0)
        abort();
    sov_seckey_free(key);
}

static void
ask(sov_policy *p)
{
    static sov_claims *set;
    struct sov_claim_file file = { .name = "child.gguf" };
    struct sov_verdict v;
    struct sov_err err = { 0 };
    int rc;

    if (set == NULL && (set = golden()) == NULL)
        return;
    file.digest.has = SOV_HASH_SHA256;
    file.digest.size = 12288;
    if (!sov_hex_parse(SHA, file.digest.sha256))
        abort();
    rc = sov_policy_verify(set, p, &file, 1, &v, &err);
    if ((rc == 0) != (v.answer == SOV_ANSWER_YES) ||
        (rc < 0 && (err.msg[0] == '\0' || strchr(err.msg, '\n') != NULL)) ||
        (v.answer == SOV_ANSWER_POLICY &&
         (rc != SOV_EDENY || v.policy_line == 0)))
        abort();
    for (size_t i = 0; i < sov_claims_count(set); i++)
        (void)sov_policy_allows(p, set, sov_claims_at(set, i));
}

static void
as_policy(const uint8_t *data, size_t size)
{
    char name[SOV_POLICY_NAME + 1] = "";
    struct sov_err err = { 0 };
    sov_policy *p;
    int rc;

    if (sov_policy_new(&p, NULL) < 0)
        abort();
    rc = sov_policy_add(p, data, size, "fuzz", &err);
    if (rc < 0 && (sov_keyring_count(sov_policy_ring(p)) != 0 ||
                   sov_policy_has_rules(p) || err.msg[0] == '\0'))
        abort();
    if ((sov_policy_root_name(data, size, "fuzz", name, NULL) < 0) && rc == 0 &&
        name[0] != '\0')
        abort();
    if (rc == 0) {
        sov_keyring_set_time(sov_policy_ring(p), 1767323045); /* 2026-01-02 */
        (void)sov_policy_digests(p);
        ask(p);
        add_key(sov_policy_ring(p), 0);
        add_key(sov_policy_ring(p), 32);
        ask(p);
    }
    sov_policy_free(p);
}

static void
as_signatures(const uint8_t *data, size_t size)
{
    struct sov_policy_update u = { .where = "fuzz",
                                   .text = root,
                                   .len = sizeof(root) - 1,
                                   .sigs = data,
                                   .sigs_len = size,
                                   .now = 1767323045 };
    char *kept;
    size_t len;

    /* nobody here can sign, but for who made the one seed that is signed */
    if (sov_policy_accept(&u, NULL) == 0)
        abort(); /* it cannot be the last one */
    u.text = data;
    u.len = size;
    u.sigs_len = 0;
    if (sov_policy_accept(&u, NULL) >= 0)
        abort();
    if (sov_policy_sigs_of(root, sizeof(root) - 1, data, size, NULL, &kept,
                           &len, NULL) == 0)
        free(kept);
}

static void
as_facts(const uint8_t *data, size_t size)
{
    struct sov_err err = { 0 };
    const struct sov_param *p;
    sov_facts *f = NULL;
    size_t n;

    if (sov_facts_parse(&f, data, size, &err) < 0) {
        if (f != NULL || err.msg[0] == '\0' || strchr(err.msg, '\n') != NULL)
            abort();
        return;
    }
    p = sov_facts_params(f, &n);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < p[i].n; k++)
            if (sov_fact_wrong(sov_fact_named(p[i].key), p[i].item[k].str) !=
                NULL)
                abort();
    sov_facts_free(f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_policy(data, size);
    as_signatures(data, size);
    as_facts(data, size);
    return 0;
}
