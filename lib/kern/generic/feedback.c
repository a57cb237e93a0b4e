/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback.c - rounding with error feedback, the specification
 */
#include "config.h"

#include "kern/feedback_lanes.h"
#include "kern/overlay.h"

#include <math.h>

static void
less_f64(const double *p, size_t p_stride, size_t n_p, const double *v,
         size_t v_stride, size_t n_k, double *y, size_t y_stride, size_t n)
{
    for (size_t j = 0; j < n_p; j++)
        for (size_t k = 0; k < n_k; k++)
            for (size_t i = 0; i < n; i++)
                y[j * y_stride + i] =
                    fma(-p[j * p_stride + k], v[k * v_stride + i],
                        y[j * y_stride + i]);
}

void
sov_kern_generic_feedback(struct sov_kern *k)
{
    feedback_slots(k);
    k->less_f64 = less_f64;
}
