/* SPDX-License-Identifier: Apache-2.0 */
/*
 * knap.h - one option for each item, least loss, within two budgets
 *
 * The options of an item on the lower convex hull of bytes and loss are the
 * only ones that a Lagrangian sees.  Going from the smallest along all hulls by
 * the steepest slope gives its optimum for a budget; what is left of that goes
 * to whatever step still fits, and then single options and pairs of them are
 * exchanged as long as that helps.  A second budget, of cost, is met by adding
 * it to the losses, at the least price that does it.
 *
 * All is a function of the numbers alone: ties go to the item that comes first.
 */
#ifndef SOV_COMPRESS_KNAP_H
#define SOV_COMPRESS_KNAP_H

#include "sov/err.h"

#include <stddef.h>
#include <stdint.h>

struct sov_knap_option {
    uint64_t bytes;
    double loss;
    double cost;
};

struct sov_knap_item {
    const struct sov_knap_option *option; /* borrowed, in any order */
    size_t n;                             /* 1 at least */
};

enum sov_knap_answer {
    SOV_KNAP_FITS = 0,
    SOV_KNAP_LARGE, /* pick is the smallest there is, and too large */
    SOV_KNAP_SLOW,  /* pick fits, and is as fast as was found: too slow */
};

/*
 * pick[n]: which option of each item.  cost: INFINITY if it does not matter.
 * Gives an answer, or SOV_EMEM.
 */
int sov_knap_solve(const struct sov_knap_item *item, size_t n, uint64_t bytes,
                   double cost, size_t *pick,
                   struct sov_err *err) SOV_MUST_CHECK;

#endif
