/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float.c - dot products of rows of floats, the specification
 */
#include "config.h"

#include "base/le.h"
#include "kern/generic/product.h"
#include "kern/overlay.h"
#include "tensor/half.h"

#include <math.h>
#include <string.h>

#define LANES 16

static float
tree(float lane[LANES])
{
    size_t half, l;

    for (half = LANES / 2; half > 0; half /= 2)
        for (l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

static float
row_bf16(const unsigned char *w, const void *act, size_t n)
{
    const uint16_t *x = act;
    float lane[LANES] = { 0 };
    size_t i, l;

    for (i = 0; i < n; i += 2 * LANES)
        for (l = 0; l < LANES; l++) {
            size_t even = i + 2 * l, odd = even + 1;

            lane[l] = sov_bf16_add(
                odd < n ? sov_bf16_to_f32(sov_le16(w + 2 * odd)) : 0,
                sov_bf16_to_f32(x[odd]), lane[l]);
            lane[l] = sov_bf16_add(
                even < n ? sov_bf16_to_f32(sov_le16(w + 2 * even)) : 0,
                sov_bf16_to_f32(x[even]), lane[l]);
        }
    return tree(lane);
}

static float
row_f16(const unsigned char *w, const void *act, size_t n)
{
    const float *x = act;
    float lane[LANES] = { 0 };
    size_t i;

    for (i = 0; i < n; i++)
        lane[i % LANES] =
            fmaf(sov_f16_to_f32(sov_le16(w + 2 * i)), x[i], lane[i % LANES]);
    return tree(lane);
}

static float
row_f32(const unsigned char *w, const void *act, size_t n)
{
    const float *x = act;
    float lane[LANES] = { 0 };
    size_t i;

    for (i = 0; i < n; i++)
        lane[i % LANES] =
            fmaf(sov_f32_from_bits(sov_le32(w + 4 * i)), x[i], lane[i % LANES]);
    return tree(lane);
}

#define DOT(name)                                                             \
    static void dot_##name(const void *w, size_t w_stride, size_t n_w,        \
                           const void *act, size_t act_stride, size_t n_cols, \
                           size_t n, float *y, size_t y_stride)               \
    {                                                                         \
        const unsigned char *row = w;                                         \
        const unsigned char *x = act;                                         \
                                                                              \
        for (size_t c = 0; c < n_cols; c++)                                   \
            for (size_t r = 0; r < n_w; r++)                                  \
                y[c * y_stride + r] =                                         \
                    row_##name(row + r * w_stride, x + c * act_stride, n);    \
    }
DOT(bf16)
DOT(f16)
DOT(f32)

void
sov_kern_generic_float(struct sov_kern *k)
{
    k->dot[SOV_TYPE_BF16] = dot_bf16;
    k->act_of[SOV_TYPE_BF16] = SOV_ACT_BF16;
    k->dot[SOV_TYPE_F16] = dot_f16;
    k->act_of[SOV_TYPE_F16] = SOV_ACT_HALF;
    k->dot[SOV_TYPE_F32] = dot_f32;
    k->act_of[SOV_TYPE_F32] = SOV_ACT_F32;
}
