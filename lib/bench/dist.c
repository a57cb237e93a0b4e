/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dist.c - chances by the normal and by Student's distribution
 *
 * Series and continued fractions of M. Abramowitz and I. A. Stegun, "Handbook
 * of Mathematical Functions", 1964, chapter 26.  Errors are below 1e-14, so a
 * chance below that is 0.
 */
#include "bench/dist.h"

#include "base/fmath.h"

#include <math.h>

#define PI 3.14159265358979323846

static double
density(double z)
{
    return sov_exp(-z * z / 2) / sqrt(2 * PI);
}

/* 26.2.11 around the middle, 26.2.14 in the tail */
double
sov_dist_normal_above(double z)
{
    double x = fabs(z);
    double above;

    if (x > 38) {
        above = 0;
    } else if (x < 3) {
        double term = x, sum = x;

        for (int i = 1; i < 100; i++) {
            term *= x * x / (2 * i + 1);
            sum += term;
        }
        above = 0.5 - density(x) * sum;
    } else {
        double under = x;

        for (int i = 200; i > 0; i--)
            under = x + i / under;
        above = density(x) / under;
    }
    return z < 0 ? 1 - above : above;
}

/* The angle whose tangent x is, for x from 0. */
static double
arc_tangent(double x)
{
    double sum = 0, power, turns = 1;

    if (x > 1)
        return PI / 2 - arc_tangent(1 / x);
    for (; x > 0.1; turns *= 2) /* half the angle */
        x /= 1 + sqrt(1 + x * x);
    power = x;
    for (int i = 0; i < 10; i++) {
        sum += (i % 2 == 0 ? power : -power) / (2 * i + 1);
        power *= x * x;
    }
    return turns * sum;
}

/* 26.7.3 and 26.7.4: between -t and t, tan(angle) = t / sqrt(dof) */
static double
within(double t, size_t dof)
{
    double tangent = t / sqrt((double)dof);
    double cos2 = 1 / (1 + tangent * tangent);
    double cosine = sqrt(cos2), sine = tangent * cosine;
    double term = dof % 2 == 0 ? 1 : cosine;
    double sum = dof == 1 ? 0 : term;

    for (size_t i = dof % 2 == 0 ? 2 : 3; i + 2 <= dof; i += 2) {
        term *= cos2 * (double)(i - 1) / (double)i;
        sum += term;
    }
    return dof % 2 == 0 ? sine * sum
                        : 2 / PI * (arc_tangent(tangent) + sine * sum);
}

double
sov_dist_t_above(double t, size_t dof)
{
    double above;

    if (isinf(t))
        return t > 0 ? 0 : 1;
    above = 0.5 - within(fabs(t), dof) / 2;
    if (above < 0)
        above = 0;
    return t < 0 ? 1 - above : above;
}

double
sov_dist_t_at(double above, size_t dof)
{
    double low = 0, high = 1;

    while (high < 1e8 && sov_dist_t_above(high, dof) > above)
        high *= 2;
    for (int i = 0; i < 100; i++) {
        double t = (low + high) / 2;

        if (sov_dist_t_above(t, dof) > above)
            low = t;
        else
            high = t;
    }
    return (low + high) / 2;
}
