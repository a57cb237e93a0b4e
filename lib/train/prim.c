/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prim.c - what operations of training are made of: products, and functions of
 * each number or each row
 *
 * Work is shared among threads by rows, and where rows are summed by columns,
 * so that every sum has its terms in one order.  (Attention and rope are in
 * files of their own.)
 */
#include "train/prim.h"

#include "base/mem.h"
#include "nn/gemm.h"
#include "nn/nn.h"
#include "sys/par.h"

#include <math.h>
#include <string.h>

/* Columns of which sums over rows are made at once: whole cache lines. */
#define COLS 64

/* Numbers of a plain loop that are an item of work. */
#define PIECE ((size_t)4096)

int
sov_prim_open(struct sov_prim *p, enum sov_mul_kind mul, struct sov_err *err)
{
    void *room = sov_mem_aligned(SOV_GEMM_ROOM, 1);

    if (room == NULL)
        return sov_mem_fail(err);
    *p = (struct sov_prim){ .k = sov_kern(), .mul = mul, .room = room };
    return 0;
}

void
sov_prim_close(struct sov_prim *p)
{
    sov_mem_free_aligned(p->room);
    *p = (struct sov_prim){ 0 };
}

void
sov_prim_mul(const struct sov_prim *p, size_t n_i, size_t n_j, size_t n_k,
             struct sov_operand a, struct sov_operand b, sov_real *c,
             size_t c_stride, bool add)
{
    const struct sov_gemm g = {
        .k = p->k,
        .bf16 = p->mul == SOV_MUL_BF16,
        .n_i = n_i,
        .n_j = n_j,
        .n_k = n_k,
        .a = { a.x, a.stride, a.across },
        .b = { b.x, b.stride, b.across },
        .c = c,
        .c_stride = c_stride,
        .add = add,
        .room = p->room,
    };

    sov_gemm(&g);
}

/* ---- functions of numbers ---- */

struct loop {
    const struct sov_prim *p;
    const float *a, *b, *c;
    float *y, *z;
    size_t n;
};

/* An item is PIECE numbers. */
static void
run_loop(struct loop *l, sov_par_fn fn)
{
    sov_par_for((l->n + PIECE - 1) / PIECE, sov_nn_piece(8 * PIECE), fn, l);
}

/* The numbers of items first to last. */
static struct loop
part_of(const void *arg, size_t first, size_t last)
{
    const struct loop *l = arg;
    struct loop part = *l;
    size_t at = first * PIECE;
    size_t end = last * PIECE < l->n ? last * PIECE : l->n;

    part.n = end - at;
    part.a += at;
    part.b += at;
    part.c = l->c != NULL ? l->c + at : NULL;
    part.y += at;
    part.z = l->z != NULL ? l->z + at : NULL;
    return part;
}

static void
add_items(void *arg, size_t first, size_t last, unsigned worker)
{
    struct loop l = part_of(arg, first, last);
    size_t i;

    (void)worker;
    for (i = 0; i < l.n; i++)
        l.y[i] = l.a[i] + l.b[i];
}

void
sov_prim_add(const struct sov_prim *p, const sov_real *a, const sov_real *b,
             sov_real *y, size_t n)
{
    struct loop l = { .p = p, .a = a, .b = b, .y = y, .n = n };

    run_loop(&l, add_items);
}

static void
silu_items(void *arg, size_t first, size_t last, unsigned worker)
{
    struct loop l = part_of(arg, first, last);

    (void)worker;
    l.p->k->silu_mul(l.a, l.b, l.y, l.n);
}

void
sov_prim_silu(const struct sov_prim *p, const sov_real *g, const sov_real *u,
              sov_real *y, size_t n)
{
    struct loop l = { .p = p, .a = g, .b = u, .y = y, .n = n };

    run_loop(&l, silu_items);
}

static void
silu_back_items(void *arg, size_t first, size_t last, unsigned worker)
{
    struct loop l = part_of(arg, first, last);

    (void)worker;
    l.p->k->silu_back(l.a, l.b, l.c, l.y, l.z, l.n);
}

void
sov_prim_silu_back(const struct sov_prim *p, const sov_real *g,
                   const sov_real *u, const sov_real *dy, sov_real *dg,
                   sov_real *du, size_t n)
{
    struct loop l = {
        .p = p, .a = g, .b = u, .c = dy, .y = dg, .z = du, .n = n
    };

    run_loop(&l, silu_back_items);
}

/* ---- functions of rows ---- */

struct rows {
    const struct sov_kern *k;
    const float *x, *dy, *w;
    float *y;       /* dx on the way back */
    const float *r; /* 1 / rms of each row */
    float *keep_r;  /* likewise, to be set */
    float *dw;
    const int32_t *id;
    size_t x_stride, dy_stride, y_stride;
    size_t n_rows, n;
    float eps;
    bool add;
};

/* All rows, each by itself. */
static void
each_row(struct rows *j, sov_par_fn fn)
{
    sov_par_for(j->n_rows, sov_nn_piece(4 * (uint64_t)j->n), fn, j);
}

/* All columns, COLS of them at a time through all rows. */
static void
each_column(struct rows *j, sov_par_fn fn)
{
    sov_par_for((j->n + COLS - 1) / COLS,
                sov_nn_piece(4 * COLS * (uint64_t)j->n_rows), fn, j);
}

/* Columns of items first to last: the first one, and how many. */
static size_t
columns(const struct rows *j, size_t first, size_t last, size_t *n)
{
    size_t end = last * COLS < j->n ? last * COLS : j->n;

    *n = end - first * COLS;
    return first * COLS;
}

static void
norm_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct rows *j = arg;
    size_t i;

    (void)worker;
    for (i = first; i < last; i++) {
        const float *x = j->x + i * j->x_stride;
        float mean = j->k->sumsq(x, j->n) / (float)j->n;
        float r = 1.0f / sqrtf(mean + j->eps);

        j->keep_r[i] = r;
        j->k->scale(x, r, j->w, j->y + i * j->y_stride, j->n);
    }
}

void
sov_prim_norm(const struct sov_prim *p, const sov_real *x, size_t x_stride,
              const sov_real *w, sov_real eps, sov_real *y, size_t y_stride,
              sov_real *r, size_t n_rows, size_t n)
{
    struct rows j = { .k = p->k,
                      .x = x,
                      .x_stride = x_stride,
                      .w = w,
                      .eps = eps,
                      .y = y,
                      .y_stride = y_stride,
                      .keep_r = r,
                      .n_rows = n_rows,
                      .n = n };

    each_row(&j, norm_rows);
}

static void
norm_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct rows *j = arg;
    size_t i, n, at = columns(j, first, last, &n);

    (void)worker;
    for (i = 0; i < j->n_rows; i++)
        j->k->mul_axpy(j->r[i], j->dy + i * j->dy_stride + at,
                       j->x + i * j->x_stride + at, j->dw + at, n);
}

static void
norm_back_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct rows *j = arg;
    size_t i;

    (void)worker;
    for (i = first; i < last; i++)
        j->k->norm_back(j->x + i * j->x_stride, j->w, j->r[i],
                        j->dy + i * j->dy_stride, j->add,
                        j->y + i * j->y_stride, j->n);
}

/* dw first, since dx may be dy. */
void
sov_prim_norm_back(const struct sov_prim *p, const sov_real *x, size_t x_stride,
                   const sov_real *w, const sov_real *r, const sov_real *dy,
                   size_t dy_stride, sov_real *dx, size_t dx_stride, bool add,
                   sov_real *dw, size_t n_rows, size_t n)
{
    struct rows j = { .k = p->k,
                      .x = x,
                      .x_stride = x_stride,
                      .w = w,
                      .r = r,
                      .dy = dy,
                      .dy_stride = dy_stride,
                      .y = dx,
                      .y_stride = dx_stride,
                      .add = add,
                      .dw = dw,
                      .n_rows = n_rows,
                      .n = n };

    each_column(&j, norm_columns);
    each_row(&j, norm_back_rows);
}

static void
take_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct rows *j = arg;
    size_t i;

    (void)worker;
    for (i = first; i < last; i++)
        memcpy(j->y + i * j->n, j->w + (size_t)j->id[i] * j->n,
               j->n * sizeof(*j->y));
}

void
sov_prim_take(const struct sov_prim *p, const sov_real *w, const int32_t *id,
              sov_real *y, size_t n_rows, size_t n)
{
    struct rows j = {
        .k = p->k, .w = w, .id = id, .y = y, .n_rows = n_rows, .n = n
    };

    each_row(&j, take_rows);
}

/* dw of the row that is meant, or the only one. */
static void
sum_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct rows *j = arg;
    size_t i, n, at = columns(j, first, last, &n);

    (void)worker;
    for (i = 0; i < j->n_rows; i++) {
        size_t to = j->id != NULL ? (size_t)j->id[i] * j->n : 0;

        j->k->axpy(1.0f, j->dy + i * j->dy_stride + at, j->dw + to + at, n);
    }
}

void
sov_prim_take_back(const struct sov_prim *p, const sov_real *dy,
                   const int32_t *id, sov_real *dw, size_t n_rows, size_t n)
{
    struct rows j = { .k = p->k,
                      .dy = dy,
                      .dy_stride = n,
                      .id = id,
                      .dw = dw,
                      .n_rows = n_rows,
                      .n = n };

    each_column(&j, sum_columns);
}

static void
bias_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct rows *j = arg;
    size_t i;

    (void)worker;
    for (i = first; i < last; i++)
        j->k->axpy(1.0f, j->w, j->y + i * j->y_stride, j->n);
}

void
sov_prim_bias(const struct sov_prim *p, const sov_real *b, sov_real *x,
              size_t x_stride, size_t n_rows, size_t n)
{
    struct rows j = { .k = p->k,
                      .w = b,
                      .y = x,
                      .y_stride = x_stride,
                      .n_rows = n_rows,
                      .n = n };

    each_row(&j, bias_rows);
}

void
sov_prim_bias_back(const struct sov_prim *p, const sov_real *dy,
                   size_t dy_stride, sov_real *db, size_t n_rows, size_t n)
{
    struct rows j = { .k = p->k,
                      .dy = dy,
                      .dy_stride = dy_stride,
                      .dw = db,
                      .n_rows = n_rows,
                      .n = n };

    each_column(&j, sum_columns);
}
