/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flush.h - the mode of an x86 processor in which subnormals are zeros
 *
 * It rounds as products of bf16 are defined (kern.h).  tile.c enters it before
 * a tile and leaves it after, so that no compiler can move a product out of it.
 */
#ifndef SOV_KERN_AVX2_FLUSH_H
#define SOV_KERN_AVX2_FLUSH_H

#include <immintrin.h>

/* nearest, no traps, subnormals are zeros on both sides */
#define FLUSH 0x9fc0

static unsigned
enter(void)
{
    unsigned mode = _mm_getcsr();

    _mm_setcsr(FLUSH);
    return mode;
}

static void
leave(unsigned mode)
{
    _mm_setcsr(mode);
}

#endif
