/* SPDX-License-Identifier: Apache-2.0 */
/*
 * f8_e4m3.c - 8-bit floats of safetensors files, read only
 *
 *   bit 7 sign | bits 6-3 exponent, bias 7 | bits 2-0 mantissa
 *
 * No infinity; only 0x7f and 0xff are NaN; exponent 0 is subnormal.
 */
#include "quant/codec.h"
#include "tensor/half.h"

/* Its fields at the places that a float has them, then the bias by an exact
 * multiplication, which also makes the subnormals right. */
static float
f8_to_f32(uint8_t b)
{
    uint32_t sign = (uint32_t)(b & 0x80) << 24;
    uint32_t rest = (uint32_t)(b & 0x7f) << 20;
    float two_120 = sov_f32_from_bits(UINT32_C(247) << 23);

    if ((b & 0x7f) == 0x7f)
        return sov_f32_from_bits(sign | 0x7fc00000);
    return sov_f32_from_bits(
        sign | sov_f32_bits(sov_f32_from_bits(rest) * two_120));
}

static void
decode(const void *blocks, float *y, size_t n)
{
    const uint8_t *p = blocks;

    for (size_t i = 0; i < n; i++)
        y[i] = f8_to_f32(p[i]);
}

const struct sov_codec sov_codec_f8_e4m3 = { SOV_TYPE_F8_E4M3, decode, NULL };
