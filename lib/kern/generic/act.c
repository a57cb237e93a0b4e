/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act.c - activations as integers, the specification
 */
#include "config.h"

#include "kern/act.h"
#include "kern/generic/exp.h"
#include "kern/overlay.h"

#include <string.h>

/* Largest |x|, as bits: NaN beats infinity beats numbers. */
static uint32_t
amax(const float *x, size_t n)
{
    uint32_t m = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        uint32_t u = sov_f32_bits(x[i]) & 0x7fffffff;

        m = u > m ? u : m;
    }
    return m;
}

static float
unit_of(uint32_t most)
{
    return sov_f32_from_bits(most) / 127.0f;
}

/* n numbers times a factor in units of d. */
static void
in_units(const float *x, float factor, float d, int8_t *q, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        float v = x[i] * factor / d;

        v = v > -127.0f ? v : -127.0f;
        v = v < 127.0f ? v : 127.0f;
        /* to even, as the magic number of exp does it */
        q[i] = (int8_t)(v + SOV_EXP_MAGIC - SOV_EXP_MAGIC);
    }
}

/* n numbers in units of d; gives d. */
static float
units(const float *x, int8_t *q, size_t n)
{
    float d = unit_of(amax(x, n));

    if (d == 0)
        memset(q, 0, n);
    else
        in_units(x, 1, d, q, n);
    return d;
}

/* Up to eight blocks. */
static void
piece_a32(const float *x, struct sov_a32 *a, size_t n)
{
    uint32_t most = amax(x, n);
    float d = unit_of(most);
    size_t b;

    memset(a, 0, sizeof(*a));
    if (d == 0)
        return;
    for (b = 0; b < n / 32; b++, x += 32) {
        uint32_t k = sov_a32_doublings(most, amax(x, 32));
        int8_t *q = a->q + 32 * b;
        int32_t sum = 0;
        int j;

        in_units(x, sov_a32_factor(k), d, q, 32);
        for (j = 0; j < 32; j++)
            sum += q[j];
        sov_a32_block(a, b, k, sum);
    }
    sov_a32_piece(a, d);
}

static void
to_a32(const float *x, struct sov_a32 *a, size_t n)
{
    size_t i;

    for (i = 0; i < n; i += 256, a++)
        piece_a32(x + i, a, n - i < 256 ? n - i : 256);
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
