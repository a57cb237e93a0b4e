/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_optim.c - optimisers against their formulas in f64, schedules at their
 * ends, and sums that no order changes
 */
#include "unit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "sov/base.h"
#include "train/optim.h"
#include "train/sum.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ARRAYS_MAX 2

/* Tensors of a kind of model: an embedding of some blocks, gains, matrices
 * that stand, lie, and are square. */
static const struct sov_weight tensors[] = {
    { "token_embd.weight", 48, 1100, 0, true, true },
    { "blk.0.attn_norm.weight", 48, 1, 52800, false, false },
    { "blk.0.attn_q.weight", 48, 48, 52848, true, false },
    { "blk.0.ffn_up.weight", 48, 130, 55152, true, false },
    { "blk.0.ffn_down.weight", 130, 48, 61392, true, false },
    { "output_norm.weight", 48, 1, 67632, false, false },
};

#define N_TENSORS (sizeof(tensors) / sizeof(tensors[0]))
#define COUNT     ((size_t)67680)

struct world {
    struct sov_optim o;
    float w[COUNT], grad[COUNT], state[ARRAYS_MAX][COUNT];
    float *states[ARRAYS_MAX];
    struct sov_optim_step s;
};

static float
normal(uint64_t stream, uint64_t i)
{
    double sum = 0;
    uint64_t j;

    for (j = 0; j < 6; j++)
        sum += sov_rng_unit(5, stream, 6 * i + j);
    return (float)(sum - 3);
}

/* Others at each step, out of a stock of them. */
static void
gradients(struct world *a, uint64_t step)
{
    static float stock[COUNT];
    size_t i;

    for (i = 0; i < COUNT && stock[COUNT - 1] == 0; i++)
        stock[i] = 0.01f * normal(1, i);
    for (i = 0; i < COUNT; i++)
        a->grad[i] = stock[(i + 7919 * step) % COUNT];
}

static struct world *
new_world(const char *name)
{
    struct world *a = sov_mem_array(1, sizeof(*a));
    size_t i;

    ck_assert_ptr_nonnull(a);
    ck_assert_int_eq(sov_optim_find(&a->o, name, NULL), 0);
    ck_assert_uint_le(sov_optim_arrays(&a->o), ARRAYS_MAX);
    for (i = 0; i < COUNT; i++)
        a->w[i] = 0.02f * normal(0, i);
    for (i = 0; i < ARRAYS_MAX; i++)
        a->states[i] = a->state[i];
    a->s = (struct sov_optim_step){ .k = sov_kern(),
                                    .param = tensors,
                                    .n_param = N_TENSORS,
                                    .w = a->w,
                                    .grad = a->grad,
                                    .state = a->states,
                                    .rate = 1 };
    return a;
}

static void
step(struct world *a)
{
    struct sov_err err;

    a->s.step++;
    gradients(a, a->s.step);
    ck_assert_msg(sov_optim_run(&a->o, &a->s, &err) == 0, "%s", err.msg);
}

static bool
same_world(const struct world *a, const struct world *b)
{
    return memcmp(a->w, b->w, sizeof(a->w)) == 0 &&
           memcmp(a->state, b->state, sizeof(a->state)) == 0;
}

static bool
is_matrix(size_t i)
{
    return i < 52800 || (i >= 52848 && i < 67632);
}

/* One unit in the last place of x */
static double
ulp(double x)
{
    return ldexp(1, ilogb(fabs(x) > 1e-30 ? x : 1e-30) - 23);
}

/* What the papers say, in f64, beside what is done in f32: each step from the
 * same numbers, and a thousand steps on its own. */
START_TEST(adamw_is_the_published_one)
{
    static double m[COUNT], v[COUNT], w[COUNT];
    struct world *a = new_world("adamw");
    bool good = true;
    size_t i, t;

    for (i = 0; i < COUNT; i++)
        w[i] = a->w[i];
    sov_set_threads(1);
    a->o.clip = 0;
    a->o.beta2 = 0.999;
    for (t = 1; t <= 1000; t++) {
        static float w0[COUNT], m0[COUNT], v0[COUNT];
        double fade1 = 1 - pow(0.9, (double)t);
        double fade2 = 1 - pow(0.999, (double)t);

        memcpy(w0, a->w, sizeof(w0));
        memcpy(m0, a->state[0], sizeof(m0));
        memcpy(v0, a->state[1], sizeof(v0));
        a->s.rate = t < 500 ? 1 : 0.5;
        step(a);
        for (i = t % 7; i < COUNT; i += 7) {
            double lr = 1e-3 * a->s.rate;
            double g = a->grad[i];
            double m1 = 0.9 * m0[i] + 0.1 * g;
            double v1 = 0.999 * v0[i] + 0.001 * g * g;
            double left = is_matrix(i) ? 1 - lr * 0.1 : 1;
            double move = lr * (m1 / fade1) / (sqrt(v1 / fade2) + 1e-8);
            double w1 = w0[i] * left - move;

            good = good &&
                   fabs(a->state[0][i] - m1) <= ulp(m1) + ulp(m0[i]) + ulp(g) &&
                   fabs(a->state[1][i] - v1) <= 2.5 * ulp(v1) &&
                   fabs(a->w[i] - w1) <= ulp(fmax(fabs(w0[i]), fabs(w1))) +
                                             6e-7 * fabs(move) + 4e-7 * lr;
        }
        ck_assert_msg(good, "step %zu", t);
        for (i = 0; i < COUNT; i++) {
            double lr = 1e-3 * a->s.rate;

            m[i] = 0.9 * m[i] + 0.1 * a->grad[i];
            v[i] = 0.999 * v[i] + 0.001 * a->grad[i] * a->grad[i];
            if (is_matrix(i))
                w[i] -= lr * 0.1 * w[i];
            w[i] -= lr * (m[i] / fade1) / (sqrt(v[i] / fade2) + 1e-8);
        }
    }
    for (i = 0; i < COUNT; i++)
        good = good && fabs(a->w[i] - w[i]) <= 5e-7;
    ck_assert(good);
    sov_set_threads(0);
    free(a);
}
END_TEST

/* A table worked out by hand with exact numbers: one weight of 1, gradients
 * 0.5, -0.25, 1; betas 0.5 and 0.75, rate 0.1, decay 0.5, eps 0. */
START_TEST(adamw_by_hand)
{
    const struct sov_weight one = { "w", 1, 1, 0, true, false };
    const float grads[3] = { 0.5f, -0.25f, 1 };
    const double m[3] = { 0.25, 0, 0.5 };
    const double v[3] = { 0.0625, 0.0625, 0.296875 };
    struct world *a = new_world("adamw");
    double w = 1;
    int t;

    a->o.lr = 0.1;
    a->o.beta1 = 0.5;
    a->o.beta2 = 0.75;
    a->o.eps = 0;
    a->o.decay = 0.5;
    a->o.clip = 0;
    a->s.param = &one;
    a->s.n_param = 1;
    a->w[0] = 1;
    for (t = 0; t < 3; t++) {
        static const double fade1[3] = { 0.5, 0.75, 0.875 };
        static const double fade2[3] = { 0.25, 0.4375, 0.578125 };

        a->s.step++;
        a->grad[0] = grads[t];
        ck_assert_int_eq(sov_optim_run(&a->o, &a->s, NULL), 0);
        w = w * 0.95 - 0.1 * (m[t] / fade1[t]) / sqrt(v[t] / fade2[t]);
        ck_assert_float_eq(a->state[0][0], (float)m[t]);
        ck_assert_float_eq(a->state[1][0], (float)v[t]);
        ck_assert_double_le(fabs(a->w[0] - w), 1.2e-7);
    }
    free(a);
}
END_TEST

START_TEST(clipping_shortens)
{
    struct world *a = new_world("adamw");
    struct world *b = new_world("adamw");
    double sum = 0;
    double norm;
    size_t i;

    gradients(a, 1);
    for (i = 0; i < COUNT; i++)
        sum += (double)a->grad[i] * a->grad[i];
    norm = sov_optim_norm(&a->s);
    ck_assert_double_le(fabs(norm - sqrt(sum)), 1e-12 * norm);
    a->o.clip = norm / 4; /* a power of two: exact */
    b->o.clip = 0;
    a->s.step = b->s.step = 1;
    for (i = 0; i < COUNT; i++)
        b->grad[i] = a->grad[i] / 4;
    ck_assert_int_eq(sov_optim_run(&a->o, &a->s, NULL), 0);
    ck_assert_int_eq(sov_optim_run(&b->o, &b->s, NULL), 0);
    ck_assert(same_world(a, b));
    free(a);
    free(b);
}
END_TEST

static const char *const names[] = { "adamw", "muon" };

START_TEST(threads_are_not_seen)
{
    struct world *a = new_world(names[_i]);
    struct world *b = new_world(names[_i]);
    unsigned threads;
    int t;

    sov_set_threads(1);
    for (t = 0; t < 3; t++)
        step(a);
    for (threads = 2; threads <= 3; threads++) {
        sov_set_threads(threads);
        free(b);
        b = new_world(names[_i]);
        for (t = 0; t < 3; t++)
            step(b);
        ck_assert(same_world(a, b));
    }
    sov_set_threads(0);
    free(a);
    free(b);
}
END_TEST

START_TEST(instruction_sets_are_not_seen)
{
    static const char *const isas[] = { "generic", "avx2", "avx512", "neon" };
    struct world *a = new_world("adamw");
    size_t i;
    int t;

    for (t = 0; t < 3; t++)
        step(a);
    for (i = 0; i < sizeof(isas) / sizeof(isas[0]); i++) {
        struct world *b = new_world("adamw");

        b->s.k = sov_kern_for(isas[i]);
        for (t = 0; t < 3 && b->s.k != NULL; t++)
            step(b);
        ck_assert(b->s.k == NULL || same_world(a, b));
        free(b);
    }
    free(a);
}
END_TEST

/* Frozen tensors are as they were, with their state, and count in no norm. */
START_TEST(frozen_tensors_stay)
{
    const bool frozen[N_TENSORS] = { true, false, false, true, false, false };
    struct world *a = new_world(names[_i]);
    struct world *b = new_world(names[_i]);
    size_t i, j;

    a->s.frozen = frozen;
    step(a);
    for (i = 0; i < N_TENSORS; i++) {
        const struct sov_weight *p = &tensors[i];

        for (j = p->at; j < p->at + p->n_in * p->n_out; j++) {
            if (!frozen[i])
                continue;
            ck_assert(memcmp(&a->w[j], &b->w[j], sizeof(float)) == 0);
            ck_assert(a->state[0][j] == 0 && a->state[1][j] == 0);
            a->grad[j] = 0;
        }
    }
    gradients(a, 1);
    gradients(b, 1);
    for (i = 0; i < COUNT; i++)
        if (i < 52800 || (i >= 55152 && i < 61392))
            b->grad[i] = 0;
    ck_assert_double_eq(sov_optim_norm(&a->s), sov_optim_norm(&b->s));
    free(a);
    free(b);
}
END_TEST

START_TEST(what_is_not_kept_stays_zero)
{
    static uint8_t keep[COUNT / 8 + 1];
    struct world *a = new_world(names[_i]);
    size_t i;
    int t;

    for (i = 0; i < COUNT; i++) {
        if (sov_rng_unit(5, 77, i) < 0.5)
            keep[i / 8] |= (uint8_t)(1 << i % 8);
        else
            a->w[i] = 0;
    }
    a->s.keep = keep;
    for (t = 0; t < 5; t++)
        step(a);
    for (i = 0; i < COUNT; i++) {
        uint32_t bits;

        memcpy(&bits, &a->w[i], sizeof(bits));
        ck_assert((keep[i / 8] >> i % 8 & 1) != 0 ? bits != 0 : bits == 0);
    }
    free(a);
}
END_TEST

/* n ranks, each with the state of its part, exchanging squares and weights. */
static void
sharded_steps(struct world *a, const uint64_t *at, size_t n, int steps)
{
    size_t blocks = sov_optim_blocks(tensors, N_TENSORS);
    static float grad[COUNT];
    double squares[64], all[64];
    struct sov_optim_step whole = a->s;
    size_t i, j;
    int t;

    ck_assert_uint_le(blocks, 64);
    for (t = 1; t <= steps; t++) {
        gradients(a, t);
        memcpy(grad, a->grad, sizeof(grad));
        memset(all, 0, sizeof(all));
        for (i = 0; i < n; i++) {
            a->s = whole;
            a->s.from = at[i];
            a->s.to = at[i + 1];
            if (at[i] == at[i + 1])
                continue;
            sov_optim_squares(&a->s, squares);
            for (j = 0; j < blocks; j++)
                all[j] += squares[j];
        }
        for (i = 0; i < n; i++) {
            float *part[ARRAYS_MAX];

            if (at[i] == at[i + 1])
                continue;
            memcpy(a->grad, grad, sizeof(grad));
            for (j = 0; j < ARRAYS_MAX; j++)
                part[j] = a->state[j] + at[i];
            a->s = whole;
            a->s.from = at[i];
            a->s.to = at[i + 1];
            a->s.state = part;
            a->s.norm = sov_optim_norm_of(all, blocks);
            a->s.step = t;
            ck_assert_int_eq(sov_optim_run(&a->o, &a->s, NULL), 0);
        }
    }
    a->s = whole;
}

START_TEST(parts_are_the_whole)
{
    struct world *a = new_world(names[_i]);
    size_t n, i;
    int t;

    a->o.clip = 0.5;
    for (t = 0; t < 3; t++)
        step(a);
    for (n = 1; n <= 9; n++) {
        struct world *b = new_world(names[_i]);
        uint64_t at[10];

        b->o.clip = 0.5;
        sov_optim_cut(&b->o, tensors, N_TENSORS, NULL, n, at);
        ck_assert_uint_eq(at[0], 0);
        ck_assert_uint_eq(at[n], COUNT);
        for (i = 0; i < n; i++)
            ck_assert_uint_le(at[i], at[i + 1]);
        if (n == 2 && _i == 0) { /* blocks of 16384: no more than half of it */
            ck_assert_uint_ge(at[1], COUNT / 2 - 8192);
            ck_assert_uint_le(at[1], COUNT / 2 + 8192);
        }
        sharded_steps(b, at, n, 3);
        ck_assert(same_world(a, b));
        free(b);
    }
    free(a);
}
END_TEST

START_TEST(what_is_not_finite_is_refused)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct world *a = new_world(names[_i]);
        struct world *b = new_world(names[_i]);
        struct sov_err err;

        step(a);
        step(b);
        a->s.step++;
        a->grad[60000 + i] = bad[i];
        ck_assert_int_eq(sov_optim_run(&a->o, &a->s, &err), SOV_ENO);
        ck_assert(strstr(err.msg, "not finite") != NULL);
        ck_assert(same_world(a, b));
        free(a);
        free(b);
    }
}
END_TEST

START_TEST(names_are_found)
{
    struct sov_optim o;
    struct sov_err err;

    ck_assert_int_eq(sov_optim_find(&o, "muon", &err), 0);
    ck_assert_str_eq(sov_optim_name(&o), "muon");
    ck_assert_str_eq(sov_optim_at(0), "adamw");
    ck_assert_ptr_null(sov_optim_at(2));
    ck_assert_int_eq(sov_optim_find(&o, "sgd", &err), SOV_EARG);
    ck_assert_str_eq(err.msg, "no optimiser sgd; there are adamw, muon");
}
END_TEST

/* ---- Muon */

/* The update of a matrix of rows x cols with these gradients, at rate 1 over
 * what the size multiplies it by: near orthogonal. */
static void
muon_update(size_t rows, size_t cols, const float *grad, float *update)
{
    struct sov_weight p = { "w", cols, rows, 0, true, false };
    float *room[3];
    struct sov_optim_step s = { .k = sov_kern(),
                                .param = &p,
                                .n_param = 1,
                                .w = update,
                                .grad = room[2] = sov_mem_array(rows * cols, 4),
                                .state = room,
                                .step = 1,
                                .rate = 1 };
    struct sov_optim o;
    double by;
    size_t i;

    room[0] = sov_mem_array(rows * cols, sizeof(float));
    room[1] = sov_mem_array(rows * cols, sizeof(float));
    ck_assert(room[0] != NULL && room[1] != NULL && room[2] != NULL);
    memcpy(room[2], grad, rows * cols * sizeof(float));
    memset(update, 0, rows * cols * sizeof(float));
    ck_assert_int_eq(sov_optim_find(&o, "muon", NULL), 0);
    o.lr = 1;
    o.clip = 0;
    ck_assert_int_eq(sov_optim_run(&o, &s, NULL), 0);
    by = 0.2 * sqrt((double)(rows > cols ? rows : cols));
    for (i = 0; i < rows * cols; i++)
        update[i] = (float)(-update[i] / by);
    for (i = 0; i < 3; i++)
        free(room[i]);
}

/* The eigenvalues of a symmetric matrix, by turning pairs (Jacobi). */
static void
eigenvalues(double *a, size_t n, double *value)
{
    size_t i, j, k;
    int sweep;

    for (sweep = 0; sweep < 12; sweep++)
        for (i = 0; i < n; i++)
            for (j = i + 1; j < n; j++) {
                double by = a[i * n + j];
                double at, t, c, s;

                if (fabs(by) < 1e-14)
                    continue;
                at = (a[j * n + j] - a[i * n + i]) / (2 * by);
                t = (at < 0 ? -1 : 1) / (fabs(at) + sqrt(at * at + 1));
                c = 1 / sqrt(t * t + 1);
                s = t * c;
                for (k = 0; k < n; k++) {
                    double x = a[k * n + i];
                    double y = a[k * n + j];

                    a[k * n + i] = c * x - s * y;
                    a[k * n + j] = s * x + c * y;
                }
                for (k = 0; k < n; k++) {
                    double x = a[i * n + k];
                    double y = a[j * n + k];

                    a[i * n + k] = c * x - s * y;
                    a[j * n + k] = s * x + c * y;
                }
            }
    for (i = 0; i < n; i++)
        value[i] = a[i * n + i];
}

/* Singular values of [m][k], m <= k: largest and smallest. */
static void
singular(const float *x, size_t m, size_t k, double *most, double *least)
{
    double *a = sov_mem_array(m * m, sizeof(*a));
    double *value = sov_mem_array(m, sizeof(*value));
    size_t i, j, l;

    ck_assert(a != NULL && value != NULL);
    for (i = 0; i < m; i++)
        for (j = 0; j < m; j++)
            for (l = 0; l < k; l++)
                a[i * m + j] += (double)x[i * k + l] * x[j * k + l];
    eigenvalues(a, m, value);
    *most = 0;
    *least = INFINITY;
    for (i = 0; i < m; i++) {
        double v = sqrt(value[i] > 0 ? value[i] : 0);

        *most = v > *most ? v : *most;
        *least = v < *least ? v : *least;
    }
    free(a);
    free(value);
}

#define M_MAX 70
#define K_MAX 160

START_TEST(muon_updates_are_near_orthogonal)
{
    static const size_t shapes[][2] = {
        { 64, 160 }, { 1, 9 }, { 17, 40 }, { 48, 96 }, { 70, 151 }
    };
    static float g[M_MAX * K_MAX], u[M_MAX * K_MAX];
    size_t s, i;

    for (s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
        size_t m = shapes[s][0];
        size_t k = shapes[s][1];
        double most, least;

        for (i = 0; i < m * k; i++)
            g[i] = normal(20 + s, i);
        muon_update(m, k, g, u);
        singular(u, m, k, &most, &least);
        ck_assert_double_le(most, 1.3);
        ck_assert_double_ge(least, 0.6);
    }
}
END_TEST

START_TEST(muon_does_not_see_scale)
{
    static float g[M_MAX * K_MAX], u[M_MAX * K_MAX], v[M_MAX * K_MAX];
    size_t n = 40 * 90;
    size_t i;

    for (i = 0; i < n; i++)
        g[i] = normal(30, i);
    muon_update(40, 90, g, u);
    for (i = 0; i < n; i++)
        g[i] = ldexpf(g[i], -30);
    muon_update(40, 90, g, v);
    ck_assert_mem_eq(u, v, n * sizeof(float));
    for (i = 0; i < n; i++)
        g[i] *= 3.7e5f;
    muon_update(40, 90, g, v);
    for (i = 0; i < n; i++)
        ck_assert_float_le(fabsf(u[i] - v[i]), 3e-6f);
    memset(g, 0, sizeof(g));
    muon_update(40, 90, g, v);
    for (i = 0; i < n; i++)
        ck_assert(v[i] == 0);
}
END_TEST

START_TEST(muon_stands_as_it_lies)
{
    static float g[M_MAX * K_MAX], h[M_MAX * K_MAX];
    static float u[M_MAX * K_MAX], v[M_MAX * K_MAX];
    size_t m = 37;
    size_t k = 90;
    size_t i, j;

    for (i = 0; i < m; i++)
        for (j = 0; j < k; j++)
            g[i * k + j] = h[j * m + i] = normal(31, i * k + j);
    muon_update(m, k, g, u);
    muon_update(k, m, h, v);
    for (i = 0; i < m; i++)
        for (j = 0; j < k; j++)
            ck_assert(u[i * k + j] == v[j * m + i]);
}
END_TEST

/* More rows than a band of the symmetric products: against all of them, in
 * f64. */
START_TEST(muon_in_bands)
{
    enum { M = 300, K = 310 };
    static float g[M * K], u[M * K];
    static double x[M * K], y[M * K], a[M * M], b[M * M];
    double norm = 0;
    size_t i, j, l;
    int t;

    for (i = 0; i < M * K; i++) {
        g[i] = normal(32, i);
        norm += (double)g[i] * g[i];
    }
    for (i = 0; i < M * K; i++)
        x[i] = g[i] / sqrt(norm);
    for (t = 0; t < 5; t++) {
        memset(a, 0, sizeof(a));
        memset(b, 0, sizeof(b));
        for (i = 0; i < M; i++)
            for (j = 0; j < M; j++)
                for (l = 0; l < K; l++)
                    a[i * M + j] += x[i * K + l] * x[j * K + l];
        for (i = 0; i < M; i++)
            for (l = 0; l < M; l++)
                for (j = 0; j < M; j++)
                    b[i * M + j] += 2.0315 * a[i * M + l] * a[l * M + j];
        for (i = 0; i < M * M; i++)
            b[i] -= 4.7750 * a[i];
        for (i = 0; i < M * K; i++)
            y[i] = 3.4445 * x[i];
        for (i = 0; i < M; i++)
            for (l = 0; l < M; l++)
                for (j = 0; j < K; j++)
                    y[i * K + j] += b[i * M + l] * x[l * K + j];
        memcpy(x, y, sizeof(x));
    }
    muon_update(M, K, g, u);
    for (i = 0; i < M * K; i++)
        ck_assert_double_le(fabs(u[i] - x[i]), 2e-5);
}
END_TEST

/* ---- schedules */

static double
at(const char *text, uint64_t warmup, uint64_t n, double floor, uint64_t step)
{
    struct sov_schedule s = { .warmup = warmup, .n = n, .floor = floor };
    struct sov_err err;

    ck_assert_msg(sov_schedule_parse(&s, text, &err) == 0, "%s", err.msg);
    return sov_schedule_at(&s, step);
}

static bool
near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

START_TEST(schedules_at_their_ends)
{
    static const char *const all[] = { "cosine", "wsd", "wsd:0.5", "constant" };
    size_t i;

    for (i = 0; i < 4; i++) {
        ck_assert(near(at(all[i], 10, 100, 0.1, 1), 0.1));
        ck_assert(near(at(all[i], 10, 100, 0.1, 5), 0.5));
        ck_assert(near(at(all[i], 10, 100, 0.1, 10), 1));
        ck_assert(near(at(all[i], 10, 100, 0.1, 100), i < 3 ? 0.1 : 1));
        ck_assert(near(at(all[i], 10, 100, 0.1, 500), i < 3 ? 0.1 : 1));
        ck_assert(at(all[i], 0, 100, 0, 1) > 0.99);
        ck_assert(at(all[i], 0, 1, 0, 1) >= 0);
        ck_assert(at(all[i], 200, 100, 0, 100) <= 0.5);
    }
    ck_assert(near(at("cosine", 10, 100, 0.1, 55), 0.55));
    ck_assert(near(at("cosine", 0, 90, 0, 30), 0.75));
    ck_assert(near(at("wsd:0.5", 10, 100, 0.1, 50), 1));
    ck_assert(near(at("wsd:0.5", 10, 100, 0.1, 75), 0.55));
    ck_assert(near(at("wsd", 10, 100, 0.1, 70), 1));
    ck_assert(near(at("wsd:1", 0, 100, 0, 25), 0.75));
}
END_TEST

START_TEST(schedules_that_are_none)
{
    static const char *const bad[] = { "",        "cos",     "cosine:1",
                                       "wsd:",    "wsd:0",   "wsd:-1",
                                       "wsd:1.1", "wsd:nan", "wsd:0.",
                                       "wsd:1x",  "Constant" };
    struct sov_schedule s = { 0 };
    struct sov_err err;
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(sov_schedule_parse(&s, bad[i], &err), SOV_EARG);
    ck_assert_ptr_null(s.row);
    ck_assert_int_eq(sov_schedule_parse(&s, "linear", &err), SOV_EARG);
    ck_assert_str_eq(err.msg, "no schedule linear; there are cosine, "
                              "wsd[:SHARE], constant");
}
END_TEST

/* ---- sums */

#define SUM_N 40001

/* Twelve units, in orders and by threads and kernels that differ. */
START_TEST(sums_have_no_order)
{
    static const char *const isas[] = { "generic", "avx2", "avx512", "neon" };
    static float x[12][SUM_N], y[SUM_N], z[SUM_N];
    static int64_t want[SUM_N], sum[SUM_N];
    size_t u, i, turn;

    for (u = 0; u < 12; u++)
        for (i = 0; i < SUM_N; i++)
            x[u][i] = ldexpf(normal(50 + u, i), (int)(i % 40) - 28);
    for (u = 0; u < 12; u++)
        ck_assert_int_eq(sov_fix_add(sov_kern(), want, x[u], SUM_N, NULL), 0);
    sov_fix_get(sov_kern(), want, 1 / 3e3, y, SUM_N);
    for (turn = 0; turn < 12; turn++) {
        const struct sov_kern *k = sov_kern_for(isas[turn % 4]);

        k = k != NULL ? k : sov_kern();
        sov_set_threads(turn % 3 + 1);
        memset(sum, 0, sizeof(sum));
        for (u = 0; u < 12; u++)
            ck_assert_int_eq(
                sov_fix_add(k, sum, x[(5 * u + turn) % 12], SUM_N, NULL), 0);
        ck_assert_mem_eq(sum, want, sizeof(sum));
        sov_fix_get(k, sum, 1 / 3e3, z, SUM_N);
        ck_assert_mem_eq(y, z, sizeof(y));
    }
    sov_set_threads(0);
    for (i = 0; i < SUM_N; i++) {
        double exact = 0;

        for (u = 0; u < 12; u++)
            exact += x[u][i];
        ck_assert_double_le(fabs(y[i] - exact / 3e3),
                            (6 * ldexp(1, -35) + 6e-8 * fabs(exact)) / 3e3);
    }
}
END_TEST

START_TEST(sums_have_room)
{
    static int64_t sum[2];
    float x[2] = { nextafterf(65536, 0), -nextafterf(65536, 0) };
    float y[2];
    struct sov_err err;
    int i;

    for (i = 0; i < SOV_FIX_TERMS; i++)
        ck_assert_int_eq(sov_fix_add(sov_kern(), sum, x, 2, &err), 0);
    sov_fix_get(sov_kern(), sum, 1.0 / SOV_FIX_TERMS, y, 2);
    ck_assert(y[0] == x[0] && y[1] == x[1]);
    x[1] = 65536;
    ck_assert_int_eq(sov_fix_add(sov_kern(), sum, x, 2, &err), SOV_ENO);
    ck_assert_str_eq(err.msg, "training has diverged: of the gradients: a "
                              "number is not finite, or 65536 or more");
    x[1] = NAN;
    ck_assert_int_eq(sov_fix_add(sov_kern(), sum, x, 2, &err), SOV_ENO);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("optim");

    tcase_add_test(tc, adamw_is_the_published_one);
    tcase_add_test(tc, adamw_by_hand);
    tcase_add_test(tc, clipping_shortens);
    tcase_add_loop_test(tc, threads_are_not_seen, 0, 2);
    tcase_add_test(tc, instruction_sets_are_not_seen);
    tcase_add_loop_test(tc, frozen_tensors_stay, 0, 2);
    tcase_add_loop_test(tc, what_is_not_kept_stays_zero, 0, 2);
    tcase_add_loop_test(tc, parts_are_the_whole, 0, 2);
    tcase_add_loop_test(tc, what_is_not_finite_is_refused, 0, 2);
    tcase_add_test(tc, names_are_found);
    tcase_add_test(tc, muon_updates_are_near_orthogonal);
    tcase_add_test(tc, muon_does_not_see_scale);
    tcase_add_test(tc, muon_stands_as_it_lies);
    tcase_add_test(tc, muon_in_bands);
    tcase_add_test(tc, schedules_at_their_ends);
    tcase_add_test(tc, schedules_that_are_none);
    tcase_add_test(tc, sums_have_no_order);
    tcase_add_test(tc, sums_have_room);
    return unit_main("optim", tc);
}
