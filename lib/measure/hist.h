/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hist.h - how often which numbers are there
 *
 * A bin is the first 20 bits of a float: sign, exponent, ten bits of fraction.
 * Counting needs no range beforehand, and counts of several threads add up to
 * the same in any order.
 */
#ifndef SOV_MEASURE_HIST_H
#define SOV_MEASURE_HIST_H

#include "sov/inspect.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SOV_HIST_SHIFT 13
#define SOV_HIST_BINS  (1u << (32 - SOV_HIST_SHIFT))

struct sov_hist {
    double min, max; /* of what was counted; NaN: nothing */
    bool exact;      /* every number is the least one of its bin */
    uint64_t n;
    uint64_t count[SOV_HIST_BINS];
};

/* x is finite. */
static inline uint32_t
sov_hist_bin(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof(u));
    return u >> SOV_HIST_SHIFT;
}

#endif
