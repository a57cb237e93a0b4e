/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_turn.c - axes are at right angles, span what they did, and are even, or are
 * those of a norm's weights
 */
#include "base/mem.h"
#include "prune/turn.h"
#include "sov/base.h"
#include "unit.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define N_MAX 256

static uint32_t state = 7;

static float
number(void)
{
    state = state * 1664525 + 1013904223;
    return (float)(int32_t)state * 0x1p-31f;
}

static double
product(const float *x, const float *y, const float *by, size_t n)
{
    double sum = 0;

    for (size_t k = 0; k < n; k++)
        sum += (double)x[k] * (double)y[k] * (by != NULL ? (double)by[k] : 1);
    return sum;
}

/* d rows of n at right angles to each other (Gram and Schmidt). */
static void
directions(struct sov_turn *t, size_t n, size_t d)
{
    *t = (struct sov_turn){ .n = n, .d = d };
    t->q = sov_mem_array(d, n * sizeof(*t->q));
    for (size_t i = 0; i < d; i++) {
        float *x = t->q + i * n, scale;

        for (size_t k = 0; k < n; k++)
            x[k] = number();
        for (size_t again = 0; again < 2; again++)
            for (size_t j = 0; j < i; j++) {
                float by = (float)product(x, t->q + j * n, NULL, n);

                for (size_t k = 0; k < n; k++)
                    x[k] -= by * t->q[j * n + k];
            }
        scale = (float)(1 / sqrt(product(x, x, NULL, n)));
        for (size_t k = 0; k < n; k++)
            x[k] *= scale;
    }
}

/* At right angles, of length 1, and each within what was spanned. */
static void
check_span(const struct sov_turn *t, const float *was)
{
    for (size_t i = 0; i < t->d; i++) {
        const float *x = t->q + i * t->n;
        double within = 0;

        for (size_t j = 0; j < t->d; j++) {
            double in = product(x, was + j * t->n, NULL, t->n);
            double p = product(x, t->q + j * t->n, NULL, t->n);

            within += in * in;
            ck_assert_msg(fabs(p - (i == j)) < 2e-6, "%zu %zu: %g", i, j, p);
        }
        ck_assert_msg(fabs(within - 1) < 1e-5, "%zu: %g", i, within);
    }
}

static float *
copy(const struct sov_turn *t)
{
    float *q = sov_mem_array(t->d, t->n * sizeof(*q));

    memcpy(q, t->q, t->d * t->n * sizeof(*q));
    return q;
}

static const size_t shapes[][2] = { { 256, 128 }, { 256, 256 }, { 96, 64 },
                                    { 200, 96 },  { 60, 45 },   { 8, 1 } };

#define N_SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* What goes through direction j is 1 / (j + 1) as large: of each axis its share
 * is what the mean is, or, where there are several matrices, near it. */
START_TEST(axes_are_even)
{
    for (size_t s = 0; s < N_SHAPES; s++) {
        size_t d = shapes[s][1], order = d & (~d + 1);
        struct sov_turn t;
        double mean = 0, most = 0;
        float *was;

        directions(&t, shapes[s][0], d);
        was = copy(&t);
        ck_assert_int_eq(sov_turn_axes(&t, NULL, NULL), 0);
        check_span(&t, was);
        for (size_t j = 0; j < d; j++)
            mean += 1 / (double)(j + 1) / (double)d;
        for (size_t i = 0; i < d; i++) {
            double here = 0;

            for (size_t j = 0; j < d; j++) {
                double in = product(t.q + i * t.n, was + j * t.n, NULL, t.n);

                here += in * in / (double)(j + 1);
            }
            most = fmax(most, here / mean);
        }
        if (order == d)
            ck_assert_msg(fabs(most - 1) < 1e-4, "%zu: %g", d, most);
        else if (order >= 32)
            ck_assert_msg(most < 1.5, "%zu: %g", d, most);
        free(was);
        free(t.q);
    }
}
END_TEST

/* Q diag(g) Q' has nothing beside its diagonal; with all directions it is g. */
START_TEST(weights_of_a_norm_stay_its_weights)
{
    for (size_t s = 0; s < N_SHAPES; s++) {
        size_t n = shapes[s][0];
        float gain[N_MAX], sum = 0, *was;
        struct sov_turn t;
        double all = 0;

        for (size_t k = 0; k < n; k++)
            sum += gain[k] = 1 + 0.5f * number();
        directions(&t, n, shapes[s][1]);
        was = copy(&t);
        ck_assert_int_eq(sov_turn_axes(&t, gain, NULL), 0);
        check_span(&t, was);
        for (size_t i = 0; i < t.d; i++)
            for (size_t j = 0; j < t.d; j++) {
                double p = product(t.q + i * n, t.q + j * n, gain, n);

                all += i == j ? p : 0;
                ck_assert_msg(i == j || fabs(p) < 1e-5, "%zu %zu: %g", i, j, p);
            }
        ck_assert(t.d < n || fabs(all - (double)sum) < 1e-4 * (double)sum);
        free(was);
        free(t.q);
    }
}
END_TEST

START_TEST(threads_do_not_show)
{
    unsigned threads = sov_threads();
    float gain[N_MAX], *first = NULL;

    for (size_t k = 0; k < N_MAX; k++)
        gain[k] = 1 + 0.5f * number();
    for (unsigned n = 1; n < 5; n++) {
        struct sov_turn t;

        state = 99;
        sov_set_threads(n);
        directions(&t, 256, 160);
        ck_assert_int_eq(sov_turn_axes(&t, gain, NULL), 0);
        if (first == NULL)
            first = copy(&t);
        ck_assert_mem_eq(first, t.q, t.d * t.n * sizeof(float));
        free(t.q);
    }
    sov_set_threads(threads);
    free(first);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("turn");

    tcase_add_test(tc, axes_are_even);
    tcase_add_test(tc, weights_of_a_norm_stay_its_weights);
    tcase_add_test(tc, threads_do_not_show);
    return unit_main("turn", tc);
}
