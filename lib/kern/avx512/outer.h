/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outer.h - tiles of sums of outer products, AVX-512
 *
 * Eight rows and up to PANELS panels at a time: their sums stay in registers.
 * The rows come from the first cache, the panels from the second.  With three
 * panels there are 24 sums, and eleven loads for each step.
 *
 * Whoever includes it defines PANELS, unit (a number of a and b), and
 *
 *     vecx one(const unit *a)        a unit in all lanes
 *     vecx some(const unit *b)       those of 16 columns
 *     __m512 fma_unit(vecx x, vecx v, __m512 s)
 */
#ifndef SOV_KERN_AVX512_OUTER_H
#define SOV_KERN_AVX512_OUTER_H

#define ROWS 8

/* Where a tile lies. */
struct tile {
    const unit *a;
    size_t row, step;
    const unit *b;
    size_t b_stride;
    size_t n;
    float *y;
    size_t y_stride;
    __mmask16 last; /* of the last panel */
    bool add;
};

INLINE void
ask_for_sums(const struct tile *t, int rows, int panels)
{
    int i, p;

    for (i = 0; i < rows; i++)
        for (p = 0; p < panels; p++)
            _mm_prefetch(
                (const char *)(t->y + (size_t)i * t->y_stride + 16 * (size_t)p),
                _MM_HINT_T0);
}

INLINE void
put_sums(const struct tile *t, int rows, int panels, __m512 s[ROWS][PANELS])
{
    int i, p;

    for (i = 0; i < rows; i++)
        for (p = 0; p < panels; p++) {
            float *to = t->y + (size_t)i * t->y_stride + 16 * (size_t)p;
            __mmask16 m = p + 1 < panels ? (__mmask16)0xffff : t->last;
            __m512 v = s[i][p];

            if (t->add)
                v = _mm512_add_ps(_mm512_maskz_loadu_ps(m, to), v);
            _mm512_mask_storeu_ps(to, m, v);
        }
}

INLINE void
tile(const struct tile *t, int rows, int panels)
{
    __m512 s[ROWS][PANELS];
    const unit *a = t->a;
    const unit *b = t->b;
    size_t k;
    int i, p;

    ask_for_sums(t, rows, panels);
    for (i = 0; i < rows; i++)
        for (p = 0; p < panels; p++)
            s[i][p] = _mm512_setzero_ps();
    for (k = 0; k < t->n; k++, a += t->step, b += SOV_OUTER) {
        vecx v[PANELS];

        for (p = 0; p < panels; p++)
            v[p] = some(b + (size_t)p * t->b_stride);
        for (i = 0; i < rows; i++) {
            vecx x = one(a + (size_t)i * t->row);

            for (p = 0; p < panels; p++)
                s[i][p] = fma_unit(x, v[p], s[i][p]);
        }
    }
    put_sums(t, rows, panels, s);
}

INLINE void
tile_rows(const struct tile *t, int panels, size_t rows)
{
    if (rows == ROWS)
        tile(t, ROWS, panels);
    else
        tile(t, 1, panels);
}

#if PANELS == 3
#define TILES(t, panels, rows)               \
    ((panels) == 3   ? tile_rows(t, 3, rows) \
     : (panels) == 2 ? tile_rows(t, 2, rows) \
                     : tile_rows(t, 1, rows))
#else
#define TILES(t, panels, rows) \
    ((panels) == 2 ? tile_rows(t, 2, rows) : tile_rows(t, 1, rows))
#endif

/* Panels of the next tile where so many are left: not three and then one,
 * which would wait for its few sums. */
INLINE size_t
panels_of(size_t left)
{
    return left == PANELS + 1 ? 2 : left < PANELS ? left : PANELS;
}

/* All tiles of o, by do_tile(tile, panels, rows). */
INLINE void
all_tiles(const struct sov_outer *o,
          void (*do_tile)(const struct tile *t, size_t panels, size_t rows))
{
    struct tile t = { .row = o->a_row,
                      .step = o->a_step,
                      .b_stride = o->b_stride,
                      .n = o->n,
                      .y_stride = o->y_stride,
                      .add = o->add };
    size_t all = (o->n_b + SOV_OUTER - 1) / SOV_OUTER;
    size_t i, p, rows, panels;

    for (i = 0; i < o->n_a; i += rows) {
        rows = o->n_a - i < ROWS ? 1 : ROWS;
        for (p = 0; p < all; p += panels) {
            panels = panels_of(all - p);
            t.a = (const unit *)o->a + i * t.row;
            t.b = (const unit *)o->b + p * t.b_stride;
            t.y = o->y + i * t.y_stride + p * SOV_OUTER;
            t.last = mask_of(o->n_b - (p + panels - 1) * SOV_OUTER);
            do_tile(&t, panels, rows);
        }
    }
}

#endif
