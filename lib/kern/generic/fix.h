/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fix.h - the constants of fixed point, which all instruction sets share
 *
 * A double below 2^51 becomes an integer by adding a number beside which no
 * fraction fits: the difference of the bits is the integer, rounded to even.
 */
#ifndef SOV_KERN_GENERIC_FIX_H
#define SOV_KERN_GENERIC_FIX_H

#include <stdint.h>

#define SOV_FIX_LIMIT      2251799813685248.0 /* 2^51 */
#define SOV_FIX_MAGIC      6755399441055744.0 /* 1.5 * 2^52 */
#define SOV_FIX_MAGIC_BITS INT64_C(0x4338000000000000)

#endif
