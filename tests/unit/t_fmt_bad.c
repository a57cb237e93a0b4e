/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_fmt_bad.c - GGUF files that break the rules, and both sides of each limit
 */
#include "fmt_make.h"

#include "base/limits.h"

#include <stdio.h>
#include <string.h>

/* Refused from a file and from a pipe, with want in the message. */
static void
refuse(struct sov_buf b, const char *want)
{
    must_fail(as_file(b), SOV_ACCESS_STREAM, want);
    must_fail(as_file(b), SOV_ACCESS_MAP, want);
    if (b.len <= 65536)
        must_fail(as_pipe(b), SOV_ACCESS_MAP, want);
    sov_buf_free(&b);
}

static void
refuse_make(struct make *mk, const char *want)
{
    refuse(finish(mk), want);
}

static void
accept(struct make *mk)
{
    struct sov_buf b = finish(mk);

    sov_model_close(must_open(as_file(b), SOV_ACCESS_STREAM));
    sov_buf_free(&b);
}

static struct sov_buf
bytes(const char *p, size_t len)
{
    struct sov_buf b = { 0 };

    sov_buf_add(&b, p, len);
    return b;
}

/* Magic, version and counts alone. */
static struct sov_buf
start(uint32_t version, uint64_t n_tensors, uint64_t n_keys)
{
    struct sov_buf b = bytes("GGUF", 4);

    sov_buf_u32(&b, version);
    sov_buf_u64(&b, n_tensors);
    sov_buf_u64(&b, n_keys);
    return b;
}

START_TEST(other_files_are_named)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *want;
    } row[] = {
        { "", 0, "is empty" },
        { "G", 1, "too short" },
        { "GGUX\3\0\0\0", 8, "starts with \"GGUX\"" },
        { "PK\3\4........", 12, "zip" },
        { "\x80\2}q\1(X\5", 8, "pickle" },
        { "<!DOCTYPE html><html>", 21, "web page" },
        { "<html>        ", 14, "web page" },
        { "version https://git-lfs.github.com/spec/v1\noid", 46, "git-lfs" },
        { "\x1f\x8b\x08\0\0\0\0\0", 8, "gzip" },
        { "\0\0\0\0\0\0\0\0\0\0", 10, "zeros" },
        { "{\"model_type\": 1}", 17, "JSON" },
        { "\x1b[31mred", 8, "starts with \"?[31\"" },
    };
    struct sov_buf tar = { 0 };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        refuse(bytes(row[i].bytes, row[i].len), row[i].want);
    sov_buf_add(&tar, "model/config.json", 17);
    sov_buf_zero(&tar, 240);
    sov_buf_add(&tar, "ustar", 5);
    sov_buf_zero(&tar, 250);
    refuse(tar, "tar archive");
}
END_TEST

START_TEST(starts_are_checked)
{
    struct sov_buf b;

    refuse(bytes("GGUF", 4), "offset 0x0: cut short");
    refuse(start(0, 0, 0), "version 0");
    refuse(start(1, 0, 0), "version 1");
    refuse(start(4, 0, 0), "version 4");
    refuse(start(99, 0, 0), "version 99");
    refuse(start(3, UINT64_MAX, 0), "over the limit");
    refuse(start(3, UINT64_C(1) << 40, 0), "over the limit");
    refuse(start(3, SOV_TENSORS_MAX + 1, 0), "over the limit");
    refuse(start(3, SOV_TENSORS_MAX, 0), "");
    refuse(start(3, 0, UINT64_MAX), "over the limit");
    refuse(start(3, 0, UINT64_C(1) << 57), "over the limit");
    refuse(start(3, 0, SOV_KEYS_MAX), "");
    b = start(0x03000000, 0, 0);
    sov_model_close(must_open(as_file(b), SOV_ACCESS_STREAM));
    sov_buf_free(&b);
    b = start(2, 0, 0);
    sov_model_close(must_open(as_file(b), SOV_ACCESS_STREAM));
    sov_buf_free(&b);
}
END_TEST

/* A key of len bytes with a small value. */
static struct make
key_of(uint64_t len)
{
    char *key = malloc(len + 1);
    struct make mk = { 0 };

    ck_assert_ptr_nonnull(key);
    memset(key, 'k', len);
    key[len] = '\0';
    add_u32(&mk, key, 1);
    free(key);
    return mk;
}

START_TEST(keys_are_checked)
{
    struct make mk = { 0 };

    mk = key_of(SOV_KEY_MAX);
    accept(&mk);
    mk = key_of(SOV_KEY_MAX + 1);
    refuse_make(&mk, "over the limit of 65535");
    mk = key_of(1);
    accept(&mk);
    mk = key_of(0);
    refuse_make(&mk, "key 0: is empty");
    add_u32(&mk, "a\x01z", 1);
    refuse_make(&mk, "control characters");
    add_u32(&mk, "a\xff", 1);
    refuse_make(&mk, "not UTF-8");
    put_u64(&mk, &mk.keys, 3);
    sov_buf_add(&mk.keys, "a\0b", 3);
    put_u32(&mk, &mk.keys, SOV_V_U8);
    sov_buf_u8(&mk.keys, 1);
    mk.n_keys = 1;
    refuse_make(&mk, "control characters");
    add_u32(&mk, "twice", 1);
    add_u32(&mk, "twice", 2);
    refuse_make(&mk, "key 1: twice: stands there twice");
    add_key(&mk, "k", 77);
    put_u64(&mk, &mk.keys, 0);
    refuse_make(&mk, "key 0: k: value of type 77");
    add_key(&mk, "k", (uint32_t)-5);
    put_u64(&mk, &mk.keys, 0);
    refuse_make(&mk, "value of type -5");
    put_u64(&mk, &mk.keys, UINT64_C(1) << 63);
    put_u64(&mk, &mk.keys, 1);
    mk.n_keys = 1;
    refuse_make(&mk, "9223372036854775808 is over the limit");
}
END_TEST

static struct make
array_of(uint32_t elem, uint64_t n)
{
    struct make mk = { 0 };

    add_key(&mk, "a", SOV_V_ARR);
    put_u32(&mk, &mk.keys, elem);
    put_u64(&mk, &mk.keys, n);
    return mk;
}

START_TEST(values_are_checked)
{
    struct make mk;

    mk = array_of(SOV_V_ARR, 1);
    refuse_make(&mk, "array of arrays");
    mk = array_of(13, 1);
    refuse_make(&mk, "array of type 13");
    mk = array_of(SOV_V_U8, UINT64_C(1) << 62);
    refuse_make(&mk, "over the limit");
    mk = array_of(SOV_V_U8, SOV_ARR_MAX + 1);
    refuse_make(&mk, "over the limit");
    mk = array_of(SOV_V_U8, SOV_ARR_MAX);
    refuse_make(&mk, "cut short");
    mk = array_of(SOV_V_F64, SOV_ARR_MAX);
    refuse_make(&mk, "");
    mk = array_of(SOV_V_STR, SOV_ARR_MAX);
    refuse_make(&mk, "cut short");
    mk = array_of(SOV_V_STR, 2);
    put_str(&mk, &mk.keys, "fine");
    put_u64(&mk, &mk.keys, SOV_STR_MAX + 1);
    refuse_make(&mk, "string 1: length 268435457");
    mk = array_of(SOV_V_STR, 2);
    put_str(&mk, &mk.keys, "fine");
    put_u64(&mk, &mk.keys, SOV_STR_MAX);
    refuse_make(&mk, "cut short");
    mk = array_of(SOV_V_BOOL, 3);
    sov_buf_add(&mk.keys, "\1\0\2", 3);
    refuse_make(&mk, "truth value is 2");
    memset(&mk, 0, sizeof(mk));
    add_key(&mk, "b", SOV_V_BOOL);
    sov_buf_u8(&mk.keys, 7);
    refuse_make(&mk, "");
    add_key(&mk, "b", SOV_V_BOOL);
    sov_buf_u8(&mk.keys, 7);
    add_u32(&mk, "c", 1);
    refuse_make(&mk, "key 0: b: truth value is 7");
    add_u32(&mk, "general.architecture", 7);
    refuse_make(&mk, "general.architecture: is u32, not a string");
    add_text(&mk, "split.count", "2");
    refuse_make(&mk, "split.count: is string, not an integer");
    add_u32(&mk, "split.count", 65535);
    refuse_make(&mk, "65535 is over the limit of 10000");
    add_key(&mk, "s", SOV_V_STR);
    put_u64(&mk, &mk.keys, SOV_STR_MAX + 1);
    refuse_make(&mk, "over the limit of 268435456");
    add_key(&mk, "s", SOV_V_STR);
    put_u64(&mk, &mk.keys, SOV_STR_MAX);
    refuse_make(&mk, "cut short");
}
END_TEST

START_TEST(alignments_are_checked)
{
    static const uint32_t bad[] = { 0, 3, 48, 1u << 21, 1u << 31 };
    static const uint32_t good[] = { 1, 2, 8, 32, 4096, 1u << 20 };
    unsigned char data[128] = { 0 };
    struct make mk = { 0 };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        add_u32(&mk, "general.alignment", bad[i]);
        refuse_make(&mk, "is not a power of two");
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        mk.align = good[i];
        add_u32(&mk, "general.alignment", good[i]);
        add_tensor(&mk, "a", SOV_TYPE_F32, 1, 32, data, 128);
        add_tensor(&mk, "b", SOV_TYPE_F32, 1, 32, data, 128);
        accept(&mk);
    }
    add_text(&mk, "general.alignment", "32");
    refuse_make(&mk, "is string, not u32");
    add_u16(&mk, "general.alignment", 32);
    refuse_make(&mk, "is u16, not u32");
}
END_TEST

static void
one_entry(struct make *mk, const char *name, uint32_t ndim,
          const uint64_t *dim, uint32_t type, uint64_t off)
{
    memset(mk, 0, sizeof(*mk));
    add_entry(mk, name, ndim, dim, type, off);
    sov_buf_zero(&mk->data, 256);
}

START_TEST(tensors_are_checked)
{
    static const struct {
        uint32_t ndim;
        uint64_t dim[9];
        uint32_t type;
        uint64_t off;
        const char *want; /* NULL: fine */
    } row[] = {
        { 0, { 0 }, 0, 0, "dimensions 0 is below the limit of 1" },
        { 1, { 32 }, 0, 0, NULL },
        { 4, { 8, 2, 2, 1 }, 0, 0, NULL },
        { 5, { 1, 1, 1, 1, 1 }, 0, 0, "dimensions 5 is over the limit of 4" },
        { 9, { 1, 1, 1, 1, 1, 1, 1, 1, 1 }, 0, 0, "dimensions 9" },
        { 2, { 32, 0 }, 0, 0, NULL },
        { 2, { UINT64_C(1) << 48, 0 }, 0, 0, NULL },
        { 1, { (uint64_t)-32 }, 0, 0, "dimension 0" },
        { 2, { UINT64_C(1) << 32, UINT64_C(1) << 32 }, 0, 0, "weights" },
        { 1, { UINT64_C(1) << 61 }, 0, 0, "dimension 0" },
        { 1, { UINT64_C(1) << 48 }, 0, 0, "beyond the end" },
        { 1, { 33 }, SOV_TYPE_Q4_0, 0, "whole blocks" },
        { 2, { 33, 0 }, SOV_TYPE_Q4_0, 0, "whole blocks" },
        { 1, { 32 }, (uint32_t)-1, 0, "type -1" },
        { 1, { 32 }, 77, 0, "type 77" },
        { 1, { 32 }, 4, 0, "type 4" },
        { 1, { 32 }, 5, 0, "type 5" },
        { 1, { 32 }, 256, 0, "type 256" },
        { 1, { 32 }, SOV_TYPE_Q8_1, 0, "type 9" },
        { 1, { 32 }, 0, 7, "not a multiple of the alignment" },
        { 1, { 32 }, 0, 128, NULL },
        { 1, { 32 }, 0, 160, "beyond the end" },
        { 1, { 32 }, 0, UINT64_C(1) << 63, "beyond the end" },
        { 1, { 32 }, 0, UINT64_MAX - 31, "beyond the end" },
        { 2, { 32, 0 }, 0, 256, NULL },
        { 2, { 32, 0 }, 0, 512, "beyond the end" },
    };
    struct make mk;

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        one_entry(&mk, "t", row[i].ndim, row[i].dim, row[i].type, row[i].off);
        if (row[i].want == NULL)
            accept(&mk);
        else
            refuse_make(&mk, row[i].want);
    }
    one_entry(&mk, "t", 4294967295u, row[0].dim, 0, 0);
    refuse_make(&mk, "dimensions 4294967295");
}
END_TEST

START_TEST(tensor_names_are_checked)
{
    static char name[65537];
    uint64_t dim[1] = { 32 };
    struct make mk;

    memset(name, 'n', sizeof(name) - 1);
    one_entry(&mk, name, 1, dim, 0, 0);
    refuse_make(&mk, "over the limit of 65535");
    name[65535] = '\0';
    one_entry(&mk, name, 1, dim, 0, 0);
    accept(&mk);
    one_entry(&mk, "", 1, dim, 0, 0);
    refuse_make(&mk, "no name");
    one_entry(&mk, "a\x1b[2J", 1, dim, 0, 0);
    refuse_make(&mk, "control characters");
    one_entry(&mk, "../../etc/passwd", 1, dim, 0, 0);
    accept(&mk); /* a name, and never a path */
    one_entry(&mk, "t", 1, dim, 0, 0);
    add_entry(&mk, "t", 1, dim, 0, 128);
    refuse_make(&mk, "two tensors \"t\"");
    one_entry(&mk, "t", 1, dim, 0, 0);
    add_entry(&mk, "u", 1, dim, 0, 96);
    refuse_make(&mk, "tensor u overlaps another");
    one_entry(&mk, "t", 1, dim, 0, 0);
    put_u64(&mk, &mk.dir, UINT64_C(1) << 30);
    sov_buf_zero(&mk.dir, 30);
    mk.n_tensors++;
    refuse_make(&mk, "length of the name");
}
END_TEST

START_TEST(sums_do_not_wrap)
{
    uint64_t dim[1] = { UINT64_C(1) << 48 };
    struct make mk;
    struct sov_buf b;
    char name[8];

    memset(&mk, 0, sizeof(mk));
    for (unsigned i = 0; i < 64; i++) {
        snprintf(name, sizeof(name), "t%u", i);
        add_entry(&mk, name, 1, dim, 0, (uint64_t)i << 58);
    }
    b = finish(&mk);
    must_fail(as_pipe(b), SOV_ACCESS_STREAM, "beyond the end");
    refuse(b, "beyond the end");
}
END_TEST

START_TEST(big_endian_types_have_a_known_form)
{
    uint64_t dim[1] = { 256 };
    struct make mk = { .big = true };

    add_entry(&mk, "t", 1, dim, SOV_TYPE_IQ3_XXS, 0);
    sov_buf_zero(&mk.data, 256);
    refuse_make(&mk, "big-endian iq3_xxs is not supported");
}
END_TEST

/* Cut anywhere, a file is refused; no cut may be taken for a whole one. */
START_TEST(every_truncation_is_refused)
{
    struct make mk = small_model();
    struct sov_buf whole, b;

    add_text(&mk, "general.name", "a model");
    add_key(&mk, "arr", SOV_V_ARR);
    put_u32(&mk, &mk.keys, SOV_V_STR);
    put_u64(&mk, &mk.keys, 2);
    put_str(&mk, &mk.keys, "one");
    put_str(&mk, &mk.keys, "two");
    whole = finish(&mk);
    for (size_t len = 0; len < whole.len; len++) {
        b = whole;
        b.len = len;
        must_fail(as_file(b), SOV_ACCESS_STREAM, "");
        must_fail(as_file(b), SOV_ACCESS_MAP, "");
    }
    sov_buf_free(&whole);
}
END_TEST

/* A pipe shows its end only when the data are read. */
START_TEST(every_cut_of_a_pipe_is_seen)
{
    struct make mk = small_model();
    struct sov_buf whole = finish(&mk), b;
    unsigned char buf[128];
    struct sov_err err;
    sov_model *m;
    int rc;

    for (size_t len = 0; len < whole.len; len++) {
        b = whole;
        b.len = len;
        rc = sov_model_load(&m, as_pipe(b), SOV_ACCESS_STREAM, &err);
        if (rc == 0) {
            rc = sov_model_read(m, 0, 0, buf, 128, &err);
            sov_model_close(m);
        }
        ck_assert_int_eq(rc, SOV_EFORMAT);
    }
    sov_buf_free(&whole);
}
END_TEST

/* Any byte may be any other: no crash, and one line if it is refused. */
START_TEST(every_changed_byte_is_survived)
{
    struct make mk = small_model();
    struct sov_buf b = finish(&mk);
    static const unsigned char x[] = { 0xff, 0x80, 0x01, 0x7f };
    unsigned char buf[128];
    struct sov_err err;
    sov_model *m;

    for (size_t i = 0; i < b.len; i++)
        for (size_t k = 0; k < sizeof(x); k++) {
            b.p[i] ^= x[k];
            if (sov_model_load(&m, as_file(b), SOV_ACCESS_STREAM, &err) == 0) {
                for (size_t t = 0; t < sov_model_count(m); t++)
                    if (sov_model_at(m, t)->size <= sizeof(buf))
                        ck_assert_int_eq(
                            sov_model_read(m, t, 0, buf,
                                           sov_model_at(m, t)->size, &err),
                            0);
                sov_model_close(m);
            } else {
                ck_assert_ptr_null(strchr(err.msg, '\n'));
            }
            b.p[i] ^= x[k];
        }
    sov_buf_free(&b);
}
END_TEST

void
gguf_bad_tests(TCase *tc)
{
    tcase_add_test(tc, other_files_are_named);
    tcase_add_test(tc, starts_are_checked);
    tcase_add_test(tc, keys_are_checked);
    tcase_add_test(tc, values_are_checked);
    tcase_add_test(tc, alignments_are_checked);
    tcase_add_test(tc, tensors_are_checked);
    tcase_add_test(tc, tensor_names_are_checked);
    tcase_add_test(tc, sums_do_not_wrap);
    tcase_add_test(tc, big_endian_types_have_a_known_form);
    tcase_add_test(tc, every_truncation_is_refused);
    tcase_add_test(tc, every_cut_of_a_pipe_is_seen);
    tcase_add_test(tc, every_changed_byte_is_survived);
}
