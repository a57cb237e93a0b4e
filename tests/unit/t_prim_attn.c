/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_prim_attn.c - attention and positions in f32: against plain loops in f64,
 * and the same bits from every instruction set and any number of threads
 *
 * Against f64: the root of the sum of squared differences is at most 1e-5 of
 * that of the numbers.  A score is a chain of up to 128 roundings of 2^-24,
 * and its error is one of an exponent, so of all that comes behind; rounding
 * errors are independent enough that their root mean square counts: 20 * 2^-24
 * = 1.2e-6, times what gradients cancel.
 */
#include "unit.h"

#include "prim_ref.h"

#include "base/mem.h"
#include "base/rng.h"
#include "sov/base.h"
#include "train/prim.h"

#include <math.h>
#include <string.h>

#define TOLERANCE 1e-5
#define BORDER    -77.0f /* what lies between rows */

static const char *const isas[] = { "generic", "avx2", "avx512", "avx512bf16",
                                    "neon" };

#define N_ISAS (sizeof(isas) / sizeof(isas[0]))

static float *
numbers(size_t n, uint64_t from)
{
    float *x = sov_mem_array(n, sizeof(*x));
    size_t i;

    ck_assert_ptr_nonnull(x);
    for (i = 0; i < n; i++)
        x[i] = (float)(4 * sov_rng_unit(3, 7, from + i) - 2);
    return x;
}

static float *
filled(size_t n, float with)
{
    float *x = sov_mem_array(n, sizeof(*x));
    size_t i;

    ck_assert_ptr_nonnull(x);
    for (i = 0; i < n; i++)
        x[i] = with;
    return x;
}

static double *
doubles(const float *x, size_t n)
{
    double *y = sov_mem_array(n, sizeof(*y));
    size_t i;

    ck_assert_ptr_nonnull(y);
    for (i = 0; i < n; i++)
        y[i] = (double)x[i];
    return y;
}

static void
assert_near(const float *x, const double *y, size_t n, const char *what)
{
    double apart = 0, size = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        apart += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
        size += y[i] * y[i];
    }
    ck_assert_msg(sqrt(apart) <= TOLERANCE * sqrt(size), "%s: %g of %g", what,
                  sqrt(apart), sqrt(size));
}

/* ---- attention */

struct shape {
    size_t n_head, n_head_kv, k_len, v_len, window;
    size_t n_seq;
    size_t lens[4];
};

/* Numbers of a case, and what comes out of it. */
struct attn {
    struct sov_attn_dims d;
    size_t first[5];
    size_t n_seq, rows;
    float *q, *k, *v, *d_o;
    float *o, *lse, *dq, *dk, *dv; /* out */
};

static void
make_attn(struct attn *a, const struct shape *s)
{
    struct sov_attn_dims *d = &a->d;

    *a = (struct attn){ .n_seq = s->n_seq };
    for (size_t i = 0; i < s->n_seq; i++) {
        a->first[i] = a->rows;
        a->rows += s->lens[i];
    }
    a->first[s->n_seq] = a->rows;
    *d = (struct sov_attn_dims){ .n_head = s->n_head,
                                 .n_head_kv = s->n_head_kv,
                                 .k_len = s->k_len,
                                 .v_len = s->v_len,
                                 .window = s->window,
                                 .scale = 1 / sqrtf((float)s->k_len) };
    d->q_stride = s->n_head * s->k_len + 1;
    d->k_stride = s->n_head_kv * s->k_len + 3;
    d->v_stride = s->n_head_kv * s->v_len;
    d->o_stride = s->n_head * s->v_len + 2;
    a->q = numbers(a->rows * d->q_stride, 0);
    a->k = numbers(a->rows * d->k_stride, 1u << 24);
    a->v = numbers(a->rows * d->v_stride, 2u << 24);
    a->d_o = numbers(a->rows * d->o_stride, 3u << 24);
}

static void
fresh_outputs(struct attn *a)
{
    a->o = filled(a->rows * a->d.o_stride, BORDER);
    a->lse = filled(a->rows * a->d.n_head, BORDER);
    a->dq = filled(a->rows * a->d.q_stride, BORDER);
    a->dk = filled(a->rows * a->d.k_stride, BORDER);
    a->dv = filled(a->rows * a->d.v_stride, BORDER);
}

static void
free_outputs(struct attn *a)
{
    free(a->o);
    free(a->lse);
    free(a->dq);
    free(a->dk);
    free(a->dv);
}

static void
free_attn(struct attn *a)
{
    free_outputs(a);
    free(a->q);
    free(a->k);
    free(a->v);
    free(a->d_o);
}

static void
run_attn(struct attn *a, const char *isa)
{
    struct sov_prim p = { .k = sov_kern_for(isa) };
    int rc = sov_prim_attn(&p, &a->d, a->first, a->n_seq, a->q, a->k, a->v,
                           a->o, a->lse, NULL);

    ck_assert_int_eq(rc, 0);
    rc = sov_prim_attn_back(&p, &a->d, a->first, a->n_seq, a->q, a->k, a->v,
                            a->o, a->lse, a->d_o, a->dq, a->dk, a->dv, NULL);
    ck_assert_int_eq(rc, 0);
}

static void
assert_border(const float *x, size_t rows, size_t stride, size_t n)
{
    size_t row, i, wrong = 0;

    for (row = 0; row < rows; row++)
        for (i = n; i < stride; i++)
            wrong += x[row * stride + i] != BORDER;
    ck_assert_uint_eq(wrong, 0);
}

static void
assert_same(const float *x, const float *y, size_t n, const char *what,
            const char *isa, unsigned threads)
{
    ck_assert_msg(memcmp(x, y, n * sizeof(*x)) == 0, "%s: %s, %u threads", what,
                  isa, threads);
}

/* Every kernel and 1 to 3 threads give the bits that are there. */
static void
agrees(const struct attn *a)
{
    for (size_t i = 0; i < N_ISAS; i++)
        for (unsigned threads = 1; threads <= 3; threads++) {
            struct attn b = *a;

            if (sov_kern_for(isas[i]) == NULL || (i == 0 && threads > 1))
                continue;
            sov_set_threads(threads);
            fresh_outputs(&b);
            run_attn(&b, isas[i]);
            assert_same(a->o, b.o, a->rows * a->d.o_stride, "o", isas[i],
                        threads);
            assert_same(a->lse, b.lse, a->rows * a->d.n_head, "lse", isas[i],
                        threads);
            assert_same(a->dq, b.dq, a->rows * a->d.q_stride, "dq", isas[i],
                        threads);
            assert_same(a->dk, b.dk, a->rows * a->d.k_stride, "dk", isas[i],
                        threads);
            assert_same(a->dv, b.dv, a->rows * a->d.v_stride, "dv", isas[i],
                        threads);
            free_outputs(&b);
        }
}

static void
is_right(const struct attn *a)
{
    const struct sov_attn_dims *d = &a->d;
    struct ref_attn r = { d->n_head,   d->n_head_kv, d->k_len,
                          d->v_len,    d->q_stride,  d->k_stride,
                          d->v_stride, d->o_stride,  (double)d->scale,
                          d->window,   a->first,     a->n_seq };
    double *q = doubles(a->q, a->rows * d->q_stride);
    double *k = doubles(a->k, a->rows * d->k_stride);
    double *v = doubles(a->v, a->rows * d->v_stride);
    double *d_o = doubles(a->d_o, a->rows * d->o_stride);
    double *o = doubles(a->o, a->rows * d->o_stride); /* with its borders */
    double *lse = doubles(a->lse, a->rows * d->n_head);
    double *dq = doubles(a->dq, a->rows * d->q_stride);
    double *dk = doubles(a->dk, a->rows * d->k_stride);
    double *dv = doubles(a->dv, a->rows * d->v_stride);

    ck_assert_int_eq(ref_attn(&r, q, k, v, o, lse), 0);
    ck_assert_int_eq(ref_attn_back(&r, q, k, v, o, lse, d_o, dq, dk, dv), 0);
    assert_near(a->o, o, a->rows * d->o_stride, "o");
    assert_near(a->lse, lse, a->rows * d->n_head, "lse");
    assert_near(a->dq, dq, a->rows * d->q_stride, "dq");
    assert_near(a->dk, dk, a->rows * d->k_stride, "dk");
    assert_near(a->dv, dv, a->rows * d->v_stride, "dv");
    free(q);
    free(k);
    free(v);
    free(d_o);
    free(o);
    free(lse);
    free(dq);
    free(dk);
    free(dv);
}

static void
check_attn(const struct shape *s)
{
    struct attn a;

    make_attn(&a, s);
    fresh_outputs(&a);
    sov_set_threads(1);
    run_attn(&a, sov_kern()->isa);
    assert_border(a.o, a.rows, a.d.o_stride, s->n_head * s->v_len);
    assert_border(a.dq, a.rows, a.d.q_stride, s->n_head * s->k_len);
    assert_border(a.dk, a.rows, a.d.k_stride, s->n_head_kv * s->k_len);
    is_right(&a);
    agrees(&a);
    free_attn(&a);
}

START_TEST(attention)
{
    static const struct shape shapes[] = {
        { 1, 1, 16, 16, 0, 1, { 1 } },
        { 2, 2, 32, 32, 0, 4, { 0, 5, 1, 40 } },
        { 4, 2, 33, 18, 0, 2, { 37, 70 } },
        { 8, 1, 8, 16, 0, 3, { 3, 0, 90 } },
        { 3, 1, 40, 24, 5, 2, { 33, 64 } },
        { 7, 1, 16, 32, 30, 1, { 100 } },
        { 8, 4, 32, 32, 0, 2, { 256, 19 } },
        { 2, 1, 64, 64, 0, 1, { 531 } },
        { 2, 1, 16, 16, 300, 1, { 1100 } },
        { 1, 1, 128, 128, 700, 1, { 1040 } },
    };

    check_attn(&shapes[_i]);
}
END_TEST

/* Numbers that are too large, too small or none: the end is reached, rows
 * before them stay as they are, and who sees a NaN becomes one. */
START_TEST(attention_of_anything)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY, 3e38f, -3e38f };
    const struct shape s = { 4, 2, 16, 16, 0, 2, { 40, 9 } };
    struct attn a, b;
    size_t where = 32, i;

    make_attn(&a, &s);
    fresh_outputs(&a);
    run_attn(&a, sov_kern()->isa);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        for (int which = 0; which < 4; which++) {
            float *x[] = { a.q, a.k, a.v, a.d_o };
            size_t strides[] = { a.d.q_stride, a.d.k_stride, a.d.v_stride,
                                 a.d.o_stride };
            float *at = x[which] + where * strides[which];
            float was = *at;

            *at = bad[i];
            b = a;
            fresh_outputs(&b);
            run_attn(&b, sov_kern()->isa);
            assert_same(a.o, b.o, where * a.d.o_stride, "o", "before", 1);
            /* the other sequence */
            assert_same(a.o + 40 * a.d.o_stride, b.o + 40 * a.d.o_stride,
                        9 * a.d.o_stride, "o", "beside", 1);
            assert_same(a.dq + 40 * a.d.q_stride, b.dq + 40 * a.d.q_stride,
                        9 * a.d.q_stride, "dq", "beside", 1);
            if (i == 0 && which < 3)
                ck_assert(isnan(b.o[where * a.d.o_stride]));
            if (i == 0)
                ck_assert(isnan(b.dq[where * a.d.q_stride]));
            free_outputs(&b);
            *at = was;
        }
    free_attn(&a);
}
END_TEST

START_TEST(no_attention)
{
    static const size_t none[3] = { 4, 4, 4 };
    struct sov_prim p = { .k = sov_kern() };
    struct sov_attn_dims d = {
        .n_head = 2, .n_head_kv = 1, .k_len = 16, .v_len = 16, .scale = 1
    };
    size_t n;

    for (n = 0; n <= 2; n++) {
        ck_assert_int_eq(
            sov_prim_attn(&p, &d, none, n, NULL, NULL, NULL, NULL, NULL, NULL),
            0);
        ck_assert_int_eq(sov_prim_attn_back(&p, &d, none, n, NULL, NULL, NULL,
                                            NULL, NULL, NULL, NULL, NULL, NULL,
                                            NULL),
                         0);
    }
}
END_TEST

/* ---- rotary positions */

START_TEST(positions)
{
    enum { ROWS = 70, HEADS = 3, LEN = 34, STRIDE = 105, N = ROWS * STRIDE };
    const size_t n_rot = 32;
    float *turn = filled(100 * n_rot, 0), *x = numbers(N, 0);
    float *was = numbers(N, 0);
    double freq[16], *y = doubles(x, N), *t;
    uint32_t place[ROWS];
    struct sov_prim p = { .k = sov_kern() };
    uint32_t i;

    ck_assert_int_eq(sov_rope_freqs(freq, n_rot, 10000, 1, NULL, NULL), 0);
    for (i = 0; i < 100; i++)
        sov_rope_turn(freq, n_rot, 1, i, turn + i * n_rot);
    for (i = 0; i < ROWS; i++)
        place[i] = (i * 7) % 100;
    t = doubles(turn, 100 * n_rot);
    for (int pairs = 0; pairs < 3; pairs++) {
        enum sov_rope_pairs how = (enum sov_rope_pairs)pairs;

        sov_prim_rope(&p, how, turn, n_rot, place, false, x, STRIDE, ROWS,
                      HEADS, LEN);
        ref_rope(how, t, n_rot, place, false, y, STRIDE, ROWS, HEADS, LEN);
        assert_near(x, y, N, "rope");
        for (i = 0; i < ROWS && how != SOV_ROPE_NONE; i++)
            for (size_t h = 0; h < HEADS; h++) {
                float *head = was + i * STRIDE + h * LEN;

                sov_rope_apply(how, turn + place[i] * n_rot, n_rot, head);
            }
        ck_assert_mem_eq(x, was, N * sizeof(*x));
        sov_prim_rope(&p, how, turn, n_rot, place, true, x, STRIDE, ROWS, HEADS,
                      LEN);
        ref_rope(how, t, n_rot, place, true, y, STRIDE, ROWS, HEADS, LEN);
        assert_near(x, y, N, "rope back");
        memcpy(was, x, N * sizeof(*x));
    }
    free(turn);
    free(x);
    free(was);
    free(y);
    free(t);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("prim_attn");

    tcase_add_loop_test(tc, attention, 0, 10);
    tcase_add_test(tc, attention_of_anything);
    tcase_add_test(tc, no_attention);
    tcase_add_test(tc, positions);
    return unit_main("prim_attn", tc);
}
