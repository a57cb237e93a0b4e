/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsnot.h - masks that are mended without changing a weight
 *
 * After Zhang and others, "Dynamic sparse no training" (2023).  What a row's
 * answer lacks on average is the sum over the weights that went of w[j]
 * mean(x[j]).  As long as it pays (dsnot.c), a weight that went comes back, which
 * takes much off it and whose input varies little, and another goes, of those
 * that take off it, too, the one with the least |w| |x| (wanda.c).  Counts stay as they are, in every
 * group of n:m.
 */
#ifndef SOV_PRUNE_DSNOT_H
#define SOV_PRUNE_DSNOT_H

#include "prune/method.h"

/* What enters a matrix; all [k]. */
struct sov_dsnot_inputs {
    const float *mean;
    const float *variance;
    const float *square; /* mean of squares */
};

/* Swaps of a row at most. */
#define SOV_DSNOT_CYCLES 50

/*
 * keep [n][k] of rows w [n][k] as they were, in and out; of: columns of a group,
 * 0 for whole rows.  Rows share no masks.  Gives the swaps that were made.
 */
size_t sov_dsnot_rows(const float *w, unsigned char *keep, size_t n, size_t k,
                      size_t of, const struct sov_dsnot_inputs *in);

/* The inputs as the moments have them, what they are by now; each [k]. */
void sov_dsnot_inputs(const struct sov_moments *m, float *mean, float *variance,
                      float *square);

#endif
