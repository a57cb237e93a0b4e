/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_match.c - layers that shall see what a teacher's see, in f64: gradients
 * against differences, and how they are asked for
 */
#include "unit.h"

#include "base/rng.h"
#include "train/match.h"

#include <math.h>
#include <string.h>

#define WIDTH 37
#define STEP  1e-5

static uint64_t counter;

static double
random_number(void)
{
    return 2 * sov_rng_unit(8, 5, counter++) - 1;
}

static struct sov_match
match_of(const char *text)
{
    struct sov_match list[SOV_MATCHES_MAX];
    struct sov_err err = { 0 };
    size_t n;

    ck_assert_msg(sov_match_parse(list, &n, text, &err) == 0, "%s", err.msg);
    ck_assert_uint_eq(n, 1);
    return list[0];
}

static double
loss_at(const struct sov_match *m, double *y, const double *h)
{
    const int32_t next = 0;
    double loss;

    sov_match_run(m, NULL, &next, 1, WIDTH, y, h, &loss);
    return loss;
}

static void
check_gradient(const char *text)
{
    struct sov_match m = match_of(text);
    double y[WIDTH], h[WIDTH], grad[WIDTH], moved[WIDTH];
    double off = 0, most = 0;

    for (size_t i = 0; i < WIDTH; i++) {
        y[i] = 3 * random_number();
        h[i] = 40 * random_number();
    }
    memcpy(grad, y, sizeof(y));
    loss_at(&m, grad, h);
    for (size_t i = 0; i < WIDTH; i++) {
        double up, down;

        memcpy(moved, y, sizeof(y));
        moved[i] += STEP;
        up = loss_at(&m, moved, h);
        memcpy(moved, y, sizeof(y));
        moved[i] -= STEP;
        down = loss_at(&m, moved, h);
        off = fmax(off, fabs((up - down) / (2 * STEP) - grad[i]));
        most = fmax(most, fabs(grad[i]));
    }
    ck_assert_msg(off <= 1e-6 * most, "%s: %g of %g", text, off, most);
}

START_TEST(gradients_are_those_of_the_loss)
{
    for (int i = 0; i < 10; i++) {
        check_gradient("mse:1:0=0");
        check_gradient("mse:0.3:0=0");
        check_gradient("cos:1:0=0");
        check_gradient("cos:25:0=0");
    }
}
END_TEST

START_TEST(values_are_what_they_are_called)
{
    struct sov_match mse = match_of("mse:2:0=0"), cos_ = match_of("cos:2:0=0");
    double y[WIDTH], h[WIDTH], other[WIDTH];

    for (size_t i = 0; i < WIDTH; i++) {
        h[i] = random_number();
        y[i] = 0;
        other[i] = 5 * h[i];
    }
    ck_assert(fabs(loss_at(&mse, y, h) - 2) < 1e-12);
    ck_assert(fabs(loss_at(&mse, other, h) - 32) < 1e-12);
    memcpy(y, h, sizeof(y));
    ck_assert(loss_at(&mse, y, h) == 0);
    for (size_t i = 0; i < WIDTH; i++) {
        ck_assert(y[i] == 0);
        y[i] = 7 * h[i];
        other[i] = -h[i];
    }
    ck_assert(fabs(loss_at(&cos_, y, h)) < 1e-12);
    ck_assert(fabs(loss_at(&cos_, other, h) - 4) < 1e-12);
    memset(y, 0, sizeof(y));
    ck_assert(loss_at(&cos_, y, h) == 2 && y[3] == 0);
    memset(h, 0, sizeof(h));
    y[0] = 1;
    ck_assert(loss_at(&cos_, y, h) == 0 && y[0] == 0);
    y[0] = 1;
    ck_assert(loss_at(&mse, y, h) == 0 && y[0] == 0);
}
END_TEST

START_TEST(tokens_that_are_not_scored_give_nothing)
{
    struct sov_match m = match_of("mse:1:0=0");
    const int32_t next[] = { 4, -1, 2 };
    double y[3 * WIDTH], h[3 * WIDTH], loss[3] = { 9, 9, 9 };

    for (size_t i = 0; i < 3 * WIDTH; i++) {
        y[i] = random_number();
        h[i] = random_number();
    }
    sov_match_run(&m, NULL, next, 3, WIDTH, y, h, loss);
    ck_assert(loss[0] > 0 && loss[1] == 0 && loss[2] > 0);
    for (size_t i = 0; i < WIDTH; i++)
        ck_assert(y[WIDTH + i] == 0);
}
END_TEST

START_TEST(pairs_are_read)
{
    static const char *const bad[] = {
        "",
        "mse",
        "mse:1",
        "mse:1:",
        "mse:1:3",
        "mse:1:3=",
        "mse:1:=3",
        "mse:1:3=4,",
        "mse:1:a=4",
        "mse:1:3=4x",
        "mse:1:-3=4",
        "mse::3=4",
        "mse:0:3=4",
        "mse:-1:3=4",
        "mse:nan:3=4",
        "mse:1e9:3=4",
        "kl:1:3=4",
        "mse:1:3=4,3=5",
        "mse:1:99999=4",
        "mse:1 :3=4",
        "mse:1:3=4;5=6",
    };
    struct sov_match list[SOV_MATCHES_MAX];
    struct sov_err err = { 0 };
    size_t n = 77;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        ck_assert_msg(sov_match_parse(list, &n, bad[i], &err) == SOV_EARG, "%s",
                      bad[i]);
    ck_assert_uint_eq(n, 77);
    ck_assert_int_eq(sov_match_parse(list, &n, "cos:0.25:3=7,11=5", &err), 0);
    ck_assert_uint_eq(n, 2);
    ck_assert(list[0].weight == 0.25 && list[1].weight == 0.25);
    ck_assert(list[0].student == 3 && list[0].teacher == 7);
    ck_assert(list[1].student == 11 && list[1].teacher == 5);
    ck_assert_int_eq(sov_match_check(list, n, 12, 8, &err), 0);
    ck_assert_int_eq(sov_match_check(list, n, 11, 8, &err), SOV_EARG);
    ck_assert_int_eq(sov_match_check(list, n, 12, 7, &err), SOV_EARG);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("match");

    tcase_add_test(tc, gradients_are_those_of_the_loss);
    tcase_add_test(tc, values_are_what_they_are_called);
    tcase_add_test(tc, tokens_that_are_not_scored_give_nothing);
    tcase_add_test(tc, pairs_are_read);
    return unit_main("match", tc);
}
