/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kscale.h - the 6-bit scales of super-blocks, as they are packed
 *
 * Of q4_k and q5_k, eight and as many minima:
 *
 *   byte       0..3            4..7            8..11
 *   bits 5-0   scale 0..3      minimum 0..3    low 4: scale 4..7
 *   bits 7-6   scale 4..7, hi  minimum 4..7,hi high 4: minimum 4..7
 *
 * Of q3_k, sixteen: see q3_k.c.
 */
#ifndef SOV_QUANT_KSCALE_H
#define SOV_QUANT_KSCALE_H

#include <stdint.h>

static inline void
sov_kscale_get(const uint8_t s[12], uint8_t scale[8], uint8_t min[8])
{
    for (int j = 0; j < 4; j++) {
        scale[j] = s[j] & 63;
        min[j] = s[j + 4] & 63;
        scale[j + 4] = (uint8_t)((s[j + 8] & 15) | s[j] >> 6 << 4);
        min[j + 4] = (uint8_t)(s[j + 8] >> 4 | s[j + 4] >> 6 << 4);
    }
}

static inline void
sov_kscale_put(uint8_t s[12], const uint8_t scale[8], const uint8_t min[8])
{
    for (int j = 0; j < 4; j++) {
        s[j] = (uint8_t)(scale[j] | scale[j + 4] >> 4 << 6);
        s[j + 4] = (uint8_t)(min[j] | min[j + 4] >> 4 << 6);
        s[j + 8] = (uint8_t)((scale[j + 4] & 15) | (min[j + 4] & 15) << 4);
    }
}

/* Scale k of q3_k. */
static inline int
sov_kscale_q3(const uint8_t s[12], int k)
{
    int low = k < 8 ? s[k] & 15 : s[k - 8] >> 4;
    int high = s[8 + k % 4] >> (2 * (k / 4)) & 3;

    return (low | high << 4) - 32;
}

/* The same into bytes that were zeros before the first. */
static inline void
sov_kscale_put_q3(uint8_t s[12], int k, int scale)
{
    int stored = scale + 32;

    s[k % 8] |= (uint8_t)((stored & 15) << (4 * (k / 8)));
    s[8 + k % 4] |= (uint8_t)(stored >> 4 << (2 * (k / 4)));
}

#endif
