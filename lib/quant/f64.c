/* SPDX-License-Identifier: Apache-2.0 */
/*
 * f64.c - plain little-endian doubles, read only
 */
#include "base/le.h"
#include "quant/codec.h"

#include <string.h>

static void
decode(const void *blocks, float *y, size_t n)
{
    const uint8_t *p = blocks;

    for (size_t i = 0; i < n; i++) {
        uint64_t u = sov_le64(p + 8 * i);
        double v;

        memcpy(&v, &u, sizeof(v));
        y[i] = (float)v;
    }
}

const struct sov_codec sov_codec_f64 = { SOV_TYPE_F64, decode, NULL, NULL };
