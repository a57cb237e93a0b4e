/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_kern.c - how fast weights meet columns, by type
 *
 * For each type and number of columns: 10^9 operations a second (a product and
 * its addition are two) as a share of the peak of the integer units, and GB of
 * weights a second as a share of what plain reading gives; peak and bandwidth
 * are measured in the same run.  Few columns read 128 MiB of weights, many 4 M
 * weights over and over.
 *
 *   bench_kern [-t threads] [-c columns,...] [-k rows] [type ...]
 */
#include "base/mem.h"
#include "bench/limits.h"
#include "nn/mat.h"
#include "quant/codec.h"
#include "sov/base.h"
#include "sys/par.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define N_IN     2048
#define BIG      ((size_t)128 << 20)
#define COLS_MAX 1024
#define RUNS     3

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- what the machine can do */

struct probe {
    struct peak peak; /* no loop: read */
    const unsigned char *bytes;
    size_t n; /* turns or bytes of each thread */
};

static void
probe_part(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct probe *p = arg;
    size_t t;

    (void)worker;
    for (t = first; t < last; t++)
        if (p->peak.loop != NULL)
            p->peak.loop(p->n);
        else
            read_all(p->bytes + t * p->n, p->n);
}

/* Best of a few runs of one part a thread, seconds. */
static double
probe(struct probe *p)
{
    double best = 1e9;
    int run;

    for (run = 0; run < RUNS; run++) {
        double start = now();

        sov_par_for(sov_threads(), 1, probe_part, p);
        if (now() - start < best)
            best = now() - start;
    }
    return best;
}

/* 10^9 operations a second. */
static double
peak(void)
{
    struct probe p = { .peak = peak_of(INT8), .n = 1000000 };

    if (p.peak.loop == NULL)
        return 0;
    return 12 * p.peak.ops * (double)p.n * sov_threads() / probe(&p) / 1e9;
}

/* GB a second. */
static double
bandwidth(const unsigned char *bytes)
{
    struct probe p = { .bytes = bytes, .n = BIG / sov_threads() / 256 * 256 };

    return (double)p.n * sov_threads() / probe(&p) / 1e9;
}

/* ---- products */

struct room {
    unsigned char *weights;
    float *x, *y;
    struct sov_a32 *a32;
    struct sov_a256 *a256;
    float *half;
    uint16_t *bf16;
    double peak, bandwidth;
};

static double
time_of(const struct sov_nn *nn, const struct sov_mul *mul,
        const struct sov_input *in, double least)
{
    double best = 1e9;
    int run;

    for (run = 0; run < RUNS; run++) {
        double start = now(), took;
        size_t times = 0;

        do {
            sov_mat_mul(nn, mul, 1, in);
            times++;
            took = now() - start;
        } while (took < least);
        best = took / (double)times < best ? took / (double)times : best;
    }
    return best;
}

static void
report(const struct sov_nn *nn, const struct sov_type_info *info, size_t n_cols,
       const struct room *room)
{
    size_t row_bytes = N_IN / info->block * info->bytes;
    struct sov_mat w = { .data = room->weights,
                         .type = info->type,
                         .n_in = N_IN,
                         .row_bytes = row_bytes,
                         .n_out = n_cols < 16 ? BIG / row_bytes : 2048 };
    struct sov_mul mul = { &w, room->y, w.n_out };
    struct sov_input in = { .x = room->x,
                            .stride = N_IN,
                            .n = N_IN,
                            .n_cols = n_cols,
                            .a32 = room->a32,
                            .a256 = room->a256,
                            .half = room->half,
                            .bf16 = room->bf16 };
    double took, gops, gb;
    size_t c;

    in.forms = sov_mat_forms(nn, &w, 1);
    for (c = 0; c < n_cols; c++)
        sov_input_column(nn, &in, c);
    took = time_of(nn, &mul, &in, 0.02);
    gops = 2.0 * N_IN * (double)w.n_out * (double)n_cols / took / 1e9;
    gb = (double)w.n_out * (double)row_bytes / took / 1e9;
    printf("%-8s %5zu columns %7.0f GOPS %3.0f %% of peak", info->name, n_cols,
           gops, 100 * gops / room->peak);
    if (n_cols < 16)
        printf(" %6.1f GB/s %3.0f %% of bandwidth", gb,
               100 * gb / room->bandwidth);
    putchar('\n');
}

/* A few hundred rows of encoded numbers, over and over. */
static int
fill_weights(const struct sov_type_info *info, struct room *room)
{
    const struct sov_codec *codec = sov_codec_find(info->type);
    size_t row_bytes = N_IN / info->block * info->bytes;
    size_t some = 4 * row_bytes;
    size_t at;

    if (codec == NULL || codec->encode == NULL)
        return 0;
    codec->encode(room->x, NULL, room->weights, (size_t)4 * N_IN, 0);
    for (at = some; at + some <= BIG; at += some)
        memcpy(room->weights + at, room->weights, some);
    return 1;
}

static int
wanted(const char *name, char **types, int n_types)
{
    int i;

    for (i = 0; i < n_types; i++)
        if (strcmp(name, types[i]) == 0)
            return 1;
    return n_types == 0;
}

static size_t
columns_of(char *list, size_t cols[16])
{
    size_t n = 0;
    char *word;

    for (word = strtok(list, ","); word != NULL && n < 16;
         word = strtok(NULL, ",")) {
        size_t c = strtoul(word, NULL, 10);

        if (c >= 1 && c <= COLS_MAX)
            cols[n++] = c;
    }
    return n;
}

static int
make_room(struct room *room)
{
    size_t i;

    room->weights = sov_mem_aligned(1, BIG + 4096);
    room->x = sov_mem_aligned((size_t)COLS_MAX * N_IN, sizeof(float));
    room->y = sov_mem_aligned(BIG / 64, sizeof(float));
    room->a32 = sov_mem_aligned(COLS_MAX * (N_IN / 256), sizeof(*room->a32));
    room->a256 = sov_mem_aligned(COLS_MAX * (N_IN / 256), sizeof(*room->a256));
    room->half = sov_mem_aligned((size_t)COLS_MAX * N_IN, sizeof(float));
    room->bf16 = sov_mem_aligned(COLS_MAX * sov_input_bf16(N_IN), 2);
    if (room->weights == NULL || room->x == NULL || room->y == NULL ||
        room->a32 == NULL || room->a256 == NULL || room->half == NULL ||
        room->bf16 == NULL)
        return 0;
    memset(room->weights, 1, BIG + 4096);
    for (i = 0; i < (size_t)COLS_MAX * N_IN; i++)
        room->x[i] = (float)((i * 2654435761u >> 8) & 0xffff) / 32768 - 1;
    return 1;
}

int
main(int argc, char **argv)
{
    size_t cols[16] = { 1, 2, 4, 6, 8, 16, 64, 512 };
    size_t n_cols = 8, i;
    struct sov_nn nn = { .k = sov_kern(), .room = sov_mat_room(N_IN) };
    const struct sov_type_info *info;
    struct room room;
    int opt;

    while ((opt = getopt(argc, argv, "t:c:")) != -1) {
        if (opt == 't')
            sov_set_threads((unsigned)strtoul(optarg, NULL, 10));
        else if (opt == 'c')
            n_cols = columns_of(optarg, cols);
        else
            return 64;
    }
    if (!make_room(&room) || sov_nn_ready(&nn, NULL) < 0) {
        fprintf(stderr, "bench_kern: no memory\n");
        return 71;
    }
    room.peak = peak();
    room.bandwidth = bandwidth(room.weights);
    printf("%s, %u threads: peak %.0f GOPS, %.1f GB/s\n", nn.k->isa,
           sov_threads(), room.peak, room.bandwidth);
    for (i = 0; i < SOV_TYPE_GGUF_MAX; i++) {
        info = sov_type_info((enum sov_type)i);
        if (info == NULL || !wanted(info->name, argv + optind, argc - optind) ||
            (nn.k->dot[i] == NULL && argc == optind) ||
            !fill_weights(info, &room))
            continue;
        for (size_t j = 0; j < n_cols; j++)
            report(&nn, info, cols[j], &room);
    }
    return 0;
}
