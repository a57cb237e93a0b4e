/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doubt.c - what looks worse, or better, and is no verdict all the same
 *
 * The interval that is told errs in 5 of 100 cases; who is woken up by a
 * verdict wants it to err less often, for all cells together.  So an interval
 * may lie beyond the threshold, and nothing is said: then it is said why.
 */
#include "bench/doubt.h"

#include "sov/bench.h"

#include <stdio.h>

void
sov_doubt_words(char *buf, size_t size, const struct sov_bench_verdict *v,
                const struct sov_bench_rule *rule)
{
    buf[0] = '\0';
    if (v->p <= rule->alpha)
        snprintf(buf, size, ", too little among so many cells");
    else if (v->p <= 1 - rule->confidence)
        snprintf(buf, size,
                 ", not beyond doubt: 1 of %.0f such is chance, and not 1 of "
                 "%.0f",
                 1 / v->p, 1 / rule->alpha);
}
