/* SPDX-License-Identifier: Apache-2.0 */
/*
 * f16.c - IEEE half floats
 */
#include "base/le.h"
#include "quant/codec.h"
#include "tensor/half.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const uint8_t *p = blocks;

    for (size_t i = 0; i < n; i++)
        y[i] = sov_f16_to_f32(sov_le16(p + 2 * i));
}

static void
encode(const float *x, const float *imp, void *blocks, size_t n, int effort)
{
    uint8_t *p = blocks;

    (void)imp;
    (void)effort;
    for (size_t i = 0; i < n; i++)
        sov_put16(p + 2 * i, sov_f32_to_f16(x[i]));
}

const struct sov_codec sov_codec_f16 = { SOV_TYPE_F16, decode, encode, NULL };
