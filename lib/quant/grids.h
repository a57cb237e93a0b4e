/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grids.h - the constant tables of the IQ types and of the 4-bit floats
 */
#ifndef SOV_QUANT_GRIDS_H
#define SOV_QUANT_GRIDS_H

#include <stdint.h>

extern const uint8_t sov_grid_iq2xxs[256][8];
extern const uint8_t sov_grid_iq2xs[512][8];
extern const uint8_t sov_grid_iq2s[1024][8];
extern const uint8_t sov_grid_iq3xxs[256][4];
extern const uint8_t sov_grid_iq3s[512][4];
extern const int8_t sov_grid_iq1s[2048][8];
extern const int8_t sov_grid_iq4nl[16];
extern const int8_t sov_grid_fp4[16];

/* The signs of eight weights out of seven bits: the number of minus signs is
 * even, so the eighth follows. */
static inline uint8_t
sov_grid_signs(uint32_t seven)
{
    seven &= 127;
    return (uint8_t)(seven | (uint32_t)__builtin_parity(seven) << 7);
}

#endif
