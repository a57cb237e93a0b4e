/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lanes.h - sums in 16 lanes (kern.h)
 */
#ifndef SOV_KERN_GENERIC_LANES_H
#define SOV_KERN_GENERIC_LANES_H

#include "kern/generic/fma.h"

#include <stddef.h>

#define LANES ((size_t)16)

/* The lanes to one sum; they are lost. */
static inline float
sov_lanes_sum(float lane[LANES])
{
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

/* Products 0 to n - 1, the first of them into lane 0. */
static inline void
sov_lanes_add(const float *a, const float *b, size_t n, float lane[LANES])
{
    float s[LANES];
    size_t i, l;

    memcpy(s, lane, sizeof(s));
    for (i = 0; i + LANES <= n; i += LANES)
        for (l = 0; l < LANES; l++)
            s[l] = sov_fma(a[i + l], b[i + l], s[l]);
    for (l = 0; i + l < n; l++)
        s[l] = sov_fma(a[i + l], b[i + l], s[l]);
    memcpy(lane, s, sizeof(s));
}

#endif
