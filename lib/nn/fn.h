/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fn.h - what a feed-forward does to its numbers
 */
#ifndef SOV_NN_FN_H
#define SOV_NN_FN_H

#include "kern/kern.h"

#include <stddef.h>

enum sov_fn {
    SOV_FN_SILU,    /* x / (1 + e^-x) */
    SOV_FN_GELU,    /* by way of tanh: x / (1 + e^(-2 v)),
                       v = sqrt(2 / pi) (x + 0.044715 x^3) */
    SOV_FN_CLAMPED, /* gpt-oss: x = min(g, 7), u cut to +-7,
                       x / (1 + e^(-1.702 x)) * (u + 1) */
};

/* g = fn(g) * u, over n; with u NULL, fn(g). */
void sov_fn_apply(const struct sov_kern *k, enum sov_fn fn, float *g,
                  const float *u, size_t n);

/* x = most * tanh(x / most), over n; most is above 0. */
void sov_fn_cap(const struct sov_kern *k, float most, float *x, size_t n);

#endif
