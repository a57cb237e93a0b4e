/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lift.h - activations that are made unsigned by adding 128
 *
 * Whoever includes it brings vec.h, with vec_dot().
 */
#ifndef SOV_KERN_LIFT_H
#define SOV_KERN_LIFT_H

#include "kern/panel.h"

/* What takes that back from the sum over n registers of signed weights. */
INLINE vec
lift_of(const struct sov_panel *p, int first, int n, int at)
{
    const vec ones = vec_set8(1);
    vec t = vec_set32(0);
    int k;

    UNROLL
    for (k = first; k < first + n; k++)
        t = vec_dot(t, ones, vec_load(p->q[k][at]));
    return vec_sub32(vec_set32(0), vec_shl(t, 7));
}

#endif
