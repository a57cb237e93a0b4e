/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.h - numbers in order: medians, ranks, and what follows from counting
 *
 * Nothing here assumes how the numbers are distributed.
 */
#ifndef SOV_BASE_ORDER_H
#define SOV_BASE_ORDER_H

#include "sov/err.h"

#include <stddef.h>

/* Smallest first. */
void sov_order_sort(double *v, size_t n);

/* Median of numbers in order; NaN of none. */
double sov_order_median(const double *sorted, size_t n);

/* Median of numbers in any order, which are put in order. */
double sov_order_take_median(double *v, size_t n);

/*
 * Median absolute deviation from the median; scratch[n] is written to.  Times
 * SOV_ORDER_SIGMA it estimates the standard deviation of a normal distribution.
 */
double sov_order_mad(const double *v, size_t n, double median, double *scratch);

#define SOV_ORDER_SIGMA 1.4826

/*
 * The interval of the median: from the k-th smallest to the k-th largest of n,
 * k from 1, with the largest k whose confidence (exact, in *truly) is no less
 * than asked for.  0: not even k = 1 has it.
 */
size_t sov_order_rank(size_t n, double confidence, double *truly);

/*
 * Doubled ranks of v[n], 2 for the smallest: numbers that are the same share
 * the mean of theirs, which doubled is whole.  *ties is the sum of t^3 - t over
 * groups of t that are the same.
 */
int sov_order_ranks(const double *v, size_t n, size_t *rank2, double *ties,
                    struct sov_err *err) SOV_MUST_CHECK;

#endif
