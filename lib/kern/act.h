/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act.h - the scales of activations in blocks of 32, see struct sov_a32
 */
#ifndef SOV_KERN_ACT_H
#define SOV_KERN_ACT_H

#include "kern/kern.h"
#include "tensor/half.h"

/*
 * How often the largest of a block can be doubled and is not more than that of
 * its piece; both as bits.  What is borrowed from the exponents is their
 * mantissas' order.
 */
static inline uint32_t
sov_a32_doublings(uint32_t piece, uint32_t block)
{
    uint32_t k = (piece - block) >> 23;

    return k < SOV_A32_SHIFT ? k : SOV_A32_SHIFT;
}

/* 2^k */
static inline float
sov_a32_factor(uint32_t k)
{
    return sov_f32_from_bits((127 + k) << 23);
}

/* What is kept beside the numbers of block b. */
static inline void
sov_a32_block(struct sov_a32 *a, size_t b, uint32_t k, int32_t sum)
{
    int32_t shift = (int32_t)(SOV_A32_SHIFT - k);

    a->shift[b] = shift;
    a->lift[b] = -128 * sum;
    a->s[b] = (float)(sum * (1 << shift));
    a->sum[b] = (int16_t)sum;
}

/* And beside all, top being amax / 127. */
static inline void
sov_a32_piece(struct sov_a32 *a, float top)
{
    a->d = top * (1.0f / (1 << SOV_A32_SHIFT));
    for (int i = 0; i < 3; i++)
        a->zero[i] = 0;
}

#endif
