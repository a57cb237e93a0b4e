/* SPDX-License-Identifier: Apache-2.0 */
/*
 * f32.c - sums and elementwise work on f32, NEON
 *
 * What is left of a vector is worked on in a copy.
 */
#include "config.h"

#include "kern/neon/exp.h"
#include "kern/neon/lanes.h"
#include "kern/overlay.h"

#include <math.h>
#include <string.h>

static float
dot_f32(const float *a, const float *b, size_t n)
{
    lanes s = zero();
    size_t i;

    for (i = 0; i + LANES <= n; i += LANES)
        s = fma_lanes(s, load(a + i), load(b + i));
    if (i < n)
        s = keep(s,
                 fma_lanes(s, load_rest(a + i, n - i), load_rest(b + i, n - i)),
                 n - i);
    return tree(s);
}

static float
sumsq(const float *x, size_t n)
{
    return dot_f32(x, x, n);
}

static float
sum(const float *x, size_t n)
{
    lanes s = zero();
    size_t i;

    for (i = 0; i + LANES <= n; i += LANES)
        s = add_lanes(s, load(x + i));
    if (i < n)
        s = keep(s, add_lanes(s, load_rest(x + i, n - i)), n - i);
    return tree(s);
}

static float
max(const float *x, size_t n)
{
    float32x4_t m = vdupq_n_f32(-INFINITY);
    float lane[4];
    float r = -INFINITY;
    size_t i, l;

    /* x > m ? x : m, so that a NaN is never larger */
    for (i = 0; i + 4 <= n; i += 4) {
        float32x4_t v = vld1q_f32(x + i);

        m = vbslq_f32(vcgtq_f32(v, m), v, m);
    }
    vst1q_f32(lane, m);
    for (l = 0; l < 4; l++)
        r = lane[l] > r ? lane[l] : r;
    for (; i < n; i++)
        r = x[i] > r ? x[i] : r;
    return r;
}

static void
axpy(float a, const float *x, float *y, size_t n)
{
    size_t i;

    for (i = 0; i + 4 <= n; i += 4)
        vst1q_f32(y + i, vfmaq_n_f32(vld1q_f32(y + i), vld1q_f32(x + i), a));
    for (; i < n; i++)
        y[i] = fmaf(a, x[i], y[i]);
}

static void
scale(const float *x, float s, const float *w, float *y, size_t n)
{
    size_t i;

    for (i = 0; i + 4 <= n; i += 4)
        vst1q_f32(y + i, vmulq_f32(vmulq_n_f32(vld1q_f32(x + i), s),
                                   vld1q_f32(w + i)));
    for (; i < n; i++)
        y[i] = x[i] * s * w[i];
}

static void
exp_sub(float *x, size_t n, float sub)
{
    float32x4_t vs = vdupq_n_f32(sub);
    size_t i;

    for (i = 0; i + 4 <= n; i += 4)
        vst1q_f32(x + i, exp_all(vsubq_f32(vld1q_f32(x + i), vs)));
    if (i < n) {
        float rest[4] = { 0 };

        memcpy(rest, x + i, (n - i) * sizeof(*x));
        vst1q_f32(rest, exp_all(vsubq_f32(vld1q_f32(rest), vs)));
        memcpy(x + i, rest, (n - i) * sizeof(*x));
    }
}

static float
exp_sum(float *x, size_t n, float sub)
{
    exp_sub(x, n, sub);
    return sum(x, n);
}

static void
exp_back(float *x, float *g, size_t n, float sub, float mean)
{
    float32x4_t vm = vdupq_n_f32(mean);
    size_t i;

    exp_sub(x, n, sub);
    for (i = 0; i + 4 <= n; i += 4)
        vst1q_f32(g + i, vmulq_f32(vld1q_f32(x + i),
                                   vsubq_f32(vld1q_f32(g + i), vm)));
    for (; i < n; i++)
        g[i] = x[i] * (g[i] - mean);
}

INLINE float32x4_t
silu(float32x4_t g, float32x4_t u)
{
    float32x4_t s = vaddq_f32(vdupq_n_f32(1.0f), exp_all(vnegq_f32(g)));

    return vmulq_f32(vdivq_f32(g, s), u);
}

static void
silu_mul(const float *g, const float *u, float *y, size_t n)
{
    size_t i;

    for (i = 0; i + 4 <= n; i += 4)
        vst1q_f32(y + i, silu(vld1q_f32(g + i), vld1q_f32(u + i)));
    if (i < n) {
        float a[4] = { 0 };
        float b[4] = { 0 };

        memcpy(a, g + i, (n - i) * sizeof(*g));
        memcpy(b, u + i, (n - i) * sizeof(*u));
        vst1q_f32(a, silu(vld1q_f32(a), vld1q_f32(b)));
        memcpy(y + i, a, (n - i) * sizeof(*y));
    }
}

/* the dot products of four rows of a with b */
/* See kern.h; gives dg. */
INLINE float32x4_t
silu_slope(float32x4_t g, float32x4_t u, float32x4_t dy, float32x4_t *du)
{
    const float32x4_t one = vdupq_n_f32(1.0f);
    float32x4_t s = vdivq_f32(one, vaddq_f32(one, exp_all(vnegq_f32(g))));
    float32x4_t t = vmulq_f32(g, s);
    float32x4_t slope = vfmaq_f32(s, s, vsubq_f32(g, t));

    *du = vmulq_f32(dy, t);
    return vmulq_f32(vmulq_f32(dy, u), slope);
}

static void
silu_back(const float *g, const float *u, const float *dy, float *dg, float *du,
          size_t n)
{
    float rest[3][4] = { { 0 } };
    float32x4_t vg, vu;
    size_t i;

    for (i = 0; i + 4 <= n; i += 4) {
        vg = silu_slope(vld1q_f32(g + i), vld1q_f32(u + i), vld1q_f32(dy + i),
                        &vu);
        vst1q_f32(du + i, vu);
        vst1q_f32(dg + i, vg);
    }
    if (i < n) {
        memcpy(rest[0], g + i, (n - i) * sizeof(*g));
        memcpy(rest[1], u + i, (n - i) * sizeof(*u));
        memcpy(rest[2], dy + i, (n - i) * sizeof(*dy));
        vg = silu_slope(vld1q_f32(rest[0]), vld1q_f32(rest[1]),
                        vld1q_f32(rest[2]), &vu);
        vst1q_f32(rest[0], vg);
        vst1q_f32(rest[1], vu);
        memcpy(dg + i, rest[0], (n - i) * sizeof(*g));
        memcpy(du + i, rest[1], (n - i) * sizeof(*u));
    }
}

static void
mul_axpy(float s, const float *a, const float *b, float *y, size_t n)
{
    size_t i;

    for (i = 0; i + 4 <= n; i += 4)
        vst1q_f32(y + i, vfmaq_f32(vld1q_f32(y + i),
                                   vmulq_n_f32(vld1q_f32(a + i), s),
                                   vld1q_f32(b + i)));
    for (; i < n; i++)
        y[i] = fmaf(s * a[i], b[i], y[i]);
}

static void
norm_back(const float *x, const float *w, float r, const float *dy, bool add,
          float *dx, size_t n)
{
    lanes s = zero();
    float lane[LANES], c;
    size_t i, l;
    int j;

    for (i = 0; i + LANES <= n; i += LANES)
        for (j = 0; j < 4; j++) {
            size_t at = i + 4 * (size_t)j;

            s.v[j] = vfmaq_f32(s.v[j],
                               vmulq_f32(vmulq_n_f32(vld1q_f32(dy + at), r),
                                         vld1q_f32(w + at)),
                               vld1q_f32(x + at));
        }
    for (j = 0; j < 4; j++)
        vst1q_f32(lane + 4 * j, s.v[j]);
    for (l = 0; i < n; i++, l++)
        lane[l] = fmaf(dy[i] * r * w[i], x[i], lane[l]);
    c = tree(load(lane)) * r * r / (float)n;
    for (i = 0; i < n; i++) {
        float d = fmaf(-c, x[i], dy[i] * r * w[i]);

        dx[i] = add ? dx[i] + d : d;
    }
}

static float32x4_t
dot4(const float *a, size_t stride, const float *b, size_t n)
{
    lanes s[4] = { zero(), zero(), zero(), zero() };
    size_t i, r;

    for (i = 0; i + LANES <= n; i += LANES) {
        lanes v = load(b + i);

        UNROLL
        for (r = 0; r < 4; r++)
            s[r] = fma_lanes(s[r], load(a + r * stride + i), v);
    }
    if (i < n) {
        lanes v = load_rest(b + i, n - i);

        for (r = 0; r < 4; r++)
            s[r] = keep(
                s[r], fma_lanes(s[r], load_rest(a + r * stride + i, n - i), v),
                n - i);
    }
    return tree4(s);
}

static void
dots(const float *a, size_t a_stride, size_t n_a, const float *b,
     size_t b_stride, size_t n_b, size_t n, float *y, size_t y_stride)
{
    size_t i, j;

    for (j = 0; j < n_b; j++) {
        const float *bj = b + j * b_stride;
        float *yj = y + j * y_stride;

        for (i = 0; i + 4 <= n_a; i += 4)
            vst1q_f32(yj + i, dot4(a + i * a_stride, a_stride, bj, n));
        for (; i < n_a; i++)
            yj[i] = dot_f32(a + i * a_stride, bj, n);
    }
}

static void
mix(const float *p, const float *v, size_t v_stride, size_t n_k, float *y,
    size_t n)
{
    size_t i, k;
    int j;

    for (i = 0; i + LANES <= n; i += LANES) {
        lanes s = load(y + i);

        for (k = 0; k < n_k; k++) {
            lanes x = load(v + k * v_stride + i);

            for (j = 0; j < 4; j++)
                s.v[j] = vfmaq_n_f32(s.v[j], x.v[j], p[k]);
        }
        for (j = 0; j < 4; j++)
            vst1q_f32(y + i + 4 * j, s.v[j]);
    }
    if (i < n)
        for (k = 0; k < n_k; k++)
            axpy(p[k], v + k * v_stride + i, y + i, n - i);
}

static void
mixes(const float *p, size_t p_stride, size_t n_p, const float *v,
      size_t v_stride, size_t n_k, float *y, size_t y_stride, size_t n)
{
    size_t j;

    for (j = 0; j < n_p; j++)
        mix(p + j * p_stride, v, v_stride, n_k, y + j * y_stride, n);
}

void
sov_kern_neon_f32(struct sov_kern *k)
{
    k->dot_f32 = dot_f32;
    k->sumsq = sumsq;
    k->sum = sum;
    k->max = max;
    k->axpy = axpy;
    k->scale = scale;
    k->exp = exp_sub;
    k->exp_sum = exp_sum;
    k->exp_back = exp_back;
    k->silu_mul = silu_mul;
    k->silu_back = silu_back;
    k->mul_axpy = mul_axpy;
    k->norm_back = norm_back;
    k->dots = dots;
    k->mix = mix;
    k->mixes = mixes;
}
