/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tile.h - rows of floats times columns: four rows and up to six columns at a
 * time
 *
 * A tile keeps the 16 lanes of each of its sums (kern.h) in registers, and a
 * load of weights or activations serves all columns or rows of the tile: so
 * the rows are used where they lie, and nothing is gained by moving them.
 *
 * An instruction set brings the parts of which a tile is made, as large as its
 * registers allow (tiles.h); the order of work is here.
 */
#ifndef SOV_KERN_TILE_H
#define SOV_KERN_TILE_H

#include "kern/kern.h"

#include <stddef.h>
#include <stdint.h>

#define SOV_TILE_ROWS 4
#define SOV_TILE_COLS 6

/* What rows ask for while they are read lies so many bytes behind them; it is
 * for the second cache, since the first is full of what is used now. */
#define SOV_TILE_AHEAD 32768

/* A processor that sees a stream brings what comes next by itself, but not over
 * the end of a page: so of streams nothing but how pages begin is asked for. */
#define SOV_TILE_PAGE       4096
#define SOV_TILE_PAGE_BEGIN 384

/*
 * Some rows and columns of a tile: sum[c][r][16] = the lanes of n products of
 * row r, w_stride bytes apart, and column c, x_stride bytes apart; there are
 * SOV_TILE_ROWS rows to a column of sums.
 */
typedef void sov_tile_fn(const unsigned char *w, size_t w_stride,
                         const unsigned char *x, size_t x_stride, size_t n,
                         float *sum);

struct sov_tile_type {
    size_t act_bytes;  /* of what a weight meets */
    size_t rows, cols; /* of a part, at most so many columns */
    /* parts of 1 + i columns, [0] with asking for what comes after the tile */
    sov_tile_fn *fn[2][SOV_TILE_COLS];
    /* one column, of rows that are streams */
    sov_tile_fn *stream;
    /* y[c * y_stride + r] = the tree of each sum[c][r] */
    void (*trees)(const float *sum, size_t n_cols, float *y, size_t y_stride);
    /* before a tile and after it, where floats are handled otherwise in it */
    unsigned (*enter)(void);
    void (*leave)(unsigned);
};

/* As the slots dot[] of struct sov_kern. */
void sov_tile_dot(const struct sov_tile_type *t, const void *w, size_t w_stride,
                  size_t n_w, const void *act, size_t act_stride, size_t n_cols,
                  size_t n, float *y, size_t y_stride);

/* dot_NAME, by type_NAME */
#define SOV_TILE_DOT(name)                                                    \
    static void dot_##name(const void *w, size_t w_stride, size_t n_w,        \
                           const void *act, size_t act_stride, size_t n_cols, \
                           size_t n, float *y, size_t y_stride)               \
    {                                                                         \
        sov_tile_dot(&type_##name, w, w_stride, n_w, act, act_stride, n_cols, \
                     n, y, y_stride);                                         \
    }

#endif
