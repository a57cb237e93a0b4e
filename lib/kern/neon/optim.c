/* SPDX-License-Identifier: Apache-2.0 */
/*
 * optim.c - steps of training and sums in fixed point, NEON
 *
 * What is left of a vector is worked on in a copy.
 */
#include "config.h"

#include "kern/generic/fix.h"
#include "kern/overlay.h"

#include <arm_neon.h>
#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE void
step(const struct sov_adamw *a, const float *g, float *m, float *v, float *w)
{
    float32x4_t x = vmulq_n_f32(vld1q_f32(g), a->by);
    float32x4_t vm = vld1q_f32(m);
    float32x4_t vv = vld1q_f32(v);
    float32x4_t vw = vld1q_f32(w);
    float32x4_t d;

    vm = vfmaq_n_f32(vm, vsubq_f32(x, vm), a->a1);
    vv = vfmaq_n_f32(vv, vsubq_f32(vmulq_f32(x, x), vv), a->a2);
    d = vaddq_f32(vsqrtq_f32(vmulq_n_f32(vv, a->norm)), vdupq_n_f32(a->eps));
    d = vdivq_f32(vmulq_n_f32(vm, a->rate), d);
    vw = vfmaq_n_f32(vw, vw, -a->decay);
    vst1q_f32(m, vm);
    vst1q_f32(v, vv);
    vst1q_f32(w, vsubq_f32(vw, d));
}

#define LANES 4
#include "kern/adamw.h"

/* Two of them; all bits are set where one was left out. */
INLINE uint64x2_t
add2(int64_t *sum, float32x2_t x, double unit)
{
    float64x2_t v = vmulq_n_f64(vcvt_f64_f32(x), unit);
    uint64x2_t in = vcltq_f64(vabsq_f64(v), vdupq_n_f64(SOV_FIX_LIMIT));
    int64x2_t u = vsubq_s64(
        vreinterpretq_s64_f64(vaddq_f64(v, vdupq_n_f64(SOV_FIX_MAGIC))),
        vdupq_n_s64(SOV_FIX_MAGIC_BITS));

    u = vandq_s64(u, vreinterpretq_s64_u64(in));
    vst1q_s64(sum, vaddq_s64(vld1q_s64(sum), u));
    return vceqzq_u64(in);
}

static bool
fix_add(int64_t *sum, const float *x, double unit, size_t n)
{
    uint64x2_t bad = vdupq_n_u64(0);
    size_t i;

    for (i = 0; i + 2 <= n; i += 2)
        bad = vorrq_u64(bad, add2(sum + i, vld1_f32(x + i), unit));
    if (i < n) {
        int64_t s[2] = { sum[i], 0 };
        const float y[2] = { x[i], 0 };

        bad = vorrq_u64(bad, add2(s, vld1_f32(y), unit));
        sum[i] = s[0];
    }
    return (vgetq_lane_u64(bad, 0) | vgetq_lane_u64(bad, 1)) == 0;
}

static void
fix_get(const int64_t *sum, double by, float *x, size_t n)
{
    size_t i;

    for (i = 0; i + 2 <= n; i += 2) {
        float64x2_t v = vcvtq_f64_s64(vld1q_s64(sum + i));

        vst1_f32(x + i, vcvt_f32_f64(vmulq_n_f64(v, by)));
    }
    if (i < n)
        x[i] = (float)((double)sum[i] * by);
}

void
sov_kern_neon_optim(struct sov_kern *k)
{
    k->adamw = adamw;
    k->fix_add = fix_add;
    k->fix_get = fix_get;
}
