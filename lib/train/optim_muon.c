/* SPDX-License-Identifier: Apache-2.0 */
/*
 * optim_muon.c - momentum of matrices, orthogonalised
 *
 * K. Jordan and others, "Muon: An optimizer for hidden layers in neural
 * networks", 2024.  For a matrix of gradients g with momentum m:
 *
 *     m = m + (1 - beta1) (g - m);  u = g + beta1 (m - g)       (Nesterov)
 *     x = u / |u|, lying (no more rows than columns), and five times
 *         a = x x';  x = 3.4445 x + (-4.7750 a + 2.0315 a a) x
 *     w = w - rate decay w - rate 0.2 sqrt(larger side) x
 *
 * The coefficients bring all singular values near 1 soon, and then leave them
 * between 0.7 and 1.2.  An update has then the size of one of AdamW (J. Liu
 * and others, "Muon is Scalable for LLM Training", 2025), so that one learning
 * rate serves all tensors.  Embeddings, the head, gains and biases are done by
 * AdamW with the same betas.
 *
 * The first array is the momentum, of matrices and of all others alike; the
 * second one stays 0 where matrices are.
 *
 * a and a a are symmetric, and their products are the same bits either way, so
 * that of matrices of many rows only what is below the diagonal is computed,
 * in bands.
 */
#include "base/mem.h"
#include "sys/par.h"
#include "train/optim_in.h"
#include "train/prim.h"

#include <math.h>
#include <stdlib.h>

#define STEPS 5
#define ROWS  ((size_t)16)  /* of the matrix, that a thread takes at once */
#define BAND  ((size_t)256) /* rows of a symmetric product */

#define COEFF_A 3.4445f
#define COEFF_B -4.7750f
#define COEFF_C 2.0315f

struct room {
    struct sov_prim prim;
    float *x, *y;    /* [m][k], m <= k */
    float *a, *b;    /* [m][m] */
    double *squares; /* of the blocks of x */
};

/* A matrix that is done; what the loops below share. */
struct job {
    const struct sov_optim_now *now;
    const struct sov_weight *p;
    struct room *room;
    size_t rows, cols;
    bool tall;   /* x is its transpose */
    size_t m, k; /* of x */
    double by;
};

static bool
whole(const struct sov_weight *p)
{
    return p->matrix && !p->embedding;
}

static double
products(const struct sov_weight *p)
{
    double m = (double)(p->n_in < p->n_out ? p->n_in : p->n_out);
    double k = (double)(p->n_in < p->n_out ? p->n_out : p->n_in);

    return STEPS * (4 * m + 2 * m * m / k);
}

/* A core does some 250 operations of products in the time that a number takes
 * in AdamW, which waits for memory. */
static double
work(const struct sov_weight *p)
{
    return 1 + products(p) / 250;
}

static bool
is_done(const struct sov_optim_now *now, size_t i)
{
    const struct sov_weight *p = &now->s->param[i];

    return whole(p) && !sov_optim_frozen(now->s, i) && p->at >= now->from &&
           p->at < now->to;
}

/* Momentum, and u in place of the gradient. */
static void
advance(struct job *j, uint64_t at, size_t n)
{
    const struct sov_optim_now *now = j->now;
    float *g = now->s->grad + at;
    float *m = now->s->state[0] + (at - now->from);
    float by = (float)now->by;
    float a1 = (float)(1 - now->o->beta1);
    float beta = (float)now->o->beta1;
    size_t i;

    if (now->s->keep != NULL)
        sov_optim_mask(now->s->keep, g, at, n);
    for (i = 0; i < n; i++) {
        float v = g[i] * by;

        m[i] += a1 * (v - m[i]);
        g[i] = v + beta * (m[i] - v);
    }
}

/* u of some rows to x */
static void
begin(void *arg, size_t first, size_t last, unsigned worker)
{
    struct job *j = arg;
    size_t r0 = first * ROWS;
    size_t r1 = last * ROWS < j->rows ? last * ROWS : j->rows;
    uint64_t at = j->p->at + (uint64_t)r0 * j->cols;
    const float *u = j->now->s->grad + j->p->at;
    size_t r, c;

    (void)worker;
    advance(j, at, (r1 - r0) * j->cols);
    if (!j->tall) {
        for (r = r0 * j->cols; r < r1 * j->cols; r++)
            j->room->x[r] = u[r];
        return;
    }
    for (c = 0; c < j->cols; c++)
        for (r = r0; r < r1; r++)
            j->room->x[c * j->k + r] = u[r * j->cols + c];
}

static void
step_row(struct job *j, float *w, const float *x, size_t x_stride)
{
    const struct sov_optim_now *now = j->now;
    float left = (float)(1 - now->rate * now->o->decay);
    float by = (float)j->by;
    size_t c;

    for (c = 0; c < j->cols; c++)
        w[c] = w[c] * left - by * x[c * x_stride];
}

/* Some rows of weights from x */
static void
finish(void *arg, size_t first, size_t last, unsigned worker)
{
    struct job *j = arg;
    size_t r1 = last * ROWS < j->rows ? last * ROWS : j->rows;
    float *w = j->now->s->w + j->p->at;
    const float *x = j->room->x;
    size_t r;

    (void)worker;
    for (r = first * ROWS; r < r1; r++) {
        if (j->tall)
            step_row(j, w + r * j->cols, x + r, j->k);
        else
            step_row(j, w + r * j->cols, x + r * j->k, 1);
        if (j->now->s->keep != NULL)
            sov_optim_mask(j->now->s->keep, w + r * j->cols,
                           j->p->at + (uint64_t)r * j->cols, j->cols);
    }
}

static void
squares(void *arg, size_t first, size_t last, unsigned worker)
{
    struct job *j = arg;
    size_t n = j->m * j->k;
    size_t i;

    (void)worker;
    for (i = first; i < last; i++) {
        size_t at = i * SOV_OPTIM_BLOCK;
        size_t left = n - at;

        j->room->squares[i] = sov_optim_square(
            j->room->x + at, left < SOV_OPTIM_BLOCK ? left : SOV_OPTIM_BLOCK);
    }
}

/* y and x of some rows: x / |u| at first, then y = 3.4445 x */
static void
scale(void *arg, size_t first, size_t last, unsigned worker)
{
    struct job *j = arg;
    float *x = j->room->x;
    size_t i;

    (void)worker;
    for (i = first * j->k; i < last * j->k; i++)
        x[i] = (float)((double)x[i] * j->by);
}

static void
start(void *arg, size_t first, size_t last, unsigned worker)
{
    struct job *j = arg;
    size_t i;

    (void)worker;
    for (i = first * j->k; i < last * j->k; i++)
        j->room->y[i] = COEFF_A * j->room->x[i];
}

/* b = -4.7750 a + 2.0315 b of some rows of what is below the diagonal */
static void
combine(void *arg, size_t first, size_t last, unsigned worker)
{
    struct job *j = arg;
    size_t r, c;

    (void)worker;
    for (r = first; r < last; r++)
        for (c = 0; c <= r; c++) {
            size_t i = r * j->m + c;

            j->room->b[i] = COEFF_B * j->room->a[i] + COEFF_C * j->room->b[i];
        }
}

struct square_matrix {
    float *c;
    size_t m;
};

/* what is above the diagonal, from below it */
static void
mirror(void *arg, size_t first, size_t last, unsigned worker)
{
    struct square_matrix *s = arg;
    size_t r, i;

    (void)worker;
    for (r = first; r < last; r++)
        for (i = r + 1; i < s->m; i++)
            s->c[r * s->m + i] = s->c[i * s->m + r];
}

static void
mirror_all(float *c, size_t m)
{
    struct square_matrix s = { c, m };

    sov_par_for(m, ROWS, mirror, &s);
}

/* c [m][m] = x x' of x [m][k], on and below the diagonal */
static void
gram(const struct sov_prim *prim, const float *x, size_t m, size_t k, float *c)
{
    size_t i, n;

    for (i = 0; i < m; i += n) {
        struct sov_operand a = { x + i * k, k, false };
        struct sov_operand b = { x, k, false };

        n = m - i < BAND ? m - i : BAND;
        sov_prim_mul(prim, n, i + n, k, a, b, c + i * m, m, false);
    }
}

static void
orthogonalise(struct job *j)
{
    struct room *room = j->room;
    const struct sov_prim *prim = &room->prim;
    size_t m = j->m;
    size_t k = j->k;
    int i;

    for (i = 0; i < STEPS; i++) {
        struct sov_operand b = { room->b, m, false };
        struct sov_operand x = { room->x, k, true };
        float *swap = room->x;

        gram(prim, room->x, m, k, room->a);
        mirror_all(room->a, m);
        gram(prim, room->a, m, m, room->b);
        sov_par_for(m, ROWS, combine, j);
        mirror_all(room->b, m);
        sov_par_for(m, ROWS, start, j);
        sov_prim_mul(prim, m, k, m, b, x, room->y, k, true);
        room->x = room->y;
        room->y = swap;
    }
}

static size_t
pieces(size_t n, size_t of)
{
    return n / of + (n % of != 0);
}

static void
matrix(const struct sov_optim_now *now, struct room *room,
       const struct sov_weight *p)
{
    struct job j = { .now = now, .p = p, .room = room };
    size_t blocks;
    double norm;

    j.rows = p->n_out;
    j.cols = p->n_in;
    j.tall = j.rows > j.cols;
    j.m = j.tall ? j.cols : j.rows;
    j.k = j.tall ? j.rows : j.cols;
    blocks = pieces(j.m * j.k, SOV_OPTIM_BLOCK);
    sov_par_for(pieces(j.rows, ROWS), 1, begin, &j);
    sov_par_for(blocks, 1, squares, &j);
    norm = sov_optim_norm_of(room->squares, blocks);
    if (norm > 0) {
        j.by = 1 / norm;
        sov_par_for(j.m, ROWS, scale, &j);
        orthogonalise(&j);
    }
    j.by = now->rate * 0.2 * sqrt((double)j.k);
    sov_par_for(pieces(j.rows, ROWS), 1, finish, &j);
}

static void
matrices(const struct sov_optim_now *now, void *room)
{
    size_t i;

    for (i = 0; i < now->s->n_param; i++)
        if (is_done(now, i))
            matrix(now, room, &now->s->param[i]);
}

static void
close_room(void *arg)
{
    struct room *room = arg;

    if (room == NULL)
        return;
    sov_prim_close(&room->prim);
    sov_mem_free_aligned(room->x);
    sov_mem_free_aligned(room->y);
    sov_mem_free_aligned(room->a);
    sov_mem_free_aligned(room->b);
    free(room->squares);
    free(room);
}

static int
open_room(const struct sov_optim_now *now, void **out, struct sov_err *err)
{
    struct room *room = sov_mem_array(1, sizeof(*room));
    size_t most = 1;
    size_t side = 1;
    size_t i;
    int rc;

    if (room == NULL)
        return sov_mem_fail(err);
    rc = sov_prim_open(&room->prim, SOV_MUL_F32, err);
    if (rc < 0) {
        free(room);
        return rc;
    }
    for (i = 0; i < now->s->n_param; i++) {
        const struct sov_weight *p = &now->s->param[i];
        size_t m = p->n_in < p->n_out ? p->n_in : p->n_out;

        if (!is_done(now, i))
            continue;
        most = sov_weight_count(p) > most ? sov_weight_count(p) : most;
        side = m > side ? m : side;
    }
    room->x = sov_mem_aligned(most, sizeof(float));
    room->y = sov_mem_aligned(most, sizeof(float));
    room->a = sov_mem_aligned(side * side, sizeof(float));
    room->b = sov_mem_aligned(side * side, sizeof(float));
    room->squares =
        sov_mem_array(pieces(most, SOV_OPTIM_BLOCK), sizeof(*room->squares));
    if (room->x == NULL || room->y == NULL || room->a == NULL ||
        room->b == NULL || room->squares == NULL) {
        close_room(room);
        return sov_mem_fail(err);
    }
    *out = room;
    return 0;
}

const struct sov_optim_row sov_optim_row_muon = {
    .name = "muon",
    .lr = 1e-3,
    .beta1 = 0.95,
    .beta2 = 0.95,
    .eps = 1e-8,
    .decay = 0.1,
    .clip = 1,
    .arrays = 2,
    .whole = whole,
    .work = work,
    .products = products,
    .open = open_room,
    .close = close_room,
    .matrices = matrices,
};
