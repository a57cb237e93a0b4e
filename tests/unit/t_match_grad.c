/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_match_grad.c - whole models that are taught, in f64: by logits, by samples,
 * and by what layers of a teacher see, of the same width and of another
 *
 * As t_trainee_grad.c, with the losses as they are.
 */
#include "trainee_make.h"

#include "sov/write.h"
#include "train/match.h"

#define N_DIRECTIONS 12
#define STEP         1e-5
#define TOLERANCE    1e-6

/* Numbers of a teacher that nobody is. */
static int
say(void *arg, size_t first, size_t n, sov_real *z, size_t stride,
    struct sov_err *err)
{
    const size_t *n_vocab = arg;

    (void)err;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < *n_vocab; k++)
            z[i * stride + k] = 3 * make_random(50 + first + i, k);
    return 0;
}

static int
show(void *arg, size_t which, size_t first, size_t n, sov_real *h,
     struct sov_err *err)
{
    const size_t *width = arg;

    (void)err;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < *width; k++)
            h[i * *width + k] =
                30 * make_random(500 + 100 * which + first + i, k);
    return 0;
}

static void
check(sov_trainee *t, const struct sov_unit *unit, const char *text,
      double alpha, double temp)
{
    size_t n = (size_t)sov_trainee_count(t);
    double *w = sov_trainee_weights(t);
    double *grad = sov_mem_array(n, sizeof(*grad));
    double *keep = sov_mem_array(n, sizeof(*keep));
    double *v = sov_mem_array(n, sizeof(*v));
    struct sov_loss loss;
    double size;

    ck_assert_int_eq(sov_loss_parse(&loss, text, NULL), 0);
    loss.alpha = alpha;
    loss.temp = temp;
    make_loss(t, unit, &loss, grad);
    memcpy(keep, w, n * sizeof(*w));
    size = sqrt(make_dot(grad, grad, n) / (double)n);
    ck_assert(size > 0);
    for (uint64_t d = 0; d < N_DIRECTIONS; d++) {
        double there, other, slope, told;

        make_direction(v, d, n);
        for (size_t i = 0; i < n; i++)
            w[i] = keep[i] + STEP * v[i];
        there = make_loss(t, unit, &loss, NULL);
        for (size_t i = 0; i < n; i++)
            w[i] = keep[i] - STEP * v[i];
        other = make_loss(t, unit, &loss, NULL);
        slope = (there - other) / (2 * STEP);
        told = make_dot(grad, v, n);
        ck_assert_msg(fabs(slope - told) <= TOLERANCE * (fabs(slope) + size),
                      "%s, direction %d: %.12g, not %.12g", text, (int)d, told,
                      slope);
    }
    memcpy(w, keep, n * sizeof(*w));
    free(grad);
    free(keep);
    free(v);
}

START_TEST(by_logits)
{
    static const char *const losses[] = { "fkl", "rkl", "jsd:0.3", "sfkl:0.1",
                                          "srkl:0.1" };
    const struct sov_trainee_opts opts = { .taught = true };
    struct sov_shape shape = forms[1].shape;
    sov_trainee *t = make_trainee(&shape, &opts);
    struct made_unit m;

    make_weights(t);
    make_unit(&m, shape.n_vocab);
    m.unit.teach = say;
    m.unit.arg = &shape.n_vocab;
    check(t, &m.unit, losses[_i], 1, 1);
    check(t, &m.unit, losses[_i], 0.6, 2);
    sov_trainee_free(t);
}
END_TEST

START_TEST(by_samples)
{
    static const int32_t id[] = { 0, 3, 9 };
    static const uint32_t count[] = { 4, 15, 1 };
    const struct sov_trainee_opts opts = { 0 };
    struct sov_few few[MAKE_TOKENS];
    sov_trainee *t = make_trainee(&forms[0].shape, &opts);
    struct made_unit m;

    make_weights(t);
    make_unit(&m, forms[0].shape.n_vocab);
    for (size_t i = 0; i < MAKE_TOKENS; i++)
        few[i] = (struct sov_few){ i % 7 == 2 ? 0 : 3, id, count };
    m.unit.few = few;
    check(t, &m.unit, "few", 1, 1);
    check(t, &m.unit, "few", 0.6, 2);
    sov_trainee_free(t);
}
END_TEST

/* Two layers are matched, with the teacher's width that of the model or not. */
static void
check_match(const struct form *form, const char *text, size_t width,
            bool recompute)
{
    struct sov_match match[SOV_MATCHES_MAX];
    struct sov_trainee_opts opts = { .recompute = recompute,
                                     .match = match,
                                     .match_width = width };
    struct made_unit m;
    sov_trainee *t;

    ck_assert_int_eq(sov_match_parse(match, &opts.n_match, text, NULL), 0);
    t = make_trainee(&form->shape, &opts);
    make_weights(t);
    make_unit(&m, form->shape.n_vocab);
    m.unit.show = show;
    m.unit.show_arg = &width;
    check(t, &m.unit, "ce", 1, 1);
    sov_trainee_free(t);
}

START_TEST(by_layers)
{
    for (size_t i = 0; i < N_FORMS; i++) {
        bool two = forms[i].shape.n_layer > 1;

        check_match(&forms[i], two ? "mse:2:1=5,0=3" : "mse:2:0=3",
                    forms[i].shape.n_embd, i % 2 != 0);
        check_match(&forms[i], two ? "cos:3:0=1,1=0" : "cos:3:0=1", 29,
                    i % 2 == 0);
    }
}
END_TEST

/* What is learnt beside the model is behind it, and in no file of it. */
START_TEST(guides_are_not_of_the_model)
{
    struct sov_match match[SOV_MATCHES_MAX];
    struct sov_trainee_opts plain = { 0 };
    struct sov_trainee_opts opts = { .match = match, .match_width = 29 };
    const struct sov_weight *list, *more;
    struct sov_err err = { 0 };
    struct sov_loss loss;
    struct sov_tally tally;
    struct made_unit m;
    sov_trainee *one, *other;
    sov_real *grad;
    sov_plan *plan;
    size_t n;

    ck_assert_int_eq(
        sov_match_parse(match, &opts.n_match, "mse:1:0=3,1=5", NULL), 0);
    one = make_trainee(&forms[0].shape, &plain);
    other = make_trainee(&forms[0].shape, &opts);
    n = sov_trainee_tensors(one, &list);
    ck_assert_uint_eq(sov_trainee_tensors(other, &more), n + 2);
    ck_assert_uint_gt(sov_trainee_count(other), sov_trainee_count(one));
    for (size_t i = 0; i < n; i++)
        ck_assert(strcmp(list[i].name, more[i].name) == 0 &&
                  list[i].at == more[i].at && !more[i].beside);
    ck_assert(more[n].beside && more[n + 1].beside);
    ck_assert(sov_trainee_weights(other)[more[n].at] != 0);
    sov_trainee_init(one, 5);
    sov_trainee_init(other, 5);
    ck_assert_mem_eq(sov_trainee_weights(one), sov_trainee_weights(other),
                     sov_trainee_count(one) * sizeof(sov_real));
    ck_assert(sov_trainee_weights(other)[more[n].at] != 0);
    ck_assert_int_eq(
        sov_trainee_plan(&plan, other, SOV_TYPE_F32, NULL, NULL, &err), 0);
    ck_assert_uint_eq(sov_plan_count(plan), n);
    sov_plan_free(plan);
    make_unit(&m, forms[0].shape.n_vocab);
    ck_assert_int_eq(sov_loss_parse(&loss, "ce", NULL), 0);
    ck_assert_int_eq(
        sov_trainee_unit(other, &m.unit, &loss, NULL, &tally, &err), 0);
    grad = sov_mem_array(sov_trainee_count(other), sizeof(*grad));
    ck_assert_int_eq(
        sov_trainee_unit(other, &m.unit, &loss, grad, &tally, &err), SOV_EARG);
    free(grad);
    sov_trainee_free(one);
    sov_trainee_free(other);
    ck_assert_int_eq(sov_match_parse(match, &opts.n_match, "mse:1:2=3", NULL),
                     0);
    ck_assert_int_eq(sov_trainee_new(&one, &forms[0].shape, &opts, &err),
                     SOV_EARG);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("match_grad");

    tcase_add_loop_test(tc, by_logits, 0, 5);
    tcase_add_test(tc, by_samples);
    tcase_add_test(tc, by_layers);
    tcase_add_test(tc, guides_are_not_of_the_model);
    return unit_main("match_grad", tc);
}
