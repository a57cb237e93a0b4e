/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loss_vec_f64.c - what lib/train/loss_vec.c does, in plain loops and in f64
 */
#include "train/loss_row.h"

#include "base/fmath.h"

#include <math.h>

sov_real
sov_loss_max(const struct sov_kern *k, const sov_real *x, size_t n)
{
    sov_real m = -INFINITY;

    (void)k;
    for (size_t i = 0; i < n; i++)
        m = x[i] > m ? x[i] : m;
    return m;
}

double
sov_loss_sum(const struct sov_kern *k, const sov_real *x, size_t n)
{
    double sum = 0;

    (void)k;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum;
}

double
sov_loss_dot(const struct sov_kern *k, const sov_real *x, const sov_real *y,
             size_t n)
{
    double sum = 0;

    (void)k;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

void
sov_loss_exp(const struct sov_kern *k, sov_real *x, size_t n)
{
    (void)k;
    for (size_t i = 0; i < n; i++)
        x[i] = sov_exp(x[i]);
}

void
sov_loss_log(const struct sov_kern *k, sov_real *x, size_t n)
{
    (void)k;
    for (size_t i = 0; i < n; i++)
        x[i] = sov_log(x[i]);
}
