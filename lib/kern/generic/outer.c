/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outer.c - sums of outer products, and panels for them, the specification
 */
#include "config.h"

#include "kern/generic/product.h"
#include "kern/overlay.h"
#include "tensor/half.h"

#include <math.h>
#include <string.h>

/* Row i of o with the columns of one panel. */
static void
sums_f32(const struct sov_outer *o, size_t i, size_t panel, float s[SOV_OUTER])
{
    const float *x = (const float *)o->a + i * o->a_row;
    const float *v = (const float *)o->b + panel * o->b_stride;

    for (size_t t = 0; t < o->n; t++)
        for (size_t l = 0; l < SOV_OUTER; l++)
            s[l] = sov_fma(x[t * o->a_step], v[t * SOV_OUTER + l], s[l]);
}

/* The second of a pair is added before the first. */
static void
sums_bf16(const struct sov_outer *o, size_t i, size_t panel, float s[SOV_OUTER])
{
    const uint16_t *x = (const uint16_t *)o->a + 2 * i * o->a_row;
    const uint16_t *v = (const uint16_t *)o->b + 2 * panel * o->b_stride;

    for (size_t t = 0; t < o->n; t++)
        for (size_t k = 2; k-- > 0;)
            for (size_t l = 0; l < SOV_OUTER; l++)
                s[l] = sov_bf16_add(
                    sov_bf16_get(x[2 * t * o->a_step + k]),
                    sov_bf16_get(v[2 * (t * SOV_OUTER + l) + k]), s[l]);
}

static void
all_sums(const struct sov_outer *o,
         void (*sums)(const struct sov_outer *, size_t, size_t, float *))
{
    for (size_t i = 0; i < o->n_a; i++)
        for (size_t j = 0; j < o->n_b; j += SOV_OUTER) {
            float *y = o->y + i * o->y_stride + j;
            float s[SOV_OUTER] = { 0 };

            sums(o, i, j / SOV_OUTER, s);
            for (size_t l = 0; l < SOV_OUTER && j + l < o->n_b; l++)
                y[l] = o->add ? y[l] + s[l] : s[l];
        }
}

static void
outer(const struct sov_outer *o)
{
    all_sums(o, sums_f32);
}

static void
outer_bf16(const struct sov_outer *o)
{
    all_sums(o, sums_bf16);
}

static uint16_t
one_bf16(float x)
{
    return sov_f32_to_bf16(sov_bf16_flush(x));
}

static void
to_bf16(const float *x, uint16_t *y, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        y[i] = one_bf16(x[i]);
    if (n % 2 != 0)
        y[n] = 0;
}

/* Numbers of 32 bits, whatever they are. */
static void
panel(const void *x, size_t stride, size_t n_i, size_t n, void *p)
{
    const unsigned char *from = x;
    unsigned char *to = p;
    size_t t, i;

    memset(p, 0, n * SOV_OUTER * 4);
    for (t = 0; t < n; t++, to += SOV_OUTER * 4)
        for (i = 0; i < n_i; i++)
            memcpy(to + 4 * i, from + 4 * (i * stride + t), 4);
}

static void
panel_pairs(const float *x, size_t stride, size_t n_i, size_t n, uint16_t *p)
{
    size_t t, i;

    for (t = 0; t < (n + 1) / 2 * 2; t++)
        for (i = 0; i < SOV_OUTER; i++)
            p[(t / 2 * SOV_OUTER + i) * 2 + t % 2] =
                i < n_i && t < n ? one_bf16(x[t * stride + i]) : 0;
}

void
sov_kern_generic_outer(struct sov_kern *k)
{
    k->outer = outer;
    k->outer_bf16 = outer_bf16;
    k->to_bf16 = to_bf16;
    k->panel = panel;
    k->panel_pairs = panel_pairs;
}
