/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_fmt_write.c - plans of several files, safetensors files, values as text
 */
#include "fmt_make.h"

#include "fmt/plan.h"
#include "fmt/vtype.h"
#include "sov/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_TENSORS 20

/* Tensor i has 32 + 100 * (i % 7) weights of f16. */
static sov_plan *
make_plan(void)
{
    struct sov_err err;
    sov_plan *plan;

    ck_assert_int_eq(sov_plan_new(&plan, NULL, &err), 0);
    ck_assert_int_eq(
        sov_meta_set_str(sov_plan_meta(plan), "general.name", "x", &err), 0);
    for (int i = 0; i < N_TENSORS; i++) {
        uint64_t dim[1] = { 32 + 100 * (uint64_t)(i % 7) };
        char name[32];

        snprintf(name, sizeof(name), "tensor.%d", i);
        ck_assert_int_eq(sov_plan_add(plan, name, SOV_TYPE_F16, 1, dim, &err),
                         0);
    }
    return plan;
}

static int
take(void *arg, const void *buf, size_t len, struct sov_err *err)
{
    sov_buf_add(arg, buf, len);
    return ((struct sov_buf *)arg)->bad ? sov_fail(err, SOV_EMEM, "memory") : 0;
}

/* All files of the plan into buffers; byte k of the data is k % 251. */
static void
write_plan(const sov_plan *plan, struct sov_buf *file)
{
    size_t n = sov_plan_files(plan), k = 0;
    sov_sink **sink = calloc(n, sizeof(*sink));
    struct sov_err err;
    sov_writer *w;

    ck_assert_ptr_nonnull(sink);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(sov_sink_call(&sink[i], "x", take, &file[i], &err), 0);
    ck_assert_int_eq(sov_writer_begin(&w, plan, sink, &err), 0);
    for (size_t i = 0; i < sov_plan_count(plan); i++)
        for (uint64_t at = 0; at < sov_plan_at(plan, i)->size; at++) {
            unsigned char byte = (unsigned char)(k++ % 251);

            ck_assert_int_eq(sov_writer_data(w, &byte, 1, &err), 0);
        }
    ck_assert_int_eq(sov_writer_end(&w, &err), 0);
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_eq(sov_sink_count(sink[i]),
                          sov_plan_file(plan, i)->bytes);
        ck_assert_uint_eq(file[i].len, sov_plan_file(plan, i)->bytes);
    }
    ck_assert_int_eq(sov_sink_commit_all(sink, n, &err), 0);
    free(sink);
}

/* Where the plan says that a tensor is, it is. */
static void
check_places(const sov_plan *plan, const struct sov_buf *file)
{
    size_t k = 0;

    for (size_t i = 0; i < sov_plan_count(plan); i++) {
        uint64_t size = sov_plan_at(plan, i)->size, off;
        size_t at;

        sov_plan_place(plan, i, &at, &off);
        ck_assert_uint_lt(at, sov_plan_files(plan));
        ck_assert_uint_le(off + size, file[at].len);
        for (uint64_t b = 0; b < size; b++)
            ck_assert_uint_eq(file[at].p[off + b], k++ % 251);
    }
}

static void
check_cut(const char *form, uint64_t max_bytes, uint64_t max_tensors)
{
    const struct sov_layout layout = { .form = form,
                                       .name = "m",
                                       .max_bytes = max_bytes,
                                       .max_tensors = max_tensors };
    sov_plan *plan = make_plan();
    struct sov_buf *file;
    struct sov_err err;
    uint64_t sum = 0;
    size_t next = 0, n;

    ck_assert_int_eq(sov_plan_lay(plan, &layout, &err), 0);
    n = sov_plan_files(plan);
    for (size_t i = 0; i < n; i++) {
        const struct sov_plan_file *f = sov_plan_file(plan, i);

        sum += f->bytes;
        if (f->n == 0)
            continue; /* an index */
        ck_assert_uint_eq(f->first, next);
        next += f->n;
        if (max_bytes > 0 && f->n > 1)
            ck_assert_uint_le(f->bytes, max_bytes);
        if (max_tensors > 0)
            ck_assert_uint_le(f->n, max_tensors);
    }
    ck_assert_uint_eq(next, N_TENSORS);
    ck_assert_uint_eq(sum, sov_plan_bytes(plan));
    ck_assert_ptr_null(sov_plan_file(plan, n));
    file = calloc(n, sizeof(*file));
    ck_assert_ptr_nonnull(file);
    write_plan(plan, file);
    check_places(plan, file);
    for (size_t i = 0; i < n; i++)
        sov_buf_free(&file[i]);
    free(file);
    sov_plan_free(plan);
}

START_TEST(plans_are_cut_between_tensors)
{
    static const char *const forms[] = { "gguf", "safetensors" };

    for (int i = 0; i < 2; i++) {
        check_cut(forms[i], 0, 0);
        for (uint64_t size = 1; size < 100000; size = size * 3 / 2 + 1)
            check_cut(forms[i], size, 0);
        for (uint64_t n = 1; n <= N_TENSORS + 1; n++)
            check_cut(forms[i], 0, n);
        check_cut(forms[i], 2000, 2);
    }
}
END_TEST

/* Somebody who wants each third tensor, and what he has seen. */
struct seen {
    const sov_plan *plan;
    struct sov_buf bytes;
    size_t calls;
    uint64_t next; /* byte of the tensor */
};

static bool
each_third(void *arg, size_t tensor)
{
    (void)arg;
    return tensor % 3 == 1;
}

static int
see(void *arg, size_t tensor, uint64_t off, const void *buf, size_t len,
    struct sov_err *err)
{
    struct seen *s = arg;

    (void)err;
    ck_assert_uint_eq(tensor % 3, 1);
    ck_assert_uint_eq(off, s->next);
    s->next += len;
    if (s->next == sov_plan_at(s->plan, tensor)->size)
        s->next = 0;
    s->calls++;
    sov_buf_add(&s->bytes, buf, len);
    return 0;
}

START_TEST(a_taker_sees_what_it_wants)
{
    sov_plan *plan = make_plan();
    struct seen s = { .plan = plan };
    const struct sov_taker taker = { each_third, see, &s };
    size_t n = 0, all = 0;
    struct sov_err err;
    sov_writer *w;

    ck_assert_int_eq(sov_plan_freeze(plan, 32, &err), 0);
    ck_assert_int_eq(sov_writer_open(&w, plan, &taker, NULL, 0, &err), 0);
    for (size_t i = 0; i < N_TENSORS; i++) {
        size_t size = (size_t)sov_plan_at(plan, i)->size;
        unsigned char *x = malloc(size);

        if (!sov_taker_wants(&taker, i)) {
            free(x);
            continue;
        }
        ck_assert_ptr_nonnull(x);
        memset(x, (int)i, size);
        ck_assert_int_eq(sov_writer_data(w, x, size / 2, &err), 0);
        ck_assert_int_eq(
            sov_writer_data(w, x + size / 2, size - size / 2, &err), 0);
        /* not over the end of a tensor */
        if (++n == 1)
            ck_assert_int_eq(sov_writer_data(w, x, 65536, &err), SOV_EARG);
        all += size;
        free(x);
    }
    ck_assert_int_eq(sov_writer_end(&w, &err), 0);
    ck_assert_uint_eq(s.calls, 2 * n);
    ck_assert_uint_eq(s.bytes.len, all);
    /* one that lacks some is told */
    ck_assert_int_eq(sov_writer_open(&w, plan, &taker, NULL, 0, &err), 0);
    ck_assert_int_eq(sov_writer_end(&w, &err), SOV_EARG);
    sov_buf_free(&s.bytes);
    sov_plan_free(plan);
}
END_TEST

START_TEST(files_have_the_names_that_others_give)
{
    static const struct {
        struct sov_layout layout;
        const char *first;
        const char *last;
    } cases[] = {
        { { .name = "a.gguf" }, "a.gguf", "a.gguf" },
        { { .name = NULL }, "model.gguf", "model.gguf" },
        { { .name = "a.gguf", .max_tensors = 10 },
          "a-00001-of-00002.gguf",
          "a-00002-of-00002.gguf" },
        { { .name = "a.gguf", .max_tensors = 100 },
          "a-00001-of-00001.gguf",
          "a-00001-of-00001.gguf" },
        { { .name = ".gguf", .max_tensors = 20 },
          ".gguf-00001-of-00001.gguf",
          ".gguf-00001-of-00001.gguf" },
        { { .form = "safetensors", .name = "a.safetensors", .max_tensors = 7 },
          "a.safetensors.index.json",
          "a-00003-of-00003.safetensors" },
        { { .form = "safetensors", .name = "a", .max_tensors = 20 }, "a", "a" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sov_plan *plan = make_plan();
        struct sov_err err;

        ck_assert_int_eq(sov_plan_lay(plan, &cases[i].layout, &err), 0);
        ck_assert_str_eq(sov_plan_file(plan, 0)->name, cases[i].first);
        ck_assert_str_eq(sov_plan_file(plan, sov_plan_files(plan) - 1)->name,
                         cases[i].last);
        sov_plan_free(plan);
    }
}
END_TEST

START_TEST(files_beside_come_first)
{
    const struct sov_layout layout = { .name = "a.gguf" };
    struct sov_buf file[3] = { 0 };
    sov_plan *plan = make_plan();
    struct sov_err err;

    ck_assert_int_eq(sov_plan_side(plan, "one", "1", 1, &err), 0);
    ck_assert_int_eq(sov_plan_side(plan, "none", "", 0, &err), 0);
    ck_assert_int_eq(sov_plan_lay(plan, &layout, &err), 0);
    ck_assert_int_eq(sov_plan_side(plan, "late", "1", 1, &err), SOV_EARG);
    ck_assert_uint_eq(sov_plan_files(plan), 3);
    write_plan(plan, file);
    ck_assert_uint_eq(file[0].len, 1);
    ck_assert_uint_eq(file[1].len, 0);
    check_places(plan, file);
    for (int i = 0; i < 3; i++)
        sov_buf_free(&file[i]);
    sov_plan_free(plan);
}
END_TEST

/* ---- safetensors */

START_TEST(safetensors_are_read_as_they_were_written)
{
    static const enum sov_type types[] = {
        SOV_TYPE_F32, SOV_TYPE_F16, SOV_TYPE_BF16,    SOV_TYPE_F64,
        SOV_TYPE_I8,  SOV_TYPE_I64, SOV_TYPE_F8_E4M3, SOV_TYPE_F8_E5M2,
        SOV_TYPE_U8,  SOV_TYPE_U64, SOV_TYPE_BOOL,    SOV_TYPE_I16,
        SOV_TYPE_F8_E8M0,
    };
    const struct sov_layout layout = { .form = "safetensors" };
    const uint64_t dim[4] = { 3, 2, 1, 5 };
    struct sov_buf file = { 0 };
    struct sov_err err;
    struct sov_span v;
    sov_plan *plan;
    sov_model *m;

    ck_assert_int_eq(sov_plan_new(&plan, NULL, &err), 0);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        char name[40];

        snprintf(name, sizeof(name), "t\"\\\xc3\xa9.%zu", i);
        ck_assert_int_eq(
            sov_plan_add(plan, name, types[i], (uint32_t)(i % 5), dim, &err),
            0);
    }
    ck_assert_int_eq(sov_plan_add(plan, "nothing", SOV_TYPE_F32, 2,
                                  (const uint64_t[]){ 0, 7 }, &err),
                     0);
    ck_assert_int_eq(sov_meta_set_str(sov_plan_meta(plan), "safetensors.b",
                                      "x\n\"\x01", &err),
                     0);
    ck_assert_int_eq(
        sov_meta_set_str(sov_plan_meta(plan), "safetensors.a", "", &err), 0);
    ck_assert_int_eq(
        sov_meta_set_str(sov_plan_meta(plan), "general.name", "y", &err), 0);
    ck_assert_int_eq(sov_plan_lay(plan, &layout, &err), 0);
    write_plan(plan, &file);
    ck_assert_uint_eq(file.p[0] % 8, 0);
    m = must_open(as_file(file), SOV_ACCESS_MAP);
    ck_assert_uint_eq(sov_model_count(m), sov_plan_count(plan));
    for (size_t i = 0; i < sov_plan_count(plan); i++) {
        const struct sov_tensor *want = sov_plan_at(plan, i);
        int64_t at = sov_model_find(m, want->name);
        const struct sov_tensor *got = sov_model_at(m, (size_t)at);

        ck_assert_int_ge(at, 0);
        ck_assert_int_eq(got->type, want->type);
        ck_assert_uint_eq(got->ndim, want->ndim);
        ck_assert_mem_eq(got->dim, want->dim, sizeof(got->dim));
    }
    ck_assert_uint_eq(sov_meta_count(sov_model_meta(m)), 2);
    ck_assert_int_eq(sov_meta_str(sov_model_meta(m), "safetensors.b", &v, &err),
                     0);
    ck_assert_uint_eq(v.len, 4);
    ck_assert_mem_eq(v.p, "x\n\"\x01", 4);
    sov_model_close(m);
    sov_buf_free(&file);
    sov_plan_free(plan);
}
END_TEST

START_TEST(safetensors_refuse_what_they_cannot_hold)
{
    const struct sov_layout layout = { .form = "safetensors" };
    const uint64_t dim[1] = { 32 };
    struct sov_err err;
    sov_plan *plan;

    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sov_plan_new(&plan, NULL, &err), 0);
        ck_assert_int_eq(sov_plan_add(plan, i == 1 ? "__metadata__" : "t",
                                      i == 0 ? SOV_TYPE_Q8_0 : SOV_TYPE_F32, 1,
                                      dim, &err),
                         0);
        if (i == 2)
            ck_assert_int_eq(sov_meta_set_str(sov_plan_meta(plan),
                                              "safetensors.x", "\xff", &err),
                             0);
        ck_assert_int_eq(sov_plan_lay(plan, &layout, &err), SOV_EUNSUP);
        sov_plan_free(plan);
    }
}
END_TEST

/* ---- values as text */

static const struct {
    const char *type;
    const char *text;
    int rc;
} values[] = {
    { "u8", "0", 0 },
    { "u8", "255", 0 },
    { "u8", "256", SOV_EARG },
    { "u8", "-0", 0 },
    { "u8", "-1", SOV_EARG },
    { "i8", "-128", 0 },
    { "i8", "-129", SOV_EARG },
    { "u64", "18446744073709551615", 0 },
    { "u64", "18446744073709551616", SOV_EARG },
    { "i64", "-9223372036854775808", 0 },
    { "i64", "-9223372036854775809", SOV_EARG },
    { "i64", "9223372036854775808", SOV_EARG },
    { "u32", " 1", SOV_EARG },
    { "u32", "1 ", SOV_EARG },
    { "u32", "0x1", SOV_EARG },
    { "u32", "", SOV_EARG },
    { "f32", "0.1", 0 },
    { "f32", "3.4028235e38", 0 },
    { "f32", "3.5e38", SOV_EARG },
    { "f32", "1e-45", 0 },
    { "f64", "1e-320", 0 },
    { "f64", "1e309", SOV_EARG },
    { "f64", "inf", SOV_EARG },
    { "f64", "0x1p3", SOV_EARG },
    { "bool", "true", 0 },
    { "bool", "1", SOV_EARG },
    { "str", "", 0 },
    { "str", "a\nb", 0 },
    { "str", "\xc3", SOV_EARG },
    { "str[]", "[]", 0 },
    { "str[]", "[\"\",\"x\\u0000y\"]", SOV_EARG },
    { "str[]", "[1]", SOV_EARG },
    { "u16[]", "[0,65535]", 0 },
    { "u16[]", "[65536]", SOV_EARG },
    { "f32[]", "[0.1,1,-1e30]", 0 },
    { "f32[]", "[1e39]", SOV_EARG },
    { "bool[]", "[true,false]", 0 },
    { "i64[]", "[-9223372036854775808]", 0 },
    { "i64[]", "{}", SOV_EARG },
    { "i64[]", "[[1]]", SOV_EARG },
    { "i64[]", "[1", SOV_EARG },
    { "u128", "1", SOV_EARG },
    { "[]", "[]", SOV_EARG },
    { "arr", "[]", SOV_EARG },
};

START_TEST(values_become_text_and_back)
{
    sov_meta *a, *b;

    ck_assert_int_eq(sov_meta_new(&a, NULL), 0);
    ck_assert_int_eq(sov_meta_new(&b, NULL), 0);
    ck_assert_int_eq(sov_meta_set_text(a, "new", NULL, "1", 1, NULL), SOV_EARG);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        const struct sov_kv *x, *y;
        char *type, *text;
        struct sov_err err = { 0 };
        size_t len;
        int rc = sov_meta_set_text(a, "k", values[i].type, values[i].text,
                                   strlen(values[i].text), &err);

        ck_assert_msg(rc == values[i].rc, "%s %s: %d %s", values[i].type,
                      values[i].text, rc, err.msg);
        if (rc < 0) {
            ck_assert_ptr_nonnull(strchr(err.msg, 'k'));
            continue;
        }
        x = sov_meta_find(a, "k");
        ck_assert_int_eq(sov_kv_text(x, &type, &text, &len, &err), 0);
        ck_assert_str_eq(type, values[i].type);
        ck_assert_int_eq(sov_meta_set_text(b, "k", type, text, len, &err), 0);
        y = sov_meta_find(b, "k");
        ck_assert_uint_eq(x->val.len, y->val.len);
        ck_assert_uint_eq(x->n, y->n);
        ck_assert(x->val.len == 0 ||
                  memcmp(x->val.p, y->val.p, x->val.len) == 0);
        /* and once more, of the type that it has */
        ck_assert_int_eq(sov_meta_set_text(b, "k", NULL, text, len, &err), 0);
        free(type);
        free(text);
    }
    sov_meta_free(a);
    sov_meta_free(b);
}
END_TEST

START_TEST(many_keys_go_at_once)
{
    sov_meta *m;
    char key[32];

    ck_assert_int_eq(sov_meta_new(&m, NULL), 0);
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "%s.%d", i % 3 == 0 ? "a" : "b", i);
        ck_assert_int_eq(sov_meta_set_u32(m, key, (uint32_t)i, NULL), 0);
    }
    ck_assert_uint_eq(sov_meta_unset_like(m, "c*"), 0);
    ck_assert_uint_eq(sov_meta_unset_like(m, "a.*"), 334);
    ck_assert_uint_eq(sov_meta_count(m), 666);
    ck_assert_str_eq(sov_meta_at(m, 0)->key, "b.1");
    ck_assert_ptr_null(sov_meta_find(m, "a.0"));
    ck_assert_int_eq(sov_kv_int(sov_meta_find(m, "b.998"), 0), 998);
    ck_assert_uint_eq(sov_meta_unset_like(m, "*"), 666);
    sov_meta_free(m);
}
END_TEST

void
write_tests(TCase *tc)
{
    tcase_add_test(tc, plans_are_cut_between_tensors);
    tcase_add_test(tc, a_taker_sees_what_it_wants);
    tcase_add_test(tc, files_have_the_names_that_others_give);
    tcase_add_test(tc, files_beside_come_first);
    tcase_add_test(tc, safetensors_are_read_as_they_were_written);
    tcase_add_test(tc, safetensors_refuse_what_they_cannot_hold);
    tcase_add_test(tc, values_become_text_and_back);
    tcase_add_test(tc, many_keys_go_at_once);
}
