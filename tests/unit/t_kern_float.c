/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_kern_float.c - rows of floats times columns: every instruction set against
 * kern/generic, and that against plain sums
 */
#include "unit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "kern/generic/fma.h"
#include "kern/kern.h"
#include "tensor/half.h"

#include <math.h>
#include <string.h>

#define N_MAX    2600
#define ROWS_MAX 70
#define COLS_MAX 110

static const char *const isas[] = { "avx2", "avxvnni", "avx512", "avx512bf16",
                                    "neon" };
static const enum sov_type types[] = { SOV_TYPE_F32, SOV_TYPE_F16,
                                       SOV_TYPE_BF16 };

#define N_ISAS  (sizeof(isas) / sizeof(isas[0]))
#define N_TYPES (sizeof(types) / sizeof(types[0]))

static uint64_t counter;

static uint32_t
random32(void)
{
    static uint32_t out[4];

    if (counter % 4 == 0)
        sov_rng_block(11, 1, counter / 4, out);
    return out[counter++ % 4];
}

/*
 * ORDINARY numbers; SMALL ones, whose products lie around the smallest normal
 * number; ANY bits at all
 */
enum kind { ORDINARY, SMALL, ANY, KINDS };

static float
number(enum kind kind)
{
    uint32_t u = random32();

    if (kind == ORDINARY)
        return (float)(int32_t)u / 1e9f;
    if (kind == SMALL) /* 2^-68 to 2^-61 */
        u = (u & 0x807fffff) | (59 + (u >> 23 & 7)) << 23;
    return sov_f32_from_bits(u);
}

/* A matrix, some columns, and room for results with a border. */
struct table {
    enum sov_type type;
    size_t n, n_rows, n_cols;
    size_t w_stride, act_stride, y_stride;
    unsigned char *w, *act;
    float *y, *z;
};

static size_t
weight_bytes(enum sov_type type)
{
    return sov_type_info(type)->bytes;
}

static void
fill_weights(struct table *t, enum kind kind)
{
    size_t i, r;

    for (r = 0; r < t->n_rows; r++)
        for (i = 0; i < t->n; i++) {
            unsigned char *p =
                t->w + r * t->w_stride + i * weight_bytes(t->type);
            float f = number(kind);
            uint16_t h = t->type == SOV_TYPE_BF16 ? sov_f32_to_bf16(f)
                                                  : sov_f32_to_f16(f);

            if (t->type == SOV_TYPE_F16 && kind != ORDINARY)
                h = (uint16_t)random32();
            memcpy(p, t->type == SOV_TYPE_F32 ? (void *)&f : (void *)&h,
                   weight_bytes(t->type));
        }
}

static void
fill_columns(struct table *t, enum kind kind)
{
    size_t i, c;

    for (c = 0; c < t->n_cols; c++)
        for (i = 0; i < t->n; i++) {
            unsigned char *col = t->act + c * t->act_stride;
            float f = number(kind);
            uint16_t h = sov_f32_to_bf16(f);

            if (t->type == SOV_TYPE_BF16)
                memcpy(col + 2 * i, &h, 2);
            else
                memcpy(col + 4 * i, &f, 4);
        }
}

static void
make_table(struct table *t, enum sov_type type, size_t n, size_t n_rows,
           size_t n_cols)
{
    size_t i, n_y;

    *t = (struct table){ .type = type,
                         .n = n,
                         .n_rows = n_rows,
                         .n_cols = n_cols,
                         .y_stride = n_rows + 1 };
    t->w_stride = n * weight_bytes(type) + n_cols % 3 * 2;
    t->act_stride = (n + 31) / 32 * 32 * 4 + 64;
    if (type != SOV_TYPE_BF16)
        t->act_stride = n * 4 + 4 * (n_rows % 2);
    n_y = n_cols * t->y_stride;
    /* exactly as much as may be read */
    t->w = sov_mem_array(n_rows * t->w_stride, 1);
    t->act = sov_mem_array(n_cols * t->act_stride, 1);
    t->y = sov_mem_array(n_y, sizeof(*t->y));
    t->z = sov_mem_array(n_y, sizeof(*t->z));
    ck_assert(t->w != NULL && t->act != NULL && t->y != NULL && t->z != NULL);
    for (i = 0; i < n_y; i++)
        t->y[i] = t->z[i] = (float)i;
}

static void
free_table(struct table *t)
{
    free(t->w);
    free(t->act);
    free(t->y);
    free(t->z);
}

typedef void product(const void *w, size_t w_stride, size_t n_w,
                     const void *act, size_t act_stride, size_t n_cols,
                     size_t n, float *y, size_t y_stride);

static void
multiply(product *f, struct table *t, float *y)
{
    f(t->w, t->w_stride, t->n_rows, t->act, t->act_stride, t->n_cols, t->n, y,
      t->y_stride);
}

/* the same bits, or both NaN; and what lies between untouched */
static void
assert_same(const struct table *t, const char *what, const char *isa)
{
    size_t i;

    for (i = 0; i < t->n_cols * t->y_stride; i++)
        ck_assert_msg(memcmp(&t->y[i], &t->z[i], sizeof(*t->y)) == 0 ||
                          (isnan(t->y[i]) && isnan(t->z[i])),
                      "%s %s %s, %zu x %zu x %zu, [%zu]: %a %a", isa, what,
                      sov_type_info(t->type)->name, t->n, t->n_rows, t->n_cols,
                      i, (double)t->y[i], (double)t->z[i]);
}

static void
tables_agree(enum sov_type type, size_t n, size_t n_rows, size_t n_cols,
             enum kind kind)
{
    const struct sov_kern *g = sov_kern_for("generic");
    struct table t;
    size_t s;

    make_table(&t, type, n, n_rows, n_cols);
    fill_weights(&t, kind);
    fill_columns(&t, kind);
    multiply(g->dot[type], &t, t.y);
    for (s = 0; s < N_ISAS; s++) {
        const struct sov_kern *k = sov_kern_for(isas[s]);

        if (k == NULL)
            continue;
        multiply(k->dot[type], &t, t.z);
        assert_same(&t, "rows", isas[s]);
        if (k->many[type] == NULL)
            continue;
        multiply(k->many[type], &t, t.z);
        assert_same(&t, "panels", isas[s]);
    }
    free_table(&t);
}

START_TEST(all_lengths)
{
    size_t i, n;

    for (i = 0; i < N_TYPES; i++)
        for (n = 1; n <= 200; n++)
            tables_agree(types[i], n, 1 + n % 9, 1 + n % 13,
                         (enum kind)(n % KINDS));
}
END_TEST

/* Across the ends of tiles, panels and blocks. */
START_TEST(all_shapes)
{
    static const size_t rows[] = { 1, 3, 4, 5, 31, 32, 33, ROWS_MAX };
    static const size_t lens[] = { 31, 32, 511, 512, 513, 1056, 1500, N_MAX };
    size_t i, c, turn = 0;

    for (i = 0; i < N_TYPES; i++) {
        for (c = 1; c <= 20; c++, turn++)
            tables_agree(types[i], lens[turn % 5], rows[turn % 8], c,
                         (enum kind)(turn % KINDS));
        for (c = 0; c < 8; c++, turn++)
            tables_agree(types[i], lens[c], 5, 7, (enum kind)(turn % KINDS));
        tables_agree(types[i], 40, ROWS_MAX, COLS_MAX, ORDINARY);
        tables_agree(types[i], 1056, 6, 49, SMALL);
    }
}
END_TEST

/* The mode of the processor is what it was. */
START_TEST(mode_is_left_alone)
{
    volatile float small = 0x1p-120f;
    size_t i;

    for (i = 0; i < N_TYPES; i++)
        tables_agree(types[i], 64, 4, 7, ANY);
    ck_assert(small * 0x1p-20f > 0);
}
END_TEST

/* A sum of two products, the same by every instruction set. */
static float
sum_of(uint16_t w0, uint16_t w1, uint16_t x0, uint16_t x1)
{
    const struct sov_kern *g = sov_kern_for("generic");
    uint16_t w[2] = { w0, w1 };
    uint16_t x[32] = { x0, x1 };
    float y, z;
    size_t s;

    g->dot[SOV_TYPE_BF16](w, 0, 1, x, 0, 1, 2, &y, 1);
    for (s = 0; s < N_ISAS; s++) {
        const struct sov_kern *k = sov_kern_for(isas[s]);

        if (k == NULL)
            continue;
        k->dot[SOV_TYPE_BF16](w, 0, 1, x, 0, 1, 2, &z, 1);
        ck_assert_msg(memcmp(&y, &z, sizeof(y)) == 0 || (isnan(y) && isnan(z)),
                      "%s: %a %a", isas[s], (double)y, (double)z);
    }
    return y;
}

/* What kern.h says of products of bf16, case by case. */
START_TEST(bf16_is_as_defined)
{
    /* the second element first: 2^-127 is gone before 2^-126 comes */
    ck_assert(sum_of(0x0080, 0x2000, 0x3f80, 0x1f80) == 0x1p-126f);
    ck_assert(sum_of(0x2000, 0x0080, 0x1f80, 0x3f80) == 0x1.8p-126f);
    /* 1 + 2^-24, to even */
    ck_assert(sum_of(0x3380, 0x3f80, 0x3f80, 0x3f80) == 1.0f);
    /* subnormal weights and activations are zeros */
    ck_assert(sum_of(0x007f, 0, 0x7f00, 0) == 0.0f);
    ck_assert(sum_of(0x7f00, 0, 0x007f, 0) == 0.0f);
    /* and so are results, with their sign */
    ck_assert(sum_of(0x0080, 0, 0x3f00, 0) == 0.0f);
    ck_assert(sum_of(0x8080, 0, 0x3f80, 0) == -0x1p-126f);
    /* 2^-126 - 2^-152 rounds to 2^-126; 2^-126 - 1.5 * 2^-151 is too small,
     * though the nearest subnormal would be 2^-126 */
    ck_assert(sum_of(0x9980, 0x0080, 0x1980, 0x3f80) == 0x1p-126f);
    ck_assert(sum_of(0x99c0, 0x0080, 0x1a00, 0x3f80) == 0.0f);
    ck_assert(isnan(sum_of(0x7f80, 0, 0, 0)));
    ck_assert(isnan(sum_of(0x7f80, 0, 0x0001, 0)));
    ck_assert(isnan(sum_of(0x7fc0, 0, 0x3f80, 0)));
    ck_assert(isnan(sum_of(0x7f80, 0xff80, 0x3f80, 0x3f80)));
    ck_assert(isinf(sum_of(0x7f80, 0x3f80, 0x3f80, 0x3f80)));
    ck_assert(isinf(sum_of(0x7f00, 0, 0x7f00, 0)));
}
END_TEST

START_TEST(generic_against_plain_sums)
{
    const struct sov_kern *g = sov_kern_for("generic");
    static float w[300];
    struct table t;
    size_t i, j, n;

    for (i = 0; i < N_TYPES; i++)
        for (n = 1; n <= 300; n++) {
            double sum = 0, size = 0;

            make_table(&t, types[i], n, 1, 1);
            fill_weights(&t, ORDINARY);
            fill_columns(&t, ORDINARY);
            multiply(g->dot[types[i]], &t, t.y);
            g->decode[types[i]](t.w, w, n);
            for (j = 0; j < n; j++) {
                uint16_t h;
                float x;

                memcpy(&h, t.act + 2 * j, 2);
                memcpy(&x, t.act + 4 * j, 4);
                if (types[i] == SOV_TYPE_BF16)
                    x = sov_bf16_to_f32(h);
                sum += (double)w[j] * (double)x;
                size += fabs((double)w[j] * (double)x);
            }
            ck_assert_msg(fabs((double)t.y[0] - sum) <= 4e-7 * size,
                          "%s, %zu: %g %g", sov_type_info(types[i])->name, n,
                          (double)t.y[0], sum);
            free_table(&t);
        }
}
END_TEST

/* What is added lies about as high as the product, or close to where a float
 * ends; factors have few bits, so that sums lie half way between two floats. */
static void
hard_case(uint32_t i, float x[3])
{
    uint32_t u[3];
    int e;

    for (int k = 0; k < 3; k++)
        u[k] = random32();
    if (i % 4 == 1)
        u[0] &= 0xfffff000;
    if (i % 4 == 1)
        u[1] &= 0xfff80000;
    e = (int)(u[0] >> 23 & 255) + (int)(u[1] >> 23 & 255) - 127;
    if (i % 2 == 1)
        u[2] = (u[2] & 0x807fffff) |
               ((uint32_t)(e + (int)(i / 4 % 60) - 30) & 255) << 23;
    for (int k = 0; k < 3; k++)
        x[k] = sov_f32_from_bits(u[k]);
}

START_TEST(fma_rounds_once)
{
    for (uint32_t i = 0; i < 4000000; i++) {
        float x[3], want, got;

        hard_case(i, x);
        want = fmaf(x[0], x[1], x[2]);
        got = (float)sov_fma_odd(x[0], x[1], x[2]);
        if (isnan(want) && isnan(got))
            continue;
        if (sov_f32_bits(want) != sov_f32_bits(got))
            ck_assert_msg(false, "%a * %a + %a: %a instead of %a", (double)x[0],
                          (double)x[1], (double)x[2], (double)got,
                          (double)want);
    }
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("kern_float");

    tcase_add_test(tc, all_lengths);
    tcase_add_test(tc, all_shapes);
    tcase_add_test(tc, mode_is_left_alone);
    tcase_add_test(tc, bf16_is_as_defined);
    tcase_add_test(tc, generic_against_plain_sums);
    tcase_add_test(tc, fma_rounds_once);
    return unit_main("kern_float", tc);
}
