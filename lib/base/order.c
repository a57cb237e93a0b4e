/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.c - numbers in order: medians, ranks, and what follows from counting
 */
#include "base/order.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void
sov_order_sort(double *v, size_t n)
{
    if (n > 1)
        qsort(v, n, sizeof(*v), compare);
}

double
sov_order_median(const double *sorted, size_t n)
{
    if (n == 0)
        return NAN;
    /* halves first: their sum is in range */
    return n % 2 == 1 ? sorted[n / 2]
                      : sorted[n / 2 - 1] / 2 + sorted[n / 2] / 2;
}

double
sov_order_take_median(double *v, size_t n)
{
    sov_order_sort(v, n);
    return sov_order_median(v, n);
}

double
sov_order_mad(const double *v, size_t n, double median, double *scratch)
{
    for (size_t i = 0; i < n; i++)
        scratch[i] = fabs(v[i] - median);
    return sov_order_take_median(scratch, n);
}

/*
 * Fewer than k of n samples lie below the median with the chance that a coin
 * shows heads fewer than k times, whatever the distribution; the same above.
 * W. R. Thompson, "On confidence ranges for the median and other expectation
 * distributions for populations of unknown distribution form", 1936.  Numbers
 * are kept as x * 2^e, since 2^-n soon is no double.
 */
size_t
sov_order_rank(size_t n, double confidence, double *truly)
{
    double term = 1; /* of the binomial distribution, times 2^-e */
    double below = 0;
    double left = 1; /* chance that the interval misses */
    int e = (int)n;
    size_t k = 0;

    while (k < n / 2) {
        double miss = ldexp(below + term, 1 - e);

        if (miss > 1 - confidence)
            break;
        below += term;
        left = miss;
        term *= (double)(n - k) / (double)(k + 1);
        k++;
        if (term > 0x1p500) {
            term *= 0x1p-500;
            below *= 0x1p-500;
            e -= 500;
        }
    }
    *truly = k > 0 ? 1 - left : NAN;
    return k;
}

struct placed {
    double v;
    size_t at;
};

static int
compare_placed(const void *a, const void *b)
{
    return compare(&((const struct placed *)a)->v,
                   &((const struct placed *)b)->v);
}

int
sov_order_ranks(const double *v, size_t n, size_t *rank2, double *ties,
                struct sov_err *err)
{
    struct placed *p = sov_mem_array(n, sizeof(*p));
    double sum = 0;

    if (p == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++)
        p[i] = (struct placed){ v[i], i };
    qsort(p, n, sizeof(*p), compare_placed);
    for (size_t i = 0, next; i < n; i = next) {
        double t;

        for (next = i + 1; next < n && p[next].v <= p[i].v; next++)
            ;
        for (size_t j = i; j < next; j++)
            rank2[p[j].at] = i + 1 + next;
        t = (double)(next - i);
        sum += t * t * t - t;
    }
    *ties = sum;
    free(p);
    return 0;
}
