/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_gemm.c - products for training against plain chains, the same bits from
 * every instruction set and any number of threads
 */
#include "unit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "kern/generic/product.h"
#include "nn/gemm.h"
#include "sov/base.h"
#include "tensor/half.h"

#include <math.h>
#include <string.h>

static const char *const isas[] = { "generic", "avx2",       "avx512",
                                    "neon",    "avx512bf16", "avx512vbmi" };

#define N_ISAS (sizeof(isas) / sizeof(isas[0]))

static uint64_t counter;

/* Mostly ordinary numbers; with odd ones NaN, infinities and subnormals too. */
static void
fill(float *x, size_t n, bool odd)
{
    static const uint32_t some[] = { 0x7fc00000, 0x7f800000, 0xff800000,
                                     0x00000001, 0x807fffff, 0x7f7fffff,
                                     0x00800000, 0x80000000, 0x1f800000 };
    uint32_t out[4];

    for (size_t i = 0; i < n; i++) {
        sov_rng_block(4, 1, counter++, out);
        x[i] = (float)(int32_t)out[0] / 2147483648.0f;
        if (odd && out[1] % 16 == 0)
            x[i] = sov_f32_from_bits(some[out[2] % 9]);
    }
}

static float
number(const struct sov_gemm_side *s, size_t i, size_t k)
{
    return s->across ? s->x[k * s->stride + i] : s->x[i * s->stride + k];
}

static float
rounded(const struct sov_gemm_side *s, size_t i, size_t k, size_t n_k)
{
    float x = k < n_k ? number(s, i, k) : 0;

    return sov_bf16_to_f32(sov_f32_to_bf16(sov_bf16_flush(x)));
}

static float
plain_block(const struct sov_gemm *g, size_t i, size_t j, size_t from,
            size_t to)
{
    float s = 0;
    size_t k;

    for (k = from; !g->bf16 && k < to; k++)
        s = fmaf(number(&g->a, i, k), number(&g->b, j, k), s);
    for (k = from; g->bf16 && k < to; k += 2) {
        s = sov_bf16_add(rounded(&g->a, i, k + 1, g->n_k),
                         rounded(&g->b, j, k + 1, g->n_k), s);
        s = sov_bf16_add(rounded(&g->a, i, k, g->n_k),
                         rounded(&g->b, j, k, g->n_k), s);
    }
    return s;
}

/* As gemm.h says it, one number after the other. */
static void
plain(const struct sov_gemm *g, float *c)
{
    size_t i, j, k;

    for (i = 0; i < g->n_i; i++)
        for (j = 0; j < g->n_j; j++) {
            float *y = c + i * g->c_stride + j;

            if (!g->add)
                *y = 0;
            for (k = 0; k < g->n_k; k += SOV_GEMM_K) {
                size_t end = k + SOV_GEMM_K < g->n_k ? k + SOV_GEMM_K : g->n_k;
                float s = plain_block(g, i, j, k, end);

                *y = g->add || k > 0 ? *y + s : s;
            }
        }
}

struct shape {
    size_t n_i, n_j, n_k;
};

/* bits of how */
enum { A_ACROSS = 1, B_ACROSS = 2, ADD = 4, BF16 = 8, ODD = 16 };

struct product {
    struct sov_gemm g;
    float *a, *b, *start, *want, *got;
    size_t n_c;
};

static struct sov_gemm_side
side(float **own, size_t n, size_t n_k, bool across, bool odd)
{
    size_t stride = (across ? n : n_k) + 3;
    size_t all = stride * (across ? n_k : n);

    *own = sov_mem_array(all + 1, sizeof(float));
    ck_assert(*own != NULL);
    fill(*own, all, odd);
    return (struct sov_gemm_side){ *own, stride, across };
}

static void
product_open(struct product *p, const struct shape *s, int how)
{
    *p = (struct product){ 0 };
    p->g = (struct sov_gemm){ .bf16 = (how & BF16) != 0,
                              .n_i = s->n_i,
                              .n_j = s->n_j,
                              .n_k = s->n_k,
                              .c_stride = s->n_j + 5,
                              .add = (how & ADD) != 0 };
    p->g.a = side(&p->a, s->n_i, s->n_k, how & A_ACROSS, how & ODD);
    p->g.b = side(&p->b, s->n_j, s->n_k, how & B_ACROSS, how & ODD);
    p->n_c = s->n_i * p->g.c_stride + 1;
    p->start = sov_mem_array(p->n_c, sizeof(float));
    p->want = sov_mem_array(p->n_c, sizeof(float));
    p->got = sov_mem_array(p->n_c, sizeof(float));
    p->g.room = sov_mem_aligned(SOV_GEMM_ROOM, 1);
    ck_assert(p->start != NULL && p->want != NULL && p->got != NULL &&
              p->g.room != NULL);
    fill(p->start, p->n_c, false);
    memcpy(p->want, p->start, p->n_c * sizeof(float));
    plain(&p->g, p->want);
}

static void
product_close(struct product *p)
{
    sov_mem_free_aligned(p->g.room);
    free(p->a);
    free(p->b);
    free(p->start);
    free(p->want);
    free(p->got);
}

/* With one instruction set and so many threads. */
static void
product_is_right(struct product *p, const struct sov_kern *k, unsigned threads,
                 int how)
{
    memcpy(p->got, p->start, p->n_c * sizeof(float));
    memset(p->g.room, 0xff, SOV_GEMM_ROOM);
    p->g.k = k;
    p->g.c = p->got;
    sov_set_threads(threads);
    sov_gemm(&p->g);
    for (size_t i = 0; i < p->n_c; i++)
        ck_assert_msg(memcmp(&p->want[i], &p->got[i], sizeof(float)) == 0 ||
                          (isnan(p->want[i]) && isnan(p->got[i])),
                      "%s, %u threads, %zu %zu %zu, %d, [%zu]: %a %a", k->isa,
                      threads, p->g.n_i, p->g.n_j, p->g.n_k, how, i,
                      (double)p->want[i], (double)p->got[i]);
}

static void
shape_is_right(const struct shape *s, int how)
{
    struct product p;
    unsigned threads = 1;

    product_open(&p, s, how);
    for (size_t i = 0; i < N_ISAS; i++) {
        const struct sov_kern *k = sov_kern_for(isas[i]);

        if (k == NULL)
            continue;
        product_is_right(&p, k, threads, how);
        threads = threads % 3 + 1;
    }
    product_close(&p);
}

START_TEST(small_and_odd)
{
    static const struct shape shapes[] = {
        { 1, 1, 1 },    { 1, 17, 5 },   { 7, 16, 256 }, { 8, 48, 257 },
        { 9, 65, 511 }, { 17, 1, 512 }, { 5, 33, 0 },   { 33, 47, 255 },
        { 16, 64, 2 },  { 3, 130, 3 },  { 0, 4, 4 },    { 4, 0, 4 },
    };
    size_t i;
    int how;

    for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        for (how = 0; how < 32; how++)
            shape_is_right(&shapes[i], how);
}
END_TEST

/* More columns than stay near, more rows than an item, several blocks. */
START_TEST(large)
{
    static const struct shape shape = { 301, 533, 600 };

    for (int how = 0; how < 16; how++) {
        struct product p;

        product_open(&p, &shape, how);
        for (unsigned threads = 1; threads <= 3; threads++)
            product_is_right(&p, sov_kern(), threads, how);
        product_close(&p);
    }
}
END_TEST

/* Packed columns have no room: a few blocks at a time, and parts of them. */
START_TEST(larger_than_the_room)
{
    static const struct shape shapes[] = { { 2, 40, 46000 }, { 3, 8300, 270 } };

    for (size_t i = 0; i < 2; i++)
        for (int how = BF16; how >= 0; how -= BF16) {
            struct product p;

            product_open(&p, &shapes[i], how);
            product_is_right(&p, sov_kern(), 2, how);
            product_close(&p);
        }
    {
        static const struct shape wide = { 2, 16500, 300 };

        shape_is_right(&wide, BF16 | B_ACROSS | ADD);
    }
}
END_TEST

/* A sum over tokens is the same in slabs of SOV_GEMM_K and at once. */
START_TEST(slabs_add_up)
{
    static const struct shape shape = { 30, 40, 700 };
    struct product p;
    struct sov_gemm g;
    size_t k;

    for (int how = 0; how < 16; how += BF16) {
        product_open(&p, &shape, how | A_ACROSS | B_ACROSS | ADD);
        memcpy(p.got, p.start, p.n_c * sizeof(float));
        g = p.g;
        g.k = sov_kern();
        g.c = p.got;
        for (k = 0; k < shape.n_k; k += SOV_GEMM_K) {
            g.n_k = shape.n_k - k < SOV_GEMM_K ? shape.n_k - k : SOV_GEMM_K;
            g.a.x = p.g.a.x + k * g.a.stride;
            g.b.x = p.g.b.x + k * g.b.stride;
            sov_gemm(&g);
        }
        ck_assert(memcmp(p.want, p.got, p.n_c * sizeof(float)) == 0);
        product_close(&p);
    }
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("gemm");

    tcase_add_test(tc, small_and_odd);
    tcase_add_test(tc, large);
    tcase_add_test(tc, larger_than_the_room);
    tcase_add_test(tc, slabs_add_up);
    return unit_main("gemm", tc);
}
