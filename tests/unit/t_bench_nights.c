/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_bench_nights.c - unit tests of lib/bench: how often verdicts are wrong
 *
 * A thousand histories, each of a machine that is noisy in one of some ways,
 * are made of counted random numbers, and judged as sov-bench would: alarms
 * where nothing changed are counted, and changes that are not found.
 *
 * A rate is 100 * exp(-(night + sample + drift)) and there are SAMPLES of them
 * in a run.  Of each machine:
 *
 *     night     standard deviation of runs of the same, normal
 *     sample    ... of samples within a run, likewise (so rates are lognormal)
 *     far       share of samples that take 10 to 100 % more time
 *     creep     by so much the clock falls from the first sample to the last
 *     wave      height of a slow wave over the nights, 40 of them long
 *     digits    rates are rounded to so many places after the point, so that
 *               many are the same
 */
#include "base/fmath.h"
#include "base/rng.h"
#include "sov/bench.h"

#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SERIES  1000
#define FEW     200 /* series, where a thousand would take long */
#define NIGHTS  60
#define BASE    20 /* nights that a new one is compared with */
#define RUNS    10 /* of 30 s each: five minutes */
#define SAMPLES 12

static const struct machine {
    double night, sample, far, creep, wave;
    int digits;
} machines[] = {
    { 0.005, 0.010, 0.00, 0.000, 0.000, 9 },
    { 0.0075, 0.015, 0.03, 0.000, 0.000, 9 },
    { 0.010, 0.020, 0.03, 0.000, 0.000, 9 },
    { 0.0075, 0.010, 0.00, 0.010, 0.002, 9 },
    { 0.005, 0.010, 0.05, 0.005, 0.002, 0 },
    { 0.010, 0.010, 0.02, 0.000, 0.000, 1 },
    { 0.001, 0.020, 0.00, 0.000, 0.000, 9 },
    /* a guest of a busy host, as one was measured: it hides 3 % */
    { 0.020, 0.045, 0.03, 0.000, 0.000, 9 },
};

#define N_MACHINES (sizeof(machines) / sizeof(machines[0]))
#define N_QUIET    (N_MACHINES - 1)

static struct sov_err err;
static uint64_t stream, counter; /* of the random numbers of a series */

static double
unit(void)
{
    return sov_rng_unit(9, stream, counter++);
}

/* G. E. P. Box and M. E. Muller, 1958. */
static double
normal(double sd)
{
    double radius = sqrt(-2 * sov_log(1 - unit()));

    return sd * radius * sov_cos(6.283185307179586 * unit());
}

static void
make_run(const struct machine *m, uint64_t night, double slower, double *v)
{
    double fate = normal(m->night) +
                  m->wave * sov_sin(6.283185307179586 * (double)night / 40);

    for (int i = 0; i < SAMPLES; i++) {
        double t = fate + slower + normal(m->sample) + m->creep * i / SAMPLES;
        double scale = m->digits == 0 ? 1 : m->digits == 1 ? 10 : 1e9;

        if (unit() < m->far)
            t += sov_log(1.1 + 0.9 * unit());
        v[i] = round(100 * sov_exp(-t) * scale) / scale;
    }
}

/* ---- a history as the library has it, whose records are used again */

static struct sov_bench_record records[NIGHTS + RUNS];

static void
begin_series(uint64_t series)
{
    stream = series;
    counter = 0;
}

static void
make_record(size_t i, const struct machine *m, double slower)
{
    double v[SAMPLES];

    make_run(m, i, slower, v);
    if (records[i].metric == NULL) {
        sov_bench_record_start(&records[i]);
        ck_assert_int_eq(sov_bench_record_metric(&records[i], "decode", &err),
                         0);
        snprintf(records[i].run, sizeof(records[i].run), "%zx", i + 1);
    }
    ck_assert_int_eq(sov_bench_record_samples(&records[i], v, SAMPLES, &err),
                     0);
}

static enum sov_bench_answer
judge(size_t base, size_t n_base, size_t now, size_t n_now, double fail_above)
{
    struct sov_bench_set old = { records + base, n_base };
    struct sov_bench_set young = { records + now, n_now };
    struct sov_bench_verdict *v;
    struct sov_bench_rule rule;
    enum sov_bench_answer answer;
    size_t n;

    sov_bench_rule_start(&rule);
    rule.fail_above = fail_above;
    ck_assert_int_eq(sov_bench_judge(&young, &old, &rule, &v, &n, &err), 0);
    ck_assert_uint_eq(n, 1);
    answer = v->answer;
    free(v);
    return answer;
}

/* Series of `base` old runs and `now` new ones that are called worse. */
static int
count_worse(size_t base, size_t now, double slower, double fail_above)
{
    int worse[N_MACHINES] = { 0 }, all = 0;
    size_t kinds = slower > fail_above ? N_QUIET : N_MACHINES;

    for (int s = 0; s < SERIES; s++) {
        size_t kind = (size_t)s % kinds;

        begin_series((uint64_t)s);
        for (size_t i = 0; i < base + now; i++)
            make_record(i, &machines[kind], i < base ? 0 : slower);
        worse[kind] += judge(0, base, base, now, fail_above) == SOV_BENCH_WORSE;
    }
    printf("%zu beside %zu, %.1f %% slower, above %.1f %%:", now, base,
           100 * slower, 100 * fail_above);
    for (size_t i = 0; i < kinds; i++) {
        printf(" %d", worse[i]);
        all += worse[i];
    }
    printf(" = %d\n", all);
    return all;
}

/* Every night is judged by those before it: at most one series of a thousand
 * may have an alarm. */
START_TEST(nothing_changed_over_the_nights)
{
    int alarms = 0;

    for (int s = 0; s < SERIES; s++) {
        bool alarm = false;

        begin_series((uint64_t)s);
        for (size_t i = 0; i < NIGHTS; i++) {
            size_t base = i < BASE ? i : BASE;

            make_record(i, &machines[(size_t)s % N_MACHINES], 0);
            alarm |=
                i > 0 && judge(i - base, base, i, 1, 0.03) == SOV_BENCH_WORSE;
        }
        alarms += alarm;
    }
    printf("%d nights, nothing changed: %d of %d series have an alarm\n",
           NIGHTS, alarms, SERIES);
    ck_assert_int_le(alarms, 1);
}
END_TEST

/* The setting that finds 3 % within five minutes has no more alarms. */
START_TEST(three_hundredths_are_found)
{
    double slower = sov_log(1.03);

    ck_assert_int_ge(count_worse(BASE, RUNS, slower, 0.01), 950);
    ck_assert_int_le(count_worse(BASE, RUNS, 0, 0.01), 1);
    ck_assert_int_le(count_worse(BASE, RUNS, 0, 0.03), 1);
}
END_TEST

/* With so many runs on both sides as one has on the first day. */
START_TEST(three_hundredths_are_found_on_one_day)
{
    double slower = sov_log(1.03);

    ck_assert_int_ge(count_worse(RUNS, RUNS, slower, 0.005), 950);
    ck_assert_int_le(count_worse(RUNS, RUNS, 0, 0.005), 1);
}
END_TEST

/* What is worse by less than the threshold is no alarm, be it ever so sure; by
 * much more is one on the first night. */
START_TEST(the_threshold_is_one)
{
    ck_assert_int_le(count_worse(BASE, RUNS, sov_log(1.02), 0.03), 1);
    ck_assert_int_ge(count_worse(BASE, 1, sov_log(1.10), 0.03), 950);
    ck_assert_int_ge(count_worse(BASE, 3, sov_log(1.07), 0.03), 950);
}
END_TEST

/* One run beside one run: the spread of runs is not known. */
START_TEST(two_runs_alone_say_little)
{
    ck_assert_int_le(count_worse(1, 1, 0, 0.03), 1);
    ck_assert_int_ge(count_worse(1, 1, sov_log(1.35), 0.03), 950);
}
END_TEST

/* A rule that knows nothing of runs: the medians of two nights differ by more
 * than 3 %, and so do their samples.  It has many alarms, so the machines are
 * not too good to be true. */
START_TEST(samples_alone_give_alarms)
{
    int alarms = 0;

    for (int s = 0; s < SERIES; s++) {
        struct sov_bench_u u;

        begin_series((uint64_t)s);
        make_record(0, &machines[(size_t)s % N_MACHINES], 0);
        make_record(1, &machines[(size_t)s % N_MACHINES], 0);
        ck_assert_int_eq(sov_bench_u_test(records[0].samples, SAMPLES,
                                          records[1].samples, SAMPLES, &u,
                                          &err),
                         0);
        alarms += u.p <= 0.05 &&
                  records[0].stat.median > 1.03 * records[1].stat.median;
    }
    printf("a rule of samples alone: %d of %d pairs of nights\n", alarms,
           SERIES);
    ck_assert_int_ge(alarms, 5);
}
END_TEST

/* ---- change points */

static double values[NIGHTS];

/* Medians of NIGHTS nights; from night `from` on they are slower, all at once
 * or little by little. */
static void
make_values(int series, size_t from, double slower, bool slowly)
{
    size_t kinds = slower > 0 ? N_QUIET : N_MACHINES;
    const struct machine *m = &machines[(size_t)series % kinds];

    begin_series((uint64_t)series + 5000);
    for (size_t i = 0; i < NIGHTS; i++) {
        double share = i < from ? 0 : 1;
        struct sov_bench_stat stat;
        double v[SAMPLES];

        if (slowly && i >= from)
            share = (double)(i - from) / (double)(NIGHTS - 1 - from);
        make_run(m, i, slower * share, v);
        ck_assert_int_eq(sov_bench_describe(v, SAMPLES, 0.95, &stat, &err), 0);
        values[i] = stat.median;
    }
}

/* Series with a change point near `from` (anywhere: NIGHTS). */
static int
count_changes(int series, size_t from, double slower, bool slowly)
{
    int found = 0;

    for (int s = 0; s < series; s++) {
        struct sov_bench_change *c;
        size_t n;
        bool here = false;

        make_values(s, from, slower, slowly);
        ck_assert_int_eq(sov_bench_changes(values, NIGHTS,
                                           SOV_BENCH_CHANGE_ALPHA, 0.01, &c, &n,
                                           &err),
                         0);
        for (size_t i = 0; i < n; i++)
            here |=
                from == NIGHTS || slowly ||
                (c[i].at + 3 >= from && c[i].at <= from + 3 && c[i].change < 0);
        found += here;
        free(c);
    }
    printf("changes by %.1f %% from night %zu%s: %d of %d series\n",
           100 * slower, from, slowly ? ", slowly" : "", found, series);
    return found;
}

START_TEST(change_points_are_found_and_not_made_up)
{
    double slower = sov_log(1.03);

    ck_assert_int_le(count_changes(SERIES, NIGHTS, 0, false), 1);
    ck_assert_int_ge(count_changes(FEW, 40, slower, false), FEW * 95 / 100);
    ck_assert_int_ge(count_changes(FEW, 12, slower, false), FEW * 95 / 100);
    ck_assert_int_ge(count_changes(FEW, 49, slower, false), FEW * 95 / 100);
    ck_assert_int_ge(count_changes(FEW, 10, slower, true), FEW * 95 / 100);
}
END_TEST

/* ---- pairs, as --vs measures them: fate and creep are those of both */

static int
count_pairs(double slower, double beyond)
{
    enum { PAIRS = 3 * SAMPLES };
    int found = 0;

    for (int s = 0; s < SERIES; s++) {
        struct machine m = machines[(size_t)s % N_QUIET];
        double a[PAIRS], b[PAIRS];
        struct sov_bench_ratio ratio;

        begin_series((uint64_t)s + 9000);
        m.night = 0; /* of both at once */
        for (int i = 0; i < PAIRS; i += SAMPLES) {
            make_run(&m, 0, 0, a + i);
            make_run(&m, 0, slower, b + i);
        }
        ck_assert_int_eq(sov_bench_pairs(a, b, PAIRS, 0.999, &ratio, &err), 0);
        found += ratio.low > 1 + beyond;
    }
    printf("pairs, %.1f %% slower: %d of %d series\n", 100 * slower, found,
           SERIES);
    return found;
}

START_TEST(pairs_find_three_hundredths)
{
    ck_assert_int_ge(count_pairs(sov_log(1.03), 0), 950);
    ck_assert_int_le(count_pairs(0, 0), 3); /* one half of 1 of 1,000 */
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("nights");

    tcase_add_test(tc, nothing_changed_over_the_nights);
    tcase_add_test(tc, three_hundredths_are_found);
    tcase_add_test(tc, three_hundredths_are_found_on_one_day);
    tcase_add_test(tc, the_threshold_is_one);
    tcase_add_test(tc, two_runs_alone_say_little);
    tcase_add_test(tc, samples_alone_give_alarms);
    tcase_add_test(tc, change_points_are_found_and_not_made_up);
    tcase_add_test(tc, pairs_find_three_hundredths);
    return unit_main("bench_nights", tc);
}
