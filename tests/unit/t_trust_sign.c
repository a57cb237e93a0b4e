/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_trust_sign.c - unit tests of lib/trust: signatures, and what is none
 */
#include "trust_keys.h"
#include "unit.h"

#include "base/limits.h"
#include "sov/io.h"
#include "sov/key.h"
#include "trust/armor.h"
#include "trust/keys.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static int
parse(struct sov_pubkey *key, const char *text, struct sov_err *err)
{
    return sov_pubkey_parse(key, text, strlen(text), err);
}

START_TEST(what_is_signed_verifies_and_nothing_else)
{
    sov_seckey *a = grow(0);
    sov_seckey *b = grow(0x20);
    unsigned char sig[SOV_SIG_LEN];
    char msg[] = "DSSEv1 1 a 1 b";
    const struct sov_pubkey *pub = sov_seckey_public(a);

    ck_assert_int_eq(sov_sign(a, msg, sizeof(msg), sig, NULL), 0);
    ck_assert(sov_sig_ok(pub, msg, sizeof(msg), sig));
    ck_assert(!sov_sig_ok(pub, msg, sizeof(msg) - 1, sig));
    ck_assert(!sov_sig_ok(sov_seckey_public(b), msg, sizeof(msg), sig));
    for (size_t i = 0; i < 8 * sizeof(sig); i++) {
        sig[i / 8] ^= (unsigned char)(1 << i % 8);
        ck_assert(!sov_sig_ok(pub, msg, sizeof(msg), sig));
        sig[i / 8] ^= (unsigned char)(1 << i % 8);
    }
    for (size_t i = 0; i < 8 * sizeof(msg); i++) {
        msg[i / 8] ^= (char)(1 << i % 8);
        ck_assert(!sov_sig_ok(pub, msg, sizeof(msg), sig));
        msg[i / 8] ^= (char)(1 << i % 8);
    }
    ck_assert_int_eq(sov_sign(a, "", 0, sig, NULL), 0);
    ck_assert(sov_sig_ok(pub, "", 0, sig));
    sov_seckey_free(a);
    sov_seckey_free(b);
}
END_TEST

/* ---- what a lax verifier would take ---- */

/* Points of small order, and other ways to write them. */
static const char *const weak[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
};
#define N_WEAK (sizeof(weak) / sizeof(weak[0]))

static void
unhex(unsigned char *out, const char *hex)
{
    for (size_t i = 0; i < 32; i++) {
        unsigned v;

        ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &v), 1);
        out[i] = (unsigned char)v;
    }
}

START_TEST(a_weak_public_key_is_refused_in_every_form)
{
    static const unsigned char head[] = "\0\0\0\13ssh-ed25519\0\0\0\40";
    unsigned char blob[64] = "Ed\1\2\3\4\5\6\7\10";
    unsigned char ssh[64];
    struct sov_pubkey key;
    char base64[100];
    char text[200];

    memcpy(ssh, head, 19);
    for (size_t i = 0; i < N_WEAK; i++) {
        unhex(blob + 10, weak[i]);
        ck_assert(!sov_point_ok(blob + 10));
        sov_base64_encode(blob, 42, base64);
        ck_assert_int_eq(sov_pubkey_load(&key, base64, NULL), SOV_EDENY);
        snprintf(text, sizeof(text), "untrusted comment: x\n%s\n", base64);
        ck_assert_int_eq(parse(&key, text, NULL), SOV_EDENY);
        memcpy(ssh + 19, blob + 10, 32);
        sov_base64_encode(ssh, 51, base64);
        snprintf(text, sizeof(text), "ssh-ed25519 %s\n", base64);
        ck_assert_int_eq(parse(&key, text, NULL), SOV_EDENY);
    }
}
END_TEST

START_TEST(a_point_beside_the_main_subgroup_is_refused)
{
    sov_seckey *a = grow(0);
    unsigned char small[32];
    unsigned char sum[32];

    ck_assert(sov_point_ok(sov_seckey_public(a)->key));
    for (size_t i = 0; i < N_WEAK; i++) {
        unhex(small, weak[i]);
        if (crypto_core_ed25519_add(sum, sov_seckey_public(a)->key, small) !=
                0 ||
            memcmp(sum, sov_seckey_public(a)->key, 32) == 0)
            continue;
        ck_assert_msg(!sov_point_ok(sum), "%s", weak[i]);
    }
    sov_seckey_free(a);
}
END_TEST

/* h = SHA-512(R | A | message) mod L */
static void
challenge(unsigned char h[32], const unsigned char *r, const unsigned char *a,
          const char *msg)
{
    crypto_hash_sha512_state state;
    unsigned char wide[64];

    crypto_hash_sha512_init(&state);
    crypto_hash_sha512_update(&state, r, 32);
    crypto_hash_sha512_update(&state, a, 32);
    crypto_hash_sha512_update(&state, (const void *)msg, strlen(msg));
    crypto_hash_sha512_final(&state, wide);
    crypto_core_ed25519_scalar_reduce(h, wide);
}

/* With a key of order 1, R = S * B holds for any message. */
START_TEST(a_signature_by_a_weak_key_is_refused)
{
    struct sov_pubkey key = { .name = "" };
    unsigned char sig[64];

    memset(sig, 0, sizeof(sig));
    sig[32] = 5;
    ck_assert_int_eq(crypto_scalarmult_ed25519_base_noclamp(sig, sig + 32), 0);
    for (size_t i = 0; i < N_WEAK; i++) {
        unhex(key.key, weak[i]);
        ck_assert(!sov_sig_ok(&key, "any", 3, sig));
    }
}
END_TEST

/* With R of order 1, S = h * a holds; whoever has the key can write several
 * signatures of one message so. */
START_TEST(a_signature_with_a_weak_r_is_refused)
{
    sov_seckey *a = grow(0);
    const struct sov_pubkey *pub = sov_seckey_public(a);
    unsigned char wide[64];
    unsigned char scalar[32];
    unsigned char sig[64];
    unsigned char h[32];

    crypto_hash_sha512(wide, sov_seckey_bytes(a), 32);
    wide[0] &= 248;
    wide[31] = (unsigned char)((wide[31] & 127) | 64);
    memset(wide + 32, 0, 32);
    crypto_core_ed25519_scalar_reduce(scalar, wide);
    for (size_t i = 0; i < N_WEAK; i++) {
        unhex(sig, weak[i]);
        challenge(h, sig, pub->key, "message");
        crypto_core_ed25519_scalar_mul(sig + 32, h, scalar);
        ck_assert(!sov_sig_ok(pub, "message", 7, sig));
    }
    memset(sig, 0, sizeof(sig));
    ck_assert(!sov_sig_ok(pub, "message", 7, sig));
    memset(sig, 0xff, sizeof(sig));
    ck_assert(!sov_sig_ok(pub, "message", 7, sig));
    sov_seckey_free(a);
}
END_TEST

START_TEST(a_signature_with_s_beyond_the_order_is_refused)
{
    static const unsigned char order[32] = {
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
        0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
        0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10,
    };
    sov_seckey *a = grow(0);
    const struct sov_pubkey *pub = sov_seckey_public(a);
    unsigned char sig[64];

    ck_assert_int_eq(sov_sign(a, "message", 7, sig, NULL), 0);
    for (int times = 0; times < 15; times++) {
        unsigned carry = 0;

        ck_assert_int_eq(sov_sig_ok(pub, "message", 7, sig), times == 0);
        for (size_t i = 0; i < 32; i++) {
            carry += (unsigned)sig[32 + i] + order[i];
            sig[32 + i] = (unsigned char)carry;
            carry >>= 8;
        }
    }
    sov_seckey_free(a);
}
END_TEST

/* ---- minisign's signatures ---- */

#define CLAIMS_COMMENT         \
    "sov-claims v1\tlines:2\t" \
    "sha256:05e7394106475dad8010d3a850fa8fce9c6f50b7cb0fcf4ea883c100bf52568b"

static char *
minisig(const sov_seckey *key, const char *msg, const char *comment)
{
    char *text = NULL;
    size_t len = 0;

    ck_assert_int_eq(
        sov_minisig_make(key, msg, strlen(msg), comment, &text, &len, NULL), 0);
    ck_assert_uint_eq(strlen(text), len);
    return text;
}

static int
check_minisig(const struct sov_pubkey *key, const char *msg, const char *text,
              size_t len)
{
    struct sov_minisig sig;
    int rc = sov_minisig_parse(&sig, text, len, NULL);

    return rc < 0 ? rc : sov_minisig_check(&sig, key, msg, strlen(msg), NULL);
}

START_TEST(a_minisig_holds_for_its_bytes_alone)
{
    sov_seckey *a = grow(0);
    sov_seckey *b = grow(0x20);
    const struct sov_pubkey *pub = sov_seckey_public(b);
    char *text = minisig(b, "message", CLAIMS_COMMENT);
    char *whole = minisig(b, "message", CLAIMS_COMMENT);
    size_t len = strlen(text);

    ck_assert_str_eq(text, whole);
    ck_assert_int_eq(check_minisig(pub, "message", text, len), 0);
    ck_assert_int_eq(check_minisig(pub, "massage", text, len), SOV_ENO);
    ck_assert_int_eq(check_minisig(sov_seckey_public(a), "message", text, len),
                     SOV_ENO);
    for (size_t cut = 0; cut < len; cut++)
        ck_assert_int_eq(check_minisig(pub, "message", text, cut), SOV_ENO);
    for (size_t i = 0; i < 8 * len; i++) {
        if (is_comment(whole, i / 8))
            continue;
        text[i / 8] ^= (char)(1 << i % 8);
        ck_assert_msg(check_minisig(pub, "message", text, len) == SOV_ENO,
                      "bit %zu", i);
        text[i / 8] ^= (char)(1 << i % 8);
    }
    free(text);
    free(whole);
    sov_seckey_free(a);
    sov_seckey_free(b);
}
END_TEST

START_TEST(a_comment_that_acts_on_a_terminal_is_refused)
{
    static const char *const bad[] = {
        "a\nb", "a\rb", "\x1b[2J", "\x7f", "\xc2\x85", "\xe2\x80\xae", "\xff",
    };
    sov_seckey *a = grow(0);
    struct sov_minisig sig;
    char *good = minisig(a, "m", "a?b");
    char *text = NULL;
    char comment[9000];
    size_t len = 0;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(sov_minisig_make(a, "m", 1, bad[i], &text, &len, NULL),
                         SOV_EARG);
    for (int c = 1; c < 32; c++) {
        *strchr(good, '?') = (char)c;
        ck_assert_int_eq(sov_minisig_parse(&sig, good, strlen(good), NULL),
                         c == '\t' ? 0 : SOV_ENO);
        *strchr(good, c) = '?';
    }
    memset(comment, 'c', sizeof(comment));
    comment[8001] = '\0';
    ck_assert_int_eq(sov_minisig_make(a, "m", 1, comment, &text, &len, NULL),
                     SOV_EARG);
    comment[8000] = '\0';
    ck_assert_int_eq(sov_minisig_make(a, "m", 1, comment, &text, &len, NULL),
                     0);
    ck_assert_int_eq(check_minisig(sov_seckey_public(a), "m", text, len), 0);
    free(text);
    free(good);
    sov_seckey_free(a);
}
END_TEST

/* What an independent implementation made with key B, byte for byte. */
START_TEST(the_golden_claims_have_the_golden_minisig)
{
    static const char name[] = "tests/data/child.gguf.claims.jsonl";
    const char *top = getenv("top_srcdir");
    sov_seckey *b = grow(0x20);
    struct sov_minisig sig;
    char path[4096];
    char *want = NULL;
    char *text = NULL;
    size_t want_len = 0;
    size_t len = 0;

    ck_assert_ptr_nonnull(top);
    snprintf(path, sizeof(path), "%s/%s.minisig", top, name);
    ck_assert_int_eq(sov_read_whole(path, 10000, &want, &want_len, NULL), 0);
    snprintf(path, sizeof(path), "%s/%s", top, name);
    ck_assert_int_eq(sov_minisig_parse(&sig, want, want_len, NULL), 0);
    ck_assert_str_eq(sig.comment, CLAIMS_COMMENT);
    ck_assert_int_eq(
        sov_minisig_check_path(&sig, sov_seckey_public(b), path, NULL), 0);
    ck_assert_int_eq(
        sov_minisig_make_path(b, path, CLAIMS_COMMENT, &text, &len, NULL), 0);
    ck_assert_str_eq(text, want);
    free(text);
    free(want);
    sov_seckey_free(b);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("sign");

    tcase_add_test(tc, what_is_signed_verifies_and_nothing_else);
    tcase_add_test(tc, a_weak_public_key_is_refused_in_every_form);
    tcase_add_test(tc, a_point_beside_the_main_subgroup_is_refused);
    tcase_add_test(tc, a_signature_by_a_weak_key_is_refused);
    tcase_add_test(tc, a_signature_with_a_weak_r_is_refused);
    tcase_add_test(tc, a_signature_with_s_beyond_the_order_is_refused);
    tcase_add_test(tc, a_minisig_holds_for_its_bytes_alone);
    tcase_add_test(tc, a_comment_that_acts_on_a_terminal_is_refused);
    tcase_add_test(tc, the_golden_claims_have_the_golden_minisig);
    return unit_main("trust signatures", tc);
}
