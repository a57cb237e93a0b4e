/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_fmt_model.c - what an import does to a model
 */
#include "fmt_make.h"

#include <string.h>

/* Byte i of the data is i: "w" [8 rows, 2] of u8, "b" [8] of i16. */
static struct sov_buf
source(void)
{
    struct sov_buf b = st_file(
        "{\"w\":{\"dtype\":\"U8\",\"shape\":[8,2],\"data_offsets\":[0,16]},"
        "\"b\":{\"dtype\":\"I16\",\"shape\":[8],\"data_offsets\":[16,32]}}",
        32);

    for (int i = 0; i < 32; i++)
        b.p[b.len - 32 + (size_t)i] = (unsigned char)i;
    return b;
}

static sov_meta *
meta(void)
{
    sov_meta *m = NULL;

    ck_assert_int_eq(sov_meta_new(&m, NULL), 0);
    ck_assert_int_eq(sov_meta_set_str(m, "general.architecture", "llama",
                                      NULL), 0);
    return m;
}

START_TEST(views_regroup_rename_and_add)
{
    static const struct sov_view view[] = {
        { .name = "new", .ndim = 1, .dim = { 4 }, .bytes = "abcd",
          .type = SOV_TYPE_I8 },
        { .name = "blk.w", .from = 0, .order = { .heads = 2 } },
        { .name = "blk.b", .from = 1, .order = { .heads = 1 } },
        { .name = "flat", .from = 0, .ndim = 3, .dim = { 4, 2, 2 } },
    };
    /* two heads of four rows: 0 2 1 3, 4 6 5 7 */
    static const unsigned char w[16] = { 0, 1, 4, 5, 2, 3, 6, 7,
                                         8, 9, 12, 13, 10, 11, 14, 15 };
    /* one head of eight elements: 0 4 1 5 2 6 3 7 */
    static const unsigned char b[16] = { 16, 17, 24, 25, 18, 19, 26, 27,
                                         20, 21, 28, 29, 22, 23, 30, 31 };
    struct sov_buf file = source();
    unsigned char buf[16];
    struct sov_err err;
    sov_model *m;

    for (int map = 0; map < 2; map++) {
        m = must_open(as_file(file), map ? SOV_ACCESS_MAP
                                         : SOV_ACCESS_STREAM);
        ck_assert_int_eq(sov_model_rebuild(m, meta(), view, 4, &err), 0);
        ck_assert_uint_eq(sov_model_count(m), 4);
        ck_assert_uint_eq(sov_meta_count(sov_model_meta(m)), 1);
        ck_assert_int_eq(sov_model_find(m, "w"), -1);
        ck_assert_int_eq(sov_model_find(m, "flat"), 3);
        ck_assert_uint_eq(sov_model_at(m, 3)->dim[1], 2);
        ck_assert_int_eq(sov_model_read(m, 0, 1, buf, 2, &err), 0);
        ck_assert_int_eq(memcmp(buf, "bc", 2), 0);
        ck_assert_int_eq(sov_model_read(m, 1, 0, buf, 16, &err), 0);
        ck_assert_int_eq(memcmp(buf, w, 16), 0);
        ck_assert_int_eq(sov_model_read(m, 1, 10, buf, 4, &err), 0);
        ck_assert_int_eq(memcmp(buf, w + 10, 4), 0);
        ck_assert_int_eq(sov_model_read(m, 2, 0, buf, 16, &err), 0);
        ck_assert_int_eq(memcmp(buf, b, 16), 0);
        if (map) {
            ck_assert_int_eq(memcmp(sov_model_at(m, 0)->data, "abcd", 4), 0);
            ck_assert_int_eq(memcmp(sov_model_at(m, 1)->data, w, 16), 0);
            ck_assert_int_eq(memcmp(sov_model_at(m, 2)->data, b, 16), 0);
        } else {
            ck_assert_int_eq(sov_model_read(m, 1, 1, buf, 2, &err), SOV_EARG);
            ck_assert_ptr_null(sov_model_at(m, 0)->data);
        }
        sov_model_close(m);
    }
    sov_buf_free(&file);
}
END_TEST

/* Two groups of two queries, a key and a value, of one row each; and columns
 * that are rows: read whole, a row at a time, and put back in their places. */
START_TEST(groups_and_columns)
{
    static const struct sov_view view[] = {
        { .name = "g", .from = 0, .order = { .heads = 4, .groups = 2 } },
        { .name = "c", .from = 0, .order = { .columns = true } },
    };
    static const struct sov_view back[] = {
        { .name = "w", .from = 0,
          .order = { .heads = 4, .groups = 2, .back = true } },
        { .name = "x", .from = 1, .order = { .columns = true } },
    };
    static const struct sov_view bad[] = {
        { .name = "g", .from = 0, .order = { .heads = 4, .groups = 3 } },
        { .name = "g", .from = 0, .order = { .heads = 3, .groups = 1 } },
        { .name = "c", .from = 1, .order = { .columns = true } },
    };
    /* rows q0 q1 k0 v0 q2 q3 k1 v1 */
    static const unsigned char g[16] = { 0, 1, 2,  3,  8, 9, 10, 11,
                                         4, 5, 12, 13, 6, 7, 14, 15 };
    static const unsigned char c[16] = { 0, 2, 4, 6, 8, 10, 12, 14,
                                         1, 3, 5, 7, 9, 11, 13, 15 };
    struct sov_buf file = source();
    unsigned char buf[16];
    struct sov_err err;

    for (int map = 0; map < 2; map++) {
        sov_model *m = must_open(as_file(file), map ? SOV_ACCESS_MAP
                                                    : SOV_ACCESS_STREAM);

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
            ck_assert_int_lt(sov_model_rebuild(m, meta(), &bad[i], 1, &err),
                             0);
        ck_assert_int_eq(sov_model_rebuild(m, meta(), view, 2, &err), 0);
        ck_assert_int_eq(sov_model_read(m, 0, 0, buf, 16, &err), 0);
        ck_assert_int_eq(memcmp(buf, g, 16), 0);
        ck_assert_int_eq(sov_model_read(m, 0, 6, buf, 4, &err), 0);
        ck_assert_int_eq(memcmp(buf, g + 6, 4), 0);
        ck_assert_uint_eq(sov_model_at(m, 1)->dim[0], 8);
        ck_assert_uint_eq(sov_model_at(m, 1)->dim[1], 2);
        ck_assert_int_eq(sov_model_read(m, 1, 0, buf, 16, &err), 0);
        ck_assert_int_eq(memcmp(buf, c, 16), 0);
        ck_assert_int_eq(sov_model_read(m, 1, 8, buf, 8, &err), 0);
        ck_assert_int_eq(memcmp(buf, c + 8, 8), 0);
        if (map)
            ck_assert_int_eq(memcmp(sov_model_at(m, 1)->data, c, 16), 0);
        ck_assert_int_eq(sov_model_rebuild(m, meta(), back, 2, &err), 0);
        for (size_t i = 0; i < 2; i++) {
            ck_assert_uint_eq(sov_model_at(m, i)->dim[1], 8);
            ck_assert_int_eq(sov_model_read(m, i, 0, buf, 16, &err), 0);
            for (unsigned k = 0; k < 16; k++)
                ck_assert_uint_eq(buf[k], k);
        }
        sov_model_close(m);
    }
    sov_buf_free(&file);
}
END_TEST

START_TEST(views_that_do_not_fit_are_refused)
{
    static const struct sov_view bad[] = {
        { .name = "x", .from = 2 },
        { .name = "x", .from = 0, .order = { .heads = 3 } },
        { .name = "x", .from = 0, .order = { .heads = 8 } },
        { .name = "x", .from = 0, .ndim = 1, .dim = { 15 } },
        { .name = "x", .from = 0, .ndim = 3, .dim = { 2, 4, 2 }, .order = { .heads = 2 } },
        { .name = "x", .ndim = 1, .dim = { 5 }, .bytes = "abcd",
          .type = SOV_TYPE_Q8_0 },
    };
    static const struct sov_view twice[] = {
        { .name = "x", .from = 0 }, { .name = "x", .from = 1 },
    };
    static const struct sov_view regroup = { .name = "x", .order = { .heads = 2 } };
    struct sov_buf file = source();
    struct sov_err err;
    sov_model *m = must_open(as_file(file), SOV_ACCESS_MAP);

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_lt(sov_model_rebuild(m, meta(), &bad[i], 1, &err), 0);
    ck_assert_int_eq(sov_model_rebuild(m, meta(), twice, 2, &err),
                     SOV_EFORMAT);
    ck_assert_uint_eq(sov_model_count(m), 2); /* as it was */
    ck_assert_int_eq(sov_model_rebuild(m, meta(), &regroup, 1, &err), 0);
    ck_assert_int_lt(sov_model_rebuild(m, meta(), &regroup, 1, &err), 0);
    sov_model_close(m);
    m = must_open(as_pipe(file), SOV_ACCESS_STREAM);
    ck_assert_int_lt(sov_model_rebuild(m, meta(), &regroup, 1, &err), 0);
    sov_model_close(m);
    sov_buf_free(&file);
}
END_TEST

START_TEST(warnings_are_safe_to_show_and_few)
{
    struct sov_buf file = source();
    sov_model *m = must_open(as_file(file), SOV_ACCESS_STREAM);
    size_t n = 0;

    sov_model_warn(m, "%s", "\x1b[2Jgone");
    ck_assert_ptr_null(strchr(sov_model_warning(m, 0), 0x1b));
    for (int i = 0; i < 5000; i++)
        sov_model_warn(m, "%d", i);
    while (sov_model_warning(m, n) != NULL)
        n++;
    ck_assert_uint_eq(n, 1000);
    sov_model_close(m);
    sov_buf_free(&file);
}
END_TEST

void
model_tests(TCase *tc)
{
    tcase_add_test(tc, views_regroup_rename_and_add);
    tcase_add_test(tc, groups_and_columns);
    tcase_add_test(tc, views_that_do_not_fit_are_refused);
    tcase_add_test(tc, warnings_are_safe_to_show_and_few);
}
