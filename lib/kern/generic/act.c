/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act.c - activations as integers, the specification
 */
#include "config.h"

#include "kern/generic/exp.h"
#include "kern/overlay.h"
#include "tensor/half.h"

#include <string.h>

/* Largest |x| as bits compare: NaN beats infinity beats numbers. */
static float
amax(const float *x, size_t n)
{
    uint32_t m = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        uint32_t u = sov_f32_bits(x[i]) & 0x7fffffff;

        m = u > m ? u : m;
    }
    return sov_f32_from_bits(m);
}

/* n numbers in units of d; gives d. */
static float
units(const float *x, int8_t *q, size_t n)
{
    float d = amax(x, n) / 127.0f;
    size_t i;

    if (d == 0) {
        memset(q, 0, n);
        return 0;
    }
    for (i = 0; i < n; i++) {
        float v = x[i] / d;

        v = v > -127.0f ? v : -127.0f;
        v = v < 127.0f ? v : 127.0f;
        /* to even, as the magic number of exp does it */
        q[i] = (int8_t)(v + SOV_EXP_MAGIC - SOV_EXP_MAGIC);
    }
    return d;
}

static void
to_a32(const float *x, struct sov_a32 *a, size_t n)
{
    size_t i, b;

    for (i = 0; i < n; i += 256, a++) {
        memset(a, 0, sizeof(*a));
        for (b = 0; b < 8 && i + 32 * b < n; b++) {
            int8_t *q = a->q + 32 * b;
            float d = units(x + i + 32 * b, q, 32);
            int j;

            for (j = 0; j < 32; j++)
                a->sum[b] += q[j];
            a->d[b] = sov_f32_round11(d);
            a->s[b] = sov_f32_round11(d * (float)a->sum[b]);
            a->lift[b] = -128 * a->sum[b];
        }
    }
}

static void
to_a256(const float *x, struct sov_a256 *a, size_t n)
{
    size_t i;
    int j;

    for (i = 0; i < n; i += 256, a++) {
        a->d = units(x + i, a->q, 256);
        memset(a->sum, 0, sizeof(a->sum));
        memset(a->zero, 0, sizeof(a->zero));
        for (j = 0; j < 256; j++)
            a->sum[j / 16] = (int16_t)(a->sum[j / 16] + a->q[j]);
        for (j = 0; j < 8; j++)
            a->sum32[j] = (int16_t)(a->sum[2 * j] + a->sum[2 * j + 1]);
    }
}

void
sov_kern_generic_act(struct sov_kern *k)
{
    k->to_a32 = to_a32;
    k->to_a256 = to_a256;
    k->to_s8 = units;
}
