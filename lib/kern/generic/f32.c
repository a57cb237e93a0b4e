/* SPDX-License-Identifier: Apache-2.0 */
/*
 * f32.c - sums and elementwise work on f32, the specification
 *
 * Every sum runs in 16 lanes (see kern.h); everything else treats each element
 * alone, so that the width of a vector cannot be seen in the result.
 */
#include "config.h"

#include "kern/generic/exp.h"
#include "kern/generic/lanes.h"
#include "kern/overlay.h"
#include "tensor/half.h"

#include <math.h>

static float
dot_f32(const float *a, const float *b, size_t n)
{
    float lane[LANES] = { 0 };

    sov_lanes_add(a, b, n, lane);
    return sov_lanes_sum(lane);
}

static float
sumsq(const float *x, size_t n)
{
    return dot_f32(x, x, n);
}

static float
sum(const float *x, size_t n)
{
    float lane[LANES] = { 0 };
    size_t i;

    for (i = 0; i < n; i++)
        lane[i % LANES] += x[i];
    return sov_lanes_sum(lane);
}

static float
max(const float *x, size_t n)
{
    float m = -INFINITY;
    size_t i;

    for (i = 0; i < n; i++)
        m = x[i] > m ? x[i] : m;
    return m;
}

static void
axpy(float a, const float *x, float *y, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        y[i] = sov_fma(a, x[i], y[i]);
}

static void
scale(const float *x, float s, const float *w, float *y, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        y[i] = x[i] * s * w[i];
}

/*
 * e^x: n = x / ln 2 to the nearest integer, by adding and taking away a number
 * so large that no fraction fits beside it; r = x - n ln 2 in two steps; a
 * polynomial in r (coefficients of expf in the Cephes library by S. Moshier);
 * and times 2^n in two factors, so that subnormal results round once and large
 * ones become infinite.
 */
static float
exp_one(float x)
{
    float t, n, r, p;
    int32_t e, e1;

    x = x > SOV_EXP_MAX ? SOV_EXP_MAX : x;
    x = x < SOV_EXP_MIN ? SOV_EXP_MIN : x;
    t = sov_fma(x, SOV_EXP_LOG2E, SOV_EXP_MAGIC);
    n = t - SOV_EXP_MAGIC;
    e = (int32_t)(sov_f32_bits(t) - SOV_EXP_MAGIC_BITS);
    r = sov_fma(n, -SOV_EXP_LN2_HI, x);
    r = sov_fma(n, -SOV_EXP_LN2_LO, r);
    p = sov_fma(SOV_EXP_C6, r, SOV_EXP_C5);
    p = sov_fma(p, r, SOV_EXP_C4);
    p = sov_fma(p, r, SOV_EXP_C3);
    p = sov_fma(p, r, SOV_EXP_C2);
    p = sov_fma(p, r, SOV_EXP_C1);
    p = sov_fma(p, r * r, r);
    p = p + 1.0f;
    e1 = e >> 1;
    return p * sov_f32_from_bits((uint32_t)(e1 + 127) << 23) *
           sov_f32_from_bits((uint32_t)(e - e1 + 127) << 23);
}

static void
exp_sub(float *x, size_t n, float sub)
{
    size_t i;

    for (i = 0; i < n; i++)
        x[i] = exp_one(x[i] - sub);
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
    size_t i;

    for (i = 0; i < n; i++) {
        x[i] = exp_one(x[i] - sub);
        g[i] = x[i] * (g[i] - mean);
    }
}

static void
silu_mul(const float *g, const float *u, float *y, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        y[i] = g[i] / (1.0f + exp_one(-g[i])) * u[i];
}

static void
silu_back(const float *g, const float *u, const float *dy, float *dg, float *du,
          size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        float s = 1.0f / (1.0f + exp_one(-g[i]));
        float t = g[i] * s;
        float slope = sov_fma(s, g[i] - t, s);
        float both = dy[i] * u[i];

        du[i] = dy[i] * t;
        dg[i] = both * slope;
    }
}

static void
mul_axpy(float s, const float *a, const float *b, float *y, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        y[i] = sov_fma(s * a[i], b[i], y[i]);
}

static void
norm_back(const float *x, const float *w, float r, const float *dy, bool add,
          float *dx, size_t n)
{
    float lane[LANES] = { 0 };
    float c;
    size_t i;

    for (i = 0; i < n; i++)
        lane[i % LANES] = sov_fma(dy[i] * r * w[i], x[i], lane[i % LANES]);
    c = sov_lanes_sum(lane) * r * r / (float)n;
    for (i = 0; i < n; i++) {
        float d = sov_fma(-c, x[i], dy[i] * r * w[i]);

        dx[i] = add ? dx[i] + d : d;
    }
}

static void
dots(const float *a, size_t a_stride, size_t n_a, const float *b,
     size_t b_stride, size_t n_b, size_t n, float *y, size_t y_stride)
{
    size_t i, j;

    for (j = 0; j < n_b; j++)
        for (i = 0; i < n_a; i++)
            y[j * y_stride + i] =
                dot_f32(a + i * a_stride, b + j * b_stride, n);
}

static void
mix(const float *p, const float *v, size_t v_stride, size_t n_k, float *y,
    size_t n)
{
    size_t k;

    for (k = 0; k < n_k; k++)
        axpy(p[k], v + k * v_stride, y, n);
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
sov_kern_generic_f32(struct sov_kern *k)
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
