/* SPDX-License-Identifier: Apache-2.0 */
/*
 * f32.c - plain little-endian floats
 */
#include "base/le.h"
#include "quant/codec.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const uint8_t *p = blocks;

    for (size_t i = 0; i < n; i++)
        y[i] = sov_lef32(p + 4 * i);
}

static void
encode(const float *x, const float *imp, void *blocks, size_t n, int effort)
{
    uint8_t *p = blocks;

    (void)imp;
    (void)effort;
    for (size_t i = 0; i < n; i++)
        sov_putf32(p + 4 * i, x[i]);
}

const struct sov_codec sov_codec_f32 = { SOV_TYPE_F32, decode, encode, NULL };
