/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hist.c - what can be said from how often which numbers are there
 */
#include "measure/hist.h"

#include <math.h>

#define HALF (SOV_HIST_BINS / 2) /* the first bin of a negative number */

/* The least magnitude in a bin. */
static double
magnitude(uint32_t bin)
{
    uint32_t u = bin % HALF << SOV_HIST_SHIFT;
    float x;

    memcpy(&x, &u, sizeof(x));
    return (double)x;
}

/* Bin number i in the order of the numbers, least first. */
static uint32_t
in_order(uint32_t i)
{
    return i < HALF ? SOV_HIST_BINS - 1 - i : i - HALF;
}

/* The number a part of the way through a bin. */
static double
inside(const struct sov_hist *h, uint32_t bin, double part)
{
    double low = magnitude(bin), high = magnitude(bin % HALF + 1);
    double x;

    if (h->exact || low == 0 || bin % HALF + 1 == HALF)
        x = low;
    else
        x = low + (bin < HALF ? part : 1 - part) * (high - low);
    x = bin < HALF ? x : -x;
    return x < h->min ? h->min : x > h->max ? h->max : x;
}

double
sov_hist_quantile(const struct sov_hist *h, double q)
{
    uint64_t rank, below = 0;

    if (h->n == 0)
        return NAN;
    q = q < 0 ? 0 : q > 1 ? 1 : q;
    rank = (uint64_t)(q * (double)(h->n - 1) + 0.5);
    rank = rank < h->n ? rank : h->n - 1;
    for (uint32_t i = 0; i < SOV_HIST_BINS; i++) {
        uint64_t count = h->count[in_order(i)];

        if (rank < below + count)
            return inside(h, in_order(i),
                          ((double)(rank - below) + 0.5) / (double)count);
        below += count;
    }
    return h->max;
}

/*
 * The least width, of 1, 1.25, 1.5 and 1.75 times a power of two, with which
 * most bars reach from low to high: their edges have so few digits that no bin
 * has one inside it.
 */
static double
choose_width(double low, double high, size_t most, double *first, size_t *n)
{
    int exponent;
    double width = 0;

    (void)frexp((high - low) / (double)most, &exponent);
    for (int k = 0; k < 12; k++) {
        double from, to;

        width = ldexp(1 + 0.25 * (k % 4), exponent - 1 + k / 4);
        from = floor(low / width);
        to = floor(high / width);
        if (to - from + 1 <= (double)most) {
            *first = from;
            *n = (size_t)(to - from) + 1;
            break;
        }
    }
    return width;
}

static void
count_bin(struct sov_bars *b, uint32_t bin, uint64_t count)
{
    double step = floor(magnitude(bin) / b->width);
    double at = (bin < HALF ? step : -1 - step) - b->low / b->width;

    if (magnitude(bin) == 0) /* so is -0 */
        at = -b->low / b->width;
    if (at < 0)
        b->below += count;
    else if (at >= (double)b->n)
        b->above += count;
    else
        b->count[(size_t)at] += count;
}

void
sov_hist_bars(const struct sov_hist *h, double low, double high, size_t most,
              struct sov_bars *bars)
{
    double first = 0;

    memset(bars, 0, sizeof(*bars));
    most = most < 3 ? 3 : most > SOV_BARS_MAX ? SOV_BARS_MAX : most;
    if (h->n == 0 || !(low <= high))
        return;
    if (high - low < (fabs(low) + fabs(high)) * 1e-6) { /* one number */
        double room = low == 0 ? 1 : fabs(low) / 64;

        high = low + room;
        low -= room;
    }
    bars->n = 1;
    bars->width = choose_width(low, high, most, &first, &bars->n);
    bars->low = first * bars->width;
    for (uint32_t i = 0; i < SOV_HIST_BINS; i++)
        if (h->count[i] > 0)
            count_bin(bars, i, h->count[i]);
}
