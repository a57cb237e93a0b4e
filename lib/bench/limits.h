/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h - loops that do as much as this machine can: the widest products
 * and additions, and plain reading
 *
 * Each program that includes it has them for itself.
 */
#ifndef SOV_BENCH_LIMITS_H
#define SOV_BENCH_LIMITS_H

#include "sys/cpu.h"

#include <stdint.h>
#include <string.h>
#ifdef __aarch64__
#include <sys/auxv.h>
#endif

/* clang-format off */
/* The same instruction into 12 accumulators, so that none waits for another. */
#define TWELVE(before, after) \
    before "0"  after before "1"  after before "2"  after before "3"  after \
    before "4"  after before "5"  after before "6"  after before "7"  after \
    before "8"  after before "9"  after before "10" after before "11" after

#if defined(__x86_64__)
#define REGISTERS \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", \
    "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "cc"
#define CLEAR(v) \
    TWELVE("vpxor %%xmm0, %%xmm0, %%xmm", "\n") \
    "vpxor %%xmm12, %%xmm12, %%xmm12\n vpxor %%xmm13, %%xmm13, %%xmm13\n"
#define LOOP(name, instruction, v) \
    static void \
    name(uint64_t n) \
    { \
        __asm__ volatile(CLEAR(v) "1:\n" \
                         TWELVE(instruction " %%" v "12, %%" v "13, %%" v, "\n") \
                         "dec %0\n jnz 1b\n vzeroupper\n" \
                         : "+r"(n) : : REGISTERS); \
    }
LOOP(int8_512, "vpdpbusd", "zmm")
LOOP(bf16_512, "vdpbf16ps", "zmm")
LOOP(f32_512, "vfmadd231ps", "zmm")
LOOP(int8_256, "vpmaddubsw", "ymm") /* and an addition for many of them */
LOOP(f32_256, "vfmadd231ps", "ymm")

/* Four lines a turn; a page is fetched in two steps, so they go far ahead. */
#define AHEAD \
    "prefetcht0 8192(%0)\n prefetcht0 8256(%0)\n" \
    "prefetcht0 8320(%0)\n prefetcht0 8384(%0)\n"
#define READ(name, loads) \
    static void \
    name(const unsigned char *p, size_t len) \
    { \
        size_t n = len / 256; \
        __asm__ volatile("1:\n" AHEAD loads \
                         "add $256, %0\n dec %1\n jnz 1b\n vzeroupper\n" \
                         : "+r"(p), "+r"(n) : : REGISTERS, "memory"); \
    }
READ(read_512, "vpaddq (%0), %%zmm0, %%zmm0\n vpaddq 64(%0), %%zmm1, %%zmm1\n"
               "vpaddq 128(%0), %%zmm2, %%zmm2\n"
               "vpaddq 192(%0), %%zmm3, %%zmm3\n")
READ(read_256, "vpaddq (%0), %%ymm0, %%ymm0\n vpaddq 32(%0), %%ymm1, %%ymm1\n"
               "vpaddq 64(%0), %%ymm2, %%ymm2\n"
               "vpaddq 96(%0), %%ymm3, %%ymm3\n"
               "vpaddq 128(%0), %%ymm4, %%ymm4\n"
               "vpaddq 160(%0), %%ymm5, %%ymm5\n"
               "vpaddq 192(%0), %%ymm6, %%ymm6\n"
               "vpaddq 224(%0), %%ymm7, %%ymm7\n")
#elif defined(__aarch64__)
#define REGISTERS \
    "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", \
    "v12", "v13", "cc"
#define LOOP(name, before, after) \
    static void \
    name(uint64_t n) \
    { \
        __asm__ volatile(".arch_extension dotprod\n" \
                         "movi v12.16b, #0\n movi v13.16b, #0\n" \
                         TWELVE("movi v", ".16b, #0\n") "1:\n" \
                         TWELVE(before, after) \
                         "subs %0, %0, #1\n b.ne 1b\n" \
                         : "+r"(n) : : REGISTERS); \
    }
LOOP(int8_128, "sdot v", ".4s, v12.16b, v13.16b\n")
LOOP(f32_128, "fmla v", ".4s, v12.4s, v13.4s\n")
#endif
/* clang-format on */

/* A loop and the operations of one of its instructions. */
struct peak {
    void (*loop)(uint64_t);
    double ops;
};

enum what { INT8, BF16, F32, READ };

static struct peak
peak_of(enum what what)
{
    struct peak none = { NULL, 0 };
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (what == INT8 && __builtin_cpu_supports("avx512vnni"))
        return (struct peak){ int8_512, 128 };
    if (what == INT8 && __builtin_cpu_supports("avx2"))
        return (struct peak){ int8_256, 64 };
    if (what == BF16 && __builtin_cpu_supports("avx512bf16"))
        return sov_cpu_bf16_is_slow() ? (struct peak){ f32_512, 32 }
                                      : (struct peak){ bf16_512, 64 };
    if (what == F32 && __builtin_cpu_supports("avx512f"))
        return (struct peak){ f32_512, 32 };
    if (what == F32 && __builtin_cpu_supports("fma"))
        return (struct peak){ f32_256, 16 };
#elif defined(__aarch64__)
    if (what == INT8 && (getauxval(AT_HWCAP) & 1ul << 20) != 0)
        return (struct peak){ int8_128, 32 };
    if (what == F32)
        return (struct peak){ f32_128, 8 };
#endif
    return none;
}

static volatile uint64_t sink;

static void
read_plain(const unsigned char *p, size_t len)
{
    uint64_t sum[8] = { 0 };
    uint64_t line[8];

    for (size_t at = 0; at < len; at += sizeof(line)) {
        __builtin_prefetch(p + at + 4096);
        memcpy(line, p + at, sizeof(line));
        for (size_t i = 0; i < 8; i++)
            sum[i] += line[i];
    }
    for (size_t i = 1; i < 8; i++)
        sum[0] += sum[i];
    sink = sum[0];
}

/* With the widest loads. */
static inline void
read_all(const unsigned char *p, size_t len)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        read_512(p, len);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        read_256(p, len);
        return;
    }
#endif
    read_plain(p, len);
}

#endif
