/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exp.h - powers of e and of two, four at a time
 */
#ifndef SOV_KERN_NEON_EXP_H
#define SOV_KERN_NEON_EXP_H

#include "kern/generic/exp.h"
#include "kern/neon/lanes.h"

#include <arm_neon.h>

/* c + p * r */
INLINE float32x4_t
poly(float32x4_t p, float32x4_t r, float c)
{
    return vfmaq_f32(vdupq_n_f32(c), p, r);
}

/* 2^e */
INLINE float32x4_t
power_of(int32x4_t e)
{
    return vreinterpretq_f32_s32(
        vshlq_n_s32(vaddq_s32(e, vdupq_n_s32(127)), 23));
}

/* exp_one of kern/generic/f32.c */
INLINE float32x4_t
exp_all(float32x4_t x)
{
    const float32x4_t top = vdupq_n_f32(SOV_EXP_MAX);
    const float32x4_t bottom = vdupq_n_f32(SOV_EXP_MIN);
    const float32x4_t magic = vdupq_n_f32(SOV_EXP_MAGIC);
    float32x4_t t, n, r, p;
    int32x4_t e, e1;

    x = vbslq_f32(vcgtq_f32(x, top), top, x);
    x = vbslq_f32(vcltq_f32(x, bottom), bottom, x);
    t = vfmaq_f32(magic, x, vdupq_n_f32(SOV_EXP_LOG2E));
    n = vsubq_f32(t, magic);
    e = vsubq_s32(vreinterpretq_s32_f32(t),
                  vdupq_n_s32((int32_t)SOV_EXP_MAGIC_BITS));
    r = vfmaq_f32(x, n, vdupq_n_f32(-SOV_EXP_LN2_HI));
    r = vfmaq_f32(r, n, vdupq_n_f32(-SOV_EXP_LN2_LO));
    p = poly(vdupq_n_f32(SOV_EXP_C6), r, SOV_EXP_C5);
    p = poly(p, r, SOV_EXP_C4);
    p = poly(p, r, SOV_EXP_C3);
    p = poly(p, r, SOV_EXP_C2);
    p = poly(p, r, SOV_EXP_C1);
    p = vfmaq_f32(r, p, vmulq_f32(r, r));
    p = vaddq_f32(p, vdupq_n_f32(1.0f));
    e1 = vshrq_n_s32(e, 1);
    return vmulq_f32(vmulq_f32(p, power_of(e1)), power_of(vsubq_s32(e, e1)));
}

/* pow2 of kern.h */
INLINE float32x4_t
pow2_all(float32x4_t x)
{
    const float32x4_t magic = vdupq_n_f32(SOV_EXP_MAGIC);
    float32x4_t t = vaddq_f32(x, magic);
    float32x4_t r = vsubq_f32(x, vsubq_f32(t, magic));
    float32x4_t p = poly(vdupq_n_f32(SOV_POW2_C4), r, SOV_POW2_C3);
    uint32x4_t bits;

    p = poly(p, r, SOV_POW2_C2);
    p = poly(p, r, SOV_POW2_C1);
    p = poly(p, r, 1.0f);
    bits = vaddq_u32(vreinterpretq_u32_f32(p),
                     vshlq_n_u32(vreinterpretq_u32_f32(t), 23));
    return vreinterpretq_f32_u32(
        vandq_u32(bits, vcgeq_f32(x, vdupq_n_f32(SOV_POW2_MIN))));
}

#endif
