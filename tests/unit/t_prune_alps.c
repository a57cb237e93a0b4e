/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_prune_alps.c - masks that are looked for: against all masks there are, and
 * never behind one sweep that is solved
 */
#include "obs_make.h"
#include "prune/method.h"

static void
search(const struct sov_feedback *f, struct rows *x)
{
    struct sov_err err;

    begin_again(x, false);
    ck_assert_int_eq(sov_prune_method_alps.feed(f, &x->r, &err), 0);
}

static void
ratio_and_pattern(struct rows *x, const char *pattern, double ratio)
{
    set_pattern(x, pattern);
    x->r.share.ratio = ratio;
}

/* ---- beside all masks ---- */

/* What row `row` of y costs with the best of all masks that keep `keep`. */
static double
brute_force(const struct sov_feedback *f, struct rows *y, size_t row,
            unsigned keep)
{
    double least = INFINITY, v[8];
    size_t k = y->r.k;

    for (unsigned mask = 0; mask < 1u << k; mask++) {
        if ((unsigned)__builtin_popcount(mask) != keep)
            continue;
        for (size_t j = 0; j < k; j++)
            y->r.keep[row * k + j] = mask >> j & 1;
        least_squares(f, y, row, v);
        for (size_t j = 0; j < k; j++)
            y->r.w[row * k + j] = (float)v[j];
        least = fmin(least, fitted_cost(f, y, row));
    }
    return least;
}

/* Of 8 x 8 problems: never below the best there is, more often at it than what
 * one sweep finds and is solved then, and never above that. */
START_TEST(small_ones_are_nearly_the_best)
{
    enum { K = 8, N = 64 };
    struct sov_moments m = make_moments(K, 900, false);
    struct sov_feedback *f = feedback(&m, 0);
    size_t at_best = 0, swept_best = 0;

    for (unsigned keep = 2; keep <= 6; keep += 2) {
        struct rows x = make_rows(N, K), y = make_rows(N, K);
        struct rows z = make_rows(N, K);

        ratio_and_pattern(&x, "unstructured", 1 - keep / 8.0);
        ratio_and_pattern(&y, "unstructured", 1 - keep / 8.0);
        search(f, &x);
        masked(&x);
        prune(f, &y);
        solve(f, &y);
        for (size_t i = 0; i < N; i++) {
            double best = brute_force(f, &z, i, keep);
            double now = fitted_cost(f, &x, i), was = fitted_cost(f, &y, i);

            ck_assert_msg(now >= best * (1 - 1e-5), "%zu: %g below %g", i, now,
                          best);
            ck_assert_msg(now <= was * (1 + 1e-6), "%zu: %g above %g", i, now,
                          was);
            at_best += now <= best * (1 + 1e-4);
            swept_best += was <= best * (1 + 1e-4);
        }
        free_rows(&x);
        free_rows(&y);
        free_rows(&z);
    }
    ck_assert_uint_gt(at_best, swept_best);
    ck_assert_uint_gt(at_best, 3 * N * 3 / 4);
    sov_feedback_free(f);
    free_moments(&m);
}
END_TEST

/* ---- beside one sweep ---- */

static double
group_cost(const struct sov_feedback *f, const struct rows *x, size_t row)
{
    double sum = 0;

    for (size_t i = row; i < row + x->r.share.pattern.rows && i < x->r.n; i++)
        sum += fitted_cost(f, x, i);
    return sum;
}

static void
is_better(const struct sov_feedback *f, const char *pattern, double ratio,
          double by)
{
    enum { N = 70 };
    size_t k = f->second.n;
    struct rows x = make_rows(N, k), y = make_rows(N, k);
    double now = 0, was = 0;

    ratio_and_pattern(&x, pattern, ratio);
    ratio_and_pattern(&y, pattern, ratio);
    search(f, &x);
    masked(&x);
    prune(f, &y);
    solve(f, &y);
    for (size_t i = 0; i < N; i += x.r.share.pattern.rows) {
        double a = group_cost(f, &x, i), b = group_cost(f, &y, i);

        ck_assert_msg(a <= b * (1 + 1e-6), "%s %zu: %g %g", pattern, i, a, b);
        now += a;
        was += b;
    }
    ck_assert_msg(now < by * was, "%s: %g %g", pattern, now, was);
    free_rows(&x);
    free_rows(&y);
}

START_TEST(no_row_costs_more_than_swept)
{
    enum { K = 300 };
    struct sov_moments m = make_moments(K, 2000, false);
    struct sov_feedback *f = feedback(&m, 0);

    is_better(f, "unstructured", 0.5, 0.8);
    is_better(f, "unstructured", 0.7, 0.7);
    is_better(f, "unstructured", 0.9, 0.6);
    is_better(f, "32:64", 0.5, 0.8);
    is_better(f, "2:4", 0.5, 0.95);
    is_better(f, "8x", 0.5, 0.9);
    is_better(f, "4x32:64", 0.5, 0.9);
    sov_feedback_free(f);
    free_moments(&m);
}
END_TEST

/* Solving what was found finds nothing more. */
START_TEST(what_is_found_is_solved)
{
    enum { K = 200, N = 66 };
    struct sov_moments m = make_moments(K, 2000, true);
    struct sov_feedback *f = feedback(&m, 0.5);
    struct rows x = make_rows(N, K);
    double before, after;

    search(f, &x);
    before = cost(f, &x);
    solve(f, &x);
    after = cost(f, &x);
    ck_assert_msg(fabs(after - before) <= 1e-3 * fabs(before), "%g %g", before,
                  after);
    free_rows(&x);
    sov_feedback_free(f);
    free_moments(&m);
}
END_TEST

/* ---- counts, rounding, cuts ---- */

START_TEST(counts_are_exact)
{
    enum { K = 300, N = 70 };
    static const struct {
        const char *pattern;
        double ratio;
    } to[] = { { "2:4", 0.5 },      { "1:3", 0.5 },
               { "32:64", 0.5 },    { "100:200", 0.5 },
               { "16x32:64", 0.5 }, { "unstructured", 0.7 },
               { "64x", 0.5 },      { "unstructured", 1 } };
    struct sov_moments m = make_moments(K, 1500, true);
    struct sov_feedback *f = feedback(&m, 0.5);
    struct rows x = make_rows(N, K);
    struct sov_err err;

    for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
        ratio_and_pattern(&x, to[i].pattern, to[i].ratio);
        search(f, &x);
        counted(&x, to[i].pattern);
    }
    x.r.share.pattern.rows = 3;
    ck_assert_int_eq(sov_prune_method_alps.feed(f, &x.r, &err), SOV_EUNSUP);
    free_rows(&x);
    sov_feedback_free(f);
    free_moments(&m);
}
END_TEST

/* With a grid it is the mask that is looked for, and what stays is rounded with
 * feedback. */
START_TEST(what_stays_is_rounded)
{
    enum { K = 256, N = 20 };
    struct sov_moments m = make_moments(K, 1500, false);
    struct sov_feedback *f = feedback(&m, 0);
    struct rows x = make_rows(N, K), y = make_rows(N, K);

    ratio_and_pattern(&x, "32:64", 0.5);
    ratio_and_pattern(&y, "32:64", 0.5);
    search(f, &y);
    x.r.bits = 4;
    x.r.group = 64;
    x.r.packs = true;
    search(f, &x);
    masked(&x);
    ck_assert_mem_eq(x.r.keep, y.r.keep, N * K);
    x.r.given = true;
    memcpy(y.r.w, x.r.w, N * K * sizeof(float));
    prune(f, &x);
    ck_assert_mem_eq(x.r.w, y.r.w, N * K * sizeof(float));
    free_rows(&x);
    free_rows(&y);
    sov_feedback_free(f);
    free_moments(&m);
}
END_TEST

/* The same rows with others beside them, and by any number of threads. */
START_TEST(company_does_not_show)
{
    enum { K = 130, N = 200, FIRST = 128, SOME = 40 };
    struct sov_moments m = make_moments(K, 1500, true);
    struct rows x = make_rows(N, K), y = make_rows(N, K);
    struct sov_feedback *f = feedback(&m, 0.5);
    unsigned threads = sov_threads();
    float *all = y.r.w, *want = y.want;

    for (unsigned n = 1; n < 5; n++) {
        sov_set_threads(n);
        search(f, n == 1 ? &x : &y);
        if (n > 1)
            ck_assert_mem_eq(x.r.w, y.r.w, N * K * sizeof(float));
    }
    sov_set_threads(threads);
    y.r.w += FIRST * K;
    y.want += FIRST * K;
    y.r.want = y.want;
    y.r.n = SOME;
    y.r.first = FIRST;
    search(f, &y);
    ck_assert_mem_eq(x.r.w + FIRST * K, y.r.w, SOME * K * sizeof(float));
    y.r.w = all;
    y.want = want;
    free_rows(&x);
    free_rows(&y);
    sov_feedback_free(f);
    free_moments(&m);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("alps");

    tcase_add_test(tc, small_ones_are_nearly_the_best);
    tcase_add_test(tc, no_row_costs_more_than_swept);
    tcase_add_test(tc, what_is_found_is_solved);
    tcase_add_test(tc, counts_are_exact);
    tcase_add_test(tc, what_stays_is_rounded);
    tcase_add_test(tc, company_does_not_show);
    return unit_main("prune_alps", tc);
}
