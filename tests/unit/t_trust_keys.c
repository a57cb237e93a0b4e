/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_trust_keys.c - unit tests of lib/trust: keys and signatures
 *
 * Two keys are known from outside: A grows from the seed 00 01 .. 1f, B from
 * 20 21 .. 3f.
 */
#include "unit.h"

#include "sov/key.h"
#include "trust/armor.h"
#include "trust/keys.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_A   "a050837d85070582ccf7394b0988847cc312cb88259b894899f6f239cf1791a5"
#define ID_B   "824c89aa8efb95ef93629b4519599129cace4adac9a6180daba31ceed41ecee6"
#define RAW_A  "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
#define BARE_A "RWQBAgMEBQYHCAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define BARE_B "RWQ0Ch5oB0KbGCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
#define SSH_A \
    "AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define FILE_B \
    "untrusted comment: minisign public key 189B4207681E0A34\n" BARE_B "\n"
#define PEM_A                                                        \
    "-----BEGIN PUBLIC KEY-----\n"                                   \
    "MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n" \
    "-----END PUBLIC KEY-----\n"

static sov_seckey *
grow(unsigned char first)
{
    unsigned char seed[SOV_SEED_LEN];
    sov_seckey *key = NULL;

    for (size_t i = 0; i < sizeof(seed); i++)
        seed[i] = (unsigned char)(first + i);
    ck_assert_int_eq(sov_seckey_seed(&key, seed, NULL), 0);
    return key;
}

static int
parse(struct sov_pubkey *key, const char *text, struct sov_err *err)
{
    return sov_pubkey_parse(key, text, strlen(text), err);
}

START_TEST(base64_is_canonical_or_refused)
{
    static const char *const bad[] = {
        "QQ",    "QQ=",   "QQ===",    "QR==", "QUI",  "QUJ=", "QQ==\n",
        " QQ==", "Q Q==", "QQ==QQ==", "====", "QUI-", "_UI=", "QU\0=",
    };
    unsigned char out[8];
    char text[16];
    size_t len = 9;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!sov_base64_decode(bad[i], strlen(bad[i]), out, 8, &len),
                      "%s", bad[i]);
    ck_assert(!sov_base64_decode("QU\0=", 4, out, 8, &len));
    ck_assert(!sov_base64_decode("QUJDREVGR0hJ", 12, out, 8, &len));
    ck_assert(sov_base64_decode("QUJDREVGR0g=", 12, out, 8, &len));
    ck_assert_uint_eq(len, 8);
    ck_assert_int_eq(memcmp(out, "ABCDEFGH", 8), 0);
    ck_assert(sov_base64_decode("", 0, out, 8, &len));
    ck_assert_uint_eq(len, 0);
    sov_base64_encode("\xff\xfe", 2, text);
    ck_assert_str_eq(text, "//4=");
}
END_TEST

START_TEST(one_key_has_one_id_in_every_form)
{
    static const char *const form[] = {
        PEM_A,
        "untrusted comment: minisign public key 0807060504030201\n" BARE_A "\n",
        "untrusted comment: signify public key\n" BARE_A "\n",
        "ssh-ed25519 " SSH_A "\n",
        "ssh-ed25519 " SSH_A " somebody on some machine\n",
    };
    struct sov_pubkey key;
    sov_seckey *a = grow(0);
    sov_seckey *b = grow(0x20);

    for (size_t i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
        ck_assert_int_eq(parse(&key, form[i], NULL), 0);
        ck_assert_str_eq(key.id, ID_A);
    }
    ck_assert_int_eq(sov_pubkey_load(&key, BARE_A, NULL), 0);
    ck_assert_str_eq(key.id, ID_A);
    ck_assert_str_eq(key.name, "");
    ck_assert_int_eq(memcmp(key.num, "\1\2\3\4\5\6\7\10", 8), 0);
    ck_assert_str_eq(sov_seckey_public(a)->id, ID_A);
    ck_assert_str_eq(sov_seckey_public(b)->id, ID_B);
    sov_seckey_free(a);
    sov_seckey_free(b);
}
END_TEST

START_TEST(a_public_key_is_written_as_minisign_does)
{
    sov_seckey *b = grow(0x20);
    struct sov_pubkey key;
    char *text = NULL;
    size_t len = 0;

    ck_assert_int_eq(sov_pubkey_text(sov_seckey_public(b), &text, &len, NULL),
                     0);
    ck_assert_str_eq(text, FILE_B);
    ck_assert_uint_eq(len, strlen(FILE_B));
    ck_assert_int_eq(parse(&key, text, NULL), 0);
    ck_assert_str_eq(key.id, ID_B);
    free(text);
    sov_seckey_free(b);
}
END_TEST

START_TEST(a_public_key_file_that_is_not_one_is_refused)
{
    static const struct {
        const char *text;
        const char *why;
    } bad[] = {
        { "", "known form" },
        { "\n", "known form" },
        { "hello\n", "known form" },
        { "untrusted comment: x\n" BARE_A, "cut short" },
        { "untrusted comment: x\n" BARE_A "\n\n", "1 bytes after" },
        { "untrusted comment: x\n" BARE_A "\r\n", "characters" },
        { "untrusted comment: \x1b[2J\n" BARE_A "\n", "control" },
        { "untrusted comment: minisign public key 0807060504030200\n" BARE_A
          "\n",
          "0807060504030201" },
        { PEM_A "x", "after" },
        { "-----BEGIN PUBLIC KEY-----\n", "cut short" },
        { "-----BEGIN PUBLIC KEY----- \nAAAA\n-----END PUBLIC KEY-----\n",
          "PEM" },
        { "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
          "PEM" },
        { "-----BEGIN PRIVATE KEY-----\nAAAA\n", "secret" },
        { "ssh-ed25519 " SSH_A, "cut short" },
        { "ssh-ed25519 " RAW_A "\n", "OpenSSH" },
        { "ssh-rsa AAAA\n", "known form" },
    };
    struct sov_pubkey key = { .name = "untouched" };
    struct sov_err err;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        err.msg[0] = '\0';
        ck_assert_int_eq(parse(&key, bad[i].text, &err), SOV_EDENY);
        ck_assert_msg(strstr(err.msg, bad[i].why) != NULL, "%zu: %s", i,
                      err.msg);
    }
    ck_assert_str_eq(key.name, "untouched");
    ck_assert_int_eq(sov_pubkey_load(&key, "no-such-file", &err), SOV_EDENY);
}
END_TEST

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

int
main(void)
{
    TCase *tc = tcase_create("keys");

    tcase_add_test(tc, base64_is_canonical_or_refused);
    tcase_add_test(tc, one_key_has_one_id_in_every_form);
    tcase_add_test(tc, a_public_key_is_written_as_minisign_does);
    tcase_add_test(tc, a_public_key_file_that_is_not_one_is_refused);
    tcase_add_test(tc, what_is_signed_verifies_and_nothing_else);
    return unit_main("trust keys", tc);
}
