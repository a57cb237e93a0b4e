/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blend.c - rows blended by weights, AVX-512
 *
 * Up to eight rows and three vectors at a time: 24 sums stay in registers, and
 * for each t there are eleven loads.
 */
#include "config.h"

#include "kern/overlay.h"
#include "kern/unroll.h"

#include <immintrin.h>

#define ROWS 8
#define VECS 3

/* Rows from i, numbers from j; a_row is m->a_row, or 1 where that is known. */
INLINE void
tile(const struct sov_blend *m, size_t a_row, size_t i, size_t j, int rows,
     int vecs)
{
    const float *a = m->a + i * a_row;
    const float *b = m->b + j;
    float *y = m->y + i * m->y_stride + j;
    __m512 s[ROWS][VECS];
    size_t t;
    int r, c;

    UNROLL
    for (r = 0; r < rows; r++)
        UNROLL
        for (c = 0; c < vecs; c++)
            s[r][c] = m->more ? _mm512_loadu_ps(y + (size_t)r * m->y_stride +
                                                16 * c)
                              : _mm512_setzero_ps();
    for (t = 0; t < m->n_t; t++, a += m->a_step, b += m->b_stride) {
        __m512 v[VECS];

        UNROLL
        for (c = 0; c < vecs; c++)
            v[c] = _mm512_loadu_ps(b + 16 * c);
        UNROLL
        for (r = 0; r < rows; r++) {
            __m512 x = _mm512_set1_ps(a[(size_t)r * a_row]);

            UNROLL
            for (c = 0; c < vecs; c++)
                s[r][c] = _mm512_fmadd_ps(x, v[c], s[r][c]);
        }
    }
    UNROLL
    for (r = 0; r < rows; r++)
        UNROLL
        for (c = 0; c < vecs; c++)
            _mm512_storeu_ps(y + (size_t)r * m->y_stride + 16 * c, s[r][c]);
}

INLINE void
rows_of(const struct sov_blend *m, size_t a_row, size_t j, int vecs)
{
    size_t i = 0;

    for (; i + ROWS <= m->n_a; i += ROWS)
        tile(m, a_row, i, j, ROWS, vecs);
    for (; i + 4 <= m->n_a; i += 4)
        tile(m, a_row, i, j, 4, vecs);
    for (; i < m->n_a; i++)
        tile(m, a_row, i, j, 1, vecs);
}

/* Three vectors at a time, and no single one behind others. */
INLINE void
blend_by(const struct sov_blend *m, size_t a_row)
{
    size_t j = 0;

    for (; m->n - j >= 16 * VECS && m->n - j != 64; j += 16 * VECS)
        rows_of(m, a_row, j, VECS);
    for (; m->n - j >= 32; j += 32)
        rows_of(m, a_row, j, 2);
    if (j < m->n)
        rows_of(m, a_row, j, 1);
}

static void
blend(const struct sov_blend *m)
{
    if (m->a_row == 1)
        blend_by(m, 1);
    else
        blend_by(m, m->a_row);
}

void
sov_kern_avx512_blend(struct sov_kern *k)
{
    k->blend = blend;
}
