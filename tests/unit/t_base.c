/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_base.c - unit tests of lib/base
 */
#include "unit.h"

#include "base/buf.h"
#include "base/fmath.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rd.h"
#include "base/rng.h"
#include "base/text.h"
#include "sov/base.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

START_TEST(version_is_a_number)
{
    const char *v = sov_version();

    ck_assert_ptr_nonnull(v);
    ck_assert(v[0] >= '0' && v[0] <= '9');
}
END_TEST

START_TEST(reads_past_the_end_give_zero_and_stick)
{
    const unsigned char raw[5] = { 1, 2, 3, 4, 5 };
    struct sov_rd rd = sov_rd_over(raw, sizeof(raw));

    ck_assert_uint_eq(sov_rd_u32(&rd), 0x04030201);
    ck_assert_uint_eq(sov_rd_offset(&rd), 4);
    ck_assert_uint_eq(sov_rd_u16(&rd), 0);
    ck_assert(rd.bad);
    ck_assert_uint_eq(sov_rd_u8(&rd), 0); /* there is one, but it is over */
}
END_TEST

START_TEST(reads_big_endian)
{
    const unsigned char raw[14] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
                                    13, 14 };
    struct sov_rd rd = sov_rd_over(raw, sizeof(raw));

    rd.big = true;
    ck_assert_uint_eq(sov_rd_u64(&rd), 0x0102030405060708);
    ck_assert_uint_eq(sov_rd_u32(&rd), 0x090a0b0c);
    ck_assert_uint_eq(sov_rd_u16(&rd), 0x0d0e);
    ck_assert(!rd.bad);
}
END_TEST

START_TEST(a_string_longer_than_its_limit_or_the_rest_is_bad)
{
    unsigned char raw[12] = { 4, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c', 'd' };
    struct sov_rd rd = sov_rd_over(raw, sizeof(raw));
    struct sov_span s = sov_rd_str(&rd, 4);

    ck_assert_uint_eq(s.len, 4);
    ck_assert_mem_eq(s.p, "abcd", 4);
    rd = sov_rd_over(raw, sizeof(raw));
    ck_assert_uint_eq(sov_rd_str(&rd, 3).len, 0);
    ck_assert(rd.bad);
    raw[0] = 5;
    rd = sov_rd_over(raw, sizeof(raw));
    ck_assert_uint_eq(sov_rd_str(&rd, 100).len, 0);
    ck_assert(rd.bad);
    memset(raw, 0xff, 8);
    rd = sov_rd_over(raw, sizeof(raw));
    ck_assert_uint_eq(sov_rd_str(&rd, UINT64_MAX).len, 0);
    ck_assert(rd.bad);
}
END_TEST

START_TEST(checked_arithmetic_says_when_it_overflows)
{
    uint64_t v = 7;

    ck_assert(!sov_add(UINT64_MAX, 1, &v));
    ck_assert(!sov_mul(UINT64_C(1) << 32, UINT64_C(1) << 32, &v));
    ck_assert(!sov_pad(UINT64_MAX - 3, 32, &v));
    ck_assert(sov_pad(33, 32, &v));
    ck_assert_uint_eq(v, 64);
    ck_assert(sov_pad(64, 32, &v));
    ck_assert_uint_eq(v, 64);
}
END_TEST

START_TEST(buffers_grow_and_are_little_endian)
{
    struct sov_buf b = { 0 };

    sov_buf_u8(&b, 1);
    sov_buf_u16(&b, 0x0302);
    sov_buf_u32(&b, 0x07060504);
    sov_buf_u64(&b, UINT64_C(0x0f0e0d0c0b0a0908));
    for (size_t i = 0; i < 15; i++)
        ck_assert_uint_eq(b.p[i], i + 1);
    for (int i = 0; i < 10000; i++)
        sov_buf_str(&b, "abc", 3);
    ck_assert_uint_eq(b.len, 15 + 10000 * 11);
    ck_assert(!b.bad);
    sov_buf_free(&b);
    ck_assert_ptr_null(b.p);
}
END_TEST

START_TEST(arrays_too_large_are_refused)
{
    void *p = NULL;
    size_t cap = SIZE_MAX / 2;
    struct sov_err err;

    ck_assert_ptr_null(sov_mem_array(SIZE_MAX / 2, 3));
    ck_assert_ptr_null(sov_mem_aligned(SIZE_MAX / 2, 3));
    ck_assert_int_eq(sov_mem_grow(&p, cap, &cap, 16, &err), SOV_EMEM);
    p = sov_mem_aligned(3, 5);
    ck_assert_uint_eq((uintptr_t)p % 64, 0);
    sov_mem_free_aligned(p);
}
END_TEST

START_TEST(utf8_is_what_unicode_says)
{
    static const char *const bad[] = {
        "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xe2\x82", "\xff",
    };
    uint32_t cp;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_uint_eq(sov_utf8_step(bad[i], strlen(bad[i]), &cp), 0);
    for (uint32_t c = 1; c <= 0x10ffff; c++) {
        unsigned char out[4];
        size_t n;

        if (c == 0xd800)
            c = 0xe000;
        n = sov_utf8_put(c, out);
        ck_assert_uint_eq(sov_utf8_step(out, n, &cp), n);
        ck_assert_uint_eq(cp, c);
        ck_assert_uint_eq(sov_utf8_len(out[0]), n);
    }
    ck_assert_uint_eq(sov_utf8_tail("ab\xe2\x82", 4), 2);
    ck_assert_uint_eq(sov_utf8_tail("ab\xe2\x82\xac", 5), 0);
    ck_assert_uint_eq(sov_utf8_tail("\xf0\x9f\x98", 3), 3);
    ck_assert_uint_eq(sov_utf8_tail("a", 1), 0);
}
END_TEST

START_TEST(what_is_shown_cannot_act_on_a_terminal)
{
    char out[16];
    struct sov_err err;

    sov_text_safe("a\x1b[31mb\n\xc2\x9b", 9, out, sizeof(out));
    ck_assert_str_eq(out, "a?[31mb??");
    sov_text_safe("12345678901234567890", 20, out, sizeof(out));
    ck_assert_str_eq(out, "123456789012...");
    ck_assert_int_eq(sov_fail(&err, SOV_EFORMAT, "x\ny%c", 27), SOV_EFORMAT);
    ck_assert_str_eq(err.msg, "x?y?");
}
END_TEST

START_TEST(errors_gather_context_and_keep_their_code)
{
    struct sov_err err;

    errno = ENOENT;
    ck_assert_int_eq(sov_fail_sys(&err, SOV_WHERE_INPUT, "cannot open"),
                     SOV_EIO);
    ck_assert_int_eq(sov_err_wrap(&err, "%s", "m.gguf"), SOV_EIO);
    ck_assert_str_eq(err.msg,
                     "m.gguf: cannot open: No such file or directory");
    ck_assert_int_eq(err.sys, ENOENT);
    ck_assert_int_eq(err.where, SOV_WHERE_INPUT);
    for (int i = 0; i < 100; i++)
        sov_err_wrap(&err, "a rather long context that does not end");
    ck_assert_uint_lt(strlen(err.msg), sizeof(err.msg));
    ck_assert_int_eq(sov_fail(NULL, SOV_ENO, "no"), SOV_ENO);
}
END_TEST

START_TEST(maps_find_what_was_put)
{
    enum { N = 100000 };
    struct sov_map m = { 0 };
    char (*key)[16] = calloc(N, sizeof(*key));
    uint64_t v;

    ck_assert(!sov_map_get(&m, "x", 1, &v));
    for (uint64_t i = 0; i < N; i++) {
        int n = snprintf(key[i], sizeof(key[i]), "key%llu",
                         (unsigned long long)i);

        ck_assert_int_eq(sov_map_add(&m, key[i], (size_t)n, i, NULL), 0);
    }
    ck_assert_int_eq(sov_map_add(&m, "key5", 4, 1, NULL), 1);
    for (uint64_t i = 0; i < N; i++) {
        ck_assert(sov_map_get(&m, key[i], strlen(key[i]), &v));
        ck_assert_uint_eq(v, i);
    }
    ck_assert(!sov_map_get(&m, "key", 3, &v));
    sov_map_free(&m);
    free(key);
}
END_TEST

/* The first and third known-answer test of the paper's distribution. */
START_TEST(philox_gives_the_published_numbers)
{
    static const uint32_t zero[4] = { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c,
                                      0x9b00dbd8 };
    static const uint32_t pi[4] = { 0xd16cfe09, 0x94fdcceb, 0x5001e420,
                                    0x24126ea1 };
    uint32_t out[4];

    sov_rng_block(0, 0, 0, out);
    ck_assert_mem_eq(out, zero, sizeof(zero));
    sov_rng_block(UINT64_C(0x299f31d0a4093822), UINT64_C(0x0370734413198a2e),
                  UINT64_C(0x85a308d3243f6a88), out);
    ck_assert_mem_eq(out, pi, sizeof(pi));
    for (uint64_t i = 0; i < 1000; i++) {
        double u = sov_rng_unit(1, 2, i);

        ck_assert(u >= 0.0 && u < 1.0);
    }
}
END_TEST

START_TEST(functions_agree_with_the_c_library)
{
    for (uint64_t i = 0; i < 200000; i++) {
        double u = sov_rng_unit(3, 0, i) - 0.5;
        double x = u * 1400;

        ck_assert_double_eq_tol(sov_exp(x) / exp(x), 1.0, 1e-15);
        x = exp(u * 600);
        ck_assert_double_eq_tol(sov_log(x), log(x), 1e-15 * fabs(log(x)));
        x = u * 1e6;
        ck_assert_double_eq_tol(sov_sin(x), sin(x), 1e-15);
        ck_assert_double_eq_tol(sov_cos(x), cos(x), 1e-15);
        x = u * 20;
        ck_assert_double_eq_tol(sov_tanh(x), tanh(x), 4e-15 * fabs(tanh(x)));
    }
    ck_assert(isinf(sov_exp(1000)) && sov_exp(-1000) == 0.0);
    ck_assert(isnan(sov_exp(NAN)) && isnan(sov_log(-1)));
    ck_assert(isinf(sov_log(0)) && sov_log(1) == 0.0);
    ck_assert_double_eq(sov_exp(0), 1.0);
    ck_assert_double_eq_tol(sov_log(1e-310), log(1e-310), 1e-12);
    ck_assert_double_eq_tol(sov_pow(10000, 0.25), 10.0, 1e-14);
}
END_TEST

START_TEST(json_values_are_counted)
{
    size_t n = 2 * (size_t)SOV_JSON_VALUES;
    char *text = malloc(n + 2);
    json_t *json = NULL;
    struct sov_err err;

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < n; i += 2)
        memcpy(text + i, "1,", 2);
    text[0] = '[';
    text[1] = ' ';
    memcpy(text + n - 1, "1]", 2);
    ck_assert_int_eq(sov_json_parse(text, n + 1, &json, &err), 0);
    json_decref(json);
    text[1] = ',';
    ck_assert_int_eq(sov_json_parse(text, n + 1, &json, &err), SOV_EFORMAT);
    ck_assert_ptr_nonnull(strstr(err.msg, "values"));
    free(text);
}
END_TEST

static int fail_in;

static void *
failing_malloc(size_t size)
{
    return fail_in-- == 0 ? NULL : malloc(size);
}

/* jansson leaves out bytes of this text at some of the failures. */
START_TEST(json_without_memory_is_no_json)
{
    static const char text[] =
        "{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":\"bbbbbbbbbbbbbbbbbbbbbbbb\","
        "\"c\":[1,{\"dddddddddddddddddddddddddddddddd\":\"\"}]}";
    struct sov_err err;
    json_t *json;
    int at = 0, rc;

    json_set_alloc_funcs(failing_malloc, free);
    do {
        fail_in = at++;
        json = NULL;
        rc = sov_json_parse(text, sizeof(text) - 1, &json, &err);
        ck_assert(rc == 0 || (rc == SOV_EMEM && json == NULL));
    } while (rc < 0);
    ck_assert_int_gt(at, 10);
    ck_assert_str_eq(json_string_value(json_object_get(
                         json, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")),
                     "bbbbbbbbbbbbbbbbbbbbbbbb");
    json_decref(json);
}
END_TEST

START_TEST(json_has_limits)
{
    char deep[300];
    json_t *json = NULL;
    struct sov_err err;

    ck_assert_int_eq(sov_json_parse("{\"a\":[1]}", 9, &json, &err), 0);
    json_decref(json);
    ck_assert_int_eq(sov_json_parse("{\"a\":1,\"a\":2}", 13, &json, &err),
                     SOV_EFORMAT);
    ck_assert_ptr_null(json);
    ck_assert_int_eq(sov_json_parse("", 0, &json, &err), SOV_EFORMAT);
    memset(deep, '[', sizeof(deep));
    ck_assert_int_eq(sov_json_parse(deep, sizeof(deep), &json, &err),
                     SOV_EFORMAT);
    ck_assert_ptr_nonnull(strstr(err.msg, "64"));
    memset(deep, '[', SOV_JSON_DEPTH);
    memset(deep + SOV_JSON_DEPTH, ']', SOV_JSON_DEPTH);
    ck_assert_int_eq(sov_json_parse(deep, 2 * SOV_JSON_DEPTH, &json, &err), 0);
    json_decref(json);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("base");

    tcase_add_test(tc, version_is_a_number);
    tcase_add_test(tc, reads_past_the_end_give_zero_and_stick);
    tcase_add_test(tc, reads_big_endian);
    tcase_add_test(tc, a_string_longer_than_its_limit_or_the_rest_is_bad);
    tcase_add_test(tc, checked_arithmetic_says_when_it_overflows);
    tcase_add_test(tc, buffers_grow_and_are_little_endian);
    tcase_add_test(tc, arrays_too_large_are_refused);
    tcase_add_test(tc, utf8_is_what_unicode_says);
    tcase_add_test(tc, what_is_shown_cannot_act_on_a_terminal);
    tcase_add_test(tc, errors_gather_context_and_keep_their_code);
    tcase_add_test(tc, maps_find_what_was_put);
    tcase_add_test(tc, philox_gives_the_published_numbers);
    tcase_add_test(tc, functions_agree_with_the_c_library);
    tcase_add_test(tc, json_has_limits);
    tcase_add_test(tc, json_values_are_counted);
    tcase_add_test(tc, json_without_memory_is_no_json);
    return unit_main("base", tc);
}
