/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_trainee_grad.c - gradients of whole models along random directions, in f64
 *
 * Compiled with SOV_REAL_DOUBLE, as are the sources of a trainee beside it;
 * prim_f64.c is what they compute with, and the loss is a plain one.  Along a
 * direction v of length 1, (L(w + h v) - L(w - h v)) / 2h must be grad . v.
 */
#include "trainee_make.h"

#include "sov/write.h"

#include <stdio.h>
#include <unistd.h>

#define N_DIRECTIONS 20
#define STEP         1e-5
#define TOLERANCE    1e-6

/* Cross-entropy, for what loss.h promises. */
void
sov_loss_run(const struct sov_loss *loss, const struct sov_slab *slab)
{
    (void)loss;
    for (size_t i = 0; i < slab->n; i++) {
        double *z = slab->z + i * slab->stride;
        double top = z[0], sum = 0;

        slab->loss[i] = slab->ce[i] = 0;
        for (size_t k = 1; k < slab->n_vocab; k++)
            top = z[k] > top ? z[k] : top;
        for (size_t k = 0; k < slab->n_vocab; k++)
            sum += exp(z[k] - top);
        if (slab->next[i] >= 0)
            slab->loss[i] = slab->ce[i] = log(sum) + top - z[slab->next[i]];
        for (size_t k = 0; k < slab->n_vocab; k++)
            z[k] = slab->next[i] < 0
                       ? 0
                       : exp(z[k] - top) / sum - ((int32_t)k == slab->next[i]);
    }
}

static void
check(sov_trainee *t, const char *name)
{
    size_t n = (size_t)sov_trainee_count(t);
    double *w = sov_trainee_weights(t);
    double *grad = sov_mem_array(n, sizeof(*grad));
    double *keep = sov_mem_array(n, sizeof(*keep));
    double *v = sov_mem_array(n, sizeof(*v));
    struct sov_loss loss = { 0 };
    struct made_unit m;
    double size;

    make_unit(&m, sov_trainee_shape(t)->n_vocab);
    make_loss(t, &m.unit, &loss, grad);
    memcpy(keep, w, n * sizeof(*w));
    size = sqrt(make_dot(grad, grad, n) / (double)n);
    for (uint64_t d = 0; d < N_DIRECTIONS; d++) {
        double there, other, slope, told;

        make_direction(v, d, n);
        for (size_t i = 0; i < n; i++)
            w[i] = keep[i] + STEP * v[i];
        there = make_loss(t, &m.unit, &loss, NULL);
        for (size_t i = 0; i < n; i++)
            w[i] = keep[i] - STEP * v[i];
        other = make_loss(t, &m.unit, &loss, NULL);
        slope = (there - other) / (2 * STEP);
        told = make_dot(grad, v, n);
        ck_assert_msg(fabs(slope - told) <= TOLERANCE * (fabs(slope) + size),
                      "%s, direction %d: %.12g, not %.12g", name, (int)d, told,
                      slope);
    }
    memcpy(w, keep, n * sizeof(*w));
    free(grad);
    free(keep);
    free(v);
}

START_TEST(whole_models)
{
    const struct sov_trainee_opts opts = { .recompute = _i % 2 != 0 };
    const struct form *form = &forms[_i / 2];
    sov_trainee *t = make_trainee(&form->shape, &opts);

    make_weights(t);
    check(t, form->name);
    sov_trainee_free(t);
}
END_TEST

/* A file of the weights of a form, opened. */
static sov_model *
write_base(const struct form *form)
{
    const struct sov_trainee_opts none = { 0 };
    struct sov_sink_opts opts = { .force = true, .no_sync = true };
    sov_trainee *t = make_trainee(&form->shape, &none);
    char path[64];
    struct sov_err err;
    sov_plan *plan;
    sov_model *model;
    sov_sink *sink;
    sov_writer *w;

    snprintf(path, sizeof(path), "t_trainee_grad.%d.gguf", (int)getpid());
    make_weights(t);
    ck_assert_int_eq(sov_trainee_plan(&plan, t, SOV_TYPE_F32, NULL, NULL, &err),
                     0);
    ck_assert_int_eq(sov_plan_freeze(plan, 32, &err), 0);
    ck_assert_int_eq(sov_sink_open(&sink, path, &opts, &err), 0);
    ck_assert_int_eq(sov_writer_begin(&w, plan, &sink, &err), 0);
    ck_assert_int_eq(sov_trainee_put(t, plan, NULL, NULL, w, &err), 0);
    ck_assert_int_eq(sov_writer_end(&w, &err), 0);
    ck_assert_int_eq(sov_sink_commit(&sink, &err), 0);
    ck_assert_msg(sov_model_open(&model, path, SOV_ACCESS_MAP, &err) == 0, "%s",
                  err.msg);
    unlink(path);
    sov_plan_free(plan);
    sov_trainee_free(t);
    return model;
}

START_TEST(adapters)
{
    const struct form *form = &forms[_i];
    sov_model *base = write_base(form);
    const struct sov_trainee_opts opts = {
        .rank = 3,
        .alpha = 5,
        .base = base,
        .targets = _i == 0 ? "v,o,down" : NULL,
        .recompute = _i % 2 != 0,
    };
    sov_trainee *t = make_trainee(&form->shape, &opts);

    make_weights(t);
    check(t, form->name);
    sov_trainee_free(t);
    sov_model_close(base);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("trainee_grad");

    tcase_add_loop_test(tc, whole_models, 0, 2 * (int)N_FORMS);
    tcase_add_loop_test(tc, adapters, 0, (int)N_FORMS);
    return unit_main("trainee_grad", tc);
}
