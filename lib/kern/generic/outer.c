/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outer.c - sums of outer products over tokens, the specification
 */
#include "config.h"

#include "kern/overlay.h"

#include <math.h>

static void
outer(const float *a, const float *b, size_t b_stride, size_t n_b, size_t n,
      float *y, size_t y_stride)
{
    size_t p, i, j, t;

    for (p = 0; p < n_b; p++, b += b_stride, y += SOV_OUTER)
        for (i = 0; i < SOV_OUTER; i++)
            for (j = 0; j < SOV_OUTER; j++) {
                float s = 0;

                for (t = 0; t < n; t++)
                    s = fmaf(a[t * SOV_OUTER + i], b[t * SOV_OUTER + j], s);
                y[i * y_stride + j] += s;
            }
}

void
sov_kern_generic_outer(struct sov_kern *k)
{
    k->outer = outer;
}
