/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpu.h - what this machine can do
 */
#ifndef SOV_SYS_CPU_H
#define SOV_SYS_CPU_H

#include <stdbool.h>

/*
 * Instruction sets, in rising order for one machine.  A set stands for all
 * the features its kernels are compiled with.
 */
enum sov_isa {
    SOV_ISA_GENERIC,
    SOV_ISA_AVX2,       /* AVX2, FMA, F16C */
    SOV_ISA_AVXVNNI,    /* AVX2, AVX-VNNI */
    SOV_ISA_AVX512,     /* F, BW, DQ, VL, VNNI */
    SOV_ISA_AVX512VBMI, /* AVX512, VBMI, BMI2 */
    SOV_ISA_AVX512BF16, /* AVX512, BF16 */
    SOV_ISA_NEON,       /* ARMv8.2 with dot product */
    SOV_ISA_COUNT,
};

const char *sov_isa_name(enum sov_isa isa);

/* Can it run here?  SOV_ISA in the environment is a ceiling. */
bool sov_isa_usable(enum sov_isa isa);

/*
 * Instructions for SHA-256, which are beside the order of the sets: any x86-64
 * or ARMv8 may have them or not.  SOV_ISA=generic means without them too; with
 * any higher ceiling they are used.
 */
bool sov_cpu_has_sha(void);

/*
 * Are sums of products of bf16 faster by two fma than by the instruction for
 * them?  On Intel's processors it does as many in a cycle as one fma does, of
 * which two are done (Emerald Rapids: 80 and 175 GFLOP/s a core); on AMD's it
 * does twice as many (Zen 4).
 */
bool sov_cpu_bf16_is_slow(void);

/* Cores by affinity and cgroup quota, at least 1. */
unsigned sov_cpu_count(void);

/* Is our processor time counted, so that what is not used now may be used
 * later? */
bool sov_cpu_has_quota(void);

#endif
