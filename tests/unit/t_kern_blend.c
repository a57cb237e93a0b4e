/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_kern_blend.c - the kernels of attention in training: every instruction set
 * against kern/generic, and that against plain sums
 */
#include "unit.h"

#include "base/rng.h"
#include "kern/kern.h"
#include "tensor/half.h"

#include <math.h>
#include <string.h>

static const char *const isas[] = { "generic", "avx2",       "avxvnni",
                                    "avx512",  "avx512vbmi", "avx512bf16",
                                    "neon" };

#define N_ISAS (sizeof(isas) / sizeof(isas[0]))

static uint64_t counter;

/* kind 0: ordinary; 1: now and then any bits at all */
static void
fill(float *x, size_t n, int kind)
{
    uint32_t r[4];
    size_t i;

    for (i = 0; i < n; i++) {
        if (i % 4 == 0)
            sov_rng_block(9, 2, counter++, r);
        x[i] = (float)(int32_t)r[i % 4] / 1073741824.0f;
        if (kind == 1 && r[i % 4] % 5 == 0)
            x[i] = sov_f32_from_bits(r[i % 4] * 2654435761u);
    }
}

static void
assert_same(const float *a, const float *b, size_t n, const char *what,
            const char *isa)
{
    size_t i;

    /* Check writes to a file at each of its own */
    for (i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof(*a)) != 0 &&
            !(isnan(a[i]) && isnan(b[i])))
            break;
    ck_assert_msg(i == n, "%s %s [%zu of %zu]: %a %a", isa, what, i, n,
                  (double)a[i < n ? i : 0], (double)b[i < n ? i : 0]);
}

enum { A_MAX = 19, T_MAX = 40, N_MAX = 160, WIDE = N_MAX + 3 };

static float a[A_MAX * T_MAX + 64], b[T_MAX * WIDE];
static float y[A_MAX * WIDE], z[A_MAX * WIDE];

/* The sums themselves, as kern.h says. */
static void
plain(const struct sov_blend *m)
{
    size_t i, j, t;

    for (i = 0; i < m->n_a; i++)
        for (j = 0; j < m->n; j++) {
            float s = m->more ? m->y[i * m->y_stride + j] : 0;

            for (t = 0; t < m->n_t; t++)
                s = fmaf(m->a[i * m->a_row + t * m->a_step],
                         m->b[t * m->b_stride + j], s);
            m->y[i * m->y_stride + j] = s;
        }
}

static void
blends_agree(struct sov_blend m, int kind)
{
    static float was[A_MAX * WIDE];

    fill(a, A_MAX * T_MAX + 64, kind);
    fill(b, T_MAX * WIDE, kind);
    fill(was, A_MAX * WIDE, kind);
    memcpy(y, was, sizeof(y));
    m.a = a;
    m.b = b;
    m.y = y;
    plain(&m);
    m.y = z;
    for (size_t s = 0; s < N_ISAS; s++) {
        const struct sov_kern *k = sov_kern_for(isas[s]);

        if (k == NULL)
            continue;
        memcpy(z, was, sizeof(z));
        k->blend(&m);
        assert_same(y, z, A_MAX * WIDE, "blend", isas[s]);
    }
}

START_TEST(blends)
{
    static const size_t lens[] = { 0, 1, 2, 7, 40 };
    size_t n_a, n, t;

    for (n_a = 0; n_a <= A_MAX; n_a += n_a < 6 ? 1 : n_a / 2)
        for (n = 0; n <= N_MAX; n += n < 96 ? 16 : 64)
            for (t = 0; t < sizeof(lens) / sizeof(lens[0]); t++) {
                struct sov_blend m = { .a_row = T_MAX,
                                       .a_step = 1,
                                       .n_a = n_a,
                                       .b_stride = WIDE,
                                       .n_t = lens[t],
                                       .y_stride = WIDE,
                                       .n = n };

                blends_agree(m, 0);
                blends_agree(m, 1);
                m.more = true;
                blends_agree(m, (int)(n / 16 % 2));
                m.a_row = 1;
                m.a_step = A_MAX;
                blends_agree(m, (int)(n / 16 % 2));
            }
}
END_TEST

START_TEST(powers)
{
    static float x[200], g[200], p[200], h[200], r[200];
    const struct sov_kern *gen = sov_kern_for("generic");
    size_t s, n;

    for (s = 0; s < N_ISAS; s++)
        for (n = 0; n <= 200; n += n < 70 ? 1 : 13) {
            const struct sov_kern *k = sov_kern_for(isas[s]);
            float sum, same_sum;

            if (k == NULL)
                continue;
            fill(x, 200, (int)(n % 2));
            fill(g, 200, (int)(n % 2));
            memcpy(p, x, sizeof(p));
            memcpy(h, g, sizeof(h));
            memcpy(r, x, sizeof(r));
            gen->exp(r, n, 0.75f);
            sum = gen->sum(r, n);
            same_sum = k->exp_sum(p, n, 0.75f);
            assert_same(r, p, 200, "exp_sum", isas[s]);
            assert_same(&sum, &same_sum, 1, "exp_sum", isas[s]);
            memcpy(p, x, sizeof(p));
            k->exp_back(p, h, n, 0.75f, -0.5f);
            assert_same(r, p, 200, "exp_back", isas[s]);
            for (size_t i = 0; i < n; i++)
                g[i] = r[i] * (g[i] - -0.5f);
            assert_same(g, h, 200, "exp_back", isas[s]);
        }
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("kern_blend");

    tcase_add_test(tc, blends);
    tcase_add_test(tc, powers);
    return unit_main("kern_blend", tc);
}
