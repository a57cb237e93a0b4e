/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_eigen.c - eigenvectors are what they say, on any number of threads
 */
#include "prune/eigen.h"
#include "sov/base.h"
#include "unit.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define N_MAX 300

static double a[N_MAX * N_MAX], was[N_MAX * N_MAX], again[N_MAX * N_MAX];
static double value[N_MAX], value_again[N_MAX];

static double
number(uint32_t *s)
{
    *s = *s * 1664525 + 1013904223;
    return (double)(int32_t)*s * 0x1p-31;
}

/* Of some kind: 0 dense, 1 of low rank, 2 diagonal, 3 in blocks, 4 zeros, 5 of
 * sizes that differ by a lot, 6 all the same number. */
static void
fill(size_t n, int kind)
{
    uint32_t s = 7 + (uint32_t)n;

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k <= i; k++) {
            double x = number(&s);

            if (kind == 1)
                x = sin((double)i) * sin((double)k) +
                    cos((double)i) * cos((double)k);
            else if (kind == 2)
                x = i == k ? (double)(i % 5) : 0;
            else if (kind == 3)
                x = i / 7 == k / 7 ? x : 0;
            else if (kind == 4)
                x = 0;
            else if (kind == 5)
                x *= pow(10, -(double)(i % 30)) * pow(10, -(double)(k % 30));
            else if (kind == 6)
                x = 3;
            was[i * n + k] = was[k * n + i] = x;
        }
}

static double
size_of(size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n * n; i++)
        most = fmax(most, fabs(was[i]));
    return most * (double)n;
}

/* A v = value v; v v' = 1; falling, and upright. */
static void
check_vectors(size_t n)
{
    double near = 1e-14 * (size_of(n) + 1e-300) + 1e-300;

    for (size_t i = 0; i < n; i++) {
        const double *v = a + i * n;
        double most = 0, at_most = 0;

        ck_assert(i == 0 || value[i - 1] >= value[i]);
        for (size_t r = 0; r < n; r++) {
            double sum = 0;

            for (size_t k = 0; k < n; k++)
                sum += was[r * n + k] * v[k];
            ck_assert_double_le(fabs(sum - value[i] * v[r]), near * 8);
            if (fabs(v[r]) > most) {
                most = fabs(v[r]);
                at_most = v[r];
            }
        }
        ck_assert(at_most > 0);
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;

            for (size_t k = 0; k < n; k++)
                sum += v[k] * a[j * n + k];
            ck_assert_double_le(fabs(sum - (i == j)), 1e-12);
        }
    }
}

START_TEST(vectors)
{
    static const size_t size[] = { 1, 2, 3, 8, 33, 130, 300 };
    struct sov_err err;

    for (size_t i = 0; i < sizeof(size) / sizeof(*size); i++) {
        size_t n = size[i];

        fill(n, _i);
        memcpy(a, was, n * n * sizeof(*a));
        ck_assert_int_eq(sov_eigen(a, n, value, &err), 0);
        check_vectors(n);
    }
}
END_TEST

START_TEST(threads)
{
    struct sov_err err;

    fill(N_MAX, 0);
    memcpy(a, was, sizeof(a));
    sov_set_threads(1);
    ck_assert_int_eq(sov_eigen(a, N_MAX, value, &err), 0);
    for (unsigned n = 2; n < 5; n++) {
        memcpy(again, was, sizeof(a));
        sov_set_threads(n);
        ck_assert_int_eq(sov_eigen(again, N_MAX, value_again, &err), 0);
        ck_assert(memcmp(a, again, sizeof(a)) == 0);
        ck_assert(memcmp(value, value_again, sizeof(value)) == 0);
    }
    sov_set_threads(0);
}
END_TEST

/* The upper triangle is not looked at, and NaN is refused. */
START_TEST(input)
{
    struct sov_err err;

    fill(33, 0);
    memcpy(a, was, sizeof(a));
    memcpy(again, was, sizeof(a));
    for (size_t i = 0; i < 33; i++)
        for (size_t k = i + 1; k < 33; k++)
            again[i * 33 + k] = NAN;
    ck_assert_int_eq(sov_eigen(a, 33, value, &err), 0);
    ck_assert_int_eq(sov_eigen(again, 33, value, &err), 0);
    ck_assert(memcmp(a, again, 33 * 33 * sizeof(*a)) == 0);
    a[20 * 33 + 4] = INFINITY;
    ck_assert_int_eq(sov_eigen(a, 33, value, &err), SOV_EARG);
    ck_assert(strstr(err.msg, "columns 4 and 20") != NULL);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("eigen");

    tcase_add_loop_test(tc, vectors, 0, 7);
    tcase_add_test(tc, threads);
    tcase_add_test(tc, input);
    return unit_main("eigen", tc);
}
