/* SPDX-License-Identifier: Apache-2.0 */
/*
 * beside.c - is one slower than the other one, by pairs?
 *
 * A record of the metric "ratio" has the ratio of each pair: how many times as
 * fast the first one was.  What disturbed the machine disturbed both, so noise
 * is no reason to say nothing; and each pair was made anew, so no run of the
 * past is needed to know how runs differ.
 *
 *  1. Refused: fewer than MIN_PAIRS pairs or more than SOV_PAIRS_MAX, ratios
 *     that nothing has.
 *  2. Worse is what is slower by more than the threshold with an error of at
 *     most alpha for all cells together (Holm), by Wilcoxon's signed ranks of
 *     the logarithms beside that of the threshold.  Better is the mirror image.
 *  3. The same: the upper end of the interval lies below the threshold.
 *  4. All else is inconclusive.  The interval is told at the confidence of the
 *     rule, and alpha is less than what it misses: it may lie beyond the
 *     threshold where nothing is beyond doubt (doubt.c).
 */
#include "base/mem.h"
#include "bench/doubt.h"
#include "bench/signed.h"
#include "sov/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_PAIRS  6
#define RATIO_MOST 1e6

static bool
is_ratio(const struct sov_bench_record *r)
{
    return r->metric != NULL && strcmp(r->metric, "ratio") == 0;
}

/* Of the ratios times `by`. */
static int
pairs(const struct sov_bench_record *r, double by, double confidence,
      struct sov_bench_ratio *ratio, struct sov_err *err)
{
    double *v = sov_mem_array(r->n, 2 * sizeof(*v));
    int rc;

    if (v == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < r->n; i++) {
        v[i] = r->samples[i] * by;
        v[r->n + i] = 1;
    }
    rc = sov_bench_pairs(v, v + r->n, r->n, confidence, ratio, err);
    free(v);
    return rc;
}

/* Why nothing is said, or NULL. */
static const char *
no_pairs(const struct sov_bench_record *r)
{
    if (r->n < MIN_PAIRS)
        return "too few pairs";
    if (r->n > SOV_PAIRS_MAX)
        return "too many pairs";
    for (size_t i = 0; i < r->n; i++)
        if (!(r->samples[i] >= 1 / RATIO_MOST && r->samples[i] <= RATIO_MOST))
            return "a ratio that cannot be";
    return NULL;
}

/* p: of not being beyond the threshold, on the side where it is. */
static int
look(struct sov_bench_verdict *v, const struct sov_bench_rule *rule,
     struct sov_err *err)
{
    const char *why = no_pairs(v->now);
    struct sov_bench_ratio ratio, beyond;
    double bound = 1 + rule->fail_above;
    int rc;

    v->n_now = v->n_base = v->now->n;
    v->before = 1;
    v->answer = SOV_BENCH_REFUSED;
    v->change = v->low = v->high = v->p = NAN;
    if (why != NULL) {
        snprintf(v->reason, sizeof(v->reason), "%s", why);
        return 0;
    }
    rc = pairs(v->now, 1, rule->confidence, &ratio, err);
    if (rc == 0)
        rc = pairs(v->now, ratio.ratio < 1 ? bound : 1 / bound,
                   rule->confidence, &beyond, err);
    if (rc < 0)
        return rc;
    v->after = ratio.ratio;
    v->change = 1 / ratio.ratio - 1;
    v->low = 1 / ratio.high - 1;
    v->high = 1 / ratio.low - 1;
    /* within the threshold nothing is beyond it */
    v->p = (ratio.ratio < 1) == (beyond.ratio < 1) ? beyond.p : 1;
    v->answer = SOV_BENCH_INCONCLUSIVE;
    return 0;
}

static void
answer(struct sov_bench_verdict *v, const struct sov_bench_rule *rule)
{
    bool slower = v->change > 0;
    double from = slower ? v->low : -v->high;
    double to = slower ? v->high : -v->low;
    char because[80] = "";

    if (v->answer == SOV_BENCH_REFUSED)
        return;
    if (v->p_holm <= rule->alpha)
        v->answer = slower ? SOV_BENCH_WORSE : SOV_BENCH_BETTER;
    else if (v->high <= rule->fail_above)
        v->answer = SOV_BENCH_SAME;
    else
        sov_doubt_words(because, sizeof(because), v, rule);
    snprintf(v->reason, sizeof(v->reason),
             "%.1f %% %s (%.1f to %.1f) than %.40s%s", 100 * fabs(v->change),
             slower ? "slower" : "faster", 100 * from, 100 * to,
             v->now->cell.text != NULL ? v->now->cell.text : "the other one",
             because);
}

int
sov_bench_judge_pairs(const struct sov_bench_set *now,
                      const struct sov_bench_rule *rule,
                      struct sov_bench_verdict **v, size_t *n,
                      struct sov_err *err)
{
    struct sov_bench_verdict *found = sov_mem_array(now->n, sizeof(*found));
    double *p = sov_mem_array(now->n, sizeof(*p));
    size_t cells = 0;
    int rc = found == NULL || p == NULL ? sov_mem_fail(err) : 0;

    for (size_t i = 0; i < now->n && rc == 0; i++)
        if (is_ratio(&now->record[i])) {
            found[cells].now = &now->record[i];
            rc = look(&found[cells], rule, err);
            p[cells] = found[cells].p;
            cells++;
        }
    if (rc == 0)
        rc = sov_bench_holm(p, cells, p, err);
    for (size_t i = 0; i < cells && rc == 0; i++) {
        found[i].p_holm = p[i];
        answer(&found[i], rule);
    }
    free(p);
    if (rc < 0) {
        free(found);
        return rc;
    }
    *v = found;
    *n = cells;
    return 0;
}
