/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_attn.c - attention over a long context, by form of the cache
 *
 *     bench_attn [KEYS [HEADS [KV_HEADS [LENGTH [THREADS [FORM...]]]]]]
 *
 * For each form: milliseconds of one layer for one token after KEYS others,
 * and gigabytes of keys and values a second; then for the last 256 of KEYS
 * tokens in one pass, and 1e9 operations a second (a multiplication and an
 * addition are two).  Best of a few runs.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "nn/attn.h"
#include "sov/base.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COLS 256

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
fill(float *x, size_t n)
{
    static uint64_t at;

    for (size_t i = 0; i < n; i++)
        x[i] = (float)sov_rng_unit(5, 2, at++) * 2.0f - 1.0f;
}

static const struct form {
    const char *name;
    bool paged;
    enum sov_type type;
} forms[] = {
    { "f32", false, SOV_TYPE_F32 },
    { "bf16", false, SOV_TYPE_BF16 },
    { "f16", false, SOV_TYPE_F16 },
    { "q8", true, SOV_TYPE_F32 },
};

struct shape {
    size_t keys, n_head, n_kv, len;
};

static void
fill_cache(const struct sov_nn *nn, struct sov_cache *kv,
           const uint32_t *block, size_t n)
{
    size_t width = kv->n_kv * kv->k_len;
    float *x = sov_mem_array(2 * width, sizeof(*x));

    for (size_t i = 0; i < n; i++) {
        fill(x, 2 * width);
        sov_cache_put(nn, kv, block, i, x, x + width);
    }
    free(x);
}

/* Seconds of sov_attn for the last n_cols of the keys. */
static double
measure(const struct sov_nn *nn, const struct sov_cache *kv,
        const uint32_t *block, const struct shape *s, size_t n_cols)
{
    size_t width = s->n_head * s->len;
    float *q = sov_mem_array(n_cols, width * sizeof(*q));
    float *o = sov_mem_array(n_cols, width * sizeof(*o));
    struct sov_tile *tile =
        sov_mem_array(sov_attn_tiles(kv, s->n_head, n_cols), sizeof(*tile));
    struct sov_attn_seq seq = { .block = block, .pos = s->keys - n_cols,
                                .n_cols = n_cols };
    struct sov_attn at = { .kv = kv, .n_head = s->n_head,
                           .scale = 1.0f / sqrtf((float)s->len),
                           .seq = &seq, .n_seq = 1, .q = q,
                           .q_stride = width, .o = o, .o_stride = width };
    double best = INFINITY;
    double end;

    sov_attn_cut(&at, tile);
    fill(q, n_cols * width);
    end = now() + 0.4;
    do {
        double start = now();

        sov_attn(nn, &at);
        best = fmin(best, now() - start);
    } while (now() < end);
    free(q);
    free(o);
    free(tile);
    return best;
}

static void
run(const struct form *form, const struct shape *s)
{
    struct sov_nn nn = { .k = sov_kern() };
    struct sov_cache kv = { .paged = form->paged, .type = form->type,
                            .n_kv = s->n_kv, .n_ctx = s->keys,
                            .k_len = s->len, .v_len = s->len };
    uint32_t *block = sov_mem_array(sov_blocks_of(s->keys), sizeof(*block));
    size_t n_blocks = sov_blocks_of(s->keys);
    struct sov_place *place = sov_mem_array(n_blocks, sizeof(*place));
    unsigned char *memory;
    struct sov_err err;
    double one, many, ops;
    size_t cols = s->keys < COLS ? s->keys : COLS;

    for (size_t i = 0; i < n_blocks; i++)
        block[i] = (uint32_t)i;
    sov_cache_sizes(&kv);
    nn.room = (sov_attn_room(&kv, s->n_head) + 15) / 16 * 16;
    nn.share = sov_mem_aligned(sov_attn_share(&kv, s->n_head) / 64 + 1, 64);
    memory = sov_mem_aligned(n_blocks * kv.n_kv, kv.bytes);
    if (nn.share == NULL || place == NULL || memory == NULL ||
        sov_nn_ready(&nn, &err) < 0) {
        fprintf(stderr, "bench_attn: out of memory\n");
        exit(71);
    }
    sov_cache_lay(place, memory, n_blocks, kv.bytes);
    kv.place = place;
    fill_cache(&nn, &kv, block, s->keys);
    one = measure(&nn, &kv, block, s, 1);
    many = measure(&nn, &kv, block, s, cols);
    ops = 4.0 * (double)(s->n_head * s->len) * (double)cols *
          ((double)s->keys - (double)(cols - 1) / 2);
    printf("%-5s one token %8.3f ms %6.1f GB/s   %zu tokens %9.3f ms %6.0f "
           "GOPS\n",
           form->name, 1e3 * one, (double)(n_blocks * kv.n_kv * kv.bytes) / one / 1e9,
           cols, 1e3 * many, ops / many / 1e9);
    sov_nn_done(&nn);
    sov_mem_free_aligned(nn.share);
    sov_mem_free_aligned(memory);
    free(place);
    free(block);
}

static size_t
operand(int argc, char **argv, int i, size_t preset)
{
    size_t n = argc > i ? strtoul(argv[i], NULL, 10) : preset;

    return n > 0 ? n : 1;
}

int
main(int argc, char **argv)
{
    struct shape s = { operand(argc, argv, 1, 8192),
                       operand(argc, argv, 2, 32), operand(argc, argv, 3, 8),
                       operand(argc, argv, 4, 64) };

    sov_set_threads((unsigned)operand(argc, argv, 5, 1));
    printf("%zu keys, %zu/%zu heads of %zu, %u threads, %s\n", s.keys,
           s.n_head, s.n_kv, s.len, sov_threads(), sov_kern()->isa);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        bool wanted = argc <= 6;

        for (int j = 6; j < argc; j++)
            wanted |= strcmp(argv[j], forms[i].name) == 0;
        if (wanted)
            run(&forms[i], &s);
    }
    return 0;
}
