/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_archive.c - names that are not trusted; tar files made and read again
 */
#include "base/le.h"
#include "base/limits.h"
#include "sov/model.h"
#include "sys/archive.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- names ---- */

START_TEST(names_are_judged)
{
    static const struct {
        const char *name;
        size_t len;
        const char *why; /* NULL: good */
    } row[] = {
        { "m.gguf", 6, NULL },
        { "a/b/c", 5, NULL },
        { "folder/", 7, NULL },
        { "...", 3, NULL },
        { "a..b", 4, NULL },
        { ".hidden", 7, NULL },
        { "\xc3\xbc", 2, NULL },
        { "ab:c", 4, NULL },
        { "", 0, "is empty" },
        { "/", 1, "is absolute" },
        { "/etc", 4, "is absolute" },
        { "..", 2, "has the part \"..\"" },
        { "a/..", 4, "has the part \"..\"" },
        { "../a", 4, "has the part \"..\"" },
        { "a/../b", 6, "has the part \"..\"" },
        { ".", 1, "has the part \".\"" },
        { "a/./b", 5, "has the part \".\"" },
        { "a//b", 4, "has an empty part" },
        { "a//", 3, "has an empty part" },
        { "a\\b", 3, "has a backslash" },
        { "C:", 2, "has a drive letter" },
        { "z:/a", 4, "has a drive letter" },
        { "a\0b", 3, "has control characters" },
        { "a\x1b", 2, "has control characters" },
        { "a\x7f", 2, "has control characters" },
        { "a\xc2\x85", 3, "has control characters" },
        { "a\xff", 2, "is not UTF-8" },
        { "\xed\xa0\x80", 3, "is not UTF-8" },
        { "\xc0\xaf", 2, "is not UTF-8" },
    };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        const char *why = sov_archive_bad_name(row[i].name, row[i].len);

        if (row[i].why == NULL)
            ck_assert_msg(why == NULL, "%s %s", row[i].name, why);
        else
            ck_assert_msg(why != NULL && strcmp(why, row[i].why) == 0, "%s: %s",
                          row[i].name, why);
    }
}
END_TEST

START_TEST(lengths_of_names_have_limits)
{
    char name[5000];

    for (size_t len = 4090; len < 4100; len++) {
        memset(name, 'x', sizeof(name));
        for (size_t i = 200; i < len; i += 201)
            name[i] = '/';
        if (name[len - 1] == '/')
            continue;
        ck_assert((sov_archive_bad_name(name, len) == NULL) ==
                  (len <= SOV_MEMBER_NAME));
    }
    memset(name, 'x', sizeof(name));
    name[0] = 'a';
    name[1] = '/';
    ck_assert_ptr_null(sov_archive_bad_name(name, 2 + SOV_MEMBER_PART));
    ck_assert_ptr_nonnull(sov_archive_bad_name(name, 3 + SOV_MEMBER_PART));
}
END_TEST

/* ---- packing ---- */

struct member {
    const char *name;
    size_t size;
    uint32_t align;
};

/* A path to what the sink wrote; the bytes do not depend on step. */
static int
packed(enum sov_pack how, int64_t mtime, const struct member *m, size_t n,
       size_t step)
{
    static unsigned char bytes[300000];
    int fd = memfd_create("packed", 0);
    struct sov_err err = { 0 };
    sov_packer *p = NULL;
    sov_sink *s = NULL;
    char path[64];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 7 + i / 1000);
    snprintf(path, sizeof(path), "/tmp/sov-t-archive-%d", (int)getpid());
    unlink(path);
    ck_assert_int_eq(sov_sink_open(&s, path, NULL, &err), 0);
    ck_assert_int_eq(sov_packer_new(&p, s, how, mtime, &err), 0);
    for (size_t i = 0; i < n; i++) {
        ck_assert_msg(
            sov_packer_member(p, m[i].name, m[i].size, m[i].align, &err) == 0,
            "%s", err.msg);
        for (size_t at = 0; at < m[i].size; at += step) {
            size_t k = m[i].size - at < step ? m[i].size - at : step;

            ck_assert_int_eq(sov_packer_data(p, bytes + at, k, &err), 0);
        }
    }
    ck_assert_int_eq(sov_packer_end(&p, &err), 0);
    ck_assert_int_eq(sov_sink_commit(&s, &err), 0);
    close(fd);
    fd = memfd_create("packed", 0);
    {
        char *text;
        size_t len;

        ck_assert_int_eq(sov_read_whole(path, 1 << 30, &text, &len, &err), 0);
        ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
        free(text);
    }
    unlink(path);
    return fd;
}

static void
same_bytes(int a, int b)
{
    char x[4096], y[4096];
    off_t at = 0;
    ssize_t n;

    while ((n = pread(a, x, sizeof(x), at)) > 0) {
        ck_assert_int_eq(pread(b, y, sizeof(y), at), n);
        ck_assert_mem_eq(x, y, (size_t)n);
        at += n;
    }
    ck_assert_int_eq(pread(b, y, 1, at), 0);
}

static char long_name[241], cut_name[231];

static const struct member some[] = {
    { "a.gguf", 300000, 4096 }, { "dir/b.json", 5, 0 },
    { long_name, 1000, 4096 },  { cut_name, 512, 0 },
    { "d/\xc3\xbc.txt", 0, 0 }, { "e", 4096, 65536 },
};

#define N_SOME (sizeof(some) / sizeof(some[0]))

static void
make_names(void)
{
    memset(long_name, 'm', 240);
    memset(cut_name, 'n', 230);
    cut_name[140] = '/';
}

START_TEST(what_is_packed_is_read)
{
    const enum sov_pack how = (enum sov_pack)_i;
    static const int64_t times[] = { 0, -5, 1700000000, INT64_C(99999999999) };
    struct sov_err err = { 0 };
    struct sov_member m;
    sov_archive *a;
    uint64_t off;
    char path[64];
    static unsigned char buf[300001];

    make_names();
    for (size_t t = 0; t < 4; t++) {
        int fd = packed(how, times[t], some, N_SOME, 1000);
        int other = packed(how, times[t], some, N_SOME, 77777);

        same_bytes(fd, other);
        close(other);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        ck_assert_msg(sov_archive_open(&a, path, &err) == 0, "%s", err.msg);
        for (size_t i = 0; i < N_SOME; i++) {
            ck_assert_msg(sov_archive_next(a, &m, &err) == 1, "%s", err.msg);
            ck_assert_str_eq(m.name, some[i].name);
            ck_assert_uint_eq(m.size, some[i].size);
            ck_assert(sov_archive_in_place(a, &off) == (how == SOV_PACK_PLAIN));
            if (how == SOV_PACK_PLAIN && some[i].align > 0)
                ck_assert_uint_eq(off % some[i].align, 0);
            ck_assert_int_eq(sov_archive_read(a, buf, sizeof(buf), &err),
                             (int64_t)some[i].size);
            if (some[i].size > 0)
                ck_assert_uint_eq(buf[some[i].size - 1],
                                  (unsigned char)((some[i].size - 1) * 7 +
                                                  (some[i].size - 1) / 1000));
        }
        ck_assert_int_eq(sov_archive_next(a, &m, &err), 0);
        ck_assert_int_eq(sov_archive_next(a, &m, &err), 0);
        sov_archive_close(a);
        close(fd);
    }
}
END_TEST

static int
discard(void *arg, const void *buf, size_t len, struct sov_err *err)
{
    (void)buf;
    (void)err;
    *(size_t *)arg += len;
    return 0;
}

START_TEST(packers_keep_their_contract)
{
    struct sov_err err = { 0 };
    sov_packer *p = NULL;
    sov_sink *s = NULL;
    size_t seen = 0;

    ck_assert_int_eq(sov_sink_call(&s, "nowhere", discard, &seen, &err), 0);
    ck_assert_int_eq(sov_packer_new(&p, s, SOV_PACK_PLAIN, 0, &err), 0);
    ck_assert_int_eq(sov_packer_member(p, "../x", 1, 0, &err), SOV_EARG);
    ck_assert_int_eq(sov_packer_member(p, "x/", 1, 0, &err), SOV_EARG);
    ck_assert_int_eq(sov_packer_member(p, "x", 1, 3000, &err), SOV_EARG);
    ck_assert_int_eq(sov_packer_member(p, "x", 1, 1 << 20, &err), SOV_EARG);
    ck_assert_int_eq(sov_packer_member(p, "x", 2, 0, &err), 0);
    ck_assert_int_eq(sov_packer_data(p, "abc", 3, &err), SOV_EARG);
    ck_assert_int_eq(sov_packer_data(p, "a", 1, &err), 0);
    ck_assert_int_eq(sov_packer_member(p, "y", 1, 0, &err), SOV_EARG);
    ck_assert_int_eq(sov_packer_end(&p, &err), SOV_EARG);
    ck_assert_ptr_null(p);
    sov_sink_abort(s);
}
END_TEST

/* Sizes around what eleven octal digits hold need no bytes to be told. */
START_TEST(large_sizes_are_told)
{
    static const uint64_t sizes[] = { UINT64_C(8589934591),
                                      UINT64_C(8589934592),
                                      UINT64_C(40000000000) };
    struct sov_err err = { 0 };
    sov_packer *p = NULL;
    sov_sink *s = NULL;
    size_t seen;

    for (size_t i = 0; i < 3; i++) {
        seen = 0;
        ck_assert_int_eq(sov_sink_call(&s, "nowhere", discard, &seen, &err), 0);
        ck_assert_int_eq(sov_packer_new(&p, s, SOV_PACK_PLAIN, 0, &err), 0);
        ck_assert_int_eq(sov_packer_member(p, "x", sizes[i], 0, &err), 0);
        ck_assert_uint_eq(seen, i == 0 ? 512 : 1536);
        sov_packer_abort(p);
        sov_sink_abort(s);
    }
}
END_TEST

/* ---- reading ---- */

START_TEST(only_archives_are_opened)
{
    static const char *const text[] = { "", "x", "GGUF\3", "PK", "\037\213" };
    struct sov_err err = { 0 };
    sov_archive *a;
    char path[64];

    for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        int fd = memfd_create("none", 0);

        ck_assert_int_eq(write(fd, text[i], strlen(text[i])),
                         (ssize_t)strlen(text[i]));
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        ck_assert_int_eq(sov_archive_open(&a, path, &err), SOV_EFORMAT);
        close(fd);
    }
    ck_assert_int_eq(sov_archive_open(&a, "/nonexistent", &err), SOV_EIO);
    ck_assert_int_eq(err.where, SOV_WHERE_INPUT);
}
END_TEST

/* The xz header that asks for a dictionary of that code. */
static struct sov_span
xz_head(unsigned char *to, unsigned char code)
{
    static const unsigned char head[] = { 0xfd, '7', 'z',  'X',  'Z',  0,
                                          0,    4,   0xe6, 0xd6, 0xb4, 0x46,
                                          2,    0,   0x21, 1 };

    memset(to, 0, 64);
    memcpy(to, head, sizeof(head));
    to[sizeof(head)] = code;
    return (struct sov_span){ to, 64 };
}

START_TEST(memory_to_decompress_has_a_limit)
{
    unsigned char head[64];
    struct sov_err err = { 0 };
    struct sov_file none = { .fd = -1, .regular = true, .borrowed = true };
    sov_archive *a;

    ck_assert_uint_eq(sov_archive_window(xz_head(head, 0)), 4096);
    ck_assert_uint_eq(sov_archive_window(xz_head(head, 30)), SOV_WINDOW_MAX);
    ck_assert_uint_eq(sov_archive_window(xz_head(head, 31)),
                      SOV_WINDOW_MAX / 2 * 3);
    ck_assert_int_eq(sov_archive_over(&a, &none, xz_head(head, 31), "x", &err),
                     SOV_EFORMAT);
    ck_assert_ptr_nonnull(strstr(err.msg, "the limit is 134217728"));
}
END_TEST

/* ---- models ---- */

static size_t n_begun;

static int
count_begun(void *arg, sov_model *m, size_t file, sov_hasher *h,
            struct sov_err *err)
{
    (void)arg;
    (void)err;
    ck_assert_ptr_nonnull(h);
    ck_assert_ptr_nonnull(sov_model_file_name(m, file));
    n_begun++;
    return 0;
}

/* A GGUF file with nothing in it. */
static const unsigned char empty_gguf[32] = { 'G', 'G', 'U', 'F', 3 };

static int
bundle(enum sov_pack how)
{
    struct sov_err err = { 0 };
    int fd = memfd_create("bundle", 0);
    sov_packer *p;
    sov_sink *s;
    char path[64];

    snprintf(path, sizeof(path), "/tmp/sov-t-archive-%d", (int)getpid());
    unlink(path);
    ck_assert_int_eq(sov_sink_open(&s, path, NULL, &err), 0);
    ck_assert_int_eq(sov_packer_new(&p, s, how, 0, &err), 0);
    ck_assert_int_eq(sov_packer_member(p, "sov/ancestors.jsonl", 3, 0, &err),
                     0);
    ck_assert_int_eq(sov_packer_data(p, "{}\n", 3, &err), 0);
    ck_assert_int_eq(sov_packer_member(p, "m.gguf", 24, 4096, &err), 0);
    ck_assert_int_eq(sov_packer_data(p, empty_gguf, 24, &err), 0);
    ck_assert_int_eq(sov_packer_member(p, "m.gguf.sovidx", 2, 0, &err), 0);
    ck_assert_int_eq(sov_packer_data(p, "ix", 2, &err), 0);
    ck_assert_int_eq(sov_packer_member(p, "sov/leaf.jsonl", 4, 0, &err), 0);
    ck_assert_int_eq(sov_packer_data(p, "[1]\n", 4, &err), 0);
    ck_assert_int_eq(sov_packer_end(&p, &err), 0);
    ck_assert_int_eq(sov_sink_commit(&s, &err), 0);
    {
        char *text;
        size_t len;

        ck_assert_int_eq(sov_read_whole(path, 1 << 20, &text, &len, &err), 0);
        ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
        free(text);
    }
    unlink(path);
    return fd;
}

START_TEST(a_model_comes_with_its_claims)
{
    struct sov_model_opts opts = {
        .access = _i / 4 ? SOV_ACCESS_MAP : SOV_ACCESS_STREAM,
        .hash = SOV_HASH_SHA256,
        .begin = count_begun,
    };
    int fd = bundle((enum sov_pack)(_i % 4));
    unsigned char want[SOV_SHA256_LEN];
    const char *name, *text;
    struct sov_err err = { 0 };
    sov_model *m;
    char path[64];
    size_t len;

    n_begun = 0;
    sov_sha256(empty_gguf, 24, want);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ck_assert_msg(sov_model_open_with(&m, path, &opts, &err) == 0, "%s",
                  err.msg);
    ck_assert_int_eq(
        sov_model_side(m, SOV_SIDE_CLAIMS, 0, &name, &text, &len, &err), 0);
    ck_assert_str_eq(name, "sov/ancestors.jsonl");
    ck_assert_str_eq(text, "{}\n");
    ck_assert_msg(sov_model_finish(m, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(
        sov_model_side(m, SOV_SIDE_CLAIMS, 1, &name, &text, &len, &err), 0);
    ck_assert_str_eq(text, "[1]\n");
    ck_assert_int_eq(
        sov_model_side(m, SOV_SIDE_CLAIMS, 2, &name, &text, &len, &err), 1);
    ck_assert_int_eq(
        sov_model_side(m, SOV_SIDE_INDEX, 0, &name, &text, &len, &err), 0);
    ck_assert_str_eq(text, "ix");
    ck_assert_str_eq(sov_model_file_name(m, 0), "m.gguf");
    ck_assert_ptr_null(sov_model_file_name(m, 1));
    ck_assert_ptr_nonnull(sov_model_digest(m, 0));
    ck_assert_mem_eq(sov_model_digest(m, 0)->sha256, want, sizeof(want));
    ck_assert_uint_eq(n_begun, 1);
    sov_model_close(m);
    close(fd);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("archive");

    tcase_add_test(tc, names_are_judged);
    tcase_add_test(tc, lengths_of_names_have_limits);
    tcase_add_loop_test(tc, what_is_packed_is_read, 0, 4);
    tcase_add_test(tc, packers_keep_their_contract);
    tcase_add_test(tc, large_sizes_are_told);
    tcase_add_test(tc, only_archives_are_opened);
    tcase_add_test(tc, memory_to_decompress_has_a_limit);
    tcase_add_loop_test(tc, a_model_comes_with_its_claims, 0, 8);
    return unit_main("archive", tc);
}
