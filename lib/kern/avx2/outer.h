/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outer.h - tiles of sums of outer products, AVX2
 *
 * Four rows of one panel at a time: eight sums are enough to keep the adders
 * busy.  Whoever includes it defines unit (a number of a and b), and
 *
 *     vecx one(const unit *a)        a unit in all lanes
 *     vecx some(const unit *b)       those of 8 columns
 *     __m256 fma_unit(vecx x, vecx v, __m256 s)
 */
#ifndef SOV_KERN_AVX2_OUTER_H
#define SOV_KERN_AVX2_OUTER_H

#define ROWS 4

/* Where a tile lies. */
struct tile {
    const unit *a;
    size_t row, step;
    const unit *b;
    size_t n;
    float *y;
    size_t y_stride;
    size_t cols;
    bool add;
};

/* Add to what is there, if that is wanted, and put. */
INLINE void
put_row(float *y, __m256 s0, __m256 s1, size_t cols, bool add)
{
    __m256i m[2];

    if (cols == 16) {
        if (add) {
            s0 = _mm256_add_ps(_mm256_loadu_ps(y), s0);
            s1 = _mm256_add_ps(_mm256_loadu_ps(y + 8), s1);
        }
        _mm256_storeu_ps(y, s0);
        _mm256_storeu_ps(y + 8, s1);
        return;
    }
    masks_of(cols, m);
    if (add)
        s0 = _mm256_add_ps(_mm256_maskload_ps(y, m[0]), s0);
    _mm256_maskstore_ps(y, m[0], s0);
    if (cols <= 8)
        return;
    if (add)
        s1 = _mm256_add_ps(_mm256_maskload_ps(y + 8, m[1]), s1);
    _mm256_maskstore_ps(y + 8, m[1], s1);
}

INLINE void
tile(const struct tile *t, int rows)
{
    __m256 s[ROWS][2];
    const unit *a = t->a;
    const unit *b = t->b;
    size_t k;
    int i, h;

    for (i = 0; i < rows; i++)
        for (h = 0; h < 2; h++)
            s[i][h] = _mm256_setzero_ps();
    for (k = 0; k < t->n; k++, a += t->step, b += SOV_OUTER) {
        vecx v0 = some(b);
        vecx v1 = some(b + 8);

        for (i = 0; i < rows; i++) {
            vecx x = one(a + (size_t)i * t->row);

            s[i][0] = fma_unit(x, v0, s[i][0]);
            s[i][1] = fma_unit(x, v1, s[i][1]);
        }
    }
    for (i = 0; i < rows; i++)
        put_row(t->y + (size_t)i * t->y_stride, s[i][0], s[i][1], t->cols,
                t->add);
}

INLINE void
tile_rows(const struct tile *t, size_t rows)
{
    if (rows == ROWS)
        tile(t, ROWS);
    else
        tile(t, 1);
}

/* All tiles of o, by do_tile(tile, rows). */
INLINE void
all_tiles(const struct sov_outer *o,
          void (*do_tile)(const struct tile *t, size_t rows))
{
    struct tile t = { .row = o->a_row,
                      .step = o->a_step,
                      .n = o->n,
                      .y_stride = o->y_stride,
                      .add = o->add };
    size_t i, j, rows;

    for (j = 0; j < o->n_b; j += SOV_OUTER)
        for (i = 0; i < o->n_a; i += rows) {
            rows = o->n_a - i < ROWS ? 1 : ROWS;
            t.cols = o->n_b - j < SOV_OUTER ? o->n_b - j : SOV_OUTER;
            t.a = (const unit *)o->a + i * t.row;
            t.b = (const unit *)o->b + j / SOV_OUTER * o->b_stride;
            t.y = o->y + i * t.y_stride + j;
            do_tile(&t, rows);
        }
}

#endif
