/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blend.c - rows blended by weights, NEON
 *
 * Four rows and sixteen numbers at a time: 16 sums, and a load of four vectors
 * serves them all.
 */
#include "config.h"

#include "kern/overlay.h"
#include "kern/unroll.h"

#include <arm_neon.h>

#define ROWS 4

INLINE void
tile(const struct sov_blend *m, size_t i, size_t j, int rows)
{
    const float *a = m->a + i * m->a_row;
    const float *b = m->b + j;
    float *y = m->y + i * m->y_stride + j;
    float32x4_t s[ROWS][4];
    size_t t;
    int r, h;

    UNROLL
    for (r = 0; r < rows; r++)
        UNROLL
    for (h = 0; h < 4; h++)
        s[r][h] = m->more ? vld1q_f32(y + (size_t)r * m->y_stride + 4 * h)
                          : vdupq_n_f32(0);
    for (t = 0; t < m->n_t; t++, a += m->a_step, b += m->b_stride) {
        float32x4_t v[4];

        UNROLL
        for (h = 0; h < 4; h++)
            v[h] = vld1q_f32(b + 4 * h);
        UNROLL
        for (r = 0; r < rows; r++)
            UNROLL
        for (h = 0; h < 4; h++)
            s[r][h] = vfmaq_n_f32(s[r][h], v[h], a[(size_t)r * m->a_row]);
    }
    UNROLL
    for (r = 0; r < rows; r++)
        UNROLL
    for (h = 0; h < 4; h++)
        vst1q_f32(y + (size_t)r * m->y_stride + 4 * h, s[r][h]);
}

#include "kern/blend.h"

void
sov_kern_neon_blend(struct sov_kern *k)
{
    k->blend = blend;
}
