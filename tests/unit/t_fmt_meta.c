/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_fmt_meta.c - the ordered set of typed keys
 */
#include "fmt_make.h"

#include "base/le.h"
#include "sov/meta.h"

#include <stdio.h>
#include <string.h>

static sov_meta *
fresh(void)
{
    sov_meta *m = NULL;

    ck_assert_int_eq(sov_meta_new(&m, NULL), 0);
    return m;
}

static void
set(sov_meta *m, const char *key, enum sov_vtype type, enum sov_vtype elem,
    uint64_t n, const void *p, size_t len)
{
    struct sov_kv kv = { key, type, elem, n, { p, len } };

    ck_assert_int_eq(sov_meta_set(m, &kv, NULL), 0);
}

START_TEST(keys_keep_their_order_and_place)
{
    sov_meta *m = fresh();
    char key[32];

    for (uint32_t i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "key.%u", i);
        ck_assert_int_eq(sov_meta_set_u32(m, key, i, NULL), 0);
    }
    ck_assert_int_eq(sov_meta_set_str(m, "key.7", "seven", NULL), 0);
    ck_assert_uint_eq(sov_meta_count(m), 1000);
    ck_assert_str_eq(sov_meta_at(m, 7)->key, "key.7");
    ck_assert_int_eq(sov_meta_at(m, 7)->type, SOV_V_STR);
    sov_meta_unset(m, "key.0");
    sov_meta_unset(m, "no such key");
    ck_assert_uint_eq(sov_meta_count(m), 999);
    ck_assert_str_eq(sov_meta_at(m, 0)->key, "key.1");
    ck_assert_ptr_null(sov_meta_find(m, "key.0"));
    for (uint32_t i = 8; i < 1000; i++) {
        uint64_t v = 0;

        snprintf(key, sizeof(key), "key.%u", i);
        ck_assert_int_eq(sov_meta_u64(m, key, &v, NULL), 0);
        ck_assert_uint_eq(v, i);
    }
    ck_assert_ptr_null(sov_meta_at(m, 999));
    sov_meta_free(m);
    sov_meta_free(NULL);
}
END_TEST

START_TEST(numbers_of_any_type_are_read)
{
    static const unsigned char ff[8] = {
        255, 255, 255, 255, 255, 255, 255, 255
    };
    sov_meta *m = fresh();
    struct sov_err err;
    uint64_t v;

    set(m, "u8", SOV_V_U8, 0, 1, ff, 1);
    set(m, "i8", SOV_V_I8, 0, 1, ff, 1);
    set(m, "u16", SOV_V_U16, 0, 1, ff, 2);
    set(m, "i16", SOV_V_I16, 0, 1, ff, 2);
    set(m, "u32", SOV_V_U32, 0, 1, ff, 4);
    set(m, "i32", SOV_V_I32, 0, 1, ff, 4);
    set(m, "u64", SOV_V_U64, 0, 1, ff, 8);
    set(m, "i64", SOV_V_I64, 0, 1, ff, 8);
    ck_assert_int_eq(sov_meta_u64(m, "u8", &v, &err), 0);
    ck_assert_uint_eq(v, 255);
    ck_assert_int_eq(sov_meta_u64(m, "u16", &v, &err), 0);
    ck_assert_uint_eq(v, 65535);
    ck_assert_int_eq(sov_meta_u64(m, "u32", &v, &err), 0);
    ck_assert_uint_eq(v, 4294967295u);
    ck_assert_int_eq(sov_meta_u64(m, "u64", &v, &err), 0);
    ck_assert_uint_eq(v, UINT64_MAX);
    ck_assert_int_eq(sov_meta_u64(m, "i8", &v, &err), SOV_EFORMAT);
    ck_assert_int_eq(sov_meta_u64(m, "i16", &v, &err), SOV_EFORMAT);
    ck_assert_int_eq(sov_meta_u64(m, "i32", &v, &err), SOV_EFORMAT);
    ck_assert_int_eq(sov_meta_u64(m, "i64", &v, &err), SOV_EFORMAT);
    ck_assert_ptr_nonnull(strstr(err.msg, "i64"));
    ck_assert_int_eq(sov_meta_u64(m, "none", &v, &err), 1);
    ck_assert_int_eq(sov_kv_int(sov_meta_find(m, "i8"), 0), -1);
    ck_assert_int_eq(sov_kv_int(sov_meta_find(m, "i8"), 1), 0);
    ck_assert(sov_kv_num(sov_meta_find(m, "u64"), 0) == 18446744073709551616.0);
    sov_meta_free(m);
}
END_TEST

START_TEST(keys_of_the_architecture_are_found)
{
    char name[102];
    sov_meta *m = fresh();
    struct sov_err err = { 0 };
    uint64_t v = 0;

    ck_assert_int_eq(sov_meta_set_u32(m, "llama.block_count", 7, NULL), 0);
    ck_assert_ptr_null(sov_meta_arch_find(m, "block_count"));
    ck_assert_int_eq(sov_meta_set_str(m, "general.architecture", "llama", NULL),
                     0);
    ck_assert_str_eq(sov_meta_arch_find(m, "block_count")->key,
                     "llama.block_count");
    ck_assert_int_eq(sov_meta_arch_u64(m, "block_count", &v, NULL), 0);
    ck_assert_uint_eq(v, 7);
    ck_assert_int_eq(sov_meta_arch_u64(m, "head_count", &v, NULL), 1);
    ck_assert_int_eq(sov_meta_set_str(m, "llama.name", "x", NULL), 0);
    ck_assert_int_eq(sov_meta_arch_u64(m, "name", &v, &err), SOV_EFORMAT);
    memset(name, 'a', sizeof(name));
    set(m, "general.architecture", SOV_V_STR, 0, 1, name, 101);
    ck_assert_ptr_null(sov_meta_arch_find(m, "block_count"));
    set(m, "general.architecture", SOV_V_STR, 0, 1, "lla\0ma", 6);
    ck_assert_ptr_null(sov_meta_arch_find(m, "block_count"));
    sov_meta_free(m);
}
END_TEST

START_TEST(other_types_are_told_apart)
{
    static const unsigned char pi[8] = { 0x18, 0x2d, 0x44, 0x54,
                                         0xfb, 0x21, 0x09, 0x40 };
    sov_meta *m = fresh();
    struct sov_span s;
    struct sov_err err;
    uint64_t u;
    double d;
    bool b;

    ck_assert_int_eq(sov_meta_set_f32(m, "f", 0.5f, &err), 0);
    ck_assert_int_eq(sov_meta_set_bool(m, "b", true, &err), 0);
    ck_assert_int_eq(sov_meta_set_str(m, "s", "text", &err), 0);
    set(m, "d", SOV_V_F64, 0, 1, pi, 8);
    ck_assert_int_eq(sov_meta_f64(m, "f", &d, &err), 0);
    ck_assert(d == 0.5);
    ck_assert_int_eq(sov_meta_f64(m, "d", &d, &err), 0);
    ck_assert(d > 3.14159265 && d < 3.14159266);
    ck_assert_int_eq(sov_meta_bool(m, "b", &b, &err), 0);
    ck_assert(b);
    ck_assert_int_eq(sov_meta_str(m, "s", &s, &err), 0);
    ck_assert_uint_eq(s.len, 4);
    ck_assert_int_eq(sov_meta_u64(m, "f", &u, &err), SOV_EFORMAT);
    ck_assert_int_eq(sov_meta_u64(m, "b", &u, &err), SOV_EFORMAT);
    ck_assert_int_eq(sov_meta_f64(m, "s", &d, &err), SOV_EFORMAT);
    ck_assert_int_eq(sov_meta_bool(m, "f", &b, &err), SOV_EFORMAT);
    ck_assert_int_eq(sov_meta_str(m, "f", &s, &err), SOV_EFORMAT);
    ck_assert_int_eq(sov_meta_f64(m, "none", &d, &err), 1);
    ck_assert_int_eq(sov_meta_bool(m, "none", &b, &err), 1);
    ck_assert_int_eq(sov_meta_str(m, "none", &s, &err), 1);
    ck_assert_int_eq(sov_kv_int(sov_meta_find(m, "d"), 0), 3);
    sov_meta_free(m);
}
END_TEST

START_TEST(arrays_are_walked)
{
    sov_meta *m = fresh();
    struct sov_buf b = { 0 };
    struct sov_span s;
    size_t at = 0;

    sov_buf_str(&b, "one", 3);
    sov_buf_str(&b, "", 0);
    sov_buf_str(&b, "three", 5);
    set(m, "strings", SOV_V_ARR, SOV_V_STR, 3, b.p, b.len);
    ck_assert(sov_kv_next_str(sov_meta_at(m, 0), &at, &s));
    ck_assert_uint_eq(s.len, 3);
    ck_assert(sov_kv_next_str(sov_meta_at(m, 0), &at, &s));
    ck_assert_uint_eq(s.len, 0);
    ck_assert(sov_kv_next_str(sov_meta_at(m, 0), &at, &s));
    ck_assert_int_eq(memcmp(s.p, "three", 5), 0);
    ck_assert(!sov_kv_next_str(sov_meta_at(m, 0), &at, &s));
    b.len = 0;
    sov_buf_f32(&b, -2.75f);
    sov_buf_f32(&b, 1e30f);
    sov_buf_f32(&b, -1e30f);
    sov_buf_u32(&b, 0x7fc00000);
    set(m, "floats", SOV_V_ARR, SOV_V_F32, 4, b.p, b.len);
    ck_assert(sov_kv_num(sov_meta_at(m, 1), 0) == -2.75);
    ck_assert_int_eq(sov_kv_int(sov_meta_at(m, 1), 0), -2);
    ck_assert_int_eq(sov_kv_int(sov_meta_at(m, 1), 1), INT64_MAX);
    ck_assert_int_eq(sov_kv_int(sov_meta_at(m, 1), 2), INT64_MIN);
    ck_assert_int_eq(sov_kv_int(sov_meta_at(m, 1), 3), 0);
    ck_assert(sov_kv_num(sov_meta_at(m, 1), 4) == 0);
    ck_assert(sov_kv_num(sov_meta_at(m, 0), 0) == 0);
    at = 0;
    ck_assert(!sov_kv_next_str(sov_meta_at(m, 1), &at, &s));
    sov_buf_free(&b);
    sov_meta_free(m);
}
END_TEST

START_TEST(wrong_values_are_refused)
{
    static const unsigned char z[16] = { 1 };
    static const struct sov_kv bad[] = {
        { "", SOV_V_U8, SOV_V_U8, 1, { z, 1 } },
        { "k", SOV_V_U32, SOV_V_U32, 1, { z, 3 } },
        { "k", SOV_V_ARR, SOV_V_U32, 2, { z, 7 } },
        { "k", SOV_V_ARR, SOV_V_U32, 1, { z, 8 } },
        { "k", SOV_V_ARR, SOV_V_ARR, 1, { z, 8 } },
        { "k", SOV_V_ARR, SOV_V_STR, 2, { z, 9 } },
        { "k", SOV_V_ARR, SOV_V_STR, 1, { z, 10 } },
        { "k", SOV_V_ARR, SOV_V_STR, 1, { z, 8 } },
        { "k", (enum sov_vtype)77, SOV_V_U8, 1, { z, 1 } },
    };
    sov_meta *m = fresh();

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(sov_meta_set(m, &bad[i], NULL), SOV_EARG);
    ck_assert_uint_eq(sov_meta_count(m), 0);
    sov_meta_free(m);
}
END_TEST

void
meta_tests(TCase *tc)
{
    tcase_add_test(tc, keys_keep_their_order_and_place);
    tcase_add_test(tc, numbers_of_any_type_are_read);
    tcase_add_test(tc, keys_of_the_architecture_are_found);
    tcase_add_test(tc, other_types_are_told_apart);
    tcase_add_test(tc, arrays_are_walked);
    tcase_add_test(tc, wrong_values_are_refused);
}
