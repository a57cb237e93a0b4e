/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_bench_stat.c - unit tests of lib/bench: tests by ranks against counting
 * all cases one by one, and against published tables
 */
#include "base/limits.h"
#include "base/rng.h"
#include "bench/dist.h"
#include "base/order.h"
#include "bench/signed.h"
#include "sov/bench.h"

#include "unit.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static struct sov_err err;
static uint64_t counter;

static double
unit(void)
{
    return sov_rng_unit(4, 0, counter++);
}

static void
near(double a, double b, double share)
{
    ck_assert_msg(fabs(a - b) <= share * fabs(b), "%.17g is not %.17g", a, b);
}

/* ---- distributions */

START_TEST(student_is_as_tabulated)
{
    static const struct {
        size_t dof;
        double t, above;
    } table[] = {
        { 1, 12.706, 0.025 }, { 2, 4.303, 0.025 },   { 3, 3.182, 0.025 },
        { 4, 2.776, 0.025 },  { 5, 2.571, 0.025 },   { 10, 2.228, 0.025 },
        { 30, 2.042, 0.025 }, { 120, 1.980, 0.025 }, { 10, 3.169, 0.005 },
        { 7, 1.895, 0.05 },   { 1, 6.314, 0.05 },    { 15, 3.733, 0.001 },
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        double t = sov_dist_t_at(table[i].above, table[i].dof);

        near(t, table[i].t, 5e-4);
        near(sov_dist_t_above(t, table[i].dof), table[i].above, 1e-9);
        near(sov_dist_t_above(-t, table[i].dof), 1 - table[i].above, 1e-9);
    }
    near(sov_dist_t_above(0, 3), 0.5, 1e-15);
    near(sov_dist_t_above(1, 1), 0.25, 1e-13);
    ck_assert(sov_dist_t_above(INFINITY, 3) <= 0);
}
END_TEST

START_TEST(normal_is_as_tabulated)
{
    near(sov_dist_normal_above(0), 0.5, 1e-15);
    near(sov_dist_normal_above(1), 0.15865525393145707, 1e-13);
    near(sov_dist_normal_above(1.959963984540054), 0.025, 1e-12);
    near(sov_dist_normal_above(2.999999), 0.001349902, 1e-6);
    near(sov_dist_normal_above(3), 0.0013498980316301, 1e-10);
    near(sov_dist_normal_above(5), 2.866515718791939e-07, 1e-10);
    near(sov_dist_normal_above(8), 6.220960574271786e-16, 1e-10);
    near(sov_dist_normal_above(-1), 0.8413447460685429, 1e-13);
    ck_assert(sov_dist_normal_above(100) <= 0);
}
END_TEST

/* ---- the median */

/* Chance of fewer than k heads of n coins, as integers: n to 60. */
static double
coins(size_t n, size_t k)
{
    uint64_t ways = 1, sum = 0;

    for (size_t i = 0; i < k; i++) {
        sum += ways;
        ways = ways * (n - i) / (i + 1);
    }
    return ldexp((double)sum, -(int)n);
}

START_TEST(interval_of_the_median_is_exact)
{
    static const double asked[] = { 0.5, 0.9, 0.95, 0.99, 0.999 };
    double v[50];

    for (size_t n = 0; n < 50; n++)
        for (size_t c = 0; c < 5; c++) {
            struct sov_bench_stat s;
            size_t k = 0;

            for (size_t i = 0; i < n; i++) /* 0 to n - 1, in some order */
                v[i] = (double)(i * 7 % n);
            if (n % 7 == 0)
                for (size_t i = 0; i < n; i++)
                    v[i] = (double)i;
            while (k < n / 2 && 1 - 2 * coins(n, k + 1) >= asked[c])
                k++;
            ck_assert_int_eq(sov_bench_describe(v, n, asked[c], &s, &err), 0);
            ck_assert_uint_eq(s.n, n);
            if (k == 0) {
                ck_assert(isnan(s.low) && isnan(s.high));
                ck_assert(isnan(s.confidence));
                continue;
            }
            near(s.low, (double)(k - 1), 0);
            near(s.high, (double)(n - k), 0);
            near(s.confidence, 1 - 2 * coins(n, k), 1e-12);
            near(s.median, (double)(n - 1) / 2, 0);
        }
}
END_TEST

START_TEST(median_of_very_many)
{
    size_t n = SOV_BENCH_SAMPLES_MAX;
    double *v = malloc((n + 1) * sizeof(*v));
    struct sov_bench_stat s;

    for (size_t i = 0; i <= n; i++)
        v[i] = (double)i;
    ck_assert_int_eq(sov_bench_describe(v, n, 0.95, &s, &err), 0);
    /* half of n, and 1.96 half roots of n beside it */
    ck_assert(fabs(s.low - (32768 - 1.96 * 128)) < 2);
    ck_assert(fabs(s.high - (32768 + 1.96 * 128)) < 2);
    ck_assert(s.confidence >= 0.95 && s.confidence < 0.951);
    ck_assert_int_eq(sov_bench_describe(v, n + 1, 0.95, &s, &err), SOV_EARG);
    free(v);
}
END_TEST

START_TEST(spread_and_outliers)
{
    double v[] = { 10, 11, 12, 13, 14, 15, 100 };
    double same[] = { 5, 5, 5, 5, 5, 5, 5, 5, 5, 9 };
    double bad[] = { 1, NAN }, endless[] = { INFINITY };
    struct sov_bench_stat s;

    ck_assert_int_eq(sov_bench_describe(v, 7, 0.95, &s, &err), 0);
    near(s.median, 13, 0);
    near(s.mad, 2 * 1.4826, 1e-12);
    ck_assert_uint_eq(s.outliers, 1);
    ck_assert_int_eq(sov_bench_describe(same, 10, 0.95, &s, &err), 0);
    ck_assert(s.mad <= 0);
    ck_assert_uint_eq(s.outliers, 1);
    ck_assert_int_eq(sov_bench_describe(same, 9, 0.95, &s, &err), 0);
    ck_assert_uint_eq(s.outliers, 0);
    ck_assert_int_eq(sov_bench_describe(NULL, 0, 0.95, &s, &err), 0);
    ck_assert(isnan(s.median) && isnan(s.low) && s.n == 0);
    ck_assert_int_eq(sov_bench_describe(bad, 2, 0.95, &s, &err), SOV_EARG);
    ck_assert_int_eq(sov_bench_describe(endless, 1, 0.95, &s, &err), SOV_EARG);
    ck_assert_int_eq(sov_bench_describe(v, 7, 1, &s, &err), SOV_EARG);
    ck_assert_int_eq(sov_bench_describe(v, 7, 0, &s, &err), SOV_EARG);
}
END_TEST

/* ---- two groups */

/* Pairs in which a is larger, ties half; a is what mask says. */
static double
pairs(const double *v, size_t n, unsigned mask)
{
    double u = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if ((mask >> i & 1) && !(mask >> j & 1))
                u += v[i] > v[j] ? 1 : v[i] < v[j] ? 0 : 0.5;
    return u;
}

/* p by going through all ways to choose the group. */
static double
p_by_force(const double *v, size_t n, size_t n_a)
{
    double mean = (double)n_a * (double)(n - n_a) / 2;
    double far = fabs(pairs(v, n, (1u << n_a) - 1) - mean);
    size_t all = 0, farther = 0;

    for (unsigned mask = 0; mask < 1u << n; mask++) {
        if ((size_t)__builtin_popcount(mask) != n_a)
            continue;
        all++;
        farther += fabs(pairs(v, n, mask) - mean) >= far - 1e-9;
    }
    return (double)farther / (double)all;
}

START_TEST(u_test_is_counting)
{
    double v[10];

    for (int round = 0; round < 300; round++) {
        size_t n = 2 + (size_t)(unit() * 9);
        size_t n_a = 1 + (size_t)(unit() * (double)(n - 1));
        double kinds = round % 3 == 0 ? 1000 : round % 3 == 1 ? 4 : 2;
        struct sov_bench_u u;

        for (size_t i = 0; i < n; i++)
            v[i] = floor(unit() * kinds);
        ck_assert_int_eq(sov_bench_u_test(v, n_a, v + n_a, n - n_a, &u, &err),
                         0);
        ck_assert(u.exact);
        near(u.u, pairs(v, n, (1u << n_a) - 1), 0);
        near(u.p, p_by_force(v, n, n_a), 1e-12);
    }
}
END_TEST

/* Groups without ties with that U: a[i] is above `over` of the b. */
static double
p_of_u(size_t n_a, size_t n_b, size_t want)
{
    double a[100], b[100];
    struct sov_bench_u u;

    for (size_t j = 0; j < n_b; j++)
        b[j] = (double)j;
    for (size_t i = 0; i < n_a; i++) {
        size_t over = want / n_a + (i >= n_a - want % n_a);

        a[i] = (double)over - 0.5 + 0.001 * (double)i;
    }
    ck_assert_int_eq(sov_bench_u_test(a, n_a, b, n_b, &u, &err), 0);
    near(u.u, (double)want, 0);
    return u.p;
}

/* Largest U that is significant at 5 %, two-sided: any textbook. */
START_TEST(u_test_is_as_tabulated)
{
    static const size_t table[][3] = {
        { 4, 4, 0 },    { 5, 5, 2 },     { 6, 6, 5 },    { 7, 7, 8 },
        { 8, 8, 13 },   { 9, 9, 17 },    { 10, 10, 23 }, { 12, 12, 37 },
        { 15, 15, 64 }, { 20, 20, 127 }, { 5, 10, 8 },   { 10, 20, 55 },
        { 20, 10, 55 }, { 3, 5, 0 },     { 2, 8, 0 },
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const size_t *row = table[i];

        ck_assert_msg(p_of_u(row[0], row[1], row[2]) <= 0.05 &&
                          p_of_u(row[0], row[1], row[2] + 1) > 0.05,
                      "%zu and %zu: U is not %zu", row[0], row[1], row[2]);
    }
    /* three against three can never be significant */
    near(p_of_u(3, 3, 0), 0.1, 1e-12);
    near(p_of_u(5, 5, 0), 2.0 / 252, 1e-12);
    near(p_of_u(5, 5, 25), 2.0 / 252, 1e-12);
}
END_TEST

/* Beyond the exact size there is no step. */
START_TEST(u_test_of_many_is_nearly_the_same)
{
    for (size_t u = 950; u < 1250; u += 50) {
        double mean = 50 * 50 / 2.0, sd = sqrt(50 * 50 / 12.0 * 101);
        double z = (fabs((double)u - mean) - 0.5) / sd;

        near(2 * sov_dist_normal_above(z), p_of_u(50, 50, u), 0.03);
        mean = 51 * 51 / 2.0;
        sd = sqrt(51 * 51 / 12.0 * 103);
        z = (fabs((double)u - mean) - 0.5) / sd;
        near(2 * sov_dist_normal_above(z), p_of_u(51, 51, u), 1e-12);
    }
}
END_TEST

START_TEST(u_test_at_its_ends)
{
    double same[200], v[1] = { 1 };
    struct sov_bench_u u;

    for (size_t i = 0; i < 200; i++)
        same[i] = 3;
    ck_assert_int_eq(sov_bench_u_test(same, 20, same, 30, &u, &err), 0);
    near(u.p, 1, 0);
    ck_assert_int_eq(sov_bench_u_test(same, 100, same, 200, &u, &err), 0);
    near(u.p, 1, 0);
    ck_assert(!u.exact);
    ck_assert_int_eq(sov_bench_u_test(v, 1, v, 1, &u, &err), 0);
    near(u.p, 1, 0);
    ck_assert_int_eq(sov_bench_u_test(v, 0, v, 1, &u, &err), SOV_EARG);
    ck_assert_int_eq(sov_bench_u_test(v, 1, v, 0, &u, &err), SOV_EARG);
}
END_TEST

/* ---- pairs */

/* Sum of the ranks of positive differences with the signs of mask. */
static double
signed_sum(const double *d, size_t n, unsigned mask)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double rank = 0.5;

        for (size_t j = 0; j < n; j++)
            rank += fabs(d[j]) < fabs(d[i])   ? 1
                    : fabs(d[j]) > fabs(d[i]) ? 0
                                              : 0.5;
        sum += mask >> i & 1 ? rank : 0;
    }
    return sum;
}

START_TEST(signed_ranks_are_counting)
{
    for (int round = 0; round < 200; round++) {
        size_t n = 1 + (size_t)(unit() * 10), m = 0, farther = 0;
        double d[10], left[10], p, seen, mean;
        unsigned mask = 0;

        for (size_t i = 0; i < n; i++) {
            d[i] = floor(unit() * 9) - 4;
            if (round % 2 == 0)
                d[i] += unit();
            if (d[i] > 0)
                mask |= 1u << m;
            if (d[i] > 0 || d[i] < 0)
                left[m++] = d[i];
        }
        ck_assert_int_eq(sov_signed_p(d, n, &p, &err), 0);
        mean = (double)m * (double)(m + 1) / 4;
        seen = fabs(signed_sum(left, m, mask) - mean);
        for (unsigned k = 0; k < 1u << m; k++)
            farther += fabs(signed_sum(left, m, k) - mean) >= seen - 1e-9;
        near(p, ldexp((double)farther, -(int)m), 1e-12);
    }
}
END_TEST

/* Largest W that is significant at 5 %, two-sided; k is one more. */
START_TEST(signed_ranks_are_as_tabulated)
{
    static const size_t table[][2] = { { 6, 0 },   { 7, 2 },   { 8, 3 },
                                       { 9, 5 },   { 10, 8 },  { 12, 13 },
                                       { 15, 25 }, { 20, 52 }, { 25, 89 } };
    double truly, beyond;
    size_t k;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        ck_assert_int_eq(sov_signed_rank(table[i][0], 0.95, &k, &truly, &err),
                         0);
        ck_assert_uint_eq(k, table[i][1] + 1);
        ck_assert(truly >= 0.95);
    }
    ck_assert_int_eq(sov_signed_rank(5, 0.95, &k, &truly, &err), 0);
    ck_assert(k == 0 && isnan(truly));
    /* where the exact ones end, there is no step */
    ck_assert_int_eq(sov_signed_rank(200, 0.95, &k, &truly, &err), 0);
    ck_assert_int_eq(sov_signed_rank(201, 0.95, &k, &beyond, &err), 0);
    ck_assert(fabs(truly - beyond) < 5e-4 && beyond >= 0.95);
}
END_TEST

START_TEST(ratio_of_pairs)
{
    double a[300], b[300];
    struct sov_bench_ratio r;

    for (size_t i = 0; i < 300; i++) {
        b[i] = 50 + 10 * unit();
        a[i] = b[i] * 1.05 * (1 + 0.01 * (unit() - 0.5));
    }
    for (size_t n = 10; n <= 300; n += 145) {
        ck_assert_int_eq(sov_bench_pairs(a, b, n, 0.95, &r, &err), 0);
        ck_assert(r.low < r.ratio && r.ratio < r.high);
        ck_assert(r.low > 1.045 && r.high < 1.055 && r.confidence >= 0.95);
        ck_assert(r.p < 0.01 && r.n == n);
    }
    ck_assert_int_eq(sov_bench_pairs(a, a, 20, 0.95, &r, &err), 0);
    near(r.ratio, 1, 0);
    near(r.p, 1, 0);
    ck_assert_int_eq(sov_bench_pairs(a, b, 5, 0.95, &r, &err), 0);
    ck_assert(isnan(r.low) && isnan(r.high) && r.ratio > 1);
    ck_assert_int_eq(sov_bench_pairs(a, b, 0, 0.95, &r, &err), SOV_EARG);
    a[3] = 0;
    ck_assert_int_eq(sov_bench_pairs(a, b, 5, 0.95, &r, &err), SOV_EARG);
}
END_TEST

/* ---- many at once, and warming up */

START_TEST(holm_is_by_hand)
{
    double p[] = { 0.01, NAN, 0.04, 0.03, 0.005, 1 };
    double want[] = { 0.04, NAN, 0.09, 0.09, 0.025, 1 };

    ck_assert_int_eq(sov_bench_holm(p, 6, p, &err), 0);
    for (size_t i = 0; i < 6; i++)
        if (i != 1)
            near(p[i], want[i], 1e-12);
    ck_assert(isnan(p[1]));
    ck_assert_int_eq(sov_bench_holm(p, 0, p, &err), 0);
}
END_TEST

START_TEST(warming_up_ends)
{
    double ramp[] = {
        60, 80, 90, 95, 97, 98, 99, 100, 100, 100, 100, 100, 100
    };
    double noisy[] = { 100, 91, 108, 95, 103, 97, 110, 93, 100, 104 };
    double flat[8] = { 7, 7, 7, 7, 7, 7, 7, 7 };

    ck_assert_uint_eq(sov_bench_steady(flat, 7), 7);
    ck_assert_uint_eq(sov_bench_steady(flat, 8), 0);
    ck_assert_uint_eq(sov_bench_steady(noisy, 10), 0);
    ck_assert_uint_eq(sov_bench_steady(ramp, 12), 12);
    ck_assert_uint_eq(sov_bench_steady(ramp, 13), 5);
    ck_assert_uint_eq(sov_bench_steady(NULL, 0), 0);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("stat");

    tcase_add_test(tc, student_is_as_tabulated);
    tcase_add_test(tc, normal_is_as_tabulated);
    tcase_add_test(tc, interval_of_the_median_is_exact);
    tcase_add_test(tc, median_of_very_many);
    tcase_add_test(tc, spread_and_outliers);
    tcase_add_test(tc, u_test_is_counting);
    tcase_add_test(tc, u_test_is_as_tabulated);
    tcase_add_test(tc, u_test_of_many_is_nearly_the_same);
    tcase_add_test(tc, u_test_at_its_ends);
    tcase_add_test(tc, signed_ranks_are_counting);
    tcase_add_test(tc, signed_ranks_are_as_tabulated);
    tcase_add_test(tc, ratio_of_pairs);
    tcase_add_test(tc, holm_is_by_hand);
    tcase_add_test(tc, warming_up_ends);
    return unit_main("bench_stat", tc);
}
