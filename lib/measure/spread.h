/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spread.h - what two models foretold, summed up, and how sure the means are
 *
 * Two answers are given to how sure a mean is.  The standard error takes tokens
 * as independent, which they are not within a window.  The interval draws
 * windows anew, 2000 times, by a counter, so that it is the same every time.
 */
#ifndef SOV_MEASURE_SPREAD_H
#define SOV_MEASURE_SPREAD_H

#include "sov/measure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One token that was foretold by both. */
struct sov_guess {
    double nll, base_nll;
    double kld;
    bool same_top;
};

/* Sums over the windows of a block. */
struct sov_spread_block {
    uint64_t n;
    double nll, base_nll, kld, shift;
    uint64_t same_top;
};

#define SOV_SPREAD_BLOCKS 512

struct sov_spread {
    struct sov_spread_block block[SOV_SPREAD_BLOCKS];
    uint64_t n_windows;
    uint64_t each; /* windows of a block */
    struct sov_spread_block all;
    double nll2, base2, both, kld2, shift2; /* sums of squares and products */
    struct sov_hist *hist;                  /* owned: of divergences */
};

int sov_spread_new(struct sov_spread **s, uint64_t n_windows,
                   struct sov_err *err) SOV_MUST_CHECK;
void sov_spread_free(struct sov_spread *s);

/* The next token of that window. */
void sov_spread_add(struct sov_spread *s, uint64_t window,
                    const struct sov_guess *g);

int sov_spread_figures(const struct sov_spread *s, struct sov_divergence *d,
                       struct sov_err *err) SOV_MUST_CHECK;

#endif
