/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tile.c - rows of floats times columns: the order of work
 */
#include "config.h"

#include "kern/tile.h"

#include <stdbool.h>

#define ROWS  SOV_TILE_ROWS
#define LANES 16

/* Bytes of columns that stay in the second cache, beside the rows. */
#define NEAR ((size_t)384 * 1024)

/* Columns of each tile, so that n of them make tiles of about one width. */
static size_t
width(size_t n)
{
    size_t tiles = (n + SOV_TILE_COLS - 1) / SOV_TILE_COLS;

    return (n + tiles - 1) / tiles;
}

struct job {
    const struct sov_tile_type *type;
    size_t w_stride;
    size_t act_stride;
    size_t n;
    size_t y_stride;
};

/* All parts of a tile, of which the first asks for what comes next. */
static void
parts(const struct sov_tile_type *t, const unsigned char *w, size_t w_stride,
      const unsigned char *x, size_t x_stride, size_t n, size_t n_cols,
      bool ask, float *sum)
{
    size_t r, c, cols;

    if (n_cols == 1) {
        for (r = 0; r < ROWS; r += t->rows)
            t->stream(w + r * w_stride, w_stride, x, x_stride, n,
                      sum + LANES * r);
        return;
    }
    for (c = 0; c < n_cols; c += cols, x += cols * x_stride) {
        cols = n_cols - c < t->cols ? n_cols - c : t->cols;
        for (r = 0; r < ROWS; r += t->rows, ask = false)
            t->fn[ask ? 0 : 1][cols - 1](w + r * w_stride, w_stride, x,
                                         x_stride, n,
                                         sum + LANES * (ROWS * c + r));
    }
}

/*
 * Four rows that are `apart` from each other, 1 or more, or one in all places
 * if that is 0; and up to six columns.
 */
static void
tile(const struct job *job, const unsigned char *w, size_t apart,
     const unsigned char *act, size_t n_cols, bool ask, float *y)
{
    const struct sov_tile_type *t = job->type;
    float sum[SOV_TILE_COLS * ROWS * LANES] __attribute__((aligned(64)));
    float few[SOV_TILE_COLS * ROWS];
    unsigned mode = t->enter != NULL ? t->enter() : 0;
    size_t c, r;

    parts(t, w, apart * job->w_stride, act, job->act_stride, job->n, n_cols,
          ask, sum);
    if (t->leave != NULL)
        t->leave(mode);
    if (apart == 1) {
        t->trees(sum, n_cols, y, job->y_stride);
        return;
    }
    t->trees(sum, n_cols, few, ROWS);
    for (c = 0; c < n_cols; c++)
        for (r = 0; r < (apart == 0 ? 1 : ROWS); r++)
            y[c * job->y_stride + r * apart] = few[c * ROWS + r];
}

/*
 * One column, so nothing but memory counts.  It is fastest when it sees a few
 * long streams, and is asked for nothing but how their pages begin: so the rows
 * of a tile are a quarter of all rows apart.  (With more columns asking ahead
 * is faster.)
 */
static void
streams(const struct job *job, const unsigned char *w, size_t n_w,
        const unsigned char *act, float *y)
{
    size_t apart = n_w / ROWS;
    size_t r;

    for (r = 0; r < apart; r++)
        tile(job, w + r * job->w_stride, apart, act, 1, false, y + r);
    for (r *= ROWS; r < n_w; r++)
        tile(job, w + r * job->w_stride, 0, act, 1, false, y + r);
}

static void
block(const struct job *job, const unsigned char *w, size_t n_w,
      const unsigned char *act, size_t n_cols, float *y)
{
    size_t most = width(n_cols);
    size_t r, c, rows, cols;

    if (n_cols == 1) {
        streams(job, w, n_w, act, y);
        return;
    }
    for (r = 0; r < n_w; r += rows, w += rows * job->w_stride) {
        rows = n_w - r < ROWS ? 1 : ROWS;
        for (c = 0; c < n_cols; c += cols) {
            cols = n_cols - c < most ? n_cols - c : most;
            tile(job, w, rows == 1 ? 0 : 1, act + c * job->act_stride, cols,
                 c == 0, y + c * job->y_stride + r);
        }
    }
}

void
sov_tile_dot(const struct sov_tile_type *t, const void *w, size_t w_stride,
             size_t n_w, const void *act, size_t act_stride, size_t n_cols,
             size_t n, float *y, size_t y_stride)
{
    struct job job = { t, w_stride, act_stride, n, y_stride };
    size_t fit = NEAR / (n * t->act_bytes + 1);
    size_t most = fit > SOV_TILE_COLS ? fit / SOV_TILE_COLS * SOV_TILE_COLS
                                      : SOV_TILE_COLS;
    size_t c, cols;

    for (c = 0; c < n_cols; c += cols) {
        cols = n_cols - c < most ? n_cols - c : most;
        block(&job, w, n_w, (const unsigned char *)act + c * act_stride, cols,
              y + c * y_stride);
    }
}
