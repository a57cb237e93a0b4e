/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fmath.c - elementary functions that give the same bits everywhere
 *
 * Plain double arithmetic in a fixed order, no fused operation (the build has
 * -ffp-contract=off), polynomials by Horner's rule with Taylor coefficients on
 * intervals so small that the series ends below half a unit in the last place.
 */
#include "base/fmath.h"

#include <stdint.h>
#include <string.h>

#define LN2_HI 0x1.62e42feep-1           /* 32 bits: products are exact */
#define LN2_LO 0x1.a39ef35793c76p-33

static double
from_bits(uint64_t u)
{
    double d;

    memcpy(&d, &u, sizeof(d));
    return d;
}

static uint64_t
to_bits(double d)
{
    uint64_t u;

    memcpy(&u, &d, sizeof(u));
    return u;
}

/* Nearest integer, ties to even, for |x| < 2^51. */
static double
nearest(double x)
{
    const double magic = 0x1.8p52;

    return (x + magic) - magic;
}

/* 2^k for -1022 <= k <= 1023 */
static double
power2(int k)
{
    return from_bits((uint64_t)(k + 1023) << 52);
}

double
sov_exp(double x)
{
    double k, r, p;
    int n;

    if (x != x)
        return x;
    if (x > 709.79)
        return from_bits(UINT64_C(0x7ff0000000000000));
    if (x < -745.2)
        return 0.0;
    k = nearest(x * 0x1.71547652b82fep0); /* log2(e) */
    r = (x - k * LN2_HI) - k * LN2_LO;    /* |r| <= 0.347 */
    p = 1.0;
    for (int i = 14; i > 0; i--)
        p = 1.0 + p * r / i;
    n = (int)k;
    if (n < -1000)
        return p * power2(n + 200) * power2(-200);
    if (n > 1000)
        return p * power2(n - 200) * power2(200);
    return p * power2(n);
}

double
sov_log(double x)
{
    uint64_t u = to_bits(x);
    int k = 0;
    double m, s, s2, p;

    if (x != x || x < 0.0)
        return from_bits(UINT64_C(0x7ff8000000000000));
    if (x == 0.0)
        return from_bits(UINT64_C(0xfff0000000000000));
    if (u == UINT64_C(0x7ff0000000000000))
        return x;
    if (u >> 52 == 0) { /* subnormal */
        u = to_bits(x * 0x1p54);
        k = -54;
    }
    k += (int)(u >> 52) - 1023;
    m = from_bits((u & UINT64_C(0xfffffffffffff)) |
                  UINT64_C(0x3ff0000000000000));
    if (m > 0x1.6a09e667f3bcdp0) { /* sqrt(2): keep m near 1 */
        m *= 0.5;
        k++;
    }
    /* log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| <= 0.1716 */
    s = (m - 1.0) / (m + 1.0);
    s2 = s * s;
    p = 0.0;
    for (int i = 23; i >= 3; i -= 2)
        p = (p + 1.0 / i) * s2;
    return k * LN2_HI + ((2.0 * s + 2.0 * s * p) + k * LN2_LO);
}

double
sov_pow(double x, double y)
{
    return sov_exp(y * sov_log(x));
}

double
sov_tanh(double x)
{
    double a = x < 0 ? -x : x;
    double e, t;

    if (x != x)
        return x;
    if (a > 22.0)
        return x < 0 ? -1.0 : 1.0;
    if (a < 0.05) { /* the quotient would cancel */
        double q = x * x;

        return x *
               (1.0 + q * (-1.0 / 3 +
                           q * (2.0 / 15 +
                                q * (-17.0 / 315 +
                                     q * (62.0 / 2835 -
                                          q * (1382.0 / 155925))))));
    }
    e = sov_exp(2.0 * a);
    t = (e - 1.0) / (e + 1.0);
    return x < 0 ? -t : t;
}

/*
 * x = n pi/2 + r with |r| <= pi/4.  pi/2 in three parts of 33 bits each, so
 * that n times a part is exact for |n| < 2^20; beyond that the error grows
 * with n.
 */
static double
reduce(double x, int *quadrant)
{
    const double p1 = 0x1.921fb544p0;
    const double p2 = 0x1.0b4611a6p-34;
    const double p3 = 0x1.3198a2e037073p-69;
    double n = nearest(x * 0x1.45f306dc9c883p-1); /* 2/pi */

    *quadrant = (int)((int64_t)n & 3);
    return ((x - n * p1) - n * p2) - n * p3;
}

static double
sin_poly(double r)
{
    double q = r * r;
    double p = 1.0;

    for (int i = 19; i >= 3; i -= 2)
        p = 1.0 - p * q / (i * (i - 1));
    return r * p;
}

static double
cos_poly(double r)
{
    double q = r * r;
    double p = 1.0;

    for (int i = 20; i >= 2; i -= 2)
        p = 1.0 - p * q / (i * (i - 1));
    return p;
}

static double
wave(double x, int shift)
{
    double r;
    int quadrant;

    if (!(x < 0x1p31 && x > -0x1p31))
        return x - x; /* NaN for NaN and infinity, 0 far outside */
    r = reduce(x, &quadrant);
    quadrant = (quadrant + shift) & 3;
    switch (quadrant) {
    case 0:
        return sin_poly(r);
    case 1:
        return cos_poly(r);
    case 2:
        return -sin_poly(r);
    default:
        return -cos_poly(r);
    }
}

double
sov_sin(double x)
{
    return wave(x, 0);
}

double
sov_cos(double x)
{
    return wave(x, 1);
}
