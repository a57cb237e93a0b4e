/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_codec.c - Mweights/s of every codec, by instruction set
 *
 * One thread; best of a few runs over 1 M normally distributed weights, fewer
 * where that takes long.  Operands: the types to measure, all if none.
 * --effort N: only this one, and decoding.  --weighed: with importance.
 */
#include "base/rng.h"
#include "kern/kern.h"
#include "quant/codec.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WEIGHTS (1u << 20)

static double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
fill(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double sum = -6.0;

        for (uint64_t j = 0; j < 12; j++)
            sum += sov_rng_unit(1, j, i);
        x[i] = (float)(0.02 * sum);
    }
}

struct buffers {
    float *x, *y, *imp;
    unsigned char *blocks;
};

enum what { DECODE, ENCODE, ENCODE_WEIGHED };

/* Mweights/s, or 0. */
static double
measure(const struct sov_kern *k, int type, enum what what, int effort,
        struct buffers *b)
{
    size_t n = what == DECODE ? WEIGHTS : WEIGHTS / 32;
    double best = 0.0, took = 0.0;

    if (what == DECODE ? k->decode[type] == NULL : k->encode[type] == NULL)
        return 0.0;
    for (int run = 0; run < 4; run++) {
        double start = seconds();

        if (what == DECODE)
            k->decode[type](b->blocks, b->y, n);
        else
            k->encode[type](b->x, what == ENCODE ? NULL : b->imp, b->blocks, n,
                            effort);
        took = seconds() - start;
        best = (double)n / took > best ? (double)n / took : best;
        if (took < 0.002)
            n = WEIGHTS;
    }
    return best / 1e6;
}

static void
print_number(double speed)
{
    if (speed == 0.0)
        printf("     -");
    else
        printf(" %5.*f", speed < 100.0 ? 1 : 0, speed);
}

/* One line for a type and instruction set. */
static void
report(const struct sov_kern *k, const struct sov_type_info *info,
       enum what what, int effort, struct buffers *b)
{
    int from = effort > 0 ? effort : 1, to = effort > 0 ? effort : 9;

    printf("%-7s %-7s", info->name, k->isa);
    print_number(measure(k, info->type, DECODE, 0, b));
    for (int e = from; e <= to; e++)
        print_number(measure(k, info->type, what, e, b));
    printf("\n");
    fflush(stdout);
}

/* The line above them all. */
static void
print_head(int effort)
{
    int from = effort > 0 ? effort : 1, to = effort > 0 ? effort : 9;

    printf("Mweights/s      decode");
    for (int e = from; e <= to; e++)
        printf("    -%d", e);
    printf("\n");
}

static bool
is_wanted(const char *name, int argc, char **argv)
{
    bool any = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return true;
        any = any || argv[i][0] != '-';
    }
    return !any;
}

int
main(int argc, char **argv)
{
    static const char *const isas[] = { "avx512", "avx2", "neon", "generic" };
    const struct sov_codec *c;
    enum what what = ENCODE;
    int effort = 0;
    struct buffers b = {
        malloc(WEIGHTS * sizeof(float)),
        malloc(WEIGHTS * sizeof(float)),
        malloc(WEIGHTS * sizeof(float)),
        calloc(WEIGHTS, 8),
    };

    if (argc > 2 && strcmp(argv[1], "--effort") == 0) {
        effort = atoi(argv[2]);
        argc -= 2;
        argv += 2;
    }
    if (argc > 1 && strcmp(argv[1], "--weighed") == 0) {
        what = ENCODE_WEIGHED;
        argc--;
        argv++;
    }
    if (b.x == NULL || b.y == NULL || b.imp == NULL || b.blocks == NULL)
        return 1;
    fill(b.x, WEIGHTS);
    for (size_t i = 0; i < WEIGHTS; i++)
        b.imp[i] = b.x[i] * b.x[i] + 1e-4f;

    print_head(effort);
    for (size_t i = 0; (c = sov_codec_at(i)) != NULL; i++) {
        const struct sov_type_info *info = sov_type_info(c->type);

        if (c->type >= SOV_TYPE_GGUF_MAX || !is_wanted(info->name, argc, argv))
            continue;
        for (size_t j = 0; j < sizeof(isas) / sizeof(isas[0]); j++) {
            const struct sov_kern *k = sov_kern_for(isas[j]);

            if (k != NULL)
                report(k, info, what, effort, &b);
        }
    }
    free(b.x);
    free(b.y);
    free(b.imp);
    free(b.blocks);
    return 0;
}
