/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panel_32.c - panels of blocks of 32 weights, AVX-512 with VNNI
 *
 * Signed weights are kept with 128 added, so that activations are taken as they
 * are, and the sum of a block starts with what takes that back: -128 times the
 * sum of its activations.  (Where the halves of a block have scales of their
 * own that sum is not at hand: there it is the activations that meet them with
 * 128 added, as in panel_256.c.)
 *
 * Three columns at a time: so all that waits for its place in the tree stays in
 * registers.  A store is not free here: it takes a read port that vpdpbusd
 * wants for its sum (eight of them take 8 cycles, with two stores 10.7).
 */
#include "config.h"

#define TILE 3
#include "kern/avx512/vec.h"
#include "kern/lift.h"
#include "kern/overlay.h"

/* ---- multiply */

enum form {
    MINS,   /* unsigned weights, and minimums */
    SIGNED, /* weights 128 too large */
    HALVES, /* sc[2 b + i] is what the sums of the i-th half of block b, which
               has a scale of its own, start with */
};

INLINE const struct sov_a32 *
column(const void *act, size_t stride, int c)
{
    return (const void *)((const unsigned char *)act + (size_t)c * stride);
}

/* What the sum of the i-th part of a column starts with, in one half. */
INLINE __m512i
start_of(const struct sov_panel *p, enum form form, int i, int half,
         const struct sov_a32 *a)
{
    if (form == MINS)
        return _mm512_setzero_si512();
    if (form == HALVES)
        return _mm512_load_si512(&p->sc[i][16 * half]);
    return _mm512_set1_epi32(a->lift[i]);
}

/*
 * Sums of n columns and of the i-th part of all registers, g of them:
 * t[half][column].
 */
INLINE void
part_sums(const struct sov_panel *p, enum form form, int i, int g,
          const void *act, size_t stride, int n, __m512i t[2][TILE])
{
    int k, c, h;

    UNROLL
    for (h = 0; h < 2; h++)
        for (c = 0; c < TILE && c < n; c++)
            t[h][c] = start_of(p, form, i, h, column(act, stride, c));
    UNROLL
    for (k = 0; k < g; k++) {
        __m512i w0 = _mm512_load_si512(p->q[g * i + k][0]);
        __m512i w1 = _mm512_load_si512(p->q[g * i + k][16]);

        VECTOR(w0);
        VECTOR(w1);

        UNROLL
        for (c = 0; c < TILE && c < n; c++) {
            const int8_t *q = column(act, stride, c)->q + 4 * (g * i + k);
            __m512i x = form == HALVES ? lifted(q) : broadcast(q);

            if (form != HALVES) {
                t[0][c] = _mm512_dpbusd_epi32(t[0][c], w0, x);
                t[1][c] = _mm512_dpbusd_epi32(t[1][c], w1, x);
            } else {
                t[0][c] = _mm512_dpbusd_epi32(t[0][c], x, w0);
                t[1][c] = _mm512_dpbusd_epi32(t[1][c], x, w1);
            }
        }
    }
}

/* A sum times its scale, and that of the activations. */
INLINE __m512
scaled(const float *scale, const struct sov_a32 *a, int b, __m512i sum)
{
    __m512 d = _mm512_mul_ps(_mm512_load_ps(scale), _mm512_set1_ps(a->d[b]));

    return _mm512_mul_ps(d, _mm512_cvtepi32_ps(sum));
}

/* p of a block, see kern.h */
INLINE __m512
product(const struct sov_panel *p, enum form form, int b, int half,
        const struct sov_a32 *a, __m512i sum)
{
    __m512 v = scaled(&p->d[b][16 * half], a, b, sum);

    if (form == MINS)
        v = _mm512_add_ps(v,
                          _mm512_mul_ps(_mm512_load_ps(&p->dmin[b][16 * half]),
                                        _mm512_set1_ps(a->s[b])));
    return v;
}

/* The products of block b of n columns: v[half][column]. */
INLINE void
products(const struct sov_panel *p, enum form form, int b, const void *act,
         size_t stride, int n, __m512 v[2][TILE])
{
    __m512i t[2][TILE];
    int i = form == HALVES ? 2 * b : b;
    int g = form == HALVES ? 4 : 8;
    int c, h;

    part_sums(p, form, i, g, act, stride, n, t);
    UNROLL
    for (c = 0; c < TILE && c < n; c++) /* an eighth of what comes next */
        __builtin_prefetch((const char *)column(act, stride, n + c) +
                           (form == MINS ? 48 : 40) * b);
    UNROLL
    for (h = 0; h < 2; h++)
        for (c = 0; c < TILE && c < n; c++)
            v[h][c] = product(p, form, b, h, column(act, stride, c), t[h][c]);
    if (form == HALVES) {
        part_sums(p, form, i + 1, g, act, stride, n, t);
        UNROLL
        for (h = 0; h < 2; h++)
            for (c = 0; c < TILE && c < n; c++)
                v[h][c] = _mm512_add_ps(v[h][c], scaled(&p->dmin[b][16 * h],
                                                        column(act, stride, c),
                                                        b, t[h][c]));
    }
    UNROLL
    for (h = 0; h < 2; h++)
        for (c = 0; c < TILE && c < n; c++)
            VECTOR(v[h][c]);
}

/* v = a + b */
INLINE void
add(int n, __m512 a[2][TILE], __m512 b[2][TILE], __m512 v[2][TILE])
{
    int c, h;

    UNROLL
    for (h = 0; h < 2; h++)
        for (c = 0; c < TILE && c < n; c++)
            v[h][c] = _mm512_add_ps(a[h][c], b[h][c]);
}

/* n columns, a number known to the compiler. */
INLINE void
step(const struct sov_panel *p, enum form form, const void *act, size_t stride,
     int n, float *f)
{
    __m512 sum[2][TILE], u[2][TILE], v[2][TILE], w[2][TILE];
    int b, c, h;

    UNROLL
    for (h = 0; h < 2; h++)
        for (c = 0; c < TILE && c < n; c++)
            sum[h][c] = _mm512_setzero_ps();
    for (b = 0; b < 8; b += 4) {
        products(p, form, b, act, stride, n, u);
        products(p, form, b + 1, act, stride, n, v);
        add(n, u, v, u);
        products(p, form, b + 2, act, stride, n, v);
        products(p, form, b + 3, act, stride, n, w);
        add(n, v, w, v);
        add(n, u, v, u);
        add(n, sum, u, sum);
    }
    UNROLL
    for (c = 0; c < TILE && c < n; c++)
        for (h = 0; h < 2; h++) {
            float *at = f + (2 * c + h) * 16;

            _mm512_store_ps(at, _mm512_add_ps(_mm512_load_ps(at), sum[h][c]));
        }
}

TILES_OF(mins, step, MINS)
TILES_OF(with_sign, step, SIGNED)
TILES_OF(halves, step, HALVES)

/* ---- unpack */

/* Where the sums of parts of g registers start. */
INLINE void
finish_parts(struct sov_panel *p, int at, int g)
{
    int i;

    for (i = 0; i < 64 / g; i++)
        _mm512_store_si512(&p->sc[i][at], lift_of(p, g * i, g, at));
}

#define SIGN      0x80
#define OFFSET(x) ((x)-128)
#include "kern/unpack_32.h"
#include "kern/unpack_bits.h"

/*
 * Four blocks of 64, of which each 16 weights have a scale: eight bytes, the
 * low halves before the high ones.
 */
static void
unpack_nvfp4(const unsigned char *rows, size_t stride, struct sov_panel *p,
             int at)
{
    const vec codes = vec_table(sov_grid_fp4);
    vec v[4];
    int b, r, i, e;

    for (b = 0; b < 4; b++, rows += 36) {
        for (r = 0; r < LANES; r++) {
            const unsigned char *d = rows + (size_t)r * stride;

            for (i = 0; i < 2; i++) {
                p->d[2 * b + i][at + r] = sov_nvfp4_scale(d[2 * i]);
                p->dmin[2 * b + i][at + r] = sov_nvfp4_scale(d[2 * i + 1]);
            }
        }
        for (i = 0; i < 2; i++) {
            take(rows + 4 + 16 * i, stride, v);
            UNROLL
            for (e = 0; e < 4; e++) {
                int k = 16 * b + 8 * i + e / 2 * 4 + e % 2;

                put(p, at, k, vec_look(codes, bits(v[e], 0, 15)));
                put(p, at, k + 2, vec_look(codes, bits(v[e], 4, 15)));
            }
        }
    }
    finish_parts(p, at, 4);
}

/* ---- table */

/* name, mul, type, columns from which a panel wins over rows */
/* clang-format off */
#define EACH(DO)                       \
    DO(q4_0,    with_sign, Q4_0,    5) \
    DO(q4_1,    mins,      Q4_1,    5) \
    DO(q5_0,    with_sign, Q5_0,    5) \
    DO(q5_1,    mins,      Q5_1,    5) \
    DO(q8_0,    with_sign, Q8_0,    5) \
    DO(iq4_nl,  with_sign, IQ4_NL,  5) \
    DO(mxfp4,   with_sign, MXFP4,   5) \
    DO(nvfp4,   halves,    NVFP4,   5) \
    DO(q1_0,    with_sign, Q1_0,    3) \
    DO(q2_0,    with_sign, Q2_0,    2)
/* clang-format on */

#define TYPE(name, mul, SYM, from) \
    PANEL(name, mul, 256 / SOV_BLOCK_##SYM * SOV_BYTES_##SYM, sov_a32)
EACH(TYPE)

void
sov_kern_avx512_panel_32(struct sov_kern *k)
{
#define SLOT(name, mul, SYM, from)         \
    k->many[SOV_TYPE_##SYM] = many_##name; \
    k->many_from[SOV_TYPE_##SYM] = (from);
    EACH(SLOT)
}
