/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_prune_obs.c - weights that stay make up for those that went: against plain
 * linear algebra in doubles; masks that are mended; layers that keep more
 */
#include "obs_make.h"
#include "prune/dsnot.h"
#include "prune/owl.h"

/* Columns one after the other, each with the inverse of what is left, as the
 * surgeon has it: e = (w - v) / [H^-1]_cc, w -= e H^-1_c. */
static void
surgeon(const struct sov_feedback *f, const struct rows *x, double *v, int bits,
        size_t group, size_t end)
{
    size_t k = x->r.k;

    for (size_t i = 0; i < x->r.n * k; i++)
        v[i] = (double)x->want[i];
    for (size_t c = 0; c < end; c++) {
        rest_inverse(f, c, inverse);
        for (size_t i = 0; i < x->r.n; i++) {
            static double step[MOST];
            double *w = v + i * k, is = w[c], e;

            if (bits > 0 && c % group == 0) {
                double most = 0;

                for (size_t j = c; j < c + group && j < k; j++)
                    most = fmax(most, fabs(w[j]));
                step[i] = most / (double)((1 << (bits - 1)) - 1);
            }
            w[c] = x->r.keep[i * k + c] ? is : 0;
            if (bits > 0)
                w[c] = step[i] *
                       fmin(fmax(rint(is / step[i]), 1 - (1 << (bits - 1))),
                            (1 << (bits - 1)) - 1);
            e = (is - w[c]) / inverse[0];
            for (size_t j = c + 1; j < k; j++)
                w[j] -= e * inverse[j - c];
        }
    }
}

/* ---- the sweep ---- */

START_TEST(small_ones_are_the_surgeons)
{
    enum { K = 8, N = 8 };
    struct sov_moments m = make_moments(K, 900, false);
    struct sov_feedback *f = feedback(&m, 0);
    struct rows x = make_rows(N, K);
    double v[N * K];

    random_mask(&x);
    prune(f, &x);
    masked(&x);
    surgeon(f, &x, v, 0, 0, K);
    for (size_t i = 0; i < N * K; i++)
        ck_assert_msg(fabs(v[i] - (double)x.r.w[i]) < 2e-6, "%zu: %g %g", i,
                      v[i], (double)x.r.w[i]);
    free_rows(&x);
    sov_feedback_free(f);
    free_moments(&m);
}
END_TEST

/* What goes from a block is what costs least, by the inverse of what is left
 * from each column on, and by what the surgeon has made of the weights when the
 * block begins. */
static void
cheapest_go(const struct sov_feedback *f, const struct rows *x, size_t row,
            size_t c, const double *v)
{
    const unsigned char *keep = x->r.keep + row * x->r.k;
    double dearest_gone = 0, cheapest_kept = INFINITY;
    size_t gone = 0;

    for (size_t j = c; j < c + x->r.block; j++) {
        double w = v[row * x->r.k + j];

        rest_inverse(f, j, inverse);
        gone += !keep[j];
        if (keep[j])
            cheapest_kept = fmin(cheapest_kept, w * w / inverse[0]);
        else
            dearest_gone = fmax(dearest_gone, w * w / inverse[0]);
    }
    ck_assert_uint_eq(gone, x->r.block / 2);
    ck_assert(dearest_gone <= cheapest_kept);
}

START_TEST(the_cheapest_go)
{
    enum { K = 12, N = 8 };
    struct sov_moments m = make_moments(K, 900, false);
    struct sov_feedback *f = feedback(&m, 0);
    struct rows x = make_rows(N, K);
    double v[N * K];

    x.r.block = 4;
    prune(f, &x);
    for (size_t c = 0; c < K; c += 4) {
        surgeon(f, &x, v, 0, 0, c);
        for (size_t i = 0; i < N; i++)
            cheapest_go(f, &x, i, c, v);
    }
    free_rows(&x);
    sov_feedback_free(f);
    free_moments(&m);
}
END_TEST

START_TEST(blocks_do_not_show)
{
    enum { K = 300, N = 70 };
    static const size_t block[] = { 1, 16, 100, 128, 256 };
    struct sov_moments m = make_moments(K, 1500, false);
    struct sov_feedback *f = feedback(&m, 0);
    struct rows x = make_rows(N, K);
    float *first = sov_mem_array(N * K, sizeof(float));

    random_mask(&x);
    for (size_t b = 0; b < 5; b++) {
        x.r.block = block[b];
        prune(f, &x);
        masked(&x);
        if (b == 0)
            memcpy(first, x.r.w, N * K * sizeof(float));
        for (size_t i = 0; i < N * K; i++)
            ck_assert_msg(fabsf(first[i] - x.r.w[i]) <= 1e-5f, "%zu: %g %g",
                          block[b], (double)first[i], (double)x.r.w[i]);
    }
    free(first);
    free_rows(&x);
    sov_feedback_free(f);
    free_moments(&m);
}
END_TEST

/* Nothing goes, and what stays is rounded: GPTQ. */
START_TEST(rounding_alone_is_gptq)
{
    enum { K = 96, N = 20 };
    struct sov_moments m = make_moments(K, 1500, false);
    struct sov_feedback *f = feedback(&m, 0);
    struct rows x = make_rows(N, K);
    double *v = sov_mem_array(N * K, sizeof(double));

    memset(x.r.keep, 1, N * K);
    x.r.given = true;
    x.r.bits = 4;
    x.r.group = 32;
    prune(f, &x);
    surgeon(f, &x, v, 4, 32, K);
    for (size_t i = 0; i < N * K; i++)
        ck_assert_msg(fabs(v[i] - (double)x.r.w[i]) < 1e-5, "%zu: %g %g", i,
                      v[i], (double)x.r.w[i]);
    free(v);
    free_rows(&x);
    sov_feedback_free(f);
    free_moments(&m);
}
END_TEST

/* Different sizes among 64 weights, 0 not counted. */
static size_t
sizes(const float *w)
{
    size_t n = 0;

    for (size_t i = 0; i < 64; i++) {
        bool is_new = w[i] != 0;

        for (size_t j = 0; j < i; j++)
            is_new = is_new && fabsf(w[j]) != fabsf(w[i]);
        n += is_new;
    }
    return n;
}

/* Weights that stay are steps of the grid, those that went are 0. */
START_TEST(both_at_once)
{
    enum { K = 128, N = 20 };
    struct sov_moments m = make_moments(K, 1500, false);
    struct sov_feedback *f = feedback(&m, 0);
    struct rows x = make_rows(N, K);
    double plain, now;

    x.r.share.pattern = (struct sov_prune_pattern){ 1, 32, 64 };
    x.r.bits = 4;
    x.r.group = 64;
    prune(f, &x);
    masked(&x);
    for (size_t g = 0; g < N * K / 64; g++)
        ck_assert_uint_le(sizes(x.r.w + g * 64), 7);
    now = cost(f, &x);
    /* the same mask, rounded to the same number of steps without feedback */
    for (size_t g = 0; g < N * K / 64; g++) {
        float most = 0;

        for (size_t i = g * 64; i < (g + 1) * 64; i++)
            most = x.r.keep[i] ? fmaxf(most, fabsf(x.want[i])) : most;
        for (size_t i = g * 64; i < (g + 1) * 64; i++)
            x.r.w[i] =
                x.r.keep[i] ? rintf(x.want[i] / (most / 7)) * (most / 7) : 0;
    }
    plain = cost(f, &x);
    ck_assert_msg(now < 0.7 * plain, "%g %g", now, plain);
    free_rows(&x);
    sov_feedback_free(f);
    free_moments(&m);
}
END_TEST

/* A power of two for 256, a whole number for 64, and one for each. */
static void
is_packable(const float *w, size_t n, int bits)
{
    int most = bits == 4 ? 127 : 15, levels = (1 << (bits - 1)) - 1;

    for (int e = -24; e <= 5; e++) {
        size_t fit = 0;

        for (size_t g = 0; g < n; g += 64)
            for (int sc = 1; sc <= most; sc++) {
                float step = ldexpf((float)sc, e);
                size_t i = g;

                while (i < n && i < g + 64 && fabsf(w[i] / step) <= levels &&
                       w[i] / step == rintf(w[i] / step))
                    i++;
                if (i == n || i == g + 64) {
                    fit++;
                    break;
                }
            }
        if (fit == (n + 63) / 64)
            return;
    }
    ck_abort_msg("no steps of %d bits", bits);
}

START_TEST(what_packs_is_whole)
{
    enum { N = 10 };
    struct sov_moments m = make_moments(MOST, 900, false);
    struct sov_feedback *f = feedback(&m, 0);
    struct rows x = make_rows(N, MOST);
    double last = INFINITY;

    x.r.share.pattern = (struct sov_prune_pattern){ 1, 32, 64 };
    x.r.group = 64;
    x.r.packs = true;
    for (x.r.bits = 4; x.r.bits <= 8; x.r.bits += 4) {
        prune(f, &x);
        masked(&x);
        for (size_t i = 0; i < N; i++) {
            is_packable(x.r.w + i * MOST, 256, x.r.bits);
            is_packable(x.r.w + i * MOST + 256, MOST - 256, x.r.bits);
        }
        for (size_t i = 0; i < N * MOST; i++)
            ck_assert(x.r.w[i] != 0 || !signbit(x.r.w[i]));
        ck_assert(cost(f, &x) < last);
        last = cost(f, &x);
    }
    free_rows(&x);
    sov_feedback_free(f);
    free_moments(&m);
}
END_TEST

static void
counts(const struct sov_feedback *f, struct rows *x, const char *pattern)
{
    set_pattern(x, pattern);
    x->r.given = false;
    prune(f, x);
    counted(x, pattern);
}

START_TEST(counts_are_exact)
{
    enum { K = 300, N = 70 };
    struct sov_moments m = make_moments(K, 1500, false);
    struct sov_feedback *f = feedback(&m, 0);
    struct rows x = make_rows(N, K);
    struct sov_err err;

    counts(f, &x, "2:4");
    counts(f, &x, "4:8");
    counts(f, &x, "1:3");
    counts(f, &x, "32:64");
    counts(f, &x, "100:200");
    counts(f, &x, "16x32:64");
    counts(f, &x, "unstructured");
    x.r.share.ratio = 0.7;
    counts(f, &x, "unstructured");
    counts(f, &x, "8x");
    x.r.share.pattern.rows = 3;
    ck_assert_int_eq(sov_obs_prune(f, &x.r, &err), SOV_EUNSUP);
    free_rows(&x);
    sov_feedback_free(f);
    free_moments(&m);
}
END_TEST

/* ---- least squares ---- */

START_TEST(each_step_costs_less)
{
    enum { K = 300, N = 70 };
    struct sov_moments m = make_moments(K, 3000, false);
    struct sov_feedback *f = feedback(&m, 0);
    struct rows x = make_rows(N, K);
    double zeros, swept, solved, from_zeros;

    prune(f, &x);
    swept = cost(f, &x);
    solve(f, &x);
    masked(&x);
    solved = cost(f, &x);
    begin_again(&x, true);
    zeros = cost(f, &x);
    solve(f, &x);
    from_zeros = cost(f, &x);
    ck_assert_msg(swept < 0.8 * zeros, "%g %g", swept, zeros);
    ck_assert_msg(solved < swept, "%g %g", solved, swept);
    ck_assert_msg(fabs(from_zeros - solved) < 1e-3 * solved, "%g %g", solved,
                  from_zeros);
    free_rows(&x);
    sov_feedback_free(f);
    free_moments(&m);
}
END_TEST

START_TEST(nothing_costs_less)
{
    enum { K = 40, N = 12 };
    struct sov_moments m = make_moments(K, 900, false);
    struct sov_feedback *f = feedback(&m, 0);
    struct rows x = make_rows(N, K);
    double v[K];

    random_mask(&x);
    memset(x.r.keep, 1, K);         /* one loses nothing */
    memset(x.r.keep + 3 * K, 0, K); /* one loses all */
    begin_again(&x, true);
    solve(f, &x);
    masked(&x);
    for (size_t i = 0; i < N; i++) {
        least_squares(f, &x, i, v);
        for (size_t j = 0; j < K; j++)
            ck_assert_msg(fabs(v[j] - (double)x.r.w[i * K + j]) < 2e-3,
                          "%zu %zu: %g %g", i, j, v[j],
                          (double)x.r.w[i * K + j]);
    }
    ck_assert_mem_eq(x.r.w, x.want, K * sizeof(float));
    free_rows(&x);
    sov_feedback_free(f);
    free_moments(&m);
}
END_TEST

/* From wherever it begins, and also where there is nothing to be had. */
START_TEST(no_row_costs_more)
{
    enum { K = 130, N = 66 };
    struct sov_moments m = make_moments(K, 900, false);
    struct sov_feedback *f = feedback(&m, 0);
    struct rows x = make_rows(N, K);
    double before[N];

    random_mask(&x);
    for (int begin = 0; begin < 3; begin++) {
        begin_again(&x, true);
        for (size_t i = 0; i < N * K && begin == 1; i++)
            x.r.w[i] = x.r.keep[i] ? 5 * normal() : 0;
        if (begin == 2)
            for (int i = 0; i < 4; i++)
                solve(f, &x);
        for (size_t i = 0; i < N; i++)
            before[i] = fitted_cost(f, &x, i);
        solve(f, &x);
        masked(&x);
        for (size_t i = 0; i < N; i++)
            ck_assert_msg(fitted_cost(f, &x, i) <= before[i] * (1 + 1e-6),
                          "%d %zu: %g %g", begin, i, fitted_cost(f, &x, i),
                          before[i]);
    }
    free_rows(&x);
    sov_feedback_free(f);
    free_moments(&m);
}
END_TEST

/* Inputs that are not what they were. */
START_TEST(changed_inputs_are_made_good)
{
    enum { K = 200, N = 40 };
    static const double mixes[] = { 0, 1 };
    struct sov_moments m = make_moments(K, 4000, true);
    struct rows x = make_rows(N, K);
    double swept[2], solved[2];

    random_mask(&x);
    for (int i = 0; i < 2; i++) {
        struct sov_feedback *f = feedback(&m, mixes[i]);

        prune(f, &x);
        swept[i] = cost(f, &x);
        solve(f, &x);
        solved[i] = cost(f, &x);
        sov_feedback_free(f);
    }
    ck_assert_msg(swept[1] < swept[0], "%g %g", swept[1], swept[0]);
    ck_assert_msg(solved[1] < solved[0], "%g %g", solved[1], solved[0]);
    ck_assert_msg(solved[1] < swept[1], "%g %g", solved[1], swept[1]);
    free_rows(&x);
    free_moments(&m);
}
END_TEST

/* What is lacking where the answer is added to is u'x: rows aim at w + u,
 * whatever their number. */
START_TEST(what_others_lost_is_made_good)
{
    enum { K = 100, N = 90, HALF = 37 };
    struct sov_moments m = make_moments(K, 2000, true);
    struct rows x = make_rows(N, K), y = make_rows(N, K);
    struct sov_feedback *f;
    double aimed, plain;

    memset(m.fit.c, 0, K * K * sizeof(float));
    memset(m.held.c, 0, K * K * sizeof(float));
    random_mask(&x);
    m.out = N;
    m.fit.r = sov_mem_array(N * K, sizeof(float));
    m.held.r = sov_mem_array(N * K, sizeof(float));
    for (size_t i = 0; i < N * K; i++)
        y.r.w[i] = 0.3f * normal();
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < K; j++) {
            m.fit.r[i * K + j] =
                sov_kern()->dot_f32(m.fit.h + j * K, y.r.w + i * K, K);
            m.held.r[i * K + j] =
                sov_kern()->dot_f32(m.held.h + j * K, y.r.w + i * K, K);
        }
    f = feedback(&m, 0);
    prune(f, &x);
    solve(f, &x);
    plain = cost(f, &x);
    sov_feedback_free(f);
    f = feedback(&m, 1);
    prune(f, &x);
    solve(f, &x);
    aimed = cost(f, &x);
    ck_assert_msg(aimed < plain, "%g %g", aimed, plain);

    memcpy(y.r.w, x.want, N * K * sizeof(float));
    memcpy(y.r.keep, x.r.keep, N * K);
    y.r.w += HALF * K;
    y.r.keep += HALF * K;
    y.want += HALF * K;
    y.r.given = true;
    y.r.n = N - HALF;
    y.r.first = HALF;
    prune(f, &y);
    solve(f, &y);
    ck_assert_mem_eq(y.r.w, x.r.w + HALF * K, y.r.n * K * sizeof(float));
    y.r.w -= HALF * K;
    y.r.keep -= HALF * K;
    y.want -= HALF * K;
    sov_feedback_free(f);
    free_rows(&x);
    free_rows(&y);
    free_moments(&m);
}
END_TEST

START_TEST(threads_do_not_show)
{
    enum { K = 260, N = 200 };
    struct sov_moments m = make_moments(K, 1500, true);
    struct rows x = make_rows(N, K);
    float *first = sov_mem_array(N * K, sizeof(float));
    unsigned threads = sov_threads();

    for (unsigned n = 1; n < 5; n++) {
        struct sov_feedback *f;

        sov_set_threads(n);
        f = feedback(&m, 1);
        prune(f, &x);
        solve(f, &x);
        if (n == 1)
            memcpy(first, x.r.w, N * K * sizeof(float));
        ck_assert_mem_eq(first, x.r.w, N * K * sizeof(float));
        sov_feedback_free(f);
    }
    sov_set_threads(threads);
    free(first);
    free_rows(&x);
    free_moments(&m);
}
END_TEST

/* ---- DSnoT ---- */

/* By hand: 2.0 is lacking; 1.6 comes back before 0.5 whose input varies more,
 * and of those that take off the one with the least |w| |x| goes. */
START_TEST(a_swap_by_hand)
{
    const float w[] = { 1.6f, 0.5f, -0.2f, 3, -0.3f, -0.1f };
    const float mean[] = { 1, 1, 0.5f, 1, 0.5f, 0 };
    const float variance[] = { 1, 4, 1, 1, 1, 1 };
    const float square[] = { 2, 5, 1.25f, 2, 1.25f, 1 };
    const struct sov_dsnot_inputs in = { mean, variance, square };
    unsigned char keep[] = { 0, 0, 1, 1, 1, 0 };
    static const unsigned char then[] = { 1, 1, 0, 1, 0, 0 };

    /* 2.1 is lacking; 1.6 for -0.1: 0.4; 0.5 for -0.15: -0.25, which is less;
     * then nothing that is below 0 is there to come back */
    ck_assert_uint_eq(sov_dsnot_rows(w, keep, 1, 6, 0, &in), 2);
    ck_assert_mem_eq(keep, then, 6);
}
END_TEST

START_TEST(less_is_lacking)
{
    enum { K = 128, N = 60 };
    struct sov_moments m = make_moments(K, 900, false);
    float mean[K], variance[K], square[K];
    const struct sov_dsnot_inputs in = { mean, variance, square };
    struct rows x = make_rows(N, K);
    size_t swaps = 0;

    sov_dsnot_inputs(&m, mean, variance, square);
    for (size_t of = 0; of <= 64; of += 32) {
        for (size_t i = 0; i < N * K; i++)
            x.r.keep[i] = i % 2;
        swaps = sov_dsnot_rows(x.want, x.r.keep, N, K, of, &in);
        ck_assert_uint_gt(swaps, N / 2);
        for (size_t i = 0; i < N; i++) {
            double was = 0, now = 0, cost = 0, then = 0;

            for (size_t j = 0; j < K; j++) {
                double w = (double)x.want[i * K + j];
                double d = w * (double)mean[j], noise = w * w * variance[j];

                was += j % 2 ? 0 : d;
                cost += j % 2 ? 0 : noise;
                now += x.r.keep[i * K + j] ? 0 : d;
                then += x.r.keep[i * K + j] ? 0 : noise;
            }
            ck_assert(now * now + then <= was * was + cost + 1e-9);
        }
        for (size_t g = 0; g < N * K; g += of != 0 ? of : K) {
            size_t n = of != 0 ? of : K, kept = 0;

            for (size_t j = g; j < g + n; j++) {
                ck_assert_uint_le(x.r.keep[j], 1);
                kept += x.r.keep[j];
            }
            ck_assert_uint_eq(kept, n / 2);
        }
    }
    free_rows(&x);
    free_moments(&m);
}
END_TEST

/* 0.5 is lacking, and it could come back; but what would have to go for it
 * varies so much that it does not pay. */
START_TEST(a_swap_that_does_not_pay)
{
    const float w[] = { 0.5f, 0.1f, 2, -1 }, mean[] = { 1, 0, 1, 0.1f };
    const float square[] = { 2, 1, 2, 1 };
    const struct sov_dsnot_inputs in = { mean, square, square };
    unsigned char keep[] = { 0, 0, 1, 1 };

    ck_assert_uint_eq(sov_dsnot_rows(w, keep, 1, 4, 0, &in), 0);
    ck_assert(keep[0] == 0 && keep[1] == 0 && keep[2] == 1 && keep[3] == 1);
}
END_TEST

/* Without a mean nothing is lacking. */
START_TEST(no_mean_no_swap)
{
    const float w[] = { 1, 2, 3, 4 }, zero[] = { 0, 0, 0, 0 };
    const float one[] = { 1, 1, 1, 1 };
    const struct sov_dsnot_inputs in = { zero, one, one };
    unsigned char keep[] = { 0, 0, 1, 1 };

    ck_assert_uint_eq(sov_dsnot_rows(w, keep, 1, 4, 0, &in), 0);
    ck_assert(keep[0] == 0 && keep[1] == 0 && keep[2] == 1 && keep[3] == 1);
}
END_TEST

/* ---- OWL ---- */

START_TEST(outliers_keep_more)
{
    const double share[] = { 0.01, 0.05, 0.03 }, even[] = { 1, 1, 1 };
    const double weight[] = { 100, 300, 100 }, same[] = { 7, 7, 7 };
    double ratio[3], mean = 0;

    sov_owl_spread(share, even, 3, 0.08, 0.5, ratio);
    /* 0, 0.16, 0.08, less their mean, are more of what stays */
    ck_assert_double_eq_tol(ratio[0], 0.58, 1e-12);
    ck_assert_double_eq_tol(ratio[1], 0.42, 1e-12);
    ck_assert_double_eq_tol(ratio[2], 0.50, 1e-12);
    sov_owl_spread(share, weight, 3, 0.08, 0.5, ratio);
    for (int i = 0; i < 3; i++)
        mean += ratio[i] * weight[i] / 500;
    ck_assert_double_eq_tol(mean, 0.5, 1e-12);
    ck_assert(ratio[1] < ratio[2] && ratio[2] < ratio[0]);
    sov_owl_spread(same, weight, 3, 0.08, 0.7, ratio);
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq_tol(ratio[i], 0.7, 1e-12);
    sov_owl_spread(share, even, 3, 0.08, 0.99, ratio);
    ck_assert(ratio[0] == 1.0 && ratio[1] < 0.92);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("obs");

    tcase_add_test(tc, small_ones_are_the_surgeons);
    tcase_add_test(tc, the_cheapest_go);
    tcase_add_test(tc, blocks_do_not_show);
    tcase_add_test(tc, rounding_alone_is_gptq);
    tcase_add_test(tc, both_at_once);
    tcase_add_test(tc, what_packs_is_whole);
    tcase_add_test(tc, counts_are_exact);
    tcase_add_test(tc, each_step_costs_less);
    tcase_add_test(tc, nothing_costs_less);
    tcase_add_test(tc, no_row_costs_more);
    tcase_add_test(tc, changed_inputs_are_made_good);
    tcase_add_test(tc, what_others_lost_is_made_good);
    tcase_add_test(tc, threads_do_not_show);
    tcase_add_test(tc, a_swap_by_hand);
    tcase_add_test(tc, less_is_lacking);
    tcase_add_test(tc, a_swap_that_does_not_pay);
    tcase_add_test(tc, no_mean_no_swap);
    tcase_add_test(tc, outliers_keep_more);
    return unit_main("prune_obs", tc);
}
