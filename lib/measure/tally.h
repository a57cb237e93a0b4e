/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally.h - how sure a mean is
 *
 * Intervals come from things that are drawn anew, 2000 times, by a counter, so
 * that they are the same every time; of shares they are Wilson's.
 */
#ifndef SOV_MEASURE_TALLY_H
#define SOV_MEASURE_TALLY_H

#include "sov/measure.h"

#include <stddef.h>
#include <stdint.h>

#define SOV_DRAWS     2000
#define SOV_DRAWS_FEW 8 /* of which nothing can be drawn */

/* Which of n is number i of a draw. */
uint64_t sov_draw_one(uint64_t draw, uint64_t i, uint64_t n);

/* The interval that 95 of 100 draws lie in; v is sorted. */
void sov_draw_interval(double v[SOV_DRAWS], struct sov_figure *f);

/* A share: right of n. */
void sov_share_figure(uint64_t right, uint64_t n, struct sov_figure *f);

/*
 * Sums over things that are independent of each other: windows of a text, or
 * tasks.  They come in any number; neighbours share a block where there are
 * many.
 */
#define SOV_TALLY_BLOCKS 512

struct sov_tally_sum {
    double n;     /* tokens that were scored */
    double nll;   /* of them, in nats */
    double bytes; /* of text */
};

struct sov_tally {
    struct sov_tally_sum all;
    double nll2; /* sum of squares, where one thing is one token */
    struct sov_tally_sum block[SOV_TALLY_BLOCKS];
    size_t n_blocks;
    uint64_t each;    /* things of a block; 0: none yet */
    uint64_t in_last; /* ... of the last one */
};

void sov_tally_count(struct sov_tally *t, const struct sov_tally_sum *one);

/* The interval of what value makes of sums, whose own is f->value. */
int sov_tally_figure(const struct sov_tally *t,
                     double (*value)(const struct sov_tally_sum *sum),
                     struct sov_figure *f, struct sov_err *err) SOV_MUST_CHECK;

/* e to the mean nll; bits for each byte, NaN without bytes. */
double sov_tally_ppl(const struct sov_tally_sum *sum);
double sov_tally_bits(const struct sov_tally_sum *sum);

#endif
