/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panel.c - rows times many columns by panels: the order of work
 *
 * One panel at a time is unpacked, 8 KiB that stay in the first cache while
 * all columns pass by.  Sums are kept beside each other for a block of columns
 * and go where they belong at the end.
 */
#include "config.h"

#include "kern/panel.h"

#include <string.h>

#define ROWS SOV_PANEL_ROWS

/* Columns for which a piece is unpacked once: their sums, and the activations
 * that it meets, stay in the second cache.  Tiles of 3 and of 4 fill them. */
#define COLS      516
#define TILE_COLS 12

/* What is left of rows or weights, with zeros behind it. */
static void
copy_rest(const unsigned char *rows, size_t stride, size_t n_rows, size_t bytes,
          unsigned char raw[ROWS][SOV_PANEL_RAW])
{
    size_t r;

    memset(raw, 0, ROWS * SOV_PANEL_RAW);
    for (r = 0; r < n_rows; r++)
        memcpy(raw[r], rows + r * stride, bytes);
}

struct job {
    const struct sov_panel_type *type;
    const unsigned char *rows;
    size_t stride;
    size_t n_rows;
    size_t n;
    float *y;
    size_t y_stride;
    const unsigned char *next; /* rows that come after these */
};

static void
put(const struct job *job, const float *f, size_t n_cols)
{
    float *y = job->y;
    size_t c;

    if (job->n_rows == ROWS) {
        job->type->put(f, n_cols, y, job->y_stride);
        return;
    }
    for (c = 0; c < n_cols; c++, f += ROWS, y += job->y_stride)
        memcpy(y, f, job->n_rows * sizeof(*f));
}

static void
columns(const struct job *job, const unsigned char *act, size_t act_stride,
        size_t n_cols, float *f)
{
    const struct sov_panel_type *t = job->type;
    size_t n_pieces = (job->n + 255) / 256;
    struct sov_panel p;
    unsigned char raw[ROWS][SOV_PANEL_RAW];
    size_t i;

    memset(f, 0, n_cols * ROWS * sizeof(*f));
    for (i = 0; i < n_pieces; i++, act += t->act_bytes) {
        const unsigned char *rows = job->rows + i * t->bytes;
        size_t stride = job->stride;
        size_t left = job->n - 256 * i;

        p.ahead = job->rows + ROWS * (stride + i * t->bytes);
        p.n_ahead = ROWS * t->bytes / 64 + 1;
        p.next = i + 1 < n_pieces ? rows + t->bytes : job->next;
        p.next_stride = stride;
        p.next_bytes = t->bytes;
        p.place = i + 1 < n_pieces ? NULL : job->y;
        p.place_stride = job->y_stride;
        if (job->n_rows < ROWS || left < 256) {
            copy_rest(rows, stride, job->n_rows,
                      left < 256 ? t->bytes * left / 256 : t->bytes, raw);
            rows = raw[0];
            stride = SOV_PANEL_RAW;
        }
        t->unpack(rows, stride, &p);
        t->mul(&p, act, act_stride, n_cols, f);
    }
}

/* Columns of a block, so that the blocks are about as wide, and of whole tiles
 * but for the last one. */
static size_t
width(size_t n)
{
    size_t blocks = (n + COLS - 1) / COLS;
    size_t each = blocks == 0 ? 0 : (n + blocks - 1) / blocks;

    return (each + TILE_COLS - 1) / TILE_COLS * TILE_COLS;
}

void
sov_panel_dot(const struct sov_panel_type *t, const void *w, size_t w_stride,
              size_t n_w, const void *act, size_t act_stride, size_t n_cols,
              size_t n, float *y, size_t y_stride)
{
    float f[COLS * ROWS] __attribute__((aligned(64)));
    size_t most = width(n_cols);
    size_t r, at;

    for (r = 0; r < n_w; r += ROWS) {
        size_t n_rows = n_w - r < ROWS ? n_w - r : ROWS;
        struct job job = {
            .type = t,
            .rows = (const unsigned char *)w + r * w_stride,
            .stride = w_stride,
            .n_rows = n_rows,
            .n = n,
            .y = y + r,
            .y_stride = y_stride,
        };

        for (at = 0; at < n_cols; at += most) {
            size_t many = n_cols - at < most ? n_cols - at : most;

            job.next =
                at + many < n_cols ? job.rows : job.rows + ROWS * w_stride;
            columns(&job, (const unsigned char *)act + at * act_stride,
                    act_stride, many, f);
            put(&job, f, many);
            job.y += many * y_stride;
        }
    }
}
