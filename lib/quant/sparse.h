/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sparse.h - blocks that keep a fixed number of each 64 weights
 *
 *   f16 d | i8 sc[4] | u64 mask[4] | values
 *
 * of 256 weights, four parts of 64.  A part keeps the weights whose bits are
 * set in its mask, in rising order; their values are
 *
 *   of 4 bits   u8[2 keep]: byte k of the first half has value k of part 0 in
 *               its low nibble and that of part 1 in the high one, each with 8
 *               added; the second half likewise for parts 2 and 3
 *   of 8 bits   i8[4 keep]: part by part
 *
 * y = d * (sc * value), where sc * value is a whole number, and 0 for a weight
 * that is not kept.  Masks, scales and values are three runs of the block;
 * since each part keeps equally many, all of them are where the block's number
 * says and the size of a file follows from its shapes.  A part with fewer
 * weights than it may keep has zeros among its values.
 *
 * Bytes from outside: set bits of a mask behind the first `keep` count as not
 * set, values that no bit belongs to are not read, d may be any half float.
 *
 * What encode() makes is more special: d is a power of two from 2^-24 on, a
 * product of sc and value has at most eleven bits, and no weight is above half
 * precision's largest.  So each weight is a half float exactly: a pruned F16
 * file holds all that a packed one says, and encode() finds it again (exact).
 */
#ifndef SOV_QUANT_SPARSE_H
#define SOV_QUANT_SPARSE_H

#include "quant/layout.h"

#include <stdint.h>
#include <string.h>

#define SOV_SPARSE_PARTS  4
#define SOV_SPARSE_SCALES 2 /* where they begin */
#define SOV_SPARSE_MASKS  6
#define SOV_SPARSE_VALUES 38

/* Bytes of a block. */
#define SOV_SPARSE_BYTES(keep, bits) \
    (SOV_SPARSE_VALUES + (keep)*SOV_SPARSE_PARTS * (bits) / 8)

#define SPARSE(name, SYM, keep, bits)                               \
    _Static_assert(SOV_SPARSE_BYTES(keep, bits) == SOV_BYTES_##SYM, \
                   #name " blocks have the size that types.def says");
#include "quant/sparse.def"
#undef SPARSE

/* Value k of a part. */
static inline int
sov_sparse_value(const uint8_t *block, int keep, int bits, int part, int k)
{
    const uint8_t *v = block + SOV_SPARSE_VALUES;

    if (bits == 8)
        return (int8_t)v[part * keep + k];
    v += part / 2 * keep + k;
    return (part % 2 == 0 ? *v & 15 : *v >> 4) - 8;
}

/* All weights of a block as whole numbers, without their scales. */
static inline void
sov_sparse_weights(const uint8_t *block, int keep, int bits, int8_t q[256])
{
    memset(q, 0, 256);
    for (int part = 0; part < SOV_SPARSE_PARTS; part++, q += 64) {
        uint64_t mask = sov_le64(block + SOV_SPARSE_MASKS + 8 * part);

        for (int k = 0; k < keep && mask != 0; k++, mask &= mask - 1)
            q[__builtin_ctzll(mask)] =
                (int8_t)sov_sparse_value(block, keep, bits, part, k);
    }
}

static inline int
sov_sparse_scale(const uint8_t *block, int part)
{
    return (int8_t)block[SOV_SPARSE_SCALES + part];
}

/* n weights of blocks. */
static inline void
sov_sparse_decode(const void *blocks, int keep, int bits, float *y, size_t n)
{
    const uint8_t *b = blocks;
    int8_t q[256];

    for (size_t i = 0; i < n; i += 256) {
        float d = sov_half_at(b);

        sov_sparse_weights(b, keep, bits, q);
        for (int j = 0; j < 256; j++)
            *y++ = d * (float)(sov_sparse_scale(b, j / 64) * q[j]);
        b += SOV_SPARSE_BYTES(keep, bits);
    }
}

#endif
