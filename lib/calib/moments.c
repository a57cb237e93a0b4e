/* SPDX-License-Identifier: Apache-2.0 */
/*
 * moments.c - second moments of what enters some matrices
 *
 * The columns of a block of tokens are first brought into panels, token by
 * token, as the kernel takes them; then tiles of the matrices are added to, of
 * the symmetric ones only those that reach above the diagonal.  Which tiles
 * there are, and who does them, cannot be seen in a sum.  While sums are made,
 * rows are as long as whole panels; sov_moments_finish() closes the gaps.
 */
#include "calib/moments.h"

#include "base/mem.h"
#include "kern/kern.h"
#include "nn/nn.h"
#include "sys/par.h"

#include <math.h>
#include <string.h>

/* Panels of rows and of columns of a tile: while rows go by, the columns stay
 * in the second cache. */
#define TILE_ROWS 16
#define TILE_COLS 12

/* Rows and columns that are mirrored together. */
#define MIRROR 64

static uint64_t
panels_of(size_t k)
{
    return k / SOV_OUTER + (k % SOV_OUTER != 0);
}

/* Floats of a matrix while it is added to. */
static uint64_t
matrix_floats(size_t rows, size_t k)
{
    return panels_of(rows) * SOV_OUTER * panels_of(k) * SOV_OUTER;
}

/* ---- memory ---- */

static void
place_sums(struct sov_moment_sums *s, struct sov_arena *a, size_t k, size_t out,
           bool pairs, bool matrices)
{
    if (matrices)
        s->h = sov_arena_take(a, matrix_floats(k, k), sizeof(float));
    if (matrices && pairs)
        s->c = sov_arena_take(a, matrix_floats(k, k), sizeof(float));
    if (matrices && out > 0)
        s->r = sov_arena_take(a, matrix_floats(out, k), sizeof(float));
    s->y = sov_arena_take(a, k, sizeof(double));
    s->x = sov_arena_take(a, k, sizeof(double));
}

static void
place(struct sov_moments *m, struct sov_arena *a, size_t k, size_t out,
      bool pairs, bool held)
{
    place_sums(&m->fit, a, k, out, pairs, true);
    place_sums(&m->held, a, k, out, pairs, held);
    m->square = sov_arena_take(a, k, sizeof(double));
}

uint64_t
sov_moments_bytes(size_t k, size_t out, bool pairs, bool held)
{
    struct sov_moments m = { 0 };
    struct sov_arena a = { 0 };

    place(&m, &a, k, out, pairs, held);
    return a.overflow ? UINT64_MAX : a.used;
}

uint64_t
sov_moments_room(size_t k, bool pairs)
{
    return panels_of(k) * SOV_OUTER * SOV_MOMENT_TOKENS * (pairs ? 2 : 1);
}

int
sov_moments_new(struct sov_moments *m, size_t k, size_t out, bool pairs,
                bool held, struct sov_err *err)
{
    uint64_t bytes = sov_moments_bytes(k, out, pairs, held);
    struct sov_arena a = { 0 };

    *m = (struct sov_moments){ .k = k, .out = out };
    if (bytes > SIZE_MAX / 2)
        return sov_mem_fail(err);
    m->own = a.base = sov_mem_aligned((size_t)bytes, 1);
    if (m->own == NULL)
        return sov_mem_fail(err);
    place(m, &a, k, out, pairs, held);
    return 0;
}

void
sov_moments_free(struct sov_moments *m)
{
    sov_mem_free_aligned(m->own);
    *m = (struct sov_moments){ 0 };
}

/* ---- adding ---- */

/* One block of tokens on its way into one set. */
struct block {
    const struct sov_kern *k;
    struct sov_moments *m;
    struct sov_moment_sums *to;
    const float *x, *y;
    size_t x_stride, y_stride;
    size_t n; /* tokens */
    size_t panels;
    size_t cols; /* tiles beside each other */
    float *of_y; /* [panels][n][SOV_OUTER] */
    float *of_d; /* likewise, x - y; NULL: x is y */
};

/* Column j: the sums that need no matrix. */
static void
add_column(const struct block *b, size_t j)
{
    double x = b->to->x[j], y = b->to->y[j], square = b->m->square[j];
    size_t t;

    for (t = 0; t < b->n; t++) {
        double v = (double)b->x[t * b->x_stride + j];

        x += v;
        y += (double)b->y[t * b->y_stride + j];
        square += v * v;
    }
    b->to->x[j] = x;
    b->to->y[j] = y;
    b->m->square[j] = square;
}

/* Columns behind the last are zeros. */
static void
pack_panels(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct block *b = arg;
    size_t p, j, t;

    (void)worker;
    for (p = first; p < last; p++) {
        size_t at = p * SOV_OUTER;
        size_t n = b->m->k - at < SOV_OUTER ? b->m->k - at : SOV_OUTER;
        float *y = b->of_y + at * b->n;
        float *d = b->of_d != NULL ? b->of_d + at * b->n : NULL;

        for (t = 0; t < b->n; t++, y += SOV_OUTER) {
            const float *from = b->y + t * b->y_stride + at;

            for (j = 0; j < SOV_OUTER; j++)
                y[j] = j < n ? from[j] : 0;
        }
        for (t = 0; d != NULL && t < b->n; t++, d += SOV_OUTER) {
            const float *was = b->x + t * b->x_stride + at;
            const float *is = b->y + t * b->y_stride + at;

            for (j = 0; j < SOV_OUTER; j++)
                d[j] = j < n ? was[j] - is[j] : 0;
        }
        for (j = at; j < at + n; j++)
            add_column(b, j);
    }
}

/* Row panel p, times the columns of a tile from column panel `first` on. */
static void
add_row(const struct block *b, const float *rows, const float *of, float *to,
        size_t p, size_t first, size_t last)
{
    size_t wide = b->panels * SOV_OUTER;
    size_t each = b->n * SOV_OUTER;
    const struct sov_outer o = {
        .a = rows + p * each,
        .a_row = 1,
        .a_step = SOV_OUTER,
        .n_a = SOV_OUTER,
        .b = of + first * each,
        .b_stride = each,
        .n_b = (last - first) * SOV_OUTER,
        .n = b->n,
        .y = to + p * SOV_OUTER * wide + first * SOV_OUTER,
        .y_stride = wide,
        .add = true,
    };

    if (first < last)
        b->k->outer(&o);
}

static void
add_tiles(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct block *b = arg;
    size_t i, p;

    (void)worker;
    for (i = first; i < last; i++) {
        size_t r0 = i / b->cols * TILE_ROWS;
        size_t c0 = i % b->cols * TILE_COLS;
        size_t r1 = r0 + TILE_ROWS < b->panels ? r0 + TILE_ROWS : b->panels;
        size_t c1 = c0 + TILE_COLS < b->panels ? c0 + TILE_COLS : b->panels;

        for (p = r0; p < r1; p++)
            add_row(b, b->of_y, b->of_y, b->to->h, p, p > c0 ? p : c0, c1);
        for (p = r0; p < r1 && b->of_d != NULL; p++)
            add_row(b, b->of_y, b->of_d, b->to->c, p, c0, c1);
    }
}

static void
add_block(struct block *b)
{
    size_t rows = (b->panels + TILE_ROWS - 1) / TILE_ROWS;
    uint64_t work = (uint64_t)TILE_ROWS * TILE_COLS * SOV_OUTER * SOV_OUTER;
    size_t pack = sov_nn_piece(8 * SOV_OUTER * b->n);
    size_t grain = sov_nn_piece(work * b->n);

    sov_par_for(b->panels, pack, pack_panels, b);
    sov_par_for(rows * b->cols, grain, add_tiles, b);
    b->to->n += b->n;
    b->m->n += b->n;
}

void
sov_moments_add(struct sov_moments *m, bool held, const float *x,
                size_t x_stride, const float *y, size_t y_stride, size_t n,
                float *room)
{
    struct sov_moment_sums *to = held && m->held.h != NULL ? &m->held : &m->fit;
    size_t panels = (size_t)panels_of(m->k);
    struct block b = {
        .k = sov_kern(),
        .m = m,
        .to = to,
        .x_stride = x_stride,
        .y_stride = y_stride,
        .panels = panels,
        .cols = (panels + TILE_COLS - 1) / TILE_COLS,
        .of_y = room,
    };
    size_t at;

    for (at = 0; at < n; at += b.n) {
        b.n = n - at < SOV_MOMENT_TOKENS ? n - at : SOV_MOMENT_TOKENS;
        b.x = x + at * x_stride;
        b.y = y + at * y_stride;
        if (to->c != NULL)
            b.of_d = room + panels * SOV_OUTER * SOV_MOMENT_TOKENS;
        add_block(&b);
    }
}

/* ---- adding what is lacking ---- */

static void
pack_lack(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct block *b = arg;
    size_t p, j, t;

    (void)worker;
    for (p = first; p < last; p++) {
        bool of_y = p < b->panels;
        size_t at = (of_y ? p : p - b->panels) * SOV_OUTER;
        size_t all = of_y ? b->m->k : b->m->out;
        size_t n = all - at < SOV_OUTER ? all - at : SOV_OUTER;
        const float *from = (of_y ? b->y : b->x) + at;
        float *to = b->of_y + p * SOV_OUTER * b->n;

        for (t = 0; t < b->n; t++, to += SOV_OUTER) {
            for (j = 0; j < SOV_OUTER; j++)
                to[j] = j < n ? from[j] : 0;
            from += of_y ? b->y_stride : b->x_stride;
        }
    }
}

static void
add_lack(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct block *b = arg;
    size_t c, p;

    (void)worker;
    for (c = 0; c < b->panels; c += TILE_COLS) {
        size_t end = c + TILE_COLS < b->panels ? c + TILE_COLS : b->panels;

        for (p = first; p < last; p++)
            add_row(b, b->of_d, b->of_y, b->to->r, p, c, end);
    }
}

void
sov_moments_add_lack(struct sov_moments *m, bool held, const float *y,
                     size_t y_stride, const float *e, size_t e_stride, size_t n,
                     float *room)
{
    size_t panels = (size_t)panels_of(m->k);
    size_t rows = (size_t)panels_of(m->out);
    struct block b = {
        .k = sov_kern(),
        .m = m,
        .to = held && m->held.h != NULL ? &m->held : &m->fit,
        .x_stride = e_stride,
        .y_stride = y_stride,
        .panels = panels,
        .of_y = room,
    };
    size_t at;

    for (at = 0; at < n; at += b.n) {
        b.n = n - at < SOV_MOMENT_TOKENS ? n - at : SOV_MOMENT_TOKENS;
        b.x = e + at * e_stride;
        b.y = y + at * y_stride;
        b.of_d = room + panels * SOV_OUTER * b.n;
        sov_par_for(panels + rows, sov_nn_piece(SOV_OUTER * b.n), pack_lack,
                    &b);
        sov_par_for(
            rows, sov_nn_piece((uint64_t)SOV_OUTER * SOV_OUTER * panels * b.n),
            add_lack, &b);
    }
}

/* ---- the end ---- */

static void
close_gaps(float *h, size_t rows, size_t k)
{
    size_t wide = (size_t)panels_of(k) * SOV_OUTER;
    size_t i;

    for (i = 1; h != NULL && i < rows && wide > k; i++)
        memmove(h + i * k, h + i * wide, k * sizeof(*h));
}

/* Squares of MIRROR below the diagonal, in rows of squares. */
static void
mirror_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_moments *m = arg;
    size_t k = m->k;
    float *h[2] = { m->fit.h, m->held.h };
    size_t r, c, i, j, s;

    (void)worker;
    for (r = first; r < last; r++)
        for (c = 0; c <= r; c++)
            for (s = 0; s < 2 && h[s] != NULL; s++)
                for (i = r * MIRROR; i < (r + 1) * MIRROR && i < k; i++)
                    for (j = c * MIRROR; j < (c + 1) * MIRROR && j < i; j++)
                        h[s][i * k + j] = h[s][j * k + i];
}

void
sov_moments_finish(struct sov_moments *m)
{
    struct sov_moment_sums *set[2] = { &m->fit, &m->held };
    size_t i;

    for (i = 0; i < 2; i++) {
        close_gaps(set[i]->h, m->k, m->k);
        close_gaps(set[i]->c, m->k, m->k);
        close_gaps(set[i]->r, m->out, m->k);
    }
    sov_par_for((m->k + MIRROR - 1) / MIRROR, 1, mirror_rows, m);
}

static bool
all_finite(const float *x, uint64_t n)
{
    uint64_t i;

    for (i = 0; x != NULL && i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

bool
sov_moments_finite(const struct sov_moments *m)
{
    uint64_t n = (uint64_t)m->k * m->k;
    uint64_t lack = (uint64_t)m->out * m->k;
    size_t i;

    for (i = 0; i < m->k; i++)
        if (!isfinite(m->square[i]))
            return false;
    return all_finite(m->fit.h, n) && all_finite(m->fit.c, n) &&
           all_finite(m->held.h, n) && all_finite(m->held.c, n) &&
           all_finite(m->fit.r, lack) && all_finite(m->held.r, lack);
}
