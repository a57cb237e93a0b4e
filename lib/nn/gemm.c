/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gemm.c - products of matrices of floats: who does what
 *
 * The columns of the result (b) are brought into panels, blocks of SOV_GEMM_K
 * numbers of them one behind the other: all of them at once if there is room,
 * otherwise a few blocks or a part of the columns after the other.  All threads
 * do that, and then multiply:
 *
 *     room    [blocks of k][panels][steps][SOV_OUTER]
 *
 * An item of work is a tile of the result, some rows and as many columns as
 * stay in the second cache.  Rows (a) are read where they lie; if they lie
 * across, or become bf16, whoever multiplies them packs SOV_OUTER at a time.
 *
 * A step is a number, or of bf16 a pair; in both cases 32 bits.
 */
#include "nn/gemm.h"

#include "nn/nn.h"
#include "sov/base.h"
#include "sys/par.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#define UNITS (SOV_GEMM_ROOM / sizeof(uint32_t))

/* Units of a block of columns that stay in the second cache. */
#define NEAR ((size_t)128 * 1024)

/* Rows of an item: enough to be worth fetching the columns for. */
#define ROWS_MAX 256
#define ROWS_MIN 32

enum part { BEGIN, PACK, MULTIPLY };

/* Where a product is: blocks of k from k0 and columns from j0. */
struct work {
    const struct sov_gemm *g;
    enum part part;
    size_t steps;   /* of a whole block */
    size_t j0, n_j; /* columns that are packed */
    size_t k0, n_k;
    size_t panels;
    size_t rows, cols; /* of an item */
    size_t tiles;      /* items below each other */
};

static size_t
up(size_t n, size_t by)
{
    return (n + by - 1) / by;
}

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Numbers of the block at k. */
static size_t
block_len(const struct work *w, size_t k)
{
    return least(w->g->n_k - k, SOV_GEMM_K);
}

static size_t
steps_of(const struct work *w, size_t len)
{
    return w->g->bf16 ? up(len, 2) : len;
}

/* ---- panels ---- */

/* Where panel p of the block at k is, or the one behind the last. */
static uint32_t *
panel_at(const struct work *w, size_t k, size_t p)
{
    size_t block = (k - w->k0) / SOV_GEMM_K;

    return (uint32_t *)w->g->room +
           (block * w->panels * w->steps + p * steps_of(w, block_len(w, k))) *
               SOV_OUTER;
}

/* Numbers of n <= SOV_OUTER rows that lie across, beside each other. */
static void
copy_rows(const float *x, size_t stride, size_t n, size_t len, float *to)
{
    size_t t;

    for (t = 0; t < len && n == SOV_OUTER; t++)
        memcpy(to + t * SOV_OUTER, x + t * stride, SOV_OUTER * sizeof(*to));
    for (; t < len; t++) {
        memset(to + t * SOV_OUTER, 0, SOV_OUTER * sizeof(*to));
        memcpy(to + t * SOV_OUTER, x + t * stride, n * sizeof(*to));
    }
}

/* n <= SOV_OUTER rows of len <= SOV_GEMM_K numbers to bf16, one behind the
 * other. */
static void
round_rows(const struct sov_kern *k, const float *x, size_t stride, size_t n,
           size_t len, void *to)
{
    uint16_t *y = to;
    size_t i;

    for (i = 0; i < n; i++)
        k->to_bf16(x + i * stride, y + i * SOV_GEMM_K, len);
}

/* Rows i .. i + n - 1 of a side, numbers k .. k + len - 1, as a panel. */
static void
pack(const struct sov_gemm *g, const struct sov_gemm_side *s, size_t i,
     size_t n, size_t k, size_t len, void *to)
{
    alignas(64) unsigned char rows[SOV_OUTER * SOV_GEMM_K * 2];

    if (s->across && g->bf16)
        g->k->panel_pairs(s->x + k * s->stride + i, s->stride, n, len, to);
    else if (s->across)
        copy_rows(s->x + k * s->stride + i, s->stride, n, len, to);
    else if (g->bf16) {
        round_rows(g->k, s->x + i * s->stride + k, s->stride, n, len, rows);
        g->k->panel(rows, SOV_GEMM_K / 2, n, up(len, 2), to);
    } else
        g->k->panel(s->x + i * s->stride + k, s->stride, n, len, to);
}

/* Panels of all blocks, numbered through. */
static void
pack_items(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct work *w = arg;
    size_t item;

    (void)worker;
    for (item = first; item < last; item++) {
        size_t k = w->k0 + item / w->panels * SOV_GEMM_K;
        size_t p = item % w->panels;
        size_t j = p * SOV_OUTER;

        pack(w->g, &w->g->b, w->j0 + j, least(w->n_j - j, SOV_OUTER), k,
             block_len(w, k), panel_at(w, k, p));
    }
}

/* ---- tiles ---- */

/* A tile of the result, and the block of k that is added to it. */
struct tile {
    size_t i, n_i;
    size_t j, n_j;
    size_t k;
};

static void
multiply(const struct work *w, const struct tile *t)
{
    const struct sov_gemm *g = w->g;
    alignas(64) unsigned char room[SOV_OUTER * SOV_GEMM_K * 4];
    size_t len = block_len(w, t->k);
    struct sov_outer o = {
        .b = panel_at(w, t->k, t->j / SOV_OUTER),
        .b_stride = steps_of(w, len) * SOV_OUTER,
        .n_b = t->n_j,
        .n = steps_of(w, len),
        .y_stride = g->c_stride,
        .add = g->add || t->k > 0,
    };
    void (*outer)(const struct sov_outer *o) =
        g->bf16 ? g->k->outer_bf16 : g->k->outer;
    float *c = g->c + w->j0 + t->j;
    size_t i;

    if (!g->bf16 && !g->a.across) {
        o.a = g->a.x + t->i * g->a.stride + t->k;
        o.a_row = g->a.stride;
        o.a_step = 1;
        o.n_a = t->n_i;
        o.y = c + t->i * g->c_stride;
        outer(&o);
        return;
    }
    o.a = room;
    o.a_row = g->a.across ? 1 : SOV_GEMM_K / 2;
    o.a_step = g->a.across ? SOV_OUTER : 1;
    for (i = t->i; i < t->i + t->n_i; i += SOV_OUTER) {
        o.n_a = least(t->i + t->n_i - i, SOV_OUTER);
        o.y = c + i * g->c_stride;
        if (g->a.across)
            pack(g, &g->a, i, o.n_a, t->k, len, room);
        else
            round_rows(g->k, g->a.x + i * g->a.stride + t->k, g->a.stride,
                       o.n_a, len, room);
        outer(&o);
    }
}

static void
multiply_items(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct work *w = arg;
    size_t item;

    (void)worker;
    for (item = first; item < last; item++) {
        struct tile t = {
            .i = item % w->tiles * w->rows,
            .j = item / w->tiles * w->cols,
        };

        t.n_i = least(w->g->n_i - t.i, w->rows);
        t.n_j = least(w->n_j - t.j, w->cols);
        for (t.k = w->k0; t.k < w->k0 + w->n_k; t.k += SOV_GEMM_K)
            multiply(w, &t);
    }
}

/* ---- the order of work ---- */

/* How much of b is packed at once: all its columns, if a block of them has
 * room, and as many blocks as fit. */
static void
cut_b(struct work *w)
{
    size_t most = UNITS / (w->steps * SOV_OUTER);
    size_t all = up(w->g->n_j, SOV_OUTER);
    size_t parts = up(all, most);
    size_t wide = up(all, parts);
    size_t blocks = least(up(w->g->n_k, SOV_GEMM_K), most / wide);

    w->n_j = wide * SOV_OUTER;
    w->n_k = blocks * SOV_GEMM_K;
}

/* The next part of b; false after the last. */
static bool
next_of_b(struct work *w)
{
    const struct sov_gemm *g = w->g;

    if (w->part == BEGIN) {
        w->k0 = w->j0 = 0;
    } else {
        w->k0 += w->n_k;
        if (w->k0 >= g->n_k) {
            w->k0 = 0;
            w->j0 += w->n_j;
        }
    }
    if (w->j0 >= g->n_j)
        return false;
    cut_b(w);
    w->n_j = least(w->n_j, g->n_j - w->j0);
    w->n_k = least(w->n_k, g->n_k - w->k0);
    w->panels = up(w->n_j, SOV_OUTER);
    return true;
}

/* Items of about one size, several for each thread. */
static void
cut_items(struct work *w)
{
    size_t most = NEAR / (w->steps * SOV_OUTER);
    size_t across = up(w->panels, most);
    size_t want = 4 * (size_t)sov_threads();
    size_t rows = up(w->g->n_i * across, want);

    rows = rows < ROWS_MIN ? ROWS_MIN : rows > ROWS_MAX ? ROWS_MAX : rows;
    w->rows = up(rows, SOV_OUTER) * SOV_OUTER;
    w->cols = up(w->panels, across) * SOV_OUTER;
    w->tiles = up(w->g->n_i, w->rows);
}

static bool
next_part(void *arg, struct sov_phase *phase, unsigned worker)
{
    struct work *w = arg;

    (void)worker;
    phase->arg = w;
    if (w->part == PACK) {
        cut_items(w);
        w->part = MULTIPLY;
        phase->fn = multiply_items;
        phase->n = w->tiles * up(w->n_j, w->cols);
        phase->grain = sov_nn_piece((uint64_t)w->rows * w->cols * w->n_k / 16);
        return true;
    }
    if (!next_of_b(w))
        return false;
    w->part = PACK;
    phase->fn = pack_items;
    phase->n = w->panels * up(w->n_k, SOV_GEMM_K);
    phase->grain = sov_nn_piece(SOV_OUTER * least(w->n_k, SOV_GEMM_K));
    return true;
}

/* No terms: nothing but 0 to be put. */
static void
clear(const struct sov_gemm *g)
{
    size_t i;

    for (i = 0; i < g->n_i && !g->add; i++)
        memset(g->c + i * g->c_stride, 0, g->n_j * sizeof(*g->c));
}

void
sov_gemm(const struct sov_gemm *g)
{
    struct work w = { .g = g, .part = BEGIN };

    if (g->n_k == 0) {
        clear(g);
        return;
    }
    if (g->n_i == 0 || g->n_j == 0)
        return;
    w.steps = steps_of(&w, SOV_GEMM_K);
    sov_par_phases(next_part, &w);
}
