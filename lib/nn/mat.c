/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mat.c - y = W x for weights of any type and any number of columns
 *
 * Work is cut into tiles of rows.  Within a tile the columns go in groups, so
 * that the inputs of a group and the weights of the tile stay in the cache
 * while they meet.
 */
#include "nn/mat.h"

#include "nn/low.h"
#include "sys/par.h"
#include "tensor/half.h"

#include <string.h>

/* A unit of work, and what a panel of kern/ holds. */
#define TILE_ROWS 32
#define TILE_COLS 32

/* Floats for decoded rows: as many rows as fit, at least one. */
#define DECODED (64 * 1024)

size_t
sov_mat_room(size_t n_in)
{
    return n_in > DECODED ? n_in : DECODED;
}

static enum sov_act
form_of(const struct sov_nn *nn, const struct sov_mat *w)
{
    return nn->precise ? SOV_ACT_F32 : nn->k->act_of[w->type];
}

unsigned
sov_mat_forms(const struct sov_nn *nn, const struct sov_mat *w, size_t n)
{
    unsigned forms = 0;
    size_t i, j;

    for (i = 0; i < n; i++) {
        forms |= 1u << form_of(nn, &w[i]);
        for (j = 0; j < w[i].n_low; j++)
            forms |= 1u << form_of(nn, &w[i].low[j].in);
    }
    return forms;
}

static size_t
pieces(const struct sov_input *in)
{
    return (in->n + 255) / 256;
}

void
sov_input_column(const struct sov_nn *nn, const struct sov_input *in, size_t c)
{
    const float *x = in->x + c * in->stride;

    if (in->forms & 1u << SOV_ACT_A32)
        nn->k->to_a32(x, in->a32 + c * pieces(in), in->n);
    if (in->forms & 1u << SOV_ACT_A256)
        nn->k->to_a256(x, in->a256 + c * pieces(in), in->n);
    if (in->forms & 1u << SOV_ACT_HALF)
        for (size_t i = 0; i < in->n; i++)
            in->half[c * in->n + i] = sov_f32_round11(x[i]);
    if (in->forms & 1u << SOV_ACT_BF16) {
        uint16_t *to = in->bf16 + c * sov_input_bf16(in->n);

        nn->k->encode[SOV_TYPE_BF16](x, NULL, to, in->n, 1);
        memset(to + in->n, 0, (sov_input_bf16(in->n) - in->n) * sizeof(*to));
    }
}

static void
add_bias(const struct sov_mul *mul, size_t r0, size_t n_rows, size_t n_cols)
{
    size_t c;
    size_t r;

    if (mul->w->bias == NULL)
        return;
    for (c = 0; c < n_cols; c++)
        for (r = r0; r < r0 + n_rows; r++)
            mul->y[c * mul->y_stride + r] += mul->w->bias[r];
}

/* Is there a product of these weights with the form that they take here? */
static bool
is_direct(const struct sov_nn *nn, const struct sov_mat *w)
{
    enum sov_act form = nn->k->act_of[w->type];

    return nn->k->dot[w->type] != NULL &&
           (!nn->precise || form == SOV_ACT_F32 || form == SOV_ACT_HALF);
}

/* Columns of a form, and the bytes from one to the next. */
static const void *
columns_of(const struct sov_input *in, enum sov_act form, size_t *stride)
{
    switch (form) {
    case SOV_ACT_A32:
        *stride = pieces(in) * sizeof(*in->a32);
        return in->a32;
    case SOV_ACT_A256:
        *stride = pieces(in) * sizeof(*in->a256);
        return in->a256;
    case SOV_ACT_HALF:
        *stride = in->n * sizeof(*in->half);
        return in->half;
    case SOV_ACT_BF16:
        *stride = sov_input_bf16(in->n) * sizeof(*in->bf16);
        return in->bf16;
    case SOV_ACT_F32:
        break;
    }
    *stride = in->stride * sizeof(*in->x);
    return in->x;
}

static void
tile_direct(const struct sov_nn *nn, const struct sov_mul *mul,
            const struct sov_input *in, size_t r0, size_t n_rows)
{
    const struct sov_mat *w = mul->w;
    size_t stride;
    const unsigned char *act = columns_of(in, form_of(nn, w), &stride);
    size_t c, r, cols, many;

    if (nn->k->many[w->type] != NULL &&
        in->n_cols >= nn->k->many_from[w->type]) {
        nn->k->many[w->type](w->data + r0 * w->row_bytes, w->row_bytes, n_rows,
                             act, stride, in->n_cols, w->n_in, mul->y + r0,
                             mul->y_stride);
        return;
    }
    for (r = r0; r < r0 + n_rows; r += TILE_ROWS) {
        many = r0 + n_rows - r < TILE_ROWS ? r0 + n_rows - r : TILE_ROWS;
        for (c = 0; c < in->n_cols; c += TILE_COLS) {
            cols = in->n_cols - c < TILE_COLS ? in->n_cols - c : TILE_COLS;
            nn->k->dot[w->type](w->data + r * w->row_bytes, w->row_bytes, many,
                                act + c * stride, stride, cols, w->n_in,
                                mul->y + c * mul->y_stride + r,
                                mul->y_stride);
        }
    }
}

static void
tile_f32(const struct sov_nn *nn, const struct sov_mul *mul,
         const struct sov_input *in, size_t r0, size_t n_rows, float *tmp)
{
    const struct sov_mat *w = mul->w;
    size_t c, r, n;

    for (r = 0; r < n_rows; r++)
        nn->k->decode[w->type](w->data + (r0 + r) * w->row_bytes,
                               tmp + r * w->n_in, w->n_in);
    for (c = 0; c < in->n_cols; c += TILE_COLS) {
        n = in->n_cols - c < TILE_COLS ? in->n_cols - c : TILE_COLS;
        nn->k->dots(tmp, w->n_in, n_rows, in->x + c * in->stride, in->stride,
                    n, w->n_in, mul->y + c * mul->y_stride + r0, mul->y_stride);
    }
}

/* Rows [r0, r0 + n_rows), in as many steps as their form wants. */
static void
rows(const struct sov_nn *nn, const struct sov_mul *mul,
     const struct sov_input *in, size_t r0, size_t n_rows, float *tmp)
{
    const struct sov_mat *w = mul->w;
    size_t step = DECODED / w->n_in;
    size_t r, n;

    if (is_direct(nn, w)) {
        tile_direct(nn, mul, in, r0, n_rows);
    } else {
        step = step == 0 ? 1 : step;
        for (r = 0; r < n_rows; r += step) {
            n = n_rows - r < step ? n_rows - r : step;
            tile_f32(nn, mul, in, r0 + r, n, tmp);
        }
    }
    add_bias(mul, r0, n_rows, in->n_cols);
}

static size_t
tiles(const struct sov_mat *w)
{
    return (w->n_out + TILE_ROWS - 1) / TILE_ROWS;
}

size_t
sov_mat_units(const struct sov_mul *mul, size_t n_mul)
{
    size_t n = 0;
    size_t i;

    for (i = 0; i < n_mul; i++)
        n += tiles(mul[i].w);
    return n;
}

size_t
sov_mat_share(const struct sov_mul *mul, size_t n_mul, size_t share,
              size_t n_shares)
{
    double all = 0;
    double want;
    size_t first = 0;
    size_t i;

    for (i = 0; i < n_mul; i++)
        all += (double)tiles(mul[i].w) * (double)mul[i].w->row_bytes;
    want = all * ((double)share / (double)n_shares);
    for (i = 0; i < n_mul; i++) {
        size_t n = tiles(mul[i].w);
        double bytes = (double)n * (double)mul[i].w->row_bytes;

        if (want < bytes)
            return first + (size_t)((double)n * (want / bytes));
        first += n;
        want -= bytes;
    }
    return first;
}

void
sov_mat_run(const struct sov_nn *nn, const struct sov_mul *mul,
            const struct sov_input *in, size_t first, size_t last,
            unsigned worker)
{
    size_t before = 0; /* units of the products before this one */
    size_t t;

    for (t = first; t < last;) {
        size_t end; /* of what is to be done of this product */
        size_t r0, r1;

        while (t - before >= tiles(mul->w))
            before += tiles(mul++->w);
        end = before + tiles(mul->w) < last ? before + tiles(mul->w) : last;
        r0 = (t - before) * TILE_ROWS;
        r1 = (end - before) * TILE_ROWS;
        r1 = r1 < mul->w->n_out ? r1 : mul->w->n_out;
        rows(nn, mul, in, r0, r1 - r0, sov_nn_scratch(nn, worker));
        t = end;
    }
}

struct job {
    const struct sov_nn *nn;
    const struct sov_mul *mul;
    const struct sov_input *in;
};

static void
run_units(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct job *job = arg;

    sov_mat_run(job->nn, job->mul, job->in, first, last, worker);
}

void
sov_mat_mul(const struct sov_nn *nn, const struct sov_mul *mul, size_t n_mul,
            const struct sov_input *in)
{
    struct job job = { nn, mul, in };
    uint64_t work = (uint64_t)TILE_ROWS * in->n * in->n_cols;
    size_t n = sov_mat_units(mul, n_mul);

    sov_par_for(n, sov_nn_grain(n, work), run_units, &job);
}
