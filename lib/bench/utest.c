/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utest.c - do two groups of samples come from one distribution?
 *
 * H. B. Mann and D. R. Whitney, "On a test of whether one of two random
 * variables is stochastically larger than the other", 1947.  Up to EXACT
 * samples together p is exact, also where samples are the same: of all ways to
 * choose the group from the (mid-)ranks that are there, the share whose sum is
 * as far from the mean as the one seen.  They are counted by their sums, rank
 * by rank, so it takes no permutations.  Beyond that, the normal distribution
 * with its variance corrected for ties and with continuity.
 *
 * And S. Holm, "A simple sequentially rejective multiple test procedure", 1979:
 * of n p-values the smallest is multiplied by n, the next by n - 1, and so on.
 */
#include "base/mem.h"
#include "bench/dist.h"
#include "base/order.h"
#include "sov/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXACT 100 /* C(100, 50) is 1e29: a double holds it */

/*
 * ways[k][s]: how many choices of k ranks have the sum s.  Of the smaller of
 * both groups, m of n, whose sum is w.
 */
static int
count_ways(const size_t *rank2, size_t n, size_t m, size_t w, double *p,
           struct sov_err *err)
{
    size_t most = n * (n + 1); /* doubled, as the ranks are */
    size_t mean = m * (n + 1);
    size_t far = w > mean ? w - mean : mean - w;
    double *ways = sov_mem_array((m + 1) * (most + 1), sizeof(*ways));
    double all = 0, farther = 0;
    size_t top = 0;

    if (ways == NULL)
        return sov_mem_fail(err);
    ways[0] = 1;
    for (size_t i = 0; i < n; i++) {
        top += rank2[i];
        for (size_t k = i + 1 < m ? i + 1 : m; k > 0; k--) {
            double *to = ways + k * (most + 1);
            const double *from = to - (most + 1);

            for (size_t s = rank2[i]; s <= top; s++)
                to[s] += from[s - rank2[i]];
        }
    }
    for (size_t s = 0; s <= most; s++) {
        double here = ways[m * (most + 1) + s];

        all += here;
        if ((s > mean ? s - mean : mean - s) >= far)
            farther += here;
    }
    free(ways);
    *p = farther / all;
    return 0;
}

static double
by_normal(double u, double n_a, double n_b, double ties)
{
    double n = n_a + n_b;
    double variance = n_a * n_b / 12 * (n + 1 - ties / (n * (n - 1)));
    double far = fabs(u - n_a * n_b / 2) - 0.5;

    if (variance <= 0 || far <= 0)
        return 1;
    return 2 * sov_dist_normal_above(far / sqrt(variance));
}

static int
test_ranks(const size_t *rank2, size_t n_a, size_t n_b, double ties,
           struct sov_bench_u *u, struct sov_err *err)
{
    size_t n = n_a + n_b;
    size_t w = 0, all = n * (n + 1);
    double p;
    int rc = 0;

    for (size_t i = 0; i < n_a; i++)
        w += rank2[i];
    u->u = (double)(w - n_a * (n_a + 1)) / 2;
    u->exact = n <= EXACT;
    if (!u->exact)
        p = by_normal(u->u, (double)n_a, (double)n_b, ties);
    else if (n_a <= n_b)
        rc = count_ways(rank2, n, n_a, w, &p, err);
    else
        rc = count_ways(rank2, n, n_b, all - w, &p, err);
    if (rc == 0)
        u->p = p < 1 ? p : 1;
    return rc;
}

int
sov_bench_u_test(const double *a, size_t n_a, const double *b, size_t n_b,
                 struct sov_bench_u *u, struct sov_err *err)
{
    struct sov_bench_u found;
    double *v, ties;
    size_t *rank2;
    int rc;

    if (n_a == 0 || n_b == 0)
        return sov_fail(err, SOV_EARG, "a group without samples");
    v = sov_mem_array(n_a + n_b, sizeof(*v));
    rank2 = sov_mem_array(n_a + n_b, sizeof(*rank2));
    if (v == NULL || rank2 == NULL) {
        rc = sov_mem_fail(err);
    } else {
        memcpy(v, a, n_a * sizeof(*v));
        memcpy(v + n_a, b, n_b * sizeof(*v));
        rc = sov_order_ranks(v, n_a + n_b, rank2, &ties, err);
    }
    if (rc == 0)
        rc = test_ranks(rank2, n_a, n_b, ties, &found, err);
    free(v);
    free(rank2);
    if (rc == 0)
        *u = found;
    return rc;
}

struct placed {
    double p;
    size_t at;
};

static int
smaller_first(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;

    if (x->p < y->p || x->p > y->p)
        return x->p < y->p ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

int
sov_bench_holm(const double *p, size_t n, double *adjusted, struct sov_err *err)
{
    struct placed *order = sov_mem_array(n, sizeof(*order));
    double least = 0;
    size_t m = 0;

    if (order == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++)
        if (isnan(p[i]))
            adjusted[i] = NAN;
        else
            order[m++] = (struct placed){ p[i], i };
    qsort(order, m, sizeof(*order), smaller_first);
    for (size_t i = 0; i < m; i++) {
        double q = order[i].p * (double)(m - i);

        if (q > least)
            least = q;
        adjusted[order[i].at] = least < 1 ? least : 1;
    }
    free(order);
    return 0;
}
