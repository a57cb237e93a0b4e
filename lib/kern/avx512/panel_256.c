/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panel_256.c - panels of super-blocks of 256 weights, AVX-512 with VNNI
 *
 * Sums of 16 or 32 products times their scale are added as integers, so the
 * sum of a super-block is exact, as kern.h wants it.
 *
 * Types with minimums have weights without a sign, which vpdpbusd takes as
 * they are.  For the others it takes the activations as the unsigned side,
 * with 128 added: 128 times the sum of the scaled weights, which is the same
 * for all columns, is taken back at the start.
 */
#include "config.h"

#include "kern/avx512/take.h"
#include "kern/generic/blocks.h"
#include "kern/overlay.h"
#include "quant/grids.h"
#include "quant/layout.h"

#include <stdbool.h>

/* ---- multiply */

enum form {
    MINS32,   /* unsigned weights, scales and minimums of 32 */
    MINS16,   /* of 16 */
    SIGNED32, /* signed weights, scales of 32 */
    SIGNED16,
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
    return form == MINS32 || form == SIGNED32 ? 8 : 4;
}

INLINE const struct sov_a256 *
column(const void *act, size_t stride, int c)
{
    return (const void *)((const unsigned char *)act + (size_t)c * stride);
}

INLINE void
add_mins(const struct sov_panel *p, enum form form, const struct sov_a256 *a,
         __m512 da, int half, float *f)
{
    const int16_t *sums = form == MINS32 ? a->sum32 : a->sum;
    int n = form == MINS32 ? 4 : 8;
    __m512i s = _mm512_setzero_si512();
    __m512 d = _mm512_mul_ps(_mm512_load_ps(&p->dmin[0][16 * half]), da);
    int i;

    UNROLL
    for (i = 0; i < n; i++)
        s = _mm512_dpwssd_epi32(s, _mm512_load_si512(p->m[i][16 * half]),
                                broadcast(sums + 2 * i));
    _mm512_store_ps(
        f, _mm512_fnmadd_ps(d, _mm512_cvtepi32_ps(s), _mm512_load_ps(f)));
}

/*
 * n columns, a number known to the compiler.  q: their activations, as
 * unsigned or signed bytes, q_stride bytes apart.
 */
INLINE void
tile(const struct sov_panel *p, enum form form, const unsigned char *q,
     size_t q_stride, const void *act, size_t stride, int n, float *f)
{
    __m512i s[2][TILE], t[2][TILE];
    int g = group(form);
    int b, k, c, h;

    UNROLL
    for (c = 0; c < n; c++)
        for (h = 0; h < 2; h++)
            s[h][c] = has_mins(form) ? _mm512_setzero_si512()
                                     : _mm512_load_si512(&p->start[16 * h]);
    for (b = 0; b < 64 / g; b++) {
        UNROLL
        for (c = 0; c < n; c++)
            t[0][c] = t[1][c] = _mm512_setzero_si512();
        UNROLL
        for (k = 0; k < g; k++) {
            __m512i w0 = _mm512_load_si512(p->q[b * g + k][0]);
            __m512i w1 = _mm512_load_si512(p->q[b * g + k][16]);

            UNROLL
            for (c = 0; c < n; c++) {
                __m512i x = broadcast(q + (size_t)c * q_stride +
                                      4 * (size_t)(b * g + k));

                if (has_mins(form)) {
                    t[0][c] = _mm512_dpbusd_epi32(t[0][c], w0, x);
                    t[1][c] = _mm512_dpbusd_epi32(t[1][c], w1, x);
                } else {
                    t[0][c] = _mm512_dpbusd_epi32(t[0][c], x, w0);
                    t[1][c] = _mm512_dpbusd_epi32(t[1][c], x, w1);
                }
            }
        }
        UNROLL
        for (c = 0; c < n; c++)
            for (h = 0; h < 2; h++)
                s[h][c] = _mm512_add_epi32(
                    s[h][c],
                    _mm512_mullo_epi32(t[h][c],
                                       _mm512_load_si512(&p->sc[b][16 * h])));
    }
    UNROLL
    for (c = 0; c < n; c++) {
        const struct sov_a256 *a = column(act, stride, c);
        __m512 da = _mm512_set1_ps(a->d);

        for (h = 0; h < 2; h++) {
            float *at = f + (2 * c + h) * 16;
            __m512 d = _mm512_mul_ps(_mm512_load_ps(&p->d[0][16 * h]), da);

            _mm512_store_ps(at, _mm512_fmadd_ps(d, _mm512_cvtepi32_ps(s[h][c]),
                                                _mm512_load_ps(at)));
            if (has_mins(form))
                add_mins(p, form, a, da, h, at);
        }
    }
}

/* Activations with 128 added. */
INLINE void
lift(const void *act, size_t stride, int n, unsigned char u[TILE][256])
{
    const __m512i bias = _mm512_set1_epi8((char)-128);
    int c, k;

    UNROLL
    for (c = 0; c < n; c++)
        UNROLL
    for (k = 0; k < 256; k += 64) {
        const int8_t *q = column(act, stride, c)->q + k;

        _mm512_store_si512(u[c] + k,
                           _mm512_xor_si512(_mm512_loadu_si512(q), bias));
    }
}

INLINE void
step(const struct sov_panel *p, enum form form, const void *act, size_t stride,
     int n, float *f)
{
    unsigned char u[TILE][256] __attribute__((aligned(64)));

    if (has_mins(form)) {
        tile(p, form, (const unsigned char *)column(act, stride, 0)->q, stride,
             act, stride, n, f);
    } else {
        lift(act, stride, n, u);
        tile(p, form, u[0], 256, act, stride, n, f);
    }
}

TILES_OF(mins32, step, MINS32)
TILES_OF(mins16, step, MINS16)
TILES_OF(signed32, step, SIGNED32)
TILES_OF(signed16, step, SIGNED16)

/* ---- unpack */

INLINE void
put(struct sov_panel *p, int half, int k, __m512i q)
{
    _mm512_store_si512(p->q[k][16 * half], q);
}

INLINE void
put_scale(struct sov_panel *p, int half, int i, __m512i sc)
{
    _mm512_store_si512(&p->sc[i][16 * half], sc);
}

/* The bytes of v are minimums 4 i to 4 i + 3. */
INLINE void
put_mins(struct sov_panel *p, int half, int i, __m512i v)
{
    const __m512i low = _mm512_set1_epi32(0xff);
    const __m512i high = _mm512_set1_epi32(0xff0000);

    _mm512_store_si512(
        p->m[2 * i][16 * half],
        _mm512_or_si512(_mm512_and_si512(v, low),
                        _mm512_and_si512(_mm512_slli_epi32(v, 8), high)));
    _mm512_store_si512(
        p->m[2 * i + 1][16 * half],
        _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi32(v, 16), low),
                        _mm512_and_si512(_mm512_srli_epi32(v, 8), high)));
}

/* d in the lower halves, dmin in the upper ones. */
INLINE void
put_d(struct sov_panel *p, int half, __m512i v)
{
    _mm512_store_ps(&p->d[0][16 * half], half_floats(v));
    _mm512_store_ps(&p->dmin[0][16 * half],
                    half_floats(_mm512_srli_epi32(v, 16)));
}

/* Where signed sums start, once weights and scales are in their places. */
INLINE void
put_start(struct sov_panel *p, int half, int g)
{
    const __m512i ones = _mm512_set1_epi8(1);
    __m512i s = _mm512_setzero_si512();
    int b, k;

    for (b = 0; b < 64 / g; b++) {
        __m512i t = _mm512_setzero_si512();

        UNROLL
        for (k = 0; k < g; k++)
            t = _mm512_dpbusd_epi32(
                t, ones, _mm512_load_si512(p->q[b * g + k][16 * half]));
        s = _mm512_add_epi32(
            s, _mm512_mullo_epi32(t, _mm512_load_si512(&p->sc[b][16 * half])));
    }
    _mm512_store_si512(
        &p->start[16 * half],
        _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(s, 7)));
}

/* The head of q4_k and q5_k; the scales are drawn in quant/kscale.h. */
INLINE void
head_k4(const unsigned char *rows, size_t stride, struct sov_panel *p, int half)
{
    __m512i v[4], sc[2], m[2];
    int i;

    take(rows, stride, v);
    put_d(p, half, v[0]);
    sc[0] = bits(v[1], 0, 63);
    sc[1] = _mm512_or_si512(bits(v[3], 0, 15), bits(v[1], 2, 48));
    m[0] = bits(v[2], 0, 63);
    m[1] = _mm512_or_si512(bits(v[3], 4, 15), bits(v[2], 2, 48));
    UNROLL
    for (i = 0; i < 8; i++)
        put_scale(p, half, i, byte_of(sc[i / 4], i % 4));
    put_mins(p, half, 0, m[0]);
    put_mins(p, half, 1, m[1]);
}

static void
unpack_q4_k(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int half)
{
    __m512i v[4];
    int c, e;

    head_k4(rows, stride, p, half);
    for (c = 0; c < 8; c++) {
        int k = c / 2 * 16 + c % 2 * 4;

        sov_panel_ask(p, 5);
        take(rows + 16 + 16 * c, stride, v);
        UNROLL
        for (e = 0; e < 4; e++) {
            put(p, half, k + e, bits(v[e], 0, 15));
            put(p, half, k + 8 + e, bits(v[e], 4, 15));
        }
    }
}

static void
unpack_q5_k(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int half)
{
    __m512i v[4], high[4];
    int i, c, e;

    head_k4(rows, stride, p, half);
    for (i = 0; i < 2; i++) {
        take(rows + 16 + 16 * i, stride, high);
        UNROLL
        for (c = 0; c < 4; c++) {
            int k = 16 * c + 4 * i;

            sov_panel_ask(p, 6);
            take(rows + 48 + 32 * c + 16 * i, stride, v);
            UNROLL
            for (e = 0; e < 4; e++) {
                put(p, half, k + e,
                    _mm512_or_si512(bits(v[e], 0, 15),
                                    bits_at(high[e], 2 * c, 4, 16)));
                put(p, half, k + 8 + e,
                    _mm512_or_si512(bits(v[e], 4, 15),
                                    bits_at(high[e], 2 * c + 1, 4, 16)));
            }
        }
    }
}

static void
unpack_q6_k(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int half)
{
    const __m512i bias = _mm512_set1_epi8(32);
    __m512i v[4], w[4], high[4];
    int i, t, e;

    take(rows + 192, stride, v);
    UNROLL
    for (i = 0; i < 16; i++)
        put_scale(p, half, i, signed_byte_of(v[i / 4], i % 4));
    take(rows + 194, stride, v);
    _mm512_store_ps(&p->d[0][16 * half],
                    half_floats(_mm512_srli_epi32(v[3], 16)));
    for (i = 0; i < 4; i++) {
        int k = i / 2 * 32 + i % 2 * 4;
        const unsigned char *low = rows + i / 2 * 64 + i % 2 * 16;

        take(rows + 128 + 16 * i, stride, high);
        take(low, stride, v);
        take(low + 32, stride, w);
        sov_panel_ask(p, 14);
        UNROLL
        for (e = 0; e < 4; e++)
            UNROLL
        for (t = 0; t < 4; t++)
            put(p, half, k + 8 * t + e,
                _mm512_sub_epi8(_mm512_or_si512(bits(t % 2 == 0 ? v[e] : w[e],
                                                     t / 2 * 4, 15),
                                                bits_at(high[e], 2 * t, 4, 48)),
                                bias));
    }
    put_start(p, half, 4);
}

static void
unpack_iq4_xs(const unsigned char *rows, size_t stride, struct sov_panel *p,
              int half)
{
    const __m512i codes =
        _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)sov_grid_iq4nl));
    const __m512i bias = _mm512_set1_epi32(32);
    __m512i v[4];
    int i, e;

    take(rows, stride, v);
    _mm512_store_ps(&p->d[0][16 * half], half_floats(v[0]));
    UNROLL
    for (i = 0; i < 8; i++) {
        __m512i low = _mm512_srli_epi32(v[1], (unsigned)(4 * i));
        __m512i high = _mm512_srli_epi32(v[0], (unsigned)(16 + 2 * i));

        low = _mm512_and_si512(low, _mm512_set1_epi32(15));
        high = _mm512_and_si512(high, _mm512_set1_epi32(3));
        put_scale(p, half, i,
                  _mm512_sub_epi32(
                      _mm512_or_si512(low, _mm512_slli_epi32(high, 4)), bias));
    }
    for (i = 0; i < 8; i++) {
        sov_panel_ask(p, 5);
        take(rows + 8 + 16 * i, stride, v);
        UNROLL
        for (e = 0; e < 4; e++) {
            put(p, half, 8 * i + e,
                _mm512_shuffle_epi8(codes, bits(v[e], 0, 15)));
            put(p, half, 8 * i + 4 + e,
                _mm512_shuffle_epi8(codes, bits(v[e], 4, 15)));
        }
    }
    put_start(p, half, 8);
}

static void
unpack_q3_k(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int half)
{
    const __m512i low = _mm512_set1_epi32((int)0xffff0000);
    const __m512i bias = _mm512_set1_epi8(32);
    const __m512i four = _mm512_set1_epi8(4);
    __m512i v[4], high[4], s[3];
    int i, t, e;

    take(rows + 94, stride, v);
    _mm512_store_ps(&p->d[0][16 * half],
                    half_floats(_mm512_srli_epi32(v[3], 16)));
    for (i = 0; i < 3; i++)
        s[i] = _mm512_or_si512(
            _mm512_srli_epi32(v[i], 16),
            _mm512_and_si512(_mm512_slli_epi32(v[i + 1], 16), low));
    UNROLL
    for (i = 0; i < 4; i++) {
        __m512i sc = _mm512_or_si512(bits(s[i % 2], i / 2 * 4, 15),
                                     bits_at(s[2], 2 * i, 4, 48));

        sc = _mm512_sub_epi8(sc, bias);
        UNROLL
        for (e = 0; e < 4; e++)
            put_scale(p, half, 4 * i + e, signed_byte_of(sc, e));
    }
    for (i = 0; i < 4; i++) {
        sov_panel_ask(p, 7);
        take(rows + i % 2 * 16, stride, high);
        take(rows + 32 + 16 * i, stride, v);
        UNROLL
        for (t = 0; t < 4; t++)
            UNROLL
        for (e = 0; e < 4; e++) {
            __m512i q = bits(v[e], 2 * t, 3);
            __m512i h = i < 2 ? bits_at(high[e], t, 2, 4)
                              : bits_at(high[e], t + 4, 2, 4);

            q = _mm512_or_si512(q, h);
            put(p, half, i / 2 * 32 + 8 * t + i % 2 * 4 + e,
                _mm512_sub_epi8(q, four));
        }
    }
    put_start(p, half, 4);
}

/* Two bits a weight: 64 bytes, four times 32 in each half. */
INLINE void
quarters(const unsigned char *rows, size_t stride, struct sov_panel *p,
         int half, int bias)
{
    __m512i v[4];
    int i, t, e;

    for (i = 0; i < 4; i++) {
        sov_panel_ask(p, 6);
        take(rows + 16 * i, stride, v);
        UNROLL
        for (t = 0; t < 4; t++)
            UNROLL
        for (e = 0; e < 4; e++)
            put(p, half, i / 2 * 32 + 8 * t + i % 2 * 4 + e,
                _mm512_sub_epi8(bits(v[e], 2 * t, 3),
                                _mm512_set1_epi8((char)bias)));
    }
}

static void
unpack_q2_k(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int half)
{
    __m512i v[4];
    int i, e;

    take(rows, stride, v);
    UNROLL
    for (i = 0; i < 4; i++) {
        UNROLL
        for (e = 0; e < 4; e++)
            put_scale(p, half, 4 * i + e, byte_of(bits(v[i], 0, 15), e));
        put_mins(p, half, i, bits(v[i], 4, 15));
    }
    take(rows + 68, stride, v);
    put_d(p, half, v[3]);
    quarters(rows + 16, stride, p, half, 0);
}

static void
unpack_tq2_0(const unsigned char *rows, size_t stride, struct sov_panel *p,
             int half)
{
    __m512i v[4];
    int i;

    take(rows + 50, stride, v);
    _mm512_store_ps(&p->d[0][16 * half],
                    half_floats(_mm512_srli_epi32(v[3], 16)));
    for (i = 0; i < 8; i++)
        put_scale(p, half, i, _mm512_set1_epi32(1));
    quarters(rows, stride, p, half, 1);
    put_start(p, half, 8);
}

/* Types whose weights have no sign are read row by row. */
INLINE void
unpack_rows(const unsigned char *rows, size_t stride, struct sov_panel *p,
            int half, void (*read)(const void *, struct sov_w256 *), int g)
{
    struct sov_w256 w[16];
    __m512i v[4];
    int i, r, e;

    for (r = 0; r < 16; r++) {
        sov_panel_ask(p, 2);
        read(rows + (size_t)r * stride, &w[r]);
        p->d[0][16 * half + r] = w[r].d;
        for (i = 0; i < 64 / g; i++)
            p->sc[i][16 * half + r] = w[r].sc[i * g / 4];
    }
    for (i = 0; i < 16; i++) {
        take((const unsigned char *)w[0].q + 16 * i, sizeof(w[0]), v);
        UNROLL
        for (e = 0; e < 4; e++)
            put(p, half, 4 * i + e, v[e]);
    }
    put_start(p, half, g);
}

#define UNPACK_ROWS(name, g)                                            \
    static void unpack_##name(const unsigned char *rows, size_t stride, \
                              struct sov_panel *p, int half)            \
    {                                                                   \
        unpack_rows(rows, stride, p, half, sov_read_##name, g);         \
    }

UNPACK_ROWS(iq2_xxs, 8)
UNPACK_ROWS(iq2_xs, 4)
UNPACK_ROWS(iq2_s, 4)
UNPACK_ROWS(iq3_xxs, 8)
UNPACK_ROWS(iq3_s, 8)
UNPACK_ROWS(iq1_s, 8)
UNPACK_ROWS(iq1_m, 4)
UNPACK_ROWS(tq1_0, 8)

/* ---- table */

/* name, mul, type, columns from which a panel wins over rows */
/* clang-format off */
#define EACH(DO)                       \
    DO(q2_k,    mins16,    Q2_K,    2) \
    DO(q3_k,    signed16,  Q3_K,    2) \
    DO(q4_k,    mins32,    Q4_K,    2) \
    DO(q5_k,    mins32,    Q5_K,    2) \
    DO(q6_k,    signed16,  Q6_K,    5) \
    DO(iq4_xs,  signed32,  IQ4_XS,  2) \
    DO(iq3_xxs, signed32,  IQ3_XXS, 2) \
    DO(iq3_s,   signed32,  IQ3_S,   2) \
    DO(iq2_xxs, signed32,  IQ2_XXS, 2) \
    DO(iq2_xs,  signed16,  IQ2_XS,  2) \
    DO(iq2_s,   signed16,  IQ2_S,   2) \
    DO(iq1_s,   signed32,  IQ1_S,   2) \
    DO(iq1_m,   signed16,  IQ1_M,   2) \
    DO(tq1_0,   signed32,  TQ1_0,   2) \
    DO(tq2_0,   signed32,  TQ2_0,   2)
/* clang-format on */

#define TYPE(name, mul, SYM, from) PANEL(name, mul, SOV_BYTES_##SYM, sov_a256)
EACH(TYPE)

void
sov_kern_avx512_panel_256(struct sov_kern *k)
{
#define SLOT(name, mul, SYM, from)         \
    k->many[SOV_TYPE_##SYM] = many_##name; \
    k->many_from[SOV_TYPE_##SYM] = (from);
    EACH(SLOT)
}
