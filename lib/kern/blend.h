/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blend.h - rows blended by weights, the loop over tiles: a template
 *
 * Whoever includes it brings ROWS and tile(m, i, j, rows), which makes rows i
 * .. i + rows - 1, numbers j .. j + 15, for rows of ROWS and of 1.
 */
#ifndef SOV_KERN_BLEND_H
#define SOV_KERN_BLEND_H

static void
blend(const struct sov_blend *m)
{
    size_t i, j;

    for (j = 0; j < m->n; j += 16) {
        for (i = 0; i + ROWS <= m->n_a; i += ROWS)
            tile(m, i, j, ROWS);
        for (; i < m->n_a; i++)
            tile(m, i, j, 1);
    }
}

#endif
