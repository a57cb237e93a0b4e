/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signed.h - Wilcoxon's signed ranks: are differences about zero?
 */
#ifndef SOV_BENCH_SIGNED_H
#define SOV_BENCH_SIGNED_H

#include "sov/err.h"

#include <stddef.h>

#define SOV_PAIRS_MAX 2048 /* their means are 17 MB */

/*
 * Two-sided p that n differences are as likely above zero as below it.  Those
 * that are 0 say nothing; with none left p is 1.  Of differences that are -1,
 * 0 or 1 it is the sign test, McNemar's.
 */
int sov_signed_p(const double *d, size_t n, double *p,
                 struct sov_err *err) SOV_MUST_CHECK;

/*
 * Which of the n (n + 1) / 2 means of two differences, in order, is the lower
 * end of the interval of their centre; the upper end is as far from the last.
 * From 1, the largest with the confidence, which truly is *truly; 0: none.
 */
int sov_signed_rank(size_t n, double confidence, size_t *k, double *truly,
                    struct sov_err *err) SOV_MUST_CHECK;

#endif
