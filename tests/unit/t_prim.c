/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_prim.c - what operations of training are made of: against plain sums in
 * double, and the same bits from every instruction set and any number of
 * threads
 */
#include "unit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "kern/kern.h"
#include "sov/base.h"
#include "train/prim.h"

#include <math.h>
#include <string.h>

#define ROWS   611
#define N      77
#define STRIDE 83
#define EPS    1e-5f

static const char *const isas[] = { "generic", "avx2", "avx512", "avx512bf16",
                                    "neon" };

/* Everything that is made, in the order in which it is made. */
struct made {
    float sum[ROWS * N], silu[ROWS * N], dg[ROWS * N], du[ROWS * N];
    float norm[ROWS * STRIDE], r[ROWS], dx[ROWS * STRIDE];
    float more[ROWS * STRIDE], dw[N], dw2[N];
    float taken[ROWS * N], rows[30 * N];
    float bias[ROWS * STRIDE], db[N];
    float product[ROWS * 19], rounded[ROWS * 19];
};

static float a[ROWS * STRIDE], b[ROWS * STRIDE], c[ROWS * STRIDE], w[ROWS];
static int32_t id[ROWS];
static struct made first, other;

static void
fill(float *x, size_t n, float from)
{
    static uint64_t at;

    for (size_t i = 0; i < n; i++)
        x[i] = (float)sov_rng_unit(9, 1, at++) * 2.0f - from;
}

static void
fill_all(void)
{
    fill(a, ROWS * STRIDE, 1.0f);
    fill(b, ROWS * STRIDE, 1.0f);
    fill(c, ROWS * STRIDE, 1.0f);
    fill(w, ROWS, -0.5f);
    for (size_t i = 0; i < ROWS; i++)
        id[i] = (int32_t)(i * i % 30);
}

static void
make_all(struct sov_prim *p, struct made *m)
{
    struct sov_operand x = { a, STRIDE, false };
    struct sov_operand y = { b, STRIDE, false };

    memset(m, 0, sizeof(*m));
    sov_prim_add(p, a, b, m->sum, ROWS * N);
    sov_prim_silu(p, a, b, m->silu, ROWS * N);
    sov_prim_silu_back(p, a, b, c, m->dg, m->du, ROWS * N);
    sov_prim_norm(p, a, STRIDE, w, EPS, m->norm, STRIDE, m->r, ROWS, N);
    memcpy(m->dx, c, sizeof(m->dx));
    sov_prim_norm_back(p, a, STRIDE, w, m->r, m->dx, STRIDE, m->dx, STRIDE,
                       false, m->dw, ROWS, N);
    memcpy(m->more, b, sizeof(m->more));
    memcpy(m->dw2, w, sizeof(m->dw2));
    sov_prim_norm_back(p, a, STRIDE, w, m->r, c, STRIDE, m->more, STRIDE, true,
                       m->dw2, ROWS, N);
    sov_prim_take(p, a, id, m->taken, ROWS, N);
    sov_prim_take_back(p, b, id, m->rows, ROWS, N);
    memcpy(m->bias, a, sizeof(m->bias));
    sov_prim_bias(p, w, m->bias, STRIDE, ROWS, N);
    sov_prim_bias_back(p, c, STRIDE, m->db, ROWS, N);
    p->mul = SOV_MUL_F32;
    sov_prim_mul(p, ROWS, 19, N, x, y, m->product, 19, false);
    p->mul = SOV_MUL_BF16;
    sov_prim_mul(p, ROWS, 19, N, x, y, m->rounded, 19, false);
}

static void
near(float is, double should, double size, const char *what)
{
    ck_assert_msg(fabs((double)is - should) <= 2e-6 * (size + fabs(should)),
                  "%s: %.9g, not %.9g", what, (double)is, should);
}

static double
sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

START_TEST(numbers_are_right)
{
    struct sov_prim p;
    size_t i;

    ck_assert_int_eq(sov_prim_open(&p, SOV_MUL_F32, NULL), 0);
    fill_all();
    make_all(&p, &first);
    for (i = 0; i < ROWS * N; i++) {
        double g = (double)a[i], u = (double)b[i], dy = (double)c[i];
        double s = sigmoid(g);

        ck_assert(first.sum[i] == a[i] + b[i]);
        near(first.silu[i], g * s * u, 0.1, "silu");
        near(first.du[i], dy * g * s, 0.1, "du");
        near(first.dg[i], dy * u * s * (1 + g * (1 - s)), 0.1, "dg");
        ck_assert(first.taken[i] == a[(size_t)id[i / N] * N + i % N]);
    }
    for (i = 0; i < ROWS * 19; i++) {
        double sum = 0;

        for (size_t k = 0; k < N; k++)
            sum +=
                (double)a[i / 19 * STRIDE + k] * (double)b[i % 19 * STRIDE + k];
        near(first.product[i], sum, 5, "mul");
        ck_assert(fabs((double)first.rounded[i] - sum) < 0.1);
    }
    sov_prim_close(&p);
}
END_TEST

/* Row i of the norm, there and back. */
static void
norm_is_right(size_t i)
{
    const float *x = a + i * STRIDE, *dy = c + i * STRIDE;
    double sum = 0, both = 0, r;
    size_t j;

    for (j = 0; j < N; j++) {
        sum += (double)x[j] * (double)x[j];
        both += (double)dy[j] * (double)w[j] * (double)x[j];
    }
    r = 1 / sqrt(sum / N + (double)EPS);
    near(first.r[i], r, 0, "r");
    for (j = 0; j < N; j++) {
        double d = r * (double)dy[j] * (double)w[j] -
                   (double)x[j] * r * r * r * both / N;

        near(first.norm[i * STRIDE + j], (double)x[j] * r * (double)w[j], 0,
             "norm");
        near(first.dx[i * STRIDE + j], d, 1, "dx");
        near(first.more[i * STRIDE + j], (double)b[i * STRIDE + j] + d, 1,
             "dx, added");
        near(first.bias[i * STRIDE + j], (double)x[j] + (double)w[j], 0,
             "bias");
    }
}

START_TEST(rows_are_right)
{
    struct sov_prim p;
    size_t i, j;

    ck_assert_int_eq(sov_prim_open(&p, SOV_MUL_F32, NULL), 0);
    fill_all();
    make_all(&p, &first);
    for (i = 0; i < ROWS; i++)
        norm_is_right(i);
    for (j = 0; j < N; j++) {
        double dw = 0, db = 0, rows[30] = { 0 };

        for (i = 0; i < ROWS; i++) {
            dw += (double)c[i * STRIDE + j] * (double)a[i * STRIDE + j] *
                  (double)first.r[i];
            db += (double)c[i * STRIDE + j];
            rows[id[i]] += (double)b[i * N + j];
        }
        near(first.dw[j], dw, 100, "dw");
        near(first.dw2[j], (double)w[j] + dw, 100, "dw, added");
        near(first.db[j], db, 100, "db");
        for (i = 0; i < 30; i++)
            near(first.rows[i * N + j], rows[i], 30, "take_back");
    }
    sov_prim_close(&p);
}
END_TEST

START_TEST(same_bits_everywhere)
{
    struct sov_prim p;

    ck_assert_int_eq(sov_prim_open(&p, SOV_MUL_F32, NULL), 0);
    fill_all();
    sov_set_threads(1);
    make_all(&p, &first);
    for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++) {
        p.k = sov_kern_for(isas[i]);
        for (unsigned threads = 1; p.k != NULL && threads <= 3; threads++) {
            sov_set_threads(threads);
            make_all(&p, &other);
            ck_assert_msg(memcmp(&first, &other, sizeof(first)) == 0,
                          "%s, %u threads", isas[i], threads);
        }
    }
    sov_prim_close(&p);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("prim");

    tcase_add_test(tc, numbers_are_right);
    tcase_add_test(tc, rows_are_right);
    tcase_add_test(tc, same_bits_everywhere);
    return unit_main("prim", tc);
}
