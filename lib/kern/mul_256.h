/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mul_256.h - panels of super-blocks of 256 weights times columns, with VNNI
 *
 * Sums of 16 or 32 products times their scale are added as integers, so the
 * sum of a super-block is exact, as kern.h wants it.
 *
 * Types with minimums have weights without a sign, which vpdpbusd takes as
 * they are.  For the others it takes the activations as the unsigned side,
 * with 128 added: 128 times the sum of the scaled weights, which is the same
 * for all columns, is taken back at the start.
 *
 * Whoever includes it brings vec.h, with TILE, the columns of a tile, and
 * PARTS, the registers that four weights of each row of a panel fill; and
 * group_sums().
 */
#ifndef SOV_KERN_MUL_256_H
#define SOV_KERN_MUL_256_H

#include "kern/lift.h"

#include <stdbool.h>

enum form {
    MINS32,   /* unsigned weights, scales and minimums of 32 */
    MINS16,   /* of 16 */
    SIGNED32, /* signed weights, scales of 32 */
    SIGNED16,
    SIGNED64, /* scales of 64 */
};

INLINE bool
has_mins(enum form form)
{
    return form == MINS32 || form == MINS16;
}

/* Registers of four weights that share a scale. */
INLINE int
group(enum form form)
{
    if (form == SIGNED64)
        return 16;
    return form == MINS32 || form == SIGNED32 ? 8 : 4;
}

INLINE const struct sov_a256 *
column(const void *act, size_t stride, int c)
{
    return (const void *)((const unsigned char *)act + (size_t)c * stride);
}

/* Sums of the registers that share a scale, from the first on, of n columns:
 * t[part][column]. */
INLINE void group_sums(const struct sov_panel *p, enum form form, int first,
                       const void *act, size_t stride, int n,
                       vec t[PARTS][TILE]);

INLINE vecf
less_mins(const struct sov_panel *p, enum form form, const struct sov_a256 *a,
          int part, vecf v)
{
    const int16_t *sums = form == MINS32 ? a->sum32 : a->sum;
    int n = form == MINS32 ? 4 : 8;
    vec s = vec_set32(0);
    vecf d = vecf_mul(vecf_load(&p->dmin[0][LANES * part]), vecf_set(a->d));
    int i;

    UNROLL
    for (i = 0; i < n; i++)
        s = vec_dot16(s, vec_load(p->m[i][LANES * part]),
                      broadcast(sums + 2 * i));
    return vecf_fnma(d, vecf_of(s), v);
}

/* Add the sum of a super-block where it belongs. */
INLINE void
put_sum(const struct sov_panel *p, enum form form, const struct sov_a256 *a,
        int part, vec sum, float *f)
{
    vecf d = vecf_mul(vecf_load(&p->d[0][LANES * part]), vecf_set(a->d));
    vecf v = vecf_fma(d, vecf_of(sum), vecf_load(f));

    if (has_mins(form))
        v = less_mins(p, form, a, part, v);
    vecf_store(f, v);
}

/* n columns, a number known to the compiler. */
INLINE void
step(const struct sov_panel *p, enum form form, const void *act, size_t stride,
     int n, float *f)
{
    vec s[PARTS][TILE], t[PARTS][TILE];
    int g = group(form);
    int b, c, h;

    UNROLL
    for (h = 0; h < PARTS; h++)
        for (c = 0; c < TILE && c < n; c++)
            s[h][c] =
                has_mins(form) ? vec_set32(0) : vec_load(&p->start[LANES * h]);
    for (b = 0; b < 64 / g; b++) {
        group_sums(p, form, b * g, act, stride, n, t);
        UNROLL
        for (h = 0; h < PARTS; h++) {
            vec sc = vec_load(&p->sc[b][LANES * h]);

            VECTOR(sc);
            UNROLL
            for (c = 0; c < TILE && c < n; c++)
                s[h][c] = vec_add32(s[h][c], vec_mul32(t[h][c], sc));
        }
    }
    UNROLL
    for (c = 0; c < TILE && c < n; c++)
        for (h = 0; h < PARTS; h++)
            put_sum(p, form, column(act, stride, c), h, s[h][c],
                    f + (PARTS * c + h) * LANES);
}

/* ---- what unpackers leave for it */

INLINE void
put_scale(struct sov_panel *p, int at, int i, vec sc)
{
    vec_store(&p->sc[i][at], sc);
}

INLINE void
put_one_scale(struct sov_panel *p, int row, int i, int sc)
{
    p->sc[i][row] = sc;
}

/* Where signed sums start, once weights and scales are in their places. */
INLINE void
finish_signed(struct sov_panel *p, int at, int g)
{
    vec s = vec_set32(0);
    int b;

    for (b = 0; b < 64 / g; b++)
        s = vec_add32(
            s, vec_mul32(lift_of(p, b * g, g, at), vec_load(&p->sc[b][at])));
    vec_store(&p->start[at], s);
}

#endif
