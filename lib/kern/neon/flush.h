/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flush.h - the mode of a processor in which subnormals are zeros, NEON
 *
 * The processor judges a result before it is rounded, kern.h after: they differ
 * where a result lies just below 2^-126.  Whenever a result was flushed the
 * processor keeps a note of it, and then, which is rare, all is done once more
 * in the generic way.
 */
#ifndef SOV_KERN_NEON_FLUSH_H
#define SOV_KERN_NEON_FLUSH_H

#include <stdint.h>

#define MODE_FLUSH     (UINT64_C(1) << 24) /* FPCR: FZ; the rest as usual */
#define NOTE_UNDERFLOW (UINT64_C(1) << 3)  /* FPSR: UFC */

static unsigned
enter(void)
{
    uint64_t mode;

    __asm__ volatile("mrs %0, fpcr" : "=r"(mode) : : "memory");
    __asm__ volatile("msr fpcr, %0" : : "r"(MODE_FLUSH) : "memory");
    return (unsigned)mode;
}

static void
leave(unsigned mode)
{
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)mode) : "memory");
}

static uint64_t
notes(void)
{
    uint64_t notes;

    __asm__ volatile("mrs %0, fpsr" : "=r"(notes) : : "memory");
    return notes;
}

static void
set_notes(uint64_t notes)
{
    __asm__ volatile("msr fpsr, %0" : : "r"(notes) : "memory");
}

#endif
