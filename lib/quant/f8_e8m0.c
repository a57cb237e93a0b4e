/* SPDX-License-Identifier: Apache-2.0 */
/*
 * f8_e8m0.c - powers of two of safetensors files, read only
 *
 * A byte is an exponent, bias 127; 255 is NaN.  Scales are published so.
 */
#include "quant/codec.h"
#include "tensor/half.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const uint8_t *p = blocks;

    for (size_t i = 0; i < n; i++)
        y[i] = sov_f8_e8m0_to_f32(p[i]);
}

const struct sov_codec sov_codec_f8_e8m0 = { SOV_TYPE_F8_E8M0, decode, NULL };
