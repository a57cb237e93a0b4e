/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_insight.c - what leaves a teacher's layers: the last one gives the logits
 * that a session gives, and nothing depends on cuts or threads
 */
#include "tinytok.h"

#include "arch/arch.h"
#include "distill/insight.h"
#include "sov/base.h"

#include <math.h>

#define N_SEQ  3
#define TOKENS 170

static const size_t first[N_SEQ + 1] = { 0, 40, 41, TOKENS };
static int32_t ids[TOKENS];
static float h[2][TOKENS * TINY_EMBD], again[TOKENS * TINY_EMBD];

static void
ask(sov_insight *s, size_t i, size_t step, float *out)
{
    struct sov_err err = { 0 };

    ck_assert_int_eq(sov_insight_unit(s, N_SEQ, first, ids, &err), 0);
    for (size_t at = 0; at < TOKENS; at += step) {
        size_t n = TOKENS - at < step ? TOKENS - at : step;

        ck_assert_msg(
            sov_insight_read(s, i, at, n, out + at * TINY_EMBD, &err) == 0,
            "%s", err.msg);
    }
}

/* The head of a model of floats, by plain sums. */
static double
logit(const sov_model *m, const float *x, size_t token)
{
    int64_t norm = sov_model_find(m, "output_norm.weight");
    int64_t head = sov_model_find(m, "output.weight");
    const float *w = sov_model_at(m, (size_t)norm)->data;
    const float *row =
        (const float *)sov_model_at(m, (size_t)head)->data + token * TINY_EMBD;
    double sum = 0, square = 0;

    for (size_t i = 0; i < TINY_EMBD; i++)
        square += (double)x[i] * (double)x[i];
    for (size_t i = 0; i < TINY_EMBD; i++)
        sum += (double)x[i] * (double)w[i] * (double)row[i];
    return sum / sqrt(square / TINY_EMBD + 1e-5);
}

static void
check_logits(const sov_model *model, const float *x)
{
    struct sov_session_opts opts = { .n_ctx = 129,
                                     .n_logits = 129,
                                     .precise = true };
    sov_session *s;

    ck_assert_int_eq(sov_session_open(&s, model, &opts, NULL), 0);
    for (size_t q = 0; q < N_SEQ; q++) {
        size_t n = first[q + 1] - first[q];

        sov_session_truncate(s, 0);
        ck_assert_int_eq(
            sov_session_eval(s, ids + first[q], n, SOV_LOGITS_ALL, NULL), 0);
        for (size_t i = 0; i < n; i++)
            for (size_t v = 0; v < TINY_VOCAB; v += 7) {
                double y = logit(model, x + (first[q] + i) * TINY_EMBD, v);

                ck_assert(fabs(y - (double)sov_session_logits(s, i)[v]) < 1e-3);
            }
    }
    sov_session_close(s);
}

START_TEST(the_last_layer_gives_the_logits)
{
    struct tiny t = { .type = SOV_TYPE_F32, .change = tiny_tokenizer };
    sov_model *model = tiny_open(&t);
    struct sov_match match[2];
    struct sov_err err = { 0 };
    sov_insight *s;
    size_t n;

    for (size_t i = 0; i < TOKENS; i++)
        ids[i] = (int32_t)((i * 37 + i / 9) % TINY_VOCAB);
    ck_assert_int_eq(sov_match_parse(match, &n, "mse:1:0=1,1=0", &err), 0);
    ck_assert_msg(sov_insight_open(&s, model, 129, TOKENS, match, n, &err) == 0,
                  "%s", err.msg);
    ck_assert_uint_eq(sov_insight_layers(s), 2);
    ck_assert_uint_eq(sov_insight_width(s), TINY_EMBD);
    ck_assert_uint_gt(sov_insight_bytes(s), 0);
    ask(s, 0, TOKENS, h[0]);
    ask(s, 1, TOKENS, h[1]);
    ck_assert(memcmp(h[0], h[1], sizeof(h[0])) != 0);
    check_logits(model, h[0]);
    for (unsigned threads = 1; threads < 4; threads++) {
        sov_set_threads(threads);
        ask(s, threads % 2, 23 + threads, again);
        ck_assert_mem_eq(again, h[threads % 2], sizeof(again));
    }
    ck_assert_int_eq(sov_insight_read(s, 2, 0, 1, again, &err), SOV_EARG);
    ck_assert_int_eq(sov_insight_read(s, 0, TOKENS, 1, again, &err), SOV_EARG);
    ids[5] = TINY_VOCAB;
    ck_assert_int_eq(sov_insight_unit(s, N_SEQ, first, ids, &err), SOV_EARG);
    sov_insight_close(s);
    ck_assert_int_eq(sov_match_parse(match, &n, "mse:1:0=2", &err), 0);
    ck_assert_int_eq(sov_insight_open(&s, model, 129, TOKENS, match, n, &err),
                     SOV_EARG);
    ck_assert_ptr_null(s);
    sov_model_close(model);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("insight");

    tcase_add_test(tc, the_last_layer_gives_the_logits);
    return unit_main("insight", tc);
}
