/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_prune_cost.c - what an estimate counts is what a run then does
 *
 * Seconds are not looked at: they are of a machine.
 */
#include "calib/calib_in.h"
#include "prune/layers.h"
#include "sov/prune.h"
#include "tiny.h"

#include <math.h>

#define CTX     32u
#define WINDOWS 9u /* so many that one is held apart */

static int32_t ids[CTX * WINDOWS];

static struct sov_calib_opts
text(void)
{
    for (size_t i = 0; i < CTX * WINDOWS; i++)
        ids[i] = (int32_t)(i * 37 % TINY_VOCAB);
    return (struct sov_calib_opts){
        .ids = ids, .n_ids = CTX * WINDOWS, .bos = -1, .n_ctx = CTX
    };
}

/* ---- multiplications ---- */

struct some {
    const sov_model *model;
    const char *part; /* of the names of those that are wanted */
    size_t fitted;
};

static bool
wanted(const void *arg, size_t tensor)
{
    const struct some *s = arg;

    return tensor < sov_model_count(s->model) &&
           strstr(sov_model_at(s->model, tensor)->name, s->part) != NULL;
}

static int
fit(void *arg, const struct sov_calib_site *site, const struct sov_moments *m,
    struct sov_err *err)
{
    struct some *s = arg;

    (void)err;
    ck_assert_uint_eq(m->fit.n + m->held.n, CTX * WINDOWS);
    ck_assert_uint_eq(m->out, site->out);
    s->fitted++;
    return 0;
}

static void
check_run(bool tied, const char *part, bool pairs, size_t sites)
{
    sov_model *model =
        tiny_open(&(struct tiny){ .type = SOV_TYPE_F16, .tied = tied });
    struct some s = { .model = model, .part = part };
    const struct sov_calib_fit how = {
        .pairs = pairs,
        .types = UINT64_C(1) << SOV_TYPE_F16,
        .wanted = wanted,
        .fit = fit,
        .arg = &s,
    };
    const struct sov_calib_opts o = text();
    struct sov_calib *c;
    struct sov_err err;

    ck_assert_msg(
        sov_calib_new(&c, model, &o, part != NULL ? &how : NULL, &err) == 0,
        "%s", err.msg);
    ck_assert_uint_eq(c->all,
                      sov_calib_products(c, 0) + sov_calib_products(c, 1));
    ck_assert_msg(sov_calib_run(c, &err) == 0, "%s", err.msg);
    ck_assert_uint_eq(c->done, c->all);
    ck_assert_uint_eq(s.fitted, sites);
    sov_calib_free(c);
    sov_model_close(model);
}

/* Statistics alone; matrices of some places; the head, where it is one. */
START_TEST(all_that_is_foretold_is_multiplied)
{
    check_run(true, NULL, false, 0);
    check_run(false, NULL, false, 0);
    check_run(true, "blk.", true, 8);
    check_run(false, "blk.", true, 8);
    check_run(true, "blk.", false, 8);
    check_run(true, "attn_q", true, 2);
    check_run(false, "ffn_down", true, 2);
    check_run(false, "blk.1.attn_output", true, 1);
    check_run(false, "output", true, 3);
    check_run(false, "", true, 9);
}
END_TEST

static int
add_sums(void *arg, const struct sov_calib_site *site, size_t k,
         struct sov_err *err)
{
    uint64_t *sums = arg;

    (void)err;
    *sums += k == 512 ? 1 : 0;
    ck_assert_uint_eq(site->out, site->enters == SOV_ENTERS_OUT ||
                                         site->enters == SOV_ENTERS_DOWN
                                     ? 256
                                     : 0);
    return 0;
}

/* Of h half, all of c, and what products lack where they are added. */
START_TEST(sums_of_moments)
{
    sov_model *model =
        tiny_open(&(struct tiny){ .type = SOV_TYPE_F16, .tied = true });
    struct some s = { .model = model, .part = "blk." };
    const struct sov_calib_fit how = {
        .pairs = true,
        .types = UINT64_C(1) << SOV_TYPE_F16,
        .wanted = wanted,
        .fit = fit,
        .arg = &s,
    };
    const struct sov_calib_opts o = text();
    struct sov_calib_site site = { .n_experts = 1 };
    uint64_t wide = 0;
    struct sov_calib *c;
    struct sov_err err;

    ck_assert_msg(sov_calib_new(&c, model, &o, &how, &err) == 0, "%s", err.msg);
    ck_assert_uint_eq(sov_calib_tokens(c), CTX * WINDOWS);
    ck_assert(sov_calib_holds(c));
    ck_assert_uint_eq(sov_calib_tallied(c), 2 * (256 + 256 + 256 + 512));
    ck_assert_uint_eq(sov_calib_sums(c, &site, 256), 256 * 256 * 3 / 2);
    site.out = 256;
    ck_assert_uint_eq(sov_calib_sums(c, &site, 512),
                      512 * 512 * 3 / 2 + 256 * 512);
    ck_assert_int_eq(sov_calib_each_site(c, add_sums, &wide, &err), 0);
    ck_assert_uint_eq(wide, 2);
    sov_calib_free(c);
    sov_model_close(model);
}
END_TEST

/* ---- rounds of layers ---- */

/* Counted as layers.c goes, where all are tried. */
static void
count_rounds(size_t n, size_t stay, size_t step, double *layers, double *losses)
{
    *layers = *losses = 0;
    for (; n > stay && n > step + 1; n -= step) {
        size_t at = 0;

        for (size_t p = 1; p + step < n; p++) {
            *layers += (double)(p - at) + (double)(n - p - step);
            *losses += 1;
            at = p;
        }
    }
}

START_TEST(layers_that_are_tried)
{
    double layers, losses, l, k;

    sov_layers_rounds(4, 3, 1, &layers, &losses);
    ck_assert_double_eq(layers, 5); /* up to 2; from 2 one, from 3 none */
    ck_assert_double_eq(losses, 2);
    for (size_t n = 2; n <= 10; n++)
        for (size_t step = 1; step <= 3; step++)
            for (size_t stay = 1; stay <= n; stay++) {
                if (n - step - 1 > 8 || step + 1 > n)
                    continue;
                sov_layers_rounds(n, stay, step, &layers, &losses);
                count_rounds(n, stay, step, &l, &k);
                ck_assert_double_eq_tol(layers, l, 1e-9);
                ck_assert_double_eq_tol(losses, k, 1e-9);
            }
    /* of many eight are */
    sov_layers_rounds(32, 31, 1, &layers, &losses);
    ck_assert_double_eq(losses, 8);
    ck_assert(layers > 31 && layers < 8 * 31);
}
END_TEST

/* ---- jobs ---- */

static struct sov_prune_cost
cost_of(const char *method, double ratio, bool heal)
{
    sov_model *model =
        tiny_open(&(struct tiny){ .type = SOV_TYPE_F16, .tied = true });
    const struct sov_calib_opts o = text();
    const struct sov_prune_opts opts = {
        .method = method, .ratio = ratio, .heal = heal, .calib = &o
    };
    struct sov_prune_cost cost;
    struct sov_err err;
    sov_prune *job;

    ck_assert_msg(sov_prune_new(&job, model, &opts, &err) == 0, "%s", err.msg);
    ck_assert_msg(sov_prune_cost(job, &cost, &err) == 0, "%s", err.msg);
    sov_prune_free(job);
    sov_model_close(model);
    return cost;
}

/* Every method that reads a text has an estimate. */
START_TEST(every_method_is_foretold)
{
    const char *name;

    for (size_t i = 0; (name = sov_prune_method_name(i)) != NULL; i++) {
        struct sov_prune_cost cost;

        if (strcmp(name, "vocab") == 0 || strcmp(name, "experts") == 0)
            continue; /* reads no text; has none here */
        cost = cost_of(name, 0.5, false);
        ck_assert_msg(cost.seconds > 0 && isfinite(cost.seconds), "%s", name);
        ck_assert_msg(cost.write > 0 && isfinite(cost.write), "%s", name);
        ck_assert_msg(cost.memory > 1 << 20, "%s", name);
    }
    ck_assert(cost_of("wanda", 0.5, true).scratch >
              cost_of("wanda", 0.5, false).scratch);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("prune_cost");

    tcase_add_test(tc, all_that_is_foretold_is_multiplied);
    tcase_add_test(tc, sums_of_moments);
    tcase_add_test(tc, layers_that_are_tried);
    tcase_add_test(tc, every_method_is_foretold);
    return unit_main("prune_cost", tc);
}
