/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict.c - is it worse than before?
 *
 * For each cell (a metric of a model under some conditions) the runs of it that
 * are new are compared with those that are old:
 *
 *  0. Of many runs the last MOST_RUNS count, and of quiet and disturbed ones the
 *     quiet ones.
 *  1. Refused: nothing old; all that is old is from other machines; fewer than
 *     MIN_SAMPLES samples on a side; rates or times that are not above 0.
 *  2. What is timed is compared as pool.c says, run by run.  Worse is what
 *     is worse by more than the threshold with an error of at most alpha for
 *     all cells together (Holm), so that the lower end of the interval, which
 *     is less strict, lies above it too; whose absolute change is above the
 *     floor of its metric; and whose samples differ by the test of Mann and
 *     Whitney.  Better is the mirror image of it.
 *  3. The same is what is certain not to be worse by more than the threshold:
 *     the upper end of the interval lies below it, or within the floor.
 *  4. All else is inconclusive.  So is what would be worse or better, but was
 *     measured in noise (sov_bench_noise_found()): a busy machine is slow.
 *  5. What is computed, not timed, gives the same number each time: the last
 *     old one is compared with the last new one.  If both have as many samples
 *     (tasks, windows of a text), the change must also be one by their signed
 *     ranks; else it is what it is.
 *
 * A slow-down of just the threshold is not beyond it, and is found to be so in
 * half of alpha of all cases.  To find 3 %, fail above 1 %.
 */
#include "base/fmath.h"
#include "base/mem.h"
#include "base/order.h"
#include "bench/doubt.h"
#include "bench/pool.h"
#include "bench/signed.h"
#include "sov/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_SAMPLES 6   /* the interval of a median has 95 % from there on */
#define MIN_U       4   /* samples of a side, for Mann and Whitney to speak */
#define MOST_RUNS   200 /* of a side, the newest; more say no more */

/* Records of one cell on one side, the oldest first. */
struct side {
    const struct sov_bench_record **record; /* [n], owned */
    struct sov_run *run;                    /* [n], owned */
    size_t n;
    size_t samples;
    const char *noise; /* what disturbed all of them, or NULL */
};

static void
side_free(struct side *s)
{
    free(s->record);
    free(s->run);
}

static size_t
samples_of(const struct sov_bench_record *r)
{
    return r->n > 0 ? r->n : r->stat.n;
}

static bool
has_run(const struct sov_bench_set *set, const char *run)
{
    for (size_t i = 0; i < set->n && run[0] != '\0'; i++)
        if (strcmp(set->record[i].run, run) == 0)
            return true;
    return false;
}

/* ---- one run */

static double
cost(const struct sov_bench_record *r, double v)
{
    return r->better == SOV_BENCH_LOWER ? sov_log(v) : -sov_log(v);
}

/* Centre and error of a run; false where there is no logarithm. */
static bool
sum_up(const struct sov_bench_record *r, struct sov_run *run)
{
    double n = (double)r->n;
    struct sov_bench_stat stat = r->stat;

    if (r->n > 0 && sov_bench_describe(r->samples, r->n, 0.95, &stat, NULL) < 0)
        return false;
    if (!(stat.median > 0 && isfinite(stat.median)))
        return false;
    *run = (struct sov_run){ .centre = cost(r, stat.median) };
    if (r->n > 1) {
        double share = 1.2533 * stat.mad / stat.median;

        run->variance = share * share / n;
    }
    return true;
}

/* ---- what is timed */

static double
back(const struct sov_bench_record *r, double centre)
{
    return sov_exp(r->better == SOV_BENCH_LOWER ? centre : -centre);
}

static void
measure(struct sov_bench_verdict *v, struct side *now, struct side *base,
        const struct sov_bench_rule *rule)
{
    double bound = sov_log(1 + rule->fail_above);
    struct sov_pooled p;
    double d, reach;

    sov_pool_runs(base->run, base->n, now->run, now->n, rule->run_spread, &p);
    d = p.now - p.old;
    reach = sov_pooled_reach(&p, 1 - rule->confidence);
    v->before = back(v->now, p.old);
    v->after = back(v->now, p.now);
    v->change = sov_exp(d) - 1;
    v->low = sov_exp(d - reach) - 1;
    v->high = sov_exp(d + reach) - 1;
    v->p = sov_pooled_p(&p, bound);
}

static double *
all_samples(const struct side *s, size_t *n)
{
    double *v;

    *n = 0;
    for (size_t i = 0; i < s->n; i++)
        *n += s->run[i].left_out ? 0 : s->record[i]->n;
    v = sov_mem_array(*n, sizeof(*v));
    *n = 0;
    for (size_t i = 0; i < s->n && v != NULL; i++)
        for (size_t j = 0; j < s->record[i]->n && !s->run[i].left_out; j++)
            v[(*n)++] = s->record[i]->samples[j];
    return v;
}

/* Do the samples differ as they must?  Few samples do not object. */
static int
samples_differ(const struct side *now, const struct side *base, double alpha,
               bool *differ, struct sov_err *err)
{
    size_t n, m;
    double *a = all_samples(now, &n), *b = all_samples(base, &m);
    struct sov_bench_u u;
    int rc = a == NULL || b == NULL ? sov_mem_fail(err) : 0;

    *differ = true;
    if (rc == 0 && n >= MIN_U && m >= MIN_U) {
        rc = sov_bench_u_test(a, n, b, m, &u, err);
        *differ = rc < 0 || u.p <= alpha;
    }
    free(a);
    free(b);
    return rc;
}

/* ---- what is computed */

static int
compute(struct sov_bench_verdict *v, const struct side *now,
        const struct side *base, double floor, struct sov_err *err)
{
    const struct sov_bench_record *a = now->record[now->n - 1];
    const struct sov_bench_record *b = base->record[base->n - 1];
    double d = a->stat.median - b->stat.median;
    double unit = fabs(b->stat.median);
    double *differ;
    int rc;

    if (unit < floor)
        unit = floor;
    v->before = b->stat.median;
    v->after = a->stat.median;
    v->change = unit > 0 ? (a->better == SOV_BENCH_LOWER ? d : -d) / unit : 0;
    v->low = v->high = v->change;
    if (a->n != b->n || a->n < MIN_SAMPLES)
        return 0;
    differ = sov_mem_array(a->n, sizeof(*differ));
    if (differ == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < a->n; i++)
        differ[i] = a->samples[i] - b->samples[i];
    rc = sov_signed_p(differ, a->n, &v->p, err);
    free(differ);
    return rc;
}

/* ---- words */

static const char *
timed_word(const struct sov_bench_verdict *v)
{
    bool spent = strcmp(v->now->unit != NULL ? v->now->unit : "", "s") == 0 ||
                 v->now->better == SOV_BENCH_HIGHER;

    if (v->change < 0)
        return spent ? "faster" : "less";
    return spent ? "slower" : "more";
}

/* Whatever somebody has written into a record can be said. */
static double
percent(double share)
{
    double p = 100 * share;

    return p > 999999 ? 999999 : p < -999999 ? -999999 : p;
}

static void
tell(struct sov_bench_verdict *v, enum sov_bench_answer answer,
     const char *because)
{
    const struct sov_bench_metric *m = sov_bench_metric_find(v->now->metric);
    double sign = v->change < 0 ? -1 : 1;
    double from = v->change < 0 ? -v->high : v->low;
    double to = v->change < 0 ? -v->low : v->high;

    v->answer = answer;
    if (m != NULL && m->computed)
        snprintf(v->reason, sizeof(v->reason), "%.1f %% %s%s",
                 percent(fabs(v->change)), v->change > 0 ? "worse" : "better",
                 because);
    else
        snprintf(v->reason, sizeof(v->reason), "%.1f %% %s (%.1f to %.1f)%s",
                 percent(sign * v->change), timed_word(v), percent(from),
                 percent(to), because);
}

static void
refuse(struct sov_bench_verdict *v, const char *why)
{
    v->answer = SOV_BENCH_REFUSED;
    v->change = v->low = v->high = v->p = NAN;
    snprintf(v->reason, sizeof(v->reason), "%s", why);
}

/* ---- a cell */

static bool
is_computed(const struct sov_bench_verdict *v)
{
    const struct sov_bench_metric *m = sov_bench_metric_find(v->now->metric);

    return m != NULL && m->computed;
}

static double
floor_of(const struct sov_bench_verdict *v, const struct sov_bench_rule *rule)
{
    const struct sov_bench_metric *m = sov_bench_metric_find(v->now->metric);

    if (!isnan(rule->floor))
        return rule->floor;
    return m != NULL ? m->floor : 0;
}

static bool
comparable(const struct sov_bench_record *r, const struct sov_bench_verdict *v,
           const struct sov_bench_set *now, const struct sov_bench_rule *rule,
           bool *elsewhere)
{
    if (!sov_bench_record_alike(r, v->now) || has_run(now, r->run))
        return false;
    if (rule->cross_machine || strcmp(r->machine.id, v->now->machine.id) == 0)
        return true;
    *elsewhere = true;
    return false;
}

static void
side_add(struct side *s, const struct sov_bench_record *r)
{
    s->record[s->n++] = r;
    s->samples += samples_of(r);
}

static int
side_room(struct side *s, size_t n, struct sov_err *err)
{
    s->record = sov_mem_array(n, sizeof(*s->record));
    s->run = sov_mem_array(n, sizeof(*s->run));
    return s->record == NULL || s->run == NULL ? sov_mem_fail(err) : 0;
}

/* Of several runs those that nothing disturbed, if there are any. */
static void
side_quiet(struct side *s)
{
    const char *noise = NULL;
    size_t quiet = 0;

    for (size_t i = 0; i < s->n; i++) {
        const char *here = sov_bench_noise_found(&s->record[i]->noise);

        quiet += here == NULL;
        noise = here != NULL ? here : noise;
    }
    if (quiet == 0) {
        s->noise = noise;
        return;
    }
    quiet = s->samples = 0;
    for (size_t i = 0; i < s->n; i++)
        if (sov_bench_noise_found(&s->record[i]->noise) == NULL) {
            s->record[quiet++] = s->record[i];
            s->samples += samples_of(s->record[i]);
        }
    s->n = quiet;
}

static void
side_newest(struct side *s)
{
    size_t drop = s->n > MOST_RUNS ? s->n - MOST_RUNS : 0;

    for (size_t i = 0; i < drop; i++)
        s->samples -= samples_of(s->record[i]);
    s->n -= drop;
    memmove(s->record, s->record + drop, s->n * sizeof(*s->record));
}

static bool
side_sum_up(struct side *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (!sum_up(s->record[i], &s->run[i]))
            return false;
    return true;
}

/* Can both be compared?  If not, the verdict says why. */
static bool
check(struct sov_bench_verdict *v, struct side *now, struct side *base,
      bool elsewhere)
{
    char why[80];

    if (base->n == 0) {
        refuse(v, elsewhere ? "what there is was measured on another machine"
                            : "nothing to compare with");
        return false;
    }
    side_quiet(now);
    side_quiet(base);
    side_newest(now);
    side_newest(base);
    v->n_now = now->n;
    v->n_base = base->n;
    v->base = base->record[base->n - 1];
    if (is_computed(v)) {
        if (isfinite(v->now->stat.median) && isfinite(v->base->stat.median))
            return true;
        refuse(v, "there is no value");
        return false;
    }
    if (now->samples < MIN_SAMPLES || base->samples < MIN_SAMPLES) {
        snprintf(why, sizeof(why), "%zu samples beside %zu, %d are needed",
                 now->samples, base->samples, MIN_SAMPLES);
        refuse(v, why);
        return false;
    }
    if (side_sum_up(now) && side_sum_up(base))
        return true;
    refuse(v, "there are values that are not above 0");
    return false;
}

/* Fill all but the answer of what can be compared. */
static int
look(struct sov_bench_verdict *v, const struct sov_bench_set *sets[2],
     const struct sov_bench_rule *rule, struct side *now, struct side *base,
     struct sov_err *err)
{
    bool elsewhere = false;
    int rc = side_room(now, sets[0]->n, err);

    if (rc == 0)
        rc = side_room(base, sets[1]->n, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sets[0]->n; i++)
        if (sov_bench_record_alike(&sets[0]->record[i], v->now) &&
            strcmp(sets[0]->record[i].machine.id, v->now->machine.id) == 0)
            side_add(now, &sets[0]->record[i]);
    for (size_t i = 0; i < sets[1]->n; i++)
        if (comparable(&sets[1]->record[i], v, sets[0], rule, &elsewhere))
            side_add(base, &sets[1]->record[i]);
    v->n_now = now->n;
    v->p = NAN;
    if (!check(v, now, base, elsewhere))
        return 0;
    v->answer = SOV_BENCH_INCONCLUSIVE;
    if (is_computed(v))
        return compute(v, now, base, floor_of(v, rule), err);
    measure(v, now, base, rule);
    return 0;
}

static int
answer_timed(struct sov_bench_verdict *v, const struct sov_bench_rule *rule,
             const struct side *now, const struct side *base,
             struct sov_err *err)
{
    double floor = floor_of(v, rule);
    double most = v->high * v->before; /* about, of a cost and of a rate */
    const char *noise = now->noise != NULL ? now->noise : base->noise;
    char because[80];
    bool differ;
    int rc;

    sov_doubt_words(because, sizeof(because), v, rule);
    if (v->p > rule->alpha || fabs(v->after - v->before) <= floor) {
        bool same = v->high <= rule->fail_above || most <= floor;
        bool doubt = v->p > rule->alpha && because[0] != '\0';

        tell(v, same ? SOV_BENCH_SAME : SOV_BENCH_INCONCLUSIVE,
             same    ? ""
             : doubt ? because
                     : ", which does not tell");
        return 0;
    }
    if (v->p_holm > rule->alpha) {
        tell(v, SOV_BENCH_INCONCLUSIVE, because);
        return 0;
    }
    rc = samples_differ(now, base, 1 - rule->confidence, &differ, err);
    if (rc < 0)
        return rc;
    snprintf(because, sizeof(because), ", but %s", noise != NULL ? noise : "");
    if (noise != NULL)
        tell(v, SOV_BENCH_INCONCLUSIVE, because);
    else if (!differ)
        tell(v, SOV_BENCH_INCONCLUSIVE, ", but the samples are alike");
    else
        tell(v, v->change > 0 ? SOV_BENCH_WORSE : SOV_BENCH_BETTER, "");
    return 0;
}

static void
answer_computed(struct sov_bench_verdict *v, const struct sov_bench_rule *rule)
{
    if (fabs(v->change) <= rule->fail_above ||
        fabs(v->after - v->before) <= floor_of(v, rule))
        tell(v, SOV_BENCH_SAME, "");
    else if (!isnan(v->p_holm) && v->p_holm > rule->alpha)
        tell(v, SOV_BENCH_INCONCLUSIVE, ", by chance perhaps");
    else
        tell(v, v->change > 0 ? SOV_BENCH_WORSE : SOV_BENCH_BETTER, "");
}

/* ---- all cells */

static size_t
find_cells(const struct sov_bench_set *now, struct sov_bench_verdict *v)
{
    size_t n = 0;

    for (size_t i = 0; i < now->n; i++) {
        const struct sov_bench_record *r = &now->record[i];
        size_t j = 0;

        while (j < n && !(sov_bench_record_alike(v[j].now, r) &&
                          strcmp(v[j].now->machine.id, r->machine.id) == 0))
            j++;
        v[j].now = r; /* the last run of it */
        n += j == n;
    }
    return n;
}

static int
correct(struct sov_bench_verdict *v, size_t n, struct sov_err *err)
{
    double *p = sov_mem_array(n, sizeof(*p));
    int rc;

    if (p == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++)
        p[i] = v[i].p;
    rc = sov_bench_holm(p, n, p, err);
    for (size_t i = 0; i < n; i++)
        v[i].p_holm = p[i];
    free(p);
    return rc;
}

static int
judge(struct sov_bench_verdict *v, size_t n,
      const struct sov_bench_set *sets[2], const struct sov_bench_rule *rule,
      struct side *sides, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = look(&v[i], sets, rule, &sides[2 * i], &sides[2 * i + 1], err);
    if (rc == 0)
        rc = correct(v, n, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        if (v[i].answer == SOV_BENCH_REFUSED)
            continue;
        else if (is_computed(&v[i]))
            answer_computed(&v[i], rule);
        else
            rc = answer_timed(&v[i], rule, &sides[2 * i], &sides[2 * i + 1],
                              err);
    return rc;
}

void
sov_bench_rule_start(struct sov_bench_rule *rule)
{
    *rule = (struct sov_bench_rule){
        .fail_above = 0.03,
        .alpha = 0.005,
        .confidence = 0.95,
        .floor = NAN,
        .run_spread = 0.005,
    };
}

const char *
sov_bench_answer_name(enum sov_bench_answer answer)
{
    static const char *const names[] = {
        [SOV_BENCH_SAME] = "same",
        [SOV_BENCH_BETTER] = "better",
        [SOV_BENCH_WORSE] = "worse",
        [SOV_BENCH_INCONCLUSIVE] = "inconclusive",
        [SOV_BENCH_REFUSED] = "refused",
    };

    return names[answer];
}

int
sov_bench_judge(const struct sov_bench_set *now,
                const struct sov_bench_set *base,
                const struct sov_bench_rule *rule, struct sov_bench_verdict **v,
                size_t *n, struct sov_err *err)
{
    const struct sov_bench_set *sets[2] = { now, base };
    struct sov_bench_verdict *found;
    struct side *sides;
    size_t cells;
    int rc;

    if (!(rule->fail_above >= 0 && rule->fail_above < 100 && rule->alpha > 0 &&
          rule->alpha < 1 && rule->confidence > 0 && rule->confidence < 1 &&
          rule->run_spread >= 0))
        return sov_fail(err, SOV_EARG, "a rule that cannot be followed");
    found = sov_mem_array(now->n, sizeof(*found));
    sides = sov_mem_array(now->n, 2 * sizeof(*sides));
    if (found == NULL || sides == NULL) {
        free(found);
        free(sides);
        return sov_mem_fail(err);
    }
    cells = find_cells(now, found);
    rc = judge(found, cells, sets, rule, sides, err);
    for (size_t i = 0; i < 2 * cells; i++)
        side_free(&sides[i]);
    free(sides);
    if (rc < 0) {
        free(found);
        return rc;
    }
    *v = found;
    *n = cells;
    return 0;
}
