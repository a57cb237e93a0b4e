/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_make.c - unit tests of tensors that are made of others while they are read
 *
 * What is made is compared with a plain second way to make it, whole and in all
 * pieces that can be asked for.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/le.h"
#include "fmt/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/sov-make.XXXXXX";

/* ---- a file of random tensors */

struct one {
    const char *name;
    const char *dtype;
    const char *shape;
    size_t bytes;
};

static const struct one ones[] = {
    { "a", "BF16", "6,10", 120 },   { "b", "BF16", "6,10", 120 },
    { "c", "F16", "6,10", 120 },    { "codes", "U8", "2,6,2,16", 384 },
    { "exps", "U8", "2,6,2", 24 },  { "f8", "F8_E4M3", "7,10", 70 },
    { "f8b", "F8_E4M3", "7,10", 70 }, { "grid", "F32", "3,4", 48 },
    { "gridb", "F32", "3,4", 48 },  { "i8", "I8", "7,10", 70 },
    { "lines", "BF16", "7,1", 14 }, { "turn", "F32", "2,5,6", 240 },
    { "big", "F32", "3,50,9000", 5400000 },
    { "powers", "F8_E8M0", "3,4", 12 },
};

#define N_ONES (sizeof(ones) / sizeof(ones[0]))

static unsigned char *bytes[N_ONES]; /* what is in each */

/* Random, but floats are small and e8m0 is not NaN. */
static void
fill(size_t i)
{
    uint32_t s = 77 + (uint32_t)i;

    bytes[i] = malloc(ones[i].bytes);
    ck_assert_ptr_nonnull(bytes[i]);
    for (size_t k = 0; k < ones[i].bytes; k++) {
        s = s * 1664525 + 1013904223;
        bytes[i][k] = (unsigned char)(s >> 24);
    }
    if (strcmp(ones[i].dtype, "F32") == 0)
        for (size_t k = 0; k < ones[i].bytes; k += 4)
            sov_putf32(bytes[i] + k,
                       (float)(int8_t)bytes[i][k] / 16 + (float)(k % 7));
    if (strcmp(ones[i].name, "exps") == 0)
        for (size_t k = 0; k < ones[i].bytes; k++)
            bytes[i][k] %= 255;
    if (ones[i].dtype[0] == 'B' || strcmp(ones[i].dtype, "F16") == 0)
        for (size_t k = 1; k < ones[i].bytes; k += 2)
            bytes[i][k] &= 0xbf;
    for (size_t k = 0; k < ones[i].bytes && ones[i].dtype[1] == '8'; k++)
        if ((bytes[i][k] & 127) == 127)
            bytes[i][k] = 1;
}

static void
write_all(void)
{
    struct sov_buf head = { 0 }, file = { 0 };
    size_t off = 0;
    FILE *f;

    for (size_t i = 0; i < N_ONES; i++) {
        char line[256];

        snprintf(line, sizeof(line),
                 "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],"
                 "\"data_offsets\":[%zu,%zu]}",
                 i == 0 ? "{" : ",", ones[i].name, ones[i].dtype,
                 ones[i].shape, off, off + ones[i].bytes);
        off += ones[i].bytes;
        sov_buf_add(&head, line, strlen(line));
    }
    sov_buf_add(&head, "}", 1);
    while (head.len % 8 != 0)
        sov_buf_add(&head, " ", 1);
    sov_buf_u64(&file, head.len);
    sov_buf_add(&file, head.p, head.len);
    for (size_t i = 0; i < N_ONES; i++)
        sov_buf_add(&file, bytes[i], ones[i].bytes);
    f = fopen(path, "wb");
    ck_assert(f != NULL && fwrite(file.p, 1, file.len, f) == file.len &&
              fclose(f) == 0);
    sov_buf_free(&head);
    sov_buf_free(&file);
}

static void
make_file(void)
{
    strcpy(path + strlen(path) - 6, "XXXXXX");
    close(mkstemp(path));
    for (size_t i = 0; i < N_ONES; i++)
        fill(i);
    write_all();
}

static void
drop_file(void)
{
    (void)unlink(path);
    for (size_t i = 0; i < N_ONES; i++)
        free(bytes[i]);
}

static unsigned char *
of(const char *name)
{
    for (size_t i = 0; i < N_ONES; i++)
        if (strcmp(ones[i].name, name) == 0)
            return bytes[i];
    ck_abort_msg("no %s", name);
    return NULL;
}

/* ---- making */

static sov_model *
load(enum sov_access access)
{
    struct sov_err err = { 0 };
    sov_model *m = NULL;
    int rc = sov_model_load(&m, path, access, &err);

    ck_assert_msg(rc == 0, "%s", err.msg);
    return m;
}

static size_t
at(const sov_model *m, const char *name)
{
    int64_t i = name == NULL ? -1 : sov_model_find(m, name);

    ck_assert(name == NULL || i >= 0);
    return name == NULL ? SOV_NO_TENSOR : (size_t)i;
}

static int
rebuild(sov_model *m, const struct sov_view *view, struct sov_err *err)
{
    sov_meta *meta;

    ck_assert_int_eq(sov_meta_new(&meta, err), 0);
    return sov_model_rebuild(m, meta, view, 1, err);
}

/* What is made must be those bytes, however it is read. */
static void
check(struct sov_view *view, struct sov_recipe *r, struct sov_piece *piece,
      const char *const *from, const char *const *side, const void *want,
      size_t size, size_t unit)
{
    view->name = "made";
    view->recipe = r;
    r->piece = piece;
    for (int access = 0; access < 2; access++) {
        struct sov_err err = { 0 };
        sov_model *m = load(access == 0 ? SOV_ACCESS_STREAM : SOV_ACCESS_MAP);
        unsigned char *buf = malloc(size);
        int rc;

        for (size_t i = 0; i < r->n; i++) {
            piece[i].from = at(m, from[i]);
            piece[i].side = at(m, side != NULL ? side[i] : NULL);
        }
        rc = rebuild(m, view, &err);
        ck_assert_msg(rc == 0, "%s", err.msg);
        ck_assert_uint_eq(sov_model_at(m, 0)->size, size);
        if (access == 1)
            ck_assert(memcmp(sov_model_at(m, 0)->data, want, size) == 0);
        for (size_t i = 0; i < size; i += unit)
            for (size_t len = unit; len <= size - i;
                 len += unit * (1 + size / 512 / unit)) {
                rc = sov_model_read(m, 0, i, buf, len, &err);
                ck_assert_msg(rc == 0, "%s", err.msg);
                ck_assert_msg(memcmp(buf, (const char *)want + i, len) == 0,
                              "%zu bytes at %zu", len, i);
            }
        free(buf);
        sov_model_close(m);
    }
}

static struct sov_view
shape(enum sov_type type, uint64_t a, uint64_t b, uint64_t c)
{
    return (struct sov_view){ .type = type, .ndim = 3, .dim = { a, b, c, 1 } };
}

START_TEST(a_stack_is_its_pieces_in_order)
{
    static const char *const from[] = { "b", "a", "b" };
    struct sov_view v = shape(SOV_TYPE_BF16, 10, 6, 3);
    struct sov_piece piece[3] = { { 0 } };
    struct sov_recipe r = { .make = SOV_MAKE_ROWS, .n = 3, .rows = 6,
                            .cols = 10, .step = 1 };
    unsigned char want[360];

    memcpy(want, of("b"), 120);
    memcpy(want + 120, of("a"), 120);
    memcpy(want + 240, of("b"), 120);
    check(&v, &r, piece, from, NULL, want, sizeof(want), 2);
}
END_TEST

START_TEST(every_other_row_and_a_row_of_each)
{
    static const char *const from[] = { "a", "b" };
    struct sov_view v = shape(SOV_TYPE_BF16, 10, 3, 2);
    struct sov_piece piece[2] = { { .first = 1 }, { .first = 0 } };
    struct sov_recipe r = { .make = SOV_MAKE_ROWS, .n = 2, .rows = 3,
                            .cols = 10, .step = 2 };
    unsigned char want[120];

    for (size_t i = 0; i < 3; i++) {
        memcpy(want + 20 * i, of("a") + 20 * (2 * i + 1), 20);
        memcpy(want + 20 * (3 + i), of("b") + 20 * 2 * i, 20);
    }
    check(&v, &r, piece, from, NULL, want, sizeof(want), 2);
    r.woven = true;
    for (size_t i = 0; i < 3; i++) {
        memcpy(want + 20 * 2 * i, of("a") + 20 * (2 * i + 1), 20);
        memcpy(want + 20 * (2 * i + 1), of("b") + 20 * 2 * i, 20);
    }
    check(&v, &r, piece, from, NULL, want, sizeof(want), 2);
}
END_TEST

START_TEST(a_slice_stays_in_its_file)
{
    static const char *const from[] = { "a" };
    struct sov_view v = shape(SOV_TYPE_BF16, 10, 2, 1);
    struct sov_piece piece[1] = { { .first = 3 } };
    struct sov_recipe r = { .make = SOV_MAKE_ROWS, .n = 1, .rows = 2,
                            .cols = 10, .step = 1 };
    struct sov_err err = { 0 };
    sov_model *m;
    const char *file;
    uint64_t off;

    check(&v, &r, piece, from, NULL, of("a") + 60, 40, 2);
    m = load(SOV_ACCESS_STREAM);
    piece[0].from = at(m, "a");
    ck_assert_int_eq(rebuild(m, &v, &err), 0);
    ck_assert(sov_model_place(m, 0, &file, &off));
    sov_model_close(m);
}
END_TEST

/* E4M3 by its description. */
static float
plain_f8(unsigned char b)
{
    float v = b >> 3 & 15 ? ldexpf(1 + (float)(b & 7) / 8, (b >> 3 & 15) - 7)
                          : ldexpf((float)(b & 7) / 8, -6);

    return b & 128 ? -v : v;
}

START_TEST(scales_go_by_blocks)
{
    static const char *const from[] = { "f8", "f8b" };
    static const char *const side[] = { "grid", "gridb" };
    struct sov_view v = shape(SOV_TYPE_F32, 10, 7, 2);
    struct sov_piece piece[2] = { { 0 } };
    struct sov_recipe r = { .make = SOV_MAKE_SCALED, .n = 2, .rows = 7,
                            .cols = 10, .step = 1, .tall = 3, .wide = 3 };
    unsigned char want[560];

    for (size_t i = 0; i < 140; i++) {
        size_t row = i / 10 % 7, col = i % 10;
        float scale =
            sov_lef32(of(side[i / 70]) + 4 * (row / 3 * 4 + col / 3));

        sov_putf32(want + 4 * i, plain_f8(of(from[i / 70])[i % 70]) * scale);
    }
    check(&v, &r, piece, from, side, want, sizeof(want), 4);
}
END_TEST

START_TEST(scales_may_be_powers_of_two)
{
    static const char *const from[] = { "f8" };
    static const char *const side[] = { "powers" };
    struct sov_view v = shape(SOV_TYPE_F32, 10, 7, 1);
    struct sov_piece piece[1] = { { 0 } };
    struct sov_recipe r = { .make = SOV_MAKE_SCALED, .n = 1, .rows = 7,
                            .cols = 10, .step = 1, .tall = 3, .wide = 3 };
    unsigned char want[280];

    for (size_t i = 0; i < 70; i++) {
        int e = of("powers")[i / 30 * 4 + i % 10 / 3];

        sov_putf32(want + 4 * i, ldexpf(plain_f8(of("f8")[i]), e - 127));
    }
    check(&v, &r, piece, from, side, want, sizeof(want), 4);
}
END_TEST

START_TEST(scales_go_by_rows_or_are_not_there)
{
    static const char *const from[] = { "i8" };
    static const char *const side[] = { "lines" };
    struct sov_view v = shape(SOV_TYPE_F32, 10, 7, 1);
    struct sov_piece piece[1] = { { 0 } };
    struct sov_recipe r = { .make = SOV_MAKE_SCALED, .n = 1, .rows = 7,
                            .cols = 10, .step = 1, .tall = 1, .wide = 10 };
    unsigned char want[280];

    for (size_t i = 0; i < 70; i++) {
        uint32_t bits = (uint32_t)sov_le16(of("lines") + 2 * (i / 10)) << 16;
        float scale;

        memcpy(&scale, &bits, 4);
        sov_putf32(want + 4 * i, (float)(int8_t)of("i8")[i] * scale);
    }
    check(&v, &r, piece, from, side, want, sizeof(want), 4);
    for (size_t i = 0; i < 70; i++)
        sov_putf32(want + 4 * i, (float)(int8_t)of("i8")[i]);
    check(&v, &r, piece, from, NULL, want, sizeof(want), 4);
}
END_TEST

START_TEST(rows_and_columns_change_places)
{
    static const char *const from[] = { "turn" };
    struct sov_view v = shape(SOV_TYPE_F32, 5, 3, 2);
    struct sov_piece piece[1] = { { .first = 1 } };
    struct sov_recipe r = { .make = SOV_MAKE_TURNED, .n = 1, .rows = 6,
                            .cols = 5, .step = 2, .tall = 1, .wide = 6 };
    unsigned char want[120];

    for (size_t e = 0; e < 2; e++)
        for (size_t i = 0; i < 3; i++)
            for (size_t k = 0; k < 5; k++)
                memcpy(want + 4 * ((e * 3 + i) * 5 + k),
                       of("turn") + 4 * ((e * 5 + k) * 6 + 2 * i + 1), 4);
    check(&v, &r, piece, from, NULL, want, sizeof(want), 4);
}
END_TEST

START_TEST(large_matrices_change_places)
{
    struct sov_view v = shape(SOV_TYPE_F32, 50, 9000, 3);
    struct sov_piece piece[1] = { { .first = 0 } };
    struct sov_recipe r = { .make = SOV_MAKE_TURNED, .n = 1, .rows = 27000,
                            .cols = 50, .step = 1, .tall = 1, .wide = 9000,
                            .piece = piece };
    struct sov_err err = { 0 };
    sov_model *m = load(SOV_ACCESS_STREAM);
    unsigned char *buf = malloc(5400000);

    v.name = "made";
    v.recipe = &r;
    piece[0].from = at(m, "big");
    piece[0].side = SOV_NO_TENSOR;
    ck_assert_int_eq(rebuild(m, &v, &err), 0);
    ck_assert_int_eq(sov_model_read(m, 0, 0, buf, 5400000, &err), 0);
    for (size_t i = 0; i < 27000; i++)
        for (size_t k = 0; k < 50; k++)
            ck_assert(memcmp(buf + 4 * (i * 50 + k),
                             of("big") +
                                 4 * ((i / 9000 * 50 + k) * 9000 + i % 9000),
                             4) == 0);
    free(buf);
    sov_model_close(m);
}
END_TEST

/* Blocks of GGUF by their description: u8 e, then weight i in the low half of
 * byte i and weight 16 + i in the high half. */
static void
plain_blocks(unsigned char *to, size_t first, size_t step, size_t rows)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t b = 0; b < 2; b++, to += 17) {
            size_t block = (first + i * step) * 2 + b;
            unsigned char w[32];

            for (size_t k = 0; k < 32; k++) {
                unsigned char c = of("codes")[block * 16 + k / 2];

                w[k] = k % 2 == 0 ? c & 15 : c >> 4;
            }
            to[0] = of("exps")[block];
            for (size_t k = 0; k < 16; k++)
                to[1 + k] = (unsigned char)(w[k] | w[16 + k] << 4);
        }
}

START_TEST(codes_of_four_bits)
{
    static const char *const from[] = { "codes" };
    static const char *const side[] = { "exps" };
    struct sov_view v = shape(SOV_TYPE_MXFP4, 64, 3, 2);
    struct sov_piece piece[1] = { { .first = 1 } };
    struct sov_recipe r = { .make = SOV_MAKE_MXFP4, .n = 1, .rows = 6,
                            .cols = 64, .step = 2 };
    unsigned char want[12 * 17];

    plain_blocks(want, 1, 2, 6);
    check(&v, &r, piece, from, side, want, sizeof(want), 17);
}
END_TEST

/* Two tensors of blocks, woven again, are what they came from. */
START_TEST(codes_there_and_back)
{
    struct sov_piece in[2] = { { .first = 0 }, { .first = 1 } };
    struct sov_piece out[2] = { { 0, SOV_NO_TENSOR, 0 },
                                { 1, SOV_NO_TENSOR, 0 } };
    struct sov_recipe make[2], back[2];
    struct sov_view views[2], backs[2];
    struct sov_err err = { 0 };
    unsigned char buf[384];

    for (int access = 0; access < 2; access++) {
        sov_model *m = load(access == 0 ? SOV_ACCESS_STREAM : SOV_ACCESS_MAP);
        sov_meta *meta;

        for (size_t i = 0; i < 2; i++) {
            make[i] = (struct sov_recipe){ .make = SOV_MAKE_MXFP4,
                                           .piece = &in[i], .n = 1, .rows = 6,
                                           .cols = 64, .step = 2 };
            in[i].from = at(m, "codes");
            in[i].side = at(m, "exps");
            views[i] = shape(SOV_TYPE_MXFP4, 64, 3, 2);
            views[i].name = i == 0 ? "gate" : "up";
            views[i].recipe = &make[i];
            back[i] = (struct sov_recipe){
                .make = i == 0 ? SOV_MAKE_CODES : SOV_MAKE_SCALES,
                .piece = out, .n = 2, .rows = 6, .cols = i == 0 ? 32 : 2,
                .step = 1, .woven = true
            };
            backs[i] = shape(SOV_TYPE_U8, i == 0 ? 32 : 2, 6, 2);
            backs[i].name = i == 0 ? "codes" : "exps";
            backs[i].recipe = &back[i];
        }
        ck_assert_int_eq(sov_meta_new(&meta, &err), 0);
        ck_assert_int_eq(sov_model_rebuild(m, meta, views, 2, &err), 0);
        ck_assert_int_eq(sov_meta_new(&meta, &err), 0);
        ck_assert_int_eq(sov_model_rebuild(m, meta, backs, 2, &err), 0);
        ck_assert_int_eq(sov_model_read(m, 0, 0, buf, 384, &err), 0);
        ck_assert(memcmp(buf, of("codes"), 384) == 0);
        ck_assert_int_eq(sov_model_read(m, 1, 0, buf, 24, &err), 0);
        ck_assert(memcmp(buf, of("exps"), 24) == 0);
        sov_model_close(m);
    }
}
END_TEST

/* Recipes that reach beyond their sources, or are none. */
START_TEST(bad_recipes_are_refused)
{
    static const struct sov_recipe good = { .make = SOV_MAKE_ROWS, .n = 1,
                                            .rows = 6, .cols = 10, .step = 1 };
    for (int i = 0; i < 12; i++) {
        struct sov_view v = shape(SOV_TYPE_BF16, 10, 6, 1);
        struct sov_recipe r = good;
        struct sov_err err = { 0 };
        sov_model *m = load(SOV_ACCESS_STREAM);
        struct sov_piece piece = { at(m, "a"), SOV_NO_TENSOR, 0 };

        v.name = "made";
        v.recipe = &r;
        r.piece = &piece;
        switch (i) {
        case 1: piece.first = 1; break;
        case 2: r.step = 2; break;
        case 3: r.rows = 7; break;
        case 4: r.cols = 60; r.rows = 1; v.dim[0] = 61; v.dim[1] = 1; break;
        case 5: piece.from = 1000; break;
        case 6: piece.first = UINT64_MAX; break;
        case 7: r.step = UINT64_MAX / 2; break;
        case 8: r.make = SOV_MAKE_MXFP4; break;
        case 9: r.make = SOV_MAKE_SCALED; break; /* not f32 */
        case 10: v.type = SOV_TYPE_F16; break;
        case 11: r.step = 0; break;
        default: break;
        }
        ck_assert_msg(rebuild(m, &v, &err) == (i == 0 ? 0 : SOV_EARG), "%d", i);
        sov_model_close(m);
    }
}
END_TEST

START_TEST(scales_that_are_no_numbers_are_named)
{
    struct sov_err err = { 0 };
    unsigned char buf[560];

    sov_putf32(of("grid") + 8, NAN);
    of("exps")[7] = 255;
    write_all();
    for (int i = 0; i < 2; i++) {
        struct sov_view v = i == 0 ? shape(SOV_TYPE_F32, 10, 7, 1)
                                   : shape(SOV_TYPE_MXFP4, 64, 12, 1);
        struct sov_piece piece = { 0 };
        struct sov_recipe r = {
            .make = i == 0 ? SOV_MAKE_SCALED : SOV_MAKE_MXFP4, .n = 1,
            .piece = &piece, .rows = i == 0 ? 7 : 12, .cols = i == 0 ? 10 : 64,
            .step = 1, .tall = 3, .wide = 3
        };
        sov_model *m = load(SOV_ACCESS_STREAM);

        v.name = "made";
        v.recipe = &r;
        piece.from = at(m, i == 0 ? "f8" : "codes");
        piece.side = at(m, i == 0 ? "grid" : "exps");
        ck_assert_int_eq(rebuild(m, &v, &err), 0);
        ck_assert_int_eq(sov_model_read(m, 0, 0, buf, i == 0 ? 40 : 17, &err),
                         i == 0 ? SOV_EFORMAT : 0);
        ck_assert_int_eq(
            sov_model_read(m, 0, 0, buf, i == 0 ? 280 : 24 * 17, &err),
            SOV_EFORMAT);
        ck_assert_msg(strstr(err.msg, i == 0 ? "grid: scale 2 is not a number"
                                             : "exps: scale 7 is not a number"),
                      "%s", err.msg);
        sov_model_close(m);
    }
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("make");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, make_file, drop_file);
    tcase_add_test(tc, a_stack_is_its_pieces_in_order);
    tcase_add_test(tc, every_other_row_and_a_row_of_each);
    tcase_add_test(tc, a_slice_stays_in_its_file);
    tcase_add_test(tc, scales_go_by_blocks);
    tcase_add_test(tc, scales_may_be_powers_of_two);
    tcase_add_test(tc, scales_go_by_rows_or_are_not_there);
    tcase_add_test(tc, rows_and_columns_change_places);
    tcase_add_test(tc, large_matrices_change_places);
    tcase_add_test(tc, codes_of_four_bits);
    tcase_add_test(tc, codes_there_and_back);
    tcase_add_test(tc, bad_recipes_are_refused);
    tcase_add_test(tc, scales_that_are_no_numbers_are_named);
    return unit_main("make", tc);
}
