/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mul_256.h - panels of super-blocks of 256 weights times columns, AVX-512
 *
 * Sums of 16 or 32 products times their scale are added as integers, so the
 * sum of a super-block is exact, as kern.h wants it.
 *
 * Types with minimums have weights without a sign, which vpdpbusd takes as
 * they are.  For the others it takes the activations as the unsigned side,
 * with 128 added: 128 times the sum of the scaled weights, which is the same
 * for all columns, is taken back at the start.
 */
#ifndef SOV_KERN_AVX512_MUL_256_H
#define SOV_KERN_AVX512_MUL_256_H

#define TILE 4
#include "kern/avx512/vec.h"

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
 * t[half][column]. */
INLINE void
group_sums(const struct sov_panel *p, enum form form, int first,
           const void *act, size_t stride, int n, __m512i t[2][TILE])
{
    int k, c, h;

    UNROLL
    for (h = 0; h < 2; h++)
        for (c = 0; c < TILE && c < n; c++)
            t[h][c] = _mm512_setzero_si512();
    UNROLL
    for (k = 0; k < group(form); k++) {
        __m512i w0 = _mm512_load_si512(p->q[first + k][0]);
        __m512i w1 = _mm512_load_si512(p->q[first + k][16]);

        VECTOR(w0);
        VECTOR(w1);
        UNROLL
        for (c = 0; c < TILE && c < n; c++) {
            const int8_t *q = column(act, stride, c)->q + 4 * (first + k);
            __m512i x = has_mins(form) ? broadcast(q) : lifted(q);

            if (has_mins(form)) {
                t[0][c] = _mm512_dpbusd_epi32(t[0][c], w0, x);
                t[1][c] = _mm512_dpbusd_epi32(t[1][c], w1, x);
            } else {
                t[0][c] = _mm512_dpbusd_epi32(t[0][c], x, w0);
                t[1][c] = _mm512_dpbusd_epi32(t[1][c], x, w1);
            }
        }
    }
}

INLINE __m512
less_mins(const struct sov_panel *p, enum form form, const struct sov_a256 *a,
          int half, __m512 v)
{
    const int16_t *sums = form == MINS32 ? a->sum32 : a->sum;
    int n = form == MINS32 ? 4 : 8;
    __m512i s = _mm512_setzero_si512();
    __m512 d = _mm512_mul_ps(_mm512_load_ps(&p->dmin[0][16 * half]),
                             _mm512_set1_ps(a->d));
    int i;

    UNROLL
    for (i = 0; i < n; i++)
        s = _mm512_dpwssd_epi32(s, _mm512_load_si512(p->m[i][16 * half]),
                                broadcast(sums + 2 * i));
    return _mm512_fnmadd_ps(d, _mm512_cvtepi32_ps(s), v);
}

/* Add the sum of a super-block where it belongs. */
INLINE void
put_sum(const struct sov_panel *p, enum form form, const struct sov_a256 *a,
        int half, __m512i sum, float *f)
{
    __m512 d = _mm512_mul_ps(_mm512_load_ps(&p->d[0][16 * half]),
                             _mm512_set1_ps(a->d));
    __m512 v = _mm512_fmadd_ps(d, _mm512_cvtepi32_ps(sum), _mm512_load_ps(f));

    if (has_mins(form))
        v = less_mins(p, form, a, half, v);
    _mm512_store_ps(f, v);
}

/* n columns, a number known to the compiler. */
INLINE void
step(const struct sov_panel *p, enum form form, const void *act, size_t stride,
     int n, float *f)
{
    __m512i s[2][TILE], t[2][TILE];
    int g = group(form);
    int b, c, h;

    UNROLL
    for (h = 0; h < 2; h++)
        for (c = 0; c < TILE && c < n; c++)
            s[h][c] = has_mins(form) ? _mm512_setzero_si512()
                                     : _mm512_load_si512(&p->start[16 * h]);
    for (b = 0; b < 64 / g; b++) {
        group_sums(p, form, b * g, act, stride, n, t);
        UNROLL
        for (h = 0; h < 2; h++) {
            __m512i sc = _mm512_load_si512(&p->sc[b][16 * h]);

            VECTOR(sc);
            UNROLL
            for (c = 0; c < TILE && c < n; c++)
                s[h][c] =
                    _mm512_add_epi32(s[h][c], _mm512_mullo_epi32(t[h][c], sc));
        }
    }
    UNROLL
    for (c = 0; c < TILE && c < n; c++)
        for (h = 0; h < 2; h++)
            put_sum(p, form, column(act, stride, c), h, s[h][c],
                    f + (2 * c + h) * 16);
}

/* ---- what unpackers leave for it */

INLINE void
put_scale(struct sov_panel *p, int at, int i, __m512i sc)
{
    _mm512_store_si512(&p->sc[i][at], sc);
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
    __m512i s = _mm512_setzero_si512();
    int b;

    for (b = 0; b < 64 / g; b++)
        s = _mm512_add_epi32(
            s, _mm512_mullo_epi32(lift_of(p, b * g, g, at),
                                  _mm512_load_si512(&p->sc[b][at])));
    _mm512_store_si512(&p->start[at], s);
}

#endif
