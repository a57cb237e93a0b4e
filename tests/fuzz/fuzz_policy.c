/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_policy.c - any bytes as a policy, as its signatures, as facts
 *
 * A policy is asked about the child of the golden vector: two claims by the keys
 * A and B, of which A has declared facts and B has measured it and done it once
 * more; and about a file that B made of it with an adapter nobody claims.  Whatever it says, a refusal
 * names a line of it.  Signed by A it is asked whether it follows another one.
 */
#include "sov/facts.h"
#include "sov/policy.h"
#include "trust/form.h"
#include "trust/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAF "0c78840c8890b71ad3b166f9b9edc47ffc7e4d2e2eb732ab80fb7e3d857a361f"
#define SHA  "c14d323266498f0fc10d519240b43e273c5f07ce07da53b68e4bb51d3166d330"

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

static sov_seckey *
grow(int first)
{
    unsigned char seed[SOV_SEED_LEN];
    sov_seckey *key;

    for (int i = 0; i < SOV_SEED_LEN; i++)
        seed[i] = (unsigned char)(first + i);
    if (sov_seckey_seed(&key, seed, NULL) < 0)
        abort();
    return key;
}

static void
add_key(sov_keyring *ring, int first)
{
    sov_seckey *key = grow(first);

    /* a policy may have as many keys as there may be */
    if (sov_keyring_add(ring, sov_seckey_public(key), NULL) < 0 &&
        sov_keyring_count(ring) == 0)
        abort();
    sov_seckey_free(key);
}

static void
add_line(sov_claims *set, const struct sov_statement *st, int by)
{
    sov_seckey *key = grow(by);
    char *line;
    size_t len;

    if (sov_claim_make(st, key, &line, &len, NULL, NULL) < 0 ||
        sov_claims_read(set, line, len, "more", NULL) < 0)
        abort();
    free(line);
    sov_seckey_free(key);
}

static void
add_facts(sov_claims *set, const struct sov_resource *of)
{
    static const char text[] =
        "sov-facts v1\nlicense: MIT\njurisdiction: EU\nepoch: 3\n"
        "reviewed_by: a\n";
    struct sov_statement st = { .subject = of,
                                .n_subjects = 1,
                                .predicate_type = SOV_PREDICATE_FACTS,
                                .finished = 1767323000 };
    sov_facts *facts;

    if (sov_facts_parse(&facts, text, sizeof(text) - 1, NULL) < 0)
        abort();
    st.fact = sov_facts_params(facts, &st.n_facts);
    add_line(set, &st, 0);
    sov_facts_free(facts);
}

static void
add_test(sov_claims *set, const struct sov_resource *of)
{
    static const struct sov_param cell[] = {
        { "metric", SOV_PARAM_STR, "ppl", 0, NULL, 0 },
        { "value", SOV_PARAM_STR, "30.5", 0, NULL, 0 },
    };
    static const struct sov_param map = {
        NULL, SOV_PARAM_MAP, NULL, 0, cell, 2
    };
    static const struct sov_param list = {
        "sov_measurements", SOV_PARAM_LIST, NULL, 0, &map, 1
    };
    struct sov_statement st = { .subject = of,
                                .n_subjects = 1,
                                .predicate_type = SOV_PREDICATE_TEST,
                                .configuration = of,
                                .n_configuration = 1,
                                .extra = &list,
                                .n_extra = 1,
                                .finished = 1767323000 };

    add_line(set, &st, 32);
}

/* B has done it once more, of some tensors; A has, and says no. */
static void
add_receipt(sov_claims *set, int by, const char *result)
{
    static const char form[] =
        "{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":{"
        "\"inputAttestations\":[{\"digest\":{\"sha256\":\"" LEAF "\"}}],"
        "\"sov_recompute\":{\"chance_of_1_percent\":\"0.5\"},"
        "\"timeVerified\":\"2026-01-02T03:03:20Z\","
        "\"verificationResult\":\"%s\","
        "\"verifiedLevels\":[\"SOV_RECOMPUTED_SAMPLE\"],"
        "\"verifier\":{\"id\":\"" SOV_RECOMPUTE_VERIFIER "\"}},"
        "\"predicateType\":\"https://slsa.dev/verification_summary/v1\","
        "\"subject\":[{\"digest\":{\"sha256\":\"" SHA "\"},"
        "\"name\":\"child.gguf\"}]}";
    sov_seckey *key = grow(by);
    char text[sizeof(form) + 8], *line;
    size_t len;

    snprintf(text, sizeof(text), form, result);
    if (sov_claim_sign(key, text, strlen(text), &line, &len, NULL, NULL) < 0 ||
        sov_claims_read(set, line, len, "more", NULL) < 0)
        abort();
    free(line);
    sov_seckey_free(key);
}

/* Made of the child by B, with an adapter. */
static void
add_merged(sov_claims *set, const struct sov_resource *child,
           const struct sov_resource *merged)
{
    static const struct sov_param external[] = {
        { "fast", SOV_PARAM_BOOL, NULL, 1, NULL, 0 },
        { "threads", SOV_PARAM_INT, NULL, 2, NULL, 0 },
        { "type", SOV_PARAM_LIST, NULL, 0, NULL, 0 },
    };
    static const struct sov_param value[] = {
        { NULL, SOV_PARAM_STR, "EU", 0, NULL, 0 },
        { NULL, SOV_PARAM_STR, "Apache-2.0", 0, NULL, 0 },
    };
    static const struct sov_param label[] = {
        { "jurisdiction", SOV_PARAM_LIST, NULL, 0, &value[0], 1 },
        { "license", SOV_PARAM_LIST, NULL, 0, &value[1], 1 },
    };
    struct sov_resource dep[2] = { *child, *child };
    struct sov_statement st = { .subject = merged,
                                .n_subjects = 1,
                                .build_type = "urn:sov:buildtype:quantize:v1",
                                .builder = "urn:sov:builder:fuzz:v1",
                                .external = external,
                                .n_external = 3,
                                .dependency = dep,
                                .n_dependencies = 2,
                                .label = label,
                                .n_labels = 2,
                                .finished = 1767323001 };

    dep[0].role = "parent";
    dep[0].claim = LEAF;
    dep[1].role = "adapter";
    add_line(set, &st, 32);
}

static struct sov_resource child = { .name = "child.gguf", .has_size = true };
static struct sov_resource merged = { .name = "merged.gguf" };

/* What there is to be asked about; NULL where the golden claims are not. */
static sov_claims *
all_claims(void)
{
    static sov_claims *set;

    if (set != NULL || (set = golden()) == NULL)
        return set;
    child.digest.has = merged.digest.has = SOV_HASH_SHA256;
    child.digest.size = 12288;
    if (!sov_hex_parse(SHA, child.digest.sha256))
        abort();
    add_facts(set, &child);
    add_test(set, &child);
    add_receipt(set, 32, "PASSED");
    add_receipt(set, 0, "FAILED");
    add_merged(set, &child, &merged);
    return set;
}

static void
ask_about(sov_policy *p, sov_claims *set, const struct sov_resource *of)
{
    struct sov_claim_file file = { .name = of->name, .digest = of->digest };
    struct sov_verdict v;
    struct sov_err err = { 0 };
    int rc = sov_policy_verify(set, p, &file, 1, &v, &err);

    if ((rc == 0) != (v.answer == SOV_ANSWER_YES) ||
        (rc < 0 && (err.msg[0] == '\0' || strchr(err.msg, '\n') != NULL)) ||
        (v.answer == SOV_ANSWER_POLICY &&
         (rc != SOV_EDENY || v.policy_line == 0)))
        abort();
}

static void
ask(sov_policy *p)
{
    sov_claims *set = all_claims();

    if (set == NULL)
        return;
    ask_about(p, set, &child);
    ask_about(p, set, &merged);
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

/* Signed by A, after the other one, and before it. */
static void
as_successor(const uint8_t *data, size_t size)
{
    struct sov_policy_update u = { .where = "fuzz", .now = 1767323045 };
    sov_seckey *key = grow(0);
    char *line;

    if (sov_policy_sign(key, data, size, &line, &u.sigs_len, NULL) < 0)
        abort();
    u.text = data;
    u.len = size;
    u.sigs = line;
    u.before = root;
    u.before_len = sizeof(root) - 1;
    (void)!sov_policy_accept(&u, NULL);
    free(line);
    if (sov_policy_sign(key, root, sizeof(root) - 1, &line, &u.sigs_len, NULL) <
        0)
        abort();
    u.text = root;
    u.len = sizeof(root) - 1;
    u.sigs = line;
    u.before = data;
    u.before_len = size;
    (void)!sov_policy_accept(&u, NULL);
    free(line);
    sov_seckey_free(key);
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
    as_successor(data, size);
    as_facts(data, size);
    return 0;
}
