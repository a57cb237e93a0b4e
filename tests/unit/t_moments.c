/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_moments.c - second moments are what they say, whoever adds them
 */
#include "calib/moments.h"
#include "kern/kern.h"
#include "sov/base.h"
#include "unit.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define N_MAX 700
#define K_MAX 70

static float x[N_MAX][K_MAX + 3], y[N_MAX][K_MAX + 1];

static void
fill(void)
{
    uint32_t s = 1;

    for (size_t t = 0; t < N_MAX; t++) {
        for (size_t j = 0; j < K_MAX; j++) {
            s = s * 1664525 + 1013904223;
            x[t][j] = (float)(int32_t)s * 0x1p-31f + (float)j * 0.01f;
            y[t][j] = x[t][j] + (float)(s % 7) * 0.003f;
        }
    }
}

/* Rows of what lacks something; e is x. */
static size_t
rows_of(size_t k, bool pairs)
{
    return pairs ? k % 18 + 1 : 0;
}

/* Windows of these lengths; every fourth is held. */
static void
collect(struct sov_moments *m, size_t k, bool pairs, bool held)
{
    static const size_t n[] = { 1, 30, 512, 7, 150 };
    size_t out = rows_of(k, pairs), at = 0;
    float *room =
        malloc(sov_moments_room(k > out ? k : out, pairs) * sizeof(*room));
    struct sov_err err;

    ck_assert(room != NULL);
    ck_assert_int_eq(sov_moments_new(m, k, out, pairs, held, &err), 0);
    for (size_t i = 0; i < 5; at += n[i++]) {
        sov_moments_add(m, i == 3, x[at], K_MAX + 3, pairs ? y[at] : x[at],
                        pairs ? K_MAX + 1 : K_MAX + 3, n[i], room);
        if (out > 0)
            sov_moments_add_lack(m, i == 3, y[at], K_MAX + 1, x[at], K_MAX + 3,
                                 n[i], room);
    }
    sov_moments_finish(m);
    free(room);
}

static bool
is_held(size_t t)
{
    return t >= 543 && t < 550;
}

static void
assert_near(double is, double want, double size, const char *what)
{
    ck_assert_msg(fabs(is - want) <= 4e-6 * size + 1e-9, "%s: %g, not %g", what,
                  is, want);
}

/* One set of them against sums in doubles. */
static void
assert_sums(const struct sov_moment_sums *s, size_t k, bool pairs, int which)
{
    uint64_t n = 0;

    for (size_t t = 0; t < N_MAX; t++)
        n += which < 0 || is_held(t) == (which > 0);
    ck_assert_uint_eq(s->n, n);
    for (size_t i = 0; i < k; i++) {
        double of_x = 0, of_y = 0;

        for (size_t j = 0; j < k; j++) {
            double h = 0, c = 0;

            for (size_t t = 0; t < N_MAX; t++) {
                double a = pairs ? (double)y[t][i] : (double)x[t][i];
                double b = pairs ? (double)y[t][j] : (double)x[t][j];

                if (which >= 0 && is_held(t) != (which > 0))
                    continue;
                h += a * b;
                c += a * (double)(x[t][j] - y[t][j]);
                of_x += j == 0 ? (double)x[t][i] : 0;
                of_y += j == 0 ? a : 0;
            }
            assert_near((double)s->h[i * k + j], h, (double)n, "h");
            ck_assert(s->h[i * k + j] == s->h[j * k + i]);
            if (pairs)
                assert_near((double)s->c[i * k + j], c, 0.1 * (double)n, "c");
        }
        assert_near(s->x[i], of_x, 1e-6 * (double)n, "x");
        assert_near(s->y[i], of_y, 1e-6 * (double)n, "y");
    }
}

static void
assert_lack(const struct sov_moment_sums *s, size_t k, int which)
{
    for (size_t i = 0; i < rows_of(k, true); i++)
        for (size_t j = 0; j < k; j++) {
            double r = 0;

            for (size_t t = 0; t < N_MAX; t++)
                if (which < 0 || is_held(t) == (which > 0))
                    r += (double)x[t][i] * (double)y[t][j];
            assert_near((double)s->r[i * k + j], r, (double)s->n, "r");
        }
}

static void
assert_moments(size_t k, bool pairs, bool held)
{
    struct sov_moments m;

    collect(&m, k, pairs, held);
    ck_assert_uint_eq(m.k, k);
    ck_assert_uint_eq(m.n, N_MAX);
    ck_assert_int_eq(m.fit.c != NULL, pairs);
    ck_assert_int_eq(m.held.h != NULL, held);
    ck_assert_int_eq(m.held.c != NULL, held && pairs);
    assert_sums(&m.fit, k, pairs, held ? 0 : -1);
    if (held)
        assert_sums(&m.held, k, pairs, 1);
    ck_assert_uint_eq(m.out, rows_of(k, pairs));
    ck_assert_int_eq(m.fit.r != NULL, pairs);
    ck_assert_int_eq(m.held.r != NULL, held && pairs);
    if (pairs)
        assert_lack(&m.fit, k, held ? 0 : -1);
    if (pairs && held)
        assert_lack(&m.held, k, 1);
    for (size_t i = 0; i < k; i++) {
        double square = 0;

        for (size_t t = 0; t < N_MAX; t++)
            square += (double)x[t][i] * (double)x[t][i];
        assert_near(m.square[i], square, 1e-6 * N_MAX, "square");
    }
    ck_assert(sov_moments_finite(&m));
    sov_moments_free(&m);
}

START_TEST(sums)
{
    fill();
    assert_moments(1, false, false);
    assert_moments(16, true, true);
    assert_moments(33, true, false);
    assert_moments(K_MAX, false, true);
    assert_moments(K_MAX, true, true);
}
END_TEST

/* The same bits for any threads; a wide matrix, so that there are tiles. */
START_TEST(threads)
{
    enum { K = 500, N = 40 };
    static float wide[N][K], room[512 * 512 * 2];
    struct sov_moments m[3];
    struct sov_err err;

    fill();
    for (size_t t = 0; t < N; t++)
        for (size_t j = 0; j < K; j++)
            wide[t][j] = x[t][j % K_MAX] * (1 + (float)(j / K_MAX));
    for (size_t i = 0; i < 3; i++) {
        sov_set_threads((unsigned)i + 1);
        ck_assert_int_eq(sov_moments_new(&m[i], K, K, true, true, &err), 0);
        sov_moments_add(&m[i], false, wide[0], K, wide[1], K, N - 1, room);
        sov_moments_add(&m[i], true, wide[1], K, wide[0], K, N - 1, room);
        sov_moments_add_lack(&m[i], false, wide[1], K, wide[0], K, N - 1, room);
        sov_moments_add_lack(&m[i], true, wide[0], K, wide[1], K, N - 1, room);
        sov_moments_finish(&m[i]);
        ck_assert_mem_eq(m[0].fit.r, m[i].fit.r, sizeof(float) * K * K);
        ck_assert_mem_eq(m[0].held.r, m[i].held.r, sizeof(float) * K * K);
        ck_assert_mem_eq(m[0].fit.h, m[i].fit.h, sizeof(float) * K * K);
        ck_assert_mem_eq(m[0].fit.c, m[i].fit.c, sizeof(float) * K * K);
        ck_assert_mem_eq(m[0].held.h, m[i].held.h, sizeof(float) * K * K);
        ck_assert_mem_eq(m[0].held.c, m[i].held.c, sizeof(float) * K * K);
        ck_assert_mem_eq(m[0].square, m[i].square, sizeof(double) * K);
    }
    for (size_t i = 0; i < 3; i++)
        sov_moments_free(&m[i]);
}
END_TEST

START_TEST(what_is_not_finite)
{
    struct sov_moments m;

    fill();
    x[540][3] = INFINITY;
    collect(&m, 20, false, true);
    ck_assert(!sov_moments_finite(&m));
    sov_moments_free(&m);
    x[540][3] = 1e30f;
    collect(&m, 20, false, true);
    ck_assert(!sov_moments_finite(&m));
    sov_moments_free(&m);
    x[540][3] = 0;
    x[545][7] = NAN;
    collect(&m, 20, false, true);
    ck_assert(!sov_moments_finite(&m));
    sov_moments_free(&m);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("moments");

    tcase_add_test(tc, sums);
    tcase_add_test(tc, threads);
    tcase_add_test(tc, what_is_not_finite);
    return unit_main("moments", tc);
}
