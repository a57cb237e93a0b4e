/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blocks.h - the weights of every block type as integers with scales
 *
 * This says what the integer form of a type is.  The dot products of
 * generic/dot.c are made of it, and whatever unpacks blocks elsewhere is
 * tested against it.  The layouts are drawn in quant/, beside the decoders.
 *
 * Factors that are powers of two are part of d, so that the weights and the
 * scales of sub-blocks are whole numbers:
 *
 *   iq2_*, iq3_xxs   scale 2 s + 1, d times 1/8 or 1/4
 *   iq1_*            weight 8 point +- 1, scale 2 s + 1, d times 1/8
 */
#ifndef SOV_KERN_GENERIC_BLOCKS_H
#define SOV_KERN_GENERIC_BLOCKS_H

#include "sov/tensor.h"

#include <stdint.h>

/* What a type has beside one scale. */
enum sov_second {
    SOV_SECOND_NONE,
    SOV_SECOND_MIN,   /* a minimum */
    SOV_SECOND_SCALE, /* another scale for the second 16 of 32 weights */
};

/* Weight i is d * q[i]; with a minimum, + m; with a second scale, m * q[i]
 * from the 16th on. */
struct sov_w32 {
    float d;
    float m;
    int8_t q[32];
};

/* Weight i is d * sc[i / 16] * q[i], with minimums - dmin * m[i / 16]. */
struct sov_w256 {
    float d;
    float dmin;
    int8_t q[256];
    int16_t sc[16];
    int16_t m[16];
};

/* A row of the table: one of the two functions is NULL. */
struct sov_reader {
    /* a block of the file, in as many pieces of 32 as it has */
    void (*w32)(const void *block, struct sov_w32 *w);
    void (*w256)(const void *block, struct sov_w256 *w);
    enum sov_second second;
};

/* NULL for types without an integer form. */
const struct sov_reader *sov_reader(enum sov_type type);

#define READ32(SYM, name, second) \
    void sov_read_##name(const void *block, struct sov_w32 *w);
#define READ256(SYM, name, second) \
    void sov_read_##name(const void *block, struct sov_w256 *w);
#include "kern/generic/readers.def"
#undef READ32
#undef READ256

#endif
