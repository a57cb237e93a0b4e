/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_loss.c - losses in f64: every gradient against differences of its loss,
 * and what must hold of each
 */
#include "unit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "train/loss.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define V_MAX 601
#define STEP  1e-5

static const char *const losses[] = { "ce",      "fkl",      "rkl",
                                      "jsd:0.5", "jsd:0.1",  "jsd:0.9",
                                      "sfkl:0",  "sfkl:0.1", "sfkl:0.7",
                                      "srkl:0",  "srkl:0.1", "srkl:0.7",
                                      "few" };

#define N_LOSSES (sizeof(losses) / sizeof(*losses))

static uint64_t counter;

static double
random_logit(void)
{
    return 5 * (sov_rng_unit(3, 5, counter++) - 0.5);
}

static struct sov_loss
loss_of(const char *text, double alpha, double temp)
{
    struct sov_loss loss;
    struct sov_err err = { 0 };

    ck_assert_msg(sov_loss_parse(&loss, text, &err) == 0, "%s", err.msg);
    loss.alpha = alpha;
    loss.temp = temp;
    ck_assert_int_eq(sov_loss_check(&loss, &err), 0);
    return loss;
}

/* The loss of one token; z becomes its gradient. */
static double
loss_at(const struct sov_loss *loss, double *z, const double *teacher,
        const struct sov_few *few, int32_t next, size_t n, double *ce)
{
    static double spoiled[V_MAX];
    double value, own;
    struct sov_slab slab = {
        .n = 1,
        .n_vocab = n,
        .stride = n,
        .next = &next,
        .teacher = spoiled,
        .few = few,
        .z = z,
        .loss = &value,
        .ce = ce != NULL ? ce : &own,
    };

    memcpy(spoiled, teacher, n * sizeof(*teacher));
    sov_loss_run(loss, &slab);
    return value;
}

static double
at_step(const struct sov_loss *loss, const double *z, const double *teacher,
        const struct sov_few *few, int32_t next, size_t n, size_t i, double h)
{
    static double moved[V_MAX];

    memcpy(moved, z, n * sizeof(*z));
    moved[i] += h;
    return loss_at(loss, moved, teacher, few, next, n, NULL);
}

static void
check_gradient(const char *text, double alpha, double temp, size_t n)
{
    static const int32_t ids[] = { 0, 2, 3, 4 };
    static const uint32_t counts[] = { 7, 1, 40, 2 };
    const struct sov_few few = { 4, ids, counts };
    struct sov_loss loss = loss_of(text, alpha, temp);
    double z[V_MAX], teacher[V_MAX], grad[V_MAX];
    double most = 0, off = 0, sum = 0;

    for (size_t i = 0; i < n; i++) {
        z[i] = random_logit();
        teacher[i] = random_logit();
    }
    memcpy(grad, z, n * sizeof(*z));
    loss_at(&loss, grad, teacher, &few, 1, n, NULL);
    for (size_t i = 0; i < n; i++) {
        double up = at_step(&loss, z, teacher, &few, 1, n, i, STEP);
        double down = at_step(&loss, z, teacher, &few, 1, n, i, -STEP);
        double d = (up - down) / (2 * STEP);

        off = fabs(d - grad[i]) > off ? fabs(d - grad[i]) : off;
        most = fabs(d) > most ? fabs(d) : most;
        sum += grad[i];
    }
    ck_assert_msg(off <= 1e-6 * most,
                  "%s, alpha %g, T %g, %zu tokens: %g of %g", text, alpha, temp,
                  n, off, most);
    ck_assert_msg(fabs(sum) < 1e-12, "%s, alpha %g, T %g, %zu tokens: sum %g",
                  text, alpha, temp, n, sum);
}

START_TEST(gradients_are_those_of_the_loss)
{
    static const double alphas[] = { 0, 0.3, 1 };
    static const double temps[] = { 0.7, 1, 2, 5 };
    static const size_t sizes[] = { 5, 37, 256, 601 };

    for (size_t l = 0; l < N_LOSSES; l++)
        for (size_t a = 0; a < 3; a++)
            for (size_t t = 0; t < 4; t++)
                for (size_t s = 0; s < 4; s++)
                    check_gradient(losses[l], alphas[a], temps[t], sizes[s]);
}
END_TEST

START_TEST(equal_models_have_nothing_to_learn)
{
    static const double temps[] = { 0.7, 1, 2 };
    double z[V_MAX], teacher[V_MAX];

    for (size_t l = 1; l + 1 < N_LOSSES; l++)
        for (size_t t = 0; t < 3; t++) {
            struct sov_loss loss = loss_of(losses[l], 1, temps[t]);
            double value;

            for (size_t i = 0; i < V_MAX; i++)
                z[i] = teacher[i] = random_logit();
            value = loss_at(&loss, z, teacher, NULL, 1, V_MAX, NULL);
            ck_assert_msg(value == 0, "%s: %g", losses[l], value);
            for (size_t i = 0; i < V_MAX; i++)
                ck_assert_msg(z[i] == 0, "%s: %g", losses[l], z[i]);
        }
}
END_TEST

START_TEST(half_a_jsd_is_symmetric)
{
    struct sov_loss loss = loss_of("jsd:0.5", 1, 1.5);
    double a[V_MAX], b[V_MAX], z[V_MAX], one, other;

    for (size_t i = 0; i < V_MAX; i++) {
        a[i] = random_logit();
        b[i] = random_logit();
    }
    memcpy(z, a, sizeof(z));
    one = loss_at(&loss, z, b, NULL, 1, V_MAX, NULL);
    memcpy(z, b, sizeof(z));
    other = loss_at(&loss, z, a, NULL, 1, V_MAX, NULL);
    ck_assert(one > 0.1);
    ck_assert(fabs(one - other) < 1e-13 * one);
}
END_TEST

/* The two divergences, from their definitions. */
static double
kl_of(const double *from, const double *to, size_t n)
{
    double a = 0, b = 0, sum = 0;

    for (size_t i = 0; i < n; i++) {
        a += exp(from[i]);
        b += exp(to[i]);
    }
    for (size_t i = 0; i < n; i++)
        if (isfinite(from[i]))
            sum += exp(from[i]) / a * ((from[i] - log(a)) - (to[i] - log(b)));
    return sum;
}

START_TEST(values_are_what_they_are_called)
{
    struct sov_loss loss;
    double z[V_MAX], teacher[V_MAX], grad[V_MAX], ce, v, all = 0;

    for (size_t i = 0; i < V_MAX; i++) {
        z[i] = random_logit();
        teacher[i] = random_logit();
        all += exp(z[i]);
    }
    loss = loss_of("fkl", 0.25, 1);
    memcpy(grad, z, sizeof(z));
    v = loss_at(&loss, grad, teacher, NULL, 7, V_MAX, &ce);
    ck_assert(fabs(ce - (log(all) - z[7])) < 1e-12);
    ck_assert(fabs(v - (0.25 * kl_of(teacher, z, V_MAX) + 0.75 * ce)) < 1e-12);
    loss = loss_of("rkl", 1, 1);
    memcpy(grad, z, sizeof(z));
    v = loss_at(&loss, grad, teacher, NULL, 7, V_MAX, &ce);
    ck_assert(fabs(v - kl_of(z, teacher, V_MAX)) < 1e-12);
    ck_assert(fabs(ce - (log(all) - z[7])) < 1e-12);
}
END_TEST

/* sfkl:0 and srkl:0 are fkl and rkl, and jsd at its ends a share of them. */
START_TEST(families_meet)
{
    static const struct {
        const char *a, *b;
        double by, off;
    } pairs[] = {
        { "sfkl:0", "fkl", 1, 1e-12 },
        { "srkl:0", "rkl", 1, 1e-12 },
        { "jsd:0.000001", "fkl", 1e-6, 1e-3 },
        { "jsd:0.999999", "rkl", 1e-6, 1e-3 },
    };
    double z[V_MAX], teacher[V_MAX], a[V_MAX], b[V_MAX];

    for (size_t i = 0; i < V_MAX; i++) {
        z[i] = random_logit();
        teacher[i] = random_logit();
    }
    for (size_t p = 0; p < 4; p++) {
        struct sov_loss one = loss_of(pairs[p].a, 1, 1);
        struct sov_loss other = loss_of(pairs[p].b, 1, 1);
        double most = 0, x, y;

        memcpy(a, z, sizeof(z));
        memcpy(b, z, sizeof(z));
        x = loss_at(&one, a, teacher, NULL, 0, V_MAX, NULL);
        y = pairs[p].by * loss_at(&other, b, teacher, NULL, 0, V_MAX, NULL);
        ck_assert(fabs(x - y) < pairs[p].off * y);
        for (size_t i = 0; i < V_MAX; i++)
            most = fmax(most, fabs(b[i]));
        for (size_t i = 0; i < V_MAX; i++)
            ck_assert(fabs(a[i] - pairs[p].by * b[i]) <
                      pairs[p].off * pairs[p].by * most);
    }
}
END_TEST

START_TEST(tokens_that_are_not_scored_give_nothing)
{
    double z[3 * 40], teacher[3 * 40], loss[3] = { 9, 9, 9 }, ce[3];
    const int32_t next[] = { 3, -1, 5 };

    for (size_t l = 0; l < N_LOSSES; l++) {
        static const int32_t id = 4;
        static const uint32_t count = 50;
        struct sov_few few[3] = { { 1, &id, &count },
                                  { 1, &id, &count },
                                  { 0, NULL, NULL } };
        struct sov_loss how = loss_of(losses[l], 0.5, 2);
        struct sov_slab slab = { .n = 3,
                                 .n_vocab = 37,
                                 .stride = 40,
                                 .next = next,
                                 .teacher = teacher,
                                 .few = few,
                                 .z = z,
                                 .loss = loss,
                                 .ce = ce };

        for (size_t i = 0; i < 120; i++) {
            z[i] = i / 40 == 1 ? NAN : random_logit();
            teacher[i] = random_logit();
        }
        sov_loss_run(&how, &slab);
        ck_assert(loss[1] == 0 && ce[1] == 0 && loss[0] > 0 && ce[2] > 0);
        for (size_t i = 0; i < 37; i++) {
            ck_assert(z[40 + i] == 0);
            ck_assert(isfinite(z[i]) && isfinite(z[80 + i]));
        }
        ck_assert(isnan(z[77])); /* beyond the vocabulary nobody writes */
    }
}
END_TEST

/* A teacher without the last tokens: they are not likely, and no loss is
 * infinite for that. */
START_TEST(a_vocabulary_may_be_padded)
{
    for (size_t l = 1; l + 1 < N_LOSSES; l++) {
        struct sov_loss loss = loss_of(losses[l], 1, 1);
        double z[70], teacher[70], raw[70], v, sum = 0;

        for (size_t i = 0; i < 70; i++) {
            z[i] = raw[i] = random_logit();
            teacher[i] = i < 64 ? random_logit() : -INFINITY;
        }
        v = loss_at(&loss, z, teacher, NULL, 3, 70, NULL);
        ck_assert_msg(isfinite(v) && v > 0, "%s: %g", losses[l], v);
        for (size_t i = 0; i < 70; i++) {
            ck_assert(isfinite(z[i]));
            ck_assert_msg(i < 64 || z[i] > 0, "%s", losses[l]);
            sum += z[i];
        }
        ck_assert(fabs(sum) < 1e-12);
        if (l == 1)
            ck_assert(fabs(v - kl_of(teacher, raw, 70)) < 1e-9);
    }
}
END_TEST

START_TEST(names_are_read)
{
    static const char *const bad[] = {
        "",        "x",        "ce:1",   "fkl:0.5", "jsd",    "jsd:",
        "jsd:0",   "jsd:1",    "jsd:-1", "jsd:nan", "sfkl:1", "srkl:1e9",
        "jsd:.5x", "sfkl:inf", "kl",     "few:3",
    };
    struct sov_loss loss = { 0 };
    struct sov_err err;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        ck_assert_msg(sov_loss_parse(&loss, bad[i], &err) == SOV_EARG, "%s",
                      bad[i]);
        ck_assert_ptr_null(loss.row);
    }
    loss = loss_of("fkl", 1, 2);
    ck_assert(sov_loss_wants_teacher(&loss) && !sov_loss_wants_few(&loss));
    ck_assert_int_eq(sov_loss_sampled(&loss, &err), 0);
    ck_assert(!sov_loss_wants_teacher(&loss) && sov_loss_wants_few(&loss));
    ck_assert_str_eq(sov_loss_name(&loss), "few");
    ck_assert(loss.temp == 2);
    loss = loss_of("rkl", 1, 1);
    ck_assert_int_eq(sov_loss_sampled(&loss, &err), SOV_EARG);
    loss.alpha = 0;
    ck_assert(!sov_loss_wants_teacher(&loss));
    loss.alpha = 1.5;
    ck_assert_int_eq(sov_loss_check(&loss, &err), SOV_EARG);
    loss.alpha = 1;
    loss.temp = NAN;
    ck_assert_int_eq(sov_loss_check(&loss, &err), SOV_EARG);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("loss");

    tcase_add_test(tc, gradients_are_those_of_the_loss);
    tcase_add_test(tc, equal_models_have_nothing_to_learn);
    tcase_add_test(tc, half_a_jsd_is_symmetric);
    tcase_add_test(tc, values_are_what_they_are_called);
    tcase_add_test(tc, families_meet);
    tcase_add_test(tc, tokens_that_are_not_scored_give_nothing);
    tcase_add_test(tc, a_vocabulary_may_be_padded);
    tcase_add_test(tc, names_are_read);
    return unit_main("loss", tc);
}
