/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unroll.h - how kernels of all instruction sets are compiled
 *
 * Loops over what stays in registers are UNROLLed, in functions that are part
 * of their callers (INLINE).  Not so with sanitizers, which look at every
 * access: clang took ten minutes for one file.
 */
#ifndef SOV_KERN_UNROLL_H
#define SOV_KERN_UNROLL_H

#define INLINE static inline __attribute__((always_inline))

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNROLL
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define UNROLL
#endif

#ifndef UNROLL
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#endif

#endif
