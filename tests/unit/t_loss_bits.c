/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_loss_bits.c - losses in f32: the same bits everywhere, near what f64 says,
 * and nothing to be afraid of in strange logits
 */
#include "unit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "sov/base.h"
#include "train/loss.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ROWS   19
#define VOCAB  1003
#define STRIDE 1008

static const char *const losses[] = { "ce",       "fkl",      "rkl", "jsd:0.3",
                                      "sfkl:0.1", "srkl:0.1", "few" };

#define N_LOSSES (sizeof(losses) / sizeof(*losses))

static const char *const isas[] = { "generic", "avx2",       "avxvnni",
                                    "avx512",  "avx512vbmi", "avx512bf16",
                                    "neon" };

struct slab {
    float z[ROWS * STRIDE];
    float teacher[ROWS * STRIDE];
    int32_t next[ROWS];
    int32_t id[ROWS][3];
    uint32_t count[ROWS][3];
    struct sov_few few[ROWS];
    double loss[ROWS];
    double ce[ROWS];
};

static struct slab given, one, other;

static void
make_slab(void)
{
    for (size_t i = 0; i < ROWS * STRIDE; i++) {
        double wide = i / STRIDE % 4 == 0 ? 200 : 10;

        given.z[i] = (float)(wide * (sov_rng_unit(1, 2, i) - 0.5));
        given.teacher[i] = (float)(wide * (sov_rng_unit(1, 3, i) - 0.5));
    }
    for (size_t i = 0; i < ROWS; i++) {
        given.next[i] = i % 5 == 4 ? -1 : (int32_t)(i * 31 % VOCAB);
        for (int j = 0; j < 3; j++) {
            given.id[i][j] = (int32_t)(i + 100 * (size_t)j);
            given.count[i][j] = (uint32_t)(10 + j);
        }
    }
}

static void
run(struct slab *s, const char *text, double alpha, double temp,
    const struct sov_kern *k, size_t first, size_t n)
{
    struct sov_loss loss;
    struct sov_err err = { 0 };
    struct sov_slab slab = {
        .k = k, .n = n, .n_vocab = VOCAB, .stride = STRIDE
    };

    ck_assert_msg(sov_loss_parse(&loss, text, &err) == 0, "%s", err.msg);
    loss.alpha = alpha;
    loss.temp = temp;
    for (size_t i = 0; i < ROWS; i++)
        s->few[i] = (struct sov_few){ 3, s->id[i], s->count[i] };
    slab.next = s->next + first;
    slab.teacher = s->teacher + first * STRIDE;
    slab.few = s->few + first;
    slab.z = s->z + first * STRIDE;
    slab.loss = s->loss + first;
    slab.ce = s->ce + first;
    sov_loss_run(&loss, &slab);
}

static void
check_same(const char *text, const char *what)
{
    ck_assert_msg(memcmp(one.z, other.z, sizeof(one.z)) == 0 &&
                      memcmp(one.loss, other.loss, sizeof(one.loss)) == 0 &&
                      memcmp(one.ce, other.ce, sizeof(one.ce)) == 0,
                  "%s: not the same, %s", text, what);
}

static void
check_bits(const char *text, double alpha, double temp)
{
    one = given;
    sov_set_threads(1);
    run(&one, text, alpha, temp, NULL, 0, ROWS);
    for (unsigned n = 2; n < 4; n++) {
        sov_set_threads(n);
        other = given;
        run(&other, text, alpha, temp, NULL, 0, ROWS);
        check_same(text, "threads");
    }
    other = given;
    for (size_t i = 0; i < ROWS; i++)
        run(&other, text, alpha, temp, NULL, i, 1);
    check_same(text, "rows alone");
    for (size_t i = 0; i < sizeof(isas) / sizeof(*isas); i++) {
        const struct sov_kern *k = sov_kern_for(isas[i]);

        if (k == NULL)
            continue;
        other = given;
        run(&other, text, alpha, temp, k, 0, ROWS);
        check_same(text, isas[i]);
    }
}

START_TEST(bits_are_the_same)
{
    static const double alphas[] = { 0, 0.5, 1 };
    static const double temps[] = { 1, 2.5 };

    make_slab();
    for (size_t l = 0; l < N_LOSSES; l++)
        for (size_t a = 0; a < 3; a++)
            for (size_t t = 0; t < 2; t++)
                check_bits(losses[l], alphas[a], temps[t]);
}
END_TEST

static void
softmax(const float *x, double temp, double *p)
{
    double top = -INFINITY, sum = 0;

    for (size_t i = 0; i < VOCAB; i++)
        top = fmax(top, (double)x[i]);
    for (size_t i = 0; i < VOCAB; i++)
        sum += p[i] = exp(((double)x[i] - top) / temp);
    for (size_t i = 0; i < VOCAB; i++)
        p[i] /= sum;
}

/* fkl and rkl from their definitions, in doubles, for narrow logits. */
START_TEST(single_precision_is_near)
{
    static double p[VOCAB], q[VOCAB], g[VOCAB];

    make_slab();
    for (int reverse = 0; reverse < 2; reverse++) {
        one = given;
        run(&one, reverse ? "rkl" : "fkl", 1, 2, NULL, 0, ROWS);
        for (size_t r = 0; r < ROWS; r++) {
            double kl = 0, most = 0, sum = 0;

            if (r % 4 == 0 || given.next[r] < 0)
                continue;
            softmax(given.teacher + r * STRIDE, 2, p);
            softmax(given.z + r * STRIDE, 2, q);
            for (size_t i = 0; i < VOCAB; i++)
                kl +=
                    reverse ? q[i] * log(q[i] / p[i]) : p[i] * log(p[i] / q[i]);
            for (size_t i = 0; i < VOCAB; i++) {
                g[i] = 2 *
                       (reverse ? q[i] * (log(q[i] / p[i]) - kl) : q[i] - p[i]);
                most = fmax(most, fabs(g[i]));
            }
            ck_assert(fabs(one.loss[r] - 4 * kl) < 1e-6 * 4 * kl);
            for (size_t i = 0; i < VOCAB; i++) {
                double z = (double)one.z[r * STRIDE + i];

                ck_assert(fabs(z - g[i]) < 1e-5 * most);
                sum += z;
            }
            ck_assert(fabs(sum) < 1e-5);
        }
    }
}
END_TEST

START_TEST(equal_models_have_nothing_to_learn)
{
    make_slab();
    for (size_t l = 1; l + 1 < N_LOSSES; l++) {
        one = given;
        memcpy(one.teacher, one.z, sizeof(one.z));
        run(&one, losses[l], 1, l % 2 ? 1.0 : 3.0, NULL, 0, ROWS);
        for (size_t r = 0; r < ROWS; r++) {
            ck_assert_msg(one.loss[r] == 0, "%s", losses[l]);
            for (size_t i = 0; i < VOCAB; i++)
                ck_assert_msg(one.z[r * STRIDE + i] == 0, "%s", losses[l]);
        }
    }
}
END_TEST

/* Huge numbers give finite gradients; what is no number stays none. */
START_TEST(strange_logits_do_not_crash)
{
    static const float strange[] = { 3e38f,    -3e38f,    1e-40f,
                                     INFINITY, -INFINITY, NAN };

    make_slab();
    for (size_t l = 0; l < N_LOSSES; l++)
        for (size_t x = 0; x < 6; x++)
            for (int side = 0; side < 3; side++) {
                bool finite = x < 3 || x == 4;
                bool sees = side == 0 || (l > 0 && l + 1 < N_LOSSES);

                one = given;
                if (side != 1)
                    one.z[STRIDE + 5] = strange[x];
                if (side != 0)
                    one.teacher[STRIDE + 5] = strange[x];
                run(&one, losses[l], 1, side == 2 ? 2 : 1, NULL, 0, 4);
                for (size_t i = 0; i < VOCAB && (finite || sees); i++)
                    ck_assert_msg(isfinite(one.z[STRIDE + i]) == finite ||
                                      (side == 2 && !finite),
                                  "%s: %g, side %d, %zu", losses[l],
                                  (double)strange[x], side, i);
                for (size_t i = 0; i < VOCAB; i++)
                    ck_assert(isfinite(one.z[2 * STRIDE + i]));
            }
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("loss_bits");

    tcase_add_test(tc, bits_are_the_same);
    tcase_add_test(tc, single_precision_is_near);
    tcase_add_test(tc, equal_models_have_nothing_to_learn);
    tcase_add_test(tc, strange_logits_do_not_crash);
    return unit_main("loss_bits", tc);
}
