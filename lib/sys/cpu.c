/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpu.c - what this machine can do
 *
 * The two environment variables of the library are read here, once.
 */
#include "sys/cpu.h"
#include "sov/base.h"
#include "sys/cgroup.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif

#define THREADS_MAX 4096

static const char *const names[SOV_ISA_COUNT] = {
    [SOV_ISA_GENERIC] = "generic",       [SOV_ISA_AVX2] = "avx2",
    [SOV_ISA_AVXVNNI] = "avxvnni",       [SOV_ISA_AVX512] = "avx512",
    [SOV_ISA_AVX512VBMI] = "avx512vbmi", [SOV_ISA_AVX512BF16] = "avx512bf16",
    [SOV_ISA_NEON] = "neon",
};

const char *
sov_isa_name(enum sov_isa isa)
{
    return names[isa];
}

#if defined(__x86_64__)
#define LEAF_7_1_A_AVX_VNNI (1u << 4)

/* Not every compiler has a name for it. */
static bool
cpu_has_avxvnni(void)
{
    unsigned a;
    unsigned b;
    unsigned c;
    unsigned d;

    return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 &&
           (a & LEAF_7_1_A_AVX_VNNI) != 0;
}

bool
sov_cpu_bf16_is_slow(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_is("intel");
}

static bool
cpu_has(enum sov_isa isa)
{
    __builtin_cpu_init();
    if (isa == SOV_ISA_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (isa == SOV_ISA_AVXVNNI)
        return cpu_has(SOV_ISA_AVX2) && cpu_has_avxvnni();
    if (isa == SOV_ISA_AVX512)
        return cpu_has(SOV_ISA_AVX2) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vnni");
    if (isa == SOV_ISA_AVX512VBMI)
        return cpu_has(SOV_ISA_AVX512) &&
               __builtin_cpu_supports("avx512vbmi") &&
               __builtin_cpu_supports("avx512vbmi2") &&
               __builtin_cpu_supports("bmi2");
    if (isa == SOV_ISA_AVX512BF16)
        return cpu_has(SOV_ISA_AVX512) &&
               __builtin_cpu_supports("avx512bf16");
    return isa == SOV_ISA_GENERIC;
}

/* What the compilers' own names for features do not cover. */
static bool
cpu_has_sha(void)
{
    unsigned a;
    unsigned b;
    unsigned c;
    unsigned d;

    __builtin_cpu_init();
    return __builtin_cpu_supports("ssse3") &&
           __builtin_cpu_supports("sse4.1") &&
           __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}
#elif defined(__aarch64__)
#define HWCAP_DOT_PRODUCT (1ul << 20) /* HWCAP_ASIMDDP of the kernel */
#define HWCAP_SHA_256     (1ul << 6)  /* HWCAP_SHA2 */
static bool
cpu_has(enum sov_isa isa)
{
    if (isa == SOV_ISA_NEON)
        return (getauxval(AT_HWCAP) & HWCAP_DOT_PRODUCT) != 0;
    return isa == SOV_ISA_GENERIC;
}

static bool
cpu_has_sha(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_SHA_256) != 0;
}
#else
static bool
cpu_has(enum sov_isa isa)
{
    return isa == SOV_ISA_GENERIC;
}

static bool
cpu_has_sha(void)
{
    return false;
}
#endif

#if !defined(__x86_64__)
bool
sov_cpu_bf16_is_slow(void)
{
    return false;
}
#endif

/* The highest set that SOV_ISA allows. */
static int
ceiling(void)
{
    const char *cap = getenv("SOV_ISA");

    if (cap == NULL || *cap == '\0')
        return SOV_ISA_COUNT;
    for (int i = 0; i < SOV_ISA_COUNT; i++)
        if (strcmp(cap, names[i]) == 0)
            return i;
    return SOV_ISA_GENERIC; /* an unknown name: the safe choice */
}

bool
sov_isa_usable(enum sov_isa isa)
{
    return (int)isa <= ceiling() && cpu_has(isa);
}

bool
sov_cpu_has_sha(void)
{
    return ceiling() > SOV_ISA_GENERIC && cpu_has_sha();
}

static bool
is_isa(const char *name)
{
    for (int i = 0; i < SOV_ISA_COUNT; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* SOV_THREADS as a number, 0 if it is not set or is none. */
static unsigned
threads_of(const char *env)
{
    char *end = NULL;
    unsigned long v;

    if (env == NULL || *env < '0' || *env > '9')
        return 0;
    v = strtoul(env, &end, 10);
    return *end == '\0' && v <= THREADS_MAX ? (unsigned)v : 0;
}

int
sov_env_check(struct sov_err *err)
{
    const char *isa = getenv("SOV_ISA");
    const char *n = getenv("SOV_THREADS");

    if (isa != NULL && *isa != '\0' && !is_isa(isa))
        return sov_fail(
            err, SOV_EARG,
            "SOV_ISA: '%s' is not generic, avx2, avxvnni, avx512, avx512vbmi, "
            "avx512bf16 or neon",
            isa);
    if (n != NULL && *n != '\0' && threads_of(n) == 0)
        return sov_fail(err, SOV_EARG,
                        "SOV_THREADS: '%s' is not a number from 1 to %d", n,
                        THREADS_MAX);
    return 0;
}

unsigned
sov_cpu_count(void)
{
    unsigned quota = sov_cgroup_cpus("");
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = online > 0 ? (unsigned)online : 1;
    cpu_set_t set;

    /* fails where there are more cores than a set has room for */
    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
        n = (unsigned)CPU_COUNT(&set);
    return quota > 0 && quota < n ? quota : n;
}

bool
sov_cpu_has_quota(void)
{
    return sov_cgroup_cpus("") > 0;
}

/* Set by sov_set_threads(); 0: not decided yet. */
static unsigned threads;

void
sov_set_threads(unsigned n)
{
    __atomic_store_n(&threads, n, __ATOMIC_RELAXED);
}

unsigned
sov_threads(void)
{
    unsigned n = __atomic_load_n(&threads, __ATOMIC_RELAXED);

    if (n == 0) {
        n = threads_of(getenv("SOV_THREADS"));
        if (n == 0)
            n = sov_cpu_count();
        sov_set_threads(n);
    }
    return n;
}
