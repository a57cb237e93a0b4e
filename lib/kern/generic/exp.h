/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exp.h - the constants of exp, which all instruction sets share
 */
#ifndef SOV_KERN_GENERIC_EXP_H
#define SOV_KERN_GENERIC_EXP_H

#include <stdint.h>

/* see exp_one() in f32.c */
#define SOV_EXP_MAX        89.0f   /* beyond: infinity */
#define SOV_EXP_MIN        -104.0f /* beyond: zero */
#define SOV_EXP_LOG2E      1.44269504f
#define SOV_EXP_MAGIC      12582912.0f /* 1.5 * 2^23 */
#define SOV_EXP_MAGIC_BITS UINT32_C(0x4b400000)
#define SOV_EXP_LN2_HI     0.693359375f
#define SOV_EXP_LN2_LO     -2.12194440e-4f
#define SOV_EXP_C1         5.0000001201e-1f
#define SOV_EXP_C2         1.6666665459e-1f
#define SOV_EXP_C3         4.1665795894e-2f
#define SOV_EXP_C4         8.3334519073e-3f
#define SOV_EXP_C5         1.3981999507e-3f
#define SOV_EXP_C6         1.9875691500e-4f

/*
 * pow2(x), for x <= 0: n = x to the nearest integer by way of SOV_EXP_MAGIC,
 * r = x - n, a polynomial of r (1 at 0; a minimax fit of ours, 6e-6), and n
 * added to the exponent's bits; below the least, and for a NaN, 0.
 */
#define SOV_POW2_MIN -64.0f
#define SOV_CAP_MAX  64.0f /* no power of two of a soft limit is larger */
#define SOV_POW2_C1  6.931089485e-1f
#define SOV_POW2_C2  2.402572253e-1f
#define SOV_POW2_C3  5.598647964e-2f
#define SOV_POW2_C4  9.504740164e-3f

#endif
