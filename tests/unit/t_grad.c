/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_grad.c - every operation's gradient against central differences, in f64
 *
 * An operation has numbers that go in and numbers that come out.  With random
 * weights c the sum of c * out is a function of what goes in, and the way back
 * with dy = c must give its gradient: (f(x + h) - f(x - h)) / 2h within 1e-6,
 * relative to the element and to the root of the mean square of all.
 */
#include "unit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "train/prim.h"

#include <math.h>
#include <string.h>

#define STEP      1e-5
#define TOLERANCE 1e-6

struct op {
    const char *name;
    size_t n_in, n_out;
    void (*there)(const double *in, double *out);
    void (*back)(const double *in, const double *d_out, double *d_in);
};

static struct sov_prim prim;

static double
random_number(uint64_t i)
{
    return 2 * sov_rng_unit(3, 5, i) - 1;
}

static double *
numbers(size_t n, uint64_t from)
{
    double *x = sov_mem_array(n, sizeof(*x));
    size_t i;

    ck_assert_ptr_nonnull(x);
    for (i = 0; i < n; i++)
        x[i] = random_number(from + i);
    return x;
}

static double
weighed(const struct op *op, const double *in, const double *c, double *out)
{
    double sum = 0;
    size_t i;

    memset(out, 0, op->n_out * sizeof(*out));
    op->there(in, out);
    for (i = 0; i < op->n_out; i++)
        sum += c[i] * out[i];
    return sum;
}

static void
check(const struct op *op)
{
    double *in = numbers(op->n_in, 0);
    double *c = numbers(op->n_out, 1u << 20);
    double *out = numbers(op->n_out, 0);
    double *grad = numbers(op->n_in, 0);
    double square = 0;
    size_t i;

    op->back(in, c, grad);
    for (i = 0; i < op->n_in; i++)
        square += grad[i] * grad[i] / (double)op->n_in;
    for (i = 0; i < op->n_in; i++) {
        double x = in[i], there, other, slope;

        in[i] = x + STEP;
        there = weighed(op, in, c, out);
        in[i] = x - STEP;
        other = weighed(op, in, c, out);
        in[i] = x;
        slope = (there - other) / (2 * STEP);
        ck_assert_msg(fabs(slope - grad[i]) <=
                          TOLERANCE * (fabs(grad[i]) + sqrt(square)),
                      "%s, %zu of %zu: %.12g is %.12g", op->name, i, op->n_in,
                      grad[i], slope);
    }
    free(in);
    free(c);
    free(out);
    free(grad);
}

/* ---- products: in is a then b, each where it lies */

static struct {
    size_t i, j, k;
    bool a_across, b_across;
} mul;

static struct sov_operand
operand_a(const double *in)
{
    return (struct sov_operand){ in, mul.a_across ? mul.i : mul.k,
                                 mul.a_across };
}

static struct sov_operand
operand_b(const double *in)
{
    return (struct sov_operand){ in + mul.i * mul.k,
                                 mul.b_across ? mul.j : mul.k, mul.b_across };
}

static void
mul_there(const double *in, double *out)
{
    sov_prim_mul(&prim, mul.i, mul.j, mul.k, operand_a(in), operand_b(in), out,
                 mul.j, false);
}

/* da(i, k) = the sum over j of dc(i, j) b(j, k); db(j, k) = the sum over i of
 * dc(i, j) a(i, k); each is written where its operand lies. */
static void
mul_back(const double *in, const double *dc, double *d_in)
{
    struct sov_operand a = operand_a(in), b = operand_b(in);
    double *da = d_in, *db = d_in + mul.i * mul.k;

    a.across = !a.across;
    b.across = !b.across;
    memset(d_in, 0, (mul.i + mul.j) * mul.k * sizeof(*d_in));
    if (mul.a_across)
        sov_prim_mul(&prim, mul.k, mul.i, mul.j, b,
                     (struct sov_operand){ dc, mul.j, false }, da, mul.i, true);
    else
        sov_prim_mul(&prim, mul.i, mul.k, mul.j,
                     (struct sov_operand){ dc, mul.j, false }, b, da, mul.k,
                     true);
    if (mul.b_across)
        sov_prim_mul(&prim, mul.k, mul.j, mul.i, a,
                     (struct sov_operand){ dc, mul.j, true }, db, mul.j, false);
    else
        sov_prim_mul(&prim, mul.j, mul.k, mul.i,
                     (struct sov_operand){ dc, mul.j, true }, a, db, mul.k,
                     false);
}

START_TEST(products)
{
    static const size_t sizes[][3] = { { 1, 1, 1 }, { 3, 5, 7 }, { 8, 2, 1 } };
    struct op op = { "mul", 0, 0, mul_there, mul_back };
    int way;

    for (size_t s = 0; s < 3; s++)
        for (way = 0; way < 4; way++) {
            mul.i = sizes[s][0];
            mul.j = sizes[s][1];
            mul.k = sizes[s][2];
            mul.a_across = way & 1;
            mul.b_across = way & 2;
            op.n_in = (mul.i + mul.j) * mul.k;
            op.n_out = mul.i * mul.j;
            check(&op);
        }
}
END_TEST

/* ---- norm: in is rows of x, then w */

static struct {
    size_t rows, n, x_stride, y_stride;
    bool add;
} norm;
static double roots[64];

static void
norm_there(const double *in, double *out)
{
    sov_prim_norm(&prim, in, norm.x_stride, in + norm.rows * norm.x_stride,
                  1e-5, out, norm.y_stride, roots, norm.rows, norm.n);
}

static void
norm_back(const double *in, const double *dy, double *d_in)
{
    size_t n_x = norm.rows * norm.x_stride;
    double *y = numbers(norm.rows * norm.y_stride, 0);
    size_t i;

    norm_there(in, y); /* for the roots */
    free(y);
    for (i = 0; i < n_x + norm.n; i++)
        d_in[i] = i < n_x && norm.add ? 1 : 0;
    sov_prim_norm_back(&prim, in, norm.x_stride, in + n_x, roots, dy,
                       norm.y_stride, d_in, norm.x_stride, norm.add, d_in + n_x,
                       norm.rows, norm.n);
    for (i = 0; i < n_x && norm.add; i++)
        d_in[i] -= 1;
}

START_TEST(norms)
{
    static const size_t sizes[][4] = { { 1, 1, 1, 1 },
                                       { 3, 7, 9, 8 },
                                       { 12, 16, 16, 16 } };
    struct op op = { "norm", 0, 0, norm_there, norm_back };

    for (size_t s = 0; s < 3; s++)
        for (int add = 0; add < 2; add++) {
            norm.rows = sizes[s][0];
            norm.n = sizes[s][1];
            norm.x_stride = sizes[s][2];
            norm.y_stride = sizes[s][3];
            norm.add = add;
            op.n_in = norm.rows * norm.x_stride + norm.n;
            op.n_out = norm.rows * norm.y_stride;
            check(&op);
        }
}
END_TEST

/* ---- one number at a time: in is g then u */

#define MANY 37

static void
silu_there(const double *in, double *out)
{
    sov_prim_silu(&prim, in, in + MANY, out, MANY);
}

static void
silu_back(const double *in, const double *dy, double *d_in)
{
    memcpy(d_in, in, 2 * MANY * sizeof(*d_in)); /* in place */
    sov_prim_silu_back(&prim, d_in, d_in + MANY, dy, d_in, d_in + MANY, MANY);
}

static void
add_there(const double *in, double *out)
{
    sov_prim_add(&prim, in, in + MANY, out, MANY);
}

static void
add_back(const double *in, const double *dy, double *d_in)
{
    (void)in;
    memcpy(d_in, dy, MANY * sizeof(*d_in));
    memcpy(d_in + MANY, dy, MANY * sizeof(*d_in));
}

START_TEST(elements)
{
    const struct op silu = { "silu", 2 * MANY, MANY, silu_there, silu_back };
    const struct op add = { "add", 2 * MANY, MANY, add_there, add_back };

    check(&silu);
    check(&add);
}
END_TEST

/* ---- embedding and bias */

static const int32_t ids[] = { 3, 0, 3, 4, 3 };

static void
take_there(const double *in, double *out)
{
    sov_prim_take(&prim, in, ids, out, 5, 7);
}

static void
take_back(const double *in, const double *dy, double *d_in)
{
    (void)in;
    memset(d_in, 0, 35 * sizeof(*d_in));
    sov_prim_take_back(&prim, dy, ids, d_in, 5, 7);
}

/* In is the bias of 7, then four rows of 9. */
static void
bias_there(const double *in, double *out)
{
    memcpy(out, in + 7, 36 * sizeof(*out));
    sov_prim_bias(&prim, in, out, 9, 4, 7);
}

static void
bias_back(const double *in, const double *dy, double *d_in)
{
    (void)in;
    memset(d_in, 0, 7 * sizeof(*d_in));
    sov_prim_bias_back(&prim, dy, 9, d_in, 4, 7);
    memcpy(d_in + 7, dy, 36 * sizeof(*dy));
}

START_TEST(rows)
{
    const struct op take = { "take", 35, 35, take_there, take_back };
    const struct op bias = { "bias", 43, 36, bias_there, bias_back };

    check(&take);
    check(&bias);
}
END_TEST

/* ---- rotary positions: rows of heads */

enum { ROPE_ROWS = 5, ROPE_HEADS = 3, ROPE_LEN = 10, ROPE_STRIDE = 33 };

static struct {
    enum sov_rope_pairs pairs;
    size_t n_rot;
    double turn[8 * ROPE_LEN];
} rope;
static const uint32_t places[ROPE_ROWS] = { 7, 0, 1, 1, 4 };

static void
rope_way(bool back, double *x)
{
    sov_prim_rope(&prim, rope.pairs, rope.turn, rope.n_rot, places, back, x,
                  ROPE_STRIDE, ROPE_ROWS, ROPE_HEADS, ROPE_LEN);
}

static void
rope_there(const double *in, double *out)
{
    memcpy(out, in, ROPE_ROWS * ROPE_STRIDE * sizeof(*out));
    rope_way(false, out);
}

static void
rope_back(const double *in, const double *dy, double *d_in)
{
    (void)in;
    memcpy(d_in, dy, ROPE_ROWS * ROPE_STRIDE * sizeof(*dy));
    rope_way(true, d_in);
}

START_TEST(positions)
{
    const struct op op = { "rope", ROPE_ROWS * ROPE_STRIDE,
                           ROPE_ROWS * ROPE_STRIDE, rope_there, rope_back };
    size_t place, i;

    for (int pairs = 0; pairs < 3; pairs++)
        for (rope.n_rot = 2; rope.n_rot <= ROPE_LEN; rope.n_rot += 4) {
            rope.pairs = (enum sov_rope_pairs)pairs;
            for (place = 0; place < 8; place++)
                for (i = 0; i < rope.n_rot; i += 2) {
                    double angle = (double)place / (1 + (double)i);

                    rope.turn[place * rope.n_rot + i] = cos(angle);
                    rope.turn[place * rope.n_rot + i + 1] = sin(angle);
                }
            check(&op);
        }
}
END_TEST

/* ---- attention: in is q, k, v */

static struct {
    struct sov_attn_dims dims;
    size_t first[8];
    size_t n_seq, rows;
} attn;
static double lse[1024];

static const double *
keys_of(const double *in)
{
    return in + attn.rows * attn.dims.q_stride;
}

static const double *
values_of(const double *in)
{
    return keys_of(in) + attn.rows * attn.dims.k_stride;
}

static void
attn_there(const double *in, double *out)
{
    int rc = sov_prim_attn(&prim, &attn.dims, attn.first, attn.n_seq, in,
                           keys_of(in), values_of(in), out, lse, NULL);

    ck_assert_int_eq(rc, 0);
}

static void
attn_back(const double *in, const double *d_o, double *d_in)
{
    size_t n_k = attn.rows * attn.dims.k_stride;
    double *o = numbers(attn.rows * attn.dims.o_stride, 0);
    double *dk = d_in + attn.rows * attn.dims.q_stride;
    int rc;

    memset(d_in, 0, attn.rows * attn.dims.q_stride * sizeof(*d_in));
    memset(dk, 0, n_k * sizeof(*dk));
    memset(dk + n_k, 0, attn.rows * attn.dims.v_stride * sizeof(*dk));
    attn_there(in, o);
    rc = sov_prim_attn_back(&prim, &attn.dims, attn.first, attn.n_seq, in,
                            keys_of(in), values_of(in), o, lse, d_o, d_in, dk,
                            dk + n_k, NULL);
    ck_assert_int_eq(rc, 0);
    free(o);
}

static void
set_sequences(size_t n, const size_t *lens)
{
    attn.n_seq = n;
    attn.rows = 0;
    for (size_t s = 0; s < n; s++) {
        attn.first[s] = attn.rows;
        attn.rows += lens[s];
    }
    attn.first[n] = attn.rows;
}

static void
check_attention(size_t n_head, size_t n_head_kv, size_t window)
{
    struct op op = { "attention", 0, 0, attn_there, attn_back };
    struct sov_attn_dims *d = &attn.dims;

    *d = (struct sov_attn_dims){ .n_head = n_head,
                                 .n_head_kv = n_head_kv,
                                 .k_len = 4,
                                 .v_len = 3,
                                 .scale = 0.7,
                                 .window = window };
    d->q_stride = n_head * d->k_len + 1;
    d->k_stride = n_head_kv * d->k_len + 2;
    d->v_stride = n_head_kv * d->v_len;
    d->o_stride = n_head * d->v_len + 1;
    op.n_in = attn.rows * (d->q_stride + d->k_stride + d->v_stride);
    op.n_out = attn.rows * d->o_stride;
    check(&op);
}

START_TEST(attention)
{
    static const size_t ragged[] = { 0, 5, 1, 0, 7 };
    static const size_t one[] = { 1 };
    static const size_t heads[][2] = { { 2, 2 }, { 4, 2 }, { 8, 1 } };

    for (size_t h = 0; h < 3; h++)
        for (size_t window = 0; window < 9; window += 2 + window) {
            set_sequences(1, one);
            check_attention(heads[h][0], heads[h][1], window);
            set_sequences(5, ragged);
            check_attention(heads[h][0], heads[h][1], window);
        }
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("grad");

    if (sov_prim_open(&prim, SOV_MUL_F32, NULL) < 0)
        return 1;
    tcase_add_test(tc, products);
    tcase_add_test(tc, norms);
    tcase_add_test(tc, elements);
    tcase_add_test(tc, rows);
    tcase_add_test(tc, positions);
    tcase_add_test(tc, attention);
    return unit_main("grad", tc);
}
