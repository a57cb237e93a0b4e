/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mul_256.h - panels of super-blocks of 256 weights times columns, AVX-512
 */
#ifndef SOV_KERN_AVX512_MUL_256_H
#define SOV_KERN_AVX512_MUL_256_H

#define TILE 4
#include "kern/avx512/vec.h"
#include "kern/mul_256.h"

/* Sums of the registers that share a scale, from the first on, of n columns:
 * t[half][column]. */
INLINE void
group_sums(const struct sov_panel *p, enum form form, int first,
           const void *act, size_t stride, int n, vec t[2][TILE])
{
    int k, c, h;

    UNROLL
    for (h = 0; h < 2; h++)
        for (c = 0; c < TILE && c < n; c++)
            t[h][c] = vec_set32(0);
    UNROLL
    for (k = 0; k < group(form); k++) {
        vec w0 = vec_load(p->q[first + k][0]);
        vec w1 = vec_load(p->q[first + k][16]);

        VECTOR(w0);
        VECTOR(w1);
        UNROLL
        for (c = 0; c < TILE && c < n; c++) {
            const int8_t *q = column(act, stride, c)->q + 4 * (first + k);
            vec x = has_mins(form) ? broadcast(q) : lifted(q);

            if (has_mins(form)) {
                t[0][c] = vec_dot(t[0][c], w0, x);
                t[1][c] = vec_dot(t[1][c], w1, x);
            } else {
                t[0][c] = vec_dot(t[0][c], x, w0);
                t[1][c] = vec_dot(t[1][c], x, w1);
            }
        }
    }
}

#endif
