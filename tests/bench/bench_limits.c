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
#include "bench/limits.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define THREADS_MAX 256
#define RUNS        5
#define TURNS       1000000    /* of a loop of 12 instructions */
#define BYTES       (1u << 29) /* that are read, by all threads together */

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
