/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blend.c - rows blended by weights, the specification
 */
#include "config.h"

#include "kern/generic/fma.h"
#include "kern/overlay.h"

#include <string.h>

static void
blend(const struct sov_blend *m)
{
    size_t i, j, t;

    for (i = 0; i < m->n_a; i++) {
        float *y = m->y + i * m->y_stride;

        if (!m->more)
            memset(y, 0, m->n * sizeof(*y));
        for (t = 0; t < m->n_t; t++) {
            float a = m->a[i * m->a_row + t * m->a_step];
            const float *b = m->b + t * m->b_stride;

            for (j = 0; j < m->n; j++)
                y[j] = sov_fma(a, b[j], y[j]);
        }
    }
}

void
sov_kern_generic_blend(struct sov_kern *k)
{
    k->blend = blend;
}
