/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_fmt_gguf.c - GGUF files that are read, and written, as they should be
 */
#include "fmt_make.h"

#include "base/le.h"
#include "sov/write.h"

#include <stdio.h>
#include <string.h>

static unsigned char pattern[4096];

static void
fill_pattern(void)
{
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (unsigned char)(i * 31 + i / 256);
}

/* Keys of every type, tensors of several, one of them empty. */
static struct make
rich_model(bool big)
{
    struct make mk = { .big = big, .align = 32 };

    fill_pattern();
    add_text(&mk, "general.architecture", "llama");
    add_u32(&mk, "a.u32", 0x01020304);
    add_u16(&mk, "a.u16", 0x0102);
    add_key(&mk, "a.bool", SOV_V_BOOL);
    sov_buf_u8(&mk.keys, 1);
    add_key(&mk, "a.u64", SOV_V_U64);
    put_u64(&mk, &mk.keys, UINT64_C(0x0102030405060708));
    add_key(&mk, "a.f32", SOV_V_F32);
    put_u32(&mk, &mk.keys, 0x3fc00000); /* 1.5 */
    add_key(&mk, "a.empty", SOV_V_STR);
    put_u64(&mk, &mk.keys, 0);
    add_key(&mk, "arr.u32", SOV_V_ARR);
    put_u32(&mk, &mk.keys, SOV_V_U32);
    put_u64(&mk, &mk.keys, 3);
    for (uint32_t i = 0; i < 3; i++)
        put_u32(&mk, &mk.keys, 100 + i);
    add_key(&mk, "arr.str", SOV_V_ARR);
    put_u32(&mk, &mk.keys, SOV_V_STR);
    put_u64(&mk, &mk.keys, 2);
    put_str(&mk, &mk.keys, "\xe2\x96\x81the");
    put_str(&mk, &mk.keys, "");
    add_key(&mk, "arr.none", SOV_V_ARR);
    put_u32(&mk, &mk.keys, SOV_V_F32);
    put_u64(&mk, &mk.keys, 0);
    add_key(&mk, "arr.bool", SOV_V_ARR);
    put_u32(&mk, &mk.keys, SOV_V_BOOL);
    put_u64(&mk, &mk.keys, 2);
    sov_buf_u16(&mk.keys, 1);
    return mk;
}

/* Tensors of a rich model, numbers as the file's order has them. */
static void
add_rich_tensors(struct make *mk)
{
    unsigned char b[512];
    uint64_t none[2] = { 32, 0 };

    memcpy(b, pattern, sizeof(b));
    for (size_t i = 0; i < 64 && mk->big; i++)
        sov_put32(b + 4 * i, __builtin_bswap32(sov_le32(pattern + 4 * i)));
    add_tensor(mk, "f32", SOV_TYPE_F32, 2, 32, b, 256);
    add_entry(mk, "none", 2, none, SOV_TYPE_F32, mk->data.len);
    memcpy(b, pattern, sizeof(b));
    for (size_t i = 0; i < 33 && mk->big; i++)
        sov_put16(b + 2 * i, __builtin_bswap16(sov_le16(pattern + 2 * i)));
    add_tensor(mk, "f16", SOV_TYPE_F16, 3, 11, b, 66);
    memcpy(b, pattern, sizeof(b));
    for (size_t i = 0; i < 4 && mk->big; i++)
        sov_put16(b + 18 * i, __builtin_bswap16(sov_le16(pattern + 18 * i)));
    add_tensor(mk, "q4_0", SOV_TYPE_Q4_0, 2, 64, b, 72);
    memcpy(b, pattern, sizeof(b));
    if (mk->big)
        sov_put16(b + 208, __builtin_bswap16(sov_le16(pattern + 208)));
    add_tensor(mk, "q6_k", SOV_TYPE_Q6_K, 1, 256, b, 210);
}

static struct sov_buf
rich_file(bool big)
{
    struct make mk = rich_model(big);

    add_rich_tensors(&mk);
    return finish(&mk);
}

/* What rich_file() made, whatever its byte order and way in. */
static void
check_rich(sov_model *m, bool mapped)
{
    static const struct {
        const char *name;
        size_t size;
    } want[] = { { "f32", 256 }, { "none", 0 }, { "f16", 66 },
                 { "q4_0", 72 }, { "q6_k", 210 } };
    const sov_meta *meta = sov_model_meta(m);
    unsigned char buf[512];
    struct sov_span s;
    size_t at = 0;
    uint64_t u = 0;
    double d = 0;

    ck_assert_str_eq(sov_model_format(m), "gguf");
    ck_assert_uint_eq(sov_meta_count(meta), 11);
    ck_assert_str_eq(sov_meta_at(meta, 10)->key, "arr.bool");
    ck_assert_int_eq(sov_meta_u64(meta, "a.u32", &u, NULL), 0);
    ck_assert_uint_eq(u, 0x01020304);
    ck_assert_int_eq(sov_meta_u64(meta, "a.u16", &u, NULL), 0);
    ck_assert_uint_eq(u, 0x0102);
    ck_assert_int_eq(sov_meta_u64(meta, "a.u64", &u, NULL), 0);
    ck_assert_uint_eq(u, UINT64_C(0x0102030405060708));
    ck_assert_int_eq(sov_meta_f64(meta, "a.f32", &d, NULL), 0);
    ck_assert(d == 1.5);
    ck_assert_int_eq(sov_kv_int(sov_meta_find(meta, "arr.u32"), 2), 102);
    ck_assert(sov_kv_next_str(sov_meta_find(meta, "arr.str"), &at, &s));
    ck_assert_uint_eq(s.len, 6);
    ck_assert(sov_kv_next_str(sov_meta_find(meta, "arr.str"), &at, &s));
    ck_assert(!sov_kv_next_str(sov_meta_find(meta, "arr.str"), &at, &s));
    ck_assert_uint_eq(sov_model_count(m), 5);
    for (size_t i = 0; i < 5; i++) {
        const struct sov_tensor *t = sov_model_at(m, i);

        ck_assert_str_eq(t->name, want[i].name);
        ck_assert_uint_eq(t->size, want[i].size);
        ck_assert_int_eq(sov_model_find(m, t->name), (int64_t)i);
        ck_assert_int_eq(sov_model_read(m, i, 0, buf, t->size, NULL), 0);
        ck_assert_int_eq(memcmp(buf, pattern, t->size), 0);
        ck_assert_int_eq(t->data != NULL, mapped);
        if (mapped)
            ck_assert_int_eq(memcmp(t->data, pattern, t->size), 0);
    }
    ck_assert_int_eq(sov_model_find(m, "no such tensor"), -1);
    ck_assert_ptr_null(sov_model_warning(m, 0));
}

START_TEST(every_way_in_shows_the_same)
{
    for (int big = 0; big < 2; big++) {
        struct sov_buf b = rich_file(big);
        sov_model *m;

        m = must_open(as_file(b), SOV_ACCESS_STREAM);
        check_rich(m, false);
        ck_assert_uint_eq(sov_model_bytes(m), b.len);
        sov_model_close(m);
        m = must_open(as_file(b), SOV_ACCESS_MAP);
        check_rich(m, true);
        sov_model_close(m);
        m = must_open(as_pipe(b), SOV_ACCESS_STREAM);
        check_rich(m, false);
        ck_assert_uint_eq(sov_model_bytes(m), 0);
        sov_model_close(m);
        m = must_open(as_pipe(b), SOV_ACCESS_MAP);
        check_rich(m, true);
        sov_model_close(m);
        sov_buf_free(&b);
    }
    sov_model_close(NULL);
}
END_TEST

START_TEST(a_pipe_goes_forward_and_skips)
{
    struct sov_buf b = rich_file(false);
    sov_model *m = must_open(as_pipe(b), SOV_ACCESS_STREAM);
    unsigned char buf[512];
    struct sov_err err;

    ck_assert_int_eq(sov_model_read(m, 0, 128, buf, 64, &err), 0);
    ck_assert_int_eq(memcmp(buf, pattern + 128, 64), 0);
    ck_assert_int_eq(sov_model_read(m, 3, 18, buf, 18, &err), 0);
    ck_assert_int_eq(memcmp(buf, pattern + 18, 18), 0);
    ck_assert_int_eq(sov_model_read(m, 0, 0, buf, 1, &err), SOV_EARG);
    ck_assert_int_eq(sov_model_read(m, 4, 200, buf, 11, &err), SOV_EARG);
    ck_assert_int_eq(sov_model_read(m, 5, 0, buf, 1, &err), SOV_EARG);
    sov_model_close(m);
    sov_buf_free(&b);
}
END_TEST

/* ---- writing */

static void
write_model(sov_model *m, const char *path, uint32_t align)
{
    struct sov_sink_opts opts = { .force = true, .no_sync = true };
    unsigned char buf[100];
    struct sov_err err = { 0 };
    sov_plan *plan;
    sov_sink *sink;
    sov_writer *w;

    ck_assert_int_eq(sov_plan_new(&plan, sov_model_meta(m), &err), 0);
    for (size_t i = 0; i < sov_model_count(m); i++) {
        const struct sov_tensor *t = sov_model_at(m, i);

        ck_assert_int_eq(sov_plan_add(plan, t->name, t->type, t->ndim,
                                      t->dim, &err), 0);
    }
    ck_assert_int_eq(sov_plan_freeze(plan, align, &err), 0);
    ck_assert_int_eq(sov_sink_open(&sink, path, &opts, &err), 0);
    ck_assert_int_eq(sov_writer_begin(&w, plan, &sink, &err), 0);
    for (size_t i = 0; i < sov_model_count(m); i++) {
        uint64_t size = sov_model_at(m, i)->size, n;

        for (uint64_t off = 0; off < size; off += n) {
            n = size - off < sizeof(buf) ? size - off : sizeof(buf);
            ck_assert_int_eq(sov_model_read(m, i, off, buf, n, &err), 0);
            ck_assert_int_eq(sov_writer_data(w, buf, n, &err), 0);
        }
    }
    ck_assert_int_eq(sov_writer_data(w, buf, 1, &err), SOV_EARG);
    ck_assert_int_eq(sov_writer_end(&w, &err), 0);
    ck_assert_uint_eq(sov_sink_count(sink), sov_plan_bytes(plan));
    ck_assert_int_eq(sov_sink_commit(&sink, &err), 0);
    sov_plan_free(plan);
}

START_TEST(written_files_equal_those_made_by_hand)
{
    const char *dir = fresh_dir();
    struct sov_buf b = rich_file(false);
    sov_model *m = must_open(as_file(b), SOV_ACCESS_STREAM);
    char *text;
    size_t len;

    write_model(m, in_dir(dir, "out.gguf"), 32);
    sov_model_close(m);
    ck_assert_int_eq(sov_read_whole(in_dir(dir, "out.gguf"), 1 << 20, &text,
                                    &len, NULL), 0);
    ck_assert_uint_eq(len, b.len);
    ck_assert_int_eq(memcmp(text, b.p, len), 0);
    free(text);
    sov_buf_free(&b);
}
END_TEST

START_TEST(alignment_follows_the_plan)
{
    const char *dir = fresh_dir();
    struct make mk = { 0 };
    struct sov_buf b;
    sov_model *m, *again;
    uint64_t v = 0;

    fill_pattern();
    add_u32(&mk, "general.alignment", 64);
    mk.align = 64;
    add_rich_tensors(&mk);
    b = finish(&mk);
    m = must_open(as_file(b), SOV_ACCESS_STREAM);
    write_model(m, in_dir(dir, "4096.gguf"), 4096);
    write_model(m, in_dir(dir, "32.gguf"), 32);
    sov_model_close(m);
    again = must_open(in_dir(dir, "4096.gguf"), SOV_ACCESS_MAP);
    ck_assert_int_eq(sov_meta_u64(sov_model_meta(again), "general.alignment",
                                  &v, NULL), 0);
    ck_assert_uint_eq(v, 4096);
    for (size_t i = 0; i < sov_model_count(again); i++)
        if (sov_model_at(again, i)->size > 0)
            ck_assert_uint_eq((uintptr_t)sov_model_at(again, i)->data % 4096,
                              0);
    ck_assert_ptr_null(sov_model_warning(again, 0));
    sov_model_close(again);
    again = must_open(in_dir(dir, "32.gguf"), SOV_ACCESS_MAP);
    ck_assert_ptr_null(sov_meta_find(sov_model_meta(again),
                                     "general.alignment"));
    ck_assert_int_eq(memcmp(sov_model_at(again, 0)->data, pattern, 256), 0);
    sov_model_close(again);
    sov_buf_free(&b);
}
END_TEST

START_TEST(plans_refuse_what_no_file_can_hold)
{
    uint64_t dim[5] = { 32, 2, 1, 1, 1 }, odd[1] = { 33 };
    uint64_t huge[2] = { UINT64_C(1) << 40, UINT64_C(1) << 40 };
    struct sov_err err;
    sov_writer *w;
    sov_plan *p;

    ck_assert_int_eq(sov_plan_new(&p, NULL, &err), 0);
    ck_assert_int_eq(sov_plan_add(p, "", 0, 1, dim, &err), SOV_EARG);
    ck_assert_int_eq(sov_plan_add(p, "a\nb", 0, 1, dim, &err), SOV_EARG);
    ck_assert_int_eq(sov_plan_add(p, "a", 0, 5, dim, &err), SOV_EFORMAT);
    ck_assert_int_eq(sov_plan_add(p, "a", 2, 1, odd, &err), SOV_EFORMAT);
    ck_assert_int_eq(sov_plan_add(p, "a", 0, 2, huge, &err), SOV_EFORMAT);
    ck_assert_int_eq(sov_plan_add(p, "f8", SOV_TYPE_F8_E4M3, 1, dim, &err), 0);
    ck_assert_int_eq(sov_plan_freeze(p, 32, &err), SOV_EUNSUP);
    sov_plan_free(p);
    ck_assert_int_eq(sov_plan_new(&p, NULL, &err), 0);
    ck_assert_int_eq(sov_plan_add(p, "a", 0, 2, dim, &err), 0);
    ck_assert_int_eq(sov_plan_add(p, "a", 0, 2, dim, &err), SOV_EARG);
    ck_assert_int_eq(sov_writer_begin(&w, p, NULL, &err), SOV_EARG);
    ck_assert_int_eq(sov_plan_freeze(p, 4, &err), SOV_EARG);
    ck_assert_int_eq(sov_plan_freeze(p, 48, &err), SOV_EARG);
    ck_assert_int_eq(sov_plan_freeze(p, 1u << 21, &err), SOV_EARG);
    ck_assert_int_eq(sov_plan_freeze(p, 8, &err), 0);
    ck_assert_int_eq(sov_plan_freeze(p, 8, &err), SOV_EARG);
    ck_assert_int_eq(sov_plan_add(p, "b", 0, 2, dim, &err), SOV_EARG);
    ck_assert_uint_eq(sov_plan_count(p), 1);
    ck_assert_uint_eq(sov_plan_at(p, 0)->size, 256);
    ck_assert_ptr_null(sov_plan_at(p, 1));
    sov_plan_free(p);
    sov_plan_free(NULL);
}
END_TEST

START_TEST(an_incomplete_file_is_not_finished)
{
    const char *dir = fresh_dir();
    uint64_t dim[1] = { 32 };
    struct sov_err err;
    sov_writer *w;
    sov_sink *sink;
    sov_plan *p;

    ck_assert_int_eq(sov_plan_new(&p, NULL, &err), 0);
    ck_assert_int_eq(sov_plan_add(p, "a", 0, 1, dim, &err), 0);
    ck_assert_int_eq(sov_plan_freeze(p, 32, &err), 0);
    ck_assert_int_eq(sov_sink_open(&sink, in_dir(dir, "x"), NULL, &err), 0);
    ck_assert_int_eq(sov_writer_begin(&w, p, &sink, &err), 0);
    ck_assert_int_eq(sov_writer_data(w, pattern, 127, &err), 0);
    ck_assert_int_eq(sov_writer_data(w, pattern, 2, &err), SOV_EARG);
    ck_assert_int_eq(sov_writer_end(&w, &err), SOV_EARG);
    ck_assert_ptr_null(w);
    sov_sink_abort(sink);
    sov_writer_abort(NULL);
    sov_plan_free(p);
}
END_TEST

/* ---- splits */

/* Part no of count: keys in the first, one tensor in each. */
static void
write_part(const char *dir, const char *name, int no, int count, int total)
{
    struct make mk = { 0 };
    unsigned char bytes[128];
    struct sov_buf b;
    char tensor[8];

    memset(bytes, no, sizeof(bytes));
    snprintf(tensor, sizeof(tensor), "t%d", no);
    if (no == 0)
        add_text(&mk, "general.architecture", "llama");
    add_u16(&mk, "split.no", (uint16_t)no);
    add_u16(&mk, "split.count", (uint16_t)count);
    add_key(&mk, "split.tensors.count", SOV_V_I32);
    put_u32(&mk, &mk.keys, (uint32_t)total);
    add_tensor(&mk, tensor, SOV_TYPE_F32, 1, 32, bytes, sizeof(bytes));
    b = finish(&mk);
    write_file(dir, name, b.p, b.len);
    sov_buf_free(&b);
}

START_TEST(splits_are_put_together)
{
    const char *dir = fresh_dir();
    unsigned char buf[128];
    const char *const *files;
    sov_model *m;

    write_part(dir, "m-00001-of-00003.gguf", 0, 3, 3);
    write_part(dir, "m-00002-of-00003.gguf", 1, 3, 3);
    write_part(dir, "m-00003-of-00003.gguf", 2, 3, 3);
    for (int map = 0; map < 2; map++) {
        m = must_open(in_dir(dir, "m-00001-of-00003.gguf"),
                      map ? SOV_ACCESS_MAP : SOV_ACCESS_STREAM);
        ck_assert_uint_eq(sov_model_count(m), 3);
        ck_assert_uint_eq(sov_meta_count(sov_model_meta(m)), 1);
        ck_assert_uint_eq(sov_model_files(m, &files), 3);
        ck_assert_str_eq(files[2], in_dir(dir, "m-00003-of-00003.gguf"));
        for (size_t i = 0; i < 3; i++) {
            ck_assert_int_eq(sov_model_read(m, i, 0, buf, 128, NULL), 0);
            ck_assert_int_eq(buf[5], (int)i);
        }
        sov_model_close(m);
    }
}
END_TEST

START_TEST(broken_splits_are_refused)
{
    const char *dir = fresh_dir();
    const char *first = "m-00001-of-00003.gguf";
    const char *second = "m-00002-of-00003.gguf";
    const char *third = "m-00003-of-00003.gguf";
    struct make mk = { 0 };
    struct sov_buf b;

    write_part(dir, first, 0, 3, 3);
    write_part(dir, third, 2, 3, 3);
    must_fail(in_dir(dir, first), SOV_ACCESS_STREAM, second);
    must_fail(in_dir(dir, third), SOV_ACCESS_STREAM,
              "part 3 of a split model of 3: give the first part");
    must_fail(in_dir(dir, third), SOV_ACCESS_STREAM, first);
    write_part(dir, second, 2, 3, 3);
    must_fail(in_dir(dir, first), SOV_ACCESS_STREAM, "part 3 of 3, not 2");
    write_part(dir, second, 1, 4, 3);
    must_fail(in_dir(dir, first), SOV_ACCESS_STREAM, "part 2 of 4, not 2");
    write_part(dir, second, 1, 3, 3);
    write_part(dir, first, 0, 3, 7);
    must_fail(in_dir(dir, first), SOV_ACCESS_STREAM, "split.tensors.count");
    write_part(dir, "other.gguf", 0, 3, 3);
    must_fail(in_dir(dir, "other.gguf"), SOV_ACCESS_STREAM,
              "does not end in -00001-of-00003.gguf");
    write_part(dir, first, 5, 3, 3);
    must_fail(in_dir(dir, first), SOV_ACCESS_STREAM, "part 5 of 3");

    add_text(&mk, "general.architecture", "gpt2");
    add_u16(&mk, "split.no", 1);
    add_u16(&mk, "split.count", 3);
    b = finish(&mk);
    write_part(dir, first, 0, 3, 3);
    write_file(dir, second, b.p, b.len);
    sov_buf_free(&b);
    must_fail(in_dir(dir, first), SOV_ACCESS_STREAM, "not of one model");
}
END_TEST

START_TEST(a_split_does_not_fit_through_a_pipe)
{
    struct make mk = small_model();
    struct sov_buf b;

    add_u16(&mk, "split.no", 0);
    add_u16(&mk, "split.count", 2);
    b = finish(&mk);
    must_fail(as_pipe(b), SOV_ACCESS_STREAM, "from a pipe");
    sov_buf_free(&b);
}
END_TEST

START_TEST(one_part_is_no_split)
{
    struct make mk = small_model();
    struct sov_buf b;
    sov_model *m;

    add_u16(&mk, "split.no", 0);
    add_u16(&mk, "split.count", 1);
    b = finish(&mk);
    m = must_open(as_file(b), SOV_ACCESS_STREAM);
    ck_assert_uint_eq(sov_meta_count(sov_model_meta(m)), 1);
    sov_model_close(m);
    sov_buf_free(&b);
}
END_TEST

/* ---- layout */

START_TEST(tensors_come_in_file_order)
{
    struct make mk = { 0 };
    uint64_t dim[1] = { 32 };
    struct sov_buf b;
    sov_model *m;

    fill_pattern();
    add_entry(&mk, "second", 1, dim, SOV_TYPE_F32, 128);
    add_entry(&mk, "first", 1, dim, SOV_TYPE_F32, 0);
    sov_buf_add(&mk.data, pattern, 256);
    b = finish(&mk);
    m = must_open(as_file(b), SOV_ACCESS_MAP);
    ck_assert_str_eq(sov_model_at(m, 0)->name, "first");
    ck_assert_int_eq(sov_model_find(m, "second"), 1);
    ck_assert_int_eq(memcmp(sov_model_at(m, 1)->data, pattern + 128, 128), 0);
    sov_model_close(m);
    sov_buf_free(&b);
}
END_TEST

START_TEST(gaps_and_trailing_bytes_are_told)
{
    struct make mk = { 0 };
    uint64_t dim[1] = { 32 };
    struct sov_buf b;
    sov_model *m;

    fill_pattern();
    add_entry(&mk, "a", 1, dim, SOV_TYPE_F32, 64);
    add_entry(&mk, "b", 1, dim, SOV_TYPE_F32, 256);
    sov_buf_add(&mk.data, pattern, 500);
    b = finish(&mk);
    m = must_open(as_file(b), SOV_ACCESS_STREAM);
    ck_assert_ptr_nonnull(strstr(sov_model_warning(m, 0),
                                 "64 unused bytes before tensor a"));
    ck_assert_ptr_nonnull(strstr(sov_model_warning(m, 1),
                                 "64 unused bytes before tensor b"));
    ck_assert_ptr_nonnull(strstr(sov_model_warning(m, 2),
                                 "116 bytes follow"));
    ck_assert_ptr_null(sov_model_warning(m, 3));
    sov_model_close(m);
    sov_buf_free(&b);
}
END_TEST

START_TEST(names_that_others_do_not_load_are_told)
{
    char name[65] = { 0 };
    uint64_t dim[1] = { 32 };
    struct make mk;
    struct sov_buf b;
    sov_model *m;

    for (size_t len = 63; len < 65; len++) {
        memset(&mk, 0, sizeof(mk));
        memset(name, 'n', len);
        add_entry(&mk, name, 1, dim, SOV_TYPE_F32, 0);
        sov_buf_zero(&mk.data, 128);
        b = finish(&mk);
        m = must_open(as_file(b), SOV_ACCESS_STREAM);
        if (len == 63)
            ck_assert_ptr_null(sov_model_warning(m, 0));
        else
            ck_assert_ptr_nonnull(strstr(sov_model_warning(m, 0), "llama"));
        sov_model_close(m);
        sov_buf_free(&b);
    }
}
END_TEST

START_TEST(many_keys_and_tensors_take_no_time)
{
    struct make mk = { 0 };
    uint64_t dim[1] = { 8 };
    struct sov_buf b;
    char name[32];
    sov_model *m;

    mk.align = 32;
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(name, sizeof(name), "k.%u", i);
        add_u32(&mk, name, i);
        add_entry(&mk, name, 1, dim, SOV_TYPE_F32, 32 * (uint64_t)i);
    }
    sov_buf_zero(&mk.data, 3200000);
    b = finish(&mk);
    m = must_open(as_file(b), SOV_ACCESS_STREAM);
    ck_assert_uint_eq(sov_model_count(m), 100000);
    ck_assert_int_eq(sov_model_find(m, "k.99999"), 99999);
    sov_model_close(m);
    sov_buf_free(&b);
}
END_TEST

void
gguf_tests(TCase *tc)
{
    tcase_add_test(tc, every_way_in_shows_the_same);
    tcase_add_test(tc, a_pipe_goes_forward_and_skips);
    tcase_add_test(tc, written_files_equal_those_made_by_hand);
    tcase_add_test(tc, alignment_follows_the_plan);
    tcase_add_test(tc, plans_refuse_what_no_file_can_hold);
    tcase_add_test(tc, an_incomplete_file_is_not_finished);
    tcase_add_test(tc, splits_are_put_together);
    tcase_add_test(tc, broken_splits_are_refused);
    tcase_add_test(tc, a_split_does_not_fit_through_a_pipe);
    tcase_add_test(tc, one_part_is_no_split);
    tcase_add_test(tc, tensors_come_in_file_order);
    tcase_add_test(tc, gaps_and_trailing_bytes_are_told);
    tcase_add_test(tc, names_that_others_do_not_load_are_told);
    tcase_add_test(tc, many_keys_and_tensors_take_no_time);
}
