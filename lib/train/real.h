/* SPDX-License-Identifier: Apache-2.0 */
/*
 * real.h - the numbers that training computes with
 *
 * The library trains in f32.  The tests compile the same sources once more
 * with SOV_REAL_DOUBLE and other primitives (see prim.h), and check every
 * gradient in f64.
 */
#ifndef SOV_TRAIN_REAL_H
#define SOV_TRAIN_REAL_H

#ifdef SOV_REAL_DOUBLE
typedef double sov_real;
#else
typedef float sov_real;
#endif

#endif
