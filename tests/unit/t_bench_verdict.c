/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_bench_verdict.c - unit tests of lib/bench: verdicts and change points, rule
 * by rule
 */
#include "sov/bench.h"

#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct sov_err err;
static struct sov_bench_set now, base;
static struct sov_bench_rule rule;
static struct sov_bench_verdict *v;
static size_t n_v;

static void
set_up(void)
{
    sov_bench_rule_start(&rule);
}

static void
tear_down(void)
{
    sov_bench_set_free(&now);
    sov_bench_set_free(&base);
    free(v);
    v = NULL;
}

/* A run with ten samples around value, 1 % apart at most. */
static struct sov_bench_record *
run_of(struct sov_bench_set *set, const char *metric, double value)
{
    static unsigned run;
    struct sov_bench_record *r = sov_bench_set_add(set, &err);
    double s[10];

    ck_assert_ptr_nonnull(r);
    for (int i = 0; i < 10; i++)
        s[i] = value * (1 + 0.001 * (i * 7 % 10 - 4.5));
    ck_assert_int_eq(sov_bench_record_metric(r, metric, &err), 0);
    ck_assert_int_eq(sov_bench_record_samples(r, s, 10, &err), 0);
    snprintf(r->run, sizeof(r->run), "%x", ++run);
    strcpy(r->machine.id, "aa");
    r->model.name = strdup("tale.gguf");
    r->cell.gen = 128;
    return r;
}

/* A run with one value alone. */
static struct sov_bench_record *
value_of(struct sov_bench_set *set, const char *metric, double value)
{
    struct sov_bench_record *r = run_of(set, metric, 1);

    r->n = 0;
    r->stat = (struct sov_bench_stat){ .n = 1, .median = value };
    return r;
}

static const struct sov_bench_verdict *
judge(enum sov_bench_answer answer, const char *reason)
{
    free(v);
    ck_assert_int_eq(sov_bench_judge(&now, &base, &rule, &v, &n_v, &err), 0);
    ck_assert_uint_ge(n_v, 1);
    ck_assert_msg(v->answer == answer && strstr(v->reason, reason) != NULL,
                  "%s: %s", sov_bench_answer_name(v->answer), v->reason);
    return v;
}

START_TEST(worse_and_better_and_the_same)
{
    for (int i = 0; i < 5; i++) {
        run_of(&now, "decode", 90 + 0.1 * i);
        run_of(&base, "decode", 100 + 0.1 * i);
    }
    judge(SOV_BENCH_WORSE, "% slower (");
    ck_assert(fabs(v->change - 100.2 / 90.2 + 1) < 1e-3);
    ck_assert(v->low < v->change && v->change < v->high && v->low > 0.03);
    ck_assert(v->n_now == 5 && v->n_base == 5 && v->p < 0.001);
    ck_assert(fabs(v->before - 100.2) < 0.2 && fabs(v->after - 90.2) < 0.2);
    ck_assert(v->now == &now.record[4] && v->base == &base.record[4]);
    rule.fail_above = 0.15;
    judge(SOV_BENCH_SAME, "11.1 % slower (");
    rule.fail_above = 0.11;
    judge(SOV_BENCH_INCONCLUSIVE, "which does not tell");
    rule.fail_above = 0;
    judge(SOV_BENCH_WORSE, "");
    for (int i = 0; i < 5; i++)
        now.record[i].better = base.record[i].better = SOV_BENCH_LOWER;
    rule.fail_above = 0.03;
    judge(SOV_BENCH_BETTER, "10.0 % less (");
}
END_TEST

START_TEST(words_are_about_the_metric)
{
    for (int i = 0; i < 5; i++) {
        run_of(&now, "first_token", 1.2);
        run_of(&base, "first_token", 1);
    }
    judge(SOV_BENCH_WORSE, "20.0 % slower (");
    tear_down();
    for (int i = 0; i < 5; i++) {
        run_of(&now, "joules_per_token", 1.2);
        run_of(&base, "joules_per_token", 1);
    }
    judge(SOV_BENCH_WORSE, "20.0 % more (");
    tear_down();
    value_of(&now, "perplexity", 12);
    value_of(&base, "perplexity", 10);
    judge(SOV_BENCH_WORSE, "20.0 % worse");
}
END_TEST

START_TEST(what_is_refused)
{
    run_of(&now, "decode", 100);
    judge(SOV_BENCH_REFUSED, "nothing to compare with");
    ck_assert(v->base == NULL && isnan(v->change) && isnan(v->p_holm));
    run_of(&base, "decode", 100)->cell.gen = 64;
    run_of(&base, "prefill", 100);
    judge(SOV_BENCH_REFUSED, "nothing to compare with");
    strcpy(run_of(&base, "decode", 100)->machine.id, "bb");
    judge(SOV_BENCH_REFUSED, "another machine");
    rule.cross_machine = true; /* one run beside one run says little */
    judge(SOV_BENCH_INCONCLUSIVE, "which does not tell");
    /* a history that has this run already */
    strcpy(base.record[2].run, now.record[0].run);
    judge(SOV_BENCH_REFUSED, "nothing to compare with");
}
END_TEST

START_TEST(too_few_or_wrong_samples_are_refused)
{
    run_of(&now, "decode", 100);
    run_of(&base, "decode", 100);
    now.record[0].n = 5;
    judge(SOV_BENCH_REFUSED, "5 samples beside 10, 6 are needed");
    run_of(&now, "decode", 100)->n = 1;
    judge(SOV_BENCH_SAME, "");
    now.record[1].samples[0] = 0;
    judge(SOV_BENCH_REFUSED, "not above 0");
    now.record[1].samples[0] = NAN;
    judge(SOV_BENCH_REFUSED, "not above 0");
    rule.alpha = 0;
    ck_assert_int_eq(sov_bench_judge(&now, &base, &rule, &v, &n_v, &err),
                     SOV_EARG);
}
END_TEST

START_TEST(noise_is_no_regression)
{
    for (int i = 0; i < 5; i++) {
        run_of(&now, "decode", 80)->noise.steal = 0.2;
        run_of(&base, "decode", 100);
    }
    judge(SOV_BENCH_INCONCLUSIVE, "but other guests took the CPU");
    /* runs that were quiet speak for themselves */
    now.record[1].noise.steal = now.record[2].noise.steal = 0;
    judge(SOV_BENCH_WORSE, "");
    ck_assert_uint_eq(v->n_now, 2);
    for (int i = 0; i < 5; i++)
        base.record[i].noise.throttled = 1;
    judge(SOV_BENCH_INCONCLUSIVE, "but the quota throttled it");
}
END_TEST

START_TEST(every_noise_has_its_word)
{
    struct sov_bench_noise n = { 0.01, 0.01, 0.01, 0.001, 0.01 };

    ck_assert_ptr_null(sov_bench_noise_found(&n));
    n.frequency_drift = 0.06;
    ck_assert_str_eq(sov_bench_noise_found(&n), "the clock changed");
    n.memory_pressure = 0.03;
    ck_assert_str_eq(sov_bench_noise_found(&n), "memory was short");
    n.cpu_pressure = 0.2;
    ck_assert_str_eq(sov_bench_noise_found(&n), "others wanted the CPU");
    n = (struct sov_bench_noise){ NAN, NAN, NAN, NAN, NAN };
    ck_assert_ptr_null(sov_bench_noise_found(&n));
}
END_TEST

START_TEST(small_changes_are_below_the_floor)
{
    for (int i = 0; i < 6; i++) {
        run_of(&now, "start", 0.0012);
        run_of(&base, "start", 0.0010);
    }
    judge(SOV_BENCH_SAME, "20.0 % slower"); /* by a fifth of a millisecond */
    rule.floor = 0.0001;
    judge(SOV_BENCH_WORSE, "20.0 % slower");
}
END_TEST

/* What is significant alone need not be so among many. */
START_TEST(many_cells_are_corrected_for)
{
    for (unsigned cell = 0; cell < 12; cell++)
        for (int i = 0; i < 4; i++) {
            double slower = cell == 0 ? 0.966 + 0.002 * i : 1 + 0.002 * i;

            run_of(&now, "decode", 100 * slower)->cell.depth = cell;
            run_of(&base, "decode", 100 * (1 + 0.002 * i))->cell.depth = cell;
        }
    rule.alpha = 0.05;
    rule.fail_above = 0.026;
    judge(SOV_BENCH_INCONCLUSIVE, "too little among so many cells");
    ck_assert_uint_eq(n_v, 12);
    ck_assert(v->low > 0.026 && v->p < 0.05 && v->p_holm > 0.05);
    ck_assert(fabs(v->p_holm - 12 * v->p) < 1e-12);
    for (size_t i = 1; i < 12; i++)
        ck_assert_int_eq(v[i].answer, SOV_BENCH_SAME);
    now.n = 4; /* the one alone */
    judge(SOV_BENCH_WORSE, "");
    now.n = 48;
    rule.alpha = 0.0001;
    judge(SOV_BENCH_INCONCLUSIVE, "not beyond doubt: 1 of ");
}
END_TEST

START_TEST(a_night_from_another_world_is_left_out)
{
    for (int i = 0; i < 12; i++)
        run_of(&base, "decode", i == 5 ? 50 : 100 + 0.2 * (i * 5 % 7));
    for (int i = 0; i < 4; i++)
        run_of(&now, "decode", 92 + 0.2 * i);
    judge(SOV_BENCH_WORSE, "");
    ck_assert(fabs(v->before - 100.6) < 0.3);
}
END_TEST

START_TEST(what_is_computed_is_what_it_is)
{
    value_of(&base, "perplexity", 10);
    value_of(&now, "perplexity", 10.2);
    judge(SOV_BENCH_SAME, "2.0 % worse");
    now.record[0].stat.median = 10.5;
    judge(SOV_BENCH_WORSE, "5.0 % worse");
    ck_assert(isnan(v->p) && isnan(v->p_holm));
    now.record[0].stat.median = 9;
    judge(SOV_BENCH_BETTER, "10.0 % better");
    now.record[0].stat.median = NAN;
    judge(SOV_BENCH_REFUSED, "no value");
    tear_down();
    value_of(&base, "kld", 0);
    value_of(&now, "kld", 0);
    judge(SOV_BENCH_SAME, "");
    now.record[0].stat.median = 0.1;
    judge(SOV_BENCH_WORSE, "");
    tear_down();
    value_of(&base, "hellaswag", 0.5);
    value_of(&now, "hellaswag", 0.4);
    judge(SOV_BENCH_WORSE, "20.0 % worse");
}
END_TEST

/* Of 40 tasks 9 that were right are wrong: 19 right instead of 28. */
START_TEST(tasks_are_pairs)
{
    struct sov_bench_record *r[2] = { value_of(&base, "hellaswag", 0.7),
                                      value_of(&now, "hellaswag", 0.5) };

    for (int k = 0; k < 2; k++) {
        free(r[k]->samples);
        r[k]->samples = calloc(40, sizeof(double));
        r[k]->n = 40;
        for (int i = 0; i < 40; i++)
            r[k]->samples[i] = i < (k == 0 ? 28 : 19);
    }
    judge(SOV_BENCH_WORSE, "");
    ck_assert(fabs(v->p - 2.0 / 512) < 1e-12); /* nine heads of nine */
    for (int i = 28; i < 33; i++)
        r[1]->samples[i] = 1; /* 9 that are wrong now, and 5 right */
    judge(SOV_BENCH_INCONCLUSIVE, "by chance perhaps");
}
END_TEST

/* Twelve pairs about ratio, 2 % apart at most. */
static struct sov_bench_record *
pairs_of(double ratio, size_t n)
{
    struct sov_bench_record *r = run_of(&now, "ratio", 1);
    double s[12];

    for (int i = 0; i < 12; i++)
        s[i] = ratio * (1 + 0.002 * (i * 5 % 12 - 5.5));
    ck_assert_int_eq(sov_bench_record_samples(r, s, n, &err), 0);
    r->cell.text = strdup("./old");
    return r;
}

static void
judge_pairs(enum sov_bench_answer answer, const char *reason)
{
    free(v);
    ck_assert_int_eq(sov_bench_judge_pairs(&now, &rule, &v, &n_v, &err), 0);
    ck_assert_uint_ge(n_v, 1);
    ck_assert_msg(v->answer == answer && strstr(v->reason, reason) != NULL,
                  "%s: %s", sov_bench_answer_name(v->answer), v->reason);
    ck_assert_ptr_null(v->base);
    sov_bench_set_free(&now);
}

START_TEST(pairs_are_judged_by_themselves)
{
    rule.fail_above = 0.01;
    run_of(&now, "decode", 100); /* is no pair */
    pairs_of(0.97, 12);
    judge_pairs(SOV_BENCH_WORSE, "3.1 % slower (2.6 to 3.6) than ./old");
    ck_assert_uint_eq(n_v, 1);
    pairs_of(1.03, 12);
    judge_pairs(SOV_BENCH_BETTER, "2.9 % faster");
    pairs_of(1, 12);
    judge_pairs(SOV_BENCH_SAME, "0.0 % ");
    pairs_of(0.99, 12);
    judge_pairs(SOV_BENCH_INCONCLUSIVE, "1.0 % slower");
    rule.fail_above = 0.03;
    pairs_of(0.97, 12);
    judge_pairs(SOV_BENCH_INCONCLUSIVE, "3.1 % slower");
    rule.fail_above = 0;
    pairs_of(0.97, 12)->noise.steal = 0.5; /* it was stolen from both */
    judge_pairs(SOV_BENCH_WORSE, "3.1 % slower");
    /* eight pairs cannot be that sure */
    pairs_of(0.9, 8);
    judge_pairs(SOV_BENCH_INCONCLUSIVE,
                "11.1 % slower (10.2 to 12.0) than ./old, not beyond doubt: "
                "1 of 128 such is chance, and not 1 of 200");
    /* nor does an interval that has the threshold in it */
    rule.fail_above = 0.11;
    pairs_of(0.9, 8);
    judge_pairs(SOV_BENCH_INCONCLUSIVE, "than ./old");
    ck_assert_ptr_null(strstr(v->reason, "doubt"));
    rule.fail_above = 0;
    pairs_of(0.9, 9);
    judge_pairs(SOV_BENCH_WORSE, "11.1 % slower");
    pairs_of(0.9, 5);
    judge_pairs(SOV_BENCH_REFUSED, "too few pairs");
    pairs_of(0.9, 12)->samples[3] = 0;
    judge_pairs(SOV_BENCH_REFUSED, "a ratio that cannot be");
    pairs_of(0.9, 12)->samples[3] = 1e308;
    judge_pairs(SOV_BENCH_REFUSED, "a ratio that cannot be");
}
END_TEST

/* One in fifty that looks worse by chance is none of a thousand. */
START_TEST(many_pairs_are_corrected_for)
{
    rule.fail_above = 0.01;
    for (int i = 0; i < 30; i++)
        pairs_of(i == 7 ? 0.97 : 1, 9);
    free(v);
    ck_assert_int_eq(sov_bench_judge_pairs(&now, &rule, &v, &n_v, &err), 0);
    ck_assert_uint_eq(n_v, 30);
    ck_assert_int_eq(v[7].answer, SOV_BENCH_INCONCLUSIVE);
    ck_assert(v[7].p < rule.alpha && v[7].p_holm > rule.alpha);
    ck_assert_ptr_nonnull(strstr(v[7].reason, "among so many cells"));
}
END_TEST

START_TEST(steps_are_found_where_they_are)
{
    struct sov_bench_change *c;
    double x[80];
    size_t n;

    for (size_t i = 0; i < 80; i++)
        x[i] = (i < 40 ? 100 : i < 60 ? 95 : 110) + (double)(i * 7 % 11) / 10;
    ck_assert_int_eq(
        sov_bench_changes(x, 80, SOV_BENCH_CHANGE_ALPHA, 0.01, &c, &n, &err),
        0);
    ck_assert_uint_eq(n, 2);
    ck_assert_uint_eq(c[0].at, 40);
    ck_assert_uint_eq(c[1].at, 60);
    ck_assert(fabs(c[0].change + 0.05) < 0.005 && c[0].p <= 0.0002);
    ck_assert(fabs(c[1].before - 95.5) < 0.2 && fabs(c[1].after - 110.5) < 0.2);
    free(c);
    /* the smaller one is dropped, and what is beside it joined */
    ck_assert_int_eq(
        sov_bench_changes(x, 80, SOV_BENCH_CHANGE_ALPHA, 0.08, &c, &n, &err),
        0);
    ck_assert_uint_eq(n, 1);
    ck_assert_uint_eq(c[0].at, 60);
    free(c);
    /* what is older than the span is not looked at */
    ck_assert_int_eq(
        sov_bench_changes(x, 60, SOV_BENCH_CHANGE_ALPHA, 0.01, &c, &n, &err),
        0);
    ck_assert(n == 1 && c[0].at == 40);
    free(c);
}
END_TEST

START_TEST(no_steps_where_there_are_none)
{
    struct sov_bench_change *c;
    double x[80] = { 0 };
    size_t n = 9;

    for (size_t k = 0; k <= 80; k++) {
        ck_assert_int_eq(sov_bench_changes(x, k, 0.05, 0, &c, &n, &err), 0);
        ck_assert_uint_eq(n, 0);
        free(c);
    }
    for (size_t i = 40; i < 80; i++)
        x[i] = 1; /* from 0, so by any share */
    ck_assert_int_eq(sov_bench_changes(x, 80, 0.05, 0.5, &c, &n, &err), 0);
    ck_assert(n == 1 && c[0].at == 40 && isinf(c[0].change));
    free(c);
    x[79] = NAN;
    ck_assert_int_eq(sov_bench_changes(x, 80, 0.05, 0, &c, &n, &err), SOV_EARG);
    ck_assert_int_eq(sov_bench_changes(x, 80, 0, 0, &c, &n, &err), SOV_EARG);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("verdict");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, worse_and_better_and_the_same);
    tcase_add_test(tc, words_are_about_the_metric);
    tcase_add_test(tc, what_is_refused);
    tcase_add_test(tc, too_few_or_wrong_samples_are_refused);
    tcase_add_test(tc, noise_is_no_regression);
    tcase_add_test(tc, every_noise_has_its_word);
    tcase_add_test(tc, small_changes_are_below_the_floor);
    tcase_add_test(tc, many_cells_are_corrected_for);
    tcase_add_test(tc, a_night_from_another_world_is_left_out);
    tcase_add_test(tc, what_is_computed_is_what_it_is);
    tcase_add_test(tc, tasks_are_pairs);
    tcase_add_test(tc, pairs_are_judged_by_themselves);
    tcase_add_test(tc, many_pairs_are_corrected_for);
    tcase_add_test(tc, steps_are_found_where_they_are);
    tcase_add_test(tc, no_steps_where_there_are_none);
    return unit_main("bench_verdict", tc);
}
