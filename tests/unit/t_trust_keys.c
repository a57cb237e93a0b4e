/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_trust_keys.c - unit tests of lib/trust: keys and signatures
 *
 * Two keys are known from outside: A grows from the seed 00 01 .. 1f, B from
 * 20 21 .. 3f.
 */
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

/* The first and the last byte of the comment, which may be anything. */
static bool
is_comment(const char *text, size_t at)
{
    return at >= strlen("untrusted comment: ") &&
           at < (size_t)(strchr(text, '\n') - text);
}

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

/* ---- keyrings ---- */

#define HEAD  "sov-policy v1\n"
#define KEY_A "key alice ed25519 " RAW_A

static sov_keyring *
ring_of(const char *text, int64_t now)
{
    struct sov_err err = { 0 };
    sov_keyring *ring = NULL;

    ck_assert_int_eq(sov_keyring_new(&ring, NULL), 0);
    sov_keyring_set_time(ring, now);
    ck_assert_msg(sov_keyring_parse(ring, text, strlen(text), &err) == 0, "%s",
                  err.msg);
    return ring;
}

/* Is key A believed at that time, by that policy? */
static bool
believed(const char *text, int64_t now)
{
    sov_keyring *ring = ring_of(text, now);
    bool yes = sov_keyring_find(ring, ID_A, NULL) != NULL;

    sov_keyring_free(ring);
    return yes;
}

START_TEST(a_keyring_believes_who_is_named)
{
    sov_keyring *ring =
        ring_of("# who may\n" HEAD "\t # and when\n"
                "name  acme-prod # us\n"
                "version 7\n\n"
                "expires 2027-06-30\n"
                "key alice ed25519 " RAW_A "\n"
                "key\tbob minisign " BARE_B " from 2026-01-01\n",
                1767225600);
    struct sov_err err;
    const struct sov_pubkey *key;

    ck_assert_uint_eq(sov_keyring_count(ring), 2);
    key = sov_keyring_find(ring, ID_A, NULL);
    ck_assert_ptr_nonnull(key);
    ck_assert_str_eq(key->name, "alice");
    key = sov_keyring_find_num(
        ring, (const unsigned char *)"\x34\x0a\x1e\x68\x07\x42\x9b\x18", NULL);
    ck_assert_ptr_nonnull(key);
    ck_assert_str_eq(key->name, "bob");
    ck_assert_ptr_null(sov_keyring_find(ring, "", &err));
    ck_assert_int_eq(err.rc, SOV_EDENY);
    ck_assert_ptr_null(
        sov_keyring_find_num(ring, (const unsigned char *)"12345678", &err));
    ck_assert_ptr_nonnull(strstr(err.msg, "3837363534333231"));
    sov_keyring_set_time(ring, 1767225599);
    ck_assert_ptr_null(sov_keyring_find(ring, ID_B, &err));
    ck_assert_ptr_nonnull(strstr(err.msg, "not valid yet"));
    sov_keyring_free(ring);
}
END_TEST

START_TEST(a_key_counts_between_its_days)
{
    /* 2026-01-01 is 1767225600, 2028-02-29 ends at 1835567999 */
    static const char both[] = HEAD KEY_A " from 2026-01-01 to 2028-02-29\n";
    static const char ends[] = HEAD KEY_A "\nexpires 2028-02-29\n";
    static const char exact[] =
        HEAD KEY_A " from 2026-01-01T00:00:01Z to 2026-01-01T00:00:02Z\n";

    ck_assert(!believed(both, 0));
    ck_assert(!believed(both, 1767225599));
    ck_assert(believed(both, 1767225600));
    ck_assert(believed(both, 1835481599));
    ck_assert(!believed(both, 1835481600));
    ck_assert(believed(ends, 0));
    ck_assert(believed(ends, 1835481599));
    ck_assert(!believed(ends, 1835481600));
    ck_assert(!believed(exact, 1767225600));
    ck_assert(believed(exact, 1767225601));
    ck_assert(believed(exact, 1767225602));
    ck_assert(!believed(exact, 1767225603));
}
END_TEST

START_TEST(a_revoked_key_does_not_count_wherever_it_is_named)
{
    sov_keyring *ring = ring_of(HEAD "revoke key " ID_A "\n", 0);
    struct sov_pubkey key;
    struct sov_err err;

    ck_assert_int_eq(sov_pubkey_load(&key, BARE_A, NULL), 0);
    ck_assert_int_eq(sov_keyring_add(ring, &key, NULL), 0);
    ck_assert_ptr_null(sov_keyring_find(ring, ID_A, &err));
    ck_assert_ptr_nonnull(strstr(err.msg, "revoked"));
    ck_assert_ptr_null(sov_keyring_find_num(ring, key.num, &err));
    ck_assert_int_eq(sov_pubkey_load(&key, BARE_B, NULL), 0);
    ck_assert_int_eq(sov_keyring_add(ring, &key, NULL), 0);
    ck_assert_ptr_nonnull(sov_keyring_find(ring, ID_B, &err));
    sov_keyring_free(ring);
}
END_TEST

START_TEST(a_keyring_with_anything_else_in_it_is_refused)
{
    static const struct {
        const char *text;
        const char *why;
    } bad[] = {
        { "", "does not begin" },
        { "# only\n", "does not begin" },
        { "sov-policy v2\n", "line 1" },
        { "sov-policy v1 x\n", "line 1" },
        { HEAD "sov-policy v1\n", "line 2" },
        { KEY_A "\n" HEAD, "line 1" },
        { HEAD KEY_A, "newline" },
        { HEAD KEY_A "\r\n", "control" },
        { HEAD "name a\0b\n", "newline" },
        { HEAD "# \x1b[2J\n", "control" },
        { HEAD "\n\nallow quantize alice\n",
          "line 4: an unknown directive: allow" },
        { HEAD "key alice\n", "line 2" },
        { HEAD "key alice ed25519 AAAA\n", "base64" },
        { HEAD "key alice rsa " RAW_A "\n", "rsa" },
        { HEAD "key alice ssh " RAW_A "\n", "OpenSSH" },
        { HEAD "key alice minisign " RAW_A "\n", "minisign" },
        { HEAD "key x ed25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
          "small order" },
        { HEAD KEY_A " from\n", "from" },
        { HEAD KEY_A " to 2026-01-01 from 2026-01-01\n", "may follow" },
        { HEAD KEY_A " from 2026-01-02 to 2026-01-01\n", "before" },
        { HEAD KEY_A " from 2026-1-1\n", "date" },
        { HEAD KEY_A " from 2026-02-29\n", "date" },
        { HEAD KEY_A " from 2026-00-01\n", "date" },
        { HEAD KEY_A " from 2026-01-01T24:00:00Z\n", "date" },
        { HEAD KEY_A " from 1969-01-01\n", "date" },
        { HEAD KEY_A " from 2026-01-01 to 2026-01-01 a b c d e\n",
          "may follow" },
        { HEAD "expires never\n", "date" },
        { HEAD "expires 2026-01-01\nexpires 2027-01-01\n", "once" },
        { HEAD "version x\n", "version" },
        { HEAD "version 1\nversion 2\n", "once" },
        { HEAD "version 1234567890\n", "version" },
        { HEAD "name\n", "once" },
        { HEAD "revoke alice\n", "revoke" },
        { HEAD "revoke key alice\n", "key id" },
        { HEAD "revoke key A050837d85070582ccf7394b0988847cc312cb88259b8948"
               "99f6f239cf1791a5\n",
          "lower-case" },
    };
    sov_keyring *ring = NULL;
    struct sov_err err;

    ck_assert_int_eq(sov_keyring_new(&ring, NULL), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(
            sov_keyring_parse(ring, bad[i].text, strlen(bad[i].text), &err),
            SOV_EDENY);
        ck_assert_msg(strstr(err.msg, bad[i].why) != NULL, "%zu: %s", i,
                      err.msg);
        ck_assert_uint_eq(sov_keyring_count(ring), 0);
    }
    ck_assert_int_eq(sov_keyring_load(ring, "no-such-file", &err), SOV_EDENY);
    sov_keyring_free(ring);
}
END_TEST

START_TEST(a_keyring_has_a_limit)
{
    sov_keyring *ring = NULL;
    struct sov_pubkey key;

    ck_assert_int_eq(sov_keyring_new(&ring, NULL), 0);
    ck_assert_int_eq(sov_pubkey_load(&key, BARE_A, NULL), 0);
    for (size_t i = 0; i < SOV_RING_KEYS_MAX; i++)
        ck_assert_int_eq(sov_keyring_add(ring, &key, NULL), 0);
    ck_assert_int_eq(sov_keyring_add(ring, &key, NULL), SOV_EDENY);
    ck_assert_int_eq(
        sov_keyring_parse(ring, HEAD KEY_A "\n", strlen(HEAD KEY_A "\n"), NULL),
        SOV_EDENY);
    ck_assert_uint_eq(sov_keyring_count(ring), SOV_RING_KEYS_MAX);
    sov_keyring_free(ring);
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
    tcase_add_test(tc, a_weak_public_key_is_refused_in_every_form);
    tcase_add_test(tc, a_point_beside_the_main_subgroup_is_refused);
    tcase_add_test(tc, a_signature_by_a_weak_key_is_refused);
    tcase_add_test(tc, a_signature_with_a_weak_r_is_refused);
    tcase_add_test(tc, a_signature_with_s_beyond_the_order_is_refused);
    tcase_add_test(tc, secret_keys_of_minisign_load);
    tcase_add_test(tc, a_password_opens_a_key_and_another_does_not);
    tcase_add_test(tc, scrypt_takes_no_more_than_minisign_does);
    tcase_add_test(tc, a_secret_key_file_that_others_can_read_is_refused);
    tcase_add_test(tc, a_damaged_public_key_is_refused_or_another);
    tcase_add_test(tc, a_damaged_secret_key_is_refused);
    tcase_add_test(tc, a_damaged_secret_key_with_a_password_is_refused);
    tcase_add_test(tc, a_minisig_holds_for_its_bytes_alone);
    tcase_add_test(tc, a_comment_that_acts_on_a_terminal_is_refused);
    tcase_add_test(tc, a_keyring_believes_who_is_named);
    tcase_add_test(tc, a_key_counts_between_its_days);
    tcase_add_test(tc, a_revoked_key_does_not_count_wherever_it_is_named);
    tcase_add_test(tc, a_keyring_with_anything_else_in_it_is_refused);
    tcase_add_test(tc, a_keyring_has_a_limit);
    return unit_main("trust keys", tc);
}
