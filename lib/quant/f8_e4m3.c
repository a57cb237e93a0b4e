/* SPDX-License-Identifier: Apache-2.0 */
/*
 * f8_e4m3.c - 8-bit floats of safetensors files, read only
 */
#include "quant/codec.h"
#include "tensor/half.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const uint8_t *p = blocks;

    for (size_t i = 0; i < n; i++)
        y[i] = sov_f8_e4m3_to_f32(p[i]);
}

const struct sov_codec sov_codec_f8_e4m3 = { SOV_TYPE_F8_E4M3, decode, NULL,
                                             NULL };
