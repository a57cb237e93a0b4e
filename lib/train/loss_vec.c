/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loss_vec.c - sums, powers and logarithms of pieces, in f32
 *
 * The logarithm is plain arithmetic on each element, in a fixed order: x is
 * 2^e (1 + f) with 1 + f between sqrt(1/2) and sqrt(2), and log(1 + f) a
 * polynomial (coefficients of logf in the Cephes library by S. Moshier).  What
 * is not finite gives a NaN.
 */
#include "train/loss_row.h"

#include "tensor/half.h"

#define SQRT_HALF UINT32_C(0x3f3504f3)
#define LN2_HI    0.693359375f
#define LN2_LO    -2.12194440e-4f

sov_real
sov_loss_max(const struct sov_kern *k, const sov_real *x, size_t n)
{
    return k->max(x, n);
}

double
sov_loss_sum(const struct sov_kern *k, const sov_real *x, size_t n)
{
    return (double)k->sum(x, n);
}

double
sov_loss_dot(const struct sov_kern *k, const sov_real *x, const sov_real *y,
             size_t n)
{
    return (double)k->dot_f32(x, y, n);
}

void
sov_loss_exp(const struct sov_kern *k, sov_real *x, size_t n)
{
    k->exp(x, n, 0);
}

static float
log_one(float x)
{
    uint32_t u = sov_f32_bits(x) - SQRT_HALF;
    int32_t e = (int32_t)u >> 23;
    float f = sov_f32_from_bits((u & 0x7fffff) + SQRT_HALF) - 1.0f;
    float s = f * f;
    float y = 7.0376836292e-2f;

    y = y * f - 1.1514610310e-1f;
    y = y * f + 1.1676998740e-1f;
    y = y * f - 1.2420140846e-1f;
    y = y * f + 1.4249322787e-1f;
    y = y * f - 1.6668057665e-1f;
    y = y * f + 2.0000714765e-1f;
    y = y * f - 2.4999993993e-1f;
    y = y * f + 3.3333331174e-1f;
    y = y * f * s + (float)e * LN2_LO - 0.5f * s;
    return f + y + (float)e * LN2_HI + (x - x);
}

void
sov_loss_log(const struct sov_kern *k, sov_real *x, size_t n)
{
    size_t i;

    (void)k;
    for (i = 0; i < n; i++)
        x[i] = log_one(x[i]);
}
