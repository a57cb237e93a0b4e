/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_trust_keys.c - unit tests of lib/trust: public and secret keys
 */
#include "trust_keys.h"
#include "unit.h"

#include "base/le.h"
#include "base/limits.h"
#include "sov/key.h"
#include "trust/armor.h"
#include "trust/keys.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
    strcpy(text, "AAAA");
    for (int c = 0; c < 256; c++) {
        text[c % 4] = (char)c;
        ck_assert_int_eq(sov_base64_decode(text, 4, out, 8, &len),
                         isalnum(c) || c == '+' || c == '/');
        text[c % 4] = 'A';
    }
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
        "untrusted comment: minisign public key 807060504030201\n" BARE_A "\n",
        "untrusted comment: minisign public key of somebody\n" BARE_A "\n",
        "untrusted comment: minisign public key 10807060504030201\n" BARE_A
        "\n",
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
        { "untrusted comment: minisign public key 807060504030200\n" BARE_A
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

/* ---- secret keys ---- */

/* As minisign 0.11 wrote them: -G -W, and -G (password pw) and then -C -W. */
#define MINISIGN_PLAIN                                                     \
    "untrusted comment: minisign encrypted secret key\n"                   \
    "RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
    "AAAAQCOxYio8fsKAo+Osi53HCjKB4fwmIixh93ZWTHiwwb7mfqD/sSJL0ItCdSeG+3wN" \
    "XI16vC6umIuwCQsojvMlLf+pBXXk3+0vAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
    "AAAAAAA=\n"
#define MINISIGN_PLAIN_PUB \
    "RWRAI7FiKjx+wotCdSeG+3wNXI16vC6umIuwCQsojvMlLf+pBXXk3+0v"
#define MINISIGN_FREED                                                     \
    "untrusted comment: minisign encrypted secret key\n"                   \
    "RWQAAEIyLDdwFOT7SaxdJ71JJrAAvS1HVe2gDkO/NWDNsMSNXC4AAAACAAAAAAAAAEAA" \
    "AAAAOv/6karLDFNlP66iN3hmr8Y08tWToBUbcn/sPtWBhyaYA/aOZTlp41iprpBoTJ+7" \
    "PMLFS/Qx0qwcFl3OyORI6IkaCoDktShdsihshn3D00/n+b2VdkvaMiJb/ZUpQChhmUi8" \
    "jyHhzSY=\n"
#define MINISIGN_FREED_PUB \
    "RWQ6//qRqssMU1iprpBoTJ+7PMLFS/Qx0qwcFl3OyORI6IkaCoDktShd"

static int
parse_secret(sov_seckey **key, const char *text, size_t len,
             struct sov_err *err)
{
    *key = NULL;
    return sov_seckey_parse(key, text, len, "secret", NULL, NULL, err);
}

static void
has_public(const sov_seckey *key, const char *bare)
{
    struct sov_pubkey want;

    ck_assert_int_eq(sov_pubkey_load(&want, bare, NULL), 0);
    ck_assert_str_eq(sov_seckey_public(key)->id, want.id);
    ck_assert_int_eq(memcmp(sov_seckey_public(key)->num, want.num, 8), 0);
}

START_TEST(secret_keys_of_minisign_load)
{
    sov_seckey *key = NULL;

    ck_assert_int_eq(
        parse_secret(&key, MINISIGN_PLAIN, strlen(MINISIGN_PLAIN), NULL), 0);
    has_public(key, MINISIGN_PLAIN_PUB);
    sov_seckey_free(key);
    ck_assert_int_eq(
        parse_secret(&key, MINISIGN_FREED, strlen(MINISIGN_FREED), NULL), 0);
    has_public(key, MINISIGN_FREED_PUB);
    sov_seckey_free(key);
}
END_TEST

static size_t questions;

/* Says what arg is, the first time only. */
static int
answer(void *arg, const char *name, int attempt, char *buf, size_t size,
       struct sov_err *err)
{
    questions++;
    ck_assert_str_eq(name, "secret");
    if (arg == NULL || attempt > 1)
        return sov_fail(err, SOV_EDENY, "no password");
    snprintf(buf, size, "%s", (const char *)arg);
    return 0;
}

/* Always the same wrong one. */
static int
wrong(void *arg, const char *name, int attempt, char *buf, size_t size,
      struct sov_err *err)
{
    (void)arg;
    (void)name;
    (void)err;
    questions++;
    ck_assert_int_eq(attempt, (int)questions);
    snprintf(buf, size, "wrong");
    return 0;
}

START_TEST(a_password_opens_a_key_and_another_does_not)
{
    char password[] = "correct horse";
    sov_seckey *b = grow(0x20);
    sov_seckey *key = NULL;
    struct sov_err err;
    char *text = NULL;
    size_t len = 0;

    ck_assert_int_eq(sov_seckey_text_at(b, password, 6, &text, &len, NULL), 0);
    ck_assert_int_eq(
        sov_seckey_parse(&key, text, len, "secret", answer, password, NULL), 0);
    ck_assert_str_eq(sov_seckey_public(key)->id, ID_B);
    sov_seckey_free(key);
    key = NULL;
    questions = 0;
    ck_assert_int_eq(
        sov_seckey_parse(&key, text, len, "secret", wrong, NULL, &err),
        SOV_EDENY);
    ck_assert_uint_eq(questions, 3);
    ck_assert_ptr_null(key);
    ck_assert_ptr_nonnull(strstr(err.msg, "wrong password"));
    ck_assert_int_eq(parse_secret(&key, text, len, &err), SOV_EDENY);
    ck_assert_ptr_nonnull(strstr(err.msg, "nobody"));
    sov_secret_free(text);
    sov_seckey_free(b);
}
END_TEST

/* A file of key b with opslimit and memlimit put in. */
static void
cost_is_refused(uint64_t ops, uint64_t mem)
{
    unsigned char blob[158] = "EdScB2";
    sov_seckey *key = NULL;
    char base64[300];
    char text[400];

    memset(blob + 54, 7, sizeof(blob) - 54);
    sov_put64(blob + 38, ops);
    sov_put64(blob + 46, mem);
    sov_base64_encode(blob, sizeof(blob), base64);
    snprintf(text, sizeof(text), "untrusted comment: x\n%s\n", base64);
    questions = 0;
    ck_assert_int_eq(sov_seckey_parse(&key, text, strlen(text), "secret",
                                      answer, NULL, NULL),
                     SOV_EDENY);
    ck_assert_uint_eq(questions, 0);
}

START_TEST(scrypt_takes_no_more_than_minisign_does)
{
    cost_is_refused(UINT64_C(1) << 25, UINT64_C(1) << 40);
    cost_is_refused(UINT64_C(1) << 25, UINT64_C(1) << 31);
    cost_is_refused(UINT64_C(1) << 26, UINT64_C(1) << 31);
    cost_is_refused(UINT64_C(1) << 60, UINT64_C(1) << 30);
    cost_is_refused((UINT64_C(1) << 25) + 1, UINT64_C(1) << 30);
    cost_is_refused(UINT64_C(1) << 18, UINT64_C(1) << 23);
    cost_is_refused(0, 0);
    cost_is_refused(UINT64_MAX, UINT64_MAX);
}
END_TEST

START_TEST(a_secret_key_file_that_others_can_read_is_refused)
{
    static const char name[] = "t_trust_keys.key";
    sov_seckey *b = grow(0x20);
    sov_seckey *key = NULL;
    struct sov_err err;
    char *text = NULL;
    size_t len = 0;
    FILE *f;

    ck_assert_int_eq(sov_seckey_text(b, NULL, &text, &len, NULL), 0);
    f = fopen(name, "w");
    ck_assert_uint_eq(fwrite(text, 1, len, f), len);
    fclose(f);
    for (mode_t bit = 1; bit <= 040; bit <<= 1) {
        chmod(name, 0600 | bit);
        ck_assert_int_eq(sov_seckey_load(&key, name, NULL, NULL, &err),
                         SOV_EDENY);
        ck_assert_ptr_nonnull(strstr(err.msg, "chmod 600"));
    }
    chmod(name, 0600);
    ck_assert_int_eq(sov_seckey_load(&key, name, NULL, NULL, &err), 0);
    ck_assert_str_eq(sov_seckey_public(key)->name, name);
    ck_assert_str_eq(sov_seckey_public(key)->id, ID_B);
    unlink(name);
    ck_assert_int_eq(sov_seckey_load(&key, name, NULL, NULL, &err), SOV_EDENY);
    sov_seckey_free(key);
    sov_secret_free(text);
    sov_seckey_free(b);
}
END_TEST

/* ---- every bit, every length ---- */

START_TEST(a_damaged_public_key_is_refused_or_another)
{
    struct sov_pubkey key;
    char text[] = FILE_B;
    size_t len = strlen(text);
    size_t others = 0;

    for (size_t cut = 0; cut < len; cut++)
        ck_assert_int_eq(sov_pubkey_parse(&key, text, cut, NULL), SOV_EDENY);
    for (size_t i = 0; i < 8 * len; i++) {
        if (is_comment(FILE_B, i / 8))
            continue;
        text[i / 8] ^= (char)(1 << i % 8);
        if (sov_pubkey_parse(&key, text, len, NULL) == 0) {
            ck_assert_msg(strcmp(key.id, ID_B) != 0, "bit %zu", i);
            others++;
        }
        text[i / 8] ^= (char)(1 << i % 8);
    }
    ck_assert_uint_gt(others, 0);
}
END_TEST

START_TEST(a_damaged_secret_key_is_refused)
{
    sov_seckey *b = grow(0x20);
    sov_seckey *key = NULL;
    char *text = NULL;
    size_t len = 0;
    char *whole;

    ck_assert_int_eq(sov_seckey_text(b, NULL, &text, &len, NULL), 0);
    whole = strndup(text, len);
    for (size_t cut = 0; cut < len; cut++)
        ck_assert_int_eq(parse_secret(&key, text, cut, NULL), SOV_EDENY);
    for (size_t i = 0; i < 8 * len; i++) {
        if (is_comment(whole, i / 8))
            continue;
        text[i / 8] ^= (char)(1 << i % 8);
        ck_assert_msg(parse_secret(&key, text, len, NULL) == SOV_EDENY,
                      "bit %zu", i);
        text[i / 8] ^= (char)(1 << i % 8);
    }
    ck_assert_int_eq(parse_secret(&key, text, len, NULL), 0);
    sov_seckey_free(key);
    sov_secret_free(text);
    sov_seckey_free(b);
    free(whole);
}
END_TEST

/*
 * With a password each flip in what it covers costs a run of scrypt, so all
 * of them are tried with SOV_SLOW=1 only, and some always.
 */
START_TEST(a_damaged_secret_key_with_a_password_is_refused)
{
    size_t step = getenv("SOV_SLOW") != NULL ? 1 : 37;
    char password[] = "pw";
    sov_seckey *b = grow(0x20);
    sov_seckey *key = NULL;
    char *text = NULL;
    size_t len = 0;
    char *whole;

    ck_assert_int_eq(sov_seckey_text_at(b, password, 6, &text, &len, NULL), 0);
    whole = strndup(text, len);
    for (size_t cut = 0; cut < len; cut++)
        ck_assert_int_eq(
            sov_seckey_parse(&key, text, cut, "secret", answer, password, NULL),
            SOV_EDENY);
    questions = 0;
    for (size_t i = 0; i < 8 * len; i++) {
        void *say = questions % step == 0 ? password : NULL;

        if (is_comment(whole, i / 8))
            continue;
        text[i / 8] ^= (char)(1 << i % 8);
        ck_assert_msg(sov_seckey_parse(&key, text, len, "secret", answer, say,
                                       NULL) == SOV_EDENY,
                      "bit %zu", i);
        text[i / 8] ^= (char)(1 << i % 8);
    }
    sov_secret_free(text);
    sov_seckey_free(b);
    free(whole);
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
    tcase_add_test(tc, secret_keys_of_minisign_load);
    tcase_add_test(tc, a_password_opens_a_key_and_another_does_not);
    tcase_add_test(tc, scrypt_takes_no_more_than_minisign_does);
    tcase_add_test(tc, a_secret_key_file_that_others_can_read_is_refused);
    tcase_add_test(tc, a_damaged_public_key_is_refused_or_another);
    tcase_add_test(tc, a_damaged_secret_key_is_refused);
    tcase_add_test(tc, a_damaged_secret_key_with_a_password_is_refused);
    return unit_main("trust keys", tc);
}
