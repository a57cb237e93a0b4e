/* SPDX-License-Identifier: Apache-2.0 */
/*
 * product.h - how a product of bf16 is added to a sum (kern.h)
 */
#ifndef SOV_KERN_GENERIC_PRODUCT_H
#define SOV_KERN_GENERIC_PRODUCT_H

#include "kern/generic/fma.h"
#include "tensor/half.h"

#include <math.h>

static inline float
sov_bf16_flush(float x)
{
    uint32_t u = sov_f32_bits(x);

    return sov_f32_from_bits((u & 0x7f800000) != 0 ? u : u & 0x80000000);
}

static inline float
sov_bf16_get(uint16_t x)
{
    return sov_bf16_flush(sov_bf16_to_f32(x));
}

/*
 * a * b + s as products of bf16 are added, a and b being flushed: what is below
 * 2^-126 once it is rounded to 24 bits becomes zero.  A double has room for the
 * exact sum there, or differs from it by less than matters.
 */
static inline float
sov_bf16_add(float a, float b, float s)
{
    double sum = sov_fma_odd(a, b, s);

    return (float)(fabs(sum) < 0x1p-126 - 0x1p-151 ? copysign(0, sum) : sum);
}

#endif
