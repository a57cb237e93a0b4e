/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bf16.c - the upper half of a float
 */
#include "base/le.h"
#include "quant/codec.h"
#include "tensor/half.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const uint8_t *p = blocks;

    for (size_t i = 0; i < n; i++)
        y[i] = sov_bf16_to_f32(sov_le16(p + 2 * i));
}

static void
encode(const float *x, const float *imp, void *blocks, size_t n, int effort)
{
    uint8_t *p = blocks;

    (void)imp;
    (void)effort;
    for (size_t i = 0; i < n; i++)
        sov_put16(p + 2 * i, sov_f32_to_bf16(x[i]));
}

const struct sov_codec sov_codec_bf16 = { SOV_TYPE_BF16, decode, encode, NULL };
