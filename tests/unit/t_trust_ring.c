/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_trust_ring.c - unit tests of lib/trust: the keyring
 */
#include "trust_keys.h"
#include "unit.h"

#include "base/limits.h"
#include "sov/key.h"
#include "trust/keys.h"

#include <stdio.h>
#include <string.h>

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
    ck_assert_int_eq(err.rc, SOV_ENO);
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
    TCase *tc = tcase_create("ring");

    tcase_add_test(tc, a_keyring_believes_who_is_named);
    tcase_add_test(tc, a_key_counts_between_its_days);
    tcase_add_test(tc, a_revoked_key_does_not_count_wherever_it_is_named);
    tcase_add_test(tc, a_keyring_with_anything_else_in_it_is_refused);
    tcase_add_test(tc, a_keyring_has_a_limit);
    return unit_main("trust keyring", tc);
}
