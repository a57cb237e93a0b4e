/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_trust_audit.c - unit tests of lib/trust: audit logs
 */
#include "trust_keys.h"
#include "unit.h"

#include "sov/io.h"
#include "trust/audit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH "t_trust_audit.log"
#define TIME 1763647331250 /* 2025-11-20T14:02:11.250Z */

static void
put(sov_audit *log, const char *event, const char *members)
{
    ck_assert_int_eq(sov_audit_put(log, event, members, TIME, NULL), 0);
}

/* Two runs with n requests each, sealed by key A after every third line. */
static char *
make(int n, const sov_seckey *key, size_t *len)
{
    char *text;

    unlink(PATH);
    for (int run = 0; run < 2; run++) {
        sov_audit *log;

        ck_assert_int_eq(sov_audit_open(&log, PATH, key, 3, NULL), 0);
        put(log, "start", "{\"model\":\"m.gguf\"}");
        for (int i = 0; i < n; i++)
            put(log, "request", i % 2 ? "{\"id\":\"x\",\"tokens\":7}" : NULL);
        put(log, "end", "{}");
        ck_assert_int_eq(sov_audit_close(log, TIME, NULL), 0);
    }
    ck_assert_int_eq(sov_read_whole(PATH, 1 << 20, &text, len, NULL), 0);
    return text;
}

static sov_keyring *
ring_of(unsigned char first)
{
    sov_seckey *key = grow(first);
    sov_keyring *ring;

    ck_assert_int_eq(sov_keyring_new(&ring, NULL), 0);
    ck_assert_int_eq(sov_keyring_add(ring, sov_seckey_public(key), NULL), 0);
    sov_seckey_free(key);
    return ring;
}

static int
check(const char *text, size_t len, const sov_keyring *ring,
      struct sov_audit_facts *f, struct sov_err *err)
{
    return sov_audit_check_text("log", text, len, ring, f, err);
}

START_TEST(a_log_that_was_written_is_intact)
{
    sov_seckey *a = grow(0);
    sov_keyring *ring = ring_of(0);
    struct sov_audit_facts f;
    size_t len;
    char *text = make(5, a, &len);

    ck_assert_int_eq(check(text, len, ring, &f, NULL), 0);
    ck_assert_uint_eq(f.runs, 2);
    ck_assert_uint_eq(f.open, 0);
    ck_assert_uint_eq(f.sealed, f.lines);
    ck_assert_uint_eq(f.lines, 2 * 7 + f.seals);
    ck_assert_uint_eq(f.seals, 2 * 3);
    ck_assert_str_eq(f.keyid, ID_A);
    ck_assert_str_eq(f.first, "2025-11-20T14:02:11.250Z");
    ck_assert_int_eq(sov_audit_check(PATH, ring, &f, NULL), 0);
    ck_assert_uint_eq(f.runs, 2);
    /* whoever has no key sees that the lines fit together */
    ck_assert_int_eq(check(text, len, NULL, &f, NULL), 0);
    ck_assert_uint_eq(f.seals, 0);
    ck_assert_uint_eq(f.foreign, 6);
    free(text);
    sov_keyring_free(ring);
    sov_seckey_free(a);
}
END_TEST

/* Bits and cuts: whatever is damaged, there is no yes; the line is named. */
START_TEST(every_damage_is_found)
{
    sov_seckey *a = grow(0);
    sov_keyring *ring = ring_of(0);
    struct sov_audit_facts f;
    struct sov_err err;
    size_t len;
    size_t line = 1;
    char *text = make(2, a, &len);

    for (size_t i = 0; i < len; i++) {
        char want[32];

        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(text[i] ^ 1 << bit);
            ck_assert_int_eq(check(text, len, ring, &f, &err), SOV_ENO);
            snprintf(want, sizeof(want), "log: line %zu ", line);
            ck_assert_msg(strncmp(err.msg, want, strlen(want)) == 0,
                          "byte %zu bit %d: %s", i, bit, err.msg);
            text[i] = (char)(text[i] ^ 1 << bit);
        }
        line += text[i] == '\n';
        /* a cut at the end of a run is all that cannot be seen */
        if (check(text, i, ring, &f, NULL) == 0)
            ck_assert_uint_eq(f.sealed, f.lines);
        else
            ck_assert_int_ne(i, len);
    }
    free(text);
    sov_keyring_free(ring);
    sov_seckey_free(a);
}
END_TEST

/* The lines of text, and how many. */
static size_t
cut_lines(char *text, size_t len, char *lines[64])
{
    size_t n = 0;

    for (size_t at = 0, line; at < len; at += line, n++) {
        ck_assert_uint_lt(n, 64);
        line = strcspn(text + at, "\n") + 1;
        lines[n] = strndup(text + at, line);
    }
    return n;
}

/* The log with its lines in this order; n of them. */
static int
check_order(char *lines[64], const size_t *order, size_t n,
            const sov_keyring *ring, struct sov_err *err)
{
    struct sov_audit_facts f;
    char all[65536] = "";

    for (size_t i = 0; i < n; i++)
        strcat(all, lines[order[i]]);
    return check(all, strlen(all), ring, &f, err);
}

START_TEST(lines_that_are_gone_moved_or_doubled_are_named)
{
    sov_seckey *a = grow(0);
    sov_keyring *ring = ring_of(0);
    struct sov_err err;
    char *lines[64], want[64];
    size_t len, n, order[65];
    char *text = make(3, a, &len);

    n = cut_lines(text, len, lines);
    for (size_t k = 0; k + 1 < n; k++) {
        /* without line k */
        for (size_t i = 0; i < n - 1; i++)
            order[i] = i < k ? i : i + 1;
        ck_assert_int_eq(check_order(lines, order, n - 1, ring, &err),
                         SOV_ENO);
        snprintf(want, sizeof(want), "log: line %zu is missing", k + 1);
        ck_assert_msg(strstr(err.msg, want) != NULL, "%s", err.msg);
        /* with k and the next one the other way round */
        for (size_t i = 0; i < n; i++)
            order[i] = i == k ? k + 1 : i == k + 1 ? k : i;
        ck_assert_int_eq(check_order(lines, order, n, ring, &err), SOV_ENO);
        snprintf(want, sizeof(want), "line %zu ", k + 1);
        ck_assert_msg(strstr(err.msg, want) != NULL, "%s", err.msg);
        /* with k twice */
        for (size_t i = 0; i < n + 1; i++)
            order[i] = i <= k ? i : i - 1;
        ck_assert_int_eq(check_order(lines, order, n + 1, ring, &err),
                         SOV_ENO);
        snprintf(want, sizeof(want), "line %zu was inserted", k + 2);
        ck_assert_msg(strstr(err.msg, want) != NULL, "%s", err.msg);
    }
    for (size_t i = 0; i < n; i++)
        free(lines[i]);
    free(text);
    sov_keyring_free(ring);
    sov_seckey_free(a);
}
END_TEST

/* Who has no key can add lines that fit, and they are seen to be his. */
START_TEST(what_is_added_without_the_key_is_named)
{
    sov_seckey *a = grow(0), *b = grow(0x20);
    sov_keyring *ring = ring_of(0);
    struct sov_audit_facts f;
    struct sov_err err;
    char want[64];
    uint64_t lines;
    sov_audit *log;
    size_t len;
    char *text = make(2, a, &len);

    free(text);
    ck_assert_int_eq(sov_audit_check(PATH, ring, &f, NULL), 0);
    lines = f.lines;
    ck_assert_int_eq(sov_audit_open(&log, PATH, b, 0, NULL), 0);
    put(log, "request", NULL);
    ck_assert_int_eq(sov_audit_close(log, TIME, NULL), 0);
    ck_assert_int_eq(sov_audit_check(PATH, NULL, &f, NULL), 0);
    ck_assert_int_eq(sov_audit_check(PATH, ring, &f, &err), SOV_ENO);
    snprintf(want, sizeof(want), ": line %zu and", (size_t)lines + 1);
    ck_assert_msg(strstr(err.msg, want) != NULL, "%s", err.msg);
    /* nothing of the other's */
    sov_keyring_free(ring);
    ring = ring_of(0x40);
    ck_assert_int_eq(sov_audit_check(PATH, ring, &f, &err), SOV_EDENY);
    sov_keyring_free(ring);
    sov_seckey_free(a);
    sov_seckey_free(b);
}
END_TEST

START_TEST(a_log_goes_on_only_where_it_is_whole)
{
    sov_seckey *a = grow(0);
    struct sov_err err;
    struct stat st;
    sov_audit *log, *other;
    size_t len;
    char *text = make(1, a, &len);

    ck_assert_int_eq(sov_audit_open(&log, PATH, NULL, 0, NULL), 0);
    ck_assert_int_eq(sov_audit_open(&other, PATH, NULL, 0, &err), SOV_EIO);
    ck_assert_int_eq(err.where, SOV_WHERE_LOCK);
    ck_assert_int_eq(sov_audit_put(log, "Seal", NULL, TIME, &err), SOV_EARG);
    ck_assert_int_eq(sov_audit_put(log, "seal", NULL, TIME, &err), SOV_EARG);
    ck_assert_int_eq(sov_audit_put(log, "x", "{\n}", TIME, &err), SOV_EARG);
    ck_assert_int_eq(sov_audit_put(log, "x", NULL, -1, &err), SOV_EARG);
    ck_assert_int_eq(sov_audit_close(log, TIME, NULL), 0);
    ck_assert_int_eq(stat(PATH, &st), 0);
    ck_assert_int_eq(st.st_size, (long)len);
    for (size_t cut = 1; cut < 200; cut++) {
        ck_assert_int_eq(truncate(PATH, (long)(len - cut)), 0);
        ck_assert_int_eq(sov_audit_open(&log, PATH, a, 0, &err), SOV_EFORMAT);
        ck_assert_int_eq(stat(PATH, &st), 0);
        ck_assert_int_eq(st.st_size, (long)(len - cut));
    }
    free(text);
    sov_seckey_free(a);
    unlink(PATH);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("audit");

    tcase_add_test(tc, a_log_that_was_written_is_intact);
    tcase_add_test(tc, every_damage_is_found);
    tcase_add_test(tc, lines_that_are_gone_moved_or_doubled_are_named);
    tcase_add_test(tc, what_is_added_without_the_key_is_named);
    tcase_add_test(tc, a_log_goes_on_only_where_it_is_whole);
    return unit_main("trust audit", tc);
}
