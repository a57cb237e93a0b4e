/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dist.h - chances by the normal and by Student's distribution
 *
 * The same bits everywhere: no function of the C library but sqrt and fabs.
 */
#ifndef SOV_BENCH_DIST_H
#define SOV_BENCH_DIST_H

#include <stddef.h>

/* Chance of more than z. */
double sov_dist_normal_above(double z);

/* Chance of more than t with so many degrees of freedom, 1 or more. */
double sov_dist_t_above(double t, size_t dof);

/* The t that is exceeded with that chance, between 0 and 0.5. */
double sov_dist_t_at(double above, size_t dof);

#endif
