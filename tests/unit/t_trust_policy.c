/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_trust_policy.c - unit tests of lib/trust: policies, their rules
 *
 * Ada holds key 0, Bob 32, Carol 64, Dave 96.  Models are files whose bytes are
 * their names; in the story that is told, Ada imported base, Bob quantized it
 * to small.
 */
#include "claim_make.h"
#include "unit.h"

#include "base/limits.h"
#include "sov/facts.h"
#include "sov/policy.h"
#include "trust/armor.h"
#include "trust/form.h"
#include "trust/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD      "sov-policy v1\nname acme\nversion 1\n"
#define IMPORTS   "urn:sov:buildtype:import:v1"
#define QUANTIZES "urn:sov:buildtype:quantize:v1"

enum { ADA = 0, BOB = 32, CAROL = 64, DAVE = 96 };

/* ---- policies of text */

/* "key NAME ed25519 ..." of the four. */
static void
put_keys(char *out, size_t size)
{
    static const char *const names[] = { "ada", "bob", "carol", "dave" };
    size_t at = 0;

    for (int i = 0; i < 4; i++) {
        sov_seckey *key = grow((unsigned char)(32 * i));
        char text[SOV_BASE64_LEN(32) + 1];

        sov_base64_encode(sov_seckey_public(key)->key, 32, text);
        at += (size_t)snprintf(out + at, size - at, "key %s ed25519 %s\n",
                               names[i], text);
        sov_seckey_free(key);
    }
}

static int
add(sov_policy *p, const char *rules, struct sov_err *err)
{
    static char text[65536];

    strcpy(text, HEAD);
    put_keys(text + strlen(text), sizeof(text) - strlen(text));
    ck_assert_uint_lt(strlen(text) + strlen(rules), sizeof(text));
    strcat(text, rules);
    return sov_policy_add(p, text, strlen(text), "acme.policy", err);
}

static sov_policy *
policy_of(const char *rules)
{
    struct sov_err err = { 0 };
    sov_policy *p = NULL;

    ck_assert_int_eq(sov_policy_new(&p, NULL), 0);
    if (add(p, rules, &err) < 0)
        ck_abort_msg("%s", err.msg);
    sov_keyring_set_time(sov_policy_ring(p), 1800000000);
    return p;
}

/* ---- stories: lines of claims */

struct story {
    char text[1 << 16];
    char id[8][65]; /* of its claims */
    size_t n;
};

/* NAME, made as it was from PARENT (claim number at), signed by key. */
struct step {
    const char *name;
    const char *type;
    const char *parent[3]; /* names */
    const char *role[3];   /* NULL: parent */
    int at[3];             /* numbers of their claims; -1: none */
    const char *license, *place;
    const char *param, *value;
    int64_t when;
    bool no_verity;
};

static void
put_line(struct story *s, const struct sov_statement *st, unsigned char by)
{
    sov_seckey *key = grow(by);
    struct sov_err err = { 0 };
    char *line;
    size_t len;

    if (sov_claim_make(st, key, &line, &len, s->id[s->n++], &err) < 0)
        ck_abort_msg("%s", err.msg);
    ck_assert_uint_lt(strlen(s->text) + len, sizeof(s->text));
    strcat(s->text, line);
    free(line);
    sov_seckey_free(key);
}

static void
tell(struct story *s, const struct step *c, unsigned char by)
{
    struct sov_resource subject = { .name = c->name, .has_size = true };
    struct sov_resource dep[3] = { { 0 } };
    struct sov_param value[2] = { { .kind = SOV_PARAM_STR, .str = c->place },
                                  { .kind = SOV_PARAM_STR,
                                    .str = c->license } };
    struct sov_param label[2];
    struct sov_param external = { .key = c->param,
                                  .kind = SOV_PARAM_STR,
                                  .str = c->value };
    struct sov_statement st = {
        .subject = &subject,
        .n_subjects = 1,
        .build_type = c->type,
        .builder = "urn:sov:builder:test:v1",
        .dependency = dep,
        .label = label,
        .external = &external,
        .n_external = c->param != NULL,
        .finished = c->when,
    };

    subject.digest = digest_of(c->name, strlen(c->name));
    if (c->no_verity)
        subject.digest.has = SOV_HASH_SHA256;
    if (c->place != NULL)
        label[st.n_labels++] = (struct sov_param){ .key = "jurisdiction",
                                                   .kind = SOV_PARAM_LIST,
                                                   .item = &value[0],
                                                   .n = 1 };
    if (c->license != NULL)
        label[st.n_labels++] = (struct sov_param){
            .key = "license", .kind = SOV_PARAM_LIST, .item = &value[1], .n = 1
        };
    for (int i = 0; i < 3 && c->parent[i] != NULL; i++) {
        dep[i].name = c->parent[i];
        dep[i].digest = digest_of(c->parent[i], strlen(c->parent[i]));
        dep[i].has_size = true;
        dep[i].role = c->role[i] != NULL ? c->role[i] : "parent";
        dep[i].claim = c->at[i] >= 0 ? s->id[c->at[i]] : NULL;
        st.n_dependencies++;
    }
    put_line(s, &st, by);
}

static void
declare(struct story *s, const char *name, const char *facts, int64_t when,
        unsigned char by)
{
    struct sov_resource subject = { .name = name, .has_size = true };
    struct sov_statement st = { .subject = &subject,
                                .n_subjects = 1,
                                .predicate_type = SOV_PREDICATE_FACTS,
                                .finished = when };
    char text[1000];
    sov_facts *f = NULL;

    subject.digest = digest_of(name, strlen(name));
    snprintf(text, sizeof(text), "sov-facts v1\n%s", facts);
    ck_assert_int_eq(sov_facts_parse(&f, text, strlen(text), NULL), 0);
    st.fact = sov_facts_params(f, &st.n_facts);
    put_line(s, &st, by);
    sov_facts_free(f);
}

static void
measure(struct story *s, const char *name, enum sov_test result,
        const char *value, int64_t when, unsigned char by)
{
    struct sov_resource subject = { .name = name, .has_size = true };
    struct sov_resource tool = { .name = "sov-bench", .role = "tool" };
    struct sov_param cell[2] = {
        { .key = "metric", .kind = SOV_PARAM_STR, .str = "ppl" },
        { .key = "value", .kind = SOV_PARAM_STR, .str = value }
    };
    struct sov_param map = { .kind = SOV_PARAM_MAP, .item = cell, .n = 2 };
    struct sov_param list = {
        .key = "sov_measurements", .kind = SOV_PARAM_LIST, .item = &map, .n = 1
    };
    struct sov_statement st = { .subject = &subject,
                                .n_subjects = 1,
                                .predicate_type = SOV_PREDICATE_TEST,
                                .result = result,
                                .configuration = &tool,
                                .n_configuration = 1,
                                .extra = &list,
                                .n_extra = 1,
                                .finished = when };

    subject.digest = digest_of(name, strlen(name));
    tool.digest = digest_of("tool", 4);
    put_line(s, &st, by);
}

/* A receipt about claim number `of` of the story, which is about NAME. */
struct receipt {
    int of;
    const char *name, *result, *level, *chance, *verifier;
    const char *when; /* "2026-01-01" */
};

static void
receive(struct story *s, struct receipt r, unsigned char by)
{
    struct sov_digest d = digest_of(r.name, strlen(r.name));
    sov_seckey *key = grow(by);
    char text[2000], hex[65], *line;
    struct sov_err err = { 0 };
    size_t len;

    sov_hex_text(d.sha256, hex);
    snprintf(text, sizeof(text),
             "{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":{"
             "\"inputAttestations\":[{\"digest\":{\"sha256\":\"%s\"}}],"
             "\"sov_recompute\":{\"chance_of_1_percent\":\"%s\"},"
             "\"timeVerified\":\"%sT00:00:00Z\","
             "\"verificationResult\":\"%s\",\"verifiedLevels\":[\"%s\"],"
             "\"verifier\":{\"id\":\"%s\"}},"
             "\"predicateType\":\"https://slsa.dev/verification_summary/v1\","
             "\"subject\":[{\"digest\":{\"sha256\":\"%s\"},"
             "\"name\":\"%s\"}]}",
             s->id[r.of], r.chance != NULL ? r.chance : "0.25",
             r.when != NULL ? r.when : "2023-11-14",
             r.result != NULL ? r.result : "PASSED",
             r.level != NULL ? r.level : "SOV_RECOMPUTED_ALL",
             r.verifier != NULL ? r.verifier : SOV_RECOMPUTE_VERIFIER, hex,
             r.name);
    if (sov_claim_sign(key, text, strlen(text), &line, &len, s->id[s->n++],
                       &err) < 0)
        ck_abort_msg("%s", err.msg);
    ck_assert_uint_lt(strlen(s->text) + len, sizeof(s->text));
    strcat(s->text, line);
    free(line);
    sov_seckey_free(key);
}

static const struct step base = {
    .name = "base",
    .type = IMPORTS,
    .license = "MIT",
    .place = "EU",
    .when = 1700000000,
};
static const struct step small = {
    .name = "small",
    .type = QUANTIZES,
    .parent = { "base" },
    .license = "MIT",
    .place = "EU",
    .param = "type",
    .value = "q4_k_m",
    .when = 1700000100,
};

static struct story *
told(void)
{
    struct story *s = calloc(1, sizeof(*s));

    ck_assert_ptr_nonnull(s);
    tell(s, &base, ADA);
    tell(s, &small, BOB);
    return s;
}

/* ---- asking */

/* The answer of some policies to a story about NAME, and what was said. */
static int
ask_about(const struct story *s, const char *name, sov_policy *p,
          struct sov_verdict *v, struct sov_err *err)
{
    struct sov_claim_file file = small_file(name);
    sov_claims *set = set_of(s->text, strlen(s->text));
    int rc = sov_policy_verify(set, p, &file, 1, v, err);

    ck_assert_int_eq(rc == 0, v->answer == SOV_ANSWER_YES);
    sov_claims_free(set);
    return rc;
}

/* yes, or the part of the message that is given */
static void
holds_at(int line, const struct story *s, const char *rules, const char *no)
{
    sov_policy *p = policy_of(rules);
    struct sov_err err = { 0 };
    struct sov_verdict v;
    int rc = ask_about(s, "small", p, &v, &err);

    if (no == NULL) {
        if (rc != 0)
            ck_abort_msg("line %d: %s", line, err.msg);
    } else {
        ck_assert_msg(rc == SOV_EDENY, "line %d: %d, %s", line, rc, err.msg);
        ck_assert_msg(v.answer == SOV_ANSWER_POLICY, "line %d: %d", line,
                      v.answer);
        ck_assert_msg(strstr(err.msg, no) != NULL, "line %d: %s", line,
                      err.msg);
        ck_assert_msg(strstr(err.msg, "policy acme, line ") != NULL &&
                          strchr(err.msg, ';') != NULL,
                      "line %d: says not what to do: %s", line, err.msg);
        ck_assert_uint_gt(v.policy_line, 7);
    }
    sov_policy_free(p);
}

#define yes(s, rules)    holds_at(__LINE__, s, rules, NULL)
#define no(s, rules, by) holds_at(__LINE__, s, rules, by)

/* ---- reading */

START_TEST(a_policy_with_anything_else_in_it_is_refused)
{
    static const struct {
        const char *rules, *why;
    } bad[] = {
        { "group\n", "line 8: \"group NAME" },
        { "group g any nobody\n", "has the name: nobody" },
        { "group g any ada ada\n", "count twice" },
        { "group g any ada\ngroup h any bob g ada\n", "count twice" },
        { "group g any ada\ngroup h any g bob\ngroup i all h ada\n", "twice" },
        { "group g 3 ada bob\n", "up to 2: 3" },
        { "group g 0 ada\n", "needs nobody" },
        { "group g some ada\n", "some" },
        { "group ada any bob\n", "taken" },
        { "group g any ada\ngroup g any bob\n", "line 9" },
        { "allow quantize\n", "\"allow WHAT GROUP\"" },
        { "allow quantize nobody\n", "has the name: nobody" },
        { "require tea ada\n", "required: tea" },
        { "require bench ada within\n", "within DAYS" },
        { "require bench ada for 7\n", "for" },
        { "require bench ada within 0\n", "no days" },
        { "recomputed model ada\n", "recomputed WHAT GROUP" },
        { "recomputed model nobody all\n", "has the name: nobody" },
        { "recomputed model ada some\n", "up to 1: some" },
        { "recomputed model ada 0\n", "up to 1: 0" },
        { "recomputed model ada 1.1\n", "up to 1: 1.1" },
        { "recomputed model ada -0.5\n", "up to 1: -0.5" },
        { "recomputed model ada all within\n", "within DAYS" },
        { "recomputed model ada all for 7\n", "for" },
        { "recomputed model ada all within 0\n", "no days" },
        { "bench ppl under 7\n", "under" },
        { "bench ppl max x\n", "not a number: x" },
        { "lineage\n", "lineage complete" },
        { "lineage perhaps\n", "lineage complete" },
        { "lineage complete\nlineage complete\n", "once" },
        { "lineage max-depth x\n", "x" },
        { "license allow Apache/2\n", "Apache/2" },
        { "license unknown maybe\n", "maybe" },
        { "jurisdiction allow Europe\n", "Europe" },
        { "param quantize allow q8_0\n", "quantize" },
        { "param .type allow q8_0\n", ".type" },
        { "param quantize.type deny q8_0\n", "deny" },
        { "digest require md5\n", "md5" },
        { "time flies\n", "flies" },
        { "revoke claim 12\n", "12" },
        { "revoke key " ID_A " since then\n", "then" },
        { "revoke key " ID_A " from 2026-01-01\n", "from" },
        { "recall digest md5:12\n", "md5:12" },
        { "recall digest sha256:12\n", "sha256:12" },
        { "min-epoch -1\n", "-1" },
        { "min-epoch 1\nmin-epoch 1\n", "once" },
        { "replay sample 64\n", "unknown directive: replay" },
        { "allow a ada\nallow b ada", "newline" },
        { "key eve ed25519 A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n"
          "allow import eve\n",
          "eve and ada have the same key" },
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sov_err err = { 0 };
        sov_policy *p;

        ck_assert_int_eq(sov_policy_new(&p, NULL), 0);
        ck_assert_msg(add(p, bad[i].rules, &err) == SOV_EDENY, "%s",
                      bad[i].rules);
        ck_assert_msg(strstr(err.msg, bad[i].why) != NULL &&
                          strstr(err.msg, "acme.policy: line") != NULL,
                      "%s: %s", bad[i].rules, err.msg);
        ck_assert_uint_eq(sov_keyring_count(sov_policy_ring(p)), 0);
        ck_assert(!sov_policy_has_rules(p));
        sov_policy_free(p);
    }
}
END_TEST

START_TEST(a_policy_has_limits)
{
    struct sov_err err = { 0 };
    char *text = calloc(1, 60000);
    sov_policy *p;

    ck_assert_int_eq(sov_policy_new(&p, NULL), 0);
    strcpy(text, "group g any");
    for (int i = 0; i < 65; i++)
        strcat(text, " ada");
    strcat(text, "\n");
    ck_assert_int_eq(add(p, text, &err), SOV_EDENY);
    ck_assert_ptr_nonnull(strstr(err.msg, "64"));
    strcpy(text, "license allow");
    for (int i = 0; i < 260; i++)
        strcat(text, " MIT");
    strcat(text, "\n");
    ck_assert_int_eq(add(p, text, &err), SOV_EDENY);
    text[0] = '\0';
    for (int i = 0; i <= SOV_POLICY_GROUPS; i++)
        sprintf(text + strlen(text), "group g%d any ada\n", i);
    ck_assert_int_eq(add(p, text, &err), SOV_EDENY);
    ck_assert_ptr_nonnull(strstr(err.msg, "256 groups"));
    text[0] = '\0';
    for (int i = 0; i < SOV_POLICY_GROUPS; i++)
        sprintf(text + strlen(text), "group g%d any ada\n", i);
    ck_assert_int_eq(add(p, text, &err), 0);
    sov_policy_free(p);
    free(text);
}
END_TEST

/* ---- who */

START_TEST(without_rules_a_policy_is_a_list_of_keys)
{
    struct story *s = told();
    sov_policy *p = policy_of("# no rules\ngroup root 2 ada bob\n");

    ck_assert(!sov_policy_has_rules(p));
    ck_assert_uint_eq(sov_policy_digests(p), 0);
    sov_policy_free(p);
    yes(s, "");
    free(s);
}
END_TEST

START_TEST(only_those_who_may_do_it)
{
    struct story *s = told();

    yes(s, "allow quantize bob\n");
    yes(s, "allow urn:sov:buildtype:quantize:v2 ada\nallow quantize bob\n");
    no(s, "allow quantize ada\n", "not by enough of those who may quantize");
    no(s, "allow import ada\n", "nobody may quantize");
    /* the history is looked at where it has to be complete */
    yes(s, "allow quantize bob\nallow import bob\n");
    no(s, "allow quantize bob\nallow import bob\nlineage complete\n",
       "(import of base) is signed by ada");
    yes(s, "allow quantize bob\nallow import ada\nlineage complete\n");
    free(s);
}
END_TEST

START_TEST(as_many_as_the_group_needs)
{
    struct story *s = told();

    no(s, "group g 2 bob carol dave\nallow quantize g\n", "not by enough");
    no(s, "group g all bob carol\nallow quantize g\n", "not by enough");
    tell(s, &small, CAROL); /* the same claim, signed once more */
    ck_assert_str_eq(s->id[1], s->id[2]);
    yes(s, "group g 2 bob carol dave\nallow quantize g\n");
    yes(s, "group g all bob carol\nallow quantize g\n");
    no(s, "group g 3 bob carol dave\nallow quantize g\n", "not by enough");
    yes(s, "group g any ada bob\ngroup h any carol dave\n"
           "group both all g h\nallow quantize both\n");
    no(s,
       "group g any ada\ngroup h any carol dave\n"
       "group both all g h\nallow quantize both\n",
       "not by enough");
    free(s);
}
END_TEST

/* Of a policy that names just these, by all that is in it. */
static int
ask_of(const struct story *s, const char *const *name, const int *by, size_t n,
       const char *rules, struct sov_err *err)
{
    char text[2000] = "sov-policy v1\n", b64[SOV_BASE64_LEN(32) + 1];
    struct sov_verdict v;
    sov_policy *p;
    int rc;

    for (size_t i = 0; i < n; i++) {
        sov_seckey *key = grow((unsigned char)by[i]);

        sov_base64_encode(sov_seckey_public(key)->key, 32, b64);
        sov_seckey_free(key);
        sprintf(text + strlen(text), "key %s ed25519 %s\n", name[i], b64);
    }
    strcat(text, rules);
    ck_assert_int_eq(sov_policy_new(&p, NULL), 0);
    ck_assert_int_eq(sov_policy_add(p, text, strlen(text), "p", err), 0);
    rc = ask_about(s, "small", p, &v, err);
    sov_policy_free(p);
    return rc;
}

START_TEST(two_keys_of_one_name_count_once)
{
    static const char *const name[] = { "bob", "bob", "ada" };
    static const int by[] = { BOB, CAROL, ADA };
    struct story *s = told();
    struct sov_err err;

    tell(s, &small, CAROL);
    ck_assert_int_eq(
        ask_of(s, name, by, 3, "group g any bob ada\nallow quantize g\n", &err),
        0);
    ck_assert_int_eq(
        ask_of(s, name, by, 3, "group g all bob ada\nallow quantize g\n", &err),
        SOV_EDENY);
    tell(s, &small, ADA);
    ck_assert_int_eq(
        ask_of(s, name, by, 3, "group g all bob ada\nallow quantize g\n", &err),
        0);
    free(s);
}
END_TEST

/* ---- from where */

START_TEST(a_history_has_to_begin_where_it_may)
{
    struct story *s = calloc(1, sizeof(*s));
    struct step alone = small;

    alone.parent[0] = NULL;
    tell(s, &alone, BOB);
    yes(s, "allow quantize bob\n");
    no(s, "allow quantize bob\nlineage complete\n",
       "is where its history begins");
    no(s, "lineage roots import distill\n", "may begin with import");
    yes(s, "lineage roots import quantize\n");
    /* what a stranger signed is no beginning */
    free(s);
    s = calloc(1, sizeof(*s));
    tell(s, &base, 128);
    tell(s, &small, BOB);
    yes(s, "");
    yes(s, "lineage roots import\n");
    no(s, "lineage complete\n", "the policy does not name");
    free(s);
}
END_TEST

START_TEST(an_input_without_a_claim_is_a_hole)
{
    static const struct step merged = {
        .name = "small",
        .type = QUANTIZES,
        .parent = { "base", "extra" },
        .role = { "parent", "adapter" },
        .at = { 0, -1 },
        .license = "MIT",
        .place = "EU",
    };
    static const struct step counted = {
        .name = "small",
        .type = QUANTIZES,
        .parent = { "base", "counts" },
        .role = { "parent", "imatrix" },
        .at = { 0, -1 },
        .license = "MIT",
        .place = "EU",
    };
    struct story *s = calloc(1, sizeof(*s));

    tell(s, &base, ADA);
    tell(s, &merged, BOB);
    yes(s, "lineage roots import\n");
    no(s, "lineage complete\n", "no claim is named for its adapter extra");
    free(s);
    s = calloc(1, sizeof(*s));
    tell(s, &base, ADA);
    tell(s, &counted, BOB);
    yes(s, "lineage complete\n");
    yes(s, "lineage complete\nlineage claimed calibration\n");
    no(s, "lineage claimed calibration imatrix\n", "its imatrix counts");
    free(s);
}
END_TEST

START_TEST(a_history_has_a_depth)
{
    struct story *s = told();

    yes(s, "lineage max-depth 1\n");
    no(s, "lineage max-depth 0\n", "a history of 1 steps");
    free(s);
}
END_TEST

START_TEST(parameters_are_those_that_are_allowed)
{
    struct story *s = told();

    yes(s, "param quantize.type allow Q4_K_M Q8_0\n");
    yes(s,
        "param quantize.type allow Q8_0\nparam quantize.type allow q4_k_m\n");
    yes(s, "param prune.method allow wanda\n");
    no(s, "param quantize.type allow Q8_0\n", "made with type q4_k_m");
    no(s, "param quantize.effort allow 5\n", "effort not said");
    no(s, "param import.source allow x\n", "(import of base)");
    free(s);
}
END_TEST

START_TEST(digests_have_to_be_there)
{
    struct story *s = told();
    struct step weak = small;
    sov_policy *p = policy_of("digest require sha256 fsverity_sha256\n");

    ck_assert_uint_eq(sov_policy_digests(p), SOV_HASH_SHA256 | SOV_HASH_VERITY);
    sov_policy_free(p);
    yes(s, "digest require sha256 fsverity_sha256\n");
    free(s);
    s = calloc(1, sizeof(*s));
    weak.no_verity = true;
    tell(s, &base, ADA);
    tell(s, &weak, BOB);
    yes(s, "digest require sha256\n");
    no(s, "digest require sha256 fsverity_sha256\n",
       "has no fsverity_sha256 of small");
    free(s);
}
END_TEST

/* ---- what may not be in it */

START_TEST(labels_are_those_of_all_that_it_comes_from)
{
    struct story *s = told();

    yes(s, "license allow Apache-2.0\nlicense allow MIT\n");
    no(s, "license allow Apache-2.0\n", "has the license MIT");
    yes(s, "jurisdiction allow CH EU\n");
    no(s, "jurisdiction allow CH\n", "has the jurisdiction EU");
    /* what anybody whom the policy knows declares counts against it */
    declare(s, "base", "jurisdiction: US\n", 1700000000, DAVE);
    no(s, "jurisdiction allow CH EU\n", "the jurisdiction US");
    yes(s, "jurisdiction allow CH EU US\n");
    declare(s, "other", "jurisdiction: KP\n", 1700000000, DAVE);
    yes(s, "jurisdiction allow CH EU US\n");
    free(s);
}
END_TEST

START_TEST(what_nobody_says_is_unknown)
{
    struct story *s = calloc(1, sizeof(*s));
    struct step bare = base, child = small;

    bare.license = bare.place = child.license = child.place = NULL;
    tell(s, &bare, ADA);
    tell(s, &child, BOB);
    yes(s, "license allow MIT\n");
    yes(s, "license allow MIT\nlicense unknown allow\n");
    no(s, "license unknown deny\n", "nobody who may says which license");
    no(s, "jurisdiction unknown deny\n", "which jurisdiction");
    declare(s, "small", "license: MIT\n", 1700000000, ADA);
    no(s, "license unknown deny\n", "(import of base)"); /* not the root */
    declare(s, "base", "license: MIT\n", 1700000000, ADA);
    yes(s, "license unknown deny\nallow facts ada\nallow quantize bob\n");
    no(s, "license unknown deny\nallow facts bob\nallow quantize bob\n",
       "which license");
    free(s);
}
END_TEST

START_TEST(what_was_recalled_taints_all_that_comes_from_it)
{
    struct story *s = told();
    struct sov_digest d = digest_of("base", 4);
    char rule[200] = "recall digest sha256:";

    for (int i = 0; i < 32; i++)
        sprintf(rule + strlen(rule), "%02x", d.sha256[i]);
    strcat(rule, "\n");
    no(s, rule, "its file base was recalled");
    strcpy(rule, "recall digest fsverity_sha256:");
    for (int i = 0; i < 32; i++)
        sprintf(rule + strlen(rule), "%02x", d.verity[i]);
    strcat(rule, "\n");
    no(s, rule, "was recalled");
    d = digest_of("small", 5);
    strcpy(rule, "recall digest fsverity_sha256:");
    for (int i = 0; i < 32; i++)
        sprintf(rule + strlen(rule), "%02x", d.verity[i]);
    strcat(rule, "\n");
    no(s, rule, "its file small was recalled");
    rule[strlen(rule) - 2] = rule[strlen(rule) - 2] == '0' ? '1' : '0';
    yes(s, rule);
    sprintf(rule, "revoke claim %s\n", s->id[0]);
    no(s, rule, "(import of base) was revoked");
    free(s);
}
END_TEST

START_TEST(a_second_claim_hides_nothing)
{
    struct story *s = told();
    struct step clean = small;

    clean.parent[0] = NULL;
    clean.license = "Apache-2.0";
    tell(s, &clean, ADA); /* the same file, with another past */
    no(s, "license allow Apache-2.0\n", "has the license MIT");
    yes(s, "license allow Apache-2.0 MIT\n");
    free(s);
}
END_TEST

/* ---- what else was said */

START_TEST(what_is_required_has_to_be_said)
{
    struct story *s = told();

    no(s, "require facts ada\n", "it needs facts by ada; ask them for it");
    declare(s, "base", "name: x\n", 1700000000, ADA);
    no(s, "require facts ada\n", "ask them for it"); /* of another file */
    declare(s, "small", "name: x\n", 1700000000, BOB);
    no(s, "require facts ada\n", "not signed by enough");
    declare(s, "small", "name: x\n", 1700000000, ADA);
    yes(s, "require facts ada\n");
    yes(s, "group g all ada bob\nrequire facts g\n"); /* the same words */
    no(s, "group g all ada carol\nrequire facts g\n", "not signed by enough");
    yes(s, "group g 1 ada bob\nrequire facts g\n");
    no(s, "require review ada\n", "it needs a review by ada");
    declare(s, "small", "reviewed_by: Ada\n", 1790000000, ADA);
    yes(s, "require review ada\n");
    no(s, "require approval ada\n", "an approval");
    yes(s, "require review ada within 200\n");
    no(s, "require review ada within 100\n", "not of that time");
    free(s);
}
END_TEST

START_TEST(what_is_demanded_has_to_be_done_once_more)
{
    const char *all = "recomputed quantize carol all\n";
    struct story *s = told();
    char without[100], rules[300];

    no(s, all, "(quantize of small) has to be re-computed by carol; ask them");
    no(s, "recomputed model carol all\n", "has to be re-computed");
    no(s, "recomputed import carol all\n", "(import of base)");
    yes(s, "recomputed prune carol all\n"); /* nobody has */
    /* about another claim, other files, or by what does something else */
    receive(s, (struct receipt){ .of = 0, .name = "small" }, CAROL);
    receive(s, (struct receipt){ .of = 1, .name = "base" }, CAROL);
    receive(s,
            (struct receipt){ .of = 1, .name = "small", .verifier = "urn:x" },
            CAROL);
    no(s, all, "ask them for --recompute");
    free(s);

    s = told();
    receive(s, (struct receipt){ .of = 1, .name = "small" }, BOB);
    no(s, all, "not signed by enough of them");
    no(s, "group g 2 bob carol\nrecomputed model g all\n", "by enough");
    receive(s, (struct receipt){ .of = 1, .name = "small", .result = "FAILED" },
            CAROL);
    no(s, all, "it is not what the claim makes");
    /* who has found that it is not so is not outvoted, not by himself */
    snprintf(without, sizeof(without), "revoke claim %s\n", s->id[3]);
    receive(s,
            (struct receipt){
                .of = 1, .name = "small", .level = "SOV_RECOMPUTED_SAMPLE" },
            CAROL);
    no(s, "recomputed model carol 0.25\n", "it is not what the claim makes");
    snprintf(rules, sizeof(rules), "%s%s", without, all);
    no(s, rules, "of too few tensors");
    snprintf(rules, sizeof(rules), "%srecomputed model carol 0.26\n", without);
    no(s, rules, "of too few tensors");
    snprintf(rules, sizeof(rules), "%srecomputed model carol 0.25\n", without);
    yes(s, rules);
    receive(s, (struct receipt){ .of = 1, .name = "small" }, CAROL);
    no(s, all, "it is not what the claim makes");
    snprintf(rules, sizeof(rules), "%s%s", without, all);
    yes(s, rules);
    snprintf(rules, sizeof(rules), "%srevoke claim %s\n%s", without, s->id[5],
             all);
    no(s, rules, "of too few tensors"); /* the others are left */
    free(s);

    s = told();
    receive(s, (struct receipt){ .of = 1, .name = "small" }, CAROL);
    yes(s, all);
    yes(s, "recomputed model carol 1\n");
    /* of its history, too, and all of it if both are asked for */
    no(s, "recomputed import carol all\n", "(import of base)");
    receive(s, (struct receipt){ .of = 0, .name = "base" }, CAROL);
    yes(s, "recomputed import carol all\nrecomputed quantize carol all\n");
    no(s, "recomputed quantize carol all within 30\n", "not of that time");
    yes(s, "recomputed quantize carol all within 1200\n");
    /* one of many is enough to say no; who is not asked is not heard */
    receive(s,
            (struct receipt){ .of = 1,
                              .name = "small",
                              .result = "FAILED",
                              .when = "2023-01-01" },
            BOB);
    yes(s, all);
    no(s, "group g 1 bob carol\nrecomputed quantize g all within 1200\n",
       "it is not what the claim makes");
    no(s, "group h any bob\ngroup g 1 h carol\nrecomputed model g all\n",
       "it is not what the claim makes");
    free(s);

    /* a number is no level, whatever it says */
    s = told();
    receive(s,
            (struct receipt){
                .of = 1, .name = "small", .level = "x", .chance = "1" },
            CAROL);
    no(s, all, "of too few tensors");
    no(s, "recomputed model carol 0.01\n", "of too few tensors");
    receive(s,
            (struct receipt){
                .of = 1, .name = "small", .level = "x", .chance = "many" },
            CAROL);
    no(s, "recomputed model carol 0.01\n", "of too few tensors");
    free(s);
}
END_TEST

/* A rule about a kind of step says nothing of others, as long as it is known
 * what they are. */
START_TEST(a_step_of_no_known_name_may_be_the_one_that_is_meant)
{
    static const char *const types[] = { "https://x.example/quantize/v1",
                                         "urn:sov:buildtype:quantize:v2",
                                         "urn:sov:buildtype:quantise:v1",
                                         NULL };
    const char *const *type;

    for (type = types; *type != NULL; type++) {
        struct story *s = calloc(1, sizeof(*s));
        struct step odd = small;
        char rules[300];

        ck_assert_ptr_nonnull(s);
        odd.type = *type;
        tell(s, &base, ADA);
        tell(s, &odd, BOB);
        yes(s, "");
        no(s, "recomputed quantize carol all\n", "may be what has to be");
        no(s, "recomputed model carol all\n", "has to be re-computed by");
        if (strstr(*type, "quantise") != NULL)
            strcpy(rules, "allow quantise bob\n");
        else
            sprintf(rules, "allow %s bob\n", *type);
        strcat(rules, "allow import ada\nrecomputed quantize carol all\n");
        yes(s, rules); /* whoever has allowed it knows it */
        free(s);
    }
}
END_TEST

START_TEST(benchmarks_have_to_be_passed)
{
    struct story *s = told();

    measure(s, "small", SOV_TEST_FAILED, "31.5", 1700000000, CAROL);
    no(s, "require bench carol\n", "was not passed");
    yes(s, "bench ppl max 31.5\n");
    no(s, "bench ppl max 31.49\n", "measured 31.5");
    no(s, "bench ppl min 32\n", "measured 31.5");
    no(s, "bench decode min 1\n", "nobody who may has measured decode");
    measure(s, "small", SOV_TEST_PASSED, "30", 1700000001, CAROL);
    yes(s, "require bench carol\nbench ppl max 31\n");
    /* whose numbers do not count */
    no(s, "allow bench dave\nallow quantize bob\nbench ppl max 31\n",
       "nobody who may has measured");
    yes(s, "allow bench carol\nallow quantize bob\nbench ppl max 31\n");
    measure(s, "small", SOV_TEST_PASSED, "n/a", 1700000002, CAROL);
    no(s, "bench ppl max 31\n", "measured n/a");
    free(s);
}
END_TEST

START_TEST(releases_only_grow)
{
    struct story *s = told();

    no(s, "min-epoch 1\n", "of which epoch");
    declare(s, "small", "epoch: 3\n", 1700000000, ADA);
    yes(s, "min-epoch 3\n");
    no(s, "min-epoch 4\n", "it is of epoch 3");
    no(s, "min-epoch 3\nallow facts bob\nallow quantize bob\n",
       "of which epoch");
    free(s);
}
END_TEST

START_TEST(a_claim_that_was_revoked_says_nothing)
{
    struct story *s = told();
    char rules[200];

    declare(s, "small", "reviewed_by: Ada\n", 1700000000, ADA);
    sprintf(rules, "require review ada\nrevoke claim %s\n", s->id[2]);
    no(s, rules, "was revoked");
    free(s);
}
END_TEST

/* ---- several policies, and time */

START_TEST(every_policy_has_to_say_yes)
{
    struct story *s = told();
    sov_policy *p = policy_of("jurisdiction allow EU\n");
    struct sov_err err;
    struct sov_verdict v;

    ck_assert_int_eq(add(p, "license allow MIT\n", NULL), 0);
    ck_assert_int_eq(ask_about(s, "small", p, &v, &err), 0);
    ck_assert_int_eq(add(p, "jurisdiction allow CH\n", NULL), 0);
    ck_assert_int_eq(ask_about(s, "small", p, &v, &err), SOV_EDENY);
    ck_assert_ptr_nonnull(strstr(err.msg, "EU"));
    sov_policy_free(p);
    free(s);
}
END_TEST

/* Bob's key ends between his claim and now. */
static int
ask_later(const struct story *s, const char *rules, struct sov_err *err)
{
    sov_seckey *key = grow(BOB);
    char text[1000], b64[SOV_BASE64_LEN(32) + 1];
    struct sov_verdict v;
    sov_policy *p;
    int rc;

    sov_base64_encode(sov_seckey_public(key)->key, 32, b64);
    sov_seckey_free(key);
    ck_assert_int_eq(sov_policy_new(&p, NULL), 0);
    /* 2023-11-14T22:16:40Z is 1700000200 */
    snprintf(text, sizeof(text),
             "sov-policy v1\nkey bob ed25519 %s to 2023-11-14T22:16:40Z\n"
             "key ada ed25519 A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n%s",
             b64, rules);
    ck_assert_int_eq(sov_policy_add(p, text, strlen(text), "p", err), 0);
    sov_keyring_set_time(sov_policy_ring(p), 1800000000);
    rc = ask_about(s, s->n > 2 ? "tiny" : "small", p, &v, err);
    sov_policy_free(p);
    return rc;
}

START_TEST(a_key_counts_at_the_time_that_the_policy_says)
{
    struct story *s = told();
    struct step tiny = { .name = "tiny",
                         .type = QUANTIZES,
                         .parent = { "small" },
                         .at = { 1 },
                         .license = "MIT",
                         .place = "EU",
                         .when = 1700000150 };
    struct sov_err err;
    char rule[200];

    ck_assert_int_eq(ask_later(s, "", &err), SOV_ENO);
    ck_assert_int_eq(ask_later(s, "time clock\n", &err), SOV_ENO);
    ck_assert_int_eq(ask_later(s, "time trust-claim\n", &err), 0);
    ck_assert_int_eq(ask_later(s, "time witnessed\n", &err), SOV_ENO);
    /* Ada, whose key is good, made something of it while it was */
    tell(s, &tiny, ADA);
    ck_assert_int_eq(ask_later(s, "time witnessed\nlineage complete\n", &err),
                     0);
    ck_assert_int_eq(ask_later(s, "time clock\nlineage complete\n", &err),
                     SOV_EDENY);
    /* a key that was stolen: what was seen before still counts */
    sprintf(rule,
            "time witnessed\nlineage complete\nrevoke key %s"
            " since 2023-11-14T22:15:51Z\n",
            ID_B);
    ck_assert_int_eq(ask_later(s, rule, &err), 0);
    sprintf(rule,
            "time witnessed\nlineage complete\nrevoke key %s"
            " since 2023-11-14T22:15:50Z\n",
            ID_B);
    ck_assert_int_eq(ask_later(s, rule, &err), SOV_EDENY);
    sprintf(rule, "time witnessed\nlineage complete\nrevoke key %s\n", ID_B);
    ck_assert_int_eq(ask_later(s, rule, &err), SOV_EDENY);
    /* its own word is none against a thief */
    sprintf(rule,
            "time trust-claim\nlineage complete\nrevoke key %s"
            " since 2023-11-14T22:15:51Z\n",
            ID_B);
    ck_assert_int_eq(ask_later(s, rule, &err), SOV_EDENY);
    free(s);
}
END_TEST

START_TEST(a_policy_that_has_ended_refuses)
{
    struct story *s = told();
    sov_policy *p = policy_of("expires 2026-01-01\nlicense allow MIT\n");
    sov_seckey *key = grow(BOB);
    struct sov_verdict v;
    struct sov_err err;

    ck_assert_int_eq(ask_about(s, "small", p, &v, &err), SOV_ENO);
    ck_assert_int_eq(v.answer, SOV_ANSWER_DENIED);
    /* nor does it hold its tongue where others name the key */
    ck_assert_int_eq(
        sov_keyring_add(sov_policy_ring(p), sov_seckey_public(key), NULL), 0);
    ck_assert_int_eq(ask_about(s, "small", p, &v, &err), SOV_EDENY);
    ck_assert_ptr_nonnull(strstr(err.msg, "has expired"));
    yes(s, "expires 2028-01-01\nlicense allow MIT\n");
    sov_seckey_free(key);
    sov_policy_free(p);
    free(s);
}
END_TEST

/* ---- policies that are signed */

struct signed_policy {
    char text[2000];
    char sigs[1 << 14];
};

static void
write_policy(struct signed_policy *p, int version, const char *root)
{
    snprintf(p->text, sizeof(p->text), "sov-policy v1\nname acme\nversion %d\n",
             version);
    put_keys(p->text + strlen(p->text), sizeof(p->text) - strlen(p->text));
    strcat(p->text, root);
    p->sigs[0] = '\0';
}

static void
sign_policy(struct signed_policy *p, unsigned char by)
{
    sov_seckey *key = grow(by);
    size_t len;
    char *line;

    ck_assert_int_eq(
        sov_policy_sign(key, p->text, strlen(p->text), &line, &len, NULL), 0);
    strcat(p->sigs, line);
    free(line);
    sov_seckey_free(key);
}

static int
take_policy(const struct signed_policy *p, const struct signed_policy *before,
            struct sov_err *err)
{
    struct sov_policy_update u = { .where = "p", .now = 1800000000 };

    u.text = p->text;
    u.len = strlen(p->text);
    u.sigs = p->sigs;
    u.sigs_len = strlen(p->sigs);
    u.before = before != NULL ? before->text : NULL;
    u.before_len = before != NULL ? strlen(before->text) : 0;
    return sov_policy_accept(&u, err);
}

START_TEST(a_policy_is_signed_by_its_root)
{
    static struct signed_policy p;
    char name[SOV_POLICY_NAME + 1];
    struct sov_err err;

    write_policy(&p, 7, "group root 2 ada bob carol\n");
    ck_assert_int_eq(
        sov_policy_root_name(p.text, strlen(p.text), "p", name, &err), 0);
    ck_assert_str_eq(name, "acme");
    ck_assert_int_eq(take_policy(&p, NULL, &err), SOV_EDENY);
    ck_assert_ptr_nonnull(strstr(err.msg, "needs 2"));
    sign_policy(&p, ADA);
    sign_policy(&p, ADA); /* twice is once */
    sign_policy(&p, DAVE);
    sign_policy(&p, 128);
    ck_assert_int_eq(take_policy(&p, NULL, &err), SOV_EDENY);
    sign_policy(&p, BOB);
    ck_assert_int_eq(take_policy(&p, NULL, &err), 1);
    ck_assert_int_eq(take_policy(&p, &p, &err), 0);
    p.text[strlen(p.text) - 2] = 'e'; /* another text, the same signatures */
    ck_assert_int_eq(take_policy(&p, NULL, &err), SOV_EDENY);
    write_policy(&p, 7, "");
    ck_assert_int_eq(
        sov_policy_root_name(p.text, strlen(p.text), "p", name, &err), 1);
    ck_assert_str_eq(name, "acme");
}
END_TEST

START_TEST(a_new_policy_is_signed_by_the_old_root_too)
{
    static struct signed_policy seven, eight, other;
    struct sov_err err;

    write_policy(&seven, 7, "group root any ada\n");
    sign_policy(&seven, ADA);
    write_policy(&eight, 8, "group root any bob\n");
    sign_policy(&eight, BOB);
    ck_assert_int_eq(take_policy(&eight, NULL, &err), 1);
    ck_assert_int_eq(take_policy(&eight, &seven, &err), SOV_EDENY);
    ck_assert_ptr_nonnull(strstr(err.msg, "root of version 7 of acme"));
    sign_policy(&eight, ADA);
    ck_assert_int_eq(take_policy(&eight, &seven, &err), 1);
    /* and never back */
    ck_assert_int_eq(take_policy(&seven, &eight, &err), SOV_EDENY);
    ck_assert_ptr_nonnull(strstr(err.msg, "version 8 was seen"));
    write_policy(&other, 8, "group root any bob\nlicense allow MIT\n");
    sign_policy(&other, ADA);
    sign_policy(&other, BOB);
    ck_assert_int_eq(take_policy(&other, &eight, &err), SOV_EDENY);
    ck_assert_ptr_nonnull(strstr(err.msg, "another text"));
}
END_TEST

START_TEST(signatures_of_a_policy_are_no_others)
{
    static struct signed_policy p;
    struct story *s = told();
    sov_seckey *key = grow(ADA);
    char *line, *kept;
    size_t len;
    char id[65];
    struct sov_err err;

    write_policy(&p, 7, "group root any ada\n");
    /* a claim's signature over the same bytes is none of a policy */
    ck_assert_int_eq(
        sov_claim_sign(key, p.text, strlen(p.text), &line, &len, id, NULL), 0);
    strcpy(p.sigs, line);
    ck_assert_int_eq(take_policy(&p, NULL, &err), SOV_EDENY);
    ck_assert_ptr_nonnull(strstr(err.msg, "payloadType"));
    free(line);
    p.sigs[0] = '\0';
    sign_policy(&p, ADA);
    sign_policy(&p, BOB);
    ck_assert_int_eq(
        sov_policy_sigs_of(p.text, strlen(p.text), p.sigs, strlen(p.sigs),
                           sov_seckey_public(key)->id, &kept, &len, NULL),
        0);
    ck_assert_uint_lt(len, strlen(p.sigs));
    ck_assert_uint_gt(len, 0);
    free(kept);
    ck_assert_int_eq(sov_policy_sigs_of("x", 1, p.sigs, strlen(p.sigs), NULL,
                                        &kept, &len, NULL),
                     0);
    ck_assert_uint_eq(len, 0);
    free(kept);
    p.sigs[strlen(p.sigs) - 200] ^= 1;
    ck_assert_int_lt(take_policy(&p, NULL, &err), 0);
    sov_seckey_free(key);
    free(s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("policy");

    tcase_add_test(tc, a_policy_with_anything_else_in_it_is_refused);
    tcase_add_test(tc, a_policy_has_limits);
    tcase_add_test(tc, without_rules_a_policy_is_a_list_of_keys);
    tcase_add_test(tc, only_those_who_may_do_it);
    tcase_add_test(tc, as_many_as_the_group_needs);
    tcase_add_test(tc, two_keys_of_one_name_count_once);
    tcase_add_test(tc, a_history_has_to_begin_where_it_may);
    tcase_add_test(tc, an_input_without_a_claim_is_a_hole);
    tcase_add_test(tc, a_history_has_a_depth);
    tcase_add_test(tc, parameters_are_those_that_are_allowed);
    tcase_add_test(tc, digests_have_to_be_there);
    tcase_add_test(tc, labels_are_those_of_all_that_it_comes_from);
    tcase_add_test(tc, what_nobody_says_is_unknown);
    tcase_add_test(tc, what_was_recalled_taints_all_that_comes_from_it);
    tcase_add_test(tc, a_second_claim_hides_nothing);
    tcase_add_test(tc, what_is_required_has_to_be_said);
    tcase_add_test(tc, what_is_demanded_has_to_be_done_once_more);
    tcase_add_test(tc, a_step_of_no_known_name_may_be_the_one_that_is_meant);
    tcase_add_test(tc, benchmarks_have_to_be_passed);
    tcase_add_test(tc, releases_only_grow);
    tcase_add_test(tc, a_claim_that_was_revoked_says_nothing);
    tcase_add_test(tc, every_policy_has_to_say_yes);
    tcase_add_test(tc, a_key_counts_at_the_time_that_the_policy_says);
    tcase_add_test(tc, a_policy_that_has_ended_refuses);
    tcase_add_test(tc, a_policy_is_signed_by_its_root);
    tcase_add_test(tc, a_new_policy_is_signed_by_the_old_root_too);
    tcase_add_test(tc, signatures_of_a_policy_are_no_others);
    return unit_main("trust policy", tc);
}
