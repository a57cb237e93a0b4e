/* SPDX-License-Identifier: Apache-2.0 */
/*
 * optim.c - steps of training and sums in fixed point, the specification
 */
#include "config.h"

#include "kern/generic/fix.h"
#include "kern/generic/fma.h"
#include "kern/overlay.h"

#include <math.h>
#include <string.h>

static void
adamw(const struct sov_adamw *a, const float *g, float *m, float *v, float *w,
      size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        float x = g[i] * a->by;

        m[i] = sov_fma(a->a1, x - m[i], m[i]);
        v[i] = sov_fma(a->a2, x * x - v[i], v[i]);
        w[i] = sov_fma(-a->decay, w[i], w[i]) -
               m[i] * a->rate / (sqrtf(v[i] * a->norm) + a->eps);
    }
}

static bool
fix_add(int64_t *sum, const float *x, double unit, size_t n)
{
    bool good = true;
    size_t i;

    for (i = 0; i < n; i++) {
        double v = (double)x[i] * unit;
        int64_t u;

        if (!(fabs(v) < SOV_FIX_LIMIT)) {
            good = false;
            continue;
        }
        v += SOV_FIX_MAGIC;
        memcpy(&u, &v, sizeof(u));
        sum[i] += u - SOV_FIX_MAGIC_BITS;
    }
    return good;
}

static void
fix_get(const int64_t *sum, double by, float *x, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        x[i] = (float)((double)sum[i] * by);
}

void
sov_kern_generic_optim(struct sov_kern *k)
{
    k->adamw = adamw;
    k->fix_add = fix_add;
    k->fix_get = fix_get;
}
