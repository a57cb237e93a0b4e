/* SPDX-License-Identifier: Apache-2.0 */
/*
 * product.h - how a product of bf16 is added to a sum (kern.h)
 */
#ifndef SOV_KERN_GENERIC_PRODUCT_H
#define SOV_KERN_GENERIC_PRODUCT_H

#include <math.h>

static inline float
sov_bf16_flush(float x)
{
    return fabsf(x) < 0x1p-126f ? copysignf(0, x) : x;
}

/*
 * a * b + s as bf16 products are added.  Only a result of at most 2^-126 can
 * be too small; there a double has room for the exact sum, or differs from it
 * by less than matters.
 */
static inline float
sov_bf16_add(float a, float b, float s)
{
    float r;

    a = sov_bf16_flush(a);
    b = sov_bf16_flush(b);
    r = fmaf(a, b, s);
    if (fabsf(r) <= 0x1p-126f &&
        fabs((double)a * (double)b + (double)s) < 0x1p-126 - 0x1p-151)
        return copysignf(0, r);
    return r;
}

#endif
