/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_calib.c - importance matrices of both forms, good and bad ones
 */
#include "base/limits.h"
#include "fmt_make.h"
#include "sov/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define A "blk.0.attn_q.weight"
#define X "blk.0.ffn_up_exps.weight"

/* ---- making them ---- */

static void
add_floats(struct make *mk, const char *name, uint64_t rows, uint64_t cols,
           const float *x)
{
    struct sov_buf b = { 0 };

    for (uint64_t i = 0; i < rows * cols; i++)
        put_u32(mk, &b, *(const uint32_t *)&x[i]);
    add_tensor(mk, name, SOV_TYPE_F32, rows, cols, b.p, b.len);
    sov_buf_free(&b);
}

static void
add_datasets(struct make *mk, uint64_t n, const char *name)
{
    add_key(mk, "imatrix.datasets", SOV_V_ARR);
    put_u32(mk, &mk->keys, SOV_V_STR);
    put_u64(mk, &mk->keys, n);
    for (uint64_t i = 0; i < n; i++)
        put_str(mk, &mk->keys, name);
}

static const float a_sum[] = { 2, 4, 6, 0 }, a_count[] = { 2 };
static const float x_sum[] = { 8, 4, 0, 0, 3, 6 }, x_count[] = { 4, 0, 3 };

/* A matrix of four columns, and three experts of two that the second of saw
 * nothing. */
static struct make
good(bool big)
{
    struct make mk = { .big = big };

    add_text(&mk, "general.type", "imatrix");
    add_datasets(&mk, 2, "some/text.txt");
    add_u32(&mk, "imatrix.chunk_count", 7);
    add_u32(&mk, "imatrix.chunk_size", 512);
    add_floats(&mk, A ".in_sum2", 1, 4, a_sum);
    add_floats(&mk, A ".counts", 1, 1, a_count);
    add_floats(&mk, X ".counts", 3, 1, x_count);
    add_floats(&mk, X ".in_sum2", 3, 2, x_sum);
    add_floats(&mk, X ".in_sum", 3, 2, x_sum);
    return mk;
}

static void
put_entry(struct sov_buf *b, const char *name, uint32_t calls, uint32_t n,
          const float *x)
{
    sov_buf_u32(b, (uint32_t)strlen(name));
    sov_buf_add(b, name, strlen(name));
    sov_buf_u32(b, calls);
    sov_buf_u32(b, n);
    for (uint32_t i = 0; i < n; i++)
        sov_buf_f32(b, x[i]);
}

/* The same in the older form, which knows no counts of experts. */
static struct sov_buf
good_dat(bool with_end)
{
    static const float a[] = { 2, 4, 6, 0 };
    static const float x[] = { 4, 2, 2, 2, 2, 4 };
    struct sov_buf b = { 0 };

    sov_buf_u32(&b, 2);
    put_entry(&b, A, 2, 4, a);
    put_entry(&b, X, 2, 6, x);
    if (with_end) {
        sov_buf_u32(&b, 7);
        sov_buf_u32(&b, 13);
        sov_buf_add(&b, "some/text.txt", 13);
    }
    return b;
}

/* ---- reading them ---- */

static sov_stats *
must_read(const char *path)
{
    struct sov_err err = { 0 };
    sov_stats *s = NULL;

    if (sov_stats_open(&s, path, &err) < 0)
        ck_abort_msg("%s", err.msg);
    return s;
}

static void
refuse_path(const char *path, const char *want)
{
    struct sov_err err = { 0 };
    sov_stats *s = NULL;
    int rc = sov_stats_open(&s, path, &err);

    if (rc == 0)
        ck_abort_msg("read, although: %s", want);
    ck_assert_ptr_null(s);
    ck_assert_int_eq(rc, err.rc);
    ck_assert_ptr_null(strchr(err.msg, '\n'));
    if (strstr(err.msg, want) == NULL)
        ck_abort_msg("\"%s\" does not say \"%s\"", err.msg, want);
}

static void
refuse(struct sov_buf b, const char *want)
{
    refuse_path(as_file(b), want);
    refuse_path(as_pipe(b), want);
    sov_buf_free(&b);
}

static void
means_are(const sov_stats *s, const char *name, size_t n, const float *want)
{
    int64_t at = sov_stats_find(s, name);
    float got[8];

    ck_assert_int_ge(at, 0);
    ck_assert_str_eq(sov_stats_name(s, (size_t)at), name);
    ck_assert_uint_eq(sov_stats_values(s, (size_t)at), n);
    sov_stats_mean(s, (size_t)at, 0, n, got);
    for (size_t i = 0; i < n; i++)
        ck_assert_float_eq(got[i], want[i]);
    for (size_t i = 0; i < n; i++) {
        sov_stats_mean(s, (size_t)at, i, 1, got);
        ck_assert_float_eq(got[0], want[i]);
    }
}

static void
is_good(sov_stats *s, bool gguf, bool with_end)
{
    static const float a[] = { 1, 2, 3, 0 }, x[] = { 2, 1, 1, 1, 1, 2 };
    uint64_t which = 99;
    struct sov_err err;

    ck_assert_uint_eq(sov_stats_count(s), 2);
    means_are(s, A, 4, a);
    means_are(s, X, 6, x);
    ck_assert_int_eq(sov_stats_find(s, "blk.0"), -1);
    ck_assert_uint_eq(sov_stats_unseen(s, (size_t)sov_stats_find(s, A), &which),
                      0);
    ck_assert_uint_eq(sov_stats_unseen(s, (size_t)sov_stats_find(s, X), &which),
                      gguf);
    ck_assert_uint_eq(which, gguf ? 1 : 99);
    ck_assert_uint_eq(sov_stats_chunks(s), with_end ? 7 : 0);
    ck_assert_uint_eq(sov_stats_chunk_size(s), gguf ? 512 : 0);
    if (with_end)
        ck_assert_str_eq(sov_stats_dataset(s, 0), "some/text.txt");
    ck_assert_int_eq(sov_stats_dataset(s, 1) != NULL, gguf);
    ck_assert_ptr_null(sov_stats_dataset(s, 2));
    ck_assert_str_eq(sov_stats_format(s), gguf ? "gguf" : "imatrix");
    ck_assert_int_eq(sov_stats_finish(s, &err), 0);
    sov_stats_close(s);
}

START_TEST(both_forms_say_the_same)
{
    for (int big = 0; big < 2; big++) {
        struct make mk = good(big);
        struct sov_buf b = finish(&mk);

        is_good(must_read(as_file(b)), true, true);
        is_good(must_read(as_pipe(b)), true, true);
        sov_buf_free(&b);
    }
    for (int end = 0; end < 2; end++) {
        struct sov_buf b = good_dat(end);

        is_good(must_read(as_file(b)), false, end);
        is_good(must_read(as_pipe(b)), false, end);
        sov_buf_free(&b);
    }
}
END_TEST

/* What goes through to the claim is what was read. */
START_TEST(the_digest_is_the_files)
{
    struct sov_buf b = good_dat(true);
    unsigned char want[SOV_SHA256_LEN];

    sov_sha256(b.p, b.len, want);
    for (int pipe = 0; pipe < 2; pipe++) {
        sov_stats *s = must_read(pipe ? as_pipe(b) : as_file(b));
        const struct sov_digest *d = sov_stats_digest(s);

        ck_assert_uint_eq(d->has & SOV_HASH_SHA256, SOV_HASH_SHA256);
        ck_assert_uint_eq(d->size, b.len);
        ck_assert_mem_eq(d->sha256, want, sizeof(want));
        sov_stats_close(s);
    }
    sov_buf_free(&b);
}
END_TEST

/* A name could be anything, and is shown and written elsewhere. */
START_TEST(names_of_texts_are_made_safe)
{
    struct make mk = { 0 };
    struct sov_buf b;
    sov_stats *s;

    add_datasets(&mk, 1, "a\033[31m\nb");
    add_floats(&mk, A ".in_sum2", 1, 4, a_sum);
    add_floats(&mk, A ".counts", 1, 1, a_count);
    b = finish(&mk);
    s = must_read(as_file(b));
    ck_assert_str_eq(sov_stats_dataset(s, 0), "a?[31m?b");
    sov_stats_close(s);
    sov_buf_free(&b);
}
END_TEST

/* ---- bad ones ---- */

/* One matrix of n sums in rows, and m counts, of other types maybe. */
static struct sov_buf
one(uint64_t n, const float *sums, uint64_t m, const float *counts)
{
    struct make mk = { 0 };

    add_floats(&mk, "m.in_sum2", 1, n, sums);
    add_floats(&mk, "m.counts", 1, m, counts);
    return finish(&mk);
}

START_TEST(numbers_are_looked_at)
{
    static const struct {
        float x;
        const char *want;
    } row[] = { { NAN, "m.in_sum2: sum 2 is not a number" },
                { INFINITY, "m.in_sum2: sum 2 is infinite" },
                { -INFINITY, "m.in_sum2: sum 2 is infinite" },
                { -1, "m.in_sum2: sum 2 is negative" } };
    float sums[4] = { 1, 2, 3, 4 }, count = 3;
    struct sov_buf b;

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        sums[2] = row[i].x;
        refuse(one(4, sums, 1, &count), row[i].want);
        b = (struct sov_buf){ 0 };
        sov_buf_u32(&b, 1);
        put_entry(&b, "m", 1, 4, sums);
        refuse(b, row[i].want);
    }
    sums[2] = 0;
    count = NAN;
    refuse(one(4, sums, 1, &count), "count 0 is not a number");
    count = -2;
    refuse(one(4, sums, 1, &count), "count 0 is negative");
    count = 0.5f;
    refuse(one(4, sums, 1, &count), "count 0 is not a whole number");
}
END_TEST

START_TEST(sums_and_counts_belong_together)
{
    static const float sums[] = { 1, 2, 3, 4 }, counts[] = { 1, 2, 3, 4 };
    struct make mk = { 0 };
    unsigned char half[8] = { 0 };

    refuse(one(4, sums, 3, counts), "4 sums cannot be of 3 matrices");
    refuse(one(0, sums, 1, counts), "0 sums cannot be of 1 matrices");
    refuse(one(4, sums, 0, counts), "4 sums cannot be of 0 matrices");
    add_floats(&mk, "m.in_sum2", 1, 4, sums);
    refuse(finish(&mk), "m.in_sum2: there are sums and no counts");
    add_floats(&mk, "m.counts", 1, 1, counts);
    refuse(finish(&mk), "m.counts: there are counts and no sums");
    add_tensor(&mk, "m.in_sum2", SOV_TYPE_F16, 1, 4, half, 8);
    add_floats(&mk, "m.counts", 1, 1, counts);
    refuse(finish(&mk), "the numbers are f16, not f32");
    add_floats(&mk, "m.in_sum2", 1, 4, sums);
    add_tensor(&mk, "m.counts", SOV_TYPE_F16, 1, 1, half, 2);
    refuse(finish(&mk), "the numbers are f16, not f32");
    add_floats(&mk, "m.in_sum2", 1, 4, sums);
    add_floats(&mk, "m.in_sum2", 1, 4, sums);
    refuse(finish(&mk), "two tensors");
}
END_TEST

START_TEST(other_files_are_refused)
{
    struct make mk = small_model();
    struct sov_buf b = { 0 };

    refuse(finish(&mk), "no tensor's name ends in \".in_sum2\"");
    mk = good(false);
    add_text(&mk, "general.architecture", "llama");
    sov_buf_free(&b);
    b = finish(&mk);
    sov_stats_close(must_read(as_file(b)));
    sov_buf_free(&b);
    add_text(&mk, "general.type", "adapter");
    refuse(finish(&mk), "is \"adapter\", not \"imatrix\"");
    add_u32(&mk, "general.type", 3);
    refuse(finish(&mk), "general.type");
    add_text(&mk, "imatrix.datasets", "one");
    refuse(finish(&mk), "is not an array of strings");
    add_text(&mk, "imatrix.chunk_count", "one");
    refuse(finish(&mk), "imatrix.chunk_count");
    add_datasets(&mk, SOV_DATASETS_MAX + 1, "t");
    refuse(finish(&mk), "over the limit of 1024");
    add_datasets(&mk, SOV_DATASETS_MAX, "t");
    add_floats(&mk, A ".in_sum2", 1, 4, a_sum);
    add_floats(&mk, A ".counts", 1, 1, a_count);
    b = finish(&mk);
    sov_stats_close(must_read(as_file(b)));
    sov_buf_free(&b);
    refuse_path("/nowhere/im.gguf", "/nowhere/im.gguf");
}
END_TEST

/* ---- the older form ---- */

/* A file of one entry with these fields. */
static struct sov_buf
fields(uint32_t entries, uint32_t len, const char *name, uint32_t calls,
       uint32_t n, size_t bytes)
{
    struct sov_buf b = { 0 };

    sov_buf_u32(&b, entries);
    sov_buf_u32(&b, len);
    sov_buf_add(&b, name, strlen(name));
    sov_buf_u32(&b, calls);
    sov_buf_u32(&b, n);
    sov_buf_zero(&b, bytes);
    return b;
}

START_TEST(older_form_no_calls)
{
    static const float x[] = { 0.5f, 0.25f };
    struct sov_buf b = { 0 };
    sov_stats *s;

    sov_buf_u32(&b, 1);
    put_entry(&b, "m", 0, 2, x);
    s = must_read(as_file(b));
    means_are(s, "m", 2, x);
    sov_stats_close(s);
    sov_buf_free(&b);
}
END_TEST

START_TEST(older_form_bad_fields)
{
    static const char *const not_mine = "not a GGUF or safetensors file";
    struct sov_buf b;

    refuse(fields(0, 1, "m", 1, 1, 4), not_mine);
    refuse(fields(0x80000000, 1, "m", 1, 1, 4), not_mine);
    refuse(fields(1, 0, "", 1, 1, 4), not_mine);
    refuse(fields(1, 2, "m\n", 1, 1, 4), not_mine);
    refuse(fields(1, 9999, "m", 1, 1, 4), not_mine);
    refuse(fields(1, 1, "m", 0xffffffff, 1, 4), not_mine);
    refuse(fields(1, 1, "m", 1, 0, 4), not_mine);
    refuse(fields(1, 1, "m", 1, 2, 7),
           "number of values 2 cannot be in the 7 bytes that are left");
    refuse(fields(1, 1, "m", 1, 0x7fffffff, 8), "cannot be in the 8 bytes");
    refuse(fields(9, 1, "m", 1, 1, 4), "number of entries 9 cannot be in the");
    b = fields(2, 1, "m", 1, 1, 4);
    put_entry(&b, "m", 1, 1, a_sum);
    refuse(b, "entry 1: m: there are two tensors");
    b = fields(2, 1, "m", 1, 1, 4);
    sov_buf_u32(&b, 0);
    sov_buf_zero(&b, 20);
    refuse(b, "entry 1: length of the name 0 is below the limit of 1");
    b = fields(2, 1, "m", 1, 1, 4);
    sov_buf_u32(&b, SOV_NAME_MAX);
    sov_buf_zero(&b, 20);
    refuse(b, "length of the name 65535 is over the limit of 65527");
    b = fields(2, 1, "m", 1, 1, 4);
    put_entry(&b, "n", 0x80000000, 1, a_sum);
    refuse(b, "number of calls -2147483648 is below");
    b = fields(2, 1, "m", 1, 1, 4);
    sov_buf_u32(&b, 2);
    sov_buf_add(&b, "\xff\xfe", 2);
    sov_buf_u32(&b, 1);
    sov_buf_u32(&b, 1);
    sov_buf_u32(&b, 0);
    refuse(b, "not UTF-8");
}
END_TEST

START_TEST(older_form_ends)
{
    struct sov_buf b;
    sov_stats *s;

    b = fields(1, 1, "m", 1, 1, 4);
    sov_buf_u16(&b, 1);
    refuse(b, "number of chunks: cut short");
    b = fields(1, 1, "m", 1, 1, 4);
    sov_buf_u32(&b, 0xffffffff);
    refuse(b, "number of chunks -1 is below the limit of 0");
    b = fields(1, 1, "m", 1, 1, 4);
    sov_buf_u32(&b, 1);
    sov_buf_u32(&b, SOV_DATASET_MAX + 1);
    refuse(b, "over the limit of 4095");
    b = fields(1, 1, "m", 1, 1, 4);
    sov_buf_u32(&b, 1);
    sov_buf_u32(&b, 2);
    sov_buf_u8(&b, 'x');
    refuse(b, "cut short: 2 bytes wanted, 1 are left");
    b = fields(1, 1, "m", 1, 1, 4);
    sov_buf_u32(&b, 5);
    s = must_read(as_file(b));
    ck_assert_uint_eq(sov_stats_chunks(s), 5);
    ck_assert_ptr_null(sov_stats_dataset(s, 0));
    sov_stats_close(s);
    sov_buf_u32(&b, 0);
    sov_buf_zero(&b, 3);
    sov_stats_close(must_read(as_file(b)));
    sov_buf_free(&b);
}
END_TEST

/* Wherever it is cut, it is refused in one line or ends where it may. */
START_TEST(cut_short)
{
    struct sov_buf b = good_dat(true);
    size_t end = b.len - 4 - 4 - 13;

    for (size_t n = 0; n < b.len; n++) {
        struct sov_buf part = { .p = b.p, .len = n };

        if (n == end || n == end + 4)
            sov_stats_close(must_read(as_file(part)));
        else
            refuse_path(as_file(part), "");
    }
    sov_buf_free(&b);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("calib");

    tcase_add_test(tc, both_forms_say_the_same);
    tcase_add_test(tc, the_digest_is_the_files);
    tcase_add_test(tc, names_of_texts_are_made_safe);
    tcase_add_test(tc, numbers_are_looked_at);
    tcase_add_test(tc, sums_and_counts_belong_together);
    tcase_add_test(tc, other_files_are_refused);
    tcase_add_test(tc, older_form_no_calls);
    tcase_add_test(tc, older_form_bad_fields);
    tcase_add_test(tc, older_form_ends);
    tcase_add_test(tc, cut_short);
    return unit_main("calib", tc);
}
