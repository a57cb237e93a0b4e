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

#endif
