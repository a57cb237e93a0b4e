/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_gemm.c - how fast products of training are
 *
 * For a layer of weights [outputs, inputs] and some tokens: 10^9 operations a
 * second (a product and its addition are two) of the way there (y), of the
 * gradient of its inputs (dx) and of its weights (dw), packing included, as a
 * share of the peak that the same run measured; the last line is all of them
 * together.
 *
 *   bench_gemm [-t threads] [TOKENS OUTPUTS INPUTS]...
 *
 * Shapes are those of a model of width 256 if none is named.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "bench/limits.h"
#include "nn/gemm.h"
#include "sov/base.h"
#include "sys/par.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SECONDS 0.15 /* that a figure takes */

struct shape {
    size_t tokens, out, in;
};

static const struct shape preset[] = {
    { 2048, 256, 256 },  { 2048, 768, 256 },   { 2048, 256, 768 },
    { 256, 4096, 256 },  { 2048, 1024, 1024 }, { 2048, 4096, 1024 },
    { 2048, 1024, 4096 }
};

static double peak[2];

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
loop(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct peak *p = arg;

    (void)worker;
    for (; first < last; first++)
        p->loop(200000);
}

static double
measure_peak(enum what what)
{
    struct peak p = peak_of(what);
    double most = 0;
    int run;

    for (run = 0; run < 5 && p.loop != NULL; run++) {
        size_t n = 4 * (size_t)sov_threads();
        double start = now();

        sov_par_for(n, 1, loop, &p);
        most = fmax(most, 12 * 200000 * p.ops * (double)n / (now() - start));
    }
    return most / 1e9;
}

static float *
numbers(size_t n)
{
    float *x = sov_mem_aligned(n, sizeof(*x));

    if (x == NULL) {
        fprintf(stderr, "bench_gemm: out of memory\n");
        exit(71);
    }
    for (size_t i = 0; i < n; i++)
        x[i] = (float)sov_rng_unit(5, 2, i) * 2.0f - 1.0f;
    return x;
}

/* Seconds of a product, the best of some. */
static double
measure(const struct sov_gemm *g)
{
    double best = INFINITY, end = now() + SECONDS;

    do {
        double start = now();

        sov_gemm(g);
        best = fmin(best, now() - start);
    } while (now() < end);
    return best;
}

static void
tell(const char *what, double flops, const double took[2])
{
    printf(" %s", what);
    for (int bf16 = 0; bf16 < 2; bf16++) {
        double rate = flops / took[bf16] / 1e9;

        printf(" %6.1f", rate);
        if (peak[bf16] > 0)
            printf(" %3.0f %%", 100 * rate / peak[bf16]);
    }
    printf("%s", what[1] == 'w' || what[1] == 'l' ? "\n" : "  |");
    fflush(stdout);
}

/* All three products of a layer; adds to the seconds of all. */
static double
measure_shape(const struct shape *s, void *room, double all[2])
{
    static const char *const names[] = { "y ", "dx", "dw" };
    float *x = numbers(s->tokens * s->in);
    float *w = numbers(s->out * s->in);
    float *dy = numbers(s->tokens * s->out);
    float *c = numbers(s->tokens * (s->out + s->in) + s->out * s->in);
    double flops = 2.0 * (double)s->tokens * (double)s->out * (double)s->in;
    struct sov_gemm g[3] = {
        { .n_i = s->tokens,
          .n_j = s->out,
          .n_k = s->in,
          .a = { x, s->in, false },
          .b = { w, s->in, false } },
        { .n_i = s->tokens,
          .n_j = s->in,
          .n_k = s->out,
          .a = { dy, s->out, false },
          .b = { w, s->in, true } },
        { .n_i = s->out,
          .n_j = s->in,
          .n_k = s->tokens,
          .a = { dy, s->out, true },
          .b = { x, s->in, true },
          .add = true },
    };

    printf("%5zu x %4zu x %4zu", s->tokens, s->out, s->in);
    for (int i = 0; i < 3; i++) {
        double took[2];

        for (int bf16 = 0; bf16 < 2; bf16++) {
            g[i].k = sov_kern();
            g[i].bf16 = bf16;
            g[i].c = c;
            g[i].c_stride = g[i].n_j;
            g[i].room = room;
            took[bf16] = measure(&g[i]);
            all[bf16] += took[bf16];
        }
        tell(names[i], flops, took);
    }
    sov_mem_free_aligned(x);
    sov_mem_free_aligned(w);
    sov_mem_free_aligned(dy);
    sov_mem_free_aligned(c);
    return 3 * flops;
}

int
main(int argc, char **argv)
{
    void *room = sov_mem_aligned(SOV_GEMM_ROOM, 1);
    double all[2] = { 0 }, flops = 0;
    int c;

    while ((c = getopt(argc, argv, "t:")) != -1) {
        if (c != 't')
            return 64;
        sov_set_threads((unsigned)strtoul(optarg, NULL, 10));
    }
    if ((argc - optind) % 3 != 0 || room == NULL)
        return 64;
    peak[0] = measure_peak(F32);
    peak[1] = measure_peak(BF16);
    printf("%s, %u threads: GFLOP/s of f32 and of bf16; peak %.0f and %.0f\n",
           sov_kern()->isa, sov_threads(), peak[0], peak[1]);
    for (int i = optind; i < argc; i += 3) {
        struct shape s = { strtoul(argv[i], NULL, 10),
                           strtoul(argv[i + 1], NULL, 10),
                           strtoul(argv[i + 2], NULL, 10) };

        flops += measure_shape(&s, room, all);
    }
    for (size_t i = 0; optind == argc && i < sizeof(preset) / sizeof(*preset);
         i++)
        flops += measure_shape(&preset[i], room, all);
    tell("all", flops, all);
    sov_mem_free_aligned(room);
    return 0;
}
