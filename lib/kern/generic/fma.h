/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fma.h - a * b + c rounded once, where there is no instruction for it
 *
 * A call of fmaf per product is slow, and very slow on machines without such an
 * instruction.  In doubles the product is exact, and so is what the sum loses
 * (Knuth's TwoSum).  If it loses something, the sum is rounded to odd: of the two
 * doubles beside the exact sum the one whose last bit is set.  From there to a
 * float, of 29 bits less, no second rounding can go wrong (S. Boldo and
 * G. Melquiond, Emulation of FMA and correctly rounded sums, 2008).  Without
 * branches, so that loops become vectors.
 */
#ifndef SOV_KERN_GENERIC_FMA_H
#define SOV_KERN_GENERIC_FMA_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* a * b + c in a double that is rounded to odd. */
static inline double
sov_fma_odd(float a, float b, float c)
{
    double p = (double)a * (double)b;
    double s = p + (double)c;
    double t = s - p;
    double lost = (p - (s - t)) + ((double)c - t);
    uint64_t u, v;

    memcpy(&u, &s, sizeof(u));
    memcpy(&v, &lost, sizeof(v));
    v = (u ^ v) >> 63; /* 1: the exact sum is nearer to zero */
    /* neither where there is no number */
    u = lost < 0 || lost > 0 ? (u - v) | 1 : u;
    memcpy(&s, &u, sizeof(s));
    return s;
}

#ifdef FP_FAST_FMAF

static inline float
sov_fma(float a, float b, float c)
{
    return fmaf(a, b, c);
}

#else

static inline float
sov_fma(float a, float b, float c)
{
    return (float)sov_fma_odd(a, b, c);
}

#endif

#endif
