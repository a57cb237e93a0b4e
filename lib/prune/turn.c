/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn.c - tensors of a model whose stream has other directions
 *
 * Rows are turned some at a time; of a matrix that writes to the stream, some
 * columns, all its rows, are decoded at a time, and what comes out is kept
 * until it is whole, since files have rows.  Sums are those of kern/, whose
 * order is fixed.
 *
 * A direction takes in what many channels have: a number can come out that is
 * larger than what its type holds, and is refused.
 */
#include "prune/turn.h"

#include "base/mem.h"
#include "kern/kern.h"
#include "sys/par.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ROWS    ((size_t)512) /* that are turned at a time */
#define COLUMNS ((size_t)512)

void
sov_turn_free(struct sov_turn *t)
{
    if (t == NULL)
        return;
    free(t->q);
    free(t->gain);
    free(t->role);
    free(t);
}

struct job {
    const struct sov_turn *turn;
    const struct sov_turn_role *role;
    const struct sov_tensor *t;
    const unsigned char *from; /* rows, or a matrix, of the model */
    size_t bytes;              /* of a number */
    size_t k;                  /* columns of a matrix */
    size_t at, n;              /* of these, and so many */
    float *x;                  /* owned; [ROWS, n] or [n, COLUMNS] */
    float *y;                  /* owned; [ROWS, d] or [d, COLUMNS] */
    unsigned char *out;        /* owned */
    unsigned char *bad;        /* owned; [ROWS or d] a row has an infinity */
};

/* Does what was written read as n finite numbers?  They are left in y. */
static bool
is_finite(const struct job *j, const unsigned char *out, float *y, size_t n)
{
    bool finite = true;

    sov_kern()->decode[j->t->type](out, y, n);
    for (size_t i = 0; i < n; i++)
        finite = finite && isfinite(y[i]);
    return finite;
}

/* None of n rows, of which the first has this number, may be bad. */
static int
check(const struct job *j, size_t first, size_t n, struct sov_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (j->bad[i])
            return sov_fail(err, SOV_EUNSUP,
                            "row %zu is not finite, or more than %s holds "
                            "once it is turned: sov-quantize -t f32 helps then",
                            first + i, sov_type_info((int)j->t->type)->name);
    return 0;
}

static void
rows_of(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct job *j = arg;
    const struct sov_kern *kern = sov_kern();
    size_t n = j->turn->n, d = j->turn->d;
    float *x = j->x + first * n, *y = j->y + first * d;

    (void)worker;
    kern->decode[j->t->type](j->from + first * n * j->bytes, x,
                             (last - first) * n);
    for (size_t r = 0; r < last - first && j->role->gain != NULL; r++)
        for (size_t i = 0; i < n; i++)
            x[r * n + i] *= j->role->gain[i];
    kern->dots(j->turn->q, n, d, x, n, last - first, n, y, d);
    for (size_t i = 0; i < (last - first) * d; i++)
        y[i] = (float)(j->role->by * (double)y[i]);
    kern->encode[j->t->type](y, NULL, j->out + first * d * j->bytes,
                             (last - first) * d, 0);
    for (size_t r = first; r < last; r++)
        j->bad[r] = !is_finite(j, j->out + r * d * j->bytes, j->y + r * d, d);
}

static int
turn_columns(struct job *j, sov_trim_write_fn write, void *arg,
             struct sov_err *err)
{
    size_t rows = (size_t)sov_tensor_rows(j->t), now;
    size_t d = j->turn->d;
    const unsigned char *data = j->t->data;
    int rc = 0;

    j->x = sov_mem_aligned(ROWS * j->turn->n, sizeof(*j->x));
    j->y = sov_mem_aligned(ROWS * d, sizeof(*j->y));
    j->out = sov_mem_array(ROWS * d, j->bytes);
    j->bad = sov_mem_array(ROWS, 1);
    if (j->x == NULL || j->y == NULL || j->out == NULL || j->bad == NULL)
        return sov_mem_fail(err);
    for (size_t at = 0; at < rows && rc == 0; at += now) {
        now = rows - at < ROWS ? rows - at : ROWS;
        j->from = data + at * j->turn->n * j->bytes;
        sov_par_for(now, 16, rows_of, j);
        rc = check(j, at, now, err);
        if (rc == 0)
            rc = write(arg, j->out, now * d * j->bytes, err);
    }
    return rc;
}

static void
decode_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct job *j = arg;

    (void)worker;
    for (size_t r = first; r < last; r++)
        sov_kern()->decode[j->t->type](j->from + (r * j->k + j->at) * j->bytes,
                                       j->x + r * COLUMNS, j->n);
}

/* Some rows of the columns at work. */
static void
mix_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct job *j = arg;
    const struct sov_kern *kern = sov_kern();
    float *y = j->y + first * COLUMNS;

    (void)worker;
    memset(y, 0, (last - first) * COLUMNS * sizeof(*y));
    kern->mixes(j->turn->q + first * j->turn->n, j->turn->n, last - first, j->x,
                COLUMNS, j->turn->n, y, COLUMNS, j->n);
    for (size_t r = first; r < last; r++) {
        unsigned char *out = j->out + (r * j->k + j->at) * j->bytes;

        kern->encode[j->t->type](j->y + r * COLUMNS, NULL, out, j->n, 0);
        j->bad[r] |= !is_finite(j, out, j->y + r * COLUMNS, j->n);
    }
}

static int
turn_rows(struct job *j, sov_trim_write_fn write, void *arg,
          struct sov_err *err)
{
    size_t n = j->turn->n, d = j->turn->d;
    size_t matrices = (size_t)(j->t->dim[2] * j->t->dim[3]);
    const unsigned char *data = j->t->data;
    int rc = 0;

    j->k = (size_t)j->t->dim[0];
    j->x = sov_mem_aligned(n * COLUMNS, sizeof(*j->x));
    j->y = sov_mem_aligned(d * COLUMNS, sizeof(*j->y));
    j->out = sov_mem_array(d * j->k, j->bytes);
    j->bad = sov_mem_array(d, 1);
    if (j->x == NULL || j->y == NULL || j->out == NULL || j->bad == NULL)
        return sov_mem_fail(err);
    for (size_t m = 0; m < matrices && rc == 0; m++) {
        j->from = data + m * n * j->k * j->bytes;
        for (j->at = 0; j->at < j->k; j->at += j->n) {
            j->n = j->k - j->at < COLUMNS ? j->k - j->at : COLUMNS;
            sov_par_for(n, 16, decode_rows, j);
            sov_par_for(d, 16, mix_rows, j);
        }
        rc = check(j, m * d, d, err);
        if (rc == 0)
            rc = write(arg, j->out, d * j->k * j->bytes, err);
    }
    return rc;
}

int
sov_turn_tensor(const struct sov_turn *t, const sov_model *model, size_t i,
                sov_trim_write_fn write, void *arg, struct sov_err *err)
{
    struct job j = {
        .turn = t,
        .role = &t->role[i],
        .t = sov_model_at(model, i),
    };
    const struct sov_type_info *info = sov_type_info((int)j.t->type);
    int rc;

    if (info->block != 1 || sov_kern()->encode[j.t->type] == NULL ||
        sov_kern()->decode[j.t->type] == NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "tensor %s is %s: turn the model before it is "
                        "quantized",
                        j.t->name, info->name);
    j.bytes = info->bytes;
    rc = j.role->kind == SOV_TURN_ROWS ? turn_rows(&j, write, arg, err)
                                       : turn_columns(&j, write, arg, err);
    sov_mem_free_aligned(j.x);
    sov_mem_free_aligned(j.y);
    free(j.out);
    free(j.bad);
    return rc;
}
