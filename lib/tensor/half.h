/* SPDX-License-Identifier: Apache-2.0 */
/*
 * half.h - 16-bit and 8-bit floating point, exact and in plain C
 *
 * To the narrow side: round to nearest, ties to even; too large becomes
 * infinity; NaN stays NaN (quiet, payload cut).
 */
#ifndef SOV_TENSOR_HALF_H
#define SOV_TENSOR_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t
sov_f32_bits(float f)
{
    uint32_t u;

    memcpy(&u, &f, sizeof(u));
    return u;
}

static inline float
sov_f32_from_bits(uint32_t u)
{
    float f;

    memcpy(&f, &u, sizeof(f));
    return f;
}

/* Without a branch on the value: subnormals by a subtraction. */
static inline float
sov_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t rest = (uint32_t)(h & 0x7fff) << 13;
    uint32_t u;

    if (rest >= UINT32_C(0x7c00) << 13)
        u = rest + (UINT32_C(224) << 23); /* Inf and NaN */
    else if (rest < UINT32_C(1) << 23)
        u = sov_f32_bits(sov_f32_from_bits(rest + (UINT32_C(113) << 23)) -
                         sov_f32_from_bits(UINT32_C(113) << 23));
    else
        u = rest + (UINT32_C(112) << 23);
    return sov_f32_from_bits(u | sign);
}

static inline uint16_t
sov_f32_to_f16(float f)
{
    uint32_t u = sov_f32_bits(f);
    uint32_t sign = u >> 16 & 0x8000;
    uint32_t a = u & 0x7fffffff;

    if (a > 0x7f800000) /* NaN: quiet */
        return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x3ff));
    if (a >= 0x477ff000) /* rounds to 2^16 or more */
        return (uint16_t)(sign | 0x7c00);
    if (a < 0x38800000) { /* subnormal: let an addition round */
        float r = sov_f32_from_bits(a) + 0.5f;

        return (uint16_t)(sign | (sov_f32_bits(r) - 0x3f000000));
    }
    a += 0xfff + (a >> 13 & 1);
    return (uint16_t)(sign | ((a - (UINT32_C(112) << 23)) >> 13));
}

/*
 * To the 11 significant bits of a half, ties to even, whatever the exponent.
 */
static inline float
sov_f32_round11(float f)
{
    uint32_t u = sov_f32_bits(f);

    if ((u & 0x7f800000) == 0x7f800000) /* Inf and NaN */
        return f;
    return sov_f32_from_bits((u + 0xfff + (u >> 13 & 1)) & 0xffffe000);
}

static inline float
sov_bf16_to_f32(uint16_t h)
{
    return sov_f32_from_bits((uint32_t)h << 16);
}

static inline uint16_t
sov_f32_to_bf16(float f)
{
    uint32_t u = sov_f32_bits(f);

    if ((u & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/*
 * bit 7 sign | bits 6-3 exponent, bias 7 | bits 2-0 mantissa: no infinity, only
 * 0x7f and 0xff are NaN, exponent 0 is subnormal.  Its fields at the places that
 * a float has them, then the bias by an exact multiplication, which also makes
 * the subnormals right.
 */
static inline float
sov_f8_e4m3_to_f32(uint8_t b)
{
    uint32_t sign = (uint32_t)(b & 0x80) << 24;
    uint32_t rest = (uint32_t)(b & 0x7f) << 20;
    float two_120 = sov_f32_from_bits(UINT32_C(247) << 23);

    if ((b & 0x7f) == 0x7f)
        return sov_f32_from_bits(sign | 0x7fc00000);
    return sov_f32_from_bits(
        sign | sov_f32_bits(sov_f32_from_bits(rest) * two_120));
}

/* The upper half of an IEEE half float, Inf and NaN included. */
static inline float
sov_f8_e5m2_to_f32(uint8_t b)
{
    return sov_f16_to_f32((uint16_t)(b << 8));
}

/* A power of two, from 2^-127 to 2^127; 255 is NaN. */
static inline float
sov_f8_e8m0_to_f32(uint8_t b)
{
    uint32_t bits = (uint32_t)b << 23;

    if (b == 0)
        bits = 0x00400000;
    return sov_f32_from_bits(b < 255 ? bits : 0x7fc00000);
}

#endif
