/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lanes.h - the 16 lanes of kern.h, four registers
 */
#ifndef SOV_KERN_NEON_LANES_H
#define SOV_KERN_NEON_LANES_H

#include "kern/unroll.h"

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LANES 16

typedef struct {
    float32x4_t v[4];
} lanes;

INLINE lanes
load(const float *p)
{
    return (lanes){ { vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8),
                      vld1q_f32(p + 12) } };
}

/* n < 16 of them, zeros behind */
static inline lanes
load_rest(const float *p, size_t n)
{
    float rest[LANES] = { 0 };

    memcpy(rest, p, n * sizeof(*p));
    return load(rest);
}

INLINE lanes
zero(void)
{
    float32x4_t z = vdupq_n_f32(0.0f);

    return (lanes){ { z, z, z, z } };
}

/* s + a * b */
INLINE lanes
fma_lanes(lanes s, lanes a, lanes b)
{
    int j;

    for (j = 0; j < 4; j++)
        s.v[j] = vfmaq_f32(s.v[j], a.v[j], b.v[j]);
    return s;
}

INLINE lanes
add_lanes(lanes a, lanes b)
{
    int j;

    for (j = 0; j < 4; j++)
        a.v[j] = vaddq_f32(a.v[j], b.v[j]);
    return a;
}

/* The first n lanes of new, the others of old. */
static inline lanes
keep(lanes old, lanes new, size_t n)
{
    static const uint32_t first[4] = { 0, 1, 2, 3 };
    uint32x4_t end = vdupq_n_u32((uint32_t)n);
    uint32x4_t at = vld1q_u32(first);
    int j;

    for (j = 0; j < 4; j++) {
        new.v[j] = vbslq_f32(vcltq_u32(at, end), new.v[j], old.v[j]);
        at = vaddq_u32(at, vdupq_n_u32(4));
    }
    return new;
}

/* l + (l + 8), then + 4: four lanes are left */
INLINE float32x4_t
fold(lanes s)
{
    return vaddq_f32(vaddq_f32(s.v[0], s.v[2]), vaddq_f32(s.v[1], s.v[3]));
}

/* then + 2, + 1 */
INLINE float
tree(lanes s)
{
    float32x4_t four = fold(s);
    float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));

    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

/* the trees of four sums at once */
INLINE float32x4_t
tree4(const lanes s[4])
{
    float32x4_t a = fold(s[0]);
    float32x4_t b = fold(s[1]);
    float32x4_t c = fold(s[2]);
    float32x4_t d = fold(s[3]);
    float32x4_t ab =
        vaddq_f32(vcombine_f32(vget_low_f32(a), vget_low_f32(b)),
                  vcombine_f32(vget_high_f32(a), vget_high_f32(b)));
    float32x4_t cd =
        vaddq_f32(vcombine_f32(vget_low_f32(c), vget_low_f32(d)),
                  vcombine_f32(vget_high_f32(c), vget_high_f32(d)));

    return vpaddq_f32(ab, cd);
}

#endif
