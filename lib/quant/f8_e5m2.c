/* SPDX-License-Identifier: Apache-2.0 */
/*
 * f8_e5m2.c - 8-bit floats of safetensors files, read only
 *
 *   bit 7 sign | bits 6-2 exponent, bias 15 | bits 1-0 mantissa
 *
 * The upper half of an IEEE half float, Inf and NaN included.
 */
#include "quant/codec.h"
#include "tensor/half.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const uint8_t *p = blocks;

    for (size_t i = 0; i < n; i++)
        y[i] = sov_f8_e5m2_to_f32(p[i]);
}

const struct sov_codec sov_codec_f8_e5m2 = { SOV_TYPE_F8_E5M2, decode, NULL,
                                             NULL };
