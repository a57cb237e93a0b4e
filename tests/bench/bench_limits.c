/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_limits.c - what this machine can do at most
 *
 *   bench_limits [THREADS...]        1 and 2 if none is named
 *
 * One line for each number of threads:
 *
 *   threads 2 int8 934.1 bf16 467.0 f32 233.6 read 38.4
 *
 * int8, bf16 and f32 are thousand millions of additions and multiplications a
 * second, of the widest dot instruction that there is (0: there is none); read
 * is GB/s from memory.  Best of a few short runs.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#ifdef __aarch64__
#include <sys/auxv.h>
#endif

#define THREADS_MAX 256
#define RUNS        5
#define TURNS       1000000   /* of a loop of 12 instructions */
#define BYTES       (1u << 29) /* that are read, by all threads together */

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
        return (struct peak){ bf16_512, 64 };
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

static const unsigned char *memory;
static pthread_barrier_t start;

struct job {
    struct peak peak; /* no loop: read */
    size_t first, len;
    double took;
};

static double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
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
static void
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

static void *
work(void *arg)
{
    struct job *job = arg;
    double from;

    pthread_barrier_wait(&start);
    from = seconds();
    if (job->peak.loop != NULL)
        job->peak.loop(TURNS);
    else
        read_all(memory + job->first, job->len);
    job->took = seconds() - from;
    return NULL;
}

/* Billions of operations, or of bytes, a second: once, on all threads. */
static double
once(struct peak peak, unsigned threads)
{
    static pthread_t thread[THREADS_MAX];
    static struct job job[THREADS_MAX];
    size_t len = BYTES / threads / 256 * 256;
    double slowest = 0;
    double all = 12.0 * TURNS * peak.ops;

    pthread_barrier_init(&start, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        job[i] = (struct job){ peak, i * len, len, 0 };
        if (pthread_create(&thread[i], NULL, work, &job[i]) != 0)
            exit(71);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        slowest = job[i].took > slowest ? job[i].took : slowest;
    }
    pthread_barrier_destroy(&start);
    return (peak.loop != NULL ? all : (double)len) * threads / slowest / 1e9;
}

static double
best(enum what what, unsigned threads)
{
    struct peak peak = peak_of(what);
    double most = 0;

    if (what != READ && peak.loop == NULL)
        return 0;
    for (int run = 0; run < RUNS; run++) {
        double now = once(peak, threads);

        most = now > most ? now : most;
    }
    return most;
}

static void
line(unsigned threads)
{
    printf("threads %u int8 %.1f bf16 %.1f f32 %.1f read %.1f\n", threads,
           best(INT8, threads), best(BF16, threads), best(F32, threads),
           best(READ, threads));
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    unsigned char *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return 71;
    madvise(p, BYTES, MADV_HUGEPAGE);
    memset(p, 1, BYTES);
    memory = p;
    for (int i = 1; i < argc; i++) {
        long n = strtol(argv[i], NULL, 10);

        if (n < 1 || n > THREADS_MAX)
            return 64;
        line((unsigned)n);
    }
    if (argc == 1) {
        line(1);
        line(2);
    }
    munmap(p, BYTES);
    return 0;
}
