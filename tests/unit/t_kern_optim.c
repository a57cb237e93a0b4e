/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_kern_optim.c - steps of training and sums in fixed point: every
 * instruction set against kern/generic, and that against plain arithmetic
 */
#include "unit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "kern/kern.h"
#include "tensor/half.h"

#include <math.h>
#include <string.h>

#define N_MAX 131

static const char *const isas[] = { "avx2", "avx512", "neon" };

#define N_ISAS (sizeof(isas) / sizeof(isas[0]))

static uint64_t counter;

static uint32_t
random32(void)
{
    static uint32_t out[4];

    if (counter % 4 == 0)
        sov_rng_block(13, 1, counter / 4, out);
    return out[counter++ % 4];
}

static float
ordinary(void)
{
    return (float)(int32_t)random32() / 1e9f;
}

static float
any(void)
{
    return sov_f32_from_bits(random32());
}

/* Which NaN it is is not fixed. */
static bool
same(const float *a, const float *b, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof(*a)) != 0 &&
            !(isnan(a[i]) && isnan(b[i])))
            return false;
    return true;
}

/* Gradients, two moments and weights, with something behind them. */
struct arrays {
    float g[N_MAX + 1], m[N_MAX + 1], v[N_MAX + 1], w[N_MAX + 1];
};

static void
fill(struct arrays *x, bool wild)
{
    size_t i;

    for (i = 0; i <= N_MAX; i++) {
        x->g[i] = wild ? any() : ordinary();
        x->m[i] = wild ? any() : ordinary();
        x->v[i] = wild ? any() : fabsf(ordinary());
        x->w[i] = wild ? any() : ordinary();
    }
}

static const struct sov_adamw numbers = { .by = 0.7f,
                                          .a1 = 0.1f,
                                          .a2 = 0.05f,
                                          .rate = 2e-3f,
                                          .norm = 1.7f,
                                          .eps = 1e-8f,
                                          .decay = 1e-4f };

START_TEST(steps_agree)
{
    const struct sov_kern *g = sov_kern_for("generic");
    static struct arrays x, a, b;
    size_t i, n;
    int wild;

    for (i = 0; i < N_ISAS; i++) {
        const struct sov_kern *k = sov_kern_for(isas[i]);

        if (k == NULL)
            continue;
        for (n = 0; n <= N_MAX; n++)
            for (wild = 0; wild < 2; wild++) {
                fill(&x, wild);
                a = x;
                b = x;
                g->adamw(&numbers, a.g, a.m, a.v, a.w, n);
                k->adamw(&numbers, b.g, b.m, b.v, b.w, n);
                ck_assert(same(a.m, b.m, N_MAX + 1));
                ck_assert(same(a.v, b.v, N_MAX + 1));
                ck_assert(same(a.w, b.w, N_MAX + 1));
                ck_assert(same(b.w + n, x.w + n, N_MAX + 1 - n));
            }
    }
}
END_TEST

START_TEST(a_step_is_what_it_says)
{
    const struct sov_kern *k = sov_kern_for("generic");
    static struct arrays x, a;
    size_t i;

    fill(&x, false);
    a = x;
    k->adamw(&numbers, a.g, a.m, a.v, a.w, N_MAX);
    for (i = 0; i < N_MAX; i++) {
        double g = (double)x.g[i] * 0.7f;
        double m = (1 - (double)0.1f) * x.m[i] + (double)0.1f * g;
        double v = (1 - (double)0.05f) * x.v[i] + (double)0.05f * g * g;
        double w = (1 - (double)1e-4f) * x.w[i] -
                   m * (double)2e-3f / (sqrt(v * (double)1.7f) + 1e-8);

        ck_assert(fabs(a.m[i] - m) <= 3e-7);
        ck_assert(fabs(a.v[i] - v) <= 3e-7 * v);
        ck_assert(fabs(a.w[i] - w) <= 2e-7);
    }
}
END_TEST

/* Halves of units, what is near the limit, and any bits. */
static float
number(size_t i)
{
    float near = i % 2 == 0 ? 65536.0f : -65536.0f;

    switch (random32() % 5) {
    case 0:
        return ldexpf((float)((int32_t)random32() >> 12) + 0.5f, -35);
    case 1:
        return nextafterf(near, random32() % 2 == 0 ? 0 : 2 * near);
    case 2:
        return any();
    default:
        return ordinary();
    }
}

START_TEST(sums_agree)
{
    const struct sov_kern *g = sov_kern_for("generic");
    static float x[N_MAX + 1], y[N_MAX + 1], z[N_MAX + 1];
    static int64_t from[N_MAX + 1], a[N_MAX + 1], b[N_MAX + 1];
    size_t i, j, n;

    for (i = 0; i < N_ISAS; i++) {
        const struct sov_kern *k = sov_kern_for(isas[i]);

        if (k == NULL)
            continue;
        for (n = 0; n <= N_MAX; n++) {
            bool good;

            for (j = 0; j <= N_MAX; j++) {
                x[j] = n % 3 == 0 ? ordinary() : number(j);
                from[j] = (int64_t)((uint64_t)random32() << 32 | random32());
                from[j] >>= random32() % 64;
                a[j] = b[j] = from[j] / 2;
                y[j] = z[j] = 5;
            }
            good = g->fix_add(a, x, 0x1p35, n);
            ck_assert(k->fix_add(b, x, 0x1p35, n) == good);
            ck_assert(n % 3 != 0 || good);
            ck_assert_mem_eq(a, b, sizeof(a));
            g->fix_get(from, 0x1p-35 / 3, y, n);
            k->fix_get(from, 0x1p-35 / 3, z, n);
            ck_assert_mem_eq(y, z, sizeof(y));
        }
    }
}
END_TEST

START_TEST(a_sum_is_what_it_says)
{
    const struct sov_kern *k = sov_kern_for("generic");
    const float x[] = { 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 3.25f, -7 };
    const int64_t want[] = { 0, 2, 2, 0, -2, 3, -7 };
    const float bad[] = { 0x1p51f, -0x1p51f, INFINITY, -INFINITY, NAN };
    int64_t sum[7] = { 0 };
    float y = 0;
    size_t i;

    ck_assert(k->fix_add(sum, x, 1, 7));
    ck_assert_mem_eq(sum, want, sizeof(want));
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert(!k->fix_add(sum, &bad[i], 1, 1));
        ck_assert(sum[0] == 0);
    }
    y = nextafterf(0x1p51f, 0);
    ck_assert(k->fix_add(sum, &y, 1, 1));
    ck_assert(sum[0] == (int64_t)y);
    k->fix_get(want + 6, 0.5, &y, 1);
    ck_assert(y == -3.5f);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("kern_optim");

    tcase_add_test(tc, steps_agree);
    tcase_add_test(tc, a_step_is_what_it_says);
    tcase_add_test(tc, sums_agree);
    tcase_add_test(tc, a_sum_is_what_it_says);
    return unit_main("kern_optim", tc);
}
