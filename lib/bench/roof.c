/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roof.c - what a machine can do at most: plain reading, and the widest
 * products and additions (limits.h), by the team of threads that works for
 * models, too
 *
 * Work is cut into more pieces than there are threads, so that one which is
 * late does not keep the others waiting.
 */
#include "sov/machine.h"

#include "base/mem.h"
#include "bench/cache.h"
#include "bench/limits.h"
#include "sov/base.h"
#include "sys/par.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BYTES_LEAST ((size_t)256 << 20)
#define BYTES_MOST  ((size_t)2 << 30)
#define PIECES      16     /* of one thread */
#define TURNS       400000 /* of a loop of 12 instructions, in a piece */

struct sov_roof {
    unsigned char *memory;
    size_t len;
};

struct work {
    const struct sov_roof *roof;
    void (*loop)(uint64_t); /* NULL: read */
    size_t piece;           /* bytes */
};

static double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* What the processor says of its last cache: perhaps of more than one. */
#ifdef _SC_LEVEL3_CACHE_SIZE
static uint64_t
told_by_cpu(void)
{
    long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);

    return cache > 0 ? (uint64_t)cache : 0;
}
#else
static uint64_t
told_by_cpu(void)
{
    return 0;
}
#endif

/* Four times the last caches, which are not always told. */
static size_t
choose_len(void)
{
    uint64_t cache = sov_cache_last("");
    uint64_t want = 4 * (cache > 0 ? cache : told_by_cpu());

    if (want < BYTES_LEAST)
        return BYTES_LEAST;
    return want < BYTES_MOST ? (size_t)want : BYTES_MOST;
}

/* A page that was never written is the one page of zeros. */
static void
touch(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct work *w = arg;

    (void)worker;
    memset(w->roof->memory + first * w->piece, 1, (last - first) * w->piece);
}

int
sov_roof_open(sov_roof **roof, struct sov_err *err)
{
    sov_roof *r = sov_mem_array(1, sizeof(*r));
    struct work w = { .roof = r, .piece = 1 << 20 };
    void *p;

    *roof = NULL;
    if (r == NULL)
        return sov_mem_fail(err);
    r->len = choose_len();
    p = mmap(NULL, r->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
             -1, 0);
    if (p == MAP_FAILED) {
        free(r);
        return sov_mem_fail(err);
    }
    madvise(p, r->len, MADV_HUGEPAGE);
    r->memory = p;
    sov_par_for(r->len / w.piece, 0, touch, &w);
    *roof = r;
    return 0;
}

void
sov_roof_close(sov_roof *r)
{
    if (r == NULL)
        return;
    munmap(r->memory, r->len);
    free(r);
}

static void
do_work(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct work *w = arg;

    (void)worker;
    for (size_t i = first; i < last; i++) {
        if (w->loop != NULL)
            w->loop(TURNS);
        else
            read_all(w->roof->memory + i * w->piece, w->piece);
    }
}

double
sov_roof_measure(sov_roof *r, enum sov_roof_kind kind)
{
    static const enum what whats[] = { READ, INT8, BF16, F32 };
    size_t n = (size_t)sov_threads() * PIECES;
    struct work w = { .roof = r, .piece = r->len / n / 256 * 256 };
    struct peak peak = peak_of(whats[kind]);
    double ops = 12.0 * TURNS * peak.ops;
    double from;

    if (kind != SOV_ROOF_READ && peak.loop == NULL)
        return 0;
    w.loop = peak.loop;
    from = seconds();
    sov_par_for(n, 1, do_work, &w);
    return (double)n * (w.loop != NULL ? ops : (double)w.piece) /
           (seconds() - from);
}
