/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steady.c - when does warming up end?
 *
 * A. Georges, D. Buytaert and L. Eeckhout, "Statistically rigorous Java
 * performance evaluation", 2007, take samples from where the variation of the
 * last few falls below 1 or 2 %.  A noisy machine never gets there, and one
 * that creeps gets there too soon; so here what is asked is whether it still
 * changes.  Two windows of SPAN samples, one behind the other, agree where
 *
 *     their medians differ by no more than CLOSE, or
 *     the median of each lies between two samples of the other one.
 *
 * Samples are steady from the first window on that agrees with the next.  With
 * fewer than two windows nothing is steady.
 */
#include "base/order.h"
#include "sov/bench.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define SPAN  4
#define CLOSE 0.01

static bool
agree(const double *v)
{
    double a[SPAN], b[SPAN], x, y;

    memcpy(a, v, sizeof(a));
    memcpy(b, v + SPAN, sizeof(b));
    x = sov_order_take_median(a, SPAN);
    y = sov_order_take_median(b, SPAN);
    return fabs(x - y) <= CLOSE * fabs(y) ||
           (x >= b[0] && x <= b[SPAN - 1] && y >= a[0] && y <= a[SPAN - 1]);
}

size_t
sov_bench_steady(const double *samples, size_t n)
{
    for (size_t i = 0; n >= 2 * SPAN && i <= n - 2 * SPAN; i++)
        if (agree(samples + i))
            return i;
    return n;
}
