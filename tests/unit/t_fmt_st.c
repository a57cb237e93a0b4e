/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_fmt_st.c - safetensors files and the folders they come in
 */
#include "fmt_make.h"

#include "base/limits.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Two tensors of 16 and 6 bytes. */
static const char good[] =
    "{\"__metadata__\":{\"format\":\"pt\"},"
    "\"b\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[16,22]},"
    "\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}  ";

START_TEST(a_good_file_is_read)
{
    struct sov_buf b = st_file(good, 22);
    const struct sov_tensor *t;
    unsigned char buf[16];
    sov_model *m;

    for (int way = 0; way < 4; way++) {
        m = must_open(way < 2 ? as_file(b) : as_pipe(b),
                      way % 2 ? SOV_ACCESS_MAP : SOV_ACCESS_STREAM);
        ck_assert_str_eq(sov_model_format(m), "safetensors");
        ck_assert_uint_eq(sov_model_count(m), 2);
        t = sov_model_at(m, 0);
        ck_assert_str_eq(t->name, "a");
        ck_assert_uint_eq(t->ndim, 2);
        ck_assert_uint_eq(t->size, 16);
        ck_assert_int_eq(sov_model_read(m, 0, 0, buf, 16, NULL), 0);
        ck_assert_int_eq(buf[1], 10);
        ck_assert_int_eq(sov_model_read(m, 1, 0, buf, 6, NULL), 0);
        ck_assert_int_eq(buf[0], 115);
        ck_assert_int_eq(sov_model_at(m, 1)->type, SOV_TYPE_BF16);
        if (way % 2)
            ck_assert_int_eq(memcmp(sov_model_at(m, 1)->data, buf, 6), 0);
        sov_model_close(m);
    }
    sov_buf_free(&b);
}
END_TEST

START_TEST(shapes_are_turned_around)
{
    struct sov_buf b = st_file(
        "{\"x\":{\"dtype\":\"I8\",\"shape\":[2,3,4,5],"
        "\"data_offsets\":[0,120]},"
        "\"zero\":{\"dtype\":\"F64\",\"shape\":[0,7],"
        "\"data_offsets\":[120,120]},"
        "\"one\":{\"dtype\":\"U64\",\"shape\":[],"
        "\"data_offsets\":[120,128]}}", 128);
    sov_model *m = must_open(as_file(b), SOV_ACCESS_STREAM);
    const struct sov_tensor *t = sov_model_at(m, 0);

    ck_assert_uint_eq(t->dim[0], 5);
    ck_assert_uint_eq(t->dim[1], 4);
    ck_assert_uint_eq(t->dim[2], 3);
    ck_assert_uint_eq(t->dim[3], 2);
    t = sov_model_at(m, 2);
    ck_assert_str_eq(t->name, "one");
    ck_assert_uint_eq(t->ndim, 0);
    ck_assert_uint_eq(t->size, 8);
    sov_model_close(m);
    sov_buf_free(&b);
}
END_TEST

#define X "{\"x\":{\"dtype\":\"F32\",\"shape\":[4],"

START_TEST(bad_headers_are_refused)
{
    static const struct {
        const char *json;
        size_t data;
        const char *want;
    } row[] = {
        { "{}", 1, "the tensors end at 0xa, the file at 0xb" },
        { "[]", 0, "" },
        { "{} x", 0, "not a JSON object" },
        { "{}\n", 0, "not a JSON object" },
        { " {}", 0, "" },
        { "\xef\xbb\xbf{}", 0, "" },
        { "{\"x\":}", 0, "JSON" },
        { "{\"\xff\":{}}", 0, "has no dtype" },
        { "{\"x\":1}", 0, "x: JSON, byte 5: a whole object wanted" },
        { "{\"x\":{}}", 0, "x: has no dtype" },
        { "{\"x\":{\"dtype\":\"F31\"}}", 0, "dtype \"F31\" is not known" },
        { "{\"x\":{\"dtype\":\"f32\"}}", 0, "dtype \"f32\" is not known" },
        { "{\"x\":{\"dtype\":\"Q8_0\"}}", 0, "dtype \"Q8_0\" is not known" },
        { "{\"x\":{\"dtype\":\"F8_E4M3FNUZ and more\"}}", 0, "dtype" },
        { "{\"x\":{\"dtype\":\"F32\"}}", 0, "has no shape" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1]}}", 0,
          "5 dimensions" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[-4]}}", 0, "not a count" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[4.0]}}", 0, "not a count" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[\"4\"]}}", 0, "not a count" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1e400]}}", 0, "JSON" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[9007199254740993]}}", 0,
          "dimension 0" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999]}}", 0,
          "JSON" },
        { X "\"data_offsets\":[0]}}", 16, "not two counts" },
        { X "\"data_offsets\":[0,\"16\"]}}", 16, "not two counts" },
        { X "\"data_offsets\":[-16,0]}}", 16, "not two counts" },
        { X "\"data_offsets\":[16,0]}}", 16, "make 16 bytes" },
        { X "\"data_offsets\":[0,15]}}", 16, "make 16 bytes" },
        { X "\"data_offsets\":[0,16]}}", 15, "the file at" },
        { X "\"data_offsets\":[0,16]}}", 17, "the file at" },
        { X "\"data_offsets\":[4,20]}}", 20, "a hole" },
        { X "\"data_offsets\":[9223372036854775791,9223372036854775807]}}",
          16, "a hole" },
        { X "\"data_offsets\":[0,16]},\"y\":{\"dtype\":\"U8\",\"shape\":[4],"
          "\"data_offsets\":[12,16]}}", 16, "an overlap" },
        { X "\"data_offsets\":[0,16]},\"y\":{\"dtype\":\"U8\",\"shape\":[4],"
          "\"data_offsets\":[17,21]}}", 21, "a hole" },
        { X "\"data_offsets\":[0,16]},\"x\":{\"dtype\":\"U8\",\"shape\":[4],"
          "\"data_offsets\":[16,20]}}", 20, "two tensors \"x\"" },
        { X "\"data_offsets\":[0,16]},\"y\":{\"dtype\":\"U8\",\"shape\":[0],"
          "\"data_offsets\":[8,8]}}", 16, "" },
        { "{\"\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0,
          "no name" },
        { "{\"\\u0007\":{\"dtype\":\"U8\",\"shape\":[0],"
          "\"data_offsets\":[0,0]}}", 0, "control characters" },
        { "{\"\\u0000\":{\"dtype\":\"U8\",\"shape\":[0],"
          "\"data_offsets\":[0,0]}}", 0, "JSON" },
        { "{\"x\":{},}", 0, "" },
        { "{,}", 0, "a name wanted" },
        { "{\"x\" {}}", 0, "a colon wanted" },
        { "{\"x:{}}", 0, "a name wanted" },
        { "{\"x\":{\"a}}", 0, "a whole object wanted" },
        { "{\"x\":{]}", 0, "JSON" },
        { "{\"x\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", 0, "duplicate" },
        { "{\"\\u00e4\":{}}", 0, "\xc3\xa4: has no dtype" },
        { "{\"\\ud800\":{}}", 0, "JSON" },
        { "{\"__metadata__\":{}\"a\":{}}", 0, "a comma or the end" },
        { "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "twice" },
        { "{\"__metadata__\":[]}", 0, "__metadata__: JSON" },
        { "{\"__metadata__\":{\"a\":1}}", 0, "__metadata__: a is not a str" },
    };
    struct sov_buf b;

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        b = st_file(row[i].json, row[i].data);
        must_fail(as_file(b), SOV_ACCESS_STREAM, row[i].want);
        must_fail(as_pipe(b), SOV_ACCESS_MAP, row[i].want);
        sov_buf_free(&b);
    }
}
END_TEST

START_TEST(header_lengths_are_checked)
{
    const char *dir = fresh_dir();
    static const uint64_t len[] = { 0, 1, 7, SOV_ST_HEADER_MAX + 1,
                                    SOV_ST_HEADER_MAX, UINT64_MAX };
    struct sov_buf b = { 0 };

    for (size_t i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
        b.len = 0;
        sov_buf_u64(&b, len[i]);
        sov_buf_add(&b, "{}", 2);
        write_file(dir, "x.safetensors", b.p, b.len);
        must_fail(in_dir(dir, "x.safetensors"), SOV_ACCESS_STREAM,
                  i == 0 || i > 1 ? "" : "header length is 1");
        if (len[i] > SOV_ST_HEADER_MAX)
            must_fail(in_dir(dir, "x.safetensors"), SOV_ACCESS_STREAM,
                      "over the limit of 100000000");
    }
    write_file(dir, "x.safetensors", "short", 5);
    must_fail(in_dir(dir, "x.safetensors"), SOV_ACCESS_STREAM, "cut short");
    write_text(dir, "x.safetensors",
               "version https://git-lfs.github.com/spec/v1\n");
    must_fail(in_dir(dir, "x.safetensors"), SOV_ACCESS_STREAM, "git lfs pull");
    sov_buf_free(&b);
}
END_TEST

START_TEST(depth_is_limited)
{
    struct sov_buf b = { 0 };
    size_t n = 100000;

    sov_buf_u64(&b, 12 + 2 * n);
    sov_buf_add(&b, "{\"x\":{\"y\":", 10);
    for (size_t i = 0; i < n; i++)
        sov_buf_u8(&b, '[');
    for (size_t i = 0; i < n; i++)
        sov_buf_u8(&b, ']');
    sov_buf_add(&b, "}}", 2);
    must_fail(as_file(b), SOV_ACCESS_STREAM, "nested deeper");
    sov_buf_free(&b);
}
END_TEST

/* A few bytes of JSON make a hundred in memory. */
START_TEST(entries_are_limited)
{
    struct sov_buf b = { 0 };

    sov_buf_u64(&b, 8 + 2 * SOV_ST_ENTRY_MAX);
    sov_buf_add(&b, "{\"x\":{\"", 7);
    for (size_t i = 0; i < SOV_ST_ENTRY_MAX; i++)
        sov_buf_add(&b, "[]", 2);
    sov_buf_add(&b, "}", 1);
    b.p[14 + 2 * SOV_ST_ENTRY_MAX - 1] = '}';
    b.p[14] = ' ';
    must_fail(as_file(b), SOV_ACCESS_STREAM, "the limit is 1048576");
    sov_buf_free(&b);
}
END_TEST

START_TEST(a_pipe_ends_where_its_tensors_end)
{
    struct sov_buf b = st_file(good, 23);
    unsigned char buf[16];
    struct sov_err err;
    sov_model *m;

    must_fail(as_file(b), SOV_ACCESS_STREAM, "the file at");
    m = must_open(as_pipe(b), SOV_ACCESS_STREAM);
    ck_assert_int_eq(sov_model_read(m, 1, 0, buf, 6, &err), SOV_EFORMAT);
    sov_model_close(m);
    b.len -= 2;
    m = must_open(as_pipe(b), SOV_ACCESS_STREAM);
    ck_assert_int_eq(sov_model_read(m, 1, 0, buf, 6, &err), SOV_EFORMAT);
    ck_assert_ptr_nonnull(strstr(err.msg, "cut short"));
    sov_model_close(m);
    sov_buf_free(&b);
}
END_TEST

START_TEST(every_cut_of_a_file_is_refused)
{
    struct sov_buf b = st_file(good, 22);

    while (b.len-- > 0)
        must_fail(as_file(b), SOV_ACCESS_STREAM, "");
    b.len = 0;
    sov_buf_free(&b);
}
END_TEST

/* ---- folders */

static void
write_shard(const char *dir, const char *name, const char *tensor)
{
    struct sov_buf b;
    char json[200];

    snprintf(json, sizeof(json), "{\"%s\":{\"dtype\":\"F16\",\"shape\":[2],"
             "\"data_offsets\":[0,4]}}", tensor);
    b = st_file(json, 4);
    write_file(dir, name, b.p, b.len);
    sov_buf_free(&b);
}

#define INDEX "model.safetensors.index.json"

static const char *
sharded_dir(void)
{
    const char *dir = fresh_dir();

    write_shard(dir, "model-00001-of-00002.safetensors", "one");
    write_shard(dir, "model-00002-of-00002.safetensors", "two");
    write_text(dir, INDEX,
               "{\"metadata\":{\"total_size\":8},\"weight_map\":{"
               "\"two\":\"model-00002-of-00002.safetensors\","
               "\"one\":\"model-00001-of-00002.safetensors\"}}");
    write_text(dir, "config.json", "{\"model_type\":\"llama\"}");
    write_text(dir, "note.txt", "side");
    return dir;
}

START_TEST(shards_are_found_by_their_index)
{
    const char *dir = sharded_dir();
    sov_model *m;
    char *text;
    size_t len;

    for (int way = 0; way < 3; way++) {
        if (way == 2) /* without an index, all there are */
            ck_assert_int_eq(unlink(in_dir(dir, INDEX)), 0);
        m = must_open(way == 1 ? in_dir(dir, INDEX) : dir, SOV_ACCESS_MAP);
        ck_assert_str_eq(sov_model_format(m),
                         way == 1 ? "safetensors" : "huggingface");
        ck_assert_uint_eq(sov_model_count(m), 2);
        ck_assert_int_eq(sov_model_find(m, "two"), 1);
        ck_assert_str_eq(json_string_value(json_object_get(
                             sov_model_config(m), "model_type")), "llama");
        ck_assert_int_eq(sov_model_side_file(m, "note.txt", 4, &text, &len,
                                             NULL), 0);
        ck_assert_str_eq(text, "side");
        free(text);
        ck_assert_int_eq(sov_model_side_file(m, "note.txt", 3, &text, &len,
                                             NULL), SOV_EFORMAT);
        ck_assert_int_eq(sov_model_side_file(m, "none", 9, &text, &len,
                                             NULL), 1);
        sov_model_close(m);
    }
    m = must_open(in_dir(dir, "model-00001-of-00002.safetensors"),
                  SOV_ACCESS_STREAM);
    ck_assert_ptr_null(sov_model_config(m));
    ck_assert_ptr_nonnull(strstr(sov_model_warning(m, 0), "shards"));
    ck_assert_int_eq(sov_model_side_file(m, "note.txt", 4, &text, &len, NULL),
                     1);
    sov_model_close(m);
}
END_TEST

START_TEST(a_single_file_has_its_config_beside_it)
{
    const char *dir = fresh_dir();
    sov_model *m;

    write_shard(dir, "model.safetensors", "one");
    write_text(dir, "config.json", "{}");
    m = must_open(in_dir(dir, "model.safetensors"), SOV_ACCESS_STREAM);
    ck_assert_ptr_nonnull(sov_model_config(m));
    sov_model_close(m);
    write_text(dir, "config.json", "[]");
    must_fail(dir, SOV_ACCESS_STREAM, "config.json: not a JSON object");
    write_text(dir, "config.json", "{");
    must_fail(dir, SOV_ACCESS_STREAM, "config.json: JSON");
    ck_assert_int_eq(unlink(in_dir(dir, "config.json")), 0);
    ck_assert_int_eq(symlink("nowhere", in_dir(dir, "config.json")), 0);
    must_fail(dir, SOV_ACCESS_STREAM, "config.json");
    ck_assert_int_eq(unlink(in_dir(dir, "config.json")), 0);
    ck_assert_int_eq(mkfifo(in_dir(dir, "config.json"), 0600), 0);
    must_fail(dir, SOV_ACCESS_STREAM, "config.json: not a regular file");
}
END_TEST

static void
refuse_index(const char *dir, const char *map, const char *want)
{
    char json[500];

    snprintf(json, sizeof(json), "{\"weight_map\":%s}", map);
    write_text(dir, INDEX, json);
    must_fail(in_dir(dir, INDEX), SOV_ACCESS_STREAM, want);
    must_fail(dir, SOV_ACCESS_STREAM, want);
}

START_TEST(an_index_is_not_believed)
{
    const char *dir = sharded_dir();

    refuse_index(dir, "[]", "has no weight_map");
    refuse_index(dir, "{\"a\":1}", "a is not a string");
    refuse_index(dir, "{\"a\":\"../x.safetensors\"}", "same folder");
    refuse_index(dir, "{\"a\":\"/etc/x.safetensors\"}", "same folder");
    refuse_index(dir, "{\"a\":\"sub/x.safetensors\"}", "same folder");
    refuse_index(dir, "{\"a\":\"..\"}", "same folder");
    refuse_index(dir, "{\"a\":\"\"}", "not a safetensors");
    refuse_index(dir, "{\"a\":\"pytorch_model.bin\"}", "not a safetensors");
    refuse_index(dir, "{\"a\":\"" INDEX "\"}", "not a safetensors");
    refuse_index(dir, "{\"a\":\"none.safetensors\"}", "none.safetensors: No");
    refuse_index(dir, "{\"three\":\"model-00001-of-00002.safetensors\"}",
                 "tensor three is not in model-00001");
    refuse_index(dir, "{\"one\":\"model-00002-of-00002.safetensors\","
                      "\"two\":\"model-00001-of-00002.safetensors\"}",
                 "is in model-0000");
    ck_assert_int_eq(mkfifo(in_dir(dir, "f.safetensors"), 0600), 0);
    refuse_index(dir, "{\"a\":\"f.safetensors\"}", "not a regular file");
    ck_assert_int_eq(symlink("l.safetensors", in_dir(dir, "l.safetensors")),
                     0);
    refuse_index(dir, "{\"a\":\"l.safetensors\"}", "l.safetensors");
    write_text(dir, INDEX, "{\"weight_map\":{\"a\":\"b\",\"a\":\"c\"}}");
    must_fail(dir, SOV_ACCESS_STREAM, "duplicate");
}
END_TEST

START_TEST(folders_without_a_model_say_what_they_have)
{
    const char *dir = fresh_dir();

    must_fail(dir, SOV_ACCESS_STREAM, "no model in this folder");
    write_text(dir, "pytorch_model.bin", "x");
    must_fail(dir, SOV_ACCESS_STREAM, "pickles (pytorch_model.bin)");
    write_text(dir, "m.gguf", "x");
    must_fail(dir, SOV_ACCESS_STREAM, "name it: m.gguf");
    write_shard(dir, "a.safetensors", "same");
    write_shard(dir, "b.safetensors", "same");
    must_fail(dir, SOV_ACCESS_STREAM, "b.safetensors: header: same: there");
    must_fail(in_dir(dir, "none.gguf"), SOV_ACCESS_STREAM, "none.gguf");
}
END_TEST

void
safetensors_tests(TCase *tc)
{
    tcase_add_test(tc, a_good_file_is_read);
    tcase_add_test(tc, shapes_are_turned_around);
    tcase_add_test(tc, bad_headers_are_refused);
    tcase_add_test(tc, header_lengths_are_checked);
    tcase_add_test(tc, depth_is_limited);
    tcase_add_test(tc, entries_are_limited);
    tcase_add_test(tc, a_pipe_ends_where_its_tensors_end);
    tcase_add_test(tc, every_cut_of_a_file_is_refused);
    tcase_add_test(tc, shards_are_found_by_their_index);
    tcase_add_test(tc, a_single_file_has_its_config_beside_it);
    tcase_add_test(tc, an_index_is_not_believed);
    tcase_add_test(tc, folders_without_a_model_say_what_they_have);
}
