/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_trust_lines.c - unit tests of lib/trust: lines, statements, making them
 */
#include "claim_make.h"

#include "base/limits.h"
#include "trust/armor.h"
#include "trust/canon.h"
#include "trust/dsse.h"
#include "trust/statement.h"

#include <stdio.h>
#include <string.h>

#define HELLO                                                             \
    "{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":{},"    \
    "\"predicateType\":\"https://slsa.dev/provenance/v1\",\"subject\":[{" \
    "\"digest\":{\"sha256\":"                                             \
    "\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"  \
    "\"},\"name\":\"hello\"}]}"
#define HELLO_SIG                                                     \
    "OzG4jo1bObhJYIGjsOZompllPwkgy7MTYEE0fiqmKSCXEgwD85lFINcROPeQtZ0" \
    "xzvXOYMWR+UW8QlAYFgHeAg=="

START_TEST(encoding_and_signature_of_the_small_vector)
{
    unsigned char sum[32], sig[64];
    char text[89];
    struct sov_buf pae = { 0 };
    sov_seckey *a = grow(0);

    ck_assert_uint_eq(strlen(HELLO), 223);
    ck_assert_int_eq(sov_envelope_pae(&pae, NULL, HELLO, 223, NULL), 0);
    sov_sha256(pae.p, pae.len, sum);
    ck_assert(is_hex(
        sum,
        "1c9d3c76bcdaec2283729cac3d95d2f74415130ec90d177793860a97d256ec13"));
    ck_assert_int_eq(sov_sign(a, pae.p, pae.len, sig, NULL), 0);
    sov_base64_encode(sig, sizeof(sig), text);
    ck_assert_str_eq(text, HELLO_SIG);
    sov_seckey_free(a);
    sov_buf_free(&pae);
}
END_TEST

START_TEST(encoding_of_the_second_golden_line)
{
    size_t len;
    char *text = golden_text(&len);
    sov_claims *set = set_of(text, len);
    const struct sov_claim *c = sov_claims_at(set, 1);
    struct sov_buf pae = { 0 };
    unsigned char sum[32];

    ck_assert_int_eq(sov_envelope_pae(&pae, NULL, c->payload.p, c->payload.len, NULL),
                     0);
    ck_assert_uint_eq(pae.len, 1739);
    sov_sha256(pae.p, pae.len, sum);
    ck_assert(is_hex(
        sum,
        "0ce10291f9b88c0cc9e737e3736963d9b6a3c438b3125efc4309267a440f574a"));
    sov_buf_free(&pae);
    sov_claims_free(set);
    free(text);
}
END_TEST

/* What was read is said again: the same bytes, the same signature. */
START_TEST(golden_lines_are_made_again)
{
    size_t len, at = 0;
    char *text = golden_text(&len);
    sov_claims *set = set_of(text, len);

    for (unsigned char i = 0; i < 2; i++) {
        const struct sov_claim *c = sov_claims_at(set, i);
        sov_seckey *key = grow((unsigned char)(32 * i));
        char id[65], *line;
        size_t line_len;

        ck_assert_int_eq(
            sov_claim_make(&c->statement, key, &line, &line_len, id, NULL), 0);
        ck_assert_str_eq(id, c->id);
        ck_assert_uint_eq(line_len, c->text.len + 1);
        ck_assert_mem_eq(line, text + at, line_len);
        at += line_len;
        sov_seckey_free(key);
        free(line);
    }
    sov_claims_free(set);
    free(text);
}
END_TEST

/* ---- canonical JSON */

static void
canon_is(const char *in, const char *want)
{
    struct sov_buf out = { 0 };
    json_t *json;

    ck_assert_int_eq(sov_json_parse(in, strlen(in), &json, NULL), 0);
    ck_assert_int_eq(sov_canon_put(&out, json, NULL), want ? 0 : SOV_EARG);
    if (want != NULL) {
        sov_buf_u8(&out, 0);
        ck_assert_str_eq((char *)out.p, want);
    }
    sov_buf_free(&out);
    json_decref(json);
}

START_TEST(canonical_json)
{
    canon_is("{ \"b\" : 1, \"a\" : [ true, false, -7 ] }",
             "{\"a\":[true,false,-7],\"b\":1}");
    canon_is("[\"\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\\\/\\u00e9\"]",
             "[\"\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\xc3\xa9\"]");
    canon_is("{\"a\":{},\"aa\":[],\"B\":{}}", "{\"B\":{},\"a\":{},\"aa\":[]}");
    canon_is("[9007199254740991,-9007199254740991]",
             "[9007199254740991,-9007199254740991]");
    canon_is("[9007199254740992]", NULL);
    canon_is("[1.5]", NULL);
    canon_is("[null]", NULL);
    canon_is("{\"\xc3\xa9\":1}", NULL);
}
END_TEST

/* ---- times and digests */

START_TEST(times)
{
    static const struct {
        const char *text;
        int64_t t;
    } good[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "1970-03-01T00:00:00Z", 5097600 },
        { "2000-02-29T23:59:59Z", 951868799 },
        { "2026-01-02T03:05:09Z", 1767323109 },
        { "2100-03-01T00:00:00Z", 4107542400 },
        { "9999-12-31T23:59:59Z", 253402300799 },
    };
    static const char *const bad[] = {
        "",
        "2026-01-02",
        "2026-01-02T03:05:09",
        "2026-01-02T03:05:09+00:00",
        "2026-13-02T03:05:09Z",
        "2026-01-32T03:05:09Z",
        "2026-01-02T24:05:09Z",
        "2026-01-02 03:05:09Z",
        "2026-01-02T03:05:09Zx",
        "x026-01-02T03:05:09Z",
        "2026-01-02T03:05:09.5",
    };
    char text[SOV_TIME_LEN];
    int64_t t;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert(sov_time_parse(good[i].text, &t));
        ck_assert_int_eq(t, good[i].t);
        ck_assert(sov_time_text(good[i].t, text));
        ck_assert_str_eq(text, good[i].text);
    }
    for (t = 0; t < INT64_C(253402300800); t += 86400 * 17 + 4242) {
        int64_t back;

        ck_assert(sov_time_text(t, text));
        ck_assert(sov_time_parse(text, &back));
        ck_assert_int_eq(back, t);
    }
    ck_assert(sov_time_parse("2026-01-02T03:05:09.123456Z", &t));
    ck_assert_int_eq(t, 1767323109);
    ck_assert(!sov_time_text(-1, text));
    ck_assert(!sov_time_text(INT64_C(253402300800), text));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!sov_time_parse(bad[i], &t), "%s", bad[i]);
}
END_TEST

/* ---- lines that are refused */

static void
refused(const char *text, size_t len, const char *want)
{
    struct sov_err err;
    sov_claims *set;
    int rc;

    ck_assert_int_eq(sov_claims_new(&set, NULL), 0);
    rc = sov_claims_read(set, text, len, "m.claims.jsonl", &err);
    if (rc != SOV_EFORMAT || strstr(err.msg, want) == NULL)
        ck_abort_msg("%d \"%s\" lacks \"%s\"", rc, rc < 0 ? err.msg : "", want);
    ck_assert_ptr_nonnull(strstr(err.msg, "m.claims.jsonl, line "));
    ck_assert_uint_eq(sov_claims_count(set), 0);
    sov_claims_free(set);
}

/* The first golden line with its first "from" replaced. */
static char *
changed(const char *from, const char *to)
{
    size_t len;
    char *text = golden_text(&len), *at = strstr(text, from), *out;

    strchr(text, '\n')[1] = '\0';
    ck_assert_ptr_nonnull(at);
    out = malloc(len + strlen(to) + 1);
    ck_assert_ptr_nonnull(out);
    sprintf(out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    free(text);
    return out;
}

START_TEST(envelopes_have_one_form)
{
    static const struct {
        const char *from, *to, *want;
    } cases[] = {
        { "\n", "", "no newline" },
        { "\n", " \n", "not one JSON object" },
        { "\n", "\r\n", "not one JSON object" },
        { "\n", "\n\n", "not one JSON object" },
        { "\n", "{}\n", "JSON" },
        { "{", " {", "not one JSON object" },
        { "{", "[{", "not one JSON object" },
        { "\"mediaType\"", "\"x\":1,\"mediaType\"", "4 members" },
        { "\"mediaType\"", "\"mediaType\":\"\",\"mediaType\"", "duplicate" },
        { "\"mediaType\"", "\"mediatype\"", "no \"mediaType\"" },
        { "v0.3+json", "v0.2+json", "\"mediaType\" is not" },
        { "\"verificationMaterial\":{",
          "\"verificationMaterial\":{\"tlogEntries\":[],", "2 members" },
        { "\"hint\":\"a", "\"hint\":\"b", "\"hint\" is not" },
        { "\"hint\":", "\"x\":0,\"hint\":", "2 members" },
        { "\"keyid\":\"a", "\"keyid\":\"A", "not the SHA-256" },
        { "\"keyid\":\"a", "\"keyid\":\"", "not the SHA-256" },
        { "\"keyid\":\"a", "\"keyid\":1,\"x\":\"a", "not text" },
        { "\"keyid\":", "\"x\":1,\"keyid\":", "3 members" },
        { "\"signatures\":[{",
          "\"signatures\":[{\"keyid\":\"\",\"sig\":\"\"},{", "2 signatures" },
        { "\"signatures\":[", "\"signatures\":[],\"x\":[", "0 signatures" },
        { "in-toto+json", "in-toto+xml", "\"payloadType\" is not" },
        { "\"payload\":\"", "\"payload\":\"-", "canonical base64" },
        { "\"payload\":\"", "\"payload\":\" ", "canonical base64" },
        { "\"sig\":\"2yT5", "\"sig\":\"2yT\\n", "canonical base64" },
        { "\"sig\":\"2yT5", "\"sig\":\"", "61 bytes" },
        { "hZCg==", "hZCh==", "canonical base64" },
        { "hZCg==", "hZCg=", "canonical base64" },
        { "\"keyid\"", "\"ke\xffyid\"", "JSON" },
        { "\"keyid\"", "\"k\\ud800yid\"", "JSON" },
        { "\"keyid\"", "\"k\\u0000\"", "JSON" },
    };
    size_t len;
    char *text;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text = changed(cases[i].from, cases[i].to);
        refused(text, strlen(text), cases[i].want);
        free(text);
    }
    text = golden_text(&len);
    text[5] = '\0';
    refused(text, len, "JSON");
    free(text);
}
END_TEST

/* A payload, signed by A. */
static char *
signed_line(const char *payload)
{
    sov_seckey *a = grow(0);
    char *line;
    size_t len;

    ck_assert_int_eq(
        sov_claim_sign(a, payload, strlen(payload), &line, &len, NULL, NULL),
        0);
    sov_seckey_free(a);
    return line;
}

#define SHA "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define HEAD(subject)                                 \
    "{\"_type\":\"https://in-toto.io/Statement/v1\"," \
    "\"subject\":[" subject "],"
#define FILE_OF(name) "{\"digest\":{\"sha256\":\"" SHA "\"},\"name\":" name "}"
#define TAIL(def, run)                                                \
    "\"predicateType\":\"https://slsa.dev/provenance/v1\","           \
    "\"predicate\":{\"buildDefinition\":{\"buildType\":\"urn:x\"" def \
    "},\"runDetails\":{\"builder\":{\"id\":\"urn:y\"}" run "}}}"

#define TEST_OF(predicate)                    \
    HEAD(FILE_OF("\"a\""))                    \
    "\"predicateType\":\"https://in-toto.io/" \
    "attestation/test-result/v0.1\","         \
    "\"predicate\":{" predicate "}}"

START_TEST(statements_have_one_meaning)
{
    static const struct {
        const char *payload, *want;
    } cases[] = {
        { "[]", "not one object" },
        { "{} ", "not one object" },
        { "{}", "\"_type\" is missing" },
        { HEAD(FILE_OF("\"a\"")) "\"x\":1,\"x\":2}", "duplicate" },
        { "{\"_type\":\"https://in-toto.io/Statement/v0.1\"}", "\"_type\"" },
        { HEAD("") TAIL("", ""), "\"subject\" is missing" },
        { HEAD("1") TAIL("", ""), "subject 0: not an object" },
        { HEAD("{\"name\":\"a\"}") TAIL("", ""), "no digest" },
        { HEAD("{\"name\":\"a\",\"digest\":{}}") TAIL("", ""), "no digest" },
        { HEAD(FILE_OF("7")) TAIL("", ""), "\"name\" is not text" },
        { HEAD(FILE_OF("null")) TAIL("", ""), "\"name\" is not text" },
        { HEAD(FILE_OF("\"a\"") "," FILE_OF("\"a\"")) TAIL("", ""),
          "two subjects" },
        { HEAD("{\"name\":\"a\",\"digest\":{\"sha256\":\"2CF24DBA5FB0A30E26E83"
               "B2AC5B9E29E1B161E5C1FA7425E73043362938B9824\"}}") TAIL("", ""),
          "\"sha256\" is not 64 lower-case" },
        { HEAD("{\"name\":\"a\",\"digest\":{\"sha256\":\"2c\"}}") TAIL("", ""),
          "\"sha256\" is not 64 lower-case" },
        { HEAD("{\"name\":\"a\",\"digest\":{\"md5\":1}}") TAIL("", ""),
          "\"md5\" is not text" },
        { HEAD("{\"name\":\"a\",\"digest\":{\"sha256\":\"" SHA
               "\"},\"annotations\":{\"sov_size\":-1}}") TAIL("", ""),
          "\"sov_size\"" },
        { HEAD("{\"name\":\"a\",\"digest\":{\"sha256\":\"" SHA
               "\"},\"annotations\":{\"sov_size\":1.0}}") TAIL("", ""),
          "\"sov_size\"" },
        { HEAD("{\"name\":\"a\",\"digest\":{\"sha256\":\"" SHA
               "\"},\"annotations\":{\"sov_claim\":\"1\"}}") TAIL("", ""),
          "\"sov_claim\"" },
        { HEAD(FILE_OF("\"a\"")) TAIL(",\"resolvedDependencies\":{}", ""),
          "\"resolvedDependencies\" is not an array" },
        { HEAD(FILE_OF("\"a\"")) TAIL(",\"externalParameters\":[]", ""),
          "\"externalParameters\" is not an object" },
        { HEAD(FILE_OF("\"a\""))
              TAIL("", ",\"metadata\":{\"startedOn\":\"today\"}"),
          "\"startedOn\" is not a time" },
        { HEAD(FILE_OF("\"a\"")) "\"predicateType\":\"https://slsa.dev/"
                                 "provenance/v1\",\"predicate\":{}}",
          "\"buildDefinition\" is missing" },
        { HEAD(FILE_OF("\"a\"")) "\"predicateType\":\"https://slsa.dev/"
                                 "provenance/v1\"}",
          "\"predicate\" is missing" },
        { TEST_OF("\"configuration\":[]"), "\"result\" is missing" },
        { TEST_OF("\"result\":\"passed\""), "\"result\" is not PASSED" },
        { TEST_OF("\"result\":true"), "\"result\" is not text" },
        { TEST_OF("\"result\":\"PASSED\",\"configuration\":{}"),
          "\"configuration\" is not an array" },
        { TEST_OF("\"result\":\"PASSED\",\"url\":[]"), "\"url\" is not text" },
        { TEST_OF("\"result\":\"PASSED\",\"passedTests\":\"all\""),
          "\"passedTests\" is not a list" },
        { TEST_OF("\"result\":\"FAILED\",\"failedTests\":[\"a\",1]"),
          "\"failedTests\" is not a list" },
        { TEST_OF("\"result\":\"FAILED\",\"sov_finishedOn\":1"),
          "\"sov_finishedOn\" is not text" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *line = signed_line(cases[i].payload);

        refused(line, strlen(line), cases[i].want);
        free(line);
    }
}
END_TEST

START_TEST(what_is_not_known_is_passed_over)
{
    char *line =
        signed_line(HEAD(FILE_OF("\"a\"")) "\"later\":[1,2.5,null]," TAIL(
            ",\"more\":{},\"externalParameters\":{\"r\":0.5,\"n\":null,"
            "\"m\":{\"k\":[true]}}",
            ""));
    sov_claims *set = set_of(line, strlen(line));
    const struct sov_statement *st = &sov_claims_at(set, 0)->statement;

    ck_assert_uint_eq(st->n_external, 3);
    ck_assert_int_eq(st->external[0].kind, SOV_PARAM_REAL);
    ck_assert_str_eq(st->external[0].str, "0.5");
    ck_assert_int_eq(st->external[1].kind, SOV_PARAM_NULL);
    ck_assert_int_eq(st->external[2].kind, SOV_PARAM_MAP);
    ck_assert_int_eq(st->external[2].item[0].item[0].num, 1);
    sov_claims_free(set);
    free(line);
}
END_TEST

/* ---- limits, on both sides */

static char *
nested(int depth)
{
    struct sov_buf b = { 0 };
    char *line;

    sov_buf_add(&b, HEAD(FILE_OF("\"a\"")), strlen(HEAD(FILE_OF("\"a\""))));
    sov_buf_add(&b, "\"x\":", 4);
    for (int i = 0; i < depth; i++)
        sov_buf_u8(&b, '[');
    for (int i = 0; i < depth; i++)
        sov_buf_u8(&b, ']');
    sov_buf_u8(&b, ',');
    sov_buf_add(&b, TAIL("", ""), strlen(TAIL("", "")) + 1);
    line = signed_line((char *)b.p);
    sov_buf_free(&b);
    return line;
}

START_TEST(limits_of_a_line)
{
    char *line = nested(SOV_CLAIM_DEPTH - 1);
    char *big = malloc(SOV_CLAIM_LINE_MAX + 2);

    ck_assert_ptr_nonnull(big);
    sov_claims_free(set_of(line, strlen(line)));
    free(line);
    line = nested(SOV_CLAIM_DEPTH);
    refused(line, strlen(line), "deeper than 32 levels");
    free(line);
    memset(big, '{', SOV_CLAIM_LINE_MAX + 2);
    big[SOV_CLAIM_LINE_MAX + 1] = '\n';
    refused(big, SOV_CLAIM_LINE_MAX + 2, "the limit is 16777216");
    big[SOV_CLAIM_LINE_MAX] = '\n';
    refused(big, SOV_CLAIM_LINE_MAX + 1, "not one JSON object");
    free(big);
}
END_TEST

/* A statement about n files, and with an array of that many values. */
static int
statement_of(size_t files, size_t values, struct sov_err *err)
{
    struct sov_pool pool = { 0 };
    struct sov_buf b = { 0 };
    struct sov_statement st;
    json_t *json = NULL;
    char one[200];
    int rc;

#define PUT(s) sov_buf_add(&b, (s), strlen(s))
    PUT("{\"_type\":\"https://in-toto.io/Statement/v1\",\"x\":[0");
    for (size_t i = 1; i < values; i++)
        PUT(",0");
    PUT("],\"predicateType\":\"urn:z\",\"subject\":[");
    for (size_t i = 0; i < files; i++) {
        snprintf(one, sizeof(one), FILE_OF("\"%zu\""), i);
        if (i > 0)
            PUT(",");
        PUT(one);
    }
    PUT("]}");
#undef PUT
    ck_assert(!b.bad);
    rc = sov_statement_parse((struct sov_span){ b.p, b.len }, SOV_CLAIM_VALUES,
                             &pool, &json, &st, err);
    if (rc == 0)
        ck_assert_uint_eq(st.n_subjects, files);
    json_decref(json);
    sov_pool_free(&pool);
    sov_buf_free(&b);
    return rc;
}

START_TEST(limits_of_a_statement)
{
    struct sov_err err;
    size_t most = 1;

    ck_assert_int_eq(statement_of(SOV_CLAIM_ITEMS, 1, &err), 0);
    ck_assert_int_eq(statement_of(SOV_CLAIM_ITEMS + 1, 1, &err), SOV_EFORMAT);
    ck_assert_ptr_nonnull(strstr(err.msg, "1025 entries, the limit is 1024"));
    /* what else stands in such a statement has ten values */
    most = SOV_CLAIM_VALUES - 10;
    while (statement_of(1, most, &err) == 0)
        most++;
    ck_assert_ptr_nonnull(strstr(err.msg, "more than 262144 values"));
    ck_assert_uint_le(most, SOV_CLAIM_VALUES);
}
END_TEST

START_TEST(limits_of_a_set)
{
    struct sov_buf b = { 0 };
    struct sov_err err;
    sov_seckey *a = grow(0);
    sov_claims *set;
    char name[16], id[65], *line = NULL;

    for (unsigned i = 0; i <= SOV_CLAIM_LINES; i++) {
        struct small_claim c = { .name = name };

        snprintf(name, sizeof(name), "m%u", i);
        free(line);
        line = make_line(&c, a, id);
        if (i < SOV_CLAIM_LINES)
            sov_buf_add(&b, line, strlen(line));
    }
    set = set_of((char *)b.p, b.len);
    ck_assert_uint_eq(sov_claims_count(set), SOV_CLAIM_LINES);
    /* a full set takes what it has, and nothing else */
    ck_assert_int_eq(sov_claims_read(set, b.p, b.len, "x", NULL), 0);
    ck_assert_int_eq(sov_claims_read(set, line, strlen(line), "x", &err),
                     SOV_EFORMAT);
    ck_assert_ptr_nonnull(strstr(err.msg, "more than 1024 claims"));
    ck_assert_uint_eq(sov_claims_count(set), SOV_CLAIM_LINES);
    sov_claims_free(set);
    sov_seckey_free(a);
    sov_buf_free(&b);
    free(line);
}
END_TEST

/* Claims with many values, 2^14 each; and more text than a set has. */
START_TEST(bytes_and_values_of_a_set)
{
    static struct sov_param list[1 << 14];
    struct sov_param p = {
        .key = "x", .kind = SOV_PARAM_LIST, .item = list, .n = 1 << 14
    };
    struct sov_resource subject = { .name = "m" };
    struct sov_statement st = { .subject = &subject,
                                .n_subjects = 1,
                                .build_type = "urn:x",
                                .builder = "urn:y",
                                .external = &p,
                                .n_external = 1 };
    sov_seckey *a = grow(0);
    struct sov_err err;
    sov_claims *set;
    char *line;
    size_t len, n = 0;
    int rc = 0;

    for (size_t i = 0; i < p.n; i++)
        list[i].kind = SOV_PARAM_INT;
    ck_assert_int_eq(sov_claims_new(&set, NULL), 0);
    while (rc == 0) {
        subject.digest = digest_of(&n, sizeof(n));
        ck_assert_int_eq(sov_claim_make(&st, a, &line, &len, NULL, NULL), 0);
        rc = sov_claims_read(set, line, len, "x", &err);
        free(line);
        n++;
    }
    ck_assert_int_eq(rc, SOV_EFORMAT);
    ck_assert_ptr_nonnull(strstr(err.msg, "values"));
    ck_assert_uint_eq(sov_claims_count(set), SOV_CLAIMS_VALUES / (p.n + 32));
    line = malloc(SOV_CLAIMS_MAX + 1);
    ck_assert_ptr_nonnull(line);
    memset(line, '\n', SOV_CLAIMS_MAX + 1);
    ck_assert_int_eq(sov_claims_read(set, line, SOV_CLAIMS_MAX + 1, "x", &err),
                     SOV_EFORMAT);
    ck_assert_ptr_nonnull(strstr(err.msg, "the limit is 67108864"));
    ck_assert_int_eq(sov_claims_read(set, line, SOV_CLAIMS_MAX, "x", &err),
                     SOV_EFORMAT);
    ck_assert_ptr_nonnull(strstr(err.msg, "not one JSON object"));
    free(line);
    sov_claims_free(set);
    sov_seckey_free(a);
}
END_TEST

START_TEST(a_failed_read_leaves_the_set_alone)
{
    size_t len;
    char *text = golden_text(&len);
    sov_claims *set;

    ck_assert_int_eq(sov_claims_new(&set, NULL), 0);
    ck_assert_int_eq(sov_claims_read(set, text, len - 1, "x", NULL),
                     SOV_EFORMAT);
    ck_assert_uint_eq(sov_claims_count(set), 0);
    ck_assert_int_eq(sov_claims_read(set, text, 0, "x", NULL), 0);
    ck_assert_int_eq(sov_claims_read(set, text, len, "x", NULL), 0);
    ck_assert_uint_eq(sov_claims_count(set), 2);
    sov_claims_free(set);
    free(text);
}
END_TEST

START_TEST(one_key_one_claim_one_signature)
{
    size_t len;
    char *text = golden_text(&len),
         *bad = changed("\"sig\":\"2", "\"sig\":\"3");
    sov_claims *set = set_of(text, len);
    struct sov_err err;

    ck_assert_int_eq(sov_claims_read(set, bad, strlen(bad), "x", &err),
                     SOV_EFORMAT);
    ck_assert_ptr_nonnull(strstr(err.msg, "another signature"));
    sov_claims_free(set);
    free(text);
    free(bad);
}
END_TEST

/* ---- envelopes of others */

static sov_claims *
bare(const char *form, bool url)
{
    char payload[SOV_BASE64_LEN(1000)], text[3000], sig[] = HELLO_SIG;
    char body[1000];

    /* characters of both alphabets: "?", ">" and "~" at every place of three */
    snprintf(body, sizeof(body), "%s",
             HEAD(FILE_OF("\"~~~>?>?>?ho\"")) TAIL("", ""));
    sov_base64_encode(body, strlen(body), payload);
    if (url) {
        for (char *p = payload; *p != '\0'; p++)
            *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
        payload[strcspn(payload, "=")] = '\0';
        for (char *p = sig; *p != '\0'; p++)
            *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    }
    snprintf(text, sizeof(text), form, payload, sig);
    return set_of(text, strlen(text));
}

START_TEST(bare_envelopes_are_read)
{
    sov_claims *set[3];

    set[0] = bare("{\"payload\":\"%s\",\"payloadType\":\"application/vnd."
                  "in-toto+json\",\"signatures\":[{\"keyid\":\"" ID_A
                  "\",\"sig\":\"%s\"}]}\n",
                  false);
    set[1] = bare("{\"payload\":\"%s\",\"payloadType\":\"application/vnd."
                  "in-toto+json\",\"signatures\":[{\"keyid\":\"me\","
                  "\"sig\":\"%s\"}]}\n",
                  true);
    set[2] = bare("{\"payload\":\"%s\",\"payloadType\":\"application/vnd."
                  "in-toto+json\",\"signatures\":[{\"sig\":\"%s\"}]}\n",
                  true);
    for (int i = 0; i < 3; i++) {
        const struct sov_claim *c = sov_claims_at(set[i], 0);

        ck_assert(!c->bundle);
        ck_assert_str_eq(c->key_id, i == 0 ? ID_A : "");
        ck_assert_str_eq(c->id, sov_claims_at(set[0], 0)->id);
    }
    for (int i = 0; i < 3; i++)
        sov_claims_free(set[i]);
}
END_TEST

/* ---- making */

static struct sov_statement
simple(struct sov_resource *subject)
{
    struct sov_statement st = { .subject = subject,
                                .n_subjects = 1,
                                .build_type = "urn:sov:buildtype:test:v1",
                                .builder = "urn:sov:builder:test:v1" };

    *subject = (struct sov_resource){ .name = "m" };
    subject->digest = digest_of("m", 1);
    return st;
}

static void
not_said(const struct sov_statement *st, const char *want)
{
    struct sov_err err;
    char *text = NULL;
    size_t len;

    ck_assert_int_eq(sov_statement_text(st, &text, &len, &err), SOV_EARG);
    ck_assert_ptr_null(text);
    ck_assert_msg(strstr(err.msg, want) != NULL, "%s", err.msg);
}

START_TEST(what_cannot_be_said)
{
    static const char *const names[] = {
        "",     "/m",   "../m", "m/",    "a//b", ".",
        "a/..", "a\\b", NULL,   "a/./b", "..",
    };
    struct sov_resource subject, two[2];
    struct sov_param p = { .key = "k", .kind = SOV_PARAM_INT };
    struct sov_statement st = simple(&subject);

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        subject.name = names[i];
        not_said(&st, "name of a file");
    }
    subject.name = "\xff";
    not_said(&st, "UTF-8");
    subject.name = "m";
    subject.digest.has = SOV_HASH_VERITY;
    not_said(&st, "no SHA-256");
    st = simple(&subject);
    two[0] = two[1] = subject;
    st.subject = two;
    st.n_subjects = 2;
    not_said(&st, "named twice");
    st.n_subjects = 0;
    not_said(&st, "subject: none");
    st = simple(&subject);
    st.external = &p;
    st.n_external = 1;
    p.num = INT64_C(1) << 53;
    not_said(&st, "2^53");
    p.kind = SOV_PARAM_REAL;
    not_said(&st, "not written");
    p.kind = SOV_PARAM_BOOL;
    p.key = "\xc3\xa9";
    not_said(&st, "not in ASCII");
    st = simple(&subject);
    st.finished = -1;
    not_said(&st, "finishedOn");
    st = simple(&subject);
    st.builder = NULL;
    not_said(&st, "builder");
    st = simple(&subject);
    subject.claim = "1";
    not_said(&st, "not the id");
}
END_TEST

START_TEST(the_same_claim_is_the_same_bytes)
{
    struct sov_resource subject;
    struct sov_statement st = simple(&subject);
    char *text[3];
    size_t len[3];

    st.finished = 1767323109;
    ck_assert_int_eq(sov_statement_text(&st, &text[0], &len[0], NULL), 0);
    ck_assert_int_eq(sov_statement_text(&st, &text[1], &len[1], NULL), 0);
    st.finished++;
    ck_assert_int_eq(sov_statement_text(&st, &text[2], &len[2], NULL), 0);
    ck_assert_str_eq(text[0], text[1]);
    ck_assert_str_ne(text[0], text[2]);
    ck_assert_ptr_nonnull(strstr(text[0], "\"invocationId\":\"urn:sov:run:"));
    ck_assert_ptr_nonnull(
        strstr(text[0], "\"finishedOn\":\"2026-01-02T03:05:09Z\""));
    ck_assert_ptr_null(strstr(text[0], "startedOn"));
    /* another run has another name */
    ck_assert(strncmp(strstr(text[0], "urn:sov:run:"),
                      strstr(text[2], "urn:sov:run:"), 44) != 0);
    for (int i = 0; i < 3; i++)
        free(text[i]);
}
END_TEST

START_TEST(ancestors_come_first_and_nothing_else)
{
    sov_seckey *a = grow(0);
    struct small_claim p = { .name = "p" }, x = { .name = "x" };
    struct small_claim c = { .name = "c", .parent = { "p" } };
    char id[3][65], *line[3], all[9000], want[9000];
    const char *leaf = id[2];
    sov_meta *meta;
    sov_claims *set;
    struct sov_span s;
    char *text;
    size_t len;

    line[0] = make_line(&p, a, id[0]);
    line[1] = make_line(&x, a, id[1]);
    c.claim[0] = id[0];
    line[2] = make_line(&c, a, id[2]);
    snprintf(all, sizeof(all), "%s%s%s", line[2], line[1], line[0]);
    snprintf(want, sizeof(want), "%s%s", line[0], line[2]);
    set = set_of(all, strlen(all));
    ck_assert_int_eq(sov_claims_ancestry(set, &leaf, 1, &text, &len, NULL), 0);
    ck_assert_str_eq(text, want);
    ck_assert_int_eq(sov_meta_new(&meta, NULL), 0);
    ck_assert_int_eq(sov_claims_embed(meta, text, len, NULL), 0);
    ck_assert_int_eq(sov_meta_str(meta, SOV_LINEAGE_KEY, &s, NULL), 0);
    ck_assert_uint_eq(s.len, len);
    ck_assert_int_eq(sov_claims_embed(meta, "", 0, NULL), 0);
    ck_assert_int_eq(sov_claims_read_meta(set, meta, NULL), 1);
    sov_meta_free(meta);
    free(text);
    ck_assert_int_eq(sov_claims_ancestry(set, NULL, 0, &text, &len, NULL), 0);
    ck_assert_uint_eq(len, strlen(all));
    ck_assert_ptr_nonnull(strstr(text, line[1]));
    free(text);
    leaf = IMPORT;
    ck_assert_int_eq(sov_claims_ancestry(set, &leaf, 1, &text, &len, NULL),
                     SOV_ENO);
    sov_claims_free(set);
    set = set_of(line[2], strlen(line[2]));
    ck_assert_int_eq(sov_claims_ancestry(set, NULL, 0, &text, &len, NULL),
                     SOV_ENO);
    sov_claims_free(set);
    for (int i = 0; i < 3; i++)
        free(line[i]);
    sov_seckey_free(a);
}
END_TEST

START_TEST(labels_are_inherited)
{
    sov_seckey *a = grow(0);
    struct small_claim p = { .name = "p", .label = "MIT" };
    struct small_claim q = { .name = "q", .label = "CC-BY-NC-4.0" };
    struct sov_param eu = { .kind = SOV_PARAM_STR, .str = "EU" };
    struct sov_param mit = { .kind = SOV_PARAM_STR, .str = "MIT" };
    struct sov_param own[2] = {
        { .key = "license", .kind = SOV_PARAM_LIST, .item = &mit, .n = 1 },
        { .key = "jurisdiction", .kind = SOV_PARAM_LIST, .item = &eu, .n = 1 },
    };
    char id[2][65], all[9000], *line[2];
    const char *ids[2] = { id[0], id[1] };
    struct sov_param *label;
    sov_claims *set;
    size_t n;

    line[0] = make_line(&p, a, id[0]);
    line[1] = make_line(&q, a, id[1]);
    snprintf(all, sizeof(all), "%s%s", line[0], line[1]);
    set = set_of(all, strlen(all));
    ck_assert_int_eq(sov_claims_labels(set, ids, 2, own, 2, &label, &n, NULL),
                     0);
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(label[0].key, "jurisdiction");
    ck_assert_uint_eq(label[0].n, 1);
    ck_assert_str_eq(label[1].key, "license");
    ck_assert_uint_eq(label[1].n, 2);
    ck_assert_str_eq(label[1].item[0].str, "CC-BY-NC-4.0");
    ck_assert_str_eq(label[1].item[1].str, "MIT");
    free(label);
    ck_assert_int_eq(sov_claims_labels(set, NULL, 0, NULL, 0, &label, &n, NULL),
                     0);
    ck_assert_uint_eq(n, 0);
    free(label);
    sov_claims_free(set);
    sov_seckey_free(a);
    free(line[0]);
    free(line[1]);
}
END_TEST

/* A test's result is said in one way, and read as it was said. */
START_TEST(results_of_tests)
{
    static const char want[] =
        "{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":{"
        "\"configuration\":[{\"annotations\":{\"sov_role\":\"tool\"},"
        "\"digest\":{\"sha256\":\"" SHA "\"},\"name\":\"t\"}],"
        "\"failedTests\":[\"b\"],\"passedTests\":[\"a\",\"c\"],"
        "\"result\":\"FAILED\",\"sov_finishedOn\":\"1970-01-01T00:00:01Z\","
        "\"sov_x\":{\"k\":7},\"url\":\"urn:u\"},\"predicateType\":"
        "\"https://in-toto.io/attestation/test-result/v0.1\",\"subject\":[{"
        "\"digest\":{\"sha256\":\"" SHA "\"},\"name\":\"m\"}]}";
    struct sov_param passed[2] = { { .kind = SOV_PARAM_STR, .str = "a" },
                                   { .kind = SOV_PARAM_STR, .str = "c" } };
    struct sov_param failed = { .kind = SOV_PARAM_STR, .str = "b" };
    struct sov_param digest = { "sha256", SOV_PARAM_STR, SHA, 0, NULL, 0 };
    struct sov_param k = { "k", SOV_PARAM_INT, NULL, 7, NULL, 0 };
    struct sov_param x = { "sov_x", SOV_PARAM_MAP, NULL, 0, &k, 1 };
    struct sov_resource tool = {
        .name = "t", .role = "tool", .digests = &digest, .n_digests = 1
    };
    struct sov_resource file = { .name = "m" };
    struct sov_statement st = {
        .predicate_type = SOV_PREDICATE_TEST,
        .subject = &file,
        .n_subjects = 1,
        .result = SOV_TEST_FAILED,
        .configuration = &tool,
        .n_configuration = 1,
        .url = "urn:u",
        .test = { [SOV_TEST_PASSED] = { .item = passed, .n = 2 },
                  [SOV_TEST_FAILED] = { .item = &failed, .n = 1 } },
        .finished = 1,
        .extra = &x,
        .n_extra = 1,
    };
    const struct sov_statement *got;
    sov_claims *set;
    struct sov_err err;
    char *text, *line;
    size_t len;

    file.digest.has = SOV_HASH_SHA256;
    ck_assert(sov_hex_parse(SHA, file.digest.sha256));
    ck_assert_int_eq(sov_statement_text(&st, &text, &len, NULL), 0);
    ck_assert_str_eq(text, want);
    line = signed_line(text);
    set = set_of(line, strlen(line));
    got = &sov_claims_at(set, 0)->statement;
    ck_assert(sov_statement_is_test(got));
    ck_assert_int_eq(got->result, SOV_TEST_FAILED);
    ck_assert_str_eq(sov_test_word(got->result), "FAILED");
    ck_assert_uint_eq(got->test[SOV_TEST_PASSED].n, 2);
    ck_assert_str_eq(got->test[SOV_TEST_PASSED].item[1].str, "c");
    ck_assert_uint_eq(got->test[SOV_TEST_WARNED].n, 0);
    ck_assert_str_eq(got->test[SOV_TEST_FAILED].item[0].str, "b");
    ck_assert_str_eq(got->configuration[0].role, "tool");
    ck_assert_str_eq(got->url, "urn:u");
    ck_assert_int_eq(got->finished, 1);
    ck_assert_uint_eq(got->n_extra, 1);
    ck_assert_int_eq(got->extra[0].item[0].num, 7);
    ck_assert_ptr_null(got->builder);
    sov_claims_free(set);
    free(line);
    free(text);
    st.n_configuration = 0;
    ck_assert_int_eq(sov_statement_text(&st, &text, &len, &err), SOV_EARG);
    ck_assert_ptr_nonnull(strstr(err.msg, "configuration"));
}
END_TEST

void
line_tests(TCase *tc)
{
    tcase_add_test(tc, encoding_and_signature_of_the_small_vector);
    tcase_add_test(tc, encoding_of_the_second_golden_line);
    tcase_add_test(tc, golden_lines_are_made_again);
    tcase_add_test(tc, canonical_json);
    tcase_add_test(tc, times);
    tcase_add_test(tc, envelopes_have_one_form);
    tcase_add_test(tc, statements_have_one_meaning);
    tcase_add_test(tc, what_is_not_known_is_passed_over);
    tcase_add_test(tc, results_of_tests);
    tcase_add_test(tc, limits_of_a_line);
    tcase_add_test(tc, limits_of_a_statement);
    tcase_add_test(tc, limits_of_a_set);
    tcase_add_test(tc, bytes_and_values_of_a_set);
    tcase_add_test(tc, a_failed_read_leaves_the_set_alone);
    tcase_add_test(tc, one_key_one_claim_one_signature);
    tcase_add_test(tc, bare_envelopes_are_read);
    tcase_add_test(tc, what_cannot_be_said);
    tcase_add_test(tc, the_same_claim_is_the_same_bytes);
    tcase_add_test(tc, ancestors_come_first_and_nothing_else);
    tcase_add_test(tc, labels_are_inherited);
}
