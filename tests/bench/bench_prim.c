/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_prim.c - attention of training, there and back
 *
 *     bench_prim [-t THREADS] [TOKENS SEQUENCES HEADS KV_HEADS LENGTH]
 *
 * For some shapes, or the one that is given: core-microseconds a token and 1e9
 * operations a second, of products alone and of what is seen (a multiplication
 * and an addition are two; half of the square; two products there, five back),
 * beside the peak of the float units.  Best of a few runs.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "bench/limits.h"
#include "sov/base.h"
#include "sys/par.h"
#include "train/prim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SECONDS 0.5

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *
numbers(size_t n)
{
    float *x = sov_mem_aligned(n, sizeof(*x));

    for (size_t i = 0; i < n && x != NULL; i++)
        x[i] = (float)sov_rng_unit(5, 2, i) * 2.0f - 1.0f;
    return x;
}

static void
spin(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct peak *peak = arg;

    (void)worker;
    for (; first < last; first++)
        peak->loop(1000000);
}

/* 10^9 operations a second. */
static double
peak(void)
{
    struct peak p = peak_of(F32);
    double best = INFINITY;

    (void)read_all; /* of limits.h: nothing is read here */
    for (int run = 0; run < 3 && p.loop != NULL; run++) {
        double start = now();

        sov_par_for(sov_threads(), 1, spin, &p);
        best = fmin(best, now() - start);
    }
    return 12 * p.ops * 1e6 * sov_threads() / best / 1e9;
}

struct shape {
    size_t tokens, seqs, n_head, n_kv, len;
};

struct run {
    struct sov_attn_dims d;
    size_t *first;
    size_t n_seq;
    float *q, *k, *v, *o, *lse, *d_o, *dq, *dk, *dv;
};

static int
go(const struct run *r, int back)
{
    struct sov_prim p = { .k = sov_kern() };

    return back ? sov_prim_attn_back(&p, &r->d, r->first, r->n_seq, r->q, r->k,
                                     r->v, r->o, r->lse, r->d_o, r->dq, r->dk,
                                     r->dv, NULL)
                : sov_prim_attn(&p, &r->d, r->first, r->n_seq, r->q, r->k, r->v,
                                r->o, r->lse, NULL);
}

static void
report(const struct run *r, const struct shape *s, double limit)
{
    double pairs = (double)(s->seqs * s->tokens) * (double)(s->tokens + 1) / 2;
    double ops = 4 * pairs * (double)(s->n_head * s->len);

    printf("%5zu x %-3zu %2zu/%zu heads of %-4zu", s->seqs, s->tokens,
           s->n_head, s->n_kv, s->len);
    for (int back = 0; back < 2; back++) {
        double best = INFINITY, end = now() + SECONDS;

        do {
            double start = now();

            if (go(r, back) < 0)
                return;
            best = fmin(best, now() - start);
        } while (now() < end);
        printf(" %s %6.2f us %4.0f GFLOP/s %2.0f %%", back ? "back" : "there",
               best * 1e6 * sov_threads() / (double)(s->seqs * s->tokens),
               ops * (back ? 2.5 : 1) / best / 1e9,
               100 * ops * (back ? 2.5 : 1) / best / 1e9 / limit);
    }
    putchar('\n');
}

static int
measure(const struct shape *s, double limit)
{
    size_t rows = s->tokens * s->seqs;
    struct run r = { .d = { .n_head = s->n_head,
                            .n_head_kv = s->n_kv,
                            .k_len = s->len,
                            .v_len = s->len,
                            .q_stride = s->n_head * s->len,
                            .k_stride = s->n_kv * s->len,
                            .v_stride = s->n_kv * s->len,
                            .o_stride = s->n_head * s->len,
                            .scale = 1.0f / sqrtf((float)s->len) },
                     .n_seq = s->seqs };
    float **parts[] = { &r.q, &r.o,  &r.d_o, &r.dq, &r.k,
                        &r.v, &r.dk, &r.dv,  &r.lse };
    int rc = 0;
    size_t i;

    r.first = sov_mem_array(s->seqs + 1, sizeof(*r.first));
    for (i = 0; i <= s->seqs && r.first != NULL; i++)
        r.first[i] = i * s->tokens;
    for (i = 0; i < 9; i++) {
        *parts[i] = numbers(rows * r.d.q_stride);
        if (*parts[i] == NULL || r.first == NULL)
            rc = -1;
    }
    if (rc == 0)
        report(&r, s, limit);
    for (i = 0; i < 9; i++)
        sov_mem_free_aligned(*parts[i]);
    free(r.first);
    return rc;
}

int
main(int argc, char **argv)
{
    static const struct shape shapes[] = {
        { 256, 8, 8, 4, 32 },   { 256, 8, 6, 6, 48 },    { 1024, 2, 9, 3, 64 },
        { 1024, 2, 14, 2, 64 }, { 2048, 1, 16, 8, 128 }, { 4096, 1, 8, 4, 64 },
    };
    struct shape one;
    double limit;
    int opt, rc = 0;

    while ((opt = getopt(argc, argv, "t:")) != -1) {
        if (opt != 't')
            return 64;
        sov_set_threads((unsigned)strtoul(optarg, NULL, 10));
    }
    limit = peak();
    printf("%s, %u threads: peak %.0f GFLOP/s\n", sov_kern()->isa,
           sov_threads(), limit);
    if (argc - optind == 5) {
        size_t x[5];

        for (int i = 0; i < 5; i++)
            x[i] = strtoul(argv[optind + i], NULL, 10);
        one = (struct shape){ x[0], x[1], x[2], x[3], x[4] };
        return measure(&one, limit) < 0 ? 71 : 0;
    }
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]) && rc == 0; i++)
        rc = measure(&shapes[i], limit);
    return rc < 0 ? 71 : 0;
}
