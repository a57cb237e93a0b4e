/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fmath.h - elementary functions that give the same bits everywhere
 *
 * The C library's differ between versions and machines in the last bit.
 * These use only +, -, *, / and exact operations in double, so any IEEE
 * machine agrees.  Errors are below 2 units in the last place of a double in
 * the ranges that models use, far below one of a float.
 */
#ifndef SOV_BASE_FMATH_H
#define SOV_BASE_FMATH_H

double sov_exp(double x);
double sov_log(double x);           /* x > 0; NaN otherwise, -inf at 0 */
double sov_pow(double x, double y); /* x > 0 */
double sov_tanh(double x);

/* 1e-15 up to a million radians, 1e-8 up to 2^28, 1e-7 up to 2^31 */
double sov_sin(double x);
double sov_cos(double x);

#endif
