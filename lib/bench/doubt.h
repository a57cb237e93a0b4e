/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doubt.h - what looks worse, or better, and is no verdict all the same
 */
#ifndef SOV_BENCH_DOUBT_H
#define SOV_BENCH_DOUBT_H

#include <stddef.h>

struct sov_bench_verdict;
struct sov_bench_rule;

/* The end of a sentence about what is inconclusive; "" where the interval does
 * not lie beyond the threshold.  v->p is there. */
void sov_doubt_words(char *buf, size_t size, const struct sov_bench_verdict *v,
                     const struct sov_bench_rule *rule);

#endif
