/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fp4_scale.h - the 8-bit scales of mxfp4 and nvfp4, for doubled E2M1
 */
#ifndef SOV_QUANT_FP4_SCALE_H
#define SOV_QUANT_FP4_SCALE_H

#include "tensor/half.h"

#include <stdint.h>

/* 2^(e - 128); e of 0 and 1 give subnormal numbers. */
static inline float
sov_mxfp4_scale(uint8_t e)
{
    uint32_t bits = e < 2 ? UINT32_C(0x00200000) << e : (uint32_t)(e - 1) << 23;

    return sov_f32_from_bits(bits);
}

/*
 * Half of: bits 6-3 exponent (bias 7), 2-0 mantissa; 0 and 0x7f give 0.
 */
static inline float
sov_nvfp4_scale(uint8_t x)
{
    uint32_t exponent = x >> 3 & 15;
    uint32_t mantissa = x & 7;

    if (x == 0 || x == 0x7f)
        return 0.0f;
    if (exponent == 0)
        return (float)mantissa * 0x1p-10f;
    return sov_f32_from_bits((exponent + 127 - 8) << 23 | mantissa << 20);
}

#endif
