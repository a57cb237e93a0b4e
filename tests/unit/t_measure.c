/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_measure.c - unit tests of lib/measure: perplexity against plain sums over
 * the logits of a tiny model
 */
#include "tinytok.h"

#include "sov/measure.h"

#include <math.h>

#define N_IDS 100

/* The mean by the rule: windows of n_ctx, tokens of the second half. */
static double
by_hand(sov_session *s, const int32_t *ids, size_t n, size_t n_ctx,
        uint64_t *scored)
{
    double sum = 0;

    *scored = 0;
    for (size_t at = 0; at + n_ctx <= n; at += n_ctx) {
        sov_session_truncate(s, 0);
        for (size_t i = 0; i + 1 < n_ctx; i++) {
            int32_t id = tiny_wants_bos && i == 0 ? TINY_BOS : ids[at + i];
            const float *logits;
            double all = 0;

            ck_assert_int_eq(
                sov_session_eval(s, &id, 1, SOV_LOGITS_LAST, NULL), 0);
            if (2 * (i + 1) < n_ctx)
                continue;
            logits = sov_session_logits(s, 0);
            for (size_t j = 0; j < TINY_VOCAB; j++)
                all += exp((double)logits[j]);
            sum -= (double)logits[ids[at + i + 1]] - log(all);
            ++*scored;
        }
    }
    return sum / (double)*scored;
}

static void
check(size_t n_ctx, uint32_t n_logits, uint32_t context)
{
    struct tiny t = { .type = SOV_TYPE_Q8_0, .change = tiny_tokenizer };
    struct sov_session_opts opts = { .n_logits = n_logits, .n_ctx = context };
    sov_model *model = tiny_open(&t);
    struct sov_ppl ppl;
    struct sov_err err;
    int32_t ids[N_IDS];
    uint64_t scored;
    sov_session *s;
    sov_tok *tok;
    double want;

    for (int i = 0; i < N_IDS; i++)
        ids[i] = (i * 29 + 5) % TINY_VOCAB;
    ck_assert_msg(sov_tok_load(&tok, sov_model_meta(model), &err) == 0, "%s",
                  err.msg);
    ck_assert_int_eq(sov_session_open(&s, model, &opts, &err), 0);
    ck_assert_msg(sov_perplexity(s, tok, ids, N_IDS, (uint32_t)n_ctx, NULL,
                                 NULL, &ppl, &err) == 0, "%s", err.msg);
    ck_assert_uint_eq(sov_session_pos(s), 0);
    want = by_hand(s, ids, N_IDS, n_ctx != 0 ? n_ctx : context, &scored);
    ck_assert_uint_eq(ppl.tokens, scored);
    ck_assert_msg(fabs(ppl.nll - want) < 1e-5, "%zu: %.9g %.9g", n_ctx,
                  ppl.nll, want);
    ck_assert(fabs(ppl.ppl - exp(want)) < 1e-4 * exp(want));
    sov_session_close(s);
    sov_tok_free(tok);
    sov_model_close(model);
}

START_TEST(perplexity_by_hand)
{
    for (int bos = 0; bos < 2; bos++) {
        tiny_wants_bos = bos;
        check(32, 0, 0);
        check(33, 7, 0);
        check(2, 1, 0);
        check(100, 32, 0);
        check(0, 32, 48);
    }
}
END_TEST

START_TEST(too_short_a_text_is_refused)
{
    struct tiny t = { .type = SOV_TYPE_F32, .change = tiny_tokenizer };
    sov_model *model = tiny_open(&t);
    struct sov_ppl ppl;
    struct sov_err err;
    int32_t ids[N_IDS] = { 0 };
    sov_session *s;
    sov_tok *tok;

    ck_assert_int_eq(sov_tok_load(&tok, sov_model_meta(model), &err), 0);
    ck_assert_int_eq(sov_session_open(&s, model, NULL, &err), 0);
    ck_assert_int_eq(
        sov_perplexity(s, tok, ids, 31, 32, NULL, NULL, &ppl, &err),
        SOV_EARG);
    ck_assert_int_eq(
        sov_perplexity(s, tok, ids, N_IDS, TINY_CTX + 1, NULL, NULL, &ppl,
                       &err), SOV_EARG);
    ck_assert_int_eq(
        sov_perplexity(s, tok, ids, N_IDS, 1, NULL, NULL, &ppl, &err),
        SOV_EARG);
    ids[N_IDS - 1] = TINY_VOCAB; /* a tokenizer with more tokens than that */
    ck_assert_int_eq(
        sov_perplexity(s, tok, ids, N_IDS, 32, NULL, NULL, &ppl, &err),
        SOV_EFORMAT);
    sov_session_close(s);
    sov_tok_free(tok);
    sov_model_close(model);
}
END_TEST

START_TEST(logits_that_are_not_numbers_are_said)
{
    struct tiny t = { .type = SOV_TYPE_F32, .change = tiny_tokenizer,
                      .norm_weight = NAN };
    sov_model *model = tiny_open(&t);
    struct sov_ppl ppl;
    struct sov_err err;
    int32_t ids[N_IDS] = { 0 };
    sov_session *s;
    sov_tok *tok;

    ck_assert_int_eq(sov_tok_load(&tok, sov_model_meta(model), &err), 0);
    ck_assert_int_eq(sov_session_open(&s, model, NULL, &err), 0);
    ck_assert_int_eq(
        sov_perplexity(s, tok, ids, N_IDS, 32, NULL, NULL, &ppl, &err),
        SOV_EFORMAT);
    sov_session_close(s);
    sov_tok_free(tok);
    sov_model_close(model);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("measure");

    tcase_add_test(tc, perplexity_by_hand);
    tcase_add_test(tc, too_short_a_text_is_refused);
    tcase_add_test(tc, logits_that_are_not_numbers_are_said);
    return unit_main("measure", tc);
}
